"""Statements such as ``import mlflow.sklearn`` find the module of mltrack, the very same object as by its own name."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mltrack import __version__
from mltrack.module_names import OtherNames

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

# The mlflow whose names these are, and a local version (PEP 440) that says who stands in for it.
VERSION = f"3.17.2+mltrack.{__version__}"
_PARTS = "mltrack.projects.stand_in.parts"
# What MLflow's users import that mltrack has no module of its own for.
_HOMES = {
    "mlflow.tracking.fluent": f"{_PARTS}.fluent",
    "mlflow.utils": _PARTS,
    "mlflow.version": f"{_PARTS}.version",
    **{f"mlflow.utils.{name}": f"{_PARTS}.{name}" for name in ("logging_utils", "mlflow_tags", "validation")},
}


class MlflowNames:
    """Finds ``mlflow.X``: it is asked first, as a folder of mltrack's would give the module a second time."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Give the spec of the module of mltrack that goes by this name, or of one that says that it is missing."""
        if not name.startswith("mlflow.") or name == "mlflow.__main__":  # which is a file of the stand-in's own
            return None
        home = _home(name)
        if home is None:
            return ModuleSpec(name, _Missing())  # type: ignore[arg-type]
        return OtherNames({name: home}).find_spec(name, path, target)


class _Missing:
    """Loads nothing, and says why."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Say that mltrack has nothing of this name."""
        raise ModuleNotFoundError(
            f"mltrack, which stands in for mlflow in this project, has no module {spec.name!r}. With "
            "MLTRACK_STAND_IN=false the mlflow that is installed is imported; it needs a store of its own.",
            name=spec.name,
        )

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: there is no module."""


def install() -> None:
    """Give mltrack's modules for MLflow's names from now on."""
    if not any(isinstance(each, MlflowNames) for each in sys.meta_path):
        sys.meta_path.insert(0, MlflowNames())


def submodule(name: str) -> ModuleType | None:
    """Give a module that is an attribute of ``mlflow`` without having been imported by name, or None."""
    home = _HOMES.get(f"mlflow.{name}")
    return import_module(home) if home else None


def _home(name: str) -> str | None:
    own = _HOMES.get(name) or f"mltrack.{name.removeprefix('mlflow.')}"
    try:
        return own if find_spec(own) else None
    except (ImportError, ValueError):  # its parent is missing, or no package
        return None
