"""Getting artifacts back: lists, downloads, texts, images and tables, by the fluent verbs and by the client."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import mltrack
from mltrack import artifacts
from mltrack.artifacts.run_files import ArtifactWarning
from mltrack.exceptions import ArtifactChangedError, InvalidParameterError, MltrackError, NotFoundError
from mltrack.settings import get_store

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = {"a.txt": b"a", "d/b.txt": b"b", "d/e/c.txt": b"c", "empty.txt": b""}


@pytest.fixture
def run_id(place: str) -> str:
    """A run with FILES, one for each kind of place."""
    client = mltrack.MltrackClient()
    run_id = client.create_run(client.create_experiment("e", place)).info.run_id
    for path, content in FILES.items():
        client.log_stream(run_id, io.BytesIO(content), path)
    return run_id


def found(folder: str | Path) -> dict[str, bytes]:
    root = Path(folder)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


# As mlflow 3.17 does with a store in SQLite and local artifacts.
DOWNLOADS: dict[str, tuple[str, str, dict[str, bytes]]] = {
    "file": ("d/b.txt", "b.txt", {"b.txt": b"b"}),
    "folder": ("d/e", "e", {"e/c.txt": b"c"}),
    "folder, slash": ("d/", "d", {"d/b.txt": b"b", "d/e/c.txt": b"c"}),
    "root": ("", ".", FILES),
}


@pytest.mark.parametrize(("path", "result", "files"), DOWNLOADS.values(), ids=DOWNLOADS.keys())
def test_downloads(run_id: str, tmp_path: Path, path: str, result: str, files: dict[str, bytes]) -> None:
    verbs: list[Callable[[Path], str]] = [
        lambda to: mltrack.MltrackClient().download_artifacts(run_id, path, str(to)),
        lambda to: artifacts.download_artifacts(run_id=run_id, artifact_path=path, dst_path=str(to)),
        lambda to: artifacts.download_artifacts(f"runs:/{run_id}/{path}", dst_path=str(to)),
    ]
    for number, verb in enumerate(verbs):
        target = tmp_path / f"out{number}" / "deep"
        assert verb(target) == os.path.normpath(target / result)
        assert found(target) == files


def test_downloads_without_a_destination(run_id: str) -> None:
    client = mltrack.MltrackClient()
    place = client.download_artifacts(run_id, "d")
    assert found(place) == {"b.txt": b"b", "e/c.txt": b"c"}
    root = get_store().artifact_folder(run_id).local_path()
    assert (root is not None) == Path(place).is_relative_to(str(root))
    assert Path(client.download_artifacts(run_id, "a.txt")).read_bytes() == b"a"


def test_lists(run_id: str) -> None:
    client = mltrack.MltrackClient()
    root = [("a.txt", False, 1), ("d", True, None), ("empty.txt", False, 0)]
    lists: dict[str | None, list[tuple[str, bool, int | None]]] = {
        None: root,
        "": root,
        "d": [("d/b.txt", False, 1), ("d/e", True, None)],
        "d/": [("d/b.txt", False, 1), ("d/e", True, None)],
        "a.txt": [],
        "missing": [],
    }
    for path, expected in lists.items():
        for listed in (client.list_artifacts(run_id, path), artifacts.list_artifacts(f"runs:/{run_id}/{path or ''}")):
            assert [(each.path, each.is_dir, each.file_size) for each in listed] == expected


def test_what_is_not_there(run_id: str, tmp_path: Path) -> None:
    client = mltrack.MltrackClient()
    works: list[Callable[[], object]] = [
        lambda: client.download_artifacts(run_id, "missing", tmp_path / "out"),
        lambda: client.download_artifacts(run_id, "missing"),
        lambda: artifacts.load_text(f"runs:/{run_id}/missing"),
        lambda: client.list_artifacts("f" * 32),
        lambda: client.download_artifacts("f" * 32, "a.txt"),
    ]
    for work in works:
        with pytest.raises(NotFoundError):
            work()
    assert not (tmp_path / "out").exists()


def test_bytes_that_changed_are_an_error_of_every_read(run_id: str, tmp_path: Path) -> None:
    client, store = mltrack.MltrackClient(), get_store()
    from mltrack.store.artifacts import safe_path  # behind the store's back

    store.artifact_folder(run_id).put(safe_path("d/b.txt"), io.BytesIO(b"B"))
    works: list[Callable[[], object]] = [
        lambda: artifacts.load_text(f"runs:/{run_id}/d/b.txt"),
        lambda: client.download_artifacts(run_id, "d/b.txt"),
        lambda: client.download_artifacts(run_id, "d"),
        lambda: client.download_artifacts(run_id, "", tmp_path / "out"),
        lambda: artifacts.download_artifacts(f"runs:/{run_id}/d/b.txt", dst_path=tmp_path / "out"),
    ]
    for work in works:
        with pytest.raises(ArtifactChangedError, match=r"b\.txt' has changed"):
            work()
    assert "d/b.txt" not in found(tmp_path / "out")
    assert artifacts.load_text(f"runs:/{run_id}/a.txt") == "a"


def test_files_that_were_not_recorded_are_read(run_id: str) -> None:
    from mltrack.store.artifacts import safe_path  # as another tool would put it there

    get_store().artifact_folder(run_id).put(safe_path("other.txt"), io.BytesIO("ü".encode()))
    assert "other.txt" in [each.path for each in artifacts.list_artifacts(run_id=run_id)]
    assert artifacts.load_text(f"runs:/{run_id}/other.txt") == "ü"


def test_a_download_does_not_go_through_links(run_id: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "d").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidParameterError, match="through a link"):
        mltrack.MltrackClient().download_artifacts(run_id, "d", tmp_path / "out")
    assert found(tmp_path / "elsewhere") == {}


def test_texts_documents_and_images(run: mltrack.ActiveRun) -> None:
    mltrack.log_text("größe", "a.txt")
    mltrack.log_dict({"a": [1]}, "a.json")
    mltrack.log_image(np.array([[0, 255]], dtype="uint8"), "a.png")
    mltrack.log_stream(io.BytesIO(b"\xff\xfe"), "a.bin")
    root = f"runs:/{run.info.run_id}"
    assert artifacts.load_text(f"{root}/a.txt") == "größe"
    assert artifacts.load_dict(f"{root}/a.json") == {"a": [1]}
    assert np.asarray(artifacts.load_image(f"{root}/a.png")).tolist() == [[0, 255]]
    unreadable: list[tuple[Callable[[str], Any], str]] = [
        (artifacts.load_text, "a.bin"),
        (artifacts.load_dict, "a.txt"),
        (artifacts.load_dict, "a.bin"),
        (artifacts.load_image, "a.txt"),
    ]
    for load, path in unreadable:
        with pytest.raises(MltrackError, match="is not") as caught:
            load(f"{root}/{path}")
        assert caught.value.error_code == "BAD_REQUEST"
    with pytest.raises(InvalidParameterError, match="names no file"):
        artifacts.load_text(root)


def test_folders_go_to_every_place(place: str, tmp_path: Path) -> None:
    source = tmp_path / "model"
    files = {f"{folder}/{number}.bin": bytes([number]) for folder in ("a", "b/c") for number in range(20)}
    for path, content in files.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(content)
    client = mltrack.MltrackClient()
    run_id = client.create_run(client.create_experiment("e", place)).info.run_id
    client.log_artifact(run_id, source)
    client.log_artifact(run_id, source / "a" / "1.bin", "single")
    client.log_artifacts(run_id, source, "x/y")
    expected = {f"{top}/{path}": content for path, content in files.items() for top in ("model", "x/y")}
    expected["single/1.bin"] = b"\1"
    assert found(client.download_artifacts(run_id, "")) == expected
    assert set(get_store().artifact_records(run_id)) == set(expected)


# Tables


def test_tables_of_several_runs() -> None:
    ids = []
    for number in range(3):
        with mltrack.start_run(run_name=f"r{number}") as run:
            mltrack.log_param("lr", number)
            mltrack.log_table({"a": [number], "run_id": ["mine"]}, "t.json")
            ids.append(run.info.run_id)
    with mltrack.start_run():
        mltrack.log_table({"a": [9]}, "other.json")
    whole = mltrack.load_table("t.json", extra_columns=["run_id", "params.lr"])
    assert whole.to_dict("list") == {
        "a": [2, 1, 0],
        "run_id": ["mine"] * 3,
        "run_id_": ids[::-1],
        "params.lr": ["2", "1", "0"],
    }
    with pytest.warns(ArtifactWarning, match="1 of the runs"):
        some = mltrack.load_table("t.json", run_ids=[ids[1], "f" * 32])
    assert some["a"].tolist() == [1]
    with pytest.raises(NotFoundError, match="No run"):
        mltrack.load_table("missing.json")
    with pytest.raises(InvalidParameterError, match="no column"):
        mltrack.load_table("t.json", extra_columns=["nothing"])


def test_a_table_is_noted_once_in_mlflows_tag(run: mltrack.ActiveRun) -> None:
    for path in ("t.json", "t.json", "u.json"):
        mltrack.log_table({"a": [1]}, path)
    tag = mltrack.get_run(run.info.run_id).data.tags["mlflow.loggedArtifacts"]
    assert tag == '[{"path": "t.json", "type": "table"}, {"path": "u.json", "type": "table"}]'


@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_tables_by_the_client(kind: str) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    client = mltrack.MltrackClient()
    run_id = client.create_run("0").info.run_id
    client.log_table(run_id, {"a": [1]}, f"t.{kind}")
    client.log_table(run_id, pd.DataFrame({"a": [2]}), f"t.{kind}")
    assert client.load_table("0", f"t.{kind}", [run_id])["a"].tolist() == [1, 2]


def test_what_is_no_table(run: mltrack.ActiveRun) -> None:
    mltrack.log_table({"a": [1]}, "t.json")
    mltrack.log_text("[1]", "t.json")
    with pytest.raises(InvalidParameterError, match="is no table"):
        mltrack.load_table("t.json")
