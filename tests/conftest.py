"""What every test gets: a folder of its own to work in, and an mltrack that has chosen nothing yet.

With ``pytest -n 2`` the tests of a file share a worker, as they share kernels; those of the browser share one, too.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from mltrack import active, active_model, run_names, settings
from mltrack.autologging import safety, switch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# On a busy machine any example may take a while.
hypothesis.settings.register_profile("mltrack", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("mltrack")


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives whole files to workers; all browser tests count as one file, since they share a page."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "browser" if "tests/browser/" in file else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _ByFile(config, log)


@pytest.fixture(autouse=True)
def fresh_mltrack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep tests apart: working folder, environment, store, active runs and random numbers.

    Faults inside tracking are raised (``MLTRACK_TEST_MODE``), so that no test passes over one.
    """
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MLTRACK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLTRACK_TEST_MODE", "1")
    monkeypatch.setenv("MLTRACK_DATA_DIR", str(tmp_path / "user"))
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
    switch.reset()
    safety.inject = None
    active._own.set(())
    active._begun.clear()
    active._last = None
    active_model.forget()
