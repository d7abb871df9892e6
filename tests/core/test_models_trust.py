"""Model folders of strangers: nothing in them runs, is imported, or is read from elsewhere, until they are trusted."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import pickle
import stat
import sys
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.core.strangers import Evil, both_ways, edited, folder_of, of_sklearn, refused

import mltrack
from mltrack.exceptions import ArtifactChangedError, InvalidParameterError, MltrackError, UntrustedModelError
from mltrack.models import writing
from mltrack.models.folder import ModelFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

sklearn = pytest.importorskip("sklearn")
joblib, skops = pytest.importorskip("joblib"), pytest.importorskip("skops.io")
from sklearn.linear_model import LinearRegression  # noqa: E402
from sklearn.preprocessing import FunctionTransformer  # noqa: E402

X = np.random.default_rng(0).normal(size=(40, 3))
Y = X[:, 0]
_seen: list[str] | None = None


def _listen(event: str, arguments: Any) -> None:
    if _seen is None:
        return
    if event in ("pickle.find_class", "os.system", "subprocess.Popen", "ctypes.dlopen"):
        _seen.append(event)
    elif event == "import" and str(arguments[0]).startswith("evil"):
        _seen.append(f"import {arguments[0]}")


sys.addaudithook(_listen)  # for good: Python has no way to take one back


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "ran"


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """What runs code that happened while a test did."""
    global _seen  # noqa: PLW0603 - the hook is the process'
    found: list[str] = []
    skops.get_untrusted_types(data=skops.dumps(LinearRegression()))  # imported by now, which executes its modules
    with suppress(MltrackError):
        mltrack.pyfunc.load_model("nowhere")
    _seen = found
    yield found
    _seen = None


def zipped(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr("model/data.pkl", content)
        packed.writestr("schema.json", content)
    return target.getvalue()


def joblibbed(thing: Any) -> bytes:
    target = io.BytesIO()
    joblib.dump(thing, target, compress=3)
    return target.getvalue()


PICKLES: dict[str, Callable[[Any], bytes]] = {
    "model.pkl": pickle.dumps,
    "model.joblib": joblibbed,
    "model.bin": lambda thing: pickle.dumps(thing, protocol=0),
    "model.pt": lambda thing: zipped(pickle.dumps(thing)),
    "model.pkl.gz": lambda thing: gzip.compress(pickle.dumps(thing)),
    "model.pkl.bz2": lambda thing: bz2.compress(pickle.dumps(thing)),
    "model.skops": pickle.dumps,
    "nested.skops": lambda thing: zipped(pickle.dumps(thing)),
}


@pytest.mark.parametrize("written", [None, "pickle", "cloudpickle", "skops", "onnx"])
@pytest.mark.parametrize("name", PICKLES)
def test_no_pickle_is_loaded_whatever_it_is_called(
    name: str, written: str | None, tmp_path: Path, marker: Path, heard: list[str]
) -> None:
    place = of_sklearn(tmp_path / "m", name, PICKLES[name](Evil(marker)), written)
    for load in both_ways(place):
        message = refused(load)
        if written in (None, "pickle", "cloudpickle"):
            assert "would run code" in message
            assert "mltrack models trust" in message
    assert (heard, marker.exists()) == ([], False)


def test_the_refusal_names_what_is_inside(tmp_path: Path, marker: Path) -> None:
    place = of_sklearn(tmp_path / "m", "model.pkl", pickle.dumps(Evil(marker)), "pickle")
    assert "it names posix" in refused(both_ways(place)[0], UntrustedModelError)


def test_one_is_loaded_when_that_is_said(tmp_path: Path, marker: Path) -> None:
    place = of_sklearn(tmp_path / "m", "model.pkl", pickle.dumps(Evil(marker)), "pickle")
    mltrack.sklearn.load_model(str(place), allow_pickle=True)
    assert marker.exists()


@pytest.mark.parametrize("said", [None, True])
def test_a_switch_forbids_even_ones_own(
    said: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: list[str]
) -> None:
    model = FunctionTransformer(lambda data: data).fit(X)
    mltrack.sklearn.save_model(model, tmp_path / "m", serialization_format="cloudpickle")
    mltrack.sklearn.save_model(LinearRegression().fit(X, Y), tmp_path / "line")
    assert mltrack.sklearn.load_model(str(tmp_path / "m")) is not None
    monkeypatch.setenv("MLTRACK_ALLOW_PICKLE", "false")
    heard.clear()
    message = refused(lambda: mltrack.sklearn.load_model(str(tmp_path / "m"), allow_pickle=said), UntrustedModelError)
    assert "MLTRACK_ALLOW_PICKLE=false forbids it" in message
    assert heard == []
    assert mltrack.pyfunc.load_model(str(tmp_path / "line")).predict(X).shape == (40,)


class Mine(LinearRegression):  # type: ignore[misc]
    def __setstate__(self, state: Any) -> None:
        assert _seen is not None
        _seen.append("made")


def skops_types(**names: str) -> bytes:
    """A skops file in which names of types are others."""
    types = {f"__{name}__": value for name, value in names.items()}
    return edited(LinearRegression().fit(X, Y), lambda schema: schema.update(types))


@pytest.mark.parametrize(
    ("content", "listed"),
    [
        (lambda: skops.dumps(Mine().fit(X, Y)), "test_models_trust.Mine"),
        (lambda: skops_types(module="os", **{"class": "system", "loader": "FunctionNode"}), "os.system"),
        (lambda: skops_types(module="evil.place", **{"class": "Thing"}), "evil.place.Thing"),
        (lambda: skops.dumps(FunctionTransformer(os.getcwd)), "posix.getcwd"),
        (lambda: skops.dumps({"a": LinearRegression().fit(X, Y).predict}), "LinearRegression.predict"),
    ],
)
def test_types_that_are_not_known_are_listed_and_nothing_is_made(
    content: Callable[[], bytes], listed: str, tmp_path: Path, heard: list[str]
) -> None:
    place = of_sklearn(tmp_path / "m", "model.skops", content(), "skops")
    conf = json.loads((place / "MLmodel").read_text())
    conf["flavors"]["sklearn"]["skops_trusted_types"] = [listed, "os.system"]  # which only who wrote it says
    (place / "MLmodel").write_text(json.dumps(conf))
    heard.clear()
    for load in both_ways(place):
        message = refused(load, UntrustedModelError)
        assert listed in message
        assert "in model.skops" in message
    assert heard == []


YAML = {
    "a Python object": "flavors: !!python/object/apply:os.system ['touch {marker}']",
    "a Python name": "flavors: !!python/name:os.system",
    "a function": "flavors: !!js/function 'x'",
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "flavors: {{sklearn: {{a: *i}}}}",
    "much": "flavors: {{}}\nx: " + "y" * (10 << 20),
    "depth": "flavors: " + "[" * 5000,
    "no mapping": "- 1",
    "flavors that are a list": "flavors: [sklearn]",
    "a flavor that is a text": "flavors: {{sklearn: x}}",
}


@pytest.mark.parametrize("what", YAML)
def test_an_mlmodel_file_is_data(what: str, tmp_path: Path, marker: Path, heard: list[str]) -> None:
    place = tmp_path / "m"
    place.mkdir()
    (place / "MLmodel").write_text(YAML[what].format(marker=marker))
    for load in both_ways(place):
        refused(load)
    assert (heard, marker.exists()) == ([], False)


@pytest.mark.parametrize(
    "pyfunc",
    [
        {"loader_module": "evil_loader", "code": "code"},
        {"loader_module": "os"},
        {"loader_module": "evil_loader", "code": "../"},
        {"loader_module": "mlflow.sklearn", "code": "code"},
        {"loader_module": "mlflow.sklearn", "code": "../../"},
        {"loader_module": "mltrack.models.pickles"},
        {"loader_module": 5},
    ],
)
def test_a_loader_of_somebodys_is_not_imported(
    pyfunc: dict[str, Any], tmp_path: Path, marker: Path, heard: list[str]
) -> None:
    code = f"open({str(marker)!r}, 'w')\n_load_pyfunc = print\n".encode()
    files = {"code/evil_loader.py": code, "code/sklearn.py": code, "model.skops": skops.dumps(LinearRegression())}
    conf = {"pickled_model": "model.skops", "serialization_format": "skops"}
    place = folder_of(tmp_path / "m", files, conf, model_path="model.skops", **pyfunc)
    heard.clear()
    path = list(sys.path)
    refused(both_ways(place)[0])
    assert (heard, marker.exists(), sys.path) == ([], False, path)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "link", "", "\0", None, 5, ["x"]])
@pytest.mark.parametrize("written", ["skops", "pickle"])
def test_no_file_outside_is_read(name: Any, written: str, tmp_path: Path, marker: Path, heard: list[str]) -> None:
    (tmp_path / "x").write_bytes(pickle.dumps(Evil(marker)))
    conf = {"pickled_model": name, "serialization_format": written}
    place = folder_of(tmp_path / "m", {}, conf, model_path=name)
    (place / "link").symlink_to(tmp_path / "x")
    for allowed in (None, True):
        for load in both_ways(place, allow_pickle=allowed):
            refused(load)
    assert (heard, marker.exists()) == ([], False)


def test_what_was_registered_and_changed_is_not_loaded(tmp_path: Path, marker: Path, heard: list[str]) -> None:
    with mltrack.start_run():
        info = mltrack.sklearn.log_model(LinearRegression().fit(X, Y), registered_model_name="line")
    uri = "models:/line/1"
    assert mltrack.pyfunc.load_model(uri).predict(X).shape == (40,)
    place = mltrack.pyfunc.load_model(uri).folder
    assert place is not None
    heard.clear()
    for name, content in (("model.skops", pickle.dumps(Evil(marker))), ("requirements.txt", b"evil")):
        before = (place / name).read_bytes()
        (place / name).write_bytes(content)
        for load in (mltrack.pyfunc.load_model, mltrack.sklearn.load_model):
            with pytest.raises(ArtifactChangedError):
                load(uri)
            with pytest.raises(ArtifactChangedError):
                load(info.model_uri)
        (place / name).write_bytes(before)
    assert (heard, marker.exists()) == ([], False)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has no modes")
def test_models_are_written_where_nobody_else_can_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = writing.private_folder()
    status = folder.stat()
    assert (folder.parent, stat.S_IMODE(status.st_mode), status.st_uid) == (tmp_path, 0o700, os.getuid())
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(InvalidParameterError, match="not this user's"):
        writing.private_folder()


def test_what_is_loaded_is_what_was_looked_at(tmp_path: Path, marker: Path, heard: list[str]) -> None:
    model = FunctionTransformer(lambda data: data).fit(X)
    mltrack.sklearn.save_model(model, tmp_path / "m", serialization_format="cloudpickle")
    folder = ModelFolder(tmp_path / "m")
    assert folder.is_trusted()
    (tmp_path / "m" / "model.pkl").write_bytes(pickle.dumps(Evil(marker)))  # swapped once the digest was taken
    heard.clear()
    with pytest.raises(ArtifactChangedError):
        folder.unpickle("model.pkl")
    assert (heard, marker.exists()) == ([], False)
