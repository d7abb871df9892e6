"""What every test gets: a folder of its own to work in, and an mltrack that has chosen nothing yet."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from mltrack import active, run_names, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def fresh_mltrack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep tests apart: working folder, environment, store, active runs and random numbers.

    Faults inside tracking are raised (``MLTRACK_TEST_MODE``), so that no test passes over one.
    """
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MLTRACK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLTRACK_TEST_MODE", "1")
    random.seed(0)
    run_names._random.seed(0)
    _forget()
    yield
    store = settings.state.store
    _forget()
    close = getattr(store, "close", None)
    if close is not None:
        close()


def _forget() -> None:
    """Reset what the process has chosen, in place: other modules hold the same objects."""
    vars(settings.state).update(vars(settings.State()))
    active._own.set(())
    active._begun.clear()
    active._last = None
