"""mltrack as a client of a real ``mlflow server``: fluent API, artifacts, models, registry, searches, errors."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from tests.core.fake_servers import Asked, closes, fake_server
from tests.interop.mlflow_server import mlflow_server, reserved_port, wait_until_refused

import mltrack
from mltrack import MltrackClient, settings
from mltrack.entities import Metric, Param, RunTag
from mltrack.exceptions import (
    AlreadyExistsError,
    InvalidParameterError,
    MltrackError,
    NotFoundError,
    ServerUnavailableError,
    StoreError,
)
from mltrack.rest import transport
from mltrack.rest.address import Address
from mltrack.rest.artifact_places import folder_at
from mltrack.rest.store import RestStore
from mltrack.rest.transport import Transport
from mltrack.store.pages import Search
from mltrack.store.protocol import NewRun

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow
SCHEME = "mlflow-artifacts:"


@pytest.fixture
def url(shared_mlflow: str) -> str:
    return shared_mlflow


@pytest.fixture
def client(url: str, request: pytest.FixtureRequest) -> Iterator[MltrackClient]:
    """A client of the server, with an experiment of the test's own chosen."""
    mltrack.set_tracking_uri(url)
    mltrack.set_experiment(f"{request.node.name}-{random.SystemRandom().randrange(10**9)}")
    yield MltrackClient()
    settings.flush(120)


def test_the_fluent_api(client: MltrackClient, tmp_path: Path) -> None:
    with mltrack.start_run(run_name="outer", tags={"team": "a"}, description="what it is") as run:
        mltrack.log_params({"depth": 3, "name": "x"})
        for step in range(300):
            mltrack.log_metric("loss", 1 / (step + 1), step=step)
        mltrack.log_metrics({"auc": 0.9, "nothing": float("nan")})
        mltrack.set_tag("kind", "first")
        mltrack.log_dict({"a": 1}, "plots/a.json")
        (tmp_path / "big.bin").write_bytes(os.urandom(3_000_000))
        mltrack.log_artifact(tmp_path / "big.bin")
        with mltrack.start_run(nested=True) as inner:
            mltrack.log_metric("loss", 0.5)
    found = client.get_run(run.info.run_id)
    assert found.info.status == "FINISHED"
    assert found.info.end_time is not None
    assert (found.info.run_name, found.data.tags["mlflow.note.content"]) == ("outer", "what it is")
    assert found.data.params == {"depth": "3", "name": "x"}
    assert found.data.metrics["auc"] == 0.9
    assert found.data.metrics["nothing"] != found.data.metrics["nothing"]
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [(each.step, each.value) for each in history] == [(step, 1 / (step + 1)) for step in range(300)]
    assert client.get_run(inner.info.run_id).data.tags["mlflow.parentRunId"] == run.info.run_id
    assert mltrack.artifacts.load_dict(f"runs:/{run.info.run_id}/plots/a.json") == {"a": 1}
    assert {"big.bin", "plots"} <= {each.path for each in client.list_artifacts(run.info.run_id)}
    copy = client.download_artifacts(run.info.run_id, "big.bin", str(tmp_path / "copy"))
    assert Path(copy).read_bytes() == (tmp_path / "big.bin").read_bytes()
    frame = mltrack.search_runs(filter_string="params.depth = '3' and metrics.auc > 0.5", order_by=["metrics.auc DESC"])
    assert list(frame["run_id"]) == [run.info.run_id]


def test_a_run_is_ended_as_it_failed_and_taken_up_again(client: MltrackClient) -> None:
    with pytest.raises(ZeroDivisionError), mltrack.start_run() as run:
        print(1 / 0)
    assert client.get_run(run.info.run_id).info.status == "FAILED"
    with mltrack.start_run(run_id=run.info.run_id):
        assert client.get_run(run.info.run_id).info.status == "RUNNING"
        mltrack.log_param("more", 1)
    assert client.get_run(run.info.run_id).data.params == {"more": "1"}
    client.delete_run(run.info.run_id)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    client.restore_run(run.info.run_id)
    client.rename_experiment(run.info.experiment_id, f"renamed {run.info.run_id}")
    client.set_experiment_tag(run.info.experiment_id, "k", "v")
    assert client.get_experiment(run.info.experiment_id).tags["k"] == "v"


