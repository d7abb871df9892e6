"""A store whose server is gone: runs that are begun are made later, looks do not wait long, users are told where."""

from __future__ import annotations

import os
import re
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.spooled import NOBODY, pairs_of, points, run_of, shared_server, steps_of
from tests.faults.flaky_proxy import Faults, flaky_proxy

from mltrack import active, backlog
from mltrack.backlog import Backlog, StoreWarning
from mltrack.entities import Param, RunTag
from mltrack.exceptions import ServerUnavailableError
from mltrack.rest import syncing
from mltrack.rest.courier import Patience
from mltrack.rest.store import RestStore
from mltrack.rest.transport import Transport
from mltrack.store.pages import Search
from mltrack.store.protocol import NewRun, RunChange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.core.tracking_servers import RunningServer
    from tests.faults.flaky_proxy import FlakyProxy

GONE = Faults(refuse=1)
NEVER, SECONDS = 3600.0, 120.0


@pytest.fixture
def server() -> RunningServer:
    return shared_server()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be tried twice in one call, and no outage be waited for; other waits would not end in a test."""
    monkeypatch.setenv("MLTRACK_HTTP_REQUEST_MAX_RETRIES", "0")
    for place in ("part.OUTAGE_SECONDS", "sender.OUTAGE_SECONDS", "courier.OUTAGE_SECONDS"):
        monkeypatch.setattr(f"mltrack.rest.{place}", 0.02)
    monkeypatch.setattr("mltrack.rest.part.FLUSH_SECONDS", NEVER)
    monkeypatch.setattr("mltrack.rest.part.CHECK_SECONDS", SECONDS)
    monkeypatch.setattr("mltrack.rest.sender.END_SECONDS", NEVER)


@pytest.fixture
def proxy(server: RunningServer) -> Iterator[FlakyProxy]:
    with flaky_proxy(server.port) as running:
        yield running


@pytest.fixture
def store(proxy: FlakyProxy) -> Iterator[RestStore]:
    made = RestStore(proxy.url)
    yield made
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.close()


@contextmanager
def recorded() -> Iterator[list[warnings.WarningMessage]]:
    """Give the warnings of a block, without those of what earlier tests left, whenever that is collected."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)
        yield warned


def a_run(**given: Any) -> NewRun:
    return NewRun(
        **{"experiment_id": "0", "run_name": "kept", "start_time": 1_000, "tags": (RunTag("t", "x"),), **given}
    )


def begin_in_outage(store: RestStore, proxy: FlakyProxy, *, experiment: str | None = None) -> str:
    """Begin a run, log to it and end it while the server is gone, with one warning."""
    proxy.faults = GONE
    with recorded() as warned:
        run_id = store.begin_run(a_run(experiment_id="" if experiment else "0"), experiment=experiment).run_id
        store.log_batch(run_id, metrics=points(3), params=[Param("p", "1")])
        store.update_run(run_id, RunChange("FINISHED", 2_000))
    assert [(each.category, each.filename) for each in warned] == [(StoreWarning, __file__)]
    return run_id


def check_whole(server: RunningServer, run_id: str, *, experiment: str = "Default") -> None:
    info = run_of(server, run_id)["info"]
    place = server.get(f"experiments/get?experiment_id={info['experiment_id']}")["experiment"]
    assert (info["run_name"], info["status"], info["start_time"], info["end_time"]) == (
        "kept",
        "FINISHED",
        1_000,
        2_000,
    )
    assert (place["name"], steps_of(server, run_id), pairs_of(server, run_id, "params")) == (
        experiment,
        [0, 1, 2],
        {"p": "1"},
    )
    assert pairs_of(server, run_id, "tags")["t"] == "x"


def named(server: RunningServer, run_id: str) -> list[str]:
    """Give the ids of the runs that a run of this id may have become."""
    found = server.post("runs/search", experiment_ids=["0"], filter="attributes.run_name = 'kept'")
    return [each["info"]["run_id"] for each in found.get("runs", ()) if each["info"]["run_id"] == run_id]


@pytest.mark.parametrize("experiment", [None, "of a name only"], ids=["by-id", "by-name"])
def test_a_run_that_is_begun_in_an_outage_is_made_later(
    server: RunningServer, store: RestStore, proxy: FlakyProxy, experiment: str | None
) -> None:
    run_id = begin_in_outage(store, proxy, experiment=experiment)
    with pytest.raises(ServerUnavailableError):
        store.save_snapshot(run_id, None)  # type: ignore[arg-type] # it does not come so far
    with pytest.raises(ServerUnavailableError):
        store.artifact_folder(run_id)
    proxy.faults = Faults()
    assert store.flush(SECONDS)
    check_whole(server, run_id, experiment=experiment or "Default")
    assert store.get_run(run_id).data.params == {"p": "1"}
    assert store.artifact_folder(run_id)


def test_its_process_may_be_gone_by_then(server: RunningServer, store: RestStore, proxy: FlakyProxy) -> None:
    run_id = begin_in_outage(store, proxy)
    with pytest.warns(StoreWarning, match="mltrack sync"):
        store.close()
    (waiting,) = syncing.spool_status()
    assert str(waiting.amount) == "1 new run, 3 points, 1 param, 1 end"
    proxy.faults = Faults()
    (found,) = syncing.sync(Transport)
    assert (found.problem, str(found.sent)) == ("", str(waiting.amount))
    check_whole(server, run_id)


