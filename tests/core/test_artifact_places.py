"""Where artifacts may lie, and what a URI of an artifact may name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mltrack
from mltrack.artifacts import download_artifacts, list_artifacts, load_text
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.settings import get_store
from mltrack.store.artifacts import artifact_place, is_remote

if TYPE_CHECKING:
    from mltrack.store.sqlite import SqliteStore

TAKEN = {
    "relative": ("files/here", "files/here"),
    "absolute": ("/data/x", "/data/x"),
    "file URI": ("file:///data/a%20b", "/data/a b"),
    "short file URI": ("file:/data/x", "/data/x"),
    "decoded once": ("file:///data/%252e%252e/x", "/data/%2e%2e/x"),
    "home stays": ("~/x", "~/x"),
    "variable stays": ("$HOME/x", "$HOME/x"),
    "braces stay": ("/data/${AWS_SECRET_ACCESS_KEY}", "/data/${AWS_SECRET_ACCESS_KEY}"),
    "hash in a path": ("runs#1", "runs#1"),
    "S3": ("s3://bucket/a/b/", "s3://bucket/a/b"),
    "S3 bucket": ("s3://my.bucket-1", "s3://my.bucket-1"),
    "S3 variable": ("s3://bucket/$X/~", "s3://bucket/$X/~"),
    "Google": ("gs://bucket/a", "gs://bucket/a"),
    "Azure": ("abfs://container/a", "abfs://container/a"),
    "Azure host": ("abfss://c@account.dfs.core.windows.net/a", "abfss://c@account.dfs.core.windows.net/a"),
    "az": ("az://container/a", "az://container/a"),
    "memory": ("memory://x/y", "memory://x/y"),
}
REFUSED = {
    "empty": "",
    "blank": "  ",
    "root": "/",
    "root URI": "file:///",
    "metadata service": "http://169.254.169.254/latest",
    "unknown scheme": "ftp://host/x",
    "file of a host": "file://host/x",
    "chained": "simplecache::s3://bucket/x",
    "chain behind": "s3://bucket/x::file:///etc",
    "parent": "a/../../b",
    "parent behind a fragment": "x#../../y",
    "parent in a query": "x?a=/../../y",
    "file URI parent": "file:///data/../../etc",
    "file URI encoded parent": "file:///data/%2e%2e/%2e%2e/etc",
    "S3 parent": "s3://bucket/a/../b",
    "S3 encoded parent": "s3://bucket/a/%2e%2e/b",
    "S3 encoded slash": "s3://bucket/a/..%2fb",
    "S3 fragment": "s3://bucket/x#../../y",
    "S3 query": "s3://bucket/x?versionId=1",
    "S3 empty part": "s3://bucket//x",
    "no bucket": "s3://",
    "no bucket, a path": "s3:///x",
    "password": "s3://AKIA:secret@bucket/x",
    "user": "s3://AKIA@bucket/x",
    "port": "s3://bucket:9000/x",
    "Azure password": "abfs://user:secret@host/x",
    "NUL": "a\0b",
    "newline": "s3://bucket/a\nb",
    "right to left": "a\u202eb",
    "surrogate": "a\ud800",
    "1 MB": "x" * 1_000_000,
    "2,049": "/" + "x" * 2048,
    "network share": "//host/share",
    "backslashes": "\\\\host\\share",
}


@pytest.mark.parametrize(("text", "found"), TAKEN.values(), ids=TAKEN.keys())
def test_places_that_are_taken(text: str, found: str) -> None:
    assert artifact_place(text) == found


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_places_that_are_refused_and_leave_nothing(store: SqliteStore, text: str) -> None:
    with pytest.raises(InvalidParameterError, match="Artifacts cannot be kept at") as caught:
        store.create_experiment("e", artifact_location=text)
    assert store.get_experiment_by_name("e") is None
    assert len(caught.value.message) < 500
    assert "secret" not in caught.value.message


@pytest.mark.skipif(os.name == "nt", reason="drives are places there")
def test_drives_of_another_system_are_refused() -> None:
    for text in ("C:\\x", "C:x", "c:/x"):
        with pytest.raises(InvalidParameterError, match="of another system"):
            artifact_place(text)


@given(st.text(max_size=40) | st.lists(st.sampled_from(["..", ".", "%2e%2e", "a", "", "s3:", "#"])).map("/".join))
def test_a_place_that_is_taken_has_no_way_up(text: str) -> None:
    try:
        place = artifact_place(text)
    except InvalidParameterError:
        return
    assert ".." not in place.split("/")
    assert "://" not in place or is_remote(place)


def test_nothing_in_a_stored_place_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_PLACE", "/tmp/elsewhere")
    store = get_store()
    for place in ("$SECRET_PLACE/x", "~/x", "memory://t/$SECRET_PLACE"):
        made = store.create_experiment(place.replace("/", " "), artifact_location=place)
        with mltrack.start_run(experiment_id=made) as run:
            mltrack.log_text("x", "a.txt")
        assert place in run.info.artifact_uri
        assert load_text(f"runs:/{run.info.run_id}/a.txt") == "x"
    assert (tmp_path / "$SECRET_PLACE").is_dir()
    assert (tmp_path / "~").is_dir()


# What a URI names


def test_uris_of_a_runs_artifacts(run: mltrack.ActiveRun) -> None:
    mltrack.log_text("x", "d/a.txt")
    root = run.info.artifact_uri
    for uri in (f"runs:/{run.info.run_id}/d/a.txt", f"{root}/d/a.txt", f"file://{root}/d/a.txt"):
        assert load_text(uri) == "x"
        assert Path(download_artifacts(uri)).read_text() == "x"
    for uri in (f"runs:/{run.info.run_id}", f"runs:/{run.info.run_id}/", root, f"{root}/"):
        assert [each.path for each in list_artifacts(uri)] == ["d"]


HOSTILE = {
    "another file": "/etc/passwd",
    "file URI": "file:///etc/passwd",
    "above a run": "runs:/{id}/../../x",
    "encoded": "runs:/{id}/%2e%2e/%2e%2e/x",
    "encoded slash": "runs:/{id}/..%2f..%2fx",
    "absolute below a run": "runs:/{id}//etc/passwd",
    "sibling": "{root}0/x",
    "above the root": "{root}/../x",
    "no run": "runs:/../x",
    "run of another form": "runs:/a b/x",
    "network": "\\\\host\\share\\x",
    "metadata service": "http://169.254.169.254/x",
    "S3": "s3://bucket/x",
    "nothing": "",
}


@pytest.mark.parametrize("uri", HOSTILE.values(), ids=HOSTILE.keys())
def test_uris_that_name_no_artifact(run: mltrack.ActiveRun, tmp_path: Path, uri: str) -> None:
    mltrack.log_text("x", "a.txt")
    text = uri.format(id=run.info.run_id, root=run.info.artifact_uri)
    for verb in (download_artifacts, load_text, lambda uri: download_artifacts(uri, dst_path=tmp_path / "out")):
        with pytest.raises((InvalidParameterError, NotFoundError)):
            verb(text)
    assert not (tmp_path / "out").exists()


def test_a_run_or_a_uri() -> None:
    for verb in (download_artifacts, list_artifacts):
        for arguments in ({}, {"artifact_uri": "runs:/a", "run_id": "a"}):
            with pytest.raises(InvalidParameterError, match="either an artifact_uri or a run_id"):
                verb(**arguments)
        with pytest.raises(InvalidParameterError, match="together with run_id only"):
            verb("runs:/a/b", artifact_path="c")
