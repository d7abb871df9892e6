"""Faults around a server: models that spoil their own process, folders that cannot be written, names that clash."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.core.command_line import refused
from tests.core.serving_models import OBEDIENT, ask, is_free, predicted, rows, save_obedient, serving, wait_for

from mltrack.exceptions import MltrackError, UntrustedModelError
from mltrack.serving.handles import Server, serve, servers
from mltrack.serving.launch import launch
from mltrack.serving.logs import MOST_BYTES
from mltrack.serving.names import Claim
from mltrack.serving.options import settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

UNRULY = OBEDIENT.replace(
    'if act == "nothing"',
    """if act == "fork": os.fork()
        if act == "deaf": sys.stdin = sys.stdout = sys.stderr = None
        if act == "mute": os.closerange(0, 3)
        if act == "interrupt": raise KeyboardInterrupt
        if act == "nothing\"""",
)


@pytest.fixture(scope="module")
def unruly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("unruly"), code=UNRULY, port=0) as found:
        yield found


@pytest.fixture
def model(tmp_path: Path) -> str:
    return save_obedient(tmp_path / "model")


@pytest.fixture
def ended() -> Iterator[None]:
    yield
    left = servers()
    for each in left:
        each.stop()
    assert left == []


def test_a_model_that_forks_leaves_one_that_answers(unruly: Server) -> None:
    """The copy of the worker must not take what is sent to the worker, nor answer for it."""
    [worker] = psutil.Process(unruly.pid).children()
    assert predicted(unruly, "fork") == [2.0]
    assert [predicted(unruly, "", x=float(number)) for number in range(10)] == [[number * 2.0] for number in range(10)]
    wait_for(lambda: all(each.status() == psutil.STATUS_ZOMBIE for each in worker.children()))


@pytest.mark.parametrize("act", ["deaf", "mute"])
def test_a_model_that_closes_what_is_standard_still_fails_with_an_id(unruly: Server, act: str) -> None:
    restarts = unruly.stats()["restarts"]
    assert predicted(unruly, act) == [2.0]
    assert ask(unruly, rows("raise")).status == 500
    assert unruly.stats()["restarts"] == restarts
    unruly.reload()


def test_what_is_no_exception_is_a_failure_too(unruly: Server) -> None:
    assert ask(unruly, rows("interrupt")).status == 500
    assert predicted(unruly, "") == [2.0]


def test_a_log_whose_folder_is_gone_does_not_grow_for_ever(unruly: Server) -> None:
    folder = Path(unruly._state.settings.folder)
    folder.rename(folder.with_name("elsewhere"))
    try:
        assert predicted(unruly, "print:6") == [2.0]
        assert os.stat(f"/proc/{unruly.pid}/fd/2").st_size <= MOST_BYTES
        assert unruly.logs() == ""
    finally:
        folder.with_name("elsewhere").rename(folder)
    assert predicted(unruly, "") == [2.0]


