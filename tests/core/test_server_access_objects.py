"""Roles beyond the table: objects made, deleted, renamed or named in odd ways, and searches that leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.core.server_access import ANN, BOB, EVE, MARK, ROOT, SHUT, House, basic, json_request, make_house
from tests.core.server_calls import own_values_of
from tests.core.test_server_access import asked_for_anothers

from mltrack.server.need import EXPERIMENT, REGISTERED_MODEL, Role
from mltrack.store.protocol import GarbageSelection
from mltrack.wire.own_calls import CALLS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    found = make_house(tmp_path_factory.mktemp("house"))
    yield found
    found.close()


@pytest.fixture
def own_house(tmp_path: Path) -> Iterator[House]:
    found = make_house(tmp_path)
    yield found
    found.close()


@pytest.mark.slow
def test_what_is_deleted_is_as_shut_as_before(own_house: House) -> None:
    anns, store = own_house.owned[ANN], own_house.store
    store.delete_logged_model(anns["model_id"])
    store.set_run_lifecycle(anns["run_id"], "deleted")
    store.update_experiment(anns["experiment_id"], lifecycle_stage="deleted")
    assert asked_for_anothers(own_house) == []


POINT = {"key": "x", "value": 1, "timestamp": 1}
ATTACKS: dict[str, tuple[str, dict[str, Any]]] = {
    "a run of hers asked for as a new one": (
        "runs/create",
        {"experiment_id": "{bob.experiment_id}", "run_id": "{ann.run_id}"},
    ),
    "her run by its old name": ("runs/log-metric", {"run_uuid": "{ann.run_id}", **POINT}),
    "two runs": ("runs/log-metric", {"run_uuid": "{bob.run_id}", "run_id": "{ann.run_id}", **POINT}),
    "a padded number": ("experiments/update", {"experiment_id": "0{ann.experiment_id}", "new_name": "x"}),
    "no number, for the default": ("runs/create", {"experiment_id": ""}),
    "no experiment at all": ("runs/create", {}),
    "a source that is her run": (
        "model-versions/create",
        {"name": "{bob.name}", "source": "runs:/{ann.run_id}/a", "run_id": "{ann.run_id}"},
    ),
    "a source that is her model": (
        "model-versions/create",
        {"name": "{bob.name}", "source": "models:/{ann.model_id}", "model_id": "{ann.model_id}"},
    ),
    "a source that is her version": ("model-versions/create", {"name": "{bob.name}", "source": "models:/{ann.name}/1"}),
    "a source in her folder": (
        "model-versions/create",
        {"name": "{bob.name}", "source": "mlflow-artifacts:/{ann.experiment_id}/{ann.run_id}/artifacts/a"},
    ),
    "a source of his with her run": (
        "model-versions/create",
        {
            "name": "{bob.name}",
            "source": "models:/{bob.model_id}",
            "model_id": "{bob.model_id}",
            "run_id": "{ann.run_id}",
        },
    ),
    "a model of her run": (
        "logged-models",
        {"experiment_id": "{bob.experiment_id}", "name": "n", "source_run_id": "{ann.run_id}"},
    ),
    "her model among inputs": (
        "runs/log-inputs",
        {"run_id": "{bob.run_id}", "models": [{"model_id": "{bob.model_id}"}, {"model_id": "{ann.model_id}"}]},
    ),
    "her model in one of several points": (
        "runs/log-batch",
        {"run_id": "{bob.run_id}", "metrics": [POINT, {**POINT, "key": "y", "model_id": "{ann.model_id}"}]},
    ),
    "her run in a file of his": (
        "PUT /api/2.0/mlflow-artifacts/artifacts/{bob.experiment_id}/{ann.run_id}/artifacts/b.txt",
        {},
    ),
    "his run in a file of hers": (
        "PUT /api/2.0/mlflow-artifacts/artifacts/{ann.experiment_id}/{bob.run_id}/artifacts/b.txt",
        {},
    ),
    "her model in a file of his": (
        "DELETE /api/2.0/mlflow-artifacts/artifacts/{bob.experiment_id}/models/{ann.model_id}/artifacts/a.txt",
        {},
    ),
    "a role of hers for himself": (
        "users/permissions/grant",
        {"username": BOB, "resource_type": EXPERIMENT, "resource_id": "{ann.experiment_id}", "permission": "MANAGE"},
    ),
}


def filled(template: Any, house: House) -> Any:
    if isinstance(template, dict):
        return {name: filled(each, house) for name, each in template.items()}
    if isinstance(template, list):
        return [filled(each, house) for each in template]
    names = {f"{{{who}.{name}}}": each for who in (ANN, BOB) for name, each in house.owned[who].items()}
    for name, each in names.items():
        template = template.replace(name, each) if isinstance(template, str) else template
    return template


@pytest.mark.parametrize("attack", ATTACKS)
def test_ways_around(house: House, attack: str) -> None:
    path, fields = ATTACKS[attack]
    before, (method, _, path) = house.rows(), path.rpartition(" ")
    path, base = filled(path, house), f"/api/{3 if path.startswith('users/') else 2}.0/mlflow/"
    body, kind = json_request(filled(fields, house)) if fields or not method else (b"new", {})
    found = house.ask(method or "POST", path if path.startswith("/") else base + path, body, basic(BOB) | kind)
    assert found.status in SHUT, found
    assert MARK.encode() not in found.body
    assert house.rows() == before


def call(house: House, who: str, path: str, /, **fields: Any) -> Any:
    """Send a POST of somebody's that is taken."""
    body, kind = json_request(fields)
    found = house.ask("POST", f"/api/2.0/mlflow/{path}", body, basic(who) | kind)
    assert found.status == 200, found
    return found.value


