"""What tests of the fluent API share."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import mltrack
from mltrack.exceptions import MltrackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.entities import Run

PARENT = "mlflow.parentRunId"
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def status_of(run: Run) -> str:
    return mltrack.get_run(run.info.run_id).info.status


def in_thread(work: Callable[[], object]) -> object:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def raised(call: Callable[[], object]) -> MltrackError:
    """The error of a call that must raise one of ours, with a message that one can read."""
    with pytest.raises(MltrackError) as caught:
        call()
    assert 10 < len(caught.value.message) < 700
    return caught.value
