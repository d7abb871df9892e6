"""What a model holds itself and a prediction may change: random numbers, ``RandomState(0)``, caches, counts."""

from __future__ import annotations

import copy
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from mltrack.frameworks.sklearn.fitted import innermost

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def state_of_model_kept(model: Any) -> Iterator[None]:
    """Put all back as it was: what we ask the model for must not change what it gives the user next."""
    kept = [(each, copy.deepcopy(each.state)) for each in _bit_generators(model)]
    dice = [(each, each.getstate()) for each in _values_of(model) if isinstance(each, random.Random)]
    attributes = [(known, known.copy()) for known in _attributes_of(model)]
    try:
        yield
    finally:
        for generator, state in kept:
            generator.state = state
        for each, before in dice:
            each.setstate(before)
        for now, then in attributes:
            _put_back(now, then)


def _attributes_of(model: Any) -> list[dict[str, Any]]:
    try:
        found = {id(each): each for each in (model, innermost(model))}
        return [vars(each) for each in found.values()]
    except Exception:  # a model of the user's own that has none, or does not say
        return []


def _put_back(now: dict[str, Any], then: dict[str, Any]) -> None:
    for name in now.keys() - then.keys():
        del now[name]
    now.update({name: value for name, value in then.items() if now.get(name) is not value or name not in now})


def _values_of(model: Any) -> list[Any]:
    try:
        return [*vars(model).values(), *model.get_params(deep=True).values()]
    except Exception:  # a model of the user's own that cannot say what it is made of
        return []


def _bit_generators(model: Any) -> list[Any]:
    values = _values_of(model)
    states = {id(value): value for value in values if isinstance(value, np.random.RandomState)}
    generators = {id(value): value for value in values if isinstance(value, np.random.Generator)}
    found = [getattr(each, "_bit_generator", None) for each in states.values()]
    found += [each.bit_generator for each in generators.values()]
    return [each for each in found if each is not None]
