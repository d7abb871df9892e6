"""A model folder that is opened: what may be read from it, and what asks for trust first."""

from __future__ import annotations

import os
import pickle
import shutil
import stat
import sys
from typing import TYPE_CHECKING

import pytest
from tests.core.model_folders import Doubler, hostile_folder, write_folder

import mltrack
from mltrack import config
from mltrack.exceptions import (
    ArtifactChangedError,
    InvalidParameterError,
    MissingLibraryError,
    MltrackError,
    NotFoundError,
    UntrustedModelError,
)
from mltrack.models import pickles, trust
from mltrack.models.folder import ModelFolder
from mltrack.models.manifest import digest_of, manifest
from mltrack.store.artifact_folder import FileRecord

if TYPE_CHECKING:
    from pathlib import Path

CONF = {"loader_module": "mlflow.pyfunc.model"}


def pickled(folder: Path) -> Path:
    return write_folder(folder, CONF, files={"model.pkl": pickle.dumps(Doubler())})


def test_the_folder_says_which_flavors_it_has(tmp_path: Path) -> None:
    folder = ModelFolder(write_folder(tmp_path / "m", CONF))
    assert folder.pyfunc == CONF
    with pytest.raises(NotFoundError, match="no flavor 'sklearn'; it has python_function"):
        folder.flavor("sklearn")


@pytest.mark.parametrize(
    "path", ["../secret", "/etc/passwd", "a/../../secret", "", "a\\b", "\0", "link", "link/secret"]
)
def test_no_path_leads_out_of_it(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_text("s")
    made = write_folder(tmp_path / "m", CONF, files={"a/b": b"1"})
    (made / "link").symlink_to(tmp_path)
    folder = ModelFolder(made)
    with pytest.raises(MltrackError):
        folder.read(path)
    with pytest.raises(MltrackError):
        folder.place(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no file 'model\.pkl'"):
        ModelFolder(write_folder(tmp_path / "m", CONF)).place("model.pkl")


def test_a_pickle_of_nobody_is_refused_without_being_looked_at(tmp_path: Path) -> None:
    seen: list[str] = []
    marker = tmp_path / "marker"
    sys.addaudithook(lambda event, _: seen.append(event) if event == "pickle.find_class" else None)
    folder = ModelFolder(hostile_folder(tmp_path / "m", marker), uri="models:/bad/1")
    with pytest.raises(UntrustedModelError) as error:
        folder.unpickle("python_model.pkl")
    assert (seen, marker.exists()) == ([], False)
    said = str(error.value)
    assert "python_model.pkl" in said
    assert "names io" in said or "names builtins" in said or "_io" in said
    assert "mltrack models trust models:/bad/1" in said
    assert "allow_pickle=True" in said


def test_what_the_user_signed_loads_wherever_it_lies(tmp_path: Path) -> None:
    made = pickled(tmp_path / "m")
    trust.sign(digest_of(manifest(made)))
    copy = shutil.copytree(made, tmp_path / "copy")
    assert ModelFolder(made).unpickle("model.pkl").predict(2) == 4
    assert ModelFolder(copy).unpickle("model.pkl").predict(2) == 4
    trust.forget(digest_of(manifest(made)))
    with pytest.raises(UntrustedModelError):
        ModelFolder(made).unpickle("model.pkl")


@pytest.mark.parametrize("change", ["other byte", "new file", "no file", "renamed"])
def test_a_signed_folder_that_changed_is_refused(tmp_path: Path, change: str) -> None:
    made = write_folder(tmp_path / "m", CONF, files={"model.pkl": pickle.dumps(Doubler()), "a": b"1"})
    trust.sign(digest_of(manifest(made)))
    if change == "other byte":
        (made / "a").write_bytes(b"2")
    elif change == "new file":
        (made / "b").write_bytes(b"1")
    elif change == "no file":
        (made / "a").unlink()
    else:
        (made / "a").rename(made / "b")
    with pytest.raises(UntrustedModelError):
        ModelFolder(made).unpickle("model.pkl")


def test_a_file_that_is_swapped_after_the_look_is_not_loaded(tmp_path: Path) -> None:
    made = pickled(tmp_path / "m")
    trust.sign(digest_of(manifest(made)))
    folder = ModelFolder(made)
    folder.require_trust("the pickle")
    marker = tmp_path / "marker"
    shutil.copy(hostile_folder(tmp_path / "bad", marker) / "python_model.pkl", made / "model.pkl")
    with pytest.raises(ArtifactChangedError, match="changed"):
        folder.unpickle("model.pkl")
    assert not marker.exists()


def test_a_file_that_is_not_what_was_logged_is_not_read(tmp_path: Path) -> None:
    made = write_folder(tmp_path / "m", CONF, files={"a": b"1"})
    with pytest.raises(ArtifactChangedError):
        ModelFolder(made, expected={"a": FileRecord(1, "0" * 64)}).read("a")


@pytest.mark.parametrize(
    ("variable", "argument", "loads"),
    [
        (None, True, True),
        (None, None, False),
        (None, False, False),
        ("true", None, True),
        ("false", True, False),
        ("false", None, False),
        ("0", True, False),
    ],
)
def test_the_call_and_the_variable_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None, argument: bool | None, loads: bool
) -> None:
    if variable is not None:
        monkeypatch.setenv(config.ALLOW_PICKLE.name, variable)
    folder = ModelFolder(pickled(tmp_path / "m"), allow_pickle=argument)
    if loads:
        assert folder.unpickle("model.pkl").predict(3) == 6
    else:
        with pytest.raises(UntrustedModelError):
            folder.unpickle("model.pkl")


def test_the_variable_forbids_what_is_signed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = pickled(tmp_path / "m")
    trust.sign(digest_of(manifest(made)))
    monkeypatch.setenv(config.ALLOW_PICKLE.name, "false")
    with pytest.raises(UntrustedModelError, match="MLTRACK_ALLOW_PICKLE=false forbids it"):
        ModelFolder(made).unpickle("model.pkl")
    monkeypatch.setenv(config.ALLOW_PICKLE.name, "perhaps")
    with pytest.raises(InvalidParameterError, match="true or false"):
        ModelFolder(made).unpickle("model.pkl")


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="rights are another matter there")
def test_the_key_is_the_users_alone(tmp_path: Path) -> None:
    digest = digest_of(manifest(pickled(tmp_path / "m")))
    trust.sign(digest)
    key = config.user_folder() / "model-trust.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE((config.user_folder() / "trusted-models").stat().st_mode) == 0o700
    key.chmod(0o644)
    with pytest.raises(InvalidParameterError, match="read or written by others"):
        trust.is_signed(digest)


