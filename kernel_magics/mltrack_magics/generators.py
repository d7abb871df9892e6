"""The states of the random generators that a process shares, of libraries that are loaded; none is imported."""

from __future__ import annotations

import random
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PYTHON, NUMPY, TORCH = "random", "numpy", "torch"
_FULL = 624  # the place in the Mersenne twister's block from which no number was taken yet
_TYPED_SEEDS = 2**32  # a seed that nobody chose is taken from all 64 bits


def states() -> dict[str, object]:
    """Give what tells each generator's state from any other; of one that cannot be read, nothing."""
    found = {}
    for name, read in _READERS.items():
        try:
            state = read()
        except Exception:  # a library that is half imported, or put together in another way
            state = None
        if state is not None:
            found[name] = state
    return found


def changed(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[str, ...]:
    """Name the generators that were drawn from or seeded in between."""
    return tuple(name for name, state in after.items() if _has_changed(name, before.get(name), state))


def _has_changed(name: str, before: object, after: object) -> bool:
    if before is not None:
        return before != after
    try:
        return not _FRESH[name]()
    except Exception:
        return True


def _python() -> object:
    generator = vars(random).get("_inst")  # the functions of the module are its methods
    if type(generator) is not random.Random:
        return None
    return random.Random.getstate(generator)  # the block, and what gauss keeps for its next call


def _numpy_generator() -> Any:
    module, library = sys.modules.get("numpy.random.mtrand"), sys.modules.get("numpy")
    if type(module) is not ModuleType or type(library) is not ModuleType:
        return None
    generator = vars(module).get("_rand")
    return generator if type(generator) is vars(module).get("RandomState") else None


def _numpy() -> object:
    generator = _numpy_generator()
    return None if generator is None else _plain(generator.get_state(legacy=False))


def _plain(state: Any) -> object:
    """Give a state of numpy's, which holds arrays, as what can be compared."""
    if type(state) is dict:
        return tuple((key, _plain(value)) for key, value in state.items())
    return state.tobytes() if hasattr(state, "tobytes") else state


def _torch() -> object:
    torch = sys.modules.get("torch")
    if type(torch) is not ModuleType or "default_generator" not in vars(torch):
        return None
    return _torch_state(vars(torch)["default_generator"])


def _torch_state(generator: Any) -> bytes:
    return bytes(generator.get_state().numpy().tobytes())


def _python_is_fresh() -> bool:
    return bool(random.Random.getstate(vars(random)["_inst"])[1][-1] == _FULL)


def _numpy_is_fresh() -> bool:
    state = _numpy_generator().get_state(legacy=False)
    return bool(state["state"]["pos"] == _FULL - 1)  # after a seed of the user's it is at the end of the block


def _torch_is_fresh() -> bool:
    torch = vars(sys.modules["torch"])
    seed = torch["default_generator"].initial_seed()
    fresh = torch["Generator"]().manual_seed(seed)
    return seed >= _TYPED_SEEDS and _torch_state(fresh) == _torch_state(torch["default_generator"])


_READERS: Mapping[str, Callable[[], object]] = {PYTHON: _python, NUMPY: _numpy, TORCH: _torch}
_FRESH: Mapping[str, Callable[[], bool]] = {
    PYTHON: _python_is_fresh,
    NUMPY: _numpy_is_fresh,
    TORCH: _torch_is_fresh,
}
