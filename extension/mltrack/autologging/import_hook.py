"""Being told when a module of a watched package has been executed, without importing anything ourselves.

A finder in front of ``sys.meta_path`` lets the others find a module, and its loader execute it; then it tells. The
module ends up with its own loader and spec, as if nobody had watched.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    Told = Callable[[str], None]


class _Loader:
    """Executes a module by its own loader, and tells."""

    def __init__(self, loader: Any, told: Told) -> None:
        self._loader = loader
        self._told = told

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._told(module.__name__)


class ImportHook:
    """Tells of the modules of some top-level packages once each has been executed.

    ``told`` is called with a module's full name, in the thread that imports it; it must not raise.
    """

    def __init__(self, told: Told) -> None:
        self._roots: frozenset[str] = frozenset()
        self._told = told
        self._here = threading.local()

    def watch(self, roots: frozenset[str]) -> None:
        """Watch these packages, and no others; modules that are there already are the caller's to look at.

        ``sys.meta_path`` gets a new list: another thread that is going through the old one must not miss a finder.
        """
        self._roots = roots
        if roots and self not in sys.meta_path:
            sys.meta_path = [self, *sys.meta_path]
        elif not roots and self in sys.meta_path:
            sys.meta_path = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Give the spec that the other finders find, with a loader that tells."""
        if name.partition(".")[0] not in self._roots or getattr(self._here, "name", None) == name:
            return None
        before, self._here.name = getattr(self._here, "name", None), name
        try:
            spec = self._find(name, path, target)
        finally:
            self._here.name = before
        if spec is not None and hasattr(spec.loader, "exec_module") and hasattr(spec.loader, "create_module"):
            spec.loader = _Loader(spec.loader, self._told)  # type: ignore[assignment]
        return spec

    def _find(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            if finder is not self and hasattr(finder, "find_spec"):
                spec: ModuleSpec | None = finder.find_spec(name, path, target)  # may ask all finders, us as well
                if spec is not None:
                    return spec
        return None


def is_being_imported(module: ModuleType) -> bool:
    """Tell whether a module's own code is still being executed, without waking one that loads itself when used."""
    spec = object.__getattribute__(module, "__dict__").get("__spec__")
    return bool(getattr(spec, "_initializing", False))


def is_asleep(module: ModuleType) -> bool:
    """Tell whether a module loads itself at its first use (``importlib.util.LazyLoader``), and has not yet."""
    return type(module).__name__ == "_LazyModule" and type(module).__module__ == "importlib.util"


def wait_for(name: str) -> None:
    """Wait until another thread has imported a module; one that this thread is importing itself is not waited for."""
    with contextlib.suppress(Exception):  # the error is the importing thread's
        import_module(name)
