"""What is asked of a route: the base of all requests, read from a body or from the query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field, StringConstraints, ValidationError

from mltrack.exceptions import InvalidParameterError
from mltrack.server.json_body import read_object

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MESSAGE = 200  # characters of what pydantic says that a message shows
Shape = dict[str, Any]
"""An object of an answer, as ``mltrack.wire`` writes it."""

Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""A whole number of 64 bits; its text is taken as well, as proto3's JSON has it."""
Time = Annotated[int, Field(ge=0, lt=2**63)]
"""A time, in ms since 1970."""
Text = Annotated[str, StringConstraints(min_length=1)]
"""A text that must not be empty."""
OptionalText = Annotated[str | None, BeforeValidator(lambda said: None if said == "" else said)]
"""A text of which an empty one says nothing, as none does."""
Item = TypeVar("Item")
Items = Annotated[tuple[Item, ...], FailFast()]
"""A list, of which the first wrong item is told: pydantic would keep a kilobyte for each of millions."""


class Message(BaseModel):
    """A request. Fields that it does not know are passed over, and ``null`` is as if the field were not there."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)
    other_names: ClassVar[Mapping[str, str]] = {}
    """Names that clients send for a field that is not there or empty, and the field's own."""

    @classmethod
    def read(cls, body: bytes, named: Mapping[str, str] | None = None) -> Self:
        """Read a body of JSON, an empty one as ``{}``; what the path names counts before what the body says.

        Raises
        ------
        InvalidParameterError
            When it is no JSON object, or a field is missing or of another kind; the message names it.
        """
        values = read_object(body)
        return cls.of({**values, **named} if named else values)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Read values by name, as of a query; raises as ``read`` does."""
        for other, name in cls.other_names.items():
            if other in values and not values.get(name):
                values = {**values, name: values[other]}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            said = _without_nulls(values)
            if said == values:
                raise refused(error) from None
        try:
            return cls.model_validate(said)
        except ValidationError as error:
            raise refused(error) from None


class Nothing(Message):
    """A request, or an answer, that says nothing."""


class Pair(Message):
    """A param or tag."""

    key: Text
    value: str = ""


class RunMessage(Message):
    """A request about one run, which older clients name ``run_uuid``."""

    other_names: ClassVar[Mapping[str, str]] = {"run_uuid": "run_id"}
    run_id: Text


def refused(error: ValidationError) -> InvalidParameterError:
    """Say what is wrong with a request, in MLflow's words where it has some."""
    return InvalidParameterError(_fault(error.errors(include_url=False, include_context=False)[0]))


def _fault(first: ErrorDetails) -> str:
    name = ".".join(str(part)[:40] for part in first["loc"][:6])
    if first["type"] in ("missing", "string_too_short"):
        return f"Missing value for required parameter '{name}'."
    if not name:
        return f"The body cannot be read: {first['msg'][:MESSAGE]}."
    return f"Invalid value for parameter '{name}' supplied: {first['msg'][:MESSAGE]}."


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value
