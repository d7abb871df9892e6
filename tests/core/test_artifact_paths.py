"""Where a run's files may go, and that they are there whole or not at all."""

from __future__ import annotations

import io
import os
import stat
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from tests.core.artifact_files import check_records, files_of, root_of
from tests.core.scripts import run_script

import mltrack
from mltrack import artifacts
from mltrack.artifacts.run_files import ArtifactWarning
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.settings import get_store
from mltrack.store.artifacts import safe_path
from mltrack.store.local_artifacts import LocalFolder

if TYPE_CHECKING:
    from collections.abc import Callable
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


@pytest.mark.parametrize("path", [path for path in ATTACKS.values() if path.rstrip("/") == path and path])
def test_paths_out_of_the_folder_are_refused_by_every_verb_at_every_place(
    place: str, tmp_path: Path, path: str
) -> None:
    client = mltrack.MltrackClient()
    run_id = client.create_run(client.create_experiment("e", place)).info.run_id
    (tmp_path / "source.txt").write_text("x")
    verbs: list[Callable[[], object]] = [
        lambda: client.log_text(run_id, "x", path),
        lambda: client.log_dict(run_id, {}, path),
        lambda: client.log_stream(run_id, io.BytesIO(b"x"), path),
        lambda: client.log_image(run_id, np.zeros((2, 2)), path),
        lambda: client.log_figure(run_id, Figure(), path),
        lambda: client.log_table(run_id, {"a": [1]}, path),
        lambda: client.log_artifact(run_id, tmp_path / "source.txt", path),
        lambda: client.log_artifacts(run_id, tmp_path, path),
        lambda: client.list_artifacts(run_id, path),
        lambda: client.download_artifacts(run_id, path, tmp_path / "out"),
        lambda: client.load_table("0", path),
        lambda: artifacts.list_artifacts(run_id=run_id, artifact_path=path),
        lambda: artifacts.download_artifacts(run_id=run_id, artifact_path=path, dst_path=tmp_path / "out"),
        lambda: artifacts.download_artifacts(f"runs:/{run_id}/{path}", dst_path=tmp_path / "out"),
        lambda: artifacts.load_text(f"runs:/{run_id}/{path}"),
    ]
    for verb in verbs:
        with pytest.raises(InvalidParameterError):
            verb()
    assert client.list_artifacts(run_id) == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("run_id", ["../x", "a/b", "..", "", "x" * 1_000_000, "a\0b", "a b"])
def test_a_run_id_is_no_path(tmp_path: Path, run_id: str) -> None:
    client = mltrack.MltrackClient()
    verbs: list[Callable[[], object]] = [
        lambda: client.log_text(run_id, "x", "a.txt"),
        lambda: client.list_artifacts(run_id),
        lambda: client.download_artifacts(run_id, "a.txt", tmp_path / "out"),
        lambda: artifacts.load_text(f"runs:/{run_id}/a.txt"),
        lambda: mltrack.log_text("x", "a.txt", run_id=run_id),
    ]
    for verb in verbs:
        with pytest.raises((InvalidParameterError, NotFoundError)) as caught:
            verb()
        assert len(caught.value.message) < 500
    assert not (tmp_path / "out").exists()


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
    with pytest.warns(ArtifactWarning, match="3 links, pipes or devices in .* were not logged: link.txt"):
        mltrack.log_artifacts(folder)
    with pytest.warns(ArtifactWarning):
        mltrack.log_artifacts(folder, "into/here")
    expected = {"a.txt": b"a", "deep/er/b.txt": b"b"}
    assert files_of(run) == {**expected, **{f"into/here/{path}": content for path, content in expected.items()}}
    check_records(run)


@posix_only
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_no_file_is_refused_without_waiting(run: mltrack.ActiveRun, tmp_path: Path, kind: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    path = tmp_path / "pipe" if kind == "pipe" else "/dev/zero"
    with pytest.raises(InvalidParameterError, match="regular file"):
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
    root = get_store().artifact_folder(run_id).local_path()
    assert root is not None
    assert {path.name: path.read_text() for path in root.iterdir()} == {"a.txt": "kept"}
    assert [each.path for each in get_store().list_artifacts(run_id)] == ["a.txt"]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    class Interrupting(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalFolder(tmp_path).put(safe_path("a.txt"), Interrupting())
    assert list(tmp_path.iterdir()) == []
