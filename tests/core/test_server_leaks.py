"""What answers tell beyond what was asked: of what is others', and of the server's machine."""

from __future__ import annotations

from contextlib import closing
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from tests.core.server_access import ANN, BOB, EVE, ROOT, House, basic, json_request, make_house
from tests.core.server_files import PROXY, make_owners
from tests.core.server_in_process import ServerInProcess

from mltrack.entities import ExperimentTag
from mltrack.server import readable_pages
from mltrack.server.need import EXPERIMENT, REGISTERED_MODEL, Role
from mltrack.store.artifacts import safe_path
from mltrack.store.model_protocol import NewLoggedModel, NewModelVersion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEARCHES = {"registered-models": "registered_models", "model-versions": "model_versions", "experiments": "experiments"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    found = make_house(tmp_path_factory.mktemp("house"))
    for number in range(3):
        _furnish(found, ANN, f"hidden {number}")
        _furnish(found, EVE, f"own {number}")
    yield found
    found.close()


def _furnish(house: House, user: str, name: str) -> None:
    experiment = house.store.create_experiment(name, tags=[ExperimentTag("k", "secret")])
    house.store.create_registered_model(name, tags={"k": "secret"})
    house.store.create_model_version(NewModelVersion(name, "s3://bucket/a", tags={"k": "secret"}))
    house.store.give_role(user, EXPERIMENT, experiment, Role.READ)
    house.store.give_role(user, REGISTERED_MODEL, name, Role.READ)


def pages(house: House, user: str, noun: str, size: int) -> list[list[str]]:
    """Give the names on each page of all that have the tag."""
    found, token = list[list[str]](), ""
    while token is not None:
        query = {"filter": "tags.k = 'secret'", "max_results": size, "order_by": "name ASC", "page_token": token}
        answer = house.ask("GET", f"/api/2.0/mlflow/{noun}/search?{urlencode(query)}", None, basic(user)).value
        found.append([each["name"] for each in answer.get(SEARCHES[noun], [])])
        token = answer.get("next_page_token")
    return found


@pytest.mark.parametrize("noun", SEARCHES)
def test_a_page_token_tells_nothing_of_what_is_anothers(
    house: House, noun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readable_pages, "AT_ONCE", 2)
    own, hidden = [f"own {number}" for number in range(3)], [f"hidden {number}" for number in range(3)]
    assert pages(house, BOB, noun, 1) == [[]]
    assert pages(house, EVE, noun, 1) == [[each] for each in own]
    assert pages(house, EVE, noun, 2) == [own[:2], own[2:]]
    assert pages(house, EVE, noun, 3) == [own]
    assert pages(house, ROOT, noun, 4) == [[*hidden, own[0]], own[1:]]


@pytest.mark.parametrize("call", ["known_source", "source_place"])
def test_a_run_leads_to_no_model_that_may_not_be_read(house: House, call: str) -> None:
    anns, store = house.owned[ANN], house.store
    elsewhere = store.create_experiment(f"elsewhere for {call}")
    model = store.create_logged_model(NewLoggedModel(elsewhere, "hidden", source_run_id=anns["run_id"]))
    house.store.give_role(EVE, EXPERIMENT, anns["experiment_id"], Role.READ)
    house.gate.changed()
    source = f"runs:/{anns['run_id']}/hidden"
    new = {"name": "any", "source": source, "run_id": anns["run_id"], "model_id": None}
    body, headers = json_request({"source": source} if call == "source_place" else {"new": new})
    for user, status in ((EVE, 403), (ROOT, 200)):
        found = house.ask("POST", f"/api/2.0/mltrack/calls/{call}", body, {**headers, **basic(user)})
        assert found.status == status, found
        assert (model.model_id.encode() in found.body) == (status == 200)


def test_a_version_leads_to_no_model_that_was_logged_later_where_it_may_not_be_read(house: House) -> None:
    run, store, name = house.owned[ANN]["run_id"], house.store, house.owned[BOB]["name"]
    house.store.give_role(BOB, EXPERIMENT, house.owned[ANN]["experiment_id"], Role.READ)
    house.gate.changed()
    body, headers = json_request({"name": name, "source": f"runs:/{run}/later", "run_id": run})
    made = house.ask("POST", "/api/2.0/mlflow/model-versions/create", body, {**headers, **basic(BOB)}).value
    chained = {"name": name, "source": f"models:/{name}/{made['model_version']['version']}", "run_id": run}
    body, headers = json_request(chained)
    house.ask("POST", "/api/2.0/mlflow/model-versions/create", body, {**headers, **basic(BOB)})
    model = store.create_logged_model(NewLoggedModel(store.create_experiment("later"), "later", source_run_id=run))
    store.logged_model_folder(model.model_id).put(safe_path("a.txt"), BytesIO(b"secret"))
    store.finalize_logged_model(model.model_id, "READY")
    for version in ("2", "3"):
        query = urlencode({"name": name, "version": version, "path": "a.txt"})
        for path in ("/model-versions/get-artifact", "/api/2.0/mlflow/model-versions/get-download-uri"):
            assert house.ask("GET", f"{path}?{query}", None, basic(BOB)).status == 403
    assert house.ask("GET", f"/model-versions/get-artifact?{query}", None, basic(ROOT)).body == b"secret"


def test_a_file_that_is_not_there_tells_no_place_of_the_machine(tmp_path: Path) -> None:
    with closing(ServerInProcess(tmp_path)) as server:
        owners = make_owners(server, "e")
        path = f"{PROXY}/artifacts/{owners.run_root}/nothing"
        for method, asked in (("GET", path), ("DELETE", path), ("GET", f"/get-artifact?run_id={owners.run}&path=a")):
            found = server.ask(method, asked)
            assert found.status == 404
            assert str(tmp_path).encode() not in found.body


def test_a_destination_may_look_like_the_folder_of_a_run(tmp_path: Path) -> None:
    with closing(ServerInProcess(tmp_path, artifacts_destination=str(tmp_path / "2026/team/artifacts"))) as server:
        owners = make_owners(server, "e")
        server.ask("PUT", f"{PROXY}/artifacts/{owners.run_root}/model/MLmodel", b"a: 1")
        server.post("registered-models/create", name="m")
        server.post("model-versions/create", name="m", source=f"runs:/{owners.run}/model", run_id=owners.run)
        found = server.get("model-versions/get-download-uri?name=m&version=1")
        assert found == {"artifact_uri": f"mlflow-artifacts:/{owners.run_root}/model"}
        assert server.ask("GET", "/model-versions/get-artifact?name=m&version=1&path=MLmodel").body == b"a: 1"


def test_a_source_in_the_root_of_all_is_that_of_whose_files_lie_there(tmp_path: Path) -> None:
    house = make_house(tmp_path, default_artifact_root="s3://bucket/root")
    try:
        anns, name = house.owned[ANN], house.owned[BOB]["name"]
        for owner in (anns["run_id"], f"models/{anns['model_id']}"):
            root = f"s3://bucket/root/{anns['experiment_id']}/{owner}/artifacts"
            for source in (root, f"{root}/", f"{root}/a"):
                body, headers = json_request({"name": name, "source": source})
                found = house.ask("POST", "/api/2.0/mlflow/model-versions/create", body, {**headers, **basic(BOB)})
                assert found.status == 403, (source, found)
        body, headers = json_request({"name": name, "source": "s3://bucket/elsewhere"})
        found = house.ask("POST", "/api/2.0/mlflow/model-versions/create", body, {**headers, **basic(BOB)})
        assert found.status == 200, found
    finally:
        house.close()
