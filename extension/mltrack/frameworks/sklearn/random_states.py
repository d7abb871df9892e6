"""The random numbers that a model holds itself, as ``random_state=np.random.default_rng(0)``."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def random_states_of_model_kept(model: Any) -> Iterator[None]:
    """Put them back where they were: what we ask the model for must not change what it draws for the user next."""
    kept = [(each, copy.deepcopy(each.state)) for each in _bit_generators(model)]
    try:
        yield
    finally:
        for generator, state in kept:
            generator.state = state


def _bit_generators(model: Any) -> list[Any]:
    try:
        values = [*vars(model).values(), *model.get_params(deep=True).values()]
    except Exception:  # a model of the user's own that cannot say what it is made of
        return []
    states = {id(value): value for value in values if isinstance(value, np.random.RandomState)}
    generators = {id(value): value for value in values if isinstance(value, np.random.Generator)}
    found = [getattr(each, "_bit_generator", None) for each in states.values()]
    found += [each.bit_generator for each in generators.values()]
    return [each for each in found if each is not None]
