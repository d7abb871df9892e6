"""Logging and finding models: what lands in the store, by which URIs it is found, and what a failure leaves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import mltrack
from mltrack.exceptions import ArtifactChangedError, InvalidParameterError, MltrackError, NotFoundError
from mltrack.models import ModelSignature, get_model_info
from mltrack.models.sources import find_model
from mltrack.settings import get_store


def double(data: Any) -> Any:
    return data * 2


def log(**given: Any) -> Any:
    return mltrack.pyfunc.log_model(python_model=double, **given)


def files_of(info: Any) -> Path:
    return find_model(info.model_uri).fetch()


def test_a_model_belongs_to_the_active_run() -> None:
    with mltrack.start_run() as run:
        mltrack.log_param("C", 0.5)
        mltrack.log_metric("accuracy", 0.9)
        info = log(name="doubler", params={"depth": 3}, tags={"team": "risk"}, model_type="toy")
    model = get_store().get_logged_model(info.model_id)
    assert (model.name, model.source_run_id, model.status, model.model_type) == (
        *("doubler", run.info.run_id, "READY", "toy"),
    )
    assert model.params == {"C": "0.5", "depth": "3"}
    assert model.tags["team"] == "risk"
    assert [(each.key, each.value) for each in model.metrics] == [("accuracy", 0.9)]
    found = mltrack.get_run(run.info.run_id)
    assert [each.model_id for each in found.outputs.model_outputs] == [info.model_id]
    assert found.data.metrics == {"accuracy": 0.9}
    assert (info.run_id, info.model_uri, info.name) == (run.info.run_id, f"models:/{info.model_id}", "doubler")


def test_a_model_without_a_run_belongs_to_the_experiment() -> None:
    info = log()
    model = get_store().get_logged_model(info.model_id)
    assert (model.name, model.source_run_id, mltrack.active_run()) == ("model", None, None)


def test_every_uri_finds_it() -> None:
    with mltrack.start_run() as run:
        info = log(name="m")
    client = mltrack.MltrackClient()
    version = mltrack.register_model(info.model_uri, "twice")
    client.set_registered_model_alias("twice", "champion", version.version)
    client.transition_model_version_stage("twice", version.version, "Production")
    place = files_of(info)
    uris = [
        *(info.model_uri, f"runs:/{run.info.run_id}/m", "models:/twice/1", "models:/twice/latest"),
        *("models:/twice@champion", "models:/twice/Production", "models:/twice/production"),
        *(str(place), f"file://{place}"),
    ]
    for uri in uris:
        assert find_model(uri).fetch() == place, uri
        assert mltrack.pyfunc.load_model(uri).predict(3) == 6


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        ("models:/", InvalidParameterError),
        ("models:/a", InvalidParameterError),
        ("models:/a/b/c", InvalidParameterError),
        ("models:/a/1", NotFoundError),
        ("models:/a@b", NotFoundError),
        ("models:/a/Nowhere", MltrackError),
        ("models:/m-" + "0" * 32, NotFoundError),
        ("runs:/" + "0" * 32 + "/model", NotFoundError),
        ("runs:/x", MltrackError),
        ("no/such/folder", NotFoundError),
        ("/etc/../etc", InvalidParameterError),
        ("ftp://a/b", InvalidParameterError),
        ("", InvalidParameterError),
    ],
)
def test_a_uri_of_nothing_is_refused(uri: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        find_model(uri)


def test_a_run_names_its_last_model_of_that_name_and_its_own_artifacts_otherwise(tmp_path: Path) -> None:
    mltrack.pyfunc.save_model(tmp_path / "saved", python_model=double)
    with mltrack.start_run() as run:
        log(name="m")
        last = log(name="m")
        mltrack.log_artifacts(tmp_path / "saved", "old/model")
    run_id = run.info.run_id
    assert find_model(f"runs:/{run_id}/m").model_id == last.model_id
    assert mltrack.pyfunc.load_model(f"runs:/{run_id}/old/model").predict(4) == 8
    with pytest.raises(NotFoundError, match="no model 'nothing'"):
        find_model(f"runs:/{run_id}/nothing")


def test_a_model_whose_writing_fails_is_left_failed() -> None:
    with mltrack.start_run() as run, pytest.raises(NotFoundError, match=r"nowhere\.txt"):
        log(extra_files=["nowhere.txt"])
    (model,) = mltrack.search_logged_models(["0"], output_format="list")
    assert (model.status, mltrack.get_run(run.info.run_id).outputs.model_outputs) == ("FAILED", ())
    assert not Path(model.artifact_location).exists()


def test_a_model_that_cannot_be_pickled_leaves_nothing() -> None:
    class Unpicklable:
        def __reduce__(self) -> Any:
            raise ValueError("no")

    def predict(data: Any) -> Any:
        return (data, thing)

    thing = Unpicklable()
    with mltrack.start_run() as run, pytest.raises(Exception, match="no"):
        mltrack.pyfunc.log_model(python_model=predict)
    assert mltrack.search_logged_models(["0"], output_format="list") == []
    assert mltrack.get_run(run.info.run_id).outputs.model_outputs == ()


def test_a_file_that_changed_is_not_used() -> None:
    info = log()
    with (files_of(info) / "requirements.txt").open("a") as writer:
        writer.write("evil\n")
    with pytest.raises(ArtifactChangedError, match=r"requirements\.txt"):
        mltrack.pyfunc.load_model(info.model_uri)


def test_a_registered_version_refuses_a_folder_with_a_new_file() -> None:
    info = log(registered_model_name="twice")
    assert info.registered_model_version == "1"
    (files_of(info) / "sitecustomize.py").write_text("print('here')")
    with pytest.raises(ArtifactChangedError, match="since version 1 was registered"):
        mltrack.pyfunc.load_model("models:/twice/1")


@pytest.mark.skipif(os.name == "nt", reason="numbers of files are another matter there")
def test_identical_models_are_stored_once(tmp_path: Path) -> None:
    big = tmp_path / "weights.bin"
    big.write_bytes(os.urandom(100_000))
    places = [files_of(log(artifacts={"weights": str(big)})) for _ in range(3)]
    assert len({(place / "artifacts" / "weights.bin").stat().st_ino for place in places}) == 1
    assert len({(place / "MLmodel").stat().st_ino for place in places}) == 3


def test_names_that_disagree_are_refused() -> None:
    with pytest.raises(InvalidParameterError, match="not both"):
        log(name="a", artifact_path="b")
    assert log(artifact_path="b").name == "b"


def test_a_folder_that_is_there_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "mine").write_text("1")
    with pytest.raises(MltrackError, match="not empty"):
        mltrack.pyfunc.save_model(tmp_path / "m", python_model=double)
    assert [each.name for each in (tmp_path / "m").iterdir()] == ["mine"]


def test_what_is_known_of_a_model_is_read_without_loading_it(monkeypatch: pytest.MonkeyPatch) -> None:
    info = log(input_example=[1.0, 2.0], metadata={"why": "test"})
    monkeypatch.setenv("MLTRACK_ALLOW_PICKLE", "false")
    found = get_model_info(info.model_uri)
    assert isinstance(found.signature, ModelSignature)
    assert (found.metadata, found.model_id) == ({"why": "test"}, info.model_id)
    assert found.model.pickles == ["python_model.pkl"]
