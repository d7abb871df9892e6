"""Signatures said by the type hints of a ``predict`` function.

Source: ``mlflow.models.signature._infer_signature_from_type_hints``.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

from mltrack.models.signature import ModelSignature, any_schema
from mltrack.types.hints import HintError, hint_schema, is_data_hint, output_schema
from mltrack.types.infer_params import infer_param_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class PredictHints(NamedTuple):
    """The hints of a function's data and of what it returns; None where there is none."""

    data: Any = None
    returned: Any = None


def predict_hints(function: Any) -> PredictHints:
    """Give the hints of a ``predict`` function.

    Its data is the first argument but ``self`` and ``context``, whatever that is called: the second of
    ``predict(self, context, model_input, params=None)``. Hints that cannot be resolved are none.
    """
    try:
        names = [name for name in inspect.signature(function).parameters if name not in ("self", "params")]
        hints = get_type_hints(function if hasattr(function, "__annotations__") else type(function).__call__)
    except (TypeError, ValueError, NameError, AttributeError, SyntaxError):
        return PredictHints()
    chosen = names[1:2] if takes_context(names) else names[:1]
    return PredictHints(hints.get(chosen[0]) if chosen else None, hints.get("return"))


def takes_context(names: Sequence[str]) -> bool:
    """Say whether a ``predict`` with these arguments, without ``self`` and ``params``, takes the context first."""
    return "context" in names or len(names) == 2


def infer_signature_from_type_hints(function: Any, params: Mapping[str, Any] | None = None) -> ModelSignature | None:
    """Give the signature that the type hints of a ``predict`` function say.

    Parameters
    ----------
    function
        The function, or the method of a PythonModel.
    params
        Params with their defaults, or None.

    Returns
    -------
    ModelSignature or None
        None when the data has no hint, or one as ``pandas.DataFrame``, of which only an example says the columns. Its
        ``from_type_hint`` is True: data is then held against the hint (``mltrack.types.hints.fit_to_hint``) and not
        made a frame of.

    Raises
    ------
    InvalidParameterError
        When the data has a hint that says no signature; the message says which ones do.
    """
    hints = predict_hints(function)
    if hints.data is None or is_data_hint(hints.data):
        return None
    inputs = hint_schema(hints.data)
    try:
        outputs = any_schema() if hints.returned is None else output_schema(hints.returned)
    except HintError:
        outputs = any_schema()
    made = ModelSignature(inputs, outputs, infer_param_schema(dict(params)) if params else None)
    made.from_type_hint = True
    return made
