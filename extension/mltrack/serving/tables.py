"""Rows as a body has them, as the columns of a model's signature."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from mltrack.serving.bodies import SPLIT_KEYS, json_kind, short
from mltrack.serving.casts import TEXT, cast, real_rows
from mltrack.serving.strict_json import BodyError, first_twice
from mltrack.types.datatype import DataType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Sized

    from mltrack.types.schema import Schema

NESTED = "nested"
"""The kind of columns of lists, objects and maps, which are taken as they are."""
_SPARSE_CELLS, _SPARSE_SHARE = 10_000_000, 4  # so many are no trouble; of more, one in four must have a value
_REAL_TYPES: dict[str, np.dtype[Any]] = {"double": np.dtype(np.float64), "float": np.dtype(np.float32)}


class MissingColumnError(BodyError):
    """A column that the model needs is not in the body."""

    code = "INVALID_PARAMETER_VALUE"


class Split(NamedTuple):
    """A ``dataframe_split``; ``labels`` are those of its rows, or None if its index only counts them."""

    columns: list[Any] | None
    rows: list[list[Any]]
    labels: list[Any] | None


class Table(NamedTuple):
    """Columns of a signature, in its order: a matrix when all are of one type of real numbers, else an array each."""

    names: tuple[Any, ...]
    values: Any
    rows: int
    labels: list[Any] | None = None


def read_split(given: Any) -> Split:
    """Check what a body has as ``dataframe_split``; its rows are not yet looked into, see ``check_widths``."""
    if type(given) is not dict:
        raise BodyError(f"'dataframe_split' must be an object of columns and data; it is {json_kind(given)}.")
    if unknown := given.keys() - SPLIT_KEYS:
        raise BodyError(f"'dataframe_split' has columns, data and index; it must not have {short(min(unknown))}.")
    rows, columns, index = given.get("data"), given.get("columns"), given.get("index")
    if type(rows) is not list:
        raise BodyError(f"'data' of 'dataframe_split' must be a list of rows; it is {json_kind(rows)}.")
    if columns is not None and (type(columns) is not list or {*map(type, columns)} & {dict, list}):
        raise BodyError("'columns' of 'dataframe_split' must be a list of names.")
    if index is not None and (type(index) is not list or len(index) != len(rows)):
        raise BodyError(f"'index' of 'dataframe_split' must be a list of {len(rows)} values, one for each row.")
    _check_rows(rows)
    return Split(columns, rows, None if index is None or index == [*range(len(rows))] else index)


def check_widths(split: Split) -> int:
    """Give how many values each row has; refuse rows of other lengths, and names that occur twice."""
    width = len(split.columns) if split.columns is not None else _width(split.rows[0])
    if set(map(type, split.rows)) != {list} or set(map(len, split.rows)) != {width}:
        number, row = next((n, row) for n, row in enumerate(split.rows) if type(row) is not list or len(row) != width)
        found = f"{len(row)} values" if type(row) is list else json_kind(row)
        raise BodyError(
            f"Row {number} of 'data' must be a list of {width} values, one for each column; it has {found}."
        )
    if split.columns is not None and len(set(split.columns)) != width:
        twice = first_twice(split.columns)
        raise BodyError(f"'columns' of 'dataframe_split' names the column {short(twice)} twice.")
    return width


def _width(row: Any) -> int:
    return len(row) if type(row) is list else 1


def check_records(given: Any, field: str) -> list[dict[str, Any]]:
    """Check what a body has as a list of records."""
    if type(given) is not list:
        raise BodyError(f"{field!r} must be a list of records; it is {json_kind(given)}.")
    _check_rows(given)
    if set(map(type, given)) != {dict}:
        number, row = next((n, row) for n, row in enumerate(given) if type(row) is not dict)
        raise BodyError(f"Row {number} of {field!r} must be an object of columns and values; it is {json_kind(row)}.")
    return given


def check_fields(records: list[dict[str, Any]], field: str) -> dict[str, None]:
    """Give the names that records have together; refuse records so unlike that a frame of them is almost empty."""
    names = dict.fromkeys(chain.from_iterable(records))
    _check_spread(names, len(records), sum(map(len, records)), field)
    return names


def _check_spread(names: Sized, rows: int, values: int, field: str) -> None:
    cells = len(names) * rows
    if cells > _SPARSE_CELLS and cells > _SPARSE_SHARE * values:
        raise BodyError(f"{field!r} has {values} values for {len(names)} columns of {rows} rows; send one for each.")


def _check_rows(rows: list[Any]) -> None:
    if not rows:
        raise BodyError("The body has no rows; send at least one.")


class Columns:
    """The columns of a signature, and how what bodies have becomes a frame of them.

    Parameters
    ----------
    schema
        The model's inputs: columns, not arrays.
    """

    def __init__(self, schema: Schema) -> None:
        self.named = schema.has_input_names()
        self.names = tuple(schema.input_names())
        self.kinds = [each.type.name if isinstance(each.type, DataType) else NESTED for each in schema.inputs]
        self._kind_of = dict(zip(self.names, self.kinds, strict=True))
        self._required = schema.required_input_names()
        self._list, self._labels = [*self.names], pd.Index([*self.names])
        self._real: np.dtype[Any] | None = _REAL_TYPES.get(self.kinds[0]) if len({*self.kinds}) == 1 else None

    def from_split(self, given: Any) -> Table:
        """Make a table of a ``dataframe_split``; BodyError names the column that is missing or does not fit."""
        split = read_split(given)
        if self._real is not None and split.columns == self._list:
            matrix = real_rows(split.rows, len(self._list), self._real)
            if matrix is not None:
                return Table(self.names, matrix, len(split.rows), split.labels)
        check_widths(split)
        labels = split.columns if self.named and split.columns is not None else range(len(split.rows[0]))
        found = dict(zip(labels, zip(*split.rows, strict=True), strict=True))
        return self._table(found, len(split.rows))._replace(labels=split.labels)

    def from_records(self, given: Any, field: str = "dataframe_records") -> Table:
        """Make a table of a list of records; where one lacks a column, it has null there."""
        records = check_records(given, field)
        if self._real is not None:
            try:
                rows = [[record[name] for name in self._list] for record in records]
            except KeyError:
                rows = []
            matrix = real_rows(rows, len(self._list), self._real) if rows else None
            if matrix is not None:
                return Table(self.names, matrix, len(rows))
        given_names = dict.fromkeys(chain.from_iterable(records))
        sources = zip(self.names, self.names if self.named else given_names, strict=False)
        wanted = {label: name for label, name in sources if name in given_names}
        _check_spread(wanted, len(records), sum(map(len, records)), field)
        found = {label: [record.get(name) for record in records] for label, name in wanted.items()}
        return self._table(found, len(records), given=given_names)

    def from_values(self, given: Any, field: str) -> Table:
        """Make a table of ``instances`` or ``inputs``: records, columns by name, or the values of an only column."""
        if type(given) is dict:
            return self._from_columns(given, field)
        if type(given) is not list:
            if self.named or len(self.names) > 1:
                raise BodyError(
                    f"{field!r} must be a list of records or an object of columns; it is {json_kind(given)}."
                )
            given = [given]
        _check_rows(given)
        if dict in {*map(type, given)} and self.named:
            return self.from_records(given, field)
        if len(self.names) == 1 and (self.kinds[0] == NESTED or not self._is_rows(given)):
            return self._table({self.names[0]: given}, len(given))
        if self.named:
            raise BodyError(f"{field!r} must be a list of records: the model's {len(self.names)} columns have names.")
        return self.from_split({"data": given})

    def _is_rows(self, given: list[Any]) -> bool:
        return not self.named and set(map(type, given)) == {list}

    def _from_columns(self, given: dict[str, Any], field: str) -> Table:
        if not self.named:
            raise BodyError(f"{field!r} must be a list: the model's columns have no names.")
        lists = {name: value for name, value in given.items() if type(value) is list}
        if not lists or NESTED in self.kinds:
            return self.from_records([given], field)
        rows = len(next(iter(lists.values())))
        for name, value in lists.items():
            if len(value) != rows:
                raise BodyError(f"The column {short(name)} has {len(value)} values, another has {rows}.")
        _check_rows(next(iter(lists.values())))
        wanted = [name for name in self.names if name in given]
        _check_spread(wanted, rows, rows * len(lists) + len(given), field)
        found = {name: lists.get(name) or [given[name]] * rows for name in wanted}
        return self._table(found, rows, given=given)

    def _table(self, found: Mapping[Any, Sequence[Any]], rows: int, *, given: Mapping[Any, Any] | None = None) -> Table:
        """Make a table of columns; ``given`` has the names of others, too, that are not looked into."""
        if missing := [name for name in self._required if name not in found]:
            raise MissingColumnError(self._say_missing(missing, found if given is None else given))
        names = tuple(name for name in self.names if name in found)
        values = [cast(name, found[name], self._kind_of[name]) for name in names]
        whole = self._real is not None and names == self.names
        return Table(names, np.column_stack(values) if whole else values, rows)

    def _say_missing(self, missing: list[Any], found: Mapping[Any, Any]) -> str:
        if not self.named:
            return f"Failed to enforce schema: the model takes {len(self.names)} columns, the body has {len(found)}."
        names = ", ".join(short(name) for name in missing[:20]) + (", …" if len(missing) > 20 else "")
        extra = [short(name) for name in islice((name for name in found if name not in self._kind_of), 20)]
        besides = f"; it has {', '.join(extra)} besides" if extra else ""
        return f"Failed to enforce schema: the body lacks the column{'s' * (len(missing) > 1)} {names}{besides}."

    def frame(self, tables: Sequence[Table]) -> pd.DataFrame:
        """Make one frame of tables with the same columns, one below the other."""
        first = tables[0]
        if isinstance(first.values, np.ndarray):
            matrix = first.values if len(tables) == 1 else np.concatenate([table.values for table in tables])
            return pd.DataFrame(matrix, columns=self._labels, index=first.labels)
        each = zip(first.names, zip(*[table.values for table in tables], strict=True), strict=True)
        made = {name: self._column(name, arrays) for name, arrays in each}
        return pd.DataFrame(made, index=first.labels)

    def _column(self, name: Any, arrays: Sequence[Any]) -> Any:
        values: Any = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
        return pd.array(values, dtype=TEXT) if self._kind_of[name] == "string" else values
