"""What an estimator is made of: its attributes, what they hold, and how many bytes that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN = (str, bytes, int, float, complex, type, type(None))
_NODE = 64  # bytes of a tree's node, beside its value


def parts_of(thing: Any) -> Iterator[Any]:
    """Give what a container or an object holds directly."""
    if isinstance(thing, dict):
        yield from thing.values()
    elif isinstance(thing, (list, tuple, set, frozenset)):
        yield from thing
    elif isinstance(thing, np.ndarray):
        if thing.dtype == object:
            yield from thing.ravel()
    elif not isinstance(thing, _PLAIN):
        yield from getattr(thing, "__dict__", {}).values()


def bytes_in(model: Any) -> int:
    """Count the bytes of the arrays and trees that a model holds, each once."""
    found = 0
    seen: set[int] = set()
    waiting = [model]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, _PLAIN) or id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            found += thing.nbytes
        elif type(thing).__name__ == "Tree" and hasattr(thing, "node_count"):
            found += thing.node_count * (_NODE + 8 * thing.n_outputs * thing.max_n_classes)
        waiting += parts_of(thing)
    return found
