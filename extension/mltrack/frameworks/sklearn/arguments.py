"""What a fit was given, by place or by name."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.autologging.calls import Call

_OVERWRITES = ("copy", "copy_X", "copy_x")


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The samples, targets and weights of a fit; None for what was not given."""

    samples: Any
    targets: Any
    weights: Any


def training_data(call: Call) -> TrainingData:
    """Take them from the arguments of ``fit(X, y, sample_weight)``."""
    given, named = call.args[1:], call.kwargs
    samples = given[0] if given else named.get("X", named.get("raw_documents"))
    targets = given[1] if len(given) > 1 else named.get("y", named.get("Y"))
    weights = named.get("sample_weight")
    if weights is None and len(given) > 2:
        names = list(inspect.signature(type(call.args[0]).fit).parameters)
        place = names.index("sample_weight") if "sample_weight" in names else len(call.args)
        weights = call.args[place] if place < len(call.args) else None
    return TrainingData(samples, targets, weights)


def measures_training(model: Any, data: TrainingData) -> bool:
    """Tell whether the model can be measured on what it was fitted with.

    Not without targets, not on an iterator that the fit has used up, and not where the fit may write over its data.
    """
    if data.targets is None or hasattr(data.samples, "__next__"):
        return False
    params: Mapping[str, Any] = model.get_params(deep=True)
    return not any(value is False and name.rpartition("__")[2] in _OVERWRITES for name, value in params.items())
