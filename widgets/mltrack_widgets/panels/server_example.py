"""The input example of a served model: one row of it, as a body of ``/invocations`` and as values by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


def one_row(body: Mapping[str, Any]) -> dict[str, Any]:
    """Give a body with the first of its rows alone; what has no rows stays as it is."""
    return {key: _first(value) if key in _FORMS else value for key, value in body.items()}


def _first(data: Any) -> Any:
    if isinstance(data, list):
        return data[:1]
    if not isinstance(data, dict):
        return data
    if isinstance(data.get("data"), list):  # of a frame, split into its parts
        kept = {key: value for key, value in data.items() if key != "index"}
        return {**kept, "data": data["data"][:1]}
    lists = [value for value in data.values() if isinstance(value, list)]
    if len(lists) == len(data) and len({len(value) for value in lists}) == 1:
        return {key: value[:1] for key, value in data.items()}
    return data


def values_of(body: Mapping[str, Any], names: Sequence[Any]) -> dict[Any, Any]:
    """Give the values of a body's first row by the names of its columns, as far as it has them."""
    found = next((body[form] for form in _FORMS if form in body), None)
    if isinstance(found, dict) and isinstance(found.get("data"), list):
        rows = found["data"]
        return dict(zip(found.get("columns") or names, rows[0], strict=False)) if rows else {}
    if isinstance(found, dict):
        return {name: value[0] if isinstance(value, list) and value else value for name, value in found.items()}
    row = found[0] if isinstance(found, list) and found else {}
    if isinstance(row, dict):
        return row
    return dict(zip(names, row if isinstance(row, list) else [row], strict=False))
