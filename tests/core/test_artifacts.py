"""Files of a run: what each verb writes, and what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from tests.core.artifact_files import check_records, files_of, root_of

import mltrack
from mltrack.exceptions import InvalidParameterError, NotFoundError, StoreFullError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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
    assert next(iter(found)) == "a"


def test_dictionaries_that_are_no_json() -> None:
    cyclic: dict[Any, Any] = {}
    cyclic["a"] = cyclic
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    values: list[Any] = [cyclic, {(1, 2): 3}, deep]
    for value in values:
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
    assert [name.rsplit("+", 1)[0] for name in names] == [
        f"images/val~mask+step+{step}+timestamp+7" for step in range(3)
    ]


@pytest.mark.parametrize(
    "image",
    [
        [[1]],
        np.zeros(3),
        np.zeros((2, 2, 2)),
        np.zeros((0, 2)),
        np.array([["a"]]),
        np.array([[2.0]]),
        np.array([[-1]]),
        np.array([[256]]),
        np.array([[np.nan]]),
        np.array([[1j]]),
    ],
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
