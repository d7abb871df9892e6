"""What ``import mlflow`` gives in the children of local runs: this mltrack.

MLflow's projects log with ``import mlflow``, and mlflow cannot write an mltrack store. This folder is put in front of
a child's ``PYTHONPATH``, so that they run as they are; the folder ``bin`` in front of its ``PATH`` does the same for
the command ``mlflow``.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.config import STAND_IN, is_server
from mltrack.config import tracking_uri as checked_uri
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent
PROGRAMS = FOLDER / "bin"


def variables(tracking_uri: str, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the variables that make ``mlflow`` this mltrack in a child, to be put over those of ``base``.

    Parameters
    ----------
    tracking_uri
        The child's store. Nothing is given for one that mltrack cannot open, for a server's where mlflow is installed
        (it can log there itself), nor with ``MLTRACK_STAND_IN=false``.
    base
        The child's variables so far, with the ``PATH`` of its environment; default: this process's.
    """
    before = os.environ if base is None else base
    if not _is_wanted(before) or not _is_own_store(tracking_uri):
        return {}
    found = {"PYTHONPATH": _in_front(FOLDER, before.get("PYTHONPATH"))}
    if os.access(PROGRAMS / "mlflow", os.X_OK):  # not on Windows, nor where an installer dropped the mode
        found["PATH"] = _in_front(PROGRAMS, before.get("PATH", os.defpath))
    return found


def _is_wanted(variables: Mapping[str, str]) -> bool:
    return variables.get(STAND_IN.name, "").strip().lower() not in ("false", "0", "no")


def _is_own_store(tracking_uri: str) -> bool:
    if is_server(tracking_uri):
        return find_spec("mlflow") is None
    try:
        checked_uri(tracking_uri)
    except InvalidParameterError:
        return False
    return True


def _in_front(folder: Path, listed: str | None) -> str:
    """Put a folder first in a list of folders, once, as children start children."""
    others = [each for each in (listed or "").split(os.pathsep) if each and each != str(folder)]
    return os.pathsep.join([str(folder), *others])