def test_models_and_their_registry(client: MltrackClient, tmp_path: Path) -> None:
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    with mltrack.start_run() as run:
        info = mltrack.sklearn.log_model(model, name="lin", registered_model_name=None, input_example=np.array([[1.0]]))
    name = f"lin-{run.info.run_id}"
    first = mltrack.register_model(info.model_uri, name)
    second = mltrack.register_model(f"runs:/{run.info.run_id}/lin", name, tags={"a": "b"})
    assert (first.version, second.version) == ("1", "2")
    client.set_registered_model_alias(name, "best", "1")
    client.transition_model_version_stage(name, "2", "production")
    client.update_model_version(name, "2", "told")
    uris = [info.model_uri, f"runs:/{run.info.run_id}/lin", f"models:/{name}/1", f"models:/{name}@best"]
    uris += [f"models:/{name}/Production", f"models:/{name}/latest", client.get_model_version_download_uri(name, "1")]
    for uri in uris:
        assert mltrack.sklearn.load_model(uri).predict([[3.0]])[0] == pytest.approx(6)
        assert mltrack.pyfunc.load_model(uri).predict(np.array([[3.0]]))[0] == pytest.approx(6)
    assert client.get_model_version(name, "2").description == "told"
    assert client.get_model_version_by_alias(name, "best").version == "1"
    assert [each.version for each in client.search_model_versions(f"name = '{name}'")] == ["2", "1"]
    assert name in [each.name for each in client.search_registered_models()]
    assert (
        mltrack.search_logged_models(filter_string="name = 'lin'", output_format="list")[0].model_id == first.model_id
    )
    files = mltrack.artifacts.download_artifacts(f"models:/{name}/1", dst_path=str(tmp_path / "files"))
    assert "MLmodel" in os.listdir(files)
    client.delete_model_version(name, "2")
    client.delete_registered_model(name)
    with pytest.raises(NotFoundError):
        client.get_registered_model(name)


