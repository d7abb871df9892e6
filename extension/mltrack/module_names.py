"""Statements such as ``import mltrack.sklearn``, as MLflow's users write them, find the module of ``frameworks``.

The finder stands at the end of ``sys.meta_path``, so it is asked for what nobody else has.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType


class OtherNames:
    """Finds modules by a second name: the module is the very same object under both."""

    def __init__(self, homes: Mapping[str, str]) -> None:
        self._homes = homes

    def install(self) -> None:
        """Answer imports from now on, in the place of an earlier one, as after a reload."""
        sys.meta_path[:] = [each for each in sys.meta_path if type(each).__qualname__ != type(self).__qualname__]
        sys.meta_path.append(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Give the spec of a second name."""
        del path, target
        home = self._homes.get(name)
        return None if home is None else ModuleSpec(name, _Existing(home))  # type: ignore[arg-type]


class _Existing:
    """Loads a module that has a name of its own, and leaves it its spec."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._own: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Give the module under its own name, imported if it was not."""
        del spec
        module = import_module(self._home)
        self._own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Leave the module as it is: it was executed under its own name."""
        module.__spec__ = self._own
