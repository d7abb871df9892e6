"""The model registry of a tracking server: registered models, versions, stages, aliases, and where files come from."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from tests.core.http_answers import API
from tests.core.server_access import ANN, BOB, EVE, basic, make_house
from tests.core.server_files import PROXY, Owners, make_owners
from tests.core.server_in_process import ServerInProcess

from mltrack.server.need import EXPERIMENT, Role
from mltrack.settings import open_store
from mltrack.store.model_protocol import NewLoggedModel, NewModelVersion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.core.http_answers import Answer

MLMODEL = b"flavors: {}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServerInProcess]:
    with closing(ServerInProcess(folder)) as found:
        yield found


@pytest.fixture(scope="module")
def owners(server: ServerInProcess) -> Owners:
    made = make_owners(server, "models")
    for root in (f"{made.run_root}/model", made.model_root):
        assert server.ask("PUT", f"{PROXY}/artifacts/{root}/MLmodel", MLMODEL).status == 200
    return made


def make_model(server: ServerInProcess, name: str, **fields: Any) -> str:
    assert server.post("registered-models/create", name=name, **fields)["registered_model"]["name"] == name
    return name


def make_version(server: ServerInProcess, name: str, owners: Owners, **fields: Any) -> dict[str, Any]:
    said = {"source": f"models:/{owners.model}", "model_id": owners.model, "run_id": owners.run} | fields
    version: dict[str, Any] = server.post("model-versions/create", name=name, **said)["model_version"]
    return version


def asked(server: ServerInProcess, method: str, path: str, **fields: Any) -> Answer:
    if method == "GET":
        return server.ask(
            method, f"{API}/{path}?" + "&".join(f"{name}={quote(str(value))}" for name, value in fields.items())
        )
    return server.ask(method, f"{API}/{path}", fields)


def test_a_registered_model_is_made_described_renamed_and_removed(server: ServerInProcess) -> None:
    made = server.post("registered-models/create", name="a b%20c", description="d", tags=[{"key": "k", "value": "v"}])
    model = made["registered_model"]
    assert model["creation_timestamp"] == model["last_updated_timestamp"] > 1_600_000_000_000
    assert (model["description"], model["tags"]) == ("d", [{"key": "k", "value": "v"}])
    assert "latest_versions" not in model
    assert (
        asked(server, "POST", "registered-models/create", name="a b%20c").value["error_code"]
        == "RESOURCE_ALREADY_EXISTS"
    )
    asked(server, "PATCH", "registered-models/update", name="a b%20c", description="new")
    renamed = server.post("registered-models/rename", name="a b%20c", new_name="renamed")["registered_model"]
    assert (renamed["name"], renamed["description"], renamed["tags"]) == ("renamed", "new", model["tags"])
    assert asked(server, "GET", "registered-models/get", name="a b%20c").status == 404
    assert asked(server, "DELETE", "registered-models/delete", name="renamed").body == b"{}"
    answer = asked(server, "GET", "registered-models/get", name="renamed")
    assert (answer.status, answer.value["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_tags_of_models_and_versions_come_and_go(server: ServerInProcess, owners: Owners) -> None:
    make_version(server, make_model(server, "tagged"), owners, tags=[{"key": "first", "value": "1"}])
    for noun, named in (("registered-models", {}), ("model-versions", {"version": "1"})):
        server.post(f"{noun}/set-tag", name="tagged", key="k", value="v", **named)
        found = asked(server, "GET", f"{noun}/get", name="tagged", **named).value
        assert {"key": "k", "value": "v"} in next(iter(found.values()))["tags"]
        for key in ("k", "k", "never"):
            assert asked(server, "DELETE", f"{noun}/delete-tag", name="tagged", key=key, **named).body == b"{}"
        assert asked(server, "POST", f"{noun}/set-tag", name="tagged", key="k" * 251, value="v", **named).status == 400
        assert asked(server, "POST", f"{noun}/set-tag", name="not there", key="k", value="v", **named).status == 404


def test_versions_move_between_stages(server: ServerInProcess, owners: Owners) -> None:
    make_model(server, "staged")
    for number in "123":
        version = make_version(server, "staged", owners, description=f"the {number}")
        assert (version["version"], version["current_stage"], version["status"]) == (number, "None", "READY")
    for number, stage in (("1", "staging"), ("2", "PRODUCTION")):
        moved = server.post("model-versions/transition-stage", name="staged", version=number, stage=stage)
        assert moved["model_version"]["current_stage"] == stage.capitalize()
    server.post(
        "model-versions/transition-stage",
        name="staged",
        version="3",
        stage="Production",
        archive_existing_versions=True,
    )
    found = server.post("registered-models/get-latest-versions", name="staged")["model_versions"]
    assert [(each["version"], each["current_stage"]) for each in found] == [
        ("1", "Staging"),
        ("2", "Archived"),
        ("3", "Production"),
    ]
    newest = server.get("registered-models/get-latest-versions?name=staged&stages=staging&stages=None")
    assert [each["version"] for each in newest["model_versions"]] == ["1"]
    assert server.post("registered-models/get-latest-versions", name="staged", stages=["None"]) == {}
    for stage, archive in (("Bogus", False), ("None", True), ("Archived", True)):
        fields = {"name": "staged", "version": "1", "stage": stage, "archive_existing_versions": archive}
        assert asked(server, "POST", "model-versions/transition-stage", **fields).status == 400
    described = asked(server, "PATCH", "model-versions/update", name="staged", version="1", description="new").value
    assert described["model_version"]["description"] == "new"
    assert asked(server, "DELETE", "model-versions/delete", name="staged", version="3").status == 200
    assert make_version(server, "staged", owners)["version"] == "4"


def test_aliases_name_versions(server: ServerInProcess, owners: Owners) -> None:
    make_model(server, "named")
    make_version(server, "named", owners)
    make_version(server, "named", owners)
    for version in "12":
        assert server.post("registered-models/alias", name="named", alias="best", version=version) == {}
    found = server.get("registered-models/alias?name=named&alias=best")["model_version"]
    assert (found["version"], found["aliases"]) == ("2", ["best"])
    assert server.get("registered-models/get?name=named")["registered_model"]["aliases"] == [
        {"alias": "best", "version": "2"}
    ]
    for alias in ("latest", "v1", "a b", "x" * 256):
        assert asked(server, "POST", "registered-models/alias", name="named", alias=alias, version="1").status == 400
    assert asked(server, "POST", "registered-models/alias", name="named", alias="x", version="9").status == 404
    for _ in range(2):
        assert asked(server, "DELETE", "registered-models/alias", name="named", alias="best").body == b"{}"
    assert asked(server, "GET", "registered-models/alias", name="named", alias="best").status == 400
    assert asked(server, "GET", "registered-models/alias", name="not there", alias="best").status == 404


def test_searches_page_and_know_prompts(server: ServerInProcess, owners: Owners) -> None:
    for name in ("found-a", "found-b", "found-c"):
        make_version(server, make_model(server, name), owners)
    no_prompt = "name LIKE 'found-%' AND tag.`mlflow.prompt.is_prompt` != 'true'"
    seen, token = [], ""
    while token is not None:
        said = {"filter": no_prompt, "max_results": 2, "order_by": "name DESC", "page_token": token}
        page = asked(server, "GET", "registered-models/search", **said).value
        seen += [each["name"] for each in page["registered_models"]]
        token = page.get("next_page_token")
    assert seen == ["found-c", "found-b", "found-a"]
    versions = asked(server, "GET", "model-versions/search", filter="name = 'found-b'").value["model_versions"]
    assert [(each["name"], each["version"]) for each in versions] == [("found-b", "1")]
    assert asked(server, "GET", "registered-models/search", filter="name = 'nothing'").value == {}
    for said in (
        {"filter": "bogus"},
        {"max_results": 0},
        {"max_results": 10**9},
        {"page_token": "x"},
        {"order_by": "x"},
    ):
        for noun in ("registered-models", "model-versions"):
            assert asked(server, "GET", f"{noun}/search", **said).status == 400, (noun, said)


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", ".", "..", "x" * 501, "a\0b", 5, None])
def test_names_that_are_none_are_refused(server: ServerInProcess, name: object) -> None:
    answer = asked(server, "POST", "registered-models/create", name=name)
    assert (answer.status, answer.value["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_names_that_look_alike_are_different(server: ServerInProcess) -> None:
    for name in ("prod", "PROD", "prod%20", "prod%2fx", "prod\u0301"):
        make_model(server, name, description=name)
    for name in ("prod", "PROD", "prod%20", "prod%2fx", "prod\u0301"):
        assert asked(server, "GET", "registered-models/get", name=name).value["registered_model"]["description"] == name


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("model-versions/get", {"name": "errors", "version": "9"}, 404),
        ("model-versions/get", {"name": "errors", "version": "x"}, 400),
        ("model-versions/get", {"name": "errors", "version": "9" * 30}, 404),
        ("model-versions/get", {"name": "errors"}, 400),
        ("model-versions/get-download-uri", {"name": "errors", "version": "9"}, 404),
        ("model-versions/get-download-uri", {"name": "not there", "version": "1"}, 404),
        ("registered-models/get-latest-versions", {"name": "errors", "stages": "Bogus"}, 400),
        ("registered-models/get-latest-versions", {"name": "not there"}, 404),
    ],
)
def test_errors_have_mlflows_codes(server: ServerInProcess, path: str, fields: dict[str, str], status: int) -> None:
    asked(server, "POST", "registered-models/create", name="errors")
    code = "RESOURCE_DOES_NOT_EXIST" if status == 404 else "INVALID_PARAMETER_VALUE"
    answer = asked(server, "GET", path, **fields)
    assert (answer.status, answer.value["error_code"]) == (status, code)


def test_a_prompt_is_no_model(server: ServerInProcess) -> None:
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    assert asked(server, "POST", "registered-models/create", name="prompt", tags=tags).status == 400
    assert asked(server, "GET", "registered-models/get", name="prompt").status == 404


def test_a_source_keeps_its_words_and_its_files_are_known(
    server: ServerInProcess, owners: Owners, folder: Path
) -> None:
    make_model(server, "sources")
    of_run, of_model = f"mlflow-artifacts:/{owners.run_root}/model", f"mlflow-artifacts:/{owners.model_root}"
    cases = [
        (f"models:/{owners.model}", {"model_id": owners.model}, of_model),
        (f"runs:/{owners.run}/model", {"run_id": owners.run}, of_run),
        (of_run, {"run_id": owners.run}, of_run),
        (of_run, {}, of_run),
        (of_model, {"model_id": owners.model}, of_model),
        (of_model, {"run_id": owners.run}, of_model),
        (of_model, {}, of_model),
        ("models:/sources/1", {}, of_model),
        ("s3://bucket/of/others", {}, "s3://bucket/of/others"),
    ]
    for source, ids, place in cases:
        version = server.post("model-versions/create", name="sources", source=source, **ids)["model_version"]
        assert version["source"] == source
        assert ("digest" in version) == (not source.startswith("s3:")), source
        number = version["version"]
        answer = asked(server, "GET", "model-versions/get-download-uri", name="sources", version=number)
        assert answer.value == {"artifact_uri": place}
        got = server.ask("GET", f"/model-versions/get-artifact?name=sources&version={number}&path=MLmodel")
        assert (got.status, got.body) == (200, MLMODEL) if place != source or "s3:" not in source else got.status == 400
    found = asked(server, "GET", "model-versions/search", filter=f"source_path = '{of_run}'").value["model_versions"]
    assert [each["version"] for each in found] == ["4", "3"]
    assert str(folder) not in str(server.get("registered-models/get?name=sources"))


def hostile_sources(owners: Owners, folder: Path) -> dict[str, str]:
    run = owners.run_root
    return {
        **{
            each: each
            for each in ("/etc", "file:///etc", "/", "relative", "..", "~", "C:\\x", "\\\\host\\share", "//host/x")
        },
        "the run's own place": str(folder / "mlartifacts" / run / "model"),
        "its own place as a URI": (folder / "mlartifacts" / run).as_uri(),
        "another place of the server": str(folder / "mlartifacts"),
        "http": "http://169.254.169.254/latest",
        "ftp": "ftp://example/x",
        "memory": "memory://x/y",
        "up": f"runs:/{owners.run}/../../x",
        "up encoded": f"runs:/{owners.run}/%2e%2e/x",
        "up encoded twice": f"runs:/{owners.run}/%252e%252e/x",
        "up from a version": "models:/hostile/1/../..",
        "up from a model": f"models:/{owners.model}/../x",
        "up in the proxy": f"mlflow-artifacts:/{run}/../../x",
        "up in the proxy, encoded": f"mlflow-artifacts:/{run}/%2e%2e/%2e%2e/x",
        "up in a store": "s3://bucket/../x",
        "the proxy's root": "mlflow-artifacts:/",
        "an experiment": f"mlflow-artifacts:/{owners.experiment}",
        "the proxy of another host": f"mlflow-artifacts://evil.example/{run}/model",
        "the proxy without a slash": f"mlflow-artifacts:{run}/model",
        "a fragment": f"mlflow-artifacts:/{run}/x#../../y",
        "a query": "s3://bucket/x?versionId=../y",
        "a password": "s3://user:secret@bucket/x",
        "nothing": " ",
        "long": "runs:/" + "x" * 3000,
        "another run": f"runs:/{'0' * 32}/model",
        "a run of another experiment": f"mlflow-artifacts:/0/{owners.run}/artifacts/model",
        "a model that is not said": f"models:/{owners.model}",
        "no model": f"models:/m-{'0' * 32}",
        "a dbfs": "dbfs:/databricks/x",
    }


HEADERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "prompt": {"tags": [{"key": "mlflow.prompt.is_prompt", "value": "false"}]},
    "a text of a prompt": {"tags": [{"key": "mlflow.prompt.text", "value": "x"}]},
    "a link": {"run_link": "file:///etc"},
}


@pytest.mark.parametrize("base", ["/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/2.0/preview/mlflow"])
@pytest.mark.parametrize("beside", HEADERS)
def test_a_hostile_source_is_refused(
    server: ServerInProcess, owners: Owners, folder: Path, base: str, beside: str
) -> None:
    asked(server, "POST", "registered-models/create", name="hostile")
    wrong = {}
    for name, source in hostile_sources(owners, folder).items():
        said = {"name": "hostile", "source": source, **HEADERS[beside]}
        for fields in (said, said | {"run_id": owners.run}):
            answer = server.ask("POST", f"{base}/model-versions/create", fields)
            missing = name in ("another run", "no model", "a run of another experiment")
            if answer.status not in ((400, 404) if missing else (400,)):
                wrong[name] = answer
    assert wrong == {}
    assert "latest_versions" not in server.get("registered-models/get?name=hostile")["registered_model"]


def test_the_files_of_a_version_are_its_own(server: ServerInProcess, owners: Owners) -> None:
    make_model(server, "files")
    server.post("model-versions/create", name="files", source=f"runs:/{owners.run}/model", run_id=owners.run)
    start = "/model-versions/get-artifact?name=files&version=1&path="
    assert server.ask("GET", f"{start}MLmodel").body == MLMODEL
    assert server.ask("GET", f"{start}other").status == 404
    for path in ("../model/MLmodel", "%2e%2e/model/MLmodel", "%252e%252e/x", "/etc/passwd", "", "a//b", "a%5cb"):
        assert server.ask("GET", start + path).status == 400, path


def test_places_of_the_store_are_shown_as_callers_see_them(
    server: ServerInProcess, owners: Owners, folder: Path
) -> None:
    store = open_store(server.store_uri)
    make_model(server, "by hand")
    place = str(folder / "mlartifacts" / owners.run_root / "model")
    store.create_model_version(NewModelVersion("by hand", place, owners.run))
    shown = f"mlflow-artifacts:/{owners.run_root}/model"
    assert server.get("model-versions/get?name=by+hand&version=1")["model_version"]["source"] == shown
    assert str(folder) not in str(server.get("registered-models/get?name=by+hand"))


def test_a_run_lends_nobody_the_models_of_others(tmp_path: Path) -> None:
    """A run's name of a model may be that of one in an experiment that the caller may not read."""
    with closing(make_house(tmp_path)) as house:
        ann, bob = house.owned[ANN], house.owned[BOB]
        house.give(EVE, Role.EDIT)
        made = house.store.create_logged_model(
            NewLoggedModel(bob["experiment_id"], "lent", source_run_id=ann["run_id"])
        )
        said = {"name": ann["name"], "source": f"runs:/{ann['run_id']}/lent", "run_id": ann["run_id"]}
        headers = basic(EVE) | {"Content-Type": "application/json"}

        def status(**fields: str) -> int:
            return house.ask("POST", f"{API}/model-versions/create", json.dumps(said | fields).encode(), headers).status

        assert status() == status(model_id=made.model_id) == 403
        house.store.give_role(EVE, EXPERIMENT, bob["experiment_id"], Role.READ)
        house.gate.changed()
        assert status() == 200
