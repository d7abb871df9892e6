"""Reversible patches: what is replaced in a user's library, and put back as the very same object."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from types import CellType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from mltrack.autologging.safety import warn_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.autologging.libraries import Library

_MISSING: Any = object()
_NAMED = "__name__"
_originals: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
"""Of everything that we put in place, what it stands for; a wrapper that copies our attributes is not in it."""


@dataclass(slots=True)
class _Patch:
    owner: Any
    name: str
    before: Any
    after: Any

    def is_in_place(self) -> bool:
        return _standing(self.owner, self.name) is self.after

    def undo(self) -> None:
        if not self.is_in_place():
            return  # somebody patched over ours; theirs stays, and ours inside it passes everything through
        if self.before is _MISSING:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, self.before)


def _standing(owner: Any, name: str) -> Any:
    """Give what stands under a name of an owner itself, as a descriptor; of a closure's cell, what is in it."""
    if isinstance(owner, CellType):
        return owner.cell_contents
    return vars(owner).get(name, _MISSING)


class Patches:
    """What is patched in one library."""

    def __init__(self, library: Library, version: str = "?") -> None:
        self._library = library
        self._version = version
        self._lock = threading.RLock()
        self._made: dict[tuple[int, str], _Patch] = {}
        self._hooks: dict[Any, Any] = {}
        self._is_over = False

    def __len__(self) -> int:
        return len(self._made)

    def wrap(self, owner: Any, name: str, decorate: Callable[[Any], Any]) -> bool:
        """Put ``decorate(original)`` in the place of a function or method of a module or class.

        Static and class methods stay what they are; a method that is inherited is patched on ``owner`` alone. Where
        there is no such name it is one warning, and False. Wrapping again changes nothing.
        """

        def make(raw: Any) -> Any:
            if isinstance(raw, (staticmethod, classmethod)):
                return type(raw)(decorate(raw.__func__))
            return decorate(raw)

        return self.replace(owner, name, make)

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> bool:
        """Put ``make(raw)`` in the place of whatever stands under a name, as a descriptor; see ``wrap``."""
        with self._lock:
            if self._is_over:
                return False  # switched off in another thread in the meantime
            raw = _standing(owner, name)
            made = self._made.get((id(owner), name))
            if made is not None and made.is_in_place():
                return True
            raw = _original_of(raw)  # an earlier patch of ours may have been put back by somebody
            original = getattr(owner, name, _MISSING) if raw is _MISSING else raw
            if original is _MISSING:
                self._say_missing(owner, name)
                return False
            patch = _Patch(owner, name, raw, make(original))
            _note(patch.after, raw)
            setattr(owner, name, patch.after)
            self._made[id(owner), name] = patch
            return True

    def wrap_closure(self, function: Any, variable: str, decorate: Callable[[Any], Any]) -> bool:
        """Put ``decorate(original)`` in the place of a function that another one, a decorator's, holds in its closure.

        The outer function stays the object that it is, so names that were imported before call ours as well, and it
        pickles as before. False where it has no such variable.
        """
        names = getattr(getattr(function, "__code__", None), "co_freevars", ())
        return variable in names and self.replace(
            function.__closure__[names.index(variable)], "cell_contents", decorate
        )

    def hook(self, owner: Any, name: str, work: Any) -> None:
        """Register ``work`` with a library's own hooks by its function ``owner.name``, once; ``undo`` removes it.

        What that function gives must have a ``remove``, as torch's handles. Where there is no such function it is one
        warning.
        """
        with self._lock:
            if self._is_over or work in self._hooks:
                return
            register = getattr(owner, name, None)
            if register is None:
                self._say_missing(owner, name)
            else:
                self._hooks[work] = register(work)

    def undo(self) -> None:
        """Put everything back, the last patched first; nothing can be patched with this object any more."""
        with self._lock:
            self._is_over = True
            while self._hooks:
                self._hooks.popitem()[1].remove()
            while self._made:
                _, patch = self._made.popitem()
                patch.undo()

    def _say_missing(self, owner: Any, name: str) -> None:
        place = getattr(owner, _NAMED, owner)
        library = self._library
        warn_once(
            f"{library.name} {self._version} has no {place}.{name}, so what it does is not logged automatically; "
            f"versions {library.oldest} to {library.newest} are known to work."
        )


def _note(after: Any, before: Any) -> None:
    if before is not _MISSING:
        with contextlib.suppress(TypeError):  # not everything can be referred to weakly
            _originals[after] = before


def _original_of(raw: Any) -> Any:
    try:
        return _originals.get(raw, raw)
    except TypeError:
        return raw
