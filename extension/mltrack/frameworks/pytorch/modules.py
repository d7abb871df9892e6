"""Which module an optimizer trains: it knows parameters only."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import Iterable

_noted: WeakValueDictionary[int, Any] = WeakValueDictionary()


def note_module(module: Any) -> None:
    """Remember a module that a parameter or another module was just put into."""
    _noted[id(module)] = module


def parameters_of(optimizer: Any) -> list[Any]:
    """Give an optimizer's parameters, of all its groups."""
    return [each for group in optimizer.param_groups for each in group["params"]]


def module_trained_by(optimizer: Any) -> Any:
    """Give the outermost module that has an optimizer's parameters, or None.

    Modules that were copied or loaded as a whole, or made before anything was logged, are looked for among all objects.
    """
    ids = {id(each) for each in parameters_of(optimizer)}
    known = [module for reference in _noted.valuerefs() if (module := reference()) is not None]
    return _outermost(known, ids) or _outermost(_all_modules(), ids)


def _all_modules() -> list[Any]:
    module = sys.modules["torch"].nn.Module
    return [each for each in gc.get_objects() if issubclass(type(each), module)]


def _outermost(modules: Iterable[Any], ids: set[int]) -> Any:
    parents: dict[int, Any] = {}
    owner = None
    for each in modules:
        for child in _inside(each, "_modules"):
            parents.setdefault(id(child), each)
        if owner is None and any(id(parameter) in ids for parameter in _inside(each, "_parameters")):
            owner = each
    seen = set()
    while owner is not None and id(owner) in parents and id(owner) not in seen:
        seen.add(id(owner))
        owner = parents[id(owner)]
    return getattr(owner, "_orig_mod", owner)  # what torch.compile has inside


def _inside(module: Any, name: str) -> list[Any]:
    found = getattr(module, "__dict__", {}).get(name)
    return list(found.values()) if isinstance(found, dict) else []
