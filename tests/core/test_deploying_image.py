"""The folder for ``docker build``: what it says, and what it does when its commands are run one after the other."""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.core.deployed_models import ask, free_port, need, need_nginx, running, save_estimator, save_function

from mltrack.deploying.dockerfile import ImageOptions
from mltrack.deploying.image import build_docker, find_engine, generate_dockerfile
from mltrack.deploying.nginx import Proxy, nginx_config
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, MissingLibraryError, UntrustedModelError
from mltrack.models import trust
from mltrack.models.folder import ModelFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

STUBS = ("apt-get", "useradd", "rm")


def instructions(folder: Path) -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order: their words and what follows, on one line."""
    text = re.sub(r"^#.*\n", "", (folder / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def only(folder: Path, word: str) -> str:
    (found,) = [rest for each, rest in instructions(folder) if each == word]
    return found


def test_the_folder_is_whole(tmp_path: Path) -> None:
    save_function(tmp_path / "model")
    folder = generate_dockerfile("model", "image")
    names = {path.name for path in folder.iterdir()}
    assert names == {"Dockerfile", "requirements.txt", "model", next(folder.glob("*.whl")).name}
    assert ModelFolder(folder / "model").digest() == ModelFolder(Path("model")).digest()
    python = f"python:{sys.version_info[0]}.{sys.version_info[1]}-slim"
    assert instructions(folder)[0] == ("FROM", python)
    assert only(folder, "USER") == "1000:1000"
    assert only(folder, "EXPOSE") == "8080"
    assert only(folder, "CMD") == '["serve"]'
    words = json.loads(only(folder, "ENTRYPOINT"))
    assert words[:5] == ["python", "-m", "mltrack.deploying.container", "--model", "/opt/ml/model"]
    assert json.loads(only(folder, "HEALTHCHECK").partition("CMD ")[2])[-1] == "ping"
    lines = (folder / "requirements.txt").read_text().splitlines()
    assert all("==" in line for line in lines)
    assert any(line.startswith("uvicorn==") for line in lines)
    order = [word for word, _ in instructions(folder)]
    assert order.index("USER") > max(number for number, word in enumerate(order) if word in ("RUN", "COPY"))


def test_only_a_model_that_runs_code_may_do_so_in_the_image(tmp_path: Path) -> None:
    save_function(tmp_path / "function")
    save_estimator(tmp_path / "estimator")
    allowed = "MLTRACK_ALLOW_PICKLE=true"
    assert allowed in (generate_dockerfile("function", "a") / "Dockerfile").read_text()
    assert allowed not in (generate_dockerfile("estimator", "b") / "Dockerfile").read_text()


def test_a_strangers_model_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    folder = save_function(tmp_path / "model")
    trust.forget(ModelFolder(folder).digest())
    with pytest.raises(UntrustedModelError, match=r"python_model\.pkl"):
        generate_dockerfile("model", "image")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "user") == ["model"]


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    save_function(tmp_path / "model")
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "mine").touch()
    with pytest.raises(AlreadyExistsError, match="not empty"):
        generate_dockerfile("model", "image")


def test_others_may_read_what_a_strict_user_writes(tmp_path: Path) -> None:
    save_function(tmp_path / "model")
    before = os.umask(0o077)
    try:
        folder = generate_dockerfile("model", "image")
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o077 for path in folder.rglob("*")} == {0o044, 0o055}


def test_nginx_is_an_option(tmp_path: Path) -> None:
    save_function(tmp_path / "model")
    folder = generate_dockerfile("model", "image", ImageOptions(workers=3, with_nginx=True))
    words = json.loads(only(folder, "ENTRYPOINT"))
    assert words[words.index("--workers") + 1] == "3"
    assert words[words.index("--nginx") + 1] == "/opt/mltrack/nginx.conf"
    assert "nginx-light" in (folder / "Dockerfile").read_text()
    with pytest.raises(InvalidParameterError, match="workers"):
        ImageOptions(workers=0)


def test_debian_brings_what_a_library_lacks(tmp_path: Path) -> None:
    save_function(tmp_path / "model", requirements=["lightgbm"])
    text = (generate_dockerfile("model", "image") / "Dockerfile").read_text()
    assert "install -y --no-install-recommends libgomp1 " in text


def test_without_an_engine_one_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingLibraryError, match=r"no Docker engine.*not installed.*generate-dockerfile"):
        build_docker("model", "cancer")
    engine = tmp_path / "docker"
    engine.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    engine.chmod(0o755)
    with pytest.raises(MissingLibraryError, match=r"\(Cannot connect to the Docker daemon\)"):
        build_docker("model", "cancer")


def test_the_engine_is_called_with_a_list_of_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in takes the engine's place and notes how it was called."""
    save_function(tmp_path / "model")
    engine = tmp_path / "programs" / "docker"
    engine.parent.mkdir()
    engine.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {tmp_path}/words\n[ -z "$4" ] || ls "$4"\n')
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", f"{engine.parent}:{os.environ['PATH']}")
    said: list[str] = []
    assert build_docker("model", "team/cancer:1", say=said.append) == "team/cancer:1"
    words = (tmp_path / "words").read_text().splitlines()
    assert words[:4] == ["info", "build", "--tag", "team/cancer:1"]
    assert not Path(words[4]).exists()
    assert "Dockerfile" in said
    with pytest.raises(InvalidParameterError, match="name of an image"):
        build_docker("model", "$(touch marker)")


