"""Signatures of models: what goes in, what comes out, and which params ``predict`` takes.

Source of the format: ``mlflow.models.signature``.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, is_dataclass
from typing import TYPE_CHECKING, Any, Self

from mltrack.exceptions import InvalidParameterError
from mltrack.models.enforcement import enforce_schema
from mltrack.types.columns import ColSpec
from mltrack.types.infer import SignatureWarning, schema_of, whole_numbers_hint
from mltrack.types.infer_params import infer_param_schema
from mltrack.types.infer_values import is_array
from mltrack.types.nested import AnyType
from mltrack.types.schema import ParamSchema, Schema, convert_dataclass_to_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def __getattr__(name: str) -> Any:
    if name != "set_signature":
        raise AttributeError(f"module 'mltrack.models.signature' has no attribute {name!r}")
    from mltrack.models.relabelling import set_signature  # MLflow's users look for it here; it needs this module

    return set_signature


@dataclass(slots=True)
class ModelSignature:
    """The types of a model's data; at least one of the three is there.

    Parameters
    ----------
    inputs, outputs
        Schemas, or dataclasses that say them; None where nothing is known.
    params
        The params of ``predict``, or None when it takes none.

    Raises
    ------
    InvalidParameterError
        When there is none of the three, or one is something else.
    """

    inputs: Schema | None = None
    outputs: Schema | None = None
    params: ParamSchema | None = None
    from_type_hint: bool = field(default=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.inputs, self.outputs = _schema(self.inputs, "inputs"), _schema(self.outputs, "outputs")
        if self.params is not None and not isinstance(self.params, ParamSchema):
            raise InvalidParameterError(f"The params of a signature are a ParamSchema; got {self.params!r:.80}.")
        if self.inputs is None and self.outputs is None and self.params is None:
            raise InvalidParameterError("A signature has inputs, outputs or params; here are none of them.")

    def to_dict(self) -> dict[str, str | None]:
        """Give it as MLmodel files have it: each part a JSON text, or None."""
        return {
            "inputs": self.inputs.to_json() if self.inputs else None,
            "outputs": self.outputs.to_json() if self.outputs else None,
            "params": self.params.to_json() if self.params else None,
        }

    @classmethod
    def from_dict(cls, signature_dict: Mapping[str, Any]) -> Self:
        """Read what ``to_dict`` gave; the error for anything else says what is wrong with it."""
        if not hasattr(signature_dict, "get"):
            raise InvalidParameterError(f"A signature is a mapping of JSON texts; got {signature_dict!r:.80}.")
        inputs, outputs, params = (signature_dict.get(part) for part in ("inputs", "outputs", "params"))
        return cls(
            Schema.from_json(inputs) if inputs else None,
            Schema.from_json(outputs) if outputs else None,
            ParamSchema.from_json(params) if params else None,
        )

    def __repr__(self) -> str:
        return f"inputs: \n  {self.inputs!r}\noutputs: \n  {self.outputs!r}\nparams: \n  {self.params!r}\n"


def _schema(given: Any, part: str) -> Schema | None:
    if given is None or isinstance(given, Schema):
        return given
    if is_dataclass(given):
        return convert_dataclass_to_schema(given)
    raise InvalidParameterError(f"The {part} of a signature are a Schema or a dataclass; got {given!r:.80}.")


def infer_signature(
    model_input: Any = None, model_output: Any = None, params: dict[str, Any] | None = None
) -> ModelSignature:
    """Make a signature of examples.

    Parameters
    ----------
    model_input, model_output
        Data as ``mltrack.types.infer.infer_schema`` takes it, the training data and predictions of it, say; or
        dataclasses. What MLflow's types cannot say becomes one column of any type, with a ``SignatureWarning``; inputs
        of whole numbers, which cannot be missing, give one too.
    params
        Params of ``predict`` with their default values.

    Raises
    ------
    InvalidParameterError
        When all three are missing, or a param can be none.
    """
    inputs, outputs = _inferred(model_input, "inputs"), _inferred(model_output, "outputs")
    if inputs is not None and (hint := whole_numbers_hint(inputs)):
        warnings.warn(hint, SignatureWarning, stacklevel=2)
    return ModelSignature(inputs, outputs, infer_param_schema(params) if params else None)


def _inferred(data: Any, part: str) -> Schema | None:
    if data is None:
        return None
    try:
        return convert_dataclass_to_schema(data) if is_dataclass(data) else schema_of(data)
    except InvalidParameterError as error:
        if _is_pydantic(data):
            raise
        warnings.warn(
            f"The {part} of the signature are of any type, and will not be checked: {error.message}",
            SignatureWarning,
            stacklevel=3,
        )
        return any_schema()


def infer_signature_of(
    predict: Callable[[Any, dict[str, Any] | None], Any], example: Any, params: dict[str, Any] | None = None
) -> ModelSignature:
    """Make a signature of an input example and of what a model predicts of it.

    The model is given the example as it will be given data later, so a list of records comes as a frame. What it
    predicts of columns as an array with one axis is one column too. The errors are those of ``predict``.
    """
    signature = infer_signature(example, None, params)
    inputs = signature.inputs
    if inputs is None or inputs == any_schema():
        return infer_signature(example, predict(example, params), params)
    predicted = predict(enforce_schema(example, inputs), params)
    if not inputs.is_tensor_spec() and is_array(predicted) and predicted.ndim == 1:
        import pandas as pd  # heavy; the model was given a frame

        predicted = pd.Series(predicted)
    return ModelSignature(inputs, _inferred(predicted, "outputs"), signature.params)


def any_schema() -> Schema:
    """Give the schema of anything at all: one column without a name, of any type."""
    return Schema([ColSpec(AnyType())])


def _is_pydantic(data: Any) -> bool:
    first = data[0] if isinstance(data, list) and data else data
    return any(base.__module__.startswith("pydantic") for base in type(first).__mro__)