@pytest.mark.usefixtures("ended")
def test_files_of_the_folder_do_not_stand_for_modules(model: str, tmp_path: Path) -> None:
    for name in ("secrets", "uvicorn", "types", "json", "pandas"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('not the module that was meant')")
    (tmp_path / "own_module.py").write_text("factor = 5")  # which a model may need
    own = save_obedient(tmp_path / "own", code=OBEDIENT.replace("* 2", "* __import__('own_module').factor"))
    path = f"{sys.path!r} + {[str(tmp_path)]!r}"
    code = f"import sys; sys.path = {path}\nfrom mltrack.serving.handles import serve\n"
    code += f"with serve({own!r}, port=0) as server: print(server.predict([{{'x': 1, 'act': ''}}]))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.stdout, done.stderr) == ("[5.0]\n", "")


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path, model: str) -> None:
    shutil.rmtree(tmp_path / "user")
    (tmp_path / "user").write_text("no folder")
    for call in (lambda: serve(model), servers):
        with pytest.raises(MltrackError, match=r"cannot be written to .*/user/servers: .*MLTRACK_DATA_DIR"):
            call()
    # A command in the foreground, as in a container, does without its files but for a new token.
    assert "cannot be written" in refused("models", "serve", "-m", model, "-h", "0.0.0.0")
    process = subprocess.Popen(
        [sys.executable, "-m", "mltrack", "models", "serve", "-m", model, "-p", "0"],
        env={**os.environ, "MLTRACK_ALLOW_PICKLE": "true"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "does not list this server" in process.stdout.readline()
    assert "is served at" in process.stdout.readline()
    process.terminate()
    assert process.wait(60) == 0


@pytest.mark.usefixtures("ended")
def test_a_model_that_is_not_trusted_says_so_here(tmp_path: Path, model: str) -> None:
    with serve(model, port=0) as server:
        (tmp_path / "model" / "model.py").write_text(OBEDIENT + "\n# changed")
        for call in (lambda: serve(model, port=0), server.reload):
            with pytest.raises(UntrustedModelError, match=r"cannot be served: .*mltrack models trust"):
                call()
        assert predicted(server, "") == [2.0]


@pytest.mark.slow
@pytest.mark.usefixtures("ended")
def test_a_python_that_is_gone_is_waited_for(tmp_path: Path, model: str) -> None:
    """What a new worker needs may be missing for a while: an environment, memory, room for one more process."""
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        settings = settings_of(model, {"port": 0}, owned=True).changed(python=str(python))
        process, state = launch(settings)
    with Server(state, process) as server:
        python.unlink()
        [worker] = psutil.Process(server.pid).children()
        worker.kill()
        wait_for(lambda: "cannot be started" in str(server.error))
        wait_for(lambda: server.state == "failing")  # it is "restarting" for half a second before
        python.symlink_to(sys.executable)
        wait_for(lambda: ask(server, rows("")).status == 200)


@pytest.mark.slow
@pytest.mark.usefixtures("ended")
def test_stop_while_it_is_started_again(tmp_path: Path) -> None:
    slow = f"import os, time\nif os.path.exists({str(tmp_path / 'slow')!r}): time.sleep(60)\n{OBEDIENT}"
    before = {*psutil.Process().children(recursive=True)}
    server = serve(save_obedient(tmp_path / "model", code=slow), port=0)
    (tmp_path / "slow").touch()
    os.kill(server.pid, signal.SIGKILL)
    wait_for(lambda: server.stats()["restarts"] == 1)
    server.stop()
    assert (server.state, is_free(server.port)) == ("stopped", True)
    assert {*psutil.Process().children(recursive=True)} <= before


def test_names_are_claimed_by_one_process(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom mltrack.serving.names import Claim\nfrom mltrack.serving.settings import Settings\n"
        "s = Settings('m', '', 'one', key='', nonce='', folder=sys.argv[1], numbered=sys.argv[2] == 'numbered')\n"
        "try: claim = Claim.of(s); print(claim.settings.name, flush=True)\n"
        "except Exception as error: print(type(error).__name__, flush=True)\n"
        "sys.stdin.read()"
    )

    def start(*words: str) -> list[subprocess.Popen[str]]:
        command = [sys.executable, "-c", code, str(tmp_path), *words]
        return [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]

    for words, expected in (
        (("exact",), ["AlreadyExistsError"] * 2 + ["one"]),
        (("numbered",), ["one", "one-2", "one-3"]),
    ):
        processes = start(*words)
        said = sorted(each.stdout.readline().strip() for each in processes if each.stdout)
        assert said == expected
        processes[0].kill()  # which gives its name back
        for each in processes:
            each.communicate()
    settings = settings_of("m", {"name": "one"}, owned=False, folder=str(tmp_path))
    claim = Claim.of(settings)
    claim.give_back()
    Claim.of(settings).give_back()


def lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:  # it was taken leave of between the two
        return False


@pytest.mark.slow
@pytest.mark.usefixtures("ended")
def test_a_front_that_is_stopped_and_what_it_leaves(tmp_path: Path) -> None:
    """A front that is held by SIGSTOP, or killed: neither its workers nor what these have started outlive it."""
    family = "import subprocess\nsubprocess.Popen(['sleep', '600'])\nif os.fork() == 0: time.sleep(600)\ndef predict"
    server = serve(save_obedient(tmp_path / "model", code=OBEDIENT.replace("def predict", family)), port=0)
    left = psutil.Process(server.pid).children(recursive=True)
    assert len(left) == 3
    pid = server.pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(map(lives, left)))
    wait_for(lambda: server.pid != pid and server.state == "ready")
    os.kill(server.pid, signal.SIGSTOP)
    assert server.state == "unreachable"
    began = time.monotonic()
    server.stop()
    assert (time.monotonic() - began < 60, is_free(server.port)) == (True, True)