@pytest.mark.slow
def test_a_real_engine_builds_it(tmp_path: Path) -> None:
    try:
        find_engine()
    except MissingLibraryError as error:
        pytest.skip(str(error))
    save_estimator(tmp_path / "model")
    assert build_docker("model", "mltrack-test:latest") == "mltrack-test:latest"


def announce(port: int, size: int) -> int:
    """Send only the head of a request with a body of that size; gives the status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("POST", "/invocations")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    return connection.getresponse().status


class Container:
    """What ``docker build`` and ``docker run`` do, step by step in a folder that takes the place of ``/``."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root, self.here = folder, root, root
        self.variables: dict[str, str] = {}
        self.entry: list[str] = []
        self.port, self.behind = free_port(), free_port()

    def build(self) -> None:
        for word, rest in instructions(self.folder):
            getattr(self, f"_{word.lower()}")(rest)

    def command(self, *words: str) -> list[str]:
        found = [self._inside(word) for word in [*self.entry, *words]]
        found[found.index("--port") + 1] = str(self.port)
        found[found.index("serve")] = "serve"
        return [str(self.root / "venv" / "bin" / "python"), *found[1:-1], "--behind", str(self.behind), found[-1]]

    def _inside(self, text: str) -> str:
        return text.replace("/opt/", f"{self.root}/opt/").replace("/tmp/mltrack", f"{self.root}/tmp/mltrack")

    def _from(self, image: str) -> None:
        version = re.fullmatch(r"python:(\d\.\d+)-slim", image)
        assert version
        uv = need("uv", "pip install uv")
        subprocess.run([uv, "venv", "-q", "--seed", "--python", version[1], str(self.root / "venv")], check=True)
        stubs = self.root / "stubs"
        stubs.mkdir()
        for name in STUBS:  # what changes the system is noted only
            (stubs / name).write_text(f'#!/bin/sh\necho "{name} $@" >> {self.root}/noted\n')
            (stubs / name).chmod(0o755)
        self.variables["PATH"] = f"{stubs}:{self.root}/venv/bin:/usr/bin:/bin:/usr/sbin"
        self.variables["PIP_FIND_LINKS"] = os.environ.get("PIP_FIND_LINKS", "")

    def _env(self, text: str) -> None:
        for pair in shlex.split(text):
            name, _, value = pair.partition("=")
            self.variables[name] = self._inside(value)

    def _workdir(self, path: str) -> None:
        self.here = Path(self._inside(path))
        self.here.mkdir(parents=True)

    def _run(self, text: str) -> None:
        done = subprocess.run(["sh", "-c", text], cwd=self.here, env=self.variables, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def _copy(self, text: str) -> None:
        source, target = text.split()
        place = self.here / source if target == "./" else Path(self._inside(target))
        copy = shutil.copytree if (self.folder / source).is_dir() else shutil.copyfile
        place.parent.mkdir(parents=True, exist_ok=True)
        copy(self.folder / source, place)
        if source == "nginx.conf":
            config = place.read_text().replace(" /tmp/", f" {self.root}/")
            place.write_text(config.replace("8080", str(self.port)).replace("8081", str(self.behind)))

    def _user(self, _: str) -> None: ...

    _expose = _healthcheck = _cmd = _user

    def _entrypoint(self, text: str) -> None:
        self.entry = json.loads(text)


@pytest.fixture(params=["alone", "behind nginx"])
def container(request: pytest.FixtureRequest, tmp_path: Path) -> Container:
    with_nginx = request.param == "behind nginx"
    if with_nginx:
        need_nginx()
    save_estimator(tmp_path / "model")
    folder = generate_dockerfile("model", tmp_path / "image", ImageOptions(with_nginx=with_nginx, workers=2))
    made = Container(folder, tmp_path / "root")
    made.root.mkdir()
    made.build()
    return made


@pytest.mark.slow
def test_the_commands_make_what_answers(container: Container) -> None:
    with_nginx = "--nginx" in container.entry
    noted = (container.root / "noted").read_text()
    assert "useradd --uid 1000" in noted
    assert ("install -y --no-install-recommends nginx-light" in noted) == with_nginx
    base = f"http://127.0.0.1:{container.port}"
    body = (container.folder / "model" / "serving_input_example.json").read_bytes()
    with running(container.command("serve"), container.root, f"{base}/ping", variables=container.variables):
        assert ask(f"{base}/invocations", body, Content_Type="application/json") == (200, b'{"predictions": [0, 0, 0]}')
        ping = [*container.command("serve")[:-1], "ping"]
        # As often as Docker asks before it calls a container unhealthy: one answer may take too long.
        assert any(subprocess.run(ping, env=container.variables, check=False).returncode == 0 for _ in range(3))
        assert announce(container.port, 17 << 20) == 413
        assert ask(f"{base}/invocations", body, Content_Type="application/json", Origin="http://evil.example")[0] == 403
        assert ask(f"{base}/invocations", body, Content_Type="application/json", Origin=base)[0] == 200
        assert ask(f"{base}/mltrack/stats")[0] in (401, 404)
    assert ask(f"{base}/ping")[0] == 0
    assert subprocess.run(ping, env=container.variables, check=False).returncode == 1


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[tuple[Proxy, str]]:
    found = need_nginx()
    proxy = Proxy(free_port(), free_port(), max_body=1000, folder=str(tmp_path))
    (tmp_path / "nginx.conf").write_text(nginx_config(proxy))
    return (yield proxy, found)


def test_nginx_takes_the_configuration_and_answers_for_itself(nginx: tuple[Proxy, str], tmp_path: Path) -> None:
    proxy, program = nginx
    command = [program, "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    base = f"http://127.0.0.1:{proxy.port}"
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        status, end = 0, time.monotonic() + 60
        while not status:
            assert process.poll() is None, "nginx has ended"
            assert time.monotonic() < end, "nginx does not answer"
            time.sleep(0.02)
            status, message = ask(f"{base}/ping")
        assert (status, json.loads(message)["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
        status, message = ask(f"{base}/invocations", b"x" * 1001)
        assert (status, json.loads(message)["message"]) == (413, "The body has over 1000 bytes.")
        assert ask(f"{base}/mltrack/stats")[0] == 404
    finally:
        process.terminate()
        process.wait()
