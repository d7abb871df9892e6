"""Where datasets come from: paths, addresses, files by their digest, and secrets in any of them."""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mltrack import data
from mltrack.data.file_dataset import WHOLE_BYTES, path_digest
from mltrack.data.meta_dataset import MetaDataset
from mltrack.data.schema import Schema
from mltrack.data.sources import CodeDatasetSource, HTTPDatasetSource, resolve_dataset_source
from mltrack.entities import Dataset, DatasetInput
from mltrack.exceptions import InvalidParameterError, NotFoundError

if TYPE_CHECKING:
    from os import PathLike

TEXTS: dict[str | Path, tuple[str, dict[str, str]]] = {
    "data.csv": ("local", {"uri": "data.csv"}),
    "/data/x.csv": ("local", {"uri": "/data/x.csv"}),
    "C:\\data\\x.csv": ("local", {"uri": "C:\\data\\x.csv"}),
    Path("folder/x.csv"): ("local", {"uri": os.path.join("folder", "x.csv")}),
    "file:///data/x.csv": ("local", {"uri": "file:///data/x.csv"}),
    "http://host/x.csv": ("http", {"url": "http://host/x.csv"}),
    "HTTPS://host/x.csv": ("http", {"url": "HTTPS://host/x.csv"}),
    "s3://bucket/x.csv": ("s3", {"uri": "s3://bucket/x.csv"}),
    "gs://bucket/x.csv": ("gs", {"uri": "gs://bucket/x.csv"}),
    "abfss://c@account.dfs.core.windows.net/x": ("abfss", {"uri": "abfss://c@account.dfs.core.windows.net/x"}),
    "hdfs://name/x": ("hdfs", {"uri": "hdfs://name/x"}),
}


@pytest.mark.parametrize("text", TEXTS, ids=str)
def test_a_text_names_a_source(text: str | PathLike[str]) -> None:
    source = resolve_dataset_source(text)
    kind, document = TEXTS[text]  # type: ignore[index]
    assert (source._get_source_type(), source.to_dict()) == (kind, document)
    entity = Dataset("d", "1", kind, source.to_json())
    again = data.get_source(DatasetInput(entity))
    assert (type(again), again.to_dict()) == (type(source), document)


def test_without_a_source_it_is_the_code() -> None:
    source = resolve_dataset_source(None)
    assert isinstance(source, CodeDatasetSource)
    assert set(source.to_dict()["tags"]) == {"mlflow.user", "mlflow.source.name", "mlflow.source.type"}
    assert CodeDatasetSource.from_json(source.to_json()).to_dict() == source.to_dict()
    assert resolve_dataset_source(source) is source
    with pytest.raises(InvalidParameterError, match="cannot be loaded"):
        source.load()


@pytest.mark.parametrize(("kind", "text"), [("delta_table", '{"path": "x"}'), ("odd", "no JSON"), ("odd", "[1]")])
def test_sources_of_other_trackers_keep_their_json(kind: str, text: str) -> None:
    source = data.get_source(Dataset("d", "1", kind, text))
    assert source._get_source_type() == kind
    assert str(json.loads(source.to_json()).get("source", {"path": "x"})) in (text, str({"path": "x"}))


def test_json_without_its_field_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="'url'"):
        HTTPDatasetSource.from_json("{}")


SECRET = "s3cr3tS1gnatur3"
ADDRESSES = (
    f"https://user:{SECRET}@host/x.csv",
    f"https://host/x.csv?token={SECRET}",
    f"https://host/x.csv?a=b&X-Amz-Signature={SECRET}&X-Amz-Expires=1",
    f"https://host/x.csv?X-Amz-Security-Token={SECRET}",
    f"https://host/x.csv?X-Goog-Signature={SECRET}",
    f"https://account.blob.core.windows.net/x.csv?sv=1&sig={SECRET}",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_secrets_in_an_address_are_masked(address: str) -> None:
    made = data.from_file(address)
    assert SECRET not in str(made.to_entity()) + repr(made)
    assert "host" in made.to_entity().source or "account" in made.to_entity().source
    assert SECRET in made.source.to_dict()["url"]  # whoever holds the object can still use it


def test_an_address_is_kept_and_not_fetched() -> None:
    made = data.from_file("https://host.invalid/folder/train.csv?version=2")
    assert (made.name, made.profile, made.schema) == ("train.csv", None, None)
    assert data.from_file("s3://bucket/x", digest="abc").digest == "abc"
    assert data.from_file("s3://bucket/x").digest != data.from_file("s3://bucket/y").digest


def test_a_dataset_of_words_is_as_mlflow_makes_it() -> None:
    made = MetaDataset(HTTPDatasetSource("https://host/x.csv"), schema=Schema([{"type": "string", "name": "t"}]))
    assert made.name == "dataset"
    assert made.to_dict()["schema"] == '{"mlflow_colspec": [{"type": "string", "name": "t"}]}'
    assert len(made.digest) == 8


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(b"a,b\n1,2\n")
    made = data.from_file(file)
    assert (made.name, made.profile) == ("x.csv", {"num_bytes": 8})
    assert Path(made.source.load()) == file
    copy = tmp_path / "copy"
    copy.write_bytes(file.read_bytes())
    assert data.from_file(copy).digest == made.digest
    copy.write_bytes(b"a,b\n1,3\n")
    assert data.from_file(copy).digest != made.digest
    assert data.from_file(file.as_uri()).name == "x.csv"


def test_a_large_file_is_read_in_part(tmp_path: Path) -> None:
    file = tmp_path / "large"
    with file.open("wb") as out:
        out.truncate(50 * WHOLE_BYTES)
    empty = path_digest(file)
    for place in (0, 50 * WHOLE_BYTES - 1):
        with file.open("r+b") as out:
            out.seek(place)
            out.write(b"x")
        assert path_digest(file) != empty
    with file.open("r+b") as out:
        out.truncate(50 * WHOLE_BYTES + 1)
    assert path_digest(file) != empty


def test_a_folder_is_known_by_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    (folder / "sub").mkdir(parents=True)
    for name in ("a", "sub/b"):
        (folder / name).write_text(name)
    made = data.from_file(folder)
    assert (made.name, made.profile) == ("parts", {"num_bytes": 6, "num_files": 2})
    (folder / "sub" / "b").rename(folder / "b")
    assert data.from_file(folder).digest != made.digest
    os.mkfifo(folder / "pipe")
    os.symlink("/etc/passwd", folder / "link")
    assert data.from_file(folder).profile == {"num_bytes": 6, "num_files": 2}


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nothing at"):
        data.from_file(tmp_path / "none")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidParameterError, match="neither a file nor a folder"):
        data.from_file(tmp_path / "pipe")


@pytest.mark.parametrize(
    "name",
    [
        "pandas_dataset.PandasDataset",
        "pandas_dataset.from_pandas",
        "numpy_dataset.NumpyDataset",
        "polars_dataset.PolarsDataset",
        "meta_dataset.MetaDataset",
        "http_dataset_source.HTTPDatasetSource",
        "code_dataset_source.CodeDatasetSource",
        "filesystem_dataset_source.FileSystemDatasetSource",
        "dataset_source.DatasetSource",
        "dataset.Dataset",
        "schema.TensorDatasetSchema",
        "sources.LocalArtifactDatasetSource",
    ],
)
def test_mlflows_names_are_there(name: str) -> None:
    module, _, attribute = name.partition(".")
    assert getattr(getattr(data, module), attribute) is getattr(
        importlib.import_module(f"mltrack.data.{module}"), attribute
    )
    assert module in dir(data)
    with pytest.raises(AttributeError):
        data.nothing  # noqa: B018
