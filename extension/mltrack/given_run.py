"""The run that this process was given by its environment, as what a project runs is: taken up once, then a parent.

The first ``start_run`` takes it up. From then on it stands in ``MLTRACK_PARENT_RUN_ID``, so that processes started
from here make runs of their own, and projects and tracked cells become its children.
"""

from __future__ import annotations

import os

from mltrack.config import PARENT_RUN_ID, RUN_ID, Variable
from mltrack.exceptions import MltrackError
from mltrack.settings import get_store

_known: dict[str, bool] = {}
"""Whether ids that only MLflow's variables name are in the store: they may be those of another tracking server."""


def take() -> str | None:
    """Give the run to take up, if one was given and was not taken up yet."""
    run_id = _value(RUN_ID)
    if run_id is not None:
        PARENT_RUN_ID.set(run_id)
        RUN_ID.set(None)
        os.environ.pop(str(RUN_ID.mlflow_name), None)
    return run_id


def belongs_to() -> str | None:
    """Give the run that this process is part of, taken up or not."""
    return _value(RUN_ID) or PARENT_RUN_ID.get()


def _value(variable: Variable) -> str | None:
    """Give a variable's id; one of MLflow's name counts only when this store has that run."""
    found = variable.get()
    if found is None or os.environ.get(variable.name):
        return found
    key = f"{get_store().uri} {found}"
    if key not in _known:
        _known[key] = _has_run(found)
    return found if _known[key] else None


def _has_run(run_id: str) -> bool:
    try:
        get_store().get_run(run_id)
    except MltrackError:
        return False
    return True
