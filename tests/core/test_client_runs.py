"""The client and runs: what MLflow's contract says of each call and of its errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.core.fluent import PARENT, raised

from mltrack import MltrackClient
from mltrack.async_logging import RunOperations
from mltrack.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    PagedList,
    RunStatus,
    ViewType,
)
from mltrack.exceptions import InvalidParameterError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UNKNOWN, INVALID = "RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"
NOBODY = "f" * 32
TRAIN = DatasetInput(Dataset("rows", "abc", "local", "{}", '{"a": 1}'), (InputTag("mlflow.data.context", "training"),))


@pytest.fixture
def client(tmp_path: Path) -> MltrackClient:
    return MltrackClient(str(tmp_path / "client.db"))


@pytest.fixture
def run_id(client: MltrackClient) -> str:
    return client.create_run("0").info.run_id


def test_who_and_what_a_run_is(client: MltrackClient) -> None:
    run = client.create_run("0", tags={"mlflow.user": "ada", "mlflow.runName": "by tag"})
    assert (run.info.user_id, run.info.run_name, run.data.tags["mlflow.runName"]) == ("ada", "by tag", "by tag")
    plain = client.create_run("0")
    assert (plain.info.user_id, plain.data.tags["mlflow.runName"]) == ("unknown", plain.info.run_name)
    assert client.create_run("0", run_name="x", tags={"mlflow.runName": "x"}).info.run_name == "x"
    with pytest.raises(InvalidParameterError, match="give one"):
        client.create_run("0", run_name="x", tags={"mlflow.runName": "y"})


def test_deleting_and_restoring_may_be_repeated(client: MltrackClient, run_id: str) -> None:
    for _ in range(2):
        client.delete_run(run_id)
        assert client.get_run(run_id).info.lifecycle_stage == "deleted"
        assert client.search_runs(["0"]) == []
    for _ in range(2):
        client.restore_run(run_id)
        assert client.get_run(run_id).info.lifecycle_stage == "active"


REFUSED: dict[str, tuple[str, Callable[[MltrackClient, str, str], object]]] = {
    "get": (UNKNOWN, lambda c, _, __: c.get_run(NOBODY)),
    "get, malformed": (UNKNOWN, lambda c, _, __: c.get_run("../x")),
    "get, huge": (UNKNOWN, lambda c, _, __: c.get_run("x" * 1_000_000)),
    "parent": (UNKNOWN, lambda c, _, __: c.get_parent_run(NOBODY)),
    "update": (UNKNOWN, lambda c, _, __: c.update_run(NOBODY, name="x")),
    "update, deleted": (INVALID, lambda c, _, gone: c.update_run(gone, name="x")),
    "update, no status": (INVALID, lambda c, run, __: c.update_run(run, status="BOGUS")),
    "update, empty name": (INVALID, lambda c, run, __: c.update_run(run, name="")),
    "end": (UNKNOWN, lambda c, _, __: c.set_terminated(NOBODY)),
    "end, deleted": (INVALID, lambda c, _, gone: c.set_terminated(gone)),
    "delete": (UNKNOWN, lambda c, _, __: c.delete_run(NOBODY)),
    "restore": (UNKNOWN, lambda c, _, __: c.restore_run(NOBODY)),
    "metric": (UNKNOWN, lambda c, _, __: c.log_metric(NOBODY, "m", 1)),
    "metric, deleted": (INVALID, lambda c, _, gone: c.log_metric(gone, "m", 1)),
    "param, deleted": (INVALID, lambda c, _, gone: c.log_param(gone, "p", 1)),
    "tag, deleted": (INVALID, lambda c, _, gone: c.set_tag(gone, "t", 1)),
    "batch": (UNKNOWN, lambda c, _, __: c.log_batch(NOBODY)),
    "batch, deleted": (INVALID, lambda c, _, gone: c.log_batch(gone)),
    "param changed": (INVALID, lambda c, run, __: c.log_param(run, "p", "2")),
    "untag": (UNKNOWN, lambda c, _, __: c.delete_tag(NOBODY, "t")),
    "untag, absent": (UNKNOWN, lambda c, run, __: c.delete_tag(run, "absent")),
    "untag, deleted": (INVALID, lambda c, _, gone: c.delete_tag(gone, "mlflow.runName")),
    "untag, no key": (INVALID, lambda c, run, __: c.delete_tag(run, "../t")),
    "inputs": (UNKNOWN, lambda c, _, __: c.log_inputs(NOBODY, [TRAIN])),
    "inputs, deleted": (INVALID, lambda c, _, gone: c.log_inputs(gone, [TRAIN])),
    "inputs, no such model": (UNKNOWN, lambda c, run, __: c.log_inputs(run, [TRAIN], [LoggedModelInput("m-0")])),
    "outputs": (UNKNOWN, lambda c, _, __: c.log_outputs(NOBODY, [])),
    "outputs, no such model": (UNKNOWN, lambda c, run, __: c.log_outputs(run, [LoggedModelOutput("m-0", 1)])),
    "search, no id": (INVALID, lambda c, _, __: c.search_runs(["x"])),
    "search, view": (INVALID, lambda c, _, __: c.search_runs(["0"], run_view_type=4)),
}


@pytest.mark.parametrize(("code", "call"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_changes_nothing(
    client: MltrackClient, code: str, call: Callable[[MltrackClient, str, str], object]
) -> None:
    run_id, gone = (client.create_run("0").info.run_id for _ in range(2))
    client.log_param(run_id, "p", "1")
    client.delete_run(gone)
    before = client.search_runs(["0"], run_view_type=3)
    assert raised(lambda: call(client, run_id, gone)).error_code == code
    assert client.search_runs(["0"], run_view_type=3) == before


@pytest.mark.parametrize("size", [0, -1, 50_001, 10**9, 2**63, "x", float("nan"), None])
def test_sizes_of_pages_that_are_none(client: MltrackClient, size: Any) -> None:
    assert raised(lambda: client.search_runs(["0"], max_results=size)).error_code == INVALID


def test_a_run_is_renamed_in_three_ways(client: MltrackClient, run_id: str) -> None:
    client.update_run(run_id, name="first")
    assert client.get_run(run_id).data.tags["mlflow.runName"] == "first"
    client.set_tag(run_id, "mlflow.runName", "second")
    assert client.get_run(run_id).info.run_name == "second"
    client.update_run(run_id)
    client.log_batch(run_id, tags=[])
    assert client.get_run(run_id).info.run_name == "second"
    client.delete_tag(run_id, "mlflow.runName")
    assert client.get_run(run_id).info.run_name == "second"


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED", RunStatus.FAILED, 3])
def test_a_status_that_ends_a_run_gives_it_an_end(client: MltrackClient, run_id: str, status: Any) -> None:
    client.update_run(run_id, status=status)
    info = client.get_run(run_id).info
    assert info.status == RunStatus(status)
    assert info.end_time is not None
    assert info.end_time >= info.start_time
    client.update_run(run_id, status="SCHEDULED")
    assert client.get_run(run_id).info.end_time is None


def test_an_end_that_is_there_stays(client: MltrackClient, run_id: str) -> None:
    client.set_terminated(run_id, end_time=7)
    client.update_run(run_id, status="FAILED")
    info = client.get_run(run_id).info
    assert (info.status, info.end_time) == ("FAILED", 7)


def test_the_parent_of_a_run(client: MltrackClient, run_id: str) -> None:
    child = client.create_run("0", tags={PARENT: run_id})
    assert client.get_parent_run(child.info.run_id) == client.get_run(run_id)
    assert client.get_parent_run(run_id) is None
    orphan = client.create_run("0", tags={PARENT: NOBODY})
    with pytest.raises(NotFoundError):
        client.get_parent_run(orphan.info.run_id)


@pytest.mark.parametrize("places", [[], ["77"], ["9" * 18], ["9" * 19], ["9" * 5000], [77]])
def test_where_nothing_is_nothing_is_found(client: MltrackClient, run_id: str, places: list[str]) -> None:
    assert client.search_runs(places) == []
    assert [run.info.run_id for run in client.search_runs([*places, "0"])] == [run_id]


@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_pages_of_runs(client: MltrackClient, size: int) -> None:
    for number in range(5):
        client.create_run("0", start_time=number)
    page = client.search_runs(["0"], max_results=size, order_by=["attributes.start_time"])
    found = page.to_list()
    while page.token:
        page = client.search_runs(["0"], "", 1, size, ["attributes.start_time"], page.token)
        found += page
    assert isinstance(page, PagedList)
    assert [run.info.start_time for run in found] == list(range(5))


@pytest.mark.parametrize(("view", "count"), [(1, 1), (ViewType.DELETED_ONLY, 1), ("ALL", 2)])
def test_views(client: MltrackClient, run_id: str, view: Any, count: int) -> None:
    client.delete_run(client.create_run("0").info.run_id)
    assert len(client.search_runs(["0"], run_view_type=view)) == count
    assert client.get_run(run_id)


def test_what_is_asked_for_later_is_done_at_once(client: MltrackClient, run_id: str) -> None:
    operations = [
        client.log_metric(run_id, "m", 1, synchronous=False),
        client.log_param(run_id, "p", 1, synchronous=False),
        client.set_tag(run_id, "t", 1, synchronous=False),
        client.log_batch(run_id, [Metric("n", 1.0, 1)], synchronous=False),
    ]
    assert client.get_run(run_id).data.metrics == {"m": 1.0, "n": 1.0}
    for operation in operations:
        assert isinstance(operation, RunOperations)
        operation.wait()
    assert client.log_metric(run_id, "m", 1, synchronous=True) is None
    assert client.log_param(run_id, "p", 1, synchronous=True) == 1


# Inputs and outputs


def test_inputs_come_back_with_the_run(client: MltrackClient, run_id: str) -> None:
    other = DatasetInput(Dataset("rows", "def", "http", "https://x/y", profile="{}"))
    client.log_inputs(run_id, [TRAIN, other])
    run = client.get_run(run_id)
    assert run.inputs.dataset_inputs == (TRAIN, other)
    assert client.search_runs(["0"]) == [run]
    assert client.create_run("0").inputs.dataset_inputs == ()
    assert run.to_dictionary()["inputs"]["dataset_inputs"][0]["tags"] == {"mlflow.data.context": "training"}


def test_a_dataset_is_stored_once(client: MltrackClient, run_id: str) -> None:
    again = DatasetInput(Dataset("rows", "abc", "local", "{}"), (InputTag("mlflow.data.context", "test"),))
    client.log_inputs(run_id, [TRAIN, TRAIN])
    client.log_inputs(run_id, [again])
    (found,) = client.get_run(run_id).inputs.dataset_inputs
    assert found == TRAIN  # as it was first
    second = client.create_run("0").info.run_id
    client.log_inputs(second, [TRAIN])
    store: Any = client._store
    rows = store._database.read(lambda c: c.execute("SELECT count(*) FROM datasets").fetchone())
    assert rows == (1,)
    assert client.get_run(run_id).inputs == client.get_run(second).inputs


LONG = {"name": 501, "digest": 37, "source_type": 37, "source": 65_536, "schema": 2**20, "profile": 2**24}
BAD_INPUTS: dict[str, Any] = {
    **{name: {name: "x" * count} for name, count in LONG.items()},
    "no name": {"name": ""},
    "no digest": {"digest": None},
    "no text": {"source": 5},
}


@pytest.mark.parametrize("change", BAD_INPUTS.values(), ids=BAD_INPUTS.keys())
def test_datasets_over_a_limit(client: MltrackClient, run_id: str, change: dict[str, Any]) -> None:
    fields = {"name": "n", "digest": "d", "source_type": "local", "source": "{}", **change}
    with pytest.raises(InvalidParameterError, match=next(iter(change))):
        client.log_inputs(run_id, [TRAIN, DatasetInput(Dataset(**fields))])
    assert client.get_run(run_id).inputs.dataset_inputs == ()
    shorter = {name: value[:-1] if isinstance(value, str) and value else "ok" for name, value in fields.items()}
    shorter.update(name=fields["name"][:500] or "ok", digest="d")
    client.log_inputs(run_id, [DatasetInput(Dataset(**shorter))])


@pytest.mark.parametrize("tag", [InputTag("x" * 256, ""), InputTag("k", "x" * 501), InputTag("k", 5)])  # type: ignore[arg-type]
def test_tags_of_inputs_over_a_limit(client: MltrackClient, run_id: str, tag: InputTag) -> None:
    with pytest.raises(InvalidParameterError, match="dataset's tag"):
        client.log_inputs(run_id, [DatasetInput(TRAIN.dataset, (tag,))])


def test_secrets_in_a_dataset_are_masked(client: MltrackClient, run_id: str) -> None:
    source = '{"url": "https://ada:hunter2x@example.com/rows.csv"}'
    client.log_inputs(run_id, [DatasetInput(Dataset("d", "1", "http", source), (InputTag("password", "hunter2x"),))])
    (found,) = client.get_run(run_id).inputs.dataset_inputs
    assert "hunter2x" not in found.dataset.source + found.tags[0].value


def test_models_that_a_run_read_and_made(client: MltrackClient, run_id: str) -> None:
    store: Any = client._store
    for name in ("m-1", "m-2"):
        query = "INSERT INTO logged_models (uuid, experiment_id, name, created_at, updated_at) VALUES (?, 0, 'm', 1, 1)"
        store._database.write(lambda c, query=query, name=name: c.execute(query, (name,)))
    client.log_inputs(run_id, models=[LoggedModelInput("m-1"), LoggedModelInput("m-1")])
    client.log_outputs(run_id, [LoggedModelOutput("m-2", 5), LoggedModelOutput("m-2", 3)])
    run = client.get_run(run_id)
    assert run.inputs.model_inputs == (LoggedModelInput("m-1"),)
    assert run.outputs.model_outputs == (LoggedModelOutput("m-2", 3), LoggedModelOutput("m-2", 5))
    assert client.search_runs(["0"]) == [run]
