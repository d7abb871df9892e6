"""What the body of a request says: in which of MLflow's forms rows or tensors stand in it, and with which parameters.

Source: ``mlflow.pyfunc.scoring_server`` of MLflow 2 and 3, and of 1.30 for the forms before them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from mltrack.serving.strict_json import BodyError, read_json

if TYPE_CHECKING:
    from mltrack.serving.messages import Request

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
"""The fields of a JSON body, of which it has exactly one."""
CHAT_FIELDS = ("messages", "prompt", "input")
"""What bodies for language models have in place of them."""
SPLIT_KEYS = {"columns", "data", "index"}

_OLD_FORMATS = {"pandas-split": "dataframe_split", "pandas-records": "dataframe_records"}
_ONE_OF = f"The body must be a JSON object with exactly one of {', '.join(FORMS)}"


class MediaTypeError(BodyError):
    """The Content-Type is none that a model server reads; it answers 415 with the message as plain text."""


class Media(NamedTuple):
    """What a Content-Type says: one of ``JSON``, ``CSV``, ``PARQUET``, and the form its 1.x ``format`` stands for."""

    kind: str
    old_form: str | None = None


class Body(NamedTuple):
    """What a body says.

    Attributes
    ----------
    form
        One of ``FORMS``, ``CSV``, ``PARQUET``, or ``"whole"``: the object itself is the model's input.
    data
        The rows or tensors as JSON has them, or bytes.
    params
        The parameters as JSON has them, or None.
    bare
        Whether the answer is the predictions themselves, as MLflow 1.x gave them, not an object that holds them.
    """

    form: str
    data: Any
    params: dict[str, Any] | None = None
    bare: bool = False


@lru_cache(maxsize=64)
def read_media_type(content_type: str) -> Media:
    """Read a Content-Type; it may have ``charset=utf-8``, and for JSON the ``format`` of 1.x.

    Raises
    ------
    MediaTypeError
        It is another type, or has another charset or parameter.
    """
    kind, *parameters = [part.strip() for part in content_type.split(";")]
    kind = kind.lower()
    if kind not in (JSON, CSV, PARQUET):
        raise MediaTypeError(f"The Content-Type must be {JSON}, {CSV} or {PARQUET}.")
    old_form = None
    for parameter in filter(None, parameters):
        name, _, value = parameter.partition("=")
        name, value = name.strip().lower(), value.strip().strip('"').lower()
        if name == "charset" and value == "utf-8":
            continue
        if name == "charset":
            raise MediaTypeError("The charset must be utf-8.")
        if name != "format" or kind != JSON or value not in _OLD_FORMATS:
            known = " and ".join(f"format={each}" for each in _OLD_FORMATS)
            raise MediaTypeError(f"A Content-Type may have charset=utf-8 and, with {JSON}, {known}; nothing else.")
        old_form = _OLD_FORMATS[value]
    return Media(kind, old_form)


def read_body(request: Request, inputs: frozenset[Any] = frozenset()) -> Body:
    """Read the body of a request.

    Parameters
    ----------
    request
        The body and its Content-Type.
    inputs
        The names of the model's inputs: a body without any of ``FORMS`` is passed to the model as it is when it has a
        field of ``CHAT_FIELDS`` that is among them.

    Raises
    ------
    MediaTypeError
        The Content-Type is not one that is read.
    BodyError
        The body is not what its Content-Type says, or not of a form above.
    """
    media = read_media_type(request.content_type)
    if media.kind != JSON:
        return Body(media.kind, request.body)
    value = read_json(request.body)
    if isinstance(value, dict):
        return _from_object(value, media.old_form, inputs)
    if isinstance(value, list) and media.old_form == "dataframe_records":
        return Body(media.old_form, value, bare=True)
    raise BodyError(f"{_ONE_OF}; it is {json_kind(value)}.")


def _from_object(value: dict[str, Any], old_form: str | None, inputs: frozenset[Any]) -> Body:
    found = [form for form in FORMS if form in value]
    if len(found) == 1:
        return Body(found[0], value[found[0]], _params(value))
    if not found and SPLIT_KEYS - {"index"} <= value.keys() <= SPLIT_KEYS and old_form != "dataframe_records":
        return Body("dataframe_split", value, bare=True)
    if not found and any(field in value and field in inputs for field in CHAT_FIELDS):
        return Body("whole", value, bare=True)
    names = ", ".join(short(name) for name in list(value)[:20])
    raise BodyError(f"{_ONE_OF}; it has {names or 'no fields'}.")


def _params(value: dict[str, Any]) -> dict[str, Any] | None:
    params = value.get("params")
    if params is not None and not isinstance(params, dict):
        raise BodyError(f"'params' must be an object of names and values; it is {json_kind(params)}.")
    return params


_KINDS = {list: "a list", dict: "an object", str: "a text", bool: "a boolean", int: "a number", float: "a number"}


def json_kind(value: object) -> str:
    """Give what JSON calls a value, with its article: ``a list``, ``an object``, ``null``."""
    return _KINDS.get(type(value), "null")


def short(value: object, most: int = 60) -> str:
    """Show a value as JSON has it on one line, cut to ``most`` characters."""
    if type(value) in (list, dict):
        return json_kind(value)
    text = _word(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _word(value: object) -> str:
    if value is None or type(value) is bool:
        return {True: "true", False: "false", None: "null"}[value]
    if type(value) is int and value.bit_length() > 256:  # thousands of digits take long to write, or cannot be written
        return "an integer of many digits"
    return repr(value)
