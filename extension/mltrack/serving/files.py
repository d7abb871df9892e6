"""Bodies that are files: CSV and Parquet."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mltrack.serving.bodies import MediaTypeError, short
from mltrack.serving.casts import ColumnError, cast
from mltrack.serving.strict_json import BodyError

if TYPE_CHECKING:
    from mltrack.serving.tables import Columns

MOST_CELLS, MOST_BYTES = 20_000_000, 256 * 1024 * 1024
"""A Parquet file of a few bytes may stand for any number of values; more than this are not read, nor bytes of them."""
MOST_COLUMNS = 32_768
"""Of more columns CSV is not read: it takes seconds."""

_RECORD = re.compile(rb'\s*+((?:[^"\r\n]++|"[^"]*+"?)*+)')
_QUOTED = re.compile(rb'"[^"]*"?')
_DTYPES = {
    "boolean": np.dtype(bool),
    **dict.fromkeys(("integer", "long"), np.dtype(np.int64)),  # before pandas 3 a smaller type wraps what is too large
    "float": np.dtype(np.float32),
    "double": np.dtype(np.float64),
    **dict.fromkeys(("string", "binary", "datetime"), str),
}
_WANTED = {
    "boolean": "True or False",
    **dict.fromkeys(("integer", "long"), "whole numbers"),
    **dict.fromkeys(("float", "double"), "numbers"),
}
_WHOLE_BITS = {"integer": 31, "long": 63}


def read_csv(body: bytes, columns: Columns | None) -> pd.DataFrame:
    """Read CSV, whose first line names the columns; their types are those of ``columns`` where they are known.

    Raises
    ------
    BodyError
        It is not UTF-8 or not CSV, or a value is not of its column's type; the message names the column.
    """
    kinds = dict(zip(columns.names, columns.kinds, strict=True)) if columns is not None and columns.named else {}
    _check_widths(body)
    dtypes: dict[Any, Any] = {name: _DTYPES[kind] for name, kind in kinds.items() if kind in _DTYPES}
    try:
        frame = _parsed(body, dtypes)
    except (ValueError, OverflowError) as error:
        found = _texts(body, error)
        for name in kinds.keys() & {*found.columns}:
            _check(name, found[name], kinds[name])
        raise BodyError(f"The body is not CSV: {_reason(error)}") from None
    for name in kinds.keys() & {*frame.columns}:
        if kinds[name] in ("datetime", "binary"):
            texts = zip(frame[name], frame[name].isna(), strict=True)
            frame[name] = cast(name, [None if absent else text for text, absent in texts], kinds[name])
        elif kinds[name] == "integer":
            frame[name] = _narrow(name, frame[name])
    return frame


def _narrow(name: Any, values: Any) -> Any:
    if not values.between(-(2**31), 2**31 - 1).all():
        _check(name, values.astype(str), "integer")
    return values.astype(np.int32)


def _check_widths(body: bytes) -> None:
    """Refuse rows of more values than there are names, before pandas makes an index of each column too many."""
    header = _RECORD.match(body)
    columns = _commas(header) + 1
    if columns > MOST_COLUMNS:
        raise BodyError(f"The body is CSV of {columns} columns; it may have {MOST_COLUMNS}.")
    if header and _commas(_RECORD.match(body, header.end())) >= columns:
        raise BodyError("The body is not CSV: its rows have more values than its first line has names.")


def _commas(record: re.Match[bytes] | None) -> int:
    return _QUOTED.sub(b"", record[1]).count(b",") if record else 0


def _parsed(body: bytes, dtypes: Any) -> pd.DataFrame:
    with np.errstate(invalid="ignore"):  # of numbers that are too large; they are refused
        frame = pd.read_csv(io.BytesIO(body), dtype=dtypes)
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes what is too many as row labels
        raise BodyError("The body is not CSV: its rows have more values than its first line has names.")
    return frame


def _texts(body: bytes, error: Exception) -> pd.DataFrame:
    """Read all as text, after something in it was not of its column's type."""
    try:
        return _parsed(body, str)
    except UnicodeDecodeError as found:
        raise BodyError(f"The body is not UTF-8: {found.reason} at byte {found.start}.") from None
    except ValueError:
        raise BodyError(f"The body is not CSV: {_reason(error)}") from None