def test_what_mltrack_logs_is_read_by_mlflow(client: MltrackClient, mlflow_python: str, url: str) -> None:
    with mltrack.start_run() as run:
        mltrack.log_metric("loss", 0.5, step=2)
        mltrack.log_text("hello", "a.txt")
        info = mltrack.sklearn.log_model(LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0]), name="lin")
    assert settings.flush(120)
    script = (
        "import json, sys, mlflow\n"
        "run = mlflow.get_run(sys.argv[1])\n"
        "text = mlflow.artifacts.load_text(run.info.artifact_uri + '/a.txt')\n"
        "found = mlflow.pyfunc.load_model(sys.argv[2]).predict([[3.0]])\n"
        "print(json.dumps([run.data.metrics, run.info.status, text, float(found[0])]))\n"
    )
    words = [mlflow_python, "-c", script, run.info.run_id, info.model_uri]
    variables = {**os.environ, "MLFLOW_TRACKING_URI": url}
    done = subprocess.run(words, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    metrics, status, text, found = json.loads(done.stdout.splitlines()[-1])
    assert (metrics["loss"], status, text) == (0.5, "FINISHED", "hello")
    assert found == pytest.approx(6)


@pytest.mark.parametrize(
    ("clause", "word"),
    [
        ("params.p = '1' OR params.p = '2'", "OR"),
        ("NOT params.p = '1'", "NOT"),
        ("params.p = '1' AND (tags.a = 'b' AND tags.c = 'd')", "parentheses"),
        ("code MATCH 'fit'", "code MATCH"),
        ("metrics.m BETWEEN 1 AND 2", "BETWEEN"),
        ("tags.t NOT LIKE 'x%'", "NOT LIKE"),
        ("params.p > 3", "compared as a number"),
        ("params.p IN ('1', '2')", "IN"),
    ],
)
def test_clauses_that_mlflow_does_not_know(client: MltrackClient, clause: str, word: str) -> None:
    with pytest.raises(InvalidParameterError, match=word) as caught:
        client.search_runs(["0"], clause)
    assert "an MLflow server" in str(caught.value)


CLAUSES = [
    "",
    "metrics.m > 0.5",
    "metrics.m >= 1 AND params.p = '1'",
    "params.p != '1'",
    "tags.t LIKE 'a%'",
    "tags.t ILIKE 'A%'",
    "tags.t IS NULL",
    "params.q IS NOT NULL",
    "attributes.status = 'RUNNING'",
    "run_name = 'second'",
    "start_time > 1",
    "tags.`a b/c` = 'd'",
    "dataset.name = 'none'",
]


@pytest.mark.parametrize("clause", CLAUSES)
def test_the_same_clauses_find_the_same_runs(client: MltrackClient, tmp_path: Path, clause: str) -> None:
    """What a filter finds on an MLflow server, it finds in a store of mltrack's."""
    found = []
    for store in (settings.get_store(), settings.open_store(tmp_path / "other.db")):
        experiment = store.create_experiment(f"clauses {random.SystemRandom().random()}")
        for number, name in enumerate(("first", "second", "third")):
            run_id = store.create_run(NewRun(experiment, name, number + 1)).run_id
            tags = [RunTag("a b/c", "d")] if number else [RunTag("t", "abc")]
            params = [Param("p", str(number))] + ([Param("q", "")] if number == 2 else [])
            store.log_batch(run_id, metrics=[Metric("m", number / 2, 1)], params=params, tags=tags)
        rows = store.search_runs(Search((experiment,), clause, ("metrics.m DESC",))).rows
        found.append([each.info.run_name for each in rows])
    assert found[0] == found[1]
    assert client.get_experiment("0").name == "Default"


def test_pages(client: MltrackClient) -> None:
    store = settings.get_store()
    experiment = settings.current_experiment_id()
    ids = [store.create_run(NewRun(experiment, f"r{number}", 5)).run_id for number in range(7)]
    found, token = [], None
    while True:
        page = client.search_runs([experiment], max_results=3, page_token=token)
        found += [each.info.run_id for each in page]
        token = page.token
        if token is None:
            break
    assert sorted(found) == sorted(ids)


ERRORS: list[tuple[str, Callable[[RestStore], object], type[MltrackError], str]] = [
    ("run", lambda store: store.get_run("0" * 32), NotFoundError, "RESOURCE_DOES_NOT_EXIST"),
    ("odd run", lambda store: store.get_run("../x"), NotFoundError, "RESOURCE_DOES_NOT_EXIST"),
    ("experiment", lambda store: store.get_experiment("99999"), NotFoundError, "RESOURCE_DOES_NOT_EXIST"),
    ("no id", lambda store: store.get_experiment("x"), InvalidParameterError, "INVALID_PARAMETER_VALUE"),
    ("taken", lambda store: store.create_experiment("Default"), AlreadyExistsError, "RESOURCE_ALREADY_EXISTS"),
    ("model", lambda store: store.get_registered_model("nothing"), NotFoundError, "RESOURCE_DOES_NOT_EXIST"),
    ("version", lambda store: store.get_model_version("nothing", "1"), NotFoundError, "RESOURCE_DOES_NOT_EXIST"),
    ("logged", lambda store: store.get_logged_model("m-" + "0" * 32), NotFoundError, "RESOURCE_DOES_NOT_EXIST"),
    ("name", lambda store: store.create_registered_model("a/b"), InvalidParameterError, "INVALID_PARAMETER_VALUE"),
]


@pytest.mark.parametrize(("work", "kind", "code"), [each[1:] for each in ERRORS], ids=[each[0] for each in ERRORS])
def test_errors(url: str, work: Callable[[RestStore], object], kind: type[MltrackError], code: str) -> None:
    with pytest.raises(MltrackError) as caught:
        work(RestStore(url))
    assert (type(caught.value), caught.value.error_code) == (kind, code)


def test_a_changed_param_is_refused_at_the_call(client: MltrackClient) -> None:
    del client
    with mltrack.start_run():
        mltrack.log_param("p", 1)
        mltrack.log_param("p", 1)
        with pytest.raises(InvalidParameterError, match="p"):
            mltrack.log_param("p", 2)


def _losing(url: str, *, first: bool) -> Callable[[Asked, socket.socket], object]:
    """Pass requests on to a server; of the first ``runs/create`` the request (``first``) or else the answer is lost."""
    lost: list[Asked] = []

    def answer(asked: Asked, connection: socket.socket) -> object:
        is_lost = asked.target.endswith("runs/create") and not lost
        if is_lost:
            lost.append(asked)
        if is_lost and first:
            return closes(asked, connection)
        import urllib3  # as a proxy would

        headers = {name: value for name, value in asked.headers.items() if name in ("content-type",)}
        found = urllib3.request(asked.method, url + asked.target, body=asked.body or None, headers=headers)
        if is_lost:
            return closes(asked, connection)
        head = f"HTTP/1.1 {found.status} X\r\nContent-Length: {len(found.data)}\r\n\r\n"
        connection.sendall(head.encode() + found.data)
        return None

    return answer


@pytest.mark.parametrize("first", [True, False])
def test_a_lost_answer_makes_no_second_run(url: str, first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_FIRST_WAIT", 0.01)
    experiment = RestStore(url).create_experiment(f"lost {random.SystemRandom().random()}")
    chosen = f"{random.SystemRandom().getrandbits(128):032x}"
    with fake_server(_losing(url, first=first)) as proxy:
        info = RestStore(proxy.url).create_run(NewRun(experiment, "once", 1, run_id=chosen))
    direct = RestStore(url)
    assert [each.info.run_id for each in direct.search_runs(Search((experiment,))).rows] == [info.run_id]
    assert direct.get_run(chosen).info.run_id == info.run_id  # found by the id that was wanted, too


def test_artifacts_of_a_server_that_serves_none(
    mlflow_python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bare"
    options = ("--no-serve-artifacts", "--default-artifact-root", str(folder / "mlruns"))
    with reserved_port() as port:  # also when the server is gone
        with mlflow_server(mlflow_python, folder, *options, port=port) as bare:
            mltrack.set_tracking_uri(bare)
            with mltrack.start_run() as run:
                mltrack.log_text("hello", "a/b.txt")
            assert not run.info.artifact_uri.startswith(SCHEME)
            assert (folder / "mlruns" / "0" / run.info.run_id / "artifacts" / "a" / "b.txt").read_text() == "hello"
            assert mltrack.artifacts.load_text(f"runs:/{run.info.run_id}/a/b.txt") == "hello"
            elsewhere = Transport(bare)
            place = run.info.artifact_uri
            store = RestStore(bare.replace("127.0.0.1", "localhost"))
            assert store.artifact_folder(run.info.run_id).uri.endswith(f"{run.info.run_id}/artifacts")
            elsewhere._address = Address.of("http://lab.example:5000")
            with pytest.raises(StoreError, match="--serve-artifacts"):
                folder_at(elsewhere, place, owner=run.info.run_id)
        wait_until_refused(port)
        monkeypatch.setattr(transport, "_FIRST_WAIT", 0.01)
        with pytest.raises(ServerUnavailableError, match="cannot be reached"):
            store.create_experiment("x")
        with pytest.raises(ServerUnavailableError):
            store.search_registered_models(Search())


def test_basic_and_bearer_are_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server without users passes over them; that they are sent is in the tests of the transport."""
    monkeypatch.setenv("MLTRACK_TRACKING_TOKEN", "token")
    assert RestStore(url).get_experiment("0").name == "Default"
    assert RestStore(url.replace("//", "//u:p@")).get_experiment("0").name == "Default"
