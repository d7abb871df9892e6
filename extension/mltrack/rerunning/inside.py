"""What a worker says to its kernel around the cells: in requests that leave no trace in the notebook's record."""

from __future__ import annotations

import sys
from typing import Any

import mltrack
from mltrack import settings
from mltrack.rerunning.jobs import Job

MODULE = __name__


def begin(store: str) -> None:
    """Choose the store and load the extension, as the notebook's first cells did."""
    settings.set_tracking_uri(store)
    mltrack.load_ipython_extension(_shell())


def expect(job: str) -> None:
    """Decide of the next tracked cell's run, and where it goes, whatever the cells before have chosen."""
    arrange(Job.from_json(job))


def arrange(job: Job) -> None:
    """Decide of the next tracked cell's run in this process."""
    if settings.get_tracking_uri() != job.store:
        settings.set_tracking_uri(job.store)
    settings.set_experiment(experiment_id=job.experiment_id)
    settings.state.coming = settings.ComingRun(job.run_id, job.run_name, job.tags)


def finish() -> None:
    """Wait until the run's outputs and notebook are saved."""
    mltrack.unload_ipython_extension(_shell())


def call(name: str, *arguments: str) -> str:
    """Write a call of one of these as an expression that binds no name."""
    return f"__import__({MODULE!r}, fromlist=['_']).{name}({', '.join(map(repr, arguments))})"


def _shell() -> Any:
    return sys.modules["IPython"].get_ipython()