def _check(name: Any, texts: Any, kind: str) -> None:
    """Refuse the first text that is not of the kind."""
    if kind == "boolean":
        bad = ~texts.str.lower().isin(["true", "false"])
    elif kind in _WHOLE_BITS:
        numbers = pd.to_numeric(texts, errors="coerce")
        bad = numbers.isna() | (numbers % 1 != 0) | (numbers.abs() >= 2.0 ** _WHOLE_BITS[kind])
    elif kind in ("float", "double"):
        bad = pd.to_numeric(texts, errors="coerce").isna() & texts.notna()
    else:
        return
    if bad.any():
        row = int(bad.to_numpy(bool).argmax())
        value = texts.iloc[row]
        found = short(value) if isinstance(value, str) else "nothing"
        raise ColumnError(f"The column {short(name)} takes {_WANTED[kind]} ({kind}); row {row} has {found}.")


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]


def read_parquet(body: bytes) -> pd.DataFrame:
    """Read a Parquet file of at most ``MOST_CELLS`` values and ``MOST_BYTES`` bytes.

    Raises
    ------
    BodyError
        It is not Parquet, or holds more. ``MediaTypeError`` where pyarrow is not installed.
    """
    try:
        from pyarrow import ArrowException, parquet  # heavy, perhaps not there, and only bodies of this sort need it
    except ModuleNotFoundError:
        raise MediaTypeError("This server cannot read Parquet: pyarrow is not installed where it runs.") from None
    try:
        file = parquet.ParquetFile(io.BytesIO(body))
        _check_size(file)
        texts = [each.path for each in file.schema if each.physical_type == "BYTE_ARRAY"]
        if texts and _bytes_of(parquet.ParquetFile(io.BytesIO(body), read_dictionary=texts).read()) > MOST_BYTES:
            raise BodyError(f"The texts of the body have more than {MOST_BYTES:,} bytes together.")
        frame: pd.DataFrame = file.read().to_pandas()
    except (ArrowException, ValueError, TypeError, OSError, NotImplementedError) as error:
        raise BodyError(f"The body is not Parquet that can be read: {type(error).__name__}.") from None
    return frame


def _check_size(file: Any) -> None:
    """Refuse what would be too much in memory, by what the file says of itself."""
    meta = file.metadata
    groups = [meta.row_group(number) for number in range(meta.num_row_groups)]
    chunks = [(number, group.column(number)) for group in groups for number in range(meta.num_columns)]
    cells = max(meta.num_rows, sum(chunk.num_values for _, chunk in chunks))
    if cells > MOST_CELLS:
        raise BodyError(f"The body has {cells} values; a Parquet body may have {MOST_CELLS}.")
    fixed = [max(file.schema.column(number).length or 0, 0) for number in range(meta.num_columns)]
    size = sum(max(chunk.total_uncompressed_size, chunk.num_values * fixed[number]) for number, chunk in chunks)
    if size > MOST_BYTES:
        raise BodyError(f"The body has {size:,} bytes when it is unpacked; a Parquet body may have {MOST_BYTES:,}.")


def _bytes_of(table: Any) -> int:
    """Give the bytes of a table's texts, each of which was read once however often it stands there."""
    return sum(_bytes_of_array(chunk) for column in table.columns for chunk in column.chunks)


def _bytes_of_array(array: Any) -> int:
    import pyarrow as pa  # as in read_parquet
    from pyarrow import compute

    if pa.types.is_dictionary(array.type):
        lengths = compute.binary_length(array.dictionary).to_numpy().astype(np.int64)
        codes = array.indices.drop_null().to_numpy()
        return int(np.bincount(codes, minlength=len(lengths)) @ lengths) if len(lengths) else 0
    if pa.types.is_nested(array.type):
        return sum(map(_bytes_of_array, array.flatten() if pa.types.is_struct(array.type) else [array.values]))
    return 0
