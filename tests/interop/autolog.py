"""What all tests of autolog share: its promise, that a fault in each of our hooks in turn changes nothing."""

from __future__ import annotations

import importlib
import json
import os
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import mltrack
from mltrack.autologging import safety, switch
from mltrack.autologging.safety import AutologWarning

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.entities import Run


class BrokenError(RuntimeError):
    """The fault that is raised in a hook."""


def needs(library: str) -> Any:
    """Import a library that a file's tests are of; without it they are skipped, but in CI that is an error."""
    if os.environ.get("CI"):
        return importlib.import_module(library)
    return pytest.importorskip(library, reason=f"these are the tests of {library}")


def logged_runs() -> list[Run]:
    """Give all runs of the store, the oldest first."""
    found: list[Run] = mltrack.search_runs(search_all_experiments=True, output_format="list")
    return sorted(found, key=lambda run: (run.info.start_time, run.info.end_time or 0))


def the_run() -> Run:
    """Give the one run there is."""
    runs = logged_runs()
    assert len(runs) == 1, [run.info.run_name for run in runs]
    return runs[0]


def history(run: Run, key: str) -> list[tuple[int, float]]:
    """Give the points of a metric of a run, each its step and its value."""
    return [(point.step, point.value) for point in mltrack.MltrackClient().get_metric_history(run.info.run_id, key)]


def table(run: Run, name: str) -> dict[str, Any]:
    """Give what is in a JSON file of a run."""
    found: dict[str, Any] = json.loads(mltrack.artifacts.load_text(f"runs:/{run.info.run_id}/{name}"))
    return found


def hooks_of(library: str, work: Callable[[], Any]) -> list[str]:
    """Give the names of the hooks that a piece of work goes through, each once, patching included."""
    names: list[str] = []
    safety.inject = names.append
    try:
        switch.autolog(libraries=[library])
        work()
    finally:
        safety.inject = None
        switch.reset()
    return list(dict.fromkeys(names))


def check_promise(library: str, work: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Raise in every hook in turn: the result stays the same to the bit, and there is one warning; gives the hooks.

    ``work`` trains from scratch with fixed seeds and gives its result as bytes (predictions, weights, what it printed).
    """
    plain = work()
    assert work() == plain, "this work is not repeatable, so it shows nothing"
    hooks = hooks_of(library, work)
    assert hooks
    monkeypatch.delenv("MLTRACK_TEST_MODE")
    for broken in hooks:
        _check_one(library, work, broken=broken, plain=plain)
    return hooks


def _check_one(library: str, work: Callable[[], bytes], *, broken: str, plain: bytes) -> None:
    def inject(name: str) -> None:
        if name == broken:
            raise BrokenError(name)

    safety.inject = inject
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            switch.autolog(libraries=[library])
            assert work() == plain, broken
    finally:
        safety.inject = None
        switch.reset()
    ours = [str(each.message) for each in caught if issubclass(each.category, AutologWarning)]
    assert len(ours) == 1, (broken, ours)
    assert "BrokenError" in ours[0]


def check_identity(library: str, places: Callable[[], dict[str, Any]]) -> None:
    """Switch a hundred times on and off: what stands in each place is the very same object as before."""
    before = places()
    for _ in range(100):
        switch.autolog(libraries=[library])
        switch.autolog(disable=True, libraries=[library])
    after = places()
    assert {name: after[name] is before[name] for name in before} == dict.fromkeys(before, True)
    switch.autolog(libraries=[library])
    patched = places()
    assert any(patched[name] is not before[name] for name in before), "nothing was patched, so it shows nothing"
    switch.reset()
