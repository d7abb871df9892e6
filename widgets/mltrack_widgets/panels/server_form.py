"""What is asked for to try a model: a field for each column and param, by the server's own description of itself."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from mltrack.exceptions import InvalidParameterError
from mltrack.plain_text import visible
from mltrack_widgets.panels.server_example import one_row, values_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_FIELDS = 200
"""A model of more columns is tried with JSON."""

_JSON = "application/json"
_LONGEST_EXAMPLE = 200_000  # characters
_TYPES = {
    "int32": ("whole", "integer"),
    "int64": ("whole", "long"),
    "float": ("number", "float"),
    "double": ("number", "double"),
    "date-time": ("moment", "datetime"),
}
_CHOICES = {"": None, "true": True, "false": False}
_WHOLE = re.compile(r"[+-]?[0-9]{1,400}")
# What stands in the lines to copy where a model has no input example.
_SAMPLES = {"box": False, "whole": 0, "number": 0.0, "text": "", "moment": "2000-01-01T00:00:00"}


class Field(NamedTuple):
    """One value to fill in.

    ``kind`` is ``box``, ``choice`` (of true, false and nothing), ``whole``, ``number``, ``text``, ``moment`` or
    ``json``; ``type`` is the signature's word; ``value`` is filled in: True or False for a box, else a text.
    """

    key: str
    name: Any
    kind: str
    type: str
    required: bool
    value: str | bool

    @property
    def label(self) -> str:
        """The name as it is shown."""
        return visible(str(self.name))

    def to_page(self) -> dict[str, Any]:
        """Give what the page draws it from."""
        words = self.type if self.required else f"{self.type}, may be empty"
        return {"key": self.key, "label": self.label, "kind": self.kind, "words": words, "value": self.value}

    def parse(self, given: object) -> Any:
        """Give the value that was filled in; None for an empty field, but for a text that has to be there.

        Raises
        ------
        FieldError
            When it is no such value.
        """
        if self.kind == "box":
            return given is True
        text = given if isinstance(given, str) else ""
        if self.kind == "choice":
            return _CHOICES.get(text)
        if self.kind == "text" and (text or self.required):
            return text
        text = text.strip()
        return self._read(text) if text else None

    def _read(self, text: str) -> Any:
        if self.kind == "moment":
            return text
        try:
            return {"whole": _whole, "number": _number, "json": read_json}[self.kind](text)
        except ValueError as error:
            wanted = {"whole": "a whole number", "number": "a number"}.get(self.kind, "JSON")
            why = f": {error}" if self.kind == "json" else ""
            raise FieldError(self.key, f"This is not {wanted}{why}.") from None


class FieldError(InvalidParameterError):
    """What was filled in is no value of the field ``key``."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True)
class Form:
    """The fields of a model and ``example``, a body of one row, or None.

    There are no columns where the signature has none: it is of arrays, or the model has no signature.
    """

    columns: tuple[Field, ...] = ()
    params: tuple[Field, ...] = ()
    has_names: bool = True
    example: Mapping[str, Any] | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Form:
        """Make the form of a server by its OpenAPI document."""
        content = document["paths"]["/invocations"]["post"]["requestBody"]["content"][_JSON]
        forms = {each["title"]: each["properties"] for each in content["schema"]["oneOf"]}
        example = one_row(content["example"]) if isinstance(content.get("example"), dict) else None
        split = forms.get("dataframe_split", {}).get("dataframe_split", {})
        split = split.get("anyOf", [split])[0]["properties"] if split else {}
        names, types = split.get("columns", {}).get("const"), _types(split)
        columns = _columns(names or [*range(len(types))], types, _required(forms), example or {})
        params = next(iter(forms.values()))["params"]["properties"]
        given = (example or {}).get("params") or {}
        return cls(
            columns if len(columns) <= MOST_FIELDS else (),
            tuple(
                _field(f"param {at}", name, types, value=given.get(name, types["default"]))
                for at, (name, types) in enumerate(params.items())
            ),
            names is not None,
            example,
        )

    def body(self, values: Mapping[str, object]) -> dict[str, Any]:
        """Give the body of a request for one row, by the texts of the fields.

        Raises
        ------
        FieldError
            When a text is no value of its field.
        """
        row = [(each, each.parse(values.get(each.key))) for each in self.columns]
        row = [(each, value) for each, value in row if value is not None or each.required]
        data: dict[str, Any] = {"data": [[value for _, value in row]]}
        if self.has_names:
            data = {"columns": [each.name for each, _ in row], **data}
        return {"dataframe_split": data, **self._params(values)}

    def _params(self, values: Mapping[str, object]) -> dict[str, Any]:
        given = {each.name: each.parse(values.get(each.key)) for each in self.params}
        given = {name: value for name, value in given.items() if value is not None}
        return {"params": given} if given else {}

    @property
    def sample(self) -> Mapping[str, Any]:
        """A body to send: the example, or what the signature asks for with nothing in it."""
        if self.example is not None:
            return self.example
        if not self.columns:
            return {"inputs": []}
        data: dict[str, Any] = {"data": [[_SAMPLES.get(each.kind) for each in self.columns]]}
        return {
            "dataframe_split": {"columns": [each.name for each in self.columns], **data} if self.has_names else data
        }

    def named_in(self, message: str) -> str:
        """Give the key of the field that a message of the server's names first; an empty one when it names none."""
        named = [(_place_of(str(each.name), message), each.key) for each in (*self.columns, *self.params)]
        return min(((place, key) for place, key in named if place >= 0), default=(0, ""))[1]

    def to_page(self) -> dict[str, Any]:
        """Give what the page draws the form from; an example that nobody could edit is left out."""
        text = json.dumps(self.example, ensure_ascii=False) if self.example is not None else ""
        return {
            "columns": [each.to_page() for each in self.columns],
            "params": [each.to_page() for each in self.params],
            "json": text if len(text) <= _LONGEST_EXAMPLE else "",
        }


