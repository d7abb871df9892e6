"""The client and experiments: what MLflow's contract says of each call, its limits and its errors."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.fluent import raised

from mltrack import MltrackClient
from mltrack.entities import PagedList, ViewType
from mltrack.exceptions import InvalidParameterError
from mltrack.keys import check_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UNKNOWN, TAKEN, INVALID = "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "INVALID_PARAMETER_VALUE"


@pytest.fixture
def client(tmp_path: Path) -> MltrackClient:
    return MltrackClient(str(tmp_path / "client.db"))


def test_an_experiment_from_begin_to_end(client: MltrackClient) -> None:
    made = client.create_experiment("e", tags={"team": "risk", "size": 3})
    found = client.get_experiment(made)
    assert (found.name, found.lifecycle_stage, found.tags) == ("e", "active", {"team": "risk", "size": "3"})
    assert found.creation_time == found.last_update_time
    assert found.creation_time
    assert check_time("creation_time", found.creation_time)
    client.set_experiment_tag(made, "team", "fraud")
    client.set_experiment_tag(made, "note", None)
    client.delete_experiment_tag(made, "size")
    client.rename_experiment(made, "f")
    found = client.get_experiment(made)
    assert (found.name, found.tags) == ("f", {"team": "fraud", "note": "None"})
    assert client.get_experiment_by_name("e") is None
    assert client.get_experiment_by_name("f") == found
    client.rename_experiment(made, "f")
    client.delete_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "deleted"
    assert client.get_experiment_by_name("f") == client.get_experiment(made)
    client.restore_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "active"


def test_deleting_an_experiment_deletes_its_runs_and_restoring_brings_back_those(client: MltrackClient) -> None:
    experiment = client.create_experiment("e")
    runs = {
        name: client.create_run(experiment, run_name=name).info.run_id for name in ("alone", "with", "both", "later")
    }
    client.delete_run(runs["alone"])
    client.delete_experiment(experiment)
    assert {client.get_run(each).info.lifecycle_stage for each in runs.values()} == {"deleted"}
    client.restore_run(runs["later"])
    client.delete_run(runs["later"])
    client.restore_experiment(experiment)
    stages = {name: client.get_run(each).info.lifecycle_stage for name, each in runs.items()}
    assert stages == {"alone": "deleted", "with": "active", "both": "active", "later": "deleted"}
    other = client.create_run("0")
    client.delete_experiment(experiment)
    assert client.get_run(other.info.run_id).info.lifecycle_stage == "active"
    client.restore_experiment(experiment)
    assert client.get_run(runs["alone"]).info.lifecycle_stage == "deleted"


@pytest.mark.parametrize("jump", [-3_600_000, 0], ids=["the clock was put back", "at once"])
def test_runs_deleted_before_stay_deleted_whatever_the_clock(
    client: MltrackClient, monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    experiment = client.create_experiment("e")
    alone, together = (client.create_run(experiment).info.run_id for _ in range(2))
    client.delete_run(alone)
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + jump * 1_000_000)
    client.delete_experiment(experiment)
    client.restore_experiment(experiment)
    assert client.get_run(alone).info.lifecycle_stage == "deleted"
    assert client.get_run(together).info.lifecycle_stage == "active"


REFUSED: dict[str, tuple[str, Callable[[MltrackClient, str, str], object]]] = {
    "create, taken": (TAKEN, lambda c, _, __: c.create_experiment("active")),
    "create, taken by a deleted one": (TAKEN, lambda c, _, __: c.create_experiment("deleted")),
    "create, empty": (INVALID, lambda c, _, __: c.create_experiment("")),
    "create, too long": (INVALID, lambda c, _, __: c.create_experiment("x" * 501)),
    "create, no text": (INVALID, lambda c, _, __: c.create_experiment(5)),  # type: ignore[arg-type]
    "create, at a run": (INVALID, lambda c, _, __: c.create_experiment("x", "runs:/abc/x")),
    "create, bad tag": (INVALID, lambda c, _, __: c.create_experiment("x", tags={"": "1"})),
    "get, unknown": (UNKNOWN, lambda c, _, __: c.get_experiment("77")),
    "get, no number": (INVALID, lambda c, _, __: c.get_experiment("x")),
    "rename, unknown": (UNKNOWN, lambda c, _, __: c.rename_experiment("77", "x")),
    "rename, taken": (TAKEN, lambda c, active, __: c.rename_experiment(active, "Default")),
    "rename, taken by a deleted one": (TAKEN, lambda c, active, __: c.rename_experiment(active, "deleted")),
    "rename, deleted": (INVALID, lambda c, _, deleted: c.rename_experiment(deleted, "x")),
    "rename, empty": (INVALID, lambda c, active, __: c.rename_experiment(active, " ")),
    "rename, too long": (INVALID, lambda c, active, __: c.rename_experiment(active, "x" * 501)),
    "delete, unknown": (UNKNOWN, lambda c, _, __: c.delete_experiment("77")),
    "delete, deleted": (UNKNOWN, lambda c, _, deleted: c.delete_experiment(deleted)),
    "restore, active": (UNKNOWN, lambda c, active, __: c.restore_experiment(active)),
    "restore, unknown": (UNKNOWN, lambda c, _, __: c.restore_experiment("77")),
    "restore, path": (INVALID, lambda c, _, __: c.restore_experiment("../0")),
    "tag, unknown": (UNKNOWN, lambda c, _, __: c.set_experiment_tag("77", "a", "b")),
    "tag, deleted": (INVALID, lambda c, _, deleted: c.set_experiment_tag(deleted, "a", "b")),
    "tag, long key": (INVALID, lambda c, active, __: c.set_experiment_tag(active, "x" * 251, "b")),
    "tag, long value": (INVALID, lambda c, active, __: c.set_experiment_tag(active, "a", "x" * 20_001)),
    "tag, NUL": (INVALID, lambda c, active, __: c.set_experiment_tag(active, "a\0", "x")),
    "untag, unknown": (UNKNOWN, lambda c, _, __: c.delete_experiment_tag("77", "a")),
    "untag, absent": (UNKNOWN, lambda c, active, __: c.delete_experiment_tag(active, "absent")),
    "untag, deleted": (INVALID, lambda c, _, deleted: c.delete_experiment_tag(deleted, "a")),
    "run in a deleted one": (INVALID, lambda c, _, deleted: c.create_run(deleted)),
    "run in an unknown one": (UNKNOWN, lambda c, _, __: c.create_run("77")),
    "a foreign token": (INVALID, lambda c, _, __: c.search_experiments(page_token="x")),
    "no view": (INVALID, lambda c, _, __: c.search_experiments(view_type="BOGUS")),
    "no filter": (INVALID, lambda c, _, __: c.search_experiments(filter_string="'; DROP TABLE runs; --")),
    "no order": (INVALID, lambda c, _, __: c.search_experiments(order_by=["name; DROP TABLE runs"])),
}


@pytest.mark.parametrize(("code", "call"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_changes_nothing(
    client: MltrackClient, code: str, call: Callable[[MltrackClient, str, str], object]
) -> None:
    active, deleted = (client.create_experiment(name, tags={"a": "1"}) for name in ("active", "deleted"))
    client.delete_experiment(deleted)
    before = client.search_experiments(ViewType.ALL)
    assert raised(lambda: call(client, active, deleted)).error_code == code
    assert client.search_experiments(ViewType.ALL) == before
    assert client.search_runs([active, deleted]) == []


@pytest.mark.parametrize("size", [0, -1, 50_001, 10**9, 2**63, "x", float("nan"), True])
def test_sizes_of_pages_that_are_none(client: MltrackClient, size: Any) -> None:
    assert raised(lambda: client.search_experiments(max_results=size)).error_code == INVALID


def test_the_last_created_comes_first(client: MltrackClient) -> None:
    ids = []
    for number in range(5):
        time.sleep(0.002)  # those of one millisecond are in the order of their ids
        ids.append(client.create_experiment(f"e{number}"))
    assert [each.experiment_id for each in client.search_experiments()] == [*ids[::-1], "0"]


@pytest.mark.parametrize("size", [1, 2, 3, 6, 50])
def test_pages_of_experiments(client: MltrackClient, size: int) -> None:
    for number in range(5):
        client.create_experiment(f"e{number}")
    whole = client.search_experiments()
    found: list[Any] = []
    page: PagedList[Any] = client.search_experiments(max_results=size)
    while page.token:
        assert len(page) == size
        found += page
        page = client.search_experiments(max_results=size, page_token=page.token)
    assert [*found, *page] == whole
    assert isinstance(page, PagedList)


@pytest.mark.parametrize(
    ("view", "names"),
    [
        (ViewType.ACTIVE_ONLY, {"Default", "a"}),
        (1, {"Default", "a"}),
        (2, {"b"}),
        ("deleted_only", {"b"}),
        (3, {"Default", "a", "b"}),
        ("ALL", {"Default", "a", "b"}),
    ],
)
def test_views(client: MltrackClient, view: Any, names: set[str]) -> None:
    client.create_experiment("a")
    client.delete_experiment(client.create_experiment("b"))
    assert {each.name for each in client.search_experiments(view)} == names


def test_experiments_are_found_by_a_filter_and_put_in_order(client: MltrackClient) -> None:
    for name in ("fraud b", "fraud a", "other"):
        client.create_experiment(name, tags={"team": name[-1]})
    found = client.search_experiments(filter_string="name LIKE 'fraud%'", order_by=["name"])
    assert [each.name for each in found] == ["fraud a", "fraud b"]
    assert [each.name for each in client.search_experiments(filter_string="tags.team = 'b'")] == ["fraud b"]


def test_an_order_must_be_a_list(client: MltrackClient) -> None:
    with pytest.raises(InvalidParameterError, match="order_by"):
        client.search_experiments(order_by="name")
    with pytest.raises(InvalidParameterError, match="order_by"):
        client.search_runs(["0"], order_by="metrics.m")
