"""Runs that are begun when an MLflow server is gone: it chooses their ids when it is back, and has all of them once."""

from __future__ import annotations

import uuid
import warnings
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from tests.core.spooled import points
from tests.faults.flaky_proxy import Faults, flaky_proxy

from mltrack.entities import Param, RunStatus, RunTag
from mltrack.keys import PARENT_TAG
from mltrack.rest import syncing
from mltrack.rest.store import RestStore
from mltrack.rest.transport import Transport
from mltrack.store.pages import Search
from mltrack.store.protocol import NewRun, RunChange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.flaky_proxy import FlakyProxy

    from mltrack.entities import Run

pytestmark = pytest.mark.filterwarnings("ignore::mltrack.backlog.StoreWarning")
GONE = Faults(refuse=1)


@pytest.fixture(autouse=True)
def _no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLTRACK_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.fixture
def proxy(shared_mlflow: str) -> Iterator[FlakyProxy]:
    with flaky_proxy(urlsplit(shared_mlflow).port or 0) as running:
        yield running


@pytest.fixture
def store(proxy: FlakyProxy) -> Iterator[RestStore]:
    made = RestStore(proxy.url)
    yield made
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.close()


def begin(store: RestStore, experiment: str, *tags: RunTag) -> str:
    new = NewRun("", "kept", 1_000, "ann", (RunTag("t", "x"), *tags))
    return store.begin_run(new, experiment=experiment).run_id


def runs_of(shared_mlflow: str, experiment: str) -> list[Run]:
    store = RestStore(shared_mlflow)
    found = store.get_experiment_by_name(experiment)
    assert found is not None
    return list(store.search_runs(Search((found.experiment_id,), order_by=("attributes.end_time",))).rows)


@pytest.mark.parametrize("is_synced", [False, True], ids=["by-its-process", "by-sync"])
def test_a_run_that_is_begun_in_an_outage(
    store: RestStore,
    proxy: FlakyProxy,
    shared_mlflow: str,
    is_synced: bool,
) -> None:
    proxy.faults = GONE
    experiment = f"outage-{uuid.uuid4()}"  # the server is shared, and ports come again
    run_id = begin(store, experiment)
    child = begin(store, experiment, RunTag(PARENT_TAG, run_id))
    for each, end in ((run_id, 2_000), (child, 3_000)):
        store.log_batch(each, metrics=points(3), params=[Param("p", each)])
        store.update_run(each, RunChange(RunStatus.FINISHED, end))
    if is_synced:
        store.close()
        proxy.faults = Faults()
        assert [each.problem for each in syncing.sync(Transport)] == [""]
    else:
        proxy.faults = Faults()
        assert store.flush(120)
        store.log_batch(run_id, tags=[RunTag("later", "y")])
        assert store.artifact_folder(run_id)
    outer, inner = runs_of(shared_mlflow, experiment)
    assert [each.data.params["p"] for each in (outer, inner)] == [run_id, child]
    assert inner.data.tags[PARENT_TAG] == outer.info.run_id
    assert outer.data.tags.get("later") == (None if is_synced else "y")
    assert (outer.info.status, outer.info.end_time, outer.data.metrics) == ("FINISHED", 2_000, {"loss": 1 / 3})
    assert store.get_run(run_id).info.run_id == outer.info.run_id


def test_what_comes_after_a_process_that_had_a_run_made(
    store: RestStore, proxy: FlakyProxy, shared_mlflow: str
) -> None:
    """Another process, which sends the rest, is not told the id that the server chose."""
    proxy.faults = GONE
    experiment = f"rest-{uuid.uuid4()}"
    run_id = begin(store, experiment)
    proxy.faults = Faults()
    assert store.flush(120)
    store.transport.renamed.clear()
    store.log_batch(run_id, metrics=points(3))
    assert store.flush(120)
    (found,) = runs_of(shared_mlflow, experiment)
    assert found.data.metrics == {"loss": 1 / 3}


def test_a_lost_answer_makes_no_second_run(store: RestStore, proxy: FlakyProxy, shared_mlflow: str) -> None:
    experiment = f"lost-{uuid.uuid4()}"
    store.create_experiment(experiment)
    assert not store.transport.is_ours()
    proxy.faults = GONE
    run_id = begin(store, experiment)
    proxy.faults = Faults(cut=1)
    assert not store.flush(3)
    proxy.faults = Faults()
    assert store.flush(120)
    (found,) = runs_of(shared_mlflow, experiment)
    assert store.get_run(run_id).info.run_id == found.info.run_id
