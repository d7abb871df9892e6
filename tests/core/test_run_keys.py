"""The names of params, metrics and tags: all that active runs of some experiments have, the most frequent first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.core.stores import FINISHED, begin, delete_run

from mltrack.entities import Metric, Param, RunTag
from mltrack.store import run_keys

if TYPE_CHECKING:
    from mltrack.store.sqlite import SqliteStore
    from mltrack.store.summaries import RunKeys

LIMITS = [(500, 2_000), (500, 0), (1, 2_000), (1, 1), (1, 0)]  # of the sample, and of the probe


def log(store: SqliteStore, run_id: str, *, params: str = "", metrics: str = "", tags: str = "") -> None:
    store.log_batch(
        run_id,
        params=[Param(key, "1") for key in params.split()],
        metrics=[Metric(key, 1.0, 1, step) for key in metrics.split() for step in (1, 2)],
        tags=[RunTag(key, "1") for key in tags.split()],
    )


@pytest.fixture
def experiment(store: SqliteStore) -> str:
    """An experiment of eight runs, of which one is deleted and half have ended, beside one with other names."""
    experiment = store.create_experiment("ours")
    for number in range(8):
        run_id = begin(store, experiment_id=experiment)
        log(store, run_id, params="all some" if number > 2 else "all", metrics="loss", tags="t mlflow.x")
        if number == 3:
            log(store, run_id, params="one", metrics="val/one", tags="one")
        if number == 4:
            log(store, run_id, metrics="val/live")
        if number == 7:
            log(store, run_id, params="gone", metrics="gone", tags="gone")
            delete_run(store, run_id)
        elif number % 2:
            store.update_run(run_id, FINISHED)
    for _ in range(5):
        run_id = begin(store)
        log(store, run_id, params="theirs all", metrics="theirs loss", tags="theirs")
        store.update_run(run_id, FINISHED)
    return experiment


def found(keys: RunKeys) -> tuple[set[str], set[str], set[str]]:
    return set(keys.params), set(keys.metrics), set(keys.tags)


@pytest.mark.parametrize(("sample", "probe"), LIMITS)
def test_every_name_is_found_however_many_runs_there_are(
    store: SqliteStore, experiment: str, monkeypatch: pytest.MonkeyPatch, sample: int, probe: int
) -> None:
    monkeypatch.setattr(run_keys, "SAMPLE", sample)
    monkeypatch.setattr(run_keys, "PROBE", probe)
    metrics = {"loss", "val/live", "val/one"}
    assert found(store.run_keys([experiment])) == ({"all", "some", "one"}, metrics, {"t", "one"})
    assert found(store.run_keys(["0"])) == ({"theirs", "all"}, {"theirs", "loss"}, {"theirs"})
    both = store.run_keys([experiment, "0"])
    assert found(both) == ({"theirs", "all", "some", "one"}, {"theirs", *metrics}, {"theirs", "t", "one"})
    assert found(store.run_keys([])) == found(store.run_keys(["99"])) == (set(), set(), set())


def test_names_come_by_how_many_runs_have_them(store: SqliteStore, experiment: str) -> None:
    keys = store.run_keys([experiment, "0"])
    assert keys.params == ("all", "theirs", "some", "one")
    assert keys.metrics == ("loss", "theirs", "val/live", "val/one")
    assert keys.tags == ("t", "theirs", "one")


def test_a_sample_is_of_all_runs_though_experiments_take_turns(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_keys, "SAMPLE", 30)
    other = store.create_experiment("other")
    for number in range(120):
        run_id = begin(store, experiment_id=("0", other)[number % 2])
        log(store, run_id, params=("z" if number % 2 else "y") if number > 20 else "a")
    for experiment, common in (("0", "y"), (other, "z")):
        assert store.run_keys([experiment]).params == (common, "a")