def test_a_signature_without_the_key_proves_nothing(tmp_path: Path) -> None:
    digest = digest_of(manifest(pickled(tmp_path / "m")))
    trust.sign(digest)
    (config.user_folder() / "model-trust.key").unlink()
    assert not trust.is_signed(digest)


def test_code_needs_trust(tmp_path: Path) -> None:
    code = b"import pathlib; pathlib.Path('marker').touch()\ndef _load_pyfunc(path): return None\n"
    made = write_folder(tmp_path / "m", {"loader_module": "evil", "code": "code"}, files={"code/evil.py": code})
    with pytest.raises(UntrustedModelError, match="evil"):
        mltrack.pyfunc.load_model(str(made))
    assert not (tmp_path / "marker").exists()
    assert "evil" not in sys.modules


def test_names_in_a_pickle_are_listed_without_loading() -> None:
    assert pickles.names_in(pickle.dumps(Doubler())) == ["tests.core.model_folders.Doubler"]
    assert pickles.names_in(b"cos\nsystem\n(S'true'\ntR.") == ["os.system"]
    assert pickles.names_in(b"no pickle") == []


def test_a_pickle_of_a_module_that_is_missing_says_which() -> None:
    with pytest.raises(MissingLibraryError, match="'not_there'"):
        pickles.load_trusted(b"cnot_there\nThing\n.", name="x")
    with pytest.raises(InvalidParameterError, match="cannot be loaded"):
        pickles.load_trusted(b"\x80\x04broken", name="x")
