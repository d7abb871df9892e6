"""Points on their way to a server, when processes are killed and the network fails: none lost, none twice."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING

import pytest
from tests.core.spooled import new_run, new_sender, pairs_of, points, run_of, start_sender, steps_of
from tests.core.tracking_servers import RunningServer, running_server, start_server
from tests.faults.flaky_proxy import Faults, FlakyProxy, flaky_proxy
from tests.faults.processes import SECONDS, finish, kill, lines, new_chance, wait_for

from mltrack.entities import Param, RunTag
from mltrack.rest.syncing import spool_status, sync
from mltrack.rest.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::mltrack.backlog.StoreWarning")]
CLIENT_KILLS, SERVER_KILLS = 6, 12
MOST_LOST, MOST_LOST_SECONDS = 1_000, 6.0  # a second, where the machine is not busy


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def proxy(server: RunningServer) -> Iterator[FlakyProxy]:
    with flaky_proxy(server.port) as running:
        yield running


def send_what_was_left() -> None:
    assert [each.problem for each in sync(Transport)] in ([], [""])
    assert spool_status() == []


@pytest.mark.parametrize("pause", [0.001, 0.0], ids=["steps-of-0.1-ms", "as-fast-as-it-goes"])
def test_a_killed_client_loses_a_second_or_a_thousand_points(
    server: RunningServer, proxy: FlakyProxy, tmp_path: Path, pause: float
) -> None:
    chance, worst = new_chance(), 0
    for _ in range(CLIENT_KILLS):
        run, side = new_run(server), tmp_path / "steadily.side"
        side.write_text("")
        proxy.faults = Faults(delay=0.2)
        client = start_sender(tmp_path, "steadily", proxy.url, run, pause)
        wait_for(side.read_text)
        time.sleep(chance.uniform(0, 0.7))
        kill(client)
        proxy.faults = Faults()
        send_what_was_left()
        logged = [line.split() for line in lines(side)]
        found = steps_of(server, run)
        assert found == list(range(len(found)))  # none twice, and no gap
        lost = logged[len(found) :]
        worst = max(worst, len(lost))
        assert len(lost) <= MOST_LOST
    print(f"lost at most {worst} points")


def test_a_client_that_is_killed_while_nobody_answers_loses_the_last_seconds(
    server: RunningServer, proxy: FlakyProxy, tmp_path: Path
) -> None:
    """It logs for three times as long as what it may lose, and so little that the time counts, not the number."""
    run, side = new_run(server), tmp_path / "steadily.side"
    side.write_text("")
    proxy.faults = Faults(refuse=1)
    client = start_sender(tmp_path, "steadily", proxy.url, run, 1)
    wait_for(lambda: seconds_of(side) > 3 * MOST_LOST_SECONDS)
    kill(client)
    proxy.faults = Faults()
    send_what_was_left()
    found = steps_of(server, run)
    assert found == list(range(len(found)))
    assert seconds_of(side, since=len(found)) <= MOST_LOST_SECONDS


def seconds_of(side: Path, *, since: int = 0) -> float:
    """Say how long a client has logged, from the point at a place on."""
    logged = [line.split() for line in lines(side)][since:]
    return float(logged[-1][1]) - float(logged[0][1]) if logged else 0.0


def test_what_was_flushed_survives_the_client(server: RunningServer, proxy: FlakyProxy, tmp_path: Path) -> None:
    chance = new_chance()
    for _ in range(CLIENT_KILLS):
        run, side = new_run(server), tmp_path / "flushing.side"
        side.write_text("")
        client = start_sender(tmp_path, "flushing", proxy.url, run)
        wait_for(side.read_text)
        time.sleep(chance.uniform(0, 0.5))
        kill(client)
        assert len(steps_of(server, run)) > int(lines(side)[-1])
        send_what_was_left()


def test_a_killed_server_has_every_row_once(tmp_path: Path) -> None:
    """The server is killed while it writes and started again; the client goes on, and asks again for what it lost."""
    chance, folder, logged = new_chance(), tmp_path / "server", 0
    server = start_server(folder)
    with flaky_proxy(server.port) as proxy:
        sender, run = new_sender(proxy.url), new_run(server)
        for number in range(SERVER_KILLS):
            proxy.seen.clear()
            for _ in range(5):
                sender.send(run, points(700, start=logged))
                logged += 700
            sender.send(run, tags=[RunTag("round", str(number))], params=[Param(f"p{number}", "x")])
            wait_for(proxy.seen.total)
            time.sleep(chance.uniform(0, 0.05))
            server.kill()
            server = start_server(folder)
            proxy.target = server.port
        answer = sender.end(run, {"status": "FINISHED"})
        assert sender.flush(run, SECONDS)
        assert steps_of(server, run) == list(range(logged))
        assert pairs_of(server, run, "tags")["round"] == str(SERVER_KILLS - 1)
        assert len(pairs_of(server, run, "params")) == SERVER_KILLS
        assert run_of(server, run)["info"]["status"] == "FINISHED"
        assert answer is None or answer["run_info"]["status"] == "FINISHED"
        sender.close()
    server.stop()


FAULTS = {
    "partition": Faults(refuse=1),
    "nothing-comes-back": Faults(lose=1),
    "delay-of-5-s": Faults(delay=5),
    "half-is-lost": Faults(lose=0.25, cut=0.25),
    "answers-are-lost": Faults(cut=0.6),
    "answers-are-cut": Faults(half=0.6),
    "500s": Faults(error=0.6),
    "429s": Faults(busy=0.6),
    "garbage": Faults(garbage=0.6),
    "pages": Faults(page=0.6),
    "all-of-it": Faults(0.1, 0.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, delay=0.01),
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_what_a_bad_network_does_to_it_is_made_good(
    server: RunningServer, proxy: FlakyProxy, monkeypatch: pytest.MonkeyPatch, faults: Faults
) -> None:
    monkeypatch.setattr("mltrack.rest.courier._SECONDS", 0.5)
    monkeypatch.setattr("mltrack.rest.sender.END_SECONDS", 0.5)
    monkeypatch.setattr("mltrack.rest.sender._VALUES_SECONDS", 0.5)
    run, sender = new_run(server), new_sender(proxy.url)
    proxy.faults = faults
    for step in range(600):
        sender.send(run, points(1, start=step))
        if step % 100 == 0:
            sender.send(run, params=[Param(f"p{step}", str(step))], tags=[RunTag("last", str(step))])
            sender.flush(run, 0.2)
    sender.end(run, {"status": "FINISHED"})
    proxy.faults = Faults()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert sender.flush(run, SECONDS)
        sender.close()
    assert steps_of(server, run) == list(range(600))
    assert pairs_of(server, run, "tags")["last"] == "500"
    assert pairs_of(server, run, "params") == {f"p{step}": str(step) for step in range(0, 600, 100)}
    assert run_of(server, run)["info"]["status"] == "FINISHED"


def test_a_script_whose_server_goes_away_is_finished_by_sync(
    server: RunningServer, proxy: FlakyProxy, tmp_path: Path
) -> None:
    run, side, gone = new_run(server), tmp_path / "everything.side", tmp_path / "gone"
    side.write_text("")
    proxy.faults = Faults(delay=0.02)
    script = start_sender(tmp_path, "everything", proxy.url, run, 400, gone)
    wait_for(lambda: len(lines(side)) > 3)
    proxy.faults = Faults(refuse=1)
    gone.touch()
    code, _, said = finish(script)
    assert (code, lines(side)[-1]) == (0, "end")
    assert "mltrack sync" in said
    assert run_of(server, run)["info"]["status"] == "RUNNING"
    proxy.faults = Faults()
    send_what_was_left()
    assert run_of(server, run)["info"]["status"] == "FINISHED"
    assert steps_of(server, run) == list(range(400))
    assert pairs_of(server, run, "tags")["last"] == "390"
    assert len(pairs_of(server, run, "params")) == 40


def test_children_of_multiprocessing_send_their_own(server: RunningServer, tmp_path: Path) -> None:
    run = new_run(server)
    code, _, said = finish(start_sender(tmp_path, "forking", server.url, run, 400))
    assert (code, said) == (0, "")
    assert [steps_of(server, run, f"m{number}") for number in range(3)] == [list(range(400))] * 3
    assert steps_of(server, run) == [0]
