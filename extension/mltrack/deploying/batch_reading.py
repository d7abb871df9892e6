"""Files of rows, read as bodies that a model server would take: a block of whole rows at a time.

CSV and JSON lines are cut where a row ends, and each block goes through the reader of ``/invocations``, so that types
are those of the signature and refusals name the column. Parquet is read by its own batches.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, BinaryIO

from mltrack.exceptions import InvalidParameterError, MissingLibraryError
from mltrack.serving.bodies import CSV, JSON
from mltrack.serving.messages import Request
from mltrack.serving.strict_json import BodyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

BLOCK = 4 << 20
"""Bytes of a text file that are read and predicted from at a time."""
LONGEST_ROW = 16 << 20
PARQUET_ROWS = 50_000
_BOM = b"\xef\xbb\xbf"
_QUOTE, _NEWLINE = b'"', b"\n"


class Block(ABC):
    """Some rows of a file; ``position`` is how many bytes of the file have been read with them."""

    position = 0

    @abstractmethod
    def request(self, begin: int = 0, end: int | None = None) -> Request | pd.DataFrame:
        """Give these rows, or some of them, as a body or as a frame."""

    @abstractmethod
    def count(self) -> int:
        """Count the rows; slow for text, whose rows are told apart only for it."""


class TextBlock(Block):
    """Rows of CSV or JSON lines."""

    def __init__(self, text: bytes, *, header: bytes | None = None) -> None:
        self._text = text
        self._header = header
        self._rows: list[bytes] | None = None

    def request(self, begin: int = 0, end: int | None = None) -> Request:
        """Give the rows as a body."""
        if begin == 0 and end is None:
            text, rows = self._text, None
        else:
            rows = self._split()[begin:end]
            text = b"\n".join(rows)
        if self._header is not None:
            return Request(CSV, self._header + text)
        rows = rows or [line for line in text.split(_NEWLINE) if line.strip()]
        return Request(JSON, b'{"dataframe_records": [%b]}' % b",".join(rows))

    def count(self) -> int:
        """Count the rows."""
        return len(self._split())

    def _split(self) -> list[bytes]:
        if self._rows is None:
            self._rows = [row for row in split_rows(self._text, quoted=self._header is not None) if row.strip()]
        return self._rows


class FrameBlock(Block):
    """Rows of Parquet."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def request(self, begin: int = 0, end: int | None = None) -> pd.DataFrame:
        """Give the rows as a frame whose index begins at 0."""
        part = self._frame.iloc[begin:end]
        return part.reset_index(drop=True) if begin else part

    def count(self) -> int:
        """Count the rows."""
        return len(self._frame)


class BodyBlock(Block):
    """A file that is one body of ``/invocations``."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.position = len(body)

    def request(self, begin: int = 0, end: int | None = None) -> Request:
        """Give the body; its rows are not told apart."""
        del begin, end
        return Request(JSON, self._body)

    def count(self) -> int:
        """Give 1: it can only be taken as a whole."""
        return 1


def read_blocks(source: BinaryIO, kind: str, *, size: int | None = BLOCK) -> Iterator[Block]:
    """Read a file of the kind ``csv``, ``json``, ``jsonl`` or ``parquet``, a block at a time; ``size`` None: in one.

    Raises
    ------
    InvalidParameterError
        When it is no file of that kind.
    """
    if kind == "parquet":
        yield from _read_parquet(source, PARQUET_ROWS if size else None)
    elif kind == "json":
        yield BodyBlock(source.read())
    else:
        yield from _read_text(source, size or -1, quoted=kind == "csv")


def _read_text(source: BinaryIO, size: int, *, quoted: bool) -> Iterator[Block]:
    header = _read_header(source) if quoted else None
    rest = b""
    while True:
        more = source.read(size)
        whole, rest = cut_rows(rest + more, quoted=quoted) if more and size > 0 else (rest + more, b"")
        if len(rest) > LONGEST_ROW:
            raise BodyError(f"A row is over {LONGEST_ROW} bytes long; a quotation mark may be left open.")
        if whole.strip():
            block = TextBlock(whole, header=header)
            block.position = source.tell() - len(rest)
            yield block
        if not more or size < 0:
            return


def _read_header(source: BinaryIO) -> bytes:
    """Read the first row, which names the columns."""
    header = source.readline(BLOCK).removeprefix(_BOM)
    while header.count(_QUOTE) % 2 and (more := source.readline(BLOCK)):  # a name with a line break in it
        header += more
        if len(header) > BLOCK:
            raise BodyError(f"The first row of the file, which names the columns, is over {BLOCK} bytes long.")
    return header if header.endswith(_NEWLINE) else header + _NEWLINE


def cut_rows(text: bytes, *, quoted: bool) -> tuple[bytes, bytes]:
    r"""Cut text after its last whole row; in CSV a line break between quotation marks ends none.

    >>> cut_rows(b'1,"a\n', quoted=True), cut_rows(b'1,"a"\n2,"b\n', quoted=True)
    ((b'', b'1,"a\n'), (b'1,"a"\n', b'2,"b\n'))
    """
    odd = text.count(_QUOTE) % 2 if quoted else 0
    end = len(text)
    while (place := text.rfind(_NEWLINE, 0, end)) >= 0:
        odd ^= text.count(_QUOTE, place, end) % 2 if quoted else 0
        if not odd:
            return text[: place + 1], text[place + 1 :]
        end = place
    return b"", text


def split_rows(text: bytes, *, quoted: bool) -> Sequence[bytes]:
    """Split text into its rows, without the line breaks that end them."""
    rows, row = [], b""
    for line in text.split(_NEWLINE):
        row = row + _NEWLINE + line if row else line
        if not quoted or row.count(_QUOTE) % 2 == 0:
            rows.append(row)
            row = b""
    return [*rows, row] if row else rows


def _read_parquet(source: BinaryIO, rows: int | None) -> Iterator[Block]:
    try:
        from pyarrow import ArrowException, parquet  # heavy, and only files of this sort need it
    except ModuleNotFoundError:
        raise MissingLibraryError("Reading Parquet needs pyarrow: `pip install pyarrow`.") from None
    try:
        file = parquet.ParquetFile(source)
        for batch in file.iter_batches(batch_size=rows or max(file.metadata.num_rows, 1)):
            block = FrameBlock(batch.to_pandas())
            block.position = source.tell()
            yield block
    except (ArrowException, OSError) as error:
        raise InvalidParameterError(f"The file is not Parquet that can be read: {str(error)[:200]}.") from error
