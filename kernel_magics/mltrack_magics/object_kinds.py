"""What an object is, said without running any code of the user's: no metaclass, property, repr or comparison of it."""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

MODULE, CLASS, FUNCTION = "module:", "class:", "function:"
LONGEST_NAME = 300

# Read off the C types, past what a metaclass or a class of the user's may put before them.
_module_of_type: Any = type.__dict__["__module__"].__get__
_qualname_of_type: Any = type.__dict__["__qualname__"].__get__
_bases_of_type: Any = type.__dict__["__mro__"].__get__
_names_of_module: Any = vars(ModuleType)["__dict__"].__get__
_UNSHARED = (int, float, complex, bool, str, bytes, type(None), type(Ellipsis), type(NotImplemented), range, slice)


def kind_of(value: object) -> str:
    """Say what an object is: the qualified name of its type, or ``module:numpy``, ``class:…`` and ``function:…``."""
    kind = type(value)
    if _descends(kind, ModuleType):
        return MODULE + _text(_names_of_module(value).get("__name__"))
    if _descends(kind, type):
        return CLASS + _type_name(value)
    if kind is FunctionType or kind is BuiltinFunctionType:
        return f"{FUNCTION}{_text(value.__module__)}.{_text(value.__qualname__)}"  # type: ignore[attr-defined]
    return _type_name(kind)


def can_change(value: object) -> bool:
    """Tell whether what one name does to an object may be seen by another name that holds it."""
    kind = type(value)
    if any(kind is each for each in _UNSHARED) or kind is FunctionType or kind is BuiltinFunctionType:
        return False
    if kind is tuple or kind is frozenset:
        return bool(value)  # what it holds may change; the empty one is a single object
    return not _descends(kind, ModuleType) and not _descends(kind, type)


def _descends(kind: type, base: type) -> bool:
    return kind is base or any(each is base for each in _bases_of_type(kind))


def _type_name(kind: object) -> str:
    return f"{_text(_module_of_type(kind))}.{_text(_qualname_of_type(kind))}"


def _text(value: object) -> str:
    return value[:LONGEST_NAME] if type(value) is str else "?"
