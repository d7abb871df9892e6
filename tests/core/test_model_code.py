"""Models with Python code of their own: it runs from a copy, each model has its own, and the folder stays as it was."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import mltrack
from mltrack.exceptions import InvalidParameterError, MltrackError, UntrustedModelError
from mltrack.models import model_code
from mltrack.models.folder import ModelFolder
from mltrack.models.manifest import manifest
from mltrack.models.model_code import add_code
from mltrack.models.sources import find_model

MODEL = """
from mltrack.models import set_model
from mltrack.pyfunc import PythonModel
import {module}

class Own(PythonModel):
    def predict(self, context, model_input, params=None):
        import {module} as late
        return [{module}.f(each) + late.f(each) for each in model_input]

set_model(Own())
"""


@pytest.fixture
def log(tmp_path: Path) -> Any:
    """Log a model from code whose module adds a number; gives its URI."""

    def made(number: int, module: str = "own_helper") -> str:
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        (source / "model.py").write_text(MODEL.format(module=module))
        (source / f"{module}.py").write_text(f"def f(value): return value + {number}\n")
        info = mltrack.pyfunc.log_model(python_model=source / "model.py", code_paths=[source / f"{module}.py"])
        shutil.rmtree(source)
        sys.modules.pop(module, None)
        return str(info.model_uri)

    path = list(sys.path)
    yield made
    sys.path[:] = path


def test_loading_leaves_the_folder_as_it_was(log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)  # as it is for users
    version = mltrack.register_model(log(1), "coded")
    uri = f"models:/coded/{version.version}"
    before = manifest(find_model(uri).fetch())
    for _ in range(2):
        assert mltrack.pyfunc.load_model(uri).predict([1]) == [4]
        sys.modules.pop("own_helper", None)
    assert manifest(find_model(uri).fetch()) == before


def test_a_thread_that_is_as_quick_leaves_the_copy_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two threads that copy the same code one may be importing it already while the other still writes."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    content, write = b"x = 1\n", Path.write_bytes
    copied = add_code({"quick_helper.py": content}) / "quick_helper.py"

    def in_two_steps(path: Path, data: bytes) -> int:
        write(path, data[:1])
        assert copied.read_bytes() == content
        return write(path, data)

    monkeypatch.setattr(model_code, "_copies", {})  # as the other one sees them
    monkeypatch.setattr(Path, "write_bytes", in_two_steps)
    assert add_code({"quick_helper.py": content}) == copied.parent
    assert [each.name for each in copied.parent.iterdir()] == ["quick_helper.py"]


def test_models_with_modules_of_one_name_have_each_their_own(log: Any) -> None:
    uris = [log(1), log(10)]
    first, second = (mltrack.pyfunc.load_model(uri) for uri in uris)
    assert (first.predict([0]), second.predict([0])) == ([11], [20])  # what is imported late is of the last one
    assert mltrack.pyfunc.load_model(uris[0]).predict([0]) == [2]
    places = [each for each in sys.path if "mltrack-model-" in each]
    assert len(places) == len(set(places)) >= 2


def test_a_users_own_module_is_not_taken_away(log: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = log(1, "users_helper")
    (tmp_path / "users_helper.py").write_text("def f(value): return value + 5\n")
    monkeypatch.syspath_prepend(tmp_path)
    own = __import__("users_helper")
    mltrack.pyfunc.load_model(uri)
    assert sys.modules.pop("users_helper") is own


def test_the_copy_goes_with_the_process(tmp_path: Path) -> None:
    code = """
        import os, pathlib, sys, mltrack, tempfile
        pathlib.Path("helper.py").write_text("x = 1")
        pathlib.Path("m.py").write_text("import helper, mltrack\\nmltrack.models.set_model(lambda data: data)")
        mltrack.pyfunc.save_model("m", python_model="m.py", code_paths=["helper.py"])
        os.remove("helper.py")
        mltrack.pyfunc.load_model("m")
        place = sys.modules["helper"].__file__
        assert os.stat(os.path.dirname(os.path.dirname(place))).st_mode & 0o777 == 0o700
        if os.fork() == 0:
            sys.exit(0)
        os.wait()
        assert os.path.exists(place)
        print(place)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert not Path(done.stdout.strip()).parents[1].exists()


def test_code_that_was_swapped_after_it_was_checked_does_not_run(log: Any) -> None:
    folder = find_model(log(1)).open()
    assert folder.is_trusted()
    (folder.path / "code" / "own_helper.py").write_text("raise SystemExit")
    (folder.path / "model.py").write_text("raise SystemExit")
    for run in (folder.add_code, lambda: mltrack.pyfunc.loading.load_predictor(folder)):
        with pytest.raises(MltrackError, match="has changed"):
            run()


