from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from tests.core import hostile_models as hostile
from tests.quickness import assert_quick

import mltrack
from mltrack.exceptions import InvalidParameterError, MltrackError, UntrustedModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")
if os.environ.get("CI"):
    import torch
else:
    torch = pytest.importorskip("torch")
keras, onnx = pytest.importorskip("keras"), pytest.importorskip("onnx")
_seen: list[str] | None = None


def _listen(event: str, _arguments: Any) -> None:
    if _seen is not None and event in ("pickle.find_class", "os.system", "subprocess.Popen", "ctypes.dlopen"):
        _seen.append(event)


sys.addaudithook(_listen)  # for good: Python has no way to take one back


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "ran"


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """What runs code that happened while a test did."""
    global _seen  # noqa: PLW0603 - the hook is the process'
    found: list[str] = []
    _seen = found
    yield found
    _seen = None


def refused(work: Callable[[], Any], kind: type[MltrackError] = UntrustedModelError) -> str:
    """Refused with the error, and soon: in some ms, where none of the libraries has to be loaded first."""

    def ask() -> pytest.ExceptionInfo[MltrackError]:
        with pytest.raises(kind) as caught:
            work()
        return caught

    caught = assert_quick(ask, 3, clock=time.process_time)
    assert len(caught.value.message) < 900
    return caught.value.message


def loaded(place: Path, **options: Any) -> Any:
    return mltrack.pyfunc.load_model(str(place), **options)


@pytest.mark.parametrize("library", ["keras", "pytorch", "statsmodels"])
def test_a_pickle_is_not_loaded_whatever_it_is_called(library: str, tmp_path: Path, marker: Path, heard: Any) -> None:
    evil = hostile.Evil(marker)
    if library == "pytorch":
        place = hostile.pytorch(tmp_path / "m", "model.pth", hostile.saved(evil))
    elif library == "statsmodels":
        files = {"model.statsmodels": pickle.dumps(evil)}
        place = hostile.folder_of(tmp_path / "m", library, {"data": "model.statsmodels"}, files)
    else:
        files = {"data/model.keras": hostile.keras_file(None), "data/custom_objects.cloudpickle": pickle.dumps(evil)}
        place = hostile.folder_of(tmp_path / "m", library, {"data": "data"}, files)
    heard.clear()
    message = refused(lambda: loaded(place))
    assert "mltrack models trust" in message
    assert library == "keras" or "it names posix" in message
    assert (heard, marker.exists()) == ([], False)
    refused(lambda: loaded(place, allow_pickle=True), InvalidParameterError)  # what comes out is no model
    assert marker.exists()


@pytest.mark.parametrize("name", hostile.PROGRAMS)
def test_a_program_that_runs_code_is_not_loaded(name: str, tmp_path: Path, marker: Path, heard: Any) -> None:
    place = hostile.pytorch(tmp_path / "m", "model.pt2", hostile.PROGRAMS[name](marker))
    heard.clear()
    refused(lambda: loaded(place))
    assert (heard, marker.exists(), "antigravity" in sys.modules) == ([], False, False)


@pytest.mark.parametrize("name", ["opaque", "pickled_constant", "samples", "size_formula", "guard"])
def test_such_a_program_would_run_it(name: str, tmp_path: Path, marker: Path) -> None:
    place = hostile.pytorch(tmp_path / "m", "model.pt2", hostile.PROGRAMS[name](marker))
    with suppress(Exception):  # for the rest it may be no program
        loaded(place, allow_pickle=True).predict(hostile.X)
    assert marker.exists()


def test_a_plain_program_is_loaded(tmp_path: Path, heard: Any) -> None:
    place = hostile.pytorch(tmp_path / "m", "model.pt2", hostile.program())
    heard.clear()
    assert loaded(place).predict(hostile.X).shape == (3, 2)
    assert heard == []


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive", hostile.X.tobytes()])
def test_what_is_no_program_is_refused(content: bytes, tmp_path: Path) -> None:
    place = hostile.pytorch(tmp_path / "m", "model.pt2", content)
    refused(lambda: loaded(place))
    refused(lambda: loaded(place, allow_pickle=True), InvalidParameterError)


def test_a_cut_program_is_refused(tmp_path: Path) -> None:
    content = hostile.program()
    for part in (0.2, 0.6, 0.95):
        place = hostile.pytorch(tmp_path / str(part), "model.pt2", content[: int(len(content) * part)])
        refused(lambda place=place: loaded(place))  # type: ignore[misc]


