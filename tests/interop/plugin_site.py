"""Lets the environment of the real mlflow find this mltrack as if it were installed there, entry points and all."""

from __future__ import annotations

import os
import sysconfig
from importlib.metadata import entry_points
from pathlib import Path

import mltrack

GROUPS = ("mlflow.tracking_store", "mlflow.model_registry_store")


def make_site(folder: Path) -> dict[str, str]:
    """Make a folder that is put first on the path, and give the environment of processes that use it.

    What mltrack needs comes from this environment, behind all that mlflow's own has.
    """
    found = folder / "jupyter_mltrack-0.dist-info"
    found.mkdir(parents=True)
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: jupyter-mltrack\nVersion: 0\n")
    lines = [f"[{group}]\n{each.name} = {each.value}\n" for group in GROUPS for each in entry_points(group=group)]
    assert any("mltrack.mlflow_plugin" in line for line in lines), "this mltrack is not installed with its entry points"
    (found / "entry_points.txt").write_text("".join(lines))
    root = Path(mltrack.__file__).parents[1]
    (folder / "sitecustomize.py").write_text(
        f"import sys\nsys.path += {[str(root), sysconfig.get_path('purelib')]!r}\n"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "MLTRACK_"))}
    return {**kept, "PYTHONPATH": str(folder)}