def link_out(place: Path) -> None:
    (place / "code" / "numpy").symlink_to(place.parent)


def reserved_name(place: Path) -> None:
    (place / "code" / "aux.py").write_text("raise SystemExit")


def pipe(place: Path) -> None:
    os.mkfifo(place / "pipe")


@pytest.mark.parametrize("stray", [link_out, reserved_name, pipe])
def test_what_no_digest_covers_takes_the_trust_away(stray: Any, log: Any, tmp_path: Path) -> None:
    place = Path(shutil.copytree(find_model(log(1)).fetch(), tmp_path / "m"))
    assert ModelFolder(place).is_trusted()
    stray(place)
    assert not ModelFolder(place).is_trusted()
    with pytest.raises(UntrustedModelError):
        mltrack.pyfunc.load_model(str(place))
    with pytest.raises(InvalidParameterError, match="remove it"):
        ModelFolder(place).digest()


def test_an_mlmodel_file_that_was_swapped_is_not_of_the_signed_folder(log: Any, tmp_path: Path) -> None:
    place = Path(shutil.copytree(find_model(log(1)).fetch(), tmp_path / "m"))
    content = (place / "MLmodel").read_text()
    (place / "MLmodel").write_text(content.replace("mlflow.pyfunc.model", "this"))
    folder = ModelFolder(place)
    (place / "MLmodel").write_text(content)
    assert not folder.is_trusted()
    with pytest.raises(UntrustedModelError):
        mltrack.pyfunc.loading.load_predictor(folder)


def test_a_file_that_came_after_the_check_is_not_read(log: Any) -> None:
    folder = find_model(log(1)).open()
    assert folder.is_trusted()
    (folder.path / "late").write_text("x")
    with pytest.raises(MltrackError, match="has changed"):
        folder.read("late")


def test_models_from_code_are_loaded_by_threads_side_by_side(tmp_path: Path) -> None:
    """Where MLflow is not installed its name stands for mltrack while such a file runs."""
    (tmp_path / "slow.py").write_text(
        "import mlflow, time\ntime.sleep(0.02)\nimport mlflow.models\nmlflow.models.set_model(lambda data: data + 1)\n"
    )
    mltrack.pyfunc.save_model(tmp_path / "m", python_model=tmp_path / "slow.py")
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(mltrack.pyfunc.load_model, [str(tmp_path / "m")] * 8))
    assert [each.predict(1) for each in loaded] == [2] * 8


class OddNames(mltrack.pyfunc.PythonModel):
    def load_context(self, ctx: Any) -> None:
        self.config = ctx.model_config

    def predict(self, ctx: Any, rows: Any, params: Any = None) -> Any:
        return [*rows, ctx.model_config["a"], self.config["a"], params]


class NoContext(mltrack.pyfunc.PythonModel):
    def predict(self, rows: Any, params: Any = None) -> Any:  # type: ignore[override]
        return [*rows, params]


def test_arguments_may_be_called_as_one_likes(tmp_path: Path) -> None:
    mltrack.pyfunc.save_model(tmp_path / "odd", python_model=OddNames(), model_config={"a": 5})
    mltrack.pyfunc.save_model(tmp_path / "none", python_model=NoContext())
    assert mltrack.pyfunc.load_model(str(tmp_path / "odd")).predict([1]) == [1, 5, 5, None]
    assert mltrack.pyfunc.load_model(str(tmp_path / "none")).predict([1]) == [1, None]


def test_folders_of_code_are_copied_with_what_their_links_name(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (tmp_path / "shared.py").write_text("x = 1")
    (package / "shared.py").symlink_to(tmp_path / "shared.py")
    (package / "nowhere.py").symlink_to(tmp_path / "missing")
    (package / "__pycache__").mkdir()
    (package / "round").symlink_to(tmp_path)
    os.mkfifo(package / "pipe")
    mltrack.pyfunc.save_model(tmp_path / "m", python_model=lambda data: data, code_paths=[package])
    assert sorted(each.name for each in (tmp_path / "m" / "code" / "package").iterdir()) == ["shared.py"]
    assert not (tmp_path / "m" / "code" / "package" / "shared.py").is_symlink()
    assert ModelFolder(tmp_path / "m").is_trusted()


@pytest.mark.parametrize("given", ["missing", "pipe"])
def test_files_for_a_model_must_be_files(given: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    place = str(tmp_path / given)
    for more in ({"python_model": len, "artifacts": {"a": place}}, {"loader_module": "x", "data_path": place}):
        with pytest.raises(InvalidParameterError, match="no file or folder"):
            mltrack.pyfunc.save_model(tmp_path / "m", **more)
