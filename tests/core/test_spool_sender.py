"""The sender beside a real server: what is logged arrives once and in order, whether the server is there or not."""

from __future__ import annotations

import math
import os
import stat
import threading
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.core.spooled import (
    NOBODY,
    be_patient,
    new_run,
    new_sender,
    pairs_of,
    points,
    run_of,
    sender_to_nobody,
    shared_server,
    steps_of,
    wait_for,
)
from tests.faults.flaky_proxy import Faults, flaky_proxy

from mltrack.backlog import Backlog, StoreWarning
from mltrack.entities import Dataset, DatasetInput, ExperimentTag, Metric, Param, RunTag
from mltrack.exceptions import InvalidParameterError, MltrackError
from mltrack.rest import records, spool, spool_file
from mltrack.rest.delivery import Delivery
from mltrack.rest.spool_file import SpoolView
from mltrack.rest.store import RestStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.core.tracking_servers import RunningServer
    from tests.faults.flaky_proxy import FlakyProxy

    from mltrack.rest.sender import Sender


class Unstartable(threading.Thread):
    """A thread at the end of a process."""

    def start(self) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")


@pytest.fixture
def server() -> RunningServer:
    return shared_server()


@pytest.fixture(autouse=True)
def _no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLTRACK_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr("mltrack.rest.sender.OUTAGE_SECONDS", 0.05)
    be_patient(monkeypatch)


@pytest.fixture
def proxy(server: RunningServer) -> Iterator[FlakyProxy]:
    with flaky_proxy(server.port) as running:
        yield running


@pytest.fixture
def sender(proxy: FlakyProxy) -> Iterator[Sender]:
    made = new_sender(proxy.url)
    yield made
    proxy.faults = Faults()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.flush(None, 10)
        made.close()


def test_points_arrive_as_they_are(server: RunningServer, sender: Sender) -> None:
    run = new_run(server)
    odd = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1e308, 0.1]
    sender.send(run, [Metric("ö/odd: x", value, 7, step) for step, value in enumerate(odd)])
    for point in points(1500):
        sender.send(run, [point])
    sender.send(run, points(1100, "many"))
    assert sender.flush(run, 120)
    assert steps_of(server, run) == list(range(1500))
    assert steps_of(server, run, "many") == list(range(1100))
    found = server.get(f"metrics/get-history?run_id={run}&metric_key=%C3%B6/odd:%20x")["metrics"]
    assert [each["value"] for each in found] == ["NaN", "Infinity", "-Infinity", -0.0, 5e-324, 1e308, 0.1]


def test_one_point_arrives_by_itself(server: RunningServer, sender: Sender) -> None:
    run = new_run(server)
    sender.send(run, points(1))
    wait_for(lambda: steps_of(server, run) == [0])


def test_a_refused_param_raises_at_its_call_and_takes_its_points_along(server: RunningServer, sender: Sender) -> None:
    run = new_run(server)
    sender.send(run, params=[Param("a", "1")], tags=[RunTag("t", "x")])
    sender.send(run, params=[Param("a", "1")])
    with pytest.raises(InvalidParameterError, match="'a'"):
        sender.send(run, points(1), params=[Param("a", "2")])
    assert sender.flush()
    assert (pairs_of(server, run, "params"), steps_of(server, run)) == ({"a": "1"}, [])
    assert pairs_of(server, run, "tags")["t"] == "x"


def test_an_outage_keeps_the_order_and_says_so_once(server: RunningServer, sender: Sender, proxy: FlakyProxy) -> None:
    run = new_run(server)
    proxy.faults = Faults(error=1)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)  # of what other tests have left to the garbage
        for number in range(3):
            sender.send(run, points(2, start=number * 2), [Param("p", "1")], [RunTag("t", str(number))])
        sender.send(run, points(1, start=6))
    assert [each.category for each in warned] == [StoreWarning]
    assert "kept in" in str(warned[0].message)
    assert steps_of(server, run) == []
    proxy.faults = Faults()
    assert sender.flush(run, 120)
    sender.send(run, tags=[RunTag("t", "last")])
    assert steps_of(server, run) == list(range(7))
    assert pairs_of(server, run, "params") == {"p": "1"}
    assert pairs_of(server, run, "tags")["t"] == "last"