@pytest.mark.parametrize("name", hostile.SAFETENSORS)
def test_damaged_weights_are_refused(name: str, tmp_path: Path) -> None:
    place = hostile.pytorch(tmp_path / "m", "model.safetensors", hostile.SAFETENSORS[name])
    twin = torch.nn.Linear(4, 2)
    refused(lambda: mltrack.pytorch.load_model(str(place), model=twin), InvalidParameterError)


def test_weights_name_no_class_that_is_imported_without_trust(tmp_path: Path) -> None:
    content = hostile.safetensors(hostile.tensors((0, 32)), data=b"\0" * 32)
    conf = {"state_dict": {"class": "antigravity.fly", "arguments": {}}}
    place = hostile.pytorch(tmp_path / "m", "model.safetensors", content, **conf)
    assert "antigravity" in refused(lambda: loaded(place))
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("name", hostile.KERAS)
def test_a_keras_model_that_is_code_or_names_files_is_not_loaded(name: str, tmp_path: Path, heard: Any) -> None:
    files = {"data/model.keras": hostile.KERAS[name]()}
    place = hostile.folder_of(tmp_path / "m", "keras", {"data": "data"}, files)
    heard.clear()
    refused(lambda: loaded(place))
    assert heard == []


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"])
def test_what_is_no_keras_model_is_refused(content: bytes, tmp_path: Path) -> None:
    place = hostile.folder_of(tmp_path / "m", "keras", {"data": "data"}, {"data/model.keras": content})
    refused(lambda: loaded(place))
    refused(lambda: loaded(place, allow_pickle=True), InvalidParameterError)


def test_an_old_keras_file_with_a_link_is_not_loaded(tmp_path: Path) -> None:
    files = {"data/model.h5": hostile.linked_h5()}
    place = hostile.folder_of(tmp_path / "m", "keras", {"data": "data"}, files)
    assert "link" in refused(lambda: loaded(place))


@pytest.mark.parametrize("location", ["../x", "/etc/hostname", "a/../../x", "link", "gone", "", "C:\\x", "a\0b"])
def test_an_onnx_model_takes_nothing_from_outside(location: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\0" * 32)
    place = hostile.onnx_folder(tmp_path / "m", hostile.onnx_model(location))
    (place / "link").symlink_to(tmp_path / "x")
    for work in (lambda: loaded(place), lambda: mltrack.onnx.load_model(str(place))):
        assert "no file of its folder" in refused(work, InvalidParameterError)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\x0a\xff\xff\xff\xff\x0f", hostile.X.tobytes()])
def test_what_is_no_onnx_model_is_refused(content: bytes, tmp_path: Path) -> None:
    place = hostile.onnx_folder(tmp_path / "m", content)
    refused(lambda: loaded(place), InvalidParameterError)
    refused(lambda: mltrack.onnx.load_model(str(place)), InvalidParameterError)


def test_a_cut_onnx_model_is_refused(tmp_path: Path) -> None:
    content = hostile.onnx_model()
    place = hostile.onnx_folder(tmp_path / "m", content[: len(content) // 2])
    refused(lambda: loaded(place), InvalidParameterError)


@pytest.mark.parametrize(
    "conf",
    [
        {"onnx_session_options": {"extra_session_config": {"session.x": "1"}}},
        {"providers": [["CPUExecutionProvider", {"x": "1"}]]},
    ],
)
def test_options_of_onnx_runtime_need_trust(conf: dict[str, Any], tmp_path: Path) -> None:
    refused(lambda: loaded(hostile.onnx_folder(tmp_path / "m", hostile.onnx_model(), **conf)))


SCRIPT = """
import resource, sys
import mltrack
if sys.argv[1] == "pytorch":
    import safetensors.torch, torch
else:
    import onnx, onnxruntime
    import mltrack.frameworks.onnx.flavor
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    mltrack.pytorch.load_model(sys.argv[2], model=torch.nn.Linear(1, 1)) if sys.argv[1] == "pytorch" else \
        mltrack.pyfunc.load_model(sys.argv[2])
except mltrack.exceptions.MltrackError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("library", ["onnx", "pytorch"])
def test_a_large_file_is_refused_within_twice_its_size(library: str, tmp_path: Path) -> None:
    size = 64 << 20
    if library == "pytorch":
        content = hostile.safetensors(hostile.tensors((0, size)), data=b"\0" * size)
        place = hostile.pytorch(tmp_path / "m", "model.safetensors", content)
    else:
        place = hostile.onnx_folder(tmp_path / "m", b"\x0a" + b"\xff" * size)
    given = [sys.executable, "-c", SCRIPT, library, str(place)]
    done = subprocess.run(given, check=False, capture_output=True, text=True)
    assert int(done.stdout) * 1024 < 2 * size + (8 << 20), done.stderr
