"""Servers whose model changes while they answer: reloads, aliases that are moved, more workers than one."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.core.serving_models import OBEDIENT, SIGNATURE, ask, predicted, rows, save_obedient, wait_for

import mltrack
from mltrack import pyfunc
from mltrack.exceptions import MltrackError
from mltrack.serving.handles import Server, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRIPLE = OBEDIENT.replace("* 2", "* 3")
ALIAS = "models:/cancer model@champion"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLTRACK_DATA_DIR", str(tmp_path / "user"))


def workers(server: Server) -> list[psutil.Process]:
    return list(psutil.Process(server.pid).children())


def name_versions(folder: Path, *codes: str) -> mltrack.MltrackClient:
    """Log a version of ``cancer model`` for each code, and make the first the champion."""
    mltrack.set_tracking_uri(folder / "mltrack.db")
    code, client = folder / "logged.py", mltrack.MltrackClient()
    for text in codes:
        code.write_text(text)
        pyfunc.log_model("m", python_model=str(code), signature=SIGNATURE, registered_model_name="cancer model")
    client.set_registered_model_alias("cancer model", "champion", "1")
    return client


def test_a_reload_loses_nothing(tmp_path: Path) -> None:
    other = save_obedient(tmp_path / "other", code=TRIPLE)
    with serve(save_obedient(tmp_path / "model"), port=0) as server, ThreadPoolExecutor(3) as pool:
        stop = threading.Event()

        def hammer() -> set[float]:
            found = set()
            while not stop.is_set():
                found.add(predicted(server, "sleep:0.05")[0])
            return found

        jobs = [pool.submit(hammer) for _ in range(3)]
        server.reload(other)
        assert predicted(server, "") == [3.0]
        with pytest.raises(MltrackError, match=r"cannot be served: .*exit code 3"):
            server.reload(save_obedient(tmp_path / "fatal", code="import os; os._exit(3)"))
        assert predicted(server, "") == [3.0]
        stop.set()
        assert set.union(*(job.result() for job in jobs)) == {2.0, 3.0}
        wait_for(lambda: len(workers(server)) == 1)
        assert (server.stats()["restarts"], server.stats()["serving"]) == (0, other)


def test_a_changed_alias_changes_the_model(tmp_path: Path) -> None:
    client = name_versions(tmp_path, OBEDIENT, TRIPLE)
    with serve(ALIAS, port=0) as server:
        assert (server.name, server.stats()["serving"]) == ("cancer model", "models:/cancer model/1")
        assert predicted(server, "") == [2.0]
        client.set_registered_model_alias("cancer model", "champion", "2")
        wait_for(lambda: predicted(server, "") == [3.0])
        assert server.stats()["serving"] == "models:/cancer model/2"


@pytest.mark.slow
def test_several_workers(tmp_path: Path) -> None:
    with serve(save_obedient(tmp_path / "model"), port=0, workers=2) as server, ThreadPoolExecutor(2) as pool:
        wait_for(lambda: len(workers(server)) == 2)

        def one_is_free() -> bool:
            release = tmp_path / "release"
            held = pool.submit(predicted, server, f"until:{release}")
            wait_for(lambda: server.stats()["in_flight"] == 1)
            other = pool.submit(predicted, server, "")
            with suppress(TimeoutError):
                other.result(2)
            was_free = other.done()
            release.touch()
            assert held.result() == other.result() == [2.0]
            release.unlink()
            return was_free

        wait_for(one_is_free)  # the second worker is ready a little later than the first


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["old", "new", "both"])
def test_workers_that_are_killed_during_a_reload(tmp_path: Path, whom: str) -> None:
    """The old one comes back, and the new one is one clear error."""
    slow = save_obedient(tmp_path / "slow", code=f"import time; time.sleep(1)\n{TRIPLE}")
    with serve(save_obedient(tmp_path / "model"), port=0) as server, ThreadPoolExecutor(1) as pool:
        old = workers(server)
        loading = pool.submit(server.reload, slow)
        wait_for(lambda: len(workers(server)) == 2)
        for each in workers(server):
            if whom == "both" or (each in old) == (whom == "old"):
                each.kill()
        if whom == "old":
            loading.result()
        else:
            with pytest.raises(MltrackError, match=r"cannot be served: .*SIGKILL"):
                loading.result()
        wait_for(lambda: ask(server, rows("")).status == 200)
        assert predicted(server, "") == [3.0 if whom == "old" else 2.0]
        wait_for(lambda: len(workers(server)) == 1)


@pytest.fixture
def champion(tmp_path: Path) -> Iterator[tuple[Server, mltrack.MltrackClient]]:
    """A server with two workers of an alias; the second version loads slowly, the third not at all."""
    client = name_versions(
        tmp_path, OBEDIENT, f"import time; time.sleep(1.5)\n{TRIPLE}", f"raise OSError('bad')\n{OBEDIENT}"
    )
    with serve(ALIAS, port=0, workers=2) as server:
        wait_for(lambda: len(workers(server)) == 2)
        yield server, client


@pytest.mark.slow
def test_an_alias_that_is_moved_back_while_its_version_loads(
    champion: tuple[Server, mltrack.MltrackClient],
) -> None:
    server, client = champion
    client.set_registered_model_alias("cancer model", "champion", "2")
    wait_for(lambda: len(workers(server)) == 4)
    client.set_registered_model_alias("cancer model", "champion", "1")
    time.sleep(5)
    wait_for(lambda: server.stats()["serving"] == "models:/cancer model/1")
    assert {predicted(server, "")[0] for _ in range(10)} == {2.0}


@pytest.mark.slow
def test_workers_that_die_come_back_with_the_version_of_the_others(
    champion: tuple[Server, mltrack.MltrackClient],
) -> None:
    """Also when the alias is gone: what is served goes on."""
    server, client = champion
    client.delete_registered_model_alias("cancer model", "champion")
    for each in workers(server):
        each.kill()
    wait_for(lambda: ask(server, rows("")).status == 200)
    assert server.stats()["serving"] == "models:/cancer model/1"
    client.set_registered_model_alias("cancer model", "champion", "2")
    wait_for(lambda: server.stats()["serving"] == "models:/cancer model/2")


@pytest.mark.slow
def test_a_version_that_cannot_be_loaded_is_not_tried_all_the_time(
    champion: tuple[Server, mltrack.MltrackClient],
) -> None:
    server, client = champion
    client.set_registered_model_alias("cancer model", "champion", "3")
    wait_for(lambda: "bad" in str(server.error))
    time.sleep(5)
    assert server.logs(1000).count("names version 3; loading it") == 1
    assert (server.state, predicted(server, "")) == ("ready", [2.0])
    client.set_registered_model_alias("cancer model", "champion", "2")
    wait_for(lambda: predicted(server, "") == [3.0])