def test_the_end_of_a_run_comes_after_what_waited(
    server: RunningServer, sender: Sender, proxy: FlakyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(server)
    monkeypatch.setattr("mltrack.rest.sender.END_SECONDS", 0.2)
    proxy.faults = Faults(refuse=1)
    sender.send(run, points(3))
    with pytest.warns(StoreWarning, match="mltrack sync"):
        assert sender.end(run, {"status": "FINISHED", "end_time": 5_000_000_000_000}) is None
    assert run_of(server, run)["info"]["status"] == "RUNNING"
    proxy.faults = Faults()
    monkeypatch.setattr("mltrack.rest.sender.END_SECONDS", 60)
    assert sender.flush(run, 120)
    info = run_of(server, run)["info"]
    assert (info["status"], info["end_time"], steps_of(server, run)) == ("FINISHED", 5_000_000_000_000, [0, 1, 2])
    other = new_run(server)
    sender.send(other, points(3))
    answer = sender.end(other, {"status": "KILLED"})
    assert answer is not None
    assert answer["run_info"]["status"] == "KILLED"
    assert steps_of(server, other) == [0, 1, 2]


@pytest.mark.parametrize("bad", [0, 57, 199], ids=lambda place: f"at-{place}")
def test_the_rest_of_a_batch_goes_when_a_point_is_refused(server: RunningServer, sender: Sender, bad: int) -> None:
    run = new_run(server)
    sent = points(200)
    sent[bad] = Metric("loss", 0.5, -1, bad)  # a time that no server takes
    sender.send(run, sent)
    sender.send(run, points(5, "other"))
    with pytest.warns(StoreWarning, match=r"refused some .* kept in .*\.refused"):
        assert sender.flush(run, 120)
    assert steps_of(server, run) == [step for step in range(200) if step != bad]
    assert steps_of(server, run, "other") == list(range(5))
    (aside,) = spool.folder().glob("*.refused")
    records = [each.payload for each in SpoolView(aside).read(0) if isinstance(each, spool_file.Record)]
    kept = [each for each in records if "run" in each]
    assert [each["metrics"] for each in kept] == [[{"key": "loss", "value": 0.5, "timestamp": -1, "step": bad}]]
    assert "timestamp" in kept[-1]["error"]


def test_a_run_that_is_gone_refuses_all_at_once(server: RunningServer, sender: Sender, proxy: FlakyProxy) -> None:
    run, other = new_run(server), new_run(server)
    server.post("runs/delete", run_id=run)
    sender.send(run, points(300))
    sender.send(other, points(3))
    with pytest.warns(StoreWarning, match="is deleted"):
        assert sender.flush(None, 120)
    assert steps_of(server, other) == [0, 1, 2]
    assert sum(proxy.seen.values()) < 6


READ = DatasetInput(Dataset("data", "abc", "local", "{}"))


def test_in_an_outage_nothing_waits_behind_what_is_kept_in_memory(server: RunningServer, proxy: FlakyProxy) -> None:
    """Or it would be lost with the process."""
    run, store, backlog = new_run(server), RestStore(proxy.url), Backlog()
    proxy.faults = Faults(refuse=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        backlog.do(store.set_experiment_tags, "0", [ExperimentTag("a", "b")])
        backlog.do(store.log_inputs, run, [READ])
        backlog.do(store.log_batch, run, metrics=points(3), tags=[RunTag("t", "x")])
        assert len(backlog) == 1
        store.close()  # what is on disk is another's to send
    proxy.faults = Faults()
    other = new_sender(proxy.url)
    assert other.flush(None, 120)
    assert (steps_of(server, run), pairs_of(server, run, "tags")["t"]) == ([0, 1, 2], "x")
    assert run_of(server, run)["inputs"]["dataset_inputs"][0]["dataset"]["digest"] == "abc"
    other.close()


class OldServer:
    """The way to a server that has runs, and no inputs."""

    def __init__(self, *known: str) -> None:
        self._known = known

    def prepare(self) -> None:
        """Nothing is wrong here."""

    def call(self, _method: str, path: str, **_options: Any) -> dict[str, Any]:
        if path in self._known:
            return {}
        raise MltrackError("no such call", "ENDPOINT_NOT_FOUND")


def test_what_an_old_server_does_not_know_holds_up_nothing() -> None:
    (batch,) = records.batches([records.read(records.of_inputs("r", {"datasets": []}))])
    refused = Delivery(cast("Any", OldServer("runs/log-batch"))).deliver(batch, 1.0)
    assert [each.batch.inputs for each in refused] == [{"datasets": []}]
    with pytest.raises(MltrackError, match="no such call"):
        Delivery(cast("Any", OldServer())).deliver(batch, 1.0)  # no tracking server, as far as one can see


WRONG = {
    "MLTRACK_TRACKING_TOKEN": "of\x01another",
    "MLTRACK_HTTP_REQUEST_MAX_RETRIES": "often",
    "HTTP_PROXY": "socks5://a",
}


@pytest.mark.parametrize(("name", "value"), WRONG.items(), ids=WRONG)
def test_what_is_wrong_here_is_no_refusal(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Points wait until it is mended, as in an outage."""
    run, sender = new_run(server), new_sender(server.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with monkeypatch.context() as patch:
        patch.setenv(name, value)
        sender.send(run, points(3))
        assert not sender.flush(run)
    assert sender.flush(run, 120)
    assert steps_of(server, run) == [0, 1, 2]
    assert list(spool.folder().glob("*.refused")) == []
    sender.close()


def test_its_files_are_the_users_alone_and_gone_when_all_is_sent(server: RunningServer, sender: Sender) -> None:
    sender.send(new_run(server), points(1))
    assert sender.flush(None, 120)
    (file,) = spool.folder().iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(spool.folder().stat().st_mode) == 0o700
    assert "secret" not in file.read_bytes().decode("latin-1")
    sender.close()
    assert list(spool.folder().iterdir()) == []


def test_no_password_lies_in_the_spool() -> None:
    with sender_to_nobody(NOBODY.replace("://", "://ann:hunter2@")) as sender:
        sender.send("r", points(1))
        assert not sender.flush("r", 0)
        (file,) = spool.folder().iterdir()
        assert b"hunter2" not in file.read_bytes()
        assert b"ann" not in file.read_bytes()


def test_a_new_sender_sends_what_a_closed_one_left(server: RunningServer, proxy: FlakyProxy) -> None:
    run = new_run(server)
    proxy.faults = Faults(refuse=1)
    first = new_sender(proxy.url)
    first.send(run, points(3))
    assert not first.flush()
    with pytest.warns(StoreWarning, match="mltrack sync"):
        first.close()
    proxy.faults = Faults()
    second = new_sender(proxy.url)
    second.send(run, tags=[RunTag("t", "x")])  # goes behind what was left
    assert steps_of(server, run) == [0, 1, 2]
    second.close()
    assert list(spool.folder().iterdir()) == []


def test_what_cannot_be_written_is_sent_from_memory(
    server: RunningServer, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(server)
    monkeypatch.setattr(spool, "RETRY_SECONDS", 0.0)
    spool.folder().parent.mkdir()
    spool.folder().write_text("a file where the folder should be")
    sender.send(run, points(3))
    with pytest.warns(StoreWarning, match="cannot be written"):
        assert sender.flush(run, 120)
    assert steps_of(server, run) == [0, 1, 2]
    spool.folder().unlink()
    sender.send(run, points(3, start=3))
    assert sender.flush(run, 120)
    assert steps_of(server, run) == list(range(6))
    assert len(list(spool.folder().iterdir())) == 1


def test_beyond_the_limit_points_are_dropped_and_it_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "MOST_BYTES", 20_000)
    with sender_to_nobody() as sender:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            for start in range(0, 3000, 100):
                sender.send("r", points(100, start=start))
                sender._keeper.keep()
            sender.send("r", points(1))
        assert len([each for each in warned if "LOST" in str(each.message)]) == 1
        assert sender._keeper.lost > 2000
        (file,) = spool.folder().iterdir()
        assert file.stat().st_size < 40_000


def test_files_are_begun_anew_and_given_up(
    server: RunningServer, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(server)
    monkeypatch.setattr(spool, "SEGMENT", 2_000)
    monkeypatch.setattr(spool, "WINDOW", 3_000)
    for start in range(0, 500, 10):
        sender.send(run, points(10, start=start))
        sender._keeper.keep()
    assert sender.flush(run, 120)
    assert steps_of(server, run) == list(range(500))
    assert len(list(spool.folder().iterdir())) == 1


def test_threads_log_at_once(server: RunningServer, sender: Sender) -> None:
    run = new_run(server)

    def work(name: str) -> None:
        for point in points(500, name):
            sender.send(run, [point])

    workers = [threading.Thread(target=work, args=(f"m{number}",)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sender.flush(run, 120)
    assert [steps_of(server, run, f"m{number}") for number in range(4)] == [list(range(500))] * 4


def test_a_forked_child_sends_its_own_and_none_of_its_parents(server: RunningServer, sender: Sender) -> None:
    run = new_run(server)
    sender.send(run, points(50))
    child = os.fork()
    if not child:
        sender.send(run, points(50, "childs"))
        os._exit(0 if sender.flush(run, 120) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert sender.flush(run, 120)
    assert steps_of(server, run) == list(range(50))
    assert steps_of(server, run, "childs") == list(range(50))


def test_where_no_thread_can_be_started_callers_do_the_work(
    server: RunningServer, sender: Sender, proxy: FlakyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at the end of a process."""
    run = new_run(server)
    monkeypatch.setattr("mltrack.rest.sender.threading", SimpleNamespace(Thread=Unstartable, Lock=threading.Lock))
    sender.send(run, points(5))
    sender.send(run, tags=[RunTag("t", "x")])
    assert sender.end(run, {"status": "FINISHED"}) is not None
    assert steps_of(server, run) == list(range(5))
    other = new_run(server)
    proxy.faults = Faults(refuse=1)
    sender.send(other, points(5))
    assert not sender.flush()
    proxy.faults = Faults()
    assert sender.flush()
    assert steps_of(server, other) == list(range(5))


def test_a_look_at_what_is_sent_does_not_wait(server: RunningServer, sender: Sender, proxy: FlakyProxy) -> None:
    run, other = new_run(server), new_run(server)
    sender.send(run, points(3))
    assert sender.flush(run)
    proxy.faults = Faults(refuse=1)
    sender.send(other, points(3))
    assert not sender.flush(other, 0)
    assert sender.flush(run)
    assert sender.flush("0" * 32)
