"""Files of a run: what is written, where it cannot go, and that it is there whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

import mltrack
from mltrack.exceptions import InvalidParameterError, NotFoundError, StoreFullError
from mltrack.settings import get_store
from mltrack.store.artifacts import safe_path, write_bytes
from tests.core.scripts import run_script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

posix_only = pytest.mark.skipif(os.name != "posix", reason="links, pipes and permissions of POSIX")

ATTACKS = {
    "parent": "../../etc/passwd",
    "inner parent": "a/../../b",
    "only parent": "..",
    "self": ".",
    "inner self": "a/./b",
    "absolute": "/etc/passwd",
    "network": "//host/share",
    "drive": "C:\\x",
    "drive without a slash": "C:x",
    "backslashes": "\\..\\..\\x",
    "mixed": "a/..\\b",
    "UNC": "\\\\host\\share",
    "empty": "",
    "double slash": "a//b",
    "trailing slash": "a/",
    "NUL": "a\0b",
    "newline": "a\nb",
    "escape": "a\x1b[31m",
    "right to left": "a\u202etxt.exe",
    "surrogate": "a\ud800",
    "long part": "a" * 256,
    "long part in bytes": "ü" * 128,
    "long": "/".join(["a" * 100] * 11),
    "CON": "CON",
    "con with an ending": "a/con.txt",
    "trailing dot": "a./b",
    "fragment": "x#../y",
    "trailing space": "a ",
}
PLAIN = ["a.txt", "a/b/c.txt", "plots/größe.png", "..a", "a..b", "%2e%2e/x", "x#/y", "~", "$HOME/x", "-rf", "a b", "🎉"]


@pytest.fixture
def run() -> Iterator[mltrack.ActiveRun]:
    with mltrack.start_run() as active:
        yield active


def root_of(run: mltrack.ActiveRun) -> Path:
    return get_store().artifact_root(run.info.run_id)


def files_of(run: mltrack.ActiveRun) -> dict[str, bytes]:
    root = root_of(run)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def check_records(run: mltrack.ActiveRun) -> None:
    """What was recorded is what is there: paths, sizes and digests."""
    rows = get_store()._database.read(  # type: ignore[attr-defined]
        lambda connection: connection.execute("SELECT path, size, digest FROM artifacts").fetchall()
    )
    found = {path: (len(content), hashlib.sha256(content).hexdigest()) for path, content in files_of(run).items()}
    assert {path: (size, digest) for path, size, digest in rows} == found
    listed = get_store().list_artifacts(run.info.run_id)
    assert [(each.path, each.file_size) for each in listed] == sorted((path, size) for path, size, _ in rows)


# Paths


@pytest.mark.parametrize("path", ATTACKS.values(), ids=ATTACKS.keys())
def test_paths_out_of_the_folder_are_refused_before_anything_happens(tmp_path: Path, path: str) -> None:
    (tmp_path / "source.txt").write_text("x")
    verbs: list[Callable[[], object]] = [
        lambda: mltrack.log_text("x", path),
        lambda: mltrack.log_dict({}, path),
        lambda: mltrack.log_image(np.zeros((2, 2)), path),
        lambda: mltrack.log_figure(Figure(), path),
        lambda: mltrack.log_table({"a": [1]}, path),
    ]
    if path:  # an empty folder is the root
        verbs += [
            lambda: mltrack.log_artifact(tmp_path / "source.txt", path),
            lambda: mltrack.log_artifacts(tmp_path, path),
        ]
    for verb in verbs:
        with pytest.raises(InvalidParameterError):
            verb()
    assert mltrack.active_run() is None
    assert not (tmp_path / "mlartifacts").exists()


@pytest.mark.parametrize("path", PLAIN)
def test_odd_paths_are_taken_as_they_are(run: mltrack.ActiveRun, path: str) -> None:
    mltrack.log_text("x", path)
    assert files_of(run) == {path: b"x"}
    check_records(run)


@given(st.text(max_size=60) | st.lists(st.sampled_from(["..", ".", "a", "", "\\", "/", "b.txt"])).map("/".join))
def test_a_checked_path_stays_below_its_root(text: str) -> None:
    try:
        path = safe_path(text)
    except InvalidParameterError:
        return
    assert os.path.normpath(os.path.join("/root/1", path.text)) == f"/root/1/{path.text}"
    assert "\0" not in path.text


@pytest.mark.parametrize("path", [None, 3, b"a"])
def test_a_path_is_text(path: Any) -> None:
    with pytest.raises(InvalidParameterError, match="must be text"):
        safe_path(path)


# Links, pipes, permissions


@posix_only
def test_links_inside_the_artifacts_are_not_followed(run: mltrack.ActiveRun, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.txt").write_text("kept")
    root = root_of(run)
    root.mkdir(parents=True)
    (root / "link").symlink_to(outside, target_is_directory=True)
    (root / "file.txt").symlink_to(outside / "kept.txt")
    (root / "dangling.txt").symlink_to(outside / "made.txt")
    for path in ("link/new.txt", "link/a/b.txt", "file.txt", "dangling.txt"):
        with pytest.raises(InvalidParameterError, match="through a link"):
            mltrack.log_text("x", path)
    with pytest.raises(InvalidParameterError, match="through a link"):
        mltrack.log_table({"a": [1]}, "link/t.json")
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"kept.txt": "kept"}


@posix_only
def test_a_folder_is_logged_without_links_pipes_and_sockets(run: mltrack.ActiveRun, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "deep" / "er" / "b.txt").write_text("b")
    (folder / "link.txt").symlink_to("/etc/passwd")
    (folder / "linked").symlink_to("/etc", target_is_directory=True)
    os.mkfifo(folder / "pipe")
    mltrack.log_artifacts(folder)
    mltrack.log_artifacts(folder, "into/here")
    expected = {"a.txt": b"a", "deep/er/b.txt": b"b"}
    assert files_of(run) == {**expected, **{f"into/here/{path}": content for path, content in expected.items()}}
    check_records(run)


@posix_only
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_no_file_is_refused_without_waiting(run: mltrack.ActiveRun, tmp_path: Path, kind: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    path = tmp_path / "pipe" if kind == "pipe" else "/dev/zero"
    with pytest.raises(InvalidParameterError, match="no[t a]* regular file"):
        mltrack.log_artifact(path)
    assert files_of(run) == {}


@posix_only
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_have_the_permissions_of_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    (tmp_path / "secret.txt").write_text("x")
    (tmp_path / "secret.txt").chmod(0o4777)
    before = os.umask(umask)
    try:
        with mltrack.start_run() as run:
            mltrack.log_text("x", "d/a.txt")
            mltrack.log_artifact("secret.txt")
    finally:
        os.umask(before)
    root = root_of(run)
    assert stat.S_IMODE((root / "d" / "a.txt").stat().st_mode) == mode
    assert stat.S_IMODE((root / "secret.txt").stat().st_mode) == mode
    assert stat.S_IMODE((root / "d").stat().st_mode) == 0o777 & ~umask


# Whole or not at all


def test_a_file_is_replaced_whole(run: mltrack.ActiveRun) -> None:
    mltrack.log_text("first", "a.txt")
    mltrack.log_text("second, longer", "a.txt")
    assert files_of(run) == {"a.txt": b"second, longer"}
    check_records(run)


@pytest.mark.parametrize("path", ["a.txt/b.txt", "d"])
def test_a_file_and_a_folder_of_one_name(run: mltrack.ActiveRun, path: str) -> None:
    mltrack.log_text("x", "a.txt")
    mltrack.log_text("x", "d/e.txt")
    with pytest.raises(InvalidParameterError, match="already"):
        mltrack.log_text("y", path)
    assert files_of(run) == {"a.txt": b"x", "d/e.txt": b"x"}


def test_no_room_leaves_the_earlier_file_and_nothing_else(tmp_path: Path) -> None:
    code = """
        import resource, signal, pytest, mltrack
        from mltrack.exceptions import StoreFullError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with mltrack.start_run() as run:
            mltrack.log_text("kept", "a.txt")
            open("big.bin", "wb").write(bytes(2_000_000))
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
            for log in (lambda: mltrack.log_text("x" * 2_000_000, "a.txt"), lambda: mltrack.log_artifact("big.bin")):
                with pytest.raises(StoreFullError, match="could not be written"):
                    log()
        print(run.info.run_id)
    """
    run_id = run_script(code, folder=tmp_path).stdout.strip()
    mltrack.set_tracking_uri(tmp_path / "mltrack.db")
    root = get_store().artifact_root(run_id)
    assert {path.name: path.read_text() for path in root.iterdir()} == {"a.txt": "kept"}
    assert [each.path for each in get_store().list_artifacts(run_id)] == ["a.txt"]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    class Interrupting:
        def __buffer__(self, flags: int) -> memoryview:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, TypeError)):
        write_bytes(tmp_path, safe_path("a.txt"), Interrupting())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


# The verbs


@pytest.mark.parametrize("text", ["", "größe\r\n", "a\ud800b", "x" * 1_000_000])
def test_texts(run: mltrack.ActiveRun, text: str) -> None:
    mltrack.log_text(text, "a.txt")
    assert files_of(run)["a.txt"].decode() == text.replace("\ud800", "\\ud800")
    check_records(run)


def test_a_text_is_text() -> None:
    with pytest.raises(InvalidParameterError, match="log_text needs text"):
        mltrack.log_text(b"x", "a.txt")  # type: ignore[arg-type]


def test_an_artifact_of_a_run_by_id() -> None:
    with mltrack.start_run() as other:
        pass
    mltrack.log_text("x", "a.txt", run_id=other.info.run_id)
    assert mltrack.active_run() is None
    assert files_of(other) == {"a.txt": b"x"}
    with pytest.raises(NotFoundError):
        mltrack.log_text("x", "a.txt", run_id="f" * 32)


@pytest.mark.parametrize("path", ["a.json", "a.yaml", "a.yml", "a.txt"])
def test_dictionaries(run: mltrack.ActiveRun, path: str) -> None:
    value = {"a": [1, 2.5, None, True], "ü": np.arange(2), "n": np.float32(0.5), "d": pd.Timestamp(0), "s": "a\ud800"}
    mltrack.log_dict(value, path)
    text = files_of(run)[path].decode()
    if path.endswith(("yaml", "yml")):
        import yaml  # only here

        found = yaml.safe_load(text)
    else:
        found = json.loads(text)
    assert found.pop("s").startswith("a")
    assert found == {"a": [1, 2.5, None, True], "ü": [0, 1], "n": 0.5, "d": "1970-01-01 00:00:00"}
    assert list(found)[0] == "a"


def test_dictionaries_that_are_no_json() -> None:
    cyclic: dict[str, Any] = {}
    cyclic["a"] = cyclic
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (cyclic, {(1, 2): 3}, deep):
        with pytest.raises(InvalidParameterError, match="could not be written as JSON"):
            mltrack.log_dict(value, "a.json")
    assert mltrack.active_run() is None


@pytest.mark.parametrize(("path", "start"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")])
def test_matplotlib_figures(run: mltrack.ActiveRun, path: str, start: bytes) -> None:
    figure = Figure()
    figure.subplots().plot([1, 2])
    mltrack.log_figure(figure, path, save_kwargs={"dpi": 20})
    assert files_of(run)[path].startswith(start)
    check_records(run)


@pytest.mark.parametrize("path", ["c.html", "c.json"])
def test_altair_figures(run: mltrack.ActiveRun, path: str) -> None:
    import altair as alt  # heavy, and only here

    mltrack.log_figure(alt.Chart(pd.DataFrame({"x": [1]})).mark_point().encode(x="x"), path)
    assert b"vega" in files_of(run)[path]


@pytest.mark.parametrize(("figure", "path"), [(object(), "a.png"), ("text", "a.png"), (None, "a")])
def test_what_is_no_figure(figure: object, path: str) -> None:
    with pytest.raises(InvalidParameterError, match="log_figure"):
        mltrack.log_figure(figure, path)


IMAGES = {
    "grey": (np.array([[0, 255]], dtype="uint8"), [[0, 255]]),
    "bool": (np.array([[False, True]]), [[0, 255]]),
    "float": (np.array([[0.0, 1.0]]), [[0, 255]]),
    "int64": (np.array([[0, 255]]), [[0, 255]]),
    "one channel": (np.array([[[0], [255]]], dtype="uint8"), [[0, 255]]),
    "RGB": (np.zeros((1, 2, 3), dtype="uint8"), [[[0, 0, 0]] * 2]),
    "RGBA": (np.zeros((1, 2, 4), dtype="uint8"), [[[0, 0, 0, 0]] * 2]),
}


@pytest.mark.parametrize(("array", "pixels"), IMAGES.values(), ids=IMAGES.keys())
def test_images(run: mltrack.ActiveRun, array: Any, pixels: list[Any]) -> None:
    from PIL import Image  # only here

    mltrack.log_image(array, "a.png")
    mltrack.log_image(Image.fromarray(array[..., 0] if array.shape[2:] == (1,) else array.astype("uint8")), "b.png")
    with Image.open(root_of(run) / "a.png") as found:
        assert np.asarray(found).tolist() == pixels
    check_records(run)


def test_a_series_of_images(run: mltrack.ActiveRun) -> None:
    for step in range(3):
        mltrack.log_image(np.zeros((2, 2)), key="val/mask", step=step, timestamp=7)
    names = sorted(files_of(run))
    assert [name.rsplit("%", 1)[0] for name in names] == [
        f"images/val#mask%step%{step}%timestamp%7" for step in range(3)
    ]


@pytest.mark.parametrize(
    "image",
    [[[1]], np.zeros(3), np.zeros((2, 2, 2)), np.array([["a"]]), np.array([[2.0]]), np.array([[-1]]), np.array([[256]])]
    + [np.array([[np.nan]]), np.zeros((0, 2)), np.array([[1j]])],
)
def test_what_is_no_image(image: Any) -> None:
    with pytest.raises(InvalidParameterError, match="log_image needs"):
        mltrack.log_image(image, "a.png")
    assert mltrack.active_run() is None


@pytest.mark.parametrize("path", ["a.xyz", "a.txt", "a.jpg"])
def test_formats_that_cannot_hold_an_image(path: str) -> None:
    with pytest.raises(InvalidParameterError, match="cannot write"):
        mltrack.log_image(np.zeros((2, 2, 4), dtype="uint8"), path)
    assert mltrack.active_run() is None


def test_an_image_has_one_place() -> None:
    for arguments in ({}, {"artifact_file": "a.png", "key": "a"}):
        with pytest.raises(InvalidParameterError, match="either"):
            mltrack.log_image(np.zeros((2, 2)), **arguments)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="image key"):
        mltrack.log_image(np.zeros((2, 2)), key="../a")


def read_table(run: mltrack.ActiveRun, path: str) -> pd.DataFrame:
    document = json.loads(files_of(run)[path])
    return pd.DataFrame(document["data"], columns=document["columns"])


def test_tables_grow(run: mltrack.ActiveRun) -> None:
    mltrack.log_table({"a": [1, 2], "b": ["x", "ü"]}, "t.json")
    mltrack.log_table(pd.DataFrame({"a": [3], "b": ["z"]}), "t.json")
    mltrack.log_table({"a": 4, "b": "one row"}, "t.json")
    assert read_table(run, "t.json").to_dict("list") == {"a": [1, 2, 3, 4], "b": ["x", "ü", "z", "one row"]}
    check_records(run)


def test_numbers_in_tables_keep_their_digits(run: mltrack.ActiveRun) -> None:
    values = [0.1234567890123, 1 / 3, 1e-12]
    mltrack.log_table({"a": values}, "t.json")
    assert read_table(run, "t.json")["a"].tolist() == pytest.approx(values, rel=1e-13, abs=0)


@pytest.mark.parametrize(("data", "path"), [({"a": [1]}, "t.csv"), ([1], "t.json"), ("text", "t.json")])
def test_what_is_no_table(data: Any, path: str) -> None:
    with pytest.raises(InvalidParameterError, match="log_table"):
        mltrack.log_table(data, path)
    assert mltrack.active_run() is None


def test_files_and_folders(run: mltrack.ActiveRun, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.bin").write_bytes(bytes(3_000_000))
    (folder / "deep" / "b.txt").write_text("b")
    mltrack.log_artifact(folder / "a.bin")
    mltrack.log_artifact(str(folder / "a.bin"), "sub/dir")
    mltrack.log_artifact(folder)
    mltrack.log_artifact(folder / "deep" / "..", "other")
    assert sorted(files_of(run)) == [
        "a.bin",
        "model/a.bin",
        "model/deep/b.txt",
        "other/model/a.bin",
        "other/model/deep/b.txt",
        "sub/dir/a.bin",
    ]
    check_records(run)


@pytest.mark.parametrize("verb", [mltrack.log_artifact, mltrack.log_artifacts])
def test_what_is_not_there(verb: Callable[[str], None]) -> None:
    with pytest.raises(NotFoundError, match="no f"):
        verb("missing")
    assert mltrack.active_run() is None


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(NotFoundError, match="no folder"):
        mltrack.log_artifacts(tmp_path / "a.txt")


def test_a_full_disk_has_mlflows_error_code() -> None:
    assert StoreFullError("x").error_code == "RESOURCE_EXHAUSTED"
