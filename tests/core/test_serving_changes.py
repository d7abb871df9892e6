"""Servers whose model changes while they answer: reloads, aliases that are moved, more workers than one."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

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


def when_it_may(release: Path, code: str) -> str:
    """Give the code of a model that is loading until there is a file."""
    return f"import os, time\nwhile not os.path.exists({str(release)!r}): time.sleep(0.02)\n{code}"


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
    found, stop = set[float](), threading.Event()
    with serve(save_obedient(tmp_path / "model"), port=0) as server, ThreadPoolExecutor(3) as pool:

        def hammer() -> None:
            while not stop.is_set():
                found.add(predicted(server, "sleep:0.05")[0])

        jobs = [pool.submit(hammer) for _ in range(3)]
        try:
            wait_for(lambda: found == {2.0})  # they have begun
            server.reload(other)
            assert predicted(server, "") == [3.0]
            with pytest.raises(MltrackError, match=r"cannot be served: .*exit code 3"):
                server.reload(save_obedient(tmp_path / "fatal", code="import os; os._exit(3)"))
            assert predicted(server, "") == [3.0]
            wait_for(lambda: found == {2.0, 3.0})
        finally:
            stop.set()
        for job in jobs:
            job.result()
        assert found == {2.0, 3.0}
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
    slow = save_obedient(tmp_path / "slow", code=when_it_may(tmp_path / "release", TRIPLE))
    with serve(save_obedient(tmp_path / "model"), port=0) as server, ThreadPoolExecutor(1) as pool:
        old = workers(server)
        loading = pool.submit(server.reload, slow)
        wait_for(lambda: len(workers(server)) == 2)
        for each in workers(server):
            if whom == "both" or (each in old) == (whom == "old"):
                each.kill()
        (tmp_path / "release").touch()
        if whom == "old":
            loading.result()
        else:
            with pytest.raises(MltrackError, match=r"cannot be served: .*SIGKILL"):
                loading.result()
        wait_for(lambda: ask(server, rows("")).status == 200)
        assert predicted(server, "") == [3.0 if whom == "old" else 2.0]
        wait_for(lambda: len(workers(server)) == 1)


class Champion(NamedTuple):
    """A server with two workers of an alias; the second version is loaded when it may be, the third never."""

    server: Server
    client: mltrack.MltrackClient
    folder: Path

    def let_load(self) -> None:
        """Let the second version be loaded."""
        (self.folder / "release").touch()

    def loading(self, version: int) -> int:
        """Say how many workers have begun to load a version: they know then which one the alias names."""
        return len([*self.folder.glob(f"{version}-*")])


@pytest.fixture
def champion(tmp_path: Path) -> Iterator[Champion]:
    folder = tmp_path / "loading"
    folder.mkdir()
    first, second = (f"import os\nopen({str(folder / f'{number}-')!r} + str(os.getpid()), 'w')\n" for number in (1, 2))
    slow = second + when_it_may(folder / "release", TRIPLE)
    client = name_versions(tmp_path, first + OBEDIENT, slow, f"raise OSError('bad')\n{OBEDIENT}")
    with serve(ALIAS, port=0, workers=2) as server:
        found = Champion(server, client, folder)
        wait_for(lambda: found.loading(1) == 2)
        yield found


@pytest.mark.slow
def test_an_alias_that_is_moved_back_while_its_version_loads(champion: Champion) -> None:
    server, client = champion.server, champion.client
    client.set_registered_model_alias("cancer model", "champion", "2")
    wait_for(lambda: champion.loading(2) == 2)
    client.set_registered_model_alias("cancer model", "champion", "1")
    champion.let_load()
    wait_for(lambda: "now serving models:/cancer model/2" in server.logs(1000))
    wait_for(lambda: server.stats()["serving"] == "models:/cancer model/1")
    assert {predicted(server, "")[0] for _ in range(10)} == {2.0}


@pytest.mark.slow
def test_workers_that_die_come_back_with_the_version_of_the_others(champion: Champion) -> None:
    """Also when the alias is gone: what is served goes on."""
    server, client = champion.server, champion.client
    champion.let_load()
    client.delete_registered_model_alias("cancer model", "champion")
    for each in workers(server):
        each.kill()
    wait_for(lambda: ask(server, rows("")).status == 200)
    assert server.stats()["serving"] == "models:/cancer model/1"
    client.set_registered_model_alias("cancer model", "champion", "2")
    wait_for(lambda: server.stats()["serving"] == "models:/cancer model/2")


@pytest.mark.slow
def test_a_version_that_cannot_be_loaded_is_not_tried_all_the_time(champion: Champion) -> None:
    server, client = champion.server, champion.client
    champion.let_load()
    client.set_registered_model_alias("cancer model", "champion", "3")
    wait_for(lambda: "bad" in str(server.error))
    time.sleep(5)
    assert server.logs(1000).count("names version 3; loading it") == 1
    assert (server.state, predicted(server, "")) == ("ready", [2.0])
    client.set_registered_model_alias("cancer model", "champion", "2")
    wait_for(lambda: predicted(server, "") == [3.0])
