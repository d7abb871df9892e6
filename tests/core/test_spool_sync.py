"""``mltrack sync``: what ended processes could not send is sent, said, and never shown to another server."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.core.command_line import call, done, parsed
from tests.core.spooled import (
    NOBODY,
    be_patient,
    new_run,
    new_sender,
    of_another,
    pairs_of,
    points,
    run_of,
    shared_server,
    start_sender,
    steps_of,
)
from tests.faults.flaky_proxy import Faults, flaky_proxy

from mltrack.entities import Metric, Param, RunTag
from mltrack.process import _start_time, current_owner
from mltrack.rest import spool
from mltrack.rest.records import Amount, of_points
from mltrack.rest.spool import Spool
from mltrack.rest.spool_file import SpoolFile, SpoolView, packed
from mltrack.rest.syncing import spool_status

if TYPE_CHECKING:
    from pathlib import Path

    from tests.core.tracking_servers import RunningServer

pytestmark = pytest.mark.filterwarnings("ignore::mltrack.backlog.StoreWarning")


@pytest.fixture
def server() -> RunningServer:
    return shared_server()


@pytest.fixture(autouse=True)
def _no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLTRACK_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr("mltrack.rest.sender.OUTAGE_SECONDS", 0.05)
    be_patient(monkeypatch)


def leave(server: RunningServer, run: str, *metrics: Metric, url: str | None = None) -> Path:
    """Leave points, a param, a tag and an end for a server, as a process that could not reach it; gives the file."""
    known = set(spool.files())
    with flaky_proxy(server.port) as proxy:
        proxy.faults = Faults(refuse=1)
        sender = new_sender(proxy.url)
        sender._spool.server = url or server.url
        sender.send(run, metrics or points(120))
        sender.send(run, params=[Param("p", "1")], tags=[RunTag("t", "x")])
        sender._keeper.put(run, b'{"run":"%b","end":{"status":"FINISHED"}}' % run.encode())
        sender.close()
    (path,) = set(spool.files()) - known
    path.rename(path.with_name(f"{spool._digest(url or server.url)}{path.name[16:]}"))
    return path.with_name(f"{spool._digest(url or server.url)}{path.name[16:]}")


def test_all_of_it_is_sent_in_order_and_the_file_is_gone(server: RunningServer) -> None:
    run = new_run(server)
    leave(server, run)
    said = f"{server.url}: 120 points, 1 param, 1 tag, 1 end of 1 run wait\n"
    assert done("sync", "--dry-run") == said
    assert run_of(server, run)["info"]["status"] == "RUNNING"
    assert done("sync") == f"{server.url}: sent 120 points, 1 param, 1 tag, 1 end\n"
    assert steps_of(server, run) == list(range(120))
    assert (pairs_of(server, run, "params"), pairs_of(server, run, "tags")["t"]) == ({"p": "1"}, "x")
    assert run_of(server, run)["info"]["status"] == "FINISHED"
    assert done("sync") == "Nothing waits for a server.\n"
    assert list(spool.folder().iterdir()) == []


def test_a_script_that_ends_leaves_what_it_cannot_send(server: RunningServer, tmp_path: Path) -> None:
    run = new_run(server)
    with flaky_proxy(server.port) as proxy:
        proxy.faults = Faults(refuse=1)
        child = start_sender(tmp_path, "leaving", proxy.url, run, 1234)
        _, said = child.communicate(timeout=120)
        assert child.returncode == 0
        assert "mltrack sync" in said
        proxy.faults = Faults()
        assert done("sync") == f"{proxy.url}: sent 1,234 points\n"
    assert steps_of(server, run) == list(range(1234))


def test_what_cannot_be_sent_stays_and_the_exit_code_says_so(server: RunningServer) -> None:
    run = new_run(server)
    leave(server, run, url=NOBODY)
    found = call("sync")
    assert found.exit_code == 1
    assert found.stdout.startswith(f"{NOBODY}: 120 points, 1 param, 1 tag, 1 end of 1 run wait: The tracking server")
    (left,) = spool_status()
    assert (left.amount, left.server, left.process) == (Amount(120, 1, 1, 1), NOBODY, None)
    assert left.runs == frozenset({run})


def test_what_is_refused_is_said_with_its_reason_and_kept(server: RunningServer) -> None:
    run = new_run(server)
    path = leave(server, run, *points(3), Metric("loss", 1.0, -5, 3))
    found = call("sync", "--json")
    assert found.exit_code == 1
    (said,) = json.loads(found.stdout)
    assert said["sent"] == {"points": 3, "params": 1, "tags": 1, "ends": 1, "inputs": 0, "new_runs": 0}
    (refused,) = said["refused"]
    assert (refused["amount"]["points"], refused["kept"]) == (1, str(spool.refused_file(path)))
    assert "timestamp" in refused["reason"]
    assert steps_of(server, run) == [0, 1, 2]
    assert not path.exists()
    assert "1 point that the server refused before" in done("sync")


def test_damage_is_said_with_its_place_and_size(server: RunningServer) -> None:
    run = new_run(server)
    path = leave(server, run, *points(300))
    view = SpoolView(path)
    places = [each.end for each in view.read(0)]
    view.close()
    content = bytearray(path.read_bytes())
    content[places[1] + 40] ^= 0x20
    path.write_bytes(content)
    found = call("sync")
    assert found.exit_code == 1
    assert f"{places[2] - places[1]:,} bytes at {places[1]} are damaged" in found.stdout
    assert steps_of(server, run) == [*range(100), *range(200, 300)]
    assert not path.exists()


def test_what_a_living_process_sends_is_left_to_it(server: RunningServer) -> None:
    sends = Spool(NOBODY)  # and no thread that would read the file while it is written over
    sends.append([of_points("r", points(2))], may_drop=True)
    (path,) = spool.files()
    of_another(path, os.getppid(), str(_start_time(os.getppid())))
    assert done("sync") == f"{NOBODY}: 2 points of 1 run are being sent by process {os.getppid()}\n"
    (left,) = spool_status()
    assert (left.amount, left.process) == (Amount(2), os.getppid())
    sends.forget()


def test_what_a_gone_container_left_is_sent(server: RunningServer) -> None:
    run = new_run(server)
    path = leave(server, run)
    content = path.read_bytes().replace(packed(b'{"left":true}'), b"")
    path.write_bytes(content)
    of_another(path, owner=replace(current_owner(), machine="box", namespace="pid:[1]", pid=17))
    assert [each.process for each in spool_status()] == [None]
    assert call("sync").exit_code == 0
    assert steps_of(server, run) == list(range(120))


def test_what_two_senders_have_refused_is_all_kept(server: RunningServer) -> None:
    """The first of them lives on, as in another notebook."""
    path = leave(server, "f" * 32, *points(3))
    first, second = Spool(server.url), Spool(server.url)
    for number, each in enumerate((first, second)):
        window = each.window()
        assert window is not None
        kept = each.keep_refused(window, [b'{"run":"%d","tags":[{"key":"a","value":"b"}]}' % number])
        assert kept == spool.refused_file(path)
        of_another(kept, os.getppid(), str(_start_time(os.getppid())))
        each.leave()
    assert [each.refused for each in spool_status()] == [Amount(tags=2)]


@pytest.mark.parametrize("chosen", [True, False], ids=["chosen", "credentials-only"])
def test_credentials_of_one_server_are_not_shown_to_another(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, chosen: bool
) -> None:
    run = new_run(server)
    with flaky_proxy(server.port) as other:
        leave(server, run, url=other.url)
        monkeypatch.setenv("MLTRACK_TRACKING_TOKEN", "hunter2")
        found = call(*(("--store", server.url) if chosen else ()), "sync")
        assert found.exit_code == 1
        assert "give --store" in found.stdout
        assert not other.seen
        assert call("--store", other.url, "sync").exit_code == 0
        assert other.seen
    assert steps_of(server, run) == list(range(120))


def test_a_look_at_a_run_sends_what_was_left_of_it_first(server: RunningServer) -> None:
    """So that a run which is taken up again is not ended by what waited."""
    run = new_run(server)
    leave(server, run)
    sender = new_sender(server.url)
    assert sender.flush(run)
    assert (steps_of(server, run), run_of(server, run)["info"]["status"]) == (list(range(120)), "FINISHED")
    sender.close()
    assert spool.files() == []


def test_a_file_that_holds_nothing_is_removed(server: RunningServer) -> None:
    spool.make_folder()
    SpoolFile.create(spool.folder() / f"{spool._digest(server.url)}-1-1-a-000000.spool", server.url).close()
    assert parsed("sync") == []
    assert spool.files() == []
