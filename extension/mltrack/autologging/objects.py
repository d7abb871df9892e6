"""What is known of objects, by their identity: values are never compared, and nothing is written on an object."""

from __future__ import annotations

import weakref
from typing import Any


class Objects:
    """Something known of objects, for as long as they live."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def add(self, thing: object, known: Any) -> None:
        """Remember this of an object; one that cannot be referred to weakly is not remembered."""
        number = id(thing)
        try:
            reference = weakref.ref(thing, lambda gone: self._forget(number, gone))
        except TypeError:  # a list
            return
        self._known[number] = (reference, known)

    def find(self, thing: object) -> Any:
        """Give what is known of an object, or None."""
        found = self._known.get(id(thing))
        return found[1] if found is not None and found[0]() is thing else None

    def _forget(self, number: int, gone: object) -> None:
        found = self._known.get(number)
        if found is not None and found[0] is gone:
            del self._known[number]
