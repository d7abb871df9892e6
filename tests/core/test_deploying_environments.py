"""Environments of a model's own: whole or not there, this user's alone, with this very mltrack."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
import threading
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.core.deployed_models import need, save_function

import mltrack
from mltrack.deploying import environment_folders, environments
from mltrack.deploying.environments import prepare
from mltrack.deploying.own_wheel import make_wheel, own_requirements
from mltrack.deploying.pins import pin
from mltrack.deploying.requirement_lines import names_of, parse_requirements
from mltrack.exceptions import InvalidParameterError, MissingLibraryError, StateError
from mltrack.models.folder import ModelFolder


def place(tmp_path: Path) -> Path:
    return tmp_path / "user" / "environments"


def test_a_wheel_holds_what_runs(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    assert wheel.name == f"jupyter_mltrack-{mltrack.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        source = Path(mltrack.__file__).parent
        assert archive.read("mltrack/config.py") == (source / "config.py").read_bytes()
        assert {"mltrack/py.typed", "mltrack/deploying/templates/kserve/README.md.txt"} <= {*names}
        assert any(name.startswith("mltrack_magics/") for name in names)
        assert not any("__pycache__" in name for name in names)
        asked = archive.read(next(name for name in names if name.endswith("/METADATA"))).decode()
        assert "Requires-Dist: pandas" in asked
        assert "jupyterlab" not in asked
        lines = archive.read(next(name for name in names if name.endswith("/RECORD"))).decode().splitlines()
        records = [line.rsplit(",", 2) for line in lines]
        assert [path for path, _, _ in records] == names
        for path, digest, size in records[:-1]:
            content = archive.read(path)
            made = base64.urlsafe_b64encode(sha256(content).digest()).rstrip(b"=").decode()
            assert (digest, size) == (f"sha256={made}", str(len(content)))


def test_equal_installations_make_equal_wheels(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert make_wheel(tmp_path / "a").read_bytes() == make_wheel(tmp_path / "b").read_bytes()


def test_the_core_needs_no_notebook() -> None:
    names = names_of(own_requirements())
    assert {"click", "pandas", "pyyaml", "sqlite-utils"} <= names
    assert not {"jupyterlab", "ipykernel", "altair", "nbclient", "uvicorn"} & names
    assert {"uvicorn", "starlette", "httptools"} <= names_of(own_requirements(server=True))


def pins(tmp_path: Path, *lines: str) -> Any:
    return pin(ModelFolder(save_function(tmp_path / f"model{len(lines)}", requirements=lines)), [])


def test_requirements_are_pinned_as_installed_where_they_are_met(tmp_path: Path) -> None:
    found = pins(tmp_path, "pandas>=2", "hypothesis")
    assert found.whole
    assert {"pandas", "numpy", "hypothesis", "sortedcontainers"} <= found.names
    assert all("==" in line and "+" not in line for line in found.lines)
    again = parse_requirements(found.text.splitlines(), name="it")
    assert [str(each) for each in again] == [*found.lines]


@pytest.mark.parametrize("line", ["pandas<0.1", "no-such-distribution==1.0"])
def test_requirements_stay_where_something_else_is_installed(line: str, tmp_path: Path) -> None:
    found = pins(tmp_path, line, "numpy>=1")
    assert not found.whole
    assert {*found.lines} == {line, "numpy>=1"}
    assert found.text.startswith("# Some versions were not fixed")


def test_the_local_environment_is_this_one(tmp_path: Path) -> None:
    assert prepare("anything", "local") == Path(sys.executable)
    with pytest.raises(InvalidParameterError, match="must be one of local"):
        prepare("anything", "pipenv")


def test_without_uv_one_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_function(tmp_path / "model")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(MissingLibraryError, match="pip install uv"):
        prepare("model", "uv")
    assert list(place(tmp_path).glob("*/*")) == []


def test_a_folder_that_others_could_change_is_not_used(tmp_path: Path) -> None:
    save_function(tmp_path / "model")
    place(tmp_path).mkdir(parents=True)
    place(tmp_path).chmod(0o777)
    with pytest.raises(InvalidParameterError, match="could be changed by others"):
        prepare("model", "uv")


def test_what_a_crash_left_is_not_used_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_function(tmp_path / "model")
    wheel = make_wheel(tmp_path).read_bytes()
    key = environments._needs(ModelFolder(folder), "uv").key(wheel)
    left = place(tmp_path) / key / "0123456789abcdef" / "bin"
    left.mkdir(mode=0o700, parents=True)
    (left / "python").write_text("#!/bin/sh\ntouch marker\n")
    (left / "python").chmod(0o755)
    os.utime(left.parent, (0, 0))
    built = []

    def build(needs: Any, made: Path, wheel: Path) -> None:
        built.append(made)
        (made / "bin").mkdir()
        (made / "bin" / "python").touch()

    monkeypatch.setattr(environment_folders, "_build", build)
    found = prepare("model", "uv")
    assert found == built[0] / "bin" / "python"
    assert not left.exists()
    assert prepare("model", "uv") == found
    assert len(built) == 1


def test_one_that_fails_leaves_nothing(tmp_path: Path) -> None:
    need("uv", "pip install uv")
    save_function(tmp_path / "model", requirements=["numpy==0.0.1.dev99"])
    with pytest.raises(StateError, match=r"^Installing what the model needs failed.*(?s:.*)numpy"):
        prepare("model", "uv")
    left = [each for each in place(tmp_path).rglob("*") if each.is_file() or each.name == "bin"]
    assert left == []


CONDA = """#!{python}
import json, subprocess, sys
open({log!r}, "w").write(json.dumps(sys.argv[1:]))
place = sys.argv[sys.argv.index("--prefix") + 1]
subprocess.run([{uv!r}, "venv", "-q", "--allow-existing", "--python", {python!r}, place], check=True)
"""


@pytest.mark.slow
def test_conda_is_called_with_a_list_of_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in takes conda's place: it notes how it was called, and makes the environment by uv."""
    uv = need("uv", "pip install uv")
    save_function(tmp_path / "model", requirements=["six"])
    stand_in = tmp_path / "programs" / "conda"
    stand_in.parent.mkdir()
    stand_in.write_text(CONDA.format(python=sys.executable, log=str(tmp_path / "log"), uv=uv))
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stand_in.parent}:{os.environ['PATH']}")
    python = prepare("model", "conda")
    words = json.loads((tmp_path / "log").read_text())
    version = f"python={sys.version_info[0]}.{sys.version_info[1]}"
    assert words == [
        *("create", "--yes", "--quiet", "--prefix", str(python.parents[1])),
        *("--override-channels", "--channel", "conda-forge", version),
    ]
    subprocess.run([str(python), "-I", "-c", "import six, mltrack.pyfunc"], check=True)


@pytest.mark.slow
def test_an_environment_has_what_the_model_needs_and_this_mltrack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("uv", "pip install uv")
    wheel = make_wheel(tmp_path)  # the source may be worked on meanwhile
    monkeypatch.setattr(environment_folders, "kept_wheel", lambda _: wheel)
    save_function(tmp_path / "model", requirements=["six==1.16.0", "cloudpickle"])
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(prepare("model", "uv"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    python = prepare("model", "virtualenv")
    assert python in found
    code = "import six, mltrack; print(six.__version__, mltrack.__version__, mltrack.__file__)"
    said = subprocess.run([str(python), "-I", "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert said[:2] == ["1.16.0", mltrack.__version__]
    assert Path(said[2]).is_relative_to(python.parents[1])
    for folder in (place(tmp_path), python.parents[2], python.parents[1]):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
