"""How servers begin and end: names and ports, what cannot be loaded, detached ones."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import psutil
import pytest
from tests.core.serving_models import ask, is_free, predicted, rows, save_obedient, wait_for

import mltrack
from mltrack import pyfunc
from mltrack.entities import ModelVersion
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, MltrackError, NotFoundError, StateError
from mltrack.serving import ports
from mltrack.serving.front import OWN, Front
from mltrack.serving.guard import Access, Guard
from mltrack.serving.handles import Server, serve, servers
from mltrack.serving.options import settings_of
from mltrack.serving.refusals import Refusal
from mltrack.serving.targets import model_uri_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MLTRACK_DATA_DIR", str(tmp_path / "user"))
    yield
    left = servers()
    for each in left:
        each.stop()
    assert left == []


@pytest.fixture
def model(tmp_path: Path) -> str:
    return save_obedient(tmp_path / "cancer")


def children(pid: int) -> list[int]:
    return [each.pid for each in psutil.Process(pid).children()]


def test_from_beginning_to_end(model: str) -> None:
    with serve(model, port=0) as server:
        assert (server.name, server.state, server.error, server.token) == ("cancer", "ready", None, None)
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert servers() == [server]
        workers = children(server.pid)
        assert len(workers) == 1
        assert os.getsid(server.pid) == server.pid != os.getsid(0)
        found = server.predict(pd.DataFrame({"x": [1.0, 2.0], "act": ["", ""]}))
        assert isinstance(found, np.ndarray)
        assert found.tolist() == [2.0, 4.0]
        assert server.predict([{"x": 3, "act": ""}]) == [6.0]
        stats = server.stats()
        assert (stats["requests"], stats["errors"], stats["in_flight"], stats["restarts"]) == (2, 0, 0, 0)
        assert stats["p50_ms"] > 0
        assert stats["serving"] == model
    assert (server.state, servers(), is_free(server.port)) == ("stopped", [], True)
    wait_for(lambda: not any(map(psutil.pid_exists, [server.pid, *workers])))  # of the workers init takes leave
    with pytest.raises(StateError, match="did not answer"):
        server.predict([{"x": 3, "act": ""}])
    server.stop()  # a second time is no error


def test_ports_names_and_errors(model: str, tmp_path: Path) -> None:
    with serve(model, name="mine", port=0) as first, serve(model) as second:
        assert second.port >= 5000
        assert (first.name, second.name, servers()) == ("mine", "cancer", [first, second])
        assert isinstance(second, Server)
        assert repr(second) == f"<Server 'cancer' ready, {model} at {second.url}>"
        with pytest.raises(AlreadyExistsError, match=f"Port {first.port} of 127.0.0.1 is taken"):
            serve(save_obedient(tmp_path / "late", code=f"open({str(tmp_path / 'loaded')!r}, 'w')"), port=first.port)
        assert not (tmp_path / "loaded").exists()  # no server was begun
        with pytest.raises(InvalidParameterError, match="x"):
            first.predict(pd.DataFrame({"act": [""]}))
        with pytest.raises(MltrackError, match="under the id"):
            first.predict([{"x": 3, "act": "raise"}])
        with serve(model, name="mine", port=first.port) as third:  # a name is for one server
            assert (first.state, third.state, third.port) == ("stopped", "ready", first.port)


def test_the_first_port_that_is_free_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(ports, "DEFAULT_PORT", port)
        with ports.listen("127.0.0.1", None) as found:
            assert port < found.getsockname()[1] < port + 100


def test_a_model_that_cannot_be_loaded_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mltrack.serving.launch._GRACE_SECONDS", 300)  # that the server's own process may need
    others = {*children(os.getpid())}  # such as the resource tracker that multiprocessing keeps for another test
    broken = save_obedient(tmp_path / "broken", code="raise RuntimeError('no such luck')")
    with pytest.raises(MltrackError, match=r"cannot be served: .*no such luck"):
        serve(broken)
    hanging = save_obedient(tmp_path / "hanging", code="import time; time.sleep(600)")
    with pytest.raises(MltrackError, match=r"not loaded within 0\.3 seconds"):
        serve(hanging, start_timeout=0.3)
    wait_for(lambda: {*children(os.getpid())} <= others)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prot": 5000}, "has no option 'prot'"),
        *(({"port": port}, "from 0 to 65535") for port in (70000, -1, "5000", True, 5000.5)),
        *(({"workers": workers}, "1 to 1024 workers") for workers in (0, "2", 1.5)),
        *(({"name": name}, "1 to 200 printable") for name in ("", 5, "a\nb", "x" * 201)),
        ({"host": 5}, "must be a text"),
        ({"allowed_hosts": "ml.example"}, "must be a list"),
        ({"batching": "yes"}, "True, False or None"),
        ({"start_timeout": "1"}, "above 0"),
        ({"timeout": 0}, "above 0"),
        ({"timeout": float("nan")}, "above 0"),
        ({"max_body": -1}, "above 0"),
        ({"token": "short"}, "16 or more"),
        ({"env_manager": "docker"}, "local, uv, conda"),
        ({"host": "999.1.1.1"}, "cannot listen"),
    ],
)
def test_options_that_are_not_allowed(model: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(MltrackError, match=message):
        serve(model, **options)  # type: ignore[arg-type]


def test_what_may_be_served(model: str) -> None:
    version = ModelVersion("cancer model", "3", 0)
    found = [model_uri_of(each) for each in (Path("cancer"), "models:/a@b", version, pyfunc.load_model(model))]
    assert found == [str(Path("cancer").absolute()), "models:/a@b", "models:/cancer model/3", model]
    with mltrack.start_run() as run:
        pass
    with pytest.raises(NotFoundError, match="has logged no model"):
        model_uri_of(run)
    with mltrack.start_run() as run:

        def double(data: pd.DataFrame) -> list[float]:
            return [2 * each for each in data["x"]]

        uri = model_uri_of(double)
    assert model_uri_of(run) == model_uri_of(mltrack.get_run(run.info.run_id)) == uri
    with pytest.raises(MltrackError, match="no model that is known"):
        serve(object())


def test_on_another_host_callers_need_the_token(model: str) -> None:
    with serve(model, host="0.0.0.0") as server:
        assert server.token is not None
        assert server.token_file is not None
        assert stat.S_IMODE(Path(server.token_file).stat().st_mode) == 0o600
        assert Path(server.token_file).read_text().strip() == server.token
        assert stat.S_IMODE(Path(server.token_file).parent.stat().st_mode) == 0o700
        right = f"Bearer {server.token}"
        front = Front(server._state.settings, server.port, dispatcher=cast(Any, None), supervisor=cast(Any, None))
        closed = {page.path: rows("") if page.method == "POST" else None for page in front.pages()}
        for path in ("/ping", "/health", "/docs"):  # which say nothing of the model
            assert closed.pop(path) is None
        for path, body in closed.items():
            for wrong in ("", "Bearer ", "Bearer x", f"Basic {server.token}", right[:-1], f"{right}x", "Bearer é"):
                answer = ask(server, body, path, Authorization=wrong)
                assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert ask(server, body, f"{path}?token={server.token}").status == 401
            assert ask(server, body, path, Authorization=right).status == (401 if path.startswith(OWN) else 200)
        assert ask(server, path="/ping").status == 200
        assert ask(server, rows(""), Host="my-machine:80", Authorization=right).status == 200
        assert server.predict([{"x": 1, "act": ""}]) == [2.0]
        assert server.token not in server.logs(1000)
        assert server.token not in Path(f"/proc/{server.pid}/cmdline").read_text()
        assert server.token not in Path(f"/proc/{server.pid}/environ").read_text()
        assert settings_of(model, {"host": "0.0.0.0"}, owned=False).token not in (None, server.token)


def test_a_server_open_to_everyone_under_its_names(model: str) -> None:
    options = {"host": "0.0.0.0", "allow_unauthenticated": True, "allowed_hosts": ["ml.example"]}
    settings = settings_of(model, options, owned=False)
    assert settings.token is None
    guard = Guard(settings, 5000)
    guard.check_access(Access.CALLER, {})
    for host in (b"ml.example", b"ML.example", b"127.0.0.1:5000"):
        guard.check_source("POST", {b"host": host})
    for host in (b"evil.example", b"ml.example:80", b"ml.example.", b""):
        with pytest.raises(Refusal) as caught:
            guard.check_source("POST", {b"host": host})
        assert caught.value.answer.status == 403


def test_a_detached_server_is_found_again(model: str, tmp_path: Path) -> None:
    code = f"import mltrack.serving.handles as h; print(h.serve({model!r}, detach=True, port=0).port)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    [server] = servers()
    assert (server.port, server.detached) == (int(done.stdout), True)
    assert server.predict([{"x": 1, "act": ""}]) == [2.0]
    port = server.port
    server.restart()
    assert (server.port, server.detached, server.predict([{"x": 1, "act": ""}])) == (port, True, [2.0])
    with pytest.raises(AlreadyExistsError, match="runs already"):
        serve(model, name=server.name)
    state = tmp_path / "user" / "servers"
    assert {stat.S_IMODE(file.stat().st_mode) for file in state.iterdir()} == {0o600}
    os.kill(server.pid, signal.SIGKILL)
    wait_for(lambda: servers() == [])
    assert (list(state.glob("*.json")), server.state) == ([], "stopped")
    time.sleep(0.5)
    assert is_free(port)  # nobody starts it again


def test_what_is_no_state_file_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "user" / "servers"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text("{")
    (folder / "b.json").write_text('{"owner": 1}')
    assert servers() == []


def test_stopping_answers_all_who_wait(model: str) -> None:
    with serve(model, port=0) as server, ThreadPoolExecutor(64) as pool:
        jobs = [pool.submit(ask, server, rows("sleep:0.01")) for _ in range(64)]
        wait_for(lambda: server.stats()["requests"] > 0)
        server.stop()
        statuses = []
        for job in jobs:
            try:
                statuses.append(job.result().status)
            except ConnectionError:  # it came when the port was closed
                statuses.append(0)
    assert set(statuses) <= {200, 503, 0}
    assert statuses.count(200) > 0
    assert is_free(server.port)


def test_a_server_that_is_killed_is_started_again_by_its_handle(model: str) -> None:
    with serve(model, port=0) as server:
        port, pid = server.port, server.pid
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: server.pid != pid and server.state == "ready")
        assert (server.port, server.stats()["restarts"]) == (port, 1)
        assert "killed by SIGKILL" in str(server.error)
        assert predicted(server, "") == [2.0]
        os.kill(server.pid, signal.SIGTERM)  # somebody means it
        wait_for(lambda: server.state == "stopped")
