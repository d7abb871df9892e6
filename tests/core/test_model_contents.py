"""What of a model folder runs code: found by what is in its files, and nothing of it is run to find it."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.deployed_models import save_estimator, save_function

from mltrack.models.contents import code_in
from mltrack.models.folder import ModelFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch marker",)


EVIL = pickle.dumps(Evil())
NAME = f"{os.system.__module__}.system"


def zipped(name: str, content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(name, content)
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        *((name, EVIL, name) for name in ("a.pkl", "a.joblib", "a.bin", "a.pt", "a.skops", "a.txt", "deep/er/a")),
        ("a.gz", gzip.compress(EVIL, mtime=0), "a.gz"),
        ("a.pkl", gzip.compress(EVIL, mtime=0), "a.pkl"),
        ("old.pkl", pickle.dumps(Evil(), protocol=0), "old.pkl"),
        ("a.pt", zipped("archive/data.pkl", EVIL), "a.pt/archive/data.pkl"),
        ("a.pt", zipped("archive/code/model.py", b"import os"), "a.pt/archive/code/model.py"),
        ("a.keras", zipped("config.json", b'{"class_name": "Lambda"}'), "a.keras/config.json"),
        ("a.h5", b'\x89HDF\r\n\x1a\n....{"class_name": "Lambda"}', "a.h5"),
        ("code/a.py", b"import os", "code/a.py"),
        ("code/a.so", b"\x7fELF", "code/a.so"),
        ("a.zip", b"PK\x03\x04 and no more", "a.zip"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # an archive holds when it was made
)
def test_what_runs_code_is_found(tmp_path: Path, name: str, content: bytes, found: str) -> None:
    folder = ModelFolder(save_estimator(tmp_path / "model"))
    path = folder.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    (content_found,) = code_in(folder)
    assert content_found.path == found
    if b"touch" in content or name.endswith((".gz", ".pkl")):
        assert content_found.names == (NAME,)
    assert not (tmp_path / "marker").exists()


def test_looking_unpickles_nothing(tmp_path: Path) -> None:
    folder = ModelFolder(save_function(tmp_path / "model"))
    (folder.path / "other.pkl").write_bytes(EVIL)
    events: list[str] = []
    watching = True

    def hook(event: str, _: Any) -> None:
        if watching and event in ("pickle.find_class", "os.system", "subprocess.Popen", "exec"):
            events.append(event)

    sys.addaudithook(hook)
    try:
        found = code_in(folder)
    finally:
        watching = False
    assert {each.path for each in found} == {"python_model.pkl", "other.pkl"}
    assert events == []


@pytest.mark.parametrize("save", [save_estimator])
def test_data_is_no_code(tmp_path: Path, save: Callable[[Path], Path]) -> None:
    folder = ModelFolder(save(tmp_path / "model"))
    assert code_in(folder) == []


def test_tensors_are_no_code(tmp_path: Path) -> None:
    import torch

    folder = ModelFolder(save_estimator(tmp_path / "model"))
    torch.save(torch.nn.Linear(2, 1).state_dict(), folder.path / "state.pt")
    assert code_in(folder) == []
    torch.save(torch.nn.Linear(2, 1), folder.path / "whole.pt")
    (found,) = code_in(folder)
    assert "torch.nn.modules.linear.Linear" in found.names


def test_a_loader_of_its_own_and_marks_are_named(tmp_path: Path) -> None:
    folder = ModelFolder(save_estimator(tmp_path / "model"))
    folder.model.flavors["python_function"]["loader_module"] = "evil"
    folder.model.pickles.append("hidden.bin")
    assert [each.path for each in code_in(folder)] == ["MLmodel", "hidden.bin"]