def read_json(text: str) -> Any:
    """Read JSON, of which NaN and infinite numbers are no part; raises a ValueError for anything else."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON; give null")


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _number(text: str) -> float | int:
    value = read_json(text) if text[-1].isdigit() and text[0] in "-0123456789" else float(text)
    if not isinstance(value, (int, float)) or value != value or value in (float("inf"), -float("inf")):  # noqa: PLR0124 - NaN
        raise ValueError(text)
    return value


def _types(split: Mapping[str, Any]) -> list[dict[str, Any]]:
    row = split.get("data", {}).get("items", {})
    return row.get("prefixItems") or [row.get("items", {})] * row.get("minItems", 0)


def _required(forms: Mapping[str, Any]) -> frozenset[str] | None:
    """Give the names, as they are shown, of the columns that have to be there; None for all."""
    records = forms.get("dataframe_records", {}).get("dataframe_records", {})
    required = records.get("items", {}).get("required")
    return None if required is None else frozenset(required)


def _columns(
    names: Sequence[Any],
    types: Sequence[Mapping[str, Any]],
    required: frozenset[str] | None,
    example: Mapping[str, Any],
) -> tuple[Field, ...]:
    values = values_of(example, names)
    return tuple(
        _field(
            f"column {at}",
            name,
            kind,
            value=values.get(name),
            required=required is None or visible(str(name)) in required,
        )
        for at, (name, kind) in enumerate(zip(names, types, strict=False))
    )


def _field(key: str, name: Any, /, schema: Mapping[str, Any], *, value: Any, required: bool = False) -> Field:
    kind, word = _kind(schema)
    if kind == "box" and not required:
        kind = "choice"
    if kind == "box":
        return Field(key, name, kind, word, required, value is True)
    if value is None:
        return Field(key, name, kind, word, required, "")
    text = value if isinstance(value, str) and kind != "json" else json.dumps(value, ensure_ascii=False)
    return Field(key, name, kind, word, required, text)


def _kind(schema: Mapping[str, Any]) -> tuple[str, str]:
    """Give the kind of the field for a JSON Schema, and the signature's word."""
    if schema.get("format") in _TYPES:
        return _TYPES[schema["format"]]
    kinds = schema.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "boolean" in kinds:
        return "box", "boolean"
    if "string" in kinds:
        return ("text", "binary, in base64") if "contentEncoding" in schema else ("text", "string")
    return "json", {"array": "list, as JSON", "object": "object, as JSON"}.get("".join(kinds), "any, as JSON")


def _place_of(name: str, message: str) -> int:
    """Give where a message has a name in quotes, as Python or JSON writes it; -1 where it does not."""
    return max(map(message.find, (repr(name), json.dumps(name), json.dumps(name, ensure_ascii=False))))