def look(house: House, name: str, path: str) -> Any:
    """Send a GET of somebody's."""
    return house.ask("GET", f"/api/2.0/mlflow/{path}", None, basic(name))


def test_searches_leave_out_what_is_anothers(house: House) -> None:
    both = [house.owned[name]["experiment_id"] for name in (ANN, BOB)]
    found = call(house, BOB, "runs/search", experiment_ids=both)["runs"]
    assert [each["info"]["run_id"] for each in found] == [house.owned[BOB]["run_id"]]
    found = call(house, BOB, "logged-models/search", experiment_ids=both)["models"]
    assert [each["info"]["model_id"] for each in found] == [house.owned[BOB]["model_id"]]
    found = call(house, BOB, "experiments/search", max_results=10)["experiments"]
    assert [each["experiment_id"] for each in found] == [house.owned[BOB]["experiment_id"]]
    for kind in ("registered_models", "model_versions"):
        found = look(house, BOB, f"{kind.replace('_', '-')}/search").value[kind]
        assert [each["name"] for each in found] == [house.owned[BOB]["name"]]
    assert len(call(house, ROOT, "runs/search", experiment_ids=both)["runs"]) == 2
    assert look(house, EVE, "registered-models/search").value == {}
    assert call(house, EVE, "runs/search", experiment_ids=both) == {}


def test_what_is_not_there_is_no_secret(house: House) -> None:
    """MLflow's clients look by name before they make something, so that must be told from what is not theirs."""
    assert look(house, BOB, "experiments/get-by-name?experiment_name=nowhere").status == 404
    assert look(house, BOB, "registered-models/get?name=nothing").status == 404
    assert look(house, BOB, f"runs/get?run_id={'0' * 32}").status == 404
    assert look(house, BOB, "experiments/get-by-name?experiment_name=of%20ann").status == 403
    assert look(house, BOB, "registered-models/get?name=model%20of%20ann").status == 403


def test_who_makes_something_manages_it(own_house: House) -> None:
    made = call(own_house, BOB, "experiments/create", name="new")["experiment_id"]
    run = call(own_house, BOB, "runs/create", experiment_id=made)["run"]["info"]["run_id"]
    call(own_house, BOB, "runs/log-metric", run_id=run, **POINT)
    call(own_house, BOB, "registered-models/create", name="new")
    for path in (f"experiments/get?experiment_id={made}", f"runs/get?run_id={run}", "registered-models/get?name=new"):
        assert look(own_house, BOB, path).status == 200
        assert look(own_house, ANN, path).status == 403
    call(own_house, BOB, "experiments/delete", experiment_id=made)


def test_roles_follow_a_name_and_end_with_what_they_are_of(own_house: House) -> None:
    name = own_house.owned[ANN]["name"]
    own_house.store.give_role(BOB, REGISTERED_MODEL, name, Role.READ)
    call(own_house, ANN, "registered-models/rename", name=name, new_name="other")
    assert look(own_house, BOB, "registered-models/get?name=other").status == 200
    body, kind = json_request({"name": "other"})
    assert own_house.ask("DELETE", "/api/2.0/mlflow/registered-models/delete", body, basic(ANN) | kind).status == 200
    call(own_house, EVE, "registered-models/create", name="other")
    for person in (ANN, BOB):
        assert look(own_house, person, "registered-models/get?name=other").status == 403


def test_an_experiment_that_gets_a_number_again_has_no_roles_of_the_one_before(own_house: House) -> None:
    number, store = own_house.owned[BOB]["experiment_id"], own_house.store
    assert look(own_house, BOB, f"experiments/get?experiment_id={number}").status == 200
    store.update_experiment(number, lifecycle_stage="deleted")
    store.collect_garbage(GarbageSelection())
    assert store.create_experiment("another") == number
    own_house.gate.changed()  # as after a second
    assert look(own_house, BOB, f"experiments/get?experiment_id={number}").status == 403


@pytest.mark.parametrize(
    "default",
    [Role.NONE, Role.READ, *(pytest.param(role, marks=pytest.mark.slow) for role in (Role.EDIT, Role.MANAGE))],
    ids=lambda role: role.name,
)
def test_the_default_role_counts_where_none_was_given(tmp_path: Path, default: Role) -> None:
    house = make_house(tmp_path, default_role=default.name.lower())
    anns = house.owned[ANN]
    path = f"runs/get?run_id={anns['run_id']}"
    assert look(house, EVE, path).status == (200 if default >= Role.READ else 403)
    seen = call(house, EVE, "experiments/search", max_results=10).get("experiments", [])
    assert (anns["experiment_id"] in [each["experiment_id"] for each in seen]) == (default >= Role.READ)
    house.store.give_role(EVE, EXPERIMENT, anns["experiment_id"], Role.NONE)
    house.gate.changed()  # as after a second
    assert look(house, EVE, path).status == 403
    seen = call(house, EVE, "experiments/search", max_results=10).get("experiments", [])
    assert anns["experiment_id"] not in [each["experiment_id"] for each in seen]
    assert call(house, EVE, "runs/search", experiment_ids=[anns["experiment_id"]]) == {}
    house.close()


@pytest.mark.parametrize("name", ["end_cell", "add_ended_runs"])
def test_calls_write_no_points_to_models_of_others(house: House, name: str) -> None:
    """His run, and in its points a model that is hers."""
    before = house.rows()
    given = own_values_of(name, house.owned[BOB] | {"model_id": house.owned[ANN]["model_id"]})
    body, kind = json_request(CALLS[name].write_arguments(given))
    assert house.ask("POST", f"/api/2.0/mltrack/calls/{name}", body, basic(BOB) | kind).status == 403
    assert house.rows() == before