def test_it_is_made_once_though_answers_are_lost(server: RunningServer, store: RestStore, proxy: FlakyProxy) -> None:
    """The first one when it was begun, others when it was to be made later."""
    store.get_experiment("0")
    assert store.transport.is_ours()
    proxy.faults = Faults(cut=1)
    with pytest.warns(StoreWarning, match="is kept in"):
        run_id = store.begin_run(a_run()).run_id
    assert named(server, run_id) == [run_id]
    store.log_batch(run_id, metrics=points(3), params=[Param("p", "1")])
    assert not store.flush()
    proxy.faults = Faults()
    store.update_run(run_id, RunChange("FINISHED", 2_000))
    assert store.flush(SECONDS)
    check_whole(server, run_id)


def test_a_run_that_nobody_may_make_is_set_aside(store: RestStore, proxy: FlakyProxy) -> None:
    proxy.faults = GONE
    with pytest.warns(StoreWarning, match="is kept in"):
        run_id = store.begin_run(a_run(experiment_id="987654321")).run_id
    store.log_batch(run_id, metrics=points(3))
    with recorded() as warned:
        proxy.faults = Faults()
        assert store.flush(SECONDS)
        store.close()
    told = [str(each.message) for each in warned if each.category is StoreWarning]
    assert any(re.search(r"refused some .*experiment.* kept in .*\.refused", each) for each in told)
    (aside,) = syncing.spool_status()
    assert str(aside.refused) == "1 new run, 3 points"


@pytest.mark.filterwarnings("ignore::mltrack.backlog.StoreWarning")
def test_looks_and_ends_do_not_wait_for_a_server_that_is_gone(
    server: RunningServer, store: RestStore, proxy: FlakyProxy
) -> None:
    run_id = store.create_run(a_run()).run_id
    proxy.faults = GONE
    store.log_batch(run_id, metrics=points(3))
    with pytest.raises(ServerUnavailableError):
        store.get_run(run_id)
    with pytest.raises(ServerUnavailableError):
        store.search_runs(Search(("0",)))
    store.update_run(run_id, RunChange("FINISHED", 2_000))
    proxy.faults = Faults()
    found = store.get_run(run_id)  # once it is back, what is read has all of it
    assert (found.info.status, found.data.metrics["loss"]) == ("FINISHED", 1 / 3)
    assert steps_of(server, run_id) == [0, 1, 2]


def test_a_look_waits_for_all_though_the_server_is_back_as_the_wait_for_it_ends(
    server: RunningServer, store: RestStore, proxy: FlakyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers again between the end of the short wait and the question whether it does."""
    run_id = store.create_run(a_run()).run_id
    proxy.faults = GONE
    store.log_batch(run_id, metrics=points(3))
    sender = store.sender
    flush = sender.flush

    def flushed(*given: Any, **options: Any) -> bool:
        if options.get("outage") is None:
            return flush(*given, **options)
        assert not flush(*given, **options)
        sender._courier.failures = 0  # as its thread has it once something has arrived
        proxy.faults = Faults()
        return False

    monkeypatch.setattr(sender, "flush", flushed)
    assert store.get_run(run_id).data.metrics["loss"] == 1 / 3
    assert steps_of(server, run_id) == [0, 1, 2]


PATIENCE = {
    "none-fails": (Patience(30, 2), None, 130.0),
    "fails": (Patience(30, 2), 101.0, 103.0),
    "fails-at-its-end": (Patience(30, 2), 129.5, 130.0),
    "until-it-fails": (Patience(10, None), 100.0, 100.02),
}


@pytest.mark.parametrize(("patience", "since", "end"), PATIENCE.values(), ids=PATIENCE)
def test_patience(patience: Patience, since: float | None, end: float) -> None:
    assert patience.ends_at(100.0, since) == pytest.approx(end)


def test_a_script_is_told_at_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLTRACK_TRACKING_URI", NOBODY)
    import mltrack  # the fluent API, as scripts use it

    mltrack.set_tracking_uri(NOBODY)
    with pytest.raises(ServerUnavailableError):
        mltrack.start_run()
    assert active.current_run() is None
    assert syncing.spool_status() == []


def test_warnings_are_of_the_users_line_or_of_none() -> None:
    def refuse() -> None:
        raise ServerUnavailableError("It is gone.")

    with recorded() as warned:
        Backlog().do(refuse)
        thread = threading.Thread(target=backlog.warn, args=["from a thread"])
        thread.start()
        thread.join()
    assert [(each.filename, each.category) for each in warned] == [
        (__file__, StoreWarning),
        ("<mltrack>", StoreWarning),
    ]


@pytest.mark.filterwarnings("ignore::mltrack.backlog.StoreWarning")
def test_a_forked_child_has_its_parents_run_made(
    server: RunningServer, store: RestStore, proxy: FlakyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent may send it later than the child does what it logged."""
    proxy.faults = GONE
    run_id = store.begin_run(a_run()).run_id
    courier = store.sender._courier
    with monkeypatch.context() as patch:
        patch.setattr(courier._dispatch, "step", lambda _seconds: None)  # the parent's thread has a rest
        with courier._sending:  # after the try that it may be at
            proxy.faults = Faults()
        child = os.fork()
        if not child:
            code = 1
            try:
                store.log_batch(run_id, metrics=points(3))
                code = int(not store.flush(SECONDS))
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
    assert steps_of(server, run_id) == [0, 1, 2]
    assert store.flush(SECONDS)
    assert named(server, run_id) == [run_id]
