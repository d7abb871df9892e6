"""Models that cannot be logged or found: a clear error, nothing half done, nothing left in the way."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import mltrack
from mltrack.exceptions import InvalidParameterError, MltrackError, NotFoundError
from mltrack.models import pickles
from mltrack.models.sources import find_model


def double(data: Any) -> Any:
    return data * 2


def log(**given: Any) -> Any:
    return mltrack.pyfunc.log_model(**{"python_model": double, **given})


ARGUMENTS: dict[str, Any] = {
    "signature must be": {"signature": 5},
    "code_paths must be a list": {"code_paths": "helper.py"},
    "extra_files must be a list": {"extra_files": "notes.txt"},
    "metadata must be a dict": {"metadata": ["a"]},
    "cannot be written as YAML": {"metadata": {"a": object()}},
    "artifacts must be a dict": {"artifacts": ["a"]},
    "model_config must be": {"model_config": "missing.yaml"},
    "step must be": {"step": "x"},
    "params must be a dict": {"params": 5},
    "tags must be a dict": {"tags": "t"},
    "cannot be kept as JSON": {"input_example": object()},
    "no name of a registered model": {"registered_model_name": "a/b"},
    "no name of a logged model": {"name": "a/b"},
    "No requirements file|no requirements file": {"pip_requirements": "missing.txt"},
}


def test_threads_log_models_side_by_side() -> None:
    mltrack.set_experiment("threads")
    with ThreadPoolExecutor(6) as pool:
        uris = [each.model_uri for each in pool.map(lambda _: log(registered_model_name="t"), range(18))]
        assert [each.predict(1) for each in pool.map(mltrack.pyfunc.load_model, uris)] == [2] * 18
    assert len(mltrack.search_model_versions(filter_string="name = 't'")) == 18


@pytest.mark.parametrize(("message", "given"), ARGUMENTS.items())
def test_what_cannot_be_is_said(message: str, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        log(**given)
    for each in mltrack.search_logged_models(output_format="list"):
        assert each.status == "FAILED"
        assert not Path(each.artifact_location).exists()


def test_what_names_no_model_says_what_does() -> None:
    for uri in ("", "models:/", "models:/a", "models:/a/b/c", "http://host/model", "s3://", "x" * 5000, None, 5):
        with pytest.raises(InvalidParameterError, match="Give models:/NAME/VERSION"):
            find_model(uri)
    info = log()
    for thing in (info, mltrack.last_logged_model(), info.model_uri):
        assert find_model(thing).model_id == info.model_id


def test_a_model_without_files_says_so() -> None:
    made = mltrack.initialize_logged_model(name="m")
    with pytest.raises(NotFoundError, match="is PENDING and has no files"):
        mltrack.pyfunc.load_model(made.model_uri)
    with pytest.raises(NotFoundError, match="no MLmodel file"):
        mltrack.register_model(made.model_uri, "r")
    with pytest.raises(NotFoundError):
        log(model_id="m-0")
    log(model_id=made.model_id)
    assert mltrack.get_logged_model(made.model_id).status == "READY"
    with pytest.raises(InvalidParameterError, match="has files already"):
        log(model_id=made.model_id)
    assert mltrack.pyfunc.load_model(made.model_uri).predict(2) == 4


def test_what_fails_late_leaves_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with mltrack.start_run() as run:
        monkeypatch.setattr("mltrack.models.logged._mark", fail)
        with pytest.raises(KeyboardInterrupt):
            log(name="m")
    (found,) = mltrack.search_logged_models(output_format="list")
    assert found.status == "FAILED"
    assert not Path(found.artifact_location).exists()
    assert mltrack.get_run(run.info.run_id).outputs.model_outputs == ()


def test_the_first_error_is_the_one_that_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MltrackError("the store is gone")

    monkeypatch.setattr("mltrack.store.sqlite.SqliteStore.finalize_logged_model", fail)
    with pytest.raises(InvalidParameterError, match="There is no requirements file"):
        log(pip_requirements="missing.txt")


FULL = """
    import resource, signal, pytest, mltrack
    from mltrack.exceptions import StoreFullError
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    mltrack.set_experiment("e")
    big = bytes(4 << 20)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, resource.RLIM_INFINITY))
    with pytest.raises(StoreFullError, match="Free some space"):
        mltrack.pyfunc.log_model(python_model=lambda data, big=big: data)
    with pytest.raises(StoreFullError, match="Free some space"):
        mltrack.pyfunc.save_model("m", python_model=lambda data, big=big: data)
    import os
    assert not os.path.exists("m")
    assert [each.status for each in mltrack.search_logged_models(output_format="list")] == ["FAILED"]
    assert not [each for each in os.listdir(os.environ["TMPDIR"]) if each.startswith("mltrack-")]
"""
INTERRUPTED = """
    import signal, time, mltrack
    mltrack.set_experiment("e")
    def double(data): return data * 2
    mltrack.pyfunc.log_model(python_model=double)
    try:
        print("begin", flush=True)
        while True:
            mltrack.pyfunc.log_model(python_model=double)
    except KeyboardInterrupt:
        pass
    found = mltrack.search_logged_models(output_format="list")
    for each in found:
        assert each.status != "READY" or mltrack.pyfunc.load_model(each.model_uri).predict(1) == 2
    print(*sorted({each.status for each in found}))
"""


def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "tmp").mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLTRACK_")}
    return {**kept, "TMPDIR": str(tmp_path / "tmp"), "MLTRACK_DATA_DIR": os.environ["MLTRACK_DATA_DIR"]}


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    code = textwrap.dedent(FULL)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment(tmp_path), check=True)


def test_a_stop_while_the_folder_is_removed_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """``shutil.rmtree`` closes a folder again when it is stopped there, which says that it is closed."""

    def stopped(*_: Any, **__: Any) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            os.close(-1)

    with monkeypatch.context() as patched:
        patched.setattr("mltrack.models.writing.shutil.rmtree", stopped)
        with pytest.raises(KeyboardInterrupt):
            log()


@pytest.mark.slow
@pytest.mark.parametrize("trial", range(20))
def test_an_interrupt_leaves_no_model_half_logged(trial: int, tmp_path: Path) -> None:
    started = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED)],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "begin\n"
    try:
        started.wait(0.05 + trial * 0.0037)
    except subprocess.TimeoutExpired:
        started.send_signal(signal.SIGINT)
    said, _ = started.communicate(timeout=60)
    assert started.returncode == 0
    assert "PENDING" not in said


def test_a_long_pickle_is_not_read_to_its_end_for_its_names() -> None:
    assert pickles.names_in(b"\x80\x04" + b"N0" * 400_000 + b"cos\nsystem\n.") == []
    assert pickles.names_in_own(io.BytesIO(b"\x80\x04" + b"N0" * 400_000 + b"cos\nsystem\n.")) == ["os.system"]
    assert pickles.names_in(b"\x80\x04" + b"N0" * 4000 + b"cos\nsystem\n.") == ["os.system"]


def test_a_large_model_is_held_once_more_at_most_to_be_logged(tmp_path: Path) -> None:
    code = """
        import resource, numpy as np, mltrack
        class Large(mltrack.pyfunc.PythonModel):
            def __init__(self):
                self.weights = np.ones(25_000_000)
            def predict(self, rows):
                return rows
        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        mltrack.pyfunc.save_model("small", python_model=lambda data: data)
        large = Large()
        before = peak()
        mltrack.pyfunc.log_model(python_model=large)
        assert peak() - before < 250, (before, peak())  # MB, for 200: pickle makes bytes of an array
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=tmp_path, env=environment(tmp_path), check=True)
