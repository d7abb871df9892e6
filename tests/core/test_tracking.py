"""The fluent API: which run is the active one, how it ends, and who may write to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.core.fluent import PARENT, status_of

import mltrack
from mltrack import MltrackClient, settings
from mltrack.exceptions import (
    InvalidParameterError,
    MltrackError,
    NotFoundError,
    StateError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack import ActiveRun

# Beginning and ending


def test_a_run_begins_and_ends() -> None:
    run = mltrack.start_run(run_name="first", tags={"a": 1}, description="why")
    assert mltrack.active_run() is run
    assert status_of(run) == "RUNNING"
    mltrack.end_run()
    assert mltrack.active_run() is None
    found = mltrack.get_run(run.info.run_id)
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "first"
    assert found.info.end_time is not None
    assert found.info.end_time >= found.info.start_time
    tags = found.data.tags
    assert (tags["a"], tags["mlflow.note.content"], tags["mlflow.runName"]) == ("1", "why", "first")
    assert tags["mlflow.source.type"] == "LOCAL"
    assert tags["mlflow.user"] == found.info.user_id


def test_a_run_without_a_name_gets_one() -> None:
    with mltrack.start_run() as first, mltrack.start_run(nested=True) as second:
        pass
    assert first.info.run_name != second.info.run_name
    assert len(first.info.run_name.split("-")) == 3


@pytest.mark.parametrize(
    ("error", "status"),
    [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED"), (SystemExit, "FAILED"), (None, "FINISHED")],
)
def test_a_block_ends_its_run_and_passes_the_error_on(error: type[BaseException] | None, status: str) -> None:
    def work() -> ActiveRun:
        with mltrack.start_run() as run:
            seen.append(run)
            if error is not None:
                raise error("text")
        return run

    seen: list[ActiveRun] = []
    if error is None:
        work()
    else:
        with pytest.raises(error, match="text"):
            work()
    assert status_of(seen[0]) == status
    assert mltrack.active_run() is None


def test_a_block_keeps_the_end_that_was_given_inside_it() -> None:
    with mltrack.start_run() as run:
        mltrack.end_run("KILLED")
    assert status_of(run) == "KILLED"


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_ends(status: str) -> None:
    run = mltrack.start_run()
    mltrack.end_run(status)
    assert status_of(run) == status


@pytest.mark.parametrize("status", ["RUNNING", "SCHEDULED", "finished", "BOGUS", "", None, 3])
def test_what_is_no_end(status: str) -> None:
    run = mltrack.start_run()
    with pytest.raises(InvalidParameterError, match="cannot end as"):
        mltrack.end_run(status)
    assert mltrack.active_run() is run


def test_ending_nothing_is_nothing() -> None:
    mltrack.end_run()
    assert not settings.state.store


def test_a_second_run_is_refused() -> None:
    with mltrack.start_run(run_name="one") as run:
        with pytest.raises(StateError, match=r"'one' .* is active already.*nested=True") as caught:
            mltrack.start_run()
        assert caught.value.error_code == "INVALID_STATE"
        assert mltrack.active_run() is run
    with mltrack.start_run():
        pass


def test_nested_runs_are_a_stack() -> None:
    with mltrack.start_run() as parent:
        with mltrack.start_run(nested=True) as child:
            with mltrack.start_run(nested=True) as grandchild:
                assert mltrack.active_run() is grandchild
            assert mltrack.active_run() is child
        assert mltrack.active_run() is parent
    assert PARENT not in mltrack.get_run(parent.info.run_id).data.tags
    assert mltrack.get_run(child.info.run_id).data.tags[PARENT] == parent.info.run_id
    assert mltrack.get_run(grandchild.info.run_id).data.tags[PARENT] == child.info.run_id


def test_nested_without_a_parent_is_a_plain_run() -> None:
    with mltrack.start_run(nested=True) as run:
        pass
    assert PARENT not in mltrack.get_run(run.info.run_id).data.tags


def test_a_child_of_a_run_that_has_ended() -> None:
    with mltrack.start_run() as parent:
        pass
    with mltrack.start_run(parent_run_id=parent.info.run_id) as child:
        pass
    assert mltrack.get_run(child.info.run_id).data.tags[PARENT] == parent.info.run_id


@pytest.mark.parametrize("parent", ["f" * 32, "../x"])
def test_a_child_of_no_run(parent: str) -> None:
    with pytest.raises(MltrackError, match=parent):
        mltrack.start_run(parent_run_id=parent)
    assert mltrack.active_run() is None


def test_a_run_is_taken_up_again() -> None:
    run = mltrack.start_run(run_name="old")
    mltrack.log_metric("m", 1.0, step=1)
    mltrack.end_run("FAILED")
    with mltrack.start_run(run.info.run_id, run_name="new", tags={"again": "yes"}, description="more") as again:
        assert again.info.run_id == run.info.run_id
        assert again.data.metrics == {"m": 1.0}
        assert mltrack.get_run(run.info.run_id).info.end_time is None
        mltrack.log_metric("m", 2.0, step=2)
    found = mltrack.get_run(run.info.run_id)
    assert (found.info.status, found.info.run_name, found.data.metrics) == ("FINISHED", "new", {"m": 2.0})
    assert (found.data.tags["again"], found.data.tags["mlflow.note.content"]) == ("yes", "more")
    assert PARENT not in found.data.tags


def test_a_run_is_not_taken_up_twice() -> None:
    with mltrack.start_run() as run:
        with pytest.raises(StateError):
            mltrack.start_run(run.info.run_id)
        with pytest.raises(StateError, match="active already"):
            mltrack.start_run(run.info.run_id, nested=True)
        assert mltrack.active_run() is run
    assert status_of(run) == "FINISHED"


@pytest.mark.parametrize(
    ("run_id", "error"), [("f" * 32, NotFoundError), ("../x", InvalidParameterError), ("", InvalidParameterError)]
)
def test_taking_up_what_is_not_there(run_id: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        mltrack.start_run(run_id)
    assert mltrack.active_run() is None


@pytest.mark.parametrize("name", ["\0", "x" * 501, "   ", "\ud800"])
@pytest.mark.parametrize("again", [False, True])
def test_names_that_no_run_can_have(name: str, again: bool) -> None:
    with mltrack.start_run(run_name="first") as run:
        pass
    with pytest.raises(InvalidParameterError, match="run name"):
        mltrack.start_run(run.info.run_id if again else None, run_name=name)
    assert mltrack.active_run() is None
    assert mltrack.get_run(run.info.run_id).info.run_name == "first"


def test_secrets_in_names_are_masked() -> None:
    token = "ghp_" + "a1B2c3D4e5" * 4
    with mltrack.start_run(run_name=f"use {token}") as run:
        pass
    with mltrack.start_run(run.info.run_id, run_name=f"again {token}"):
        pass
    assert mltrack.get_run(run.info.run_id).info.run_name == "again [masked]"
    assert token.encode() not in settings.get_store().path.read_bytes()  # type: ignore[attr-defined]


def test_the_last_active_run() -> None:
    assert mltrack.last_active_run() is None
    with mltrack.start_run() as run:
        mltrack.log_metric("m", 1)
        found = mltrack.last_active_run()
        assert found is not None
        assert (found.info.status, found.data.metrics) == ("RUNNING", {"m": 1.0})
    found = mltrack.last_active_run()
    assert found is not None
    assert (found.info.run_id, found.info.status) == (run.info.run_id, "FINISHED")


def test_the_last_active_run_after_nested_ones_is_the_parent() -> None:
    with mltrack.start_run() as parent, mltrack.start_run(nested=True):
        pass
    found = mltrack.last_active_run()
    assert found is not None
    assert found.info.run_id == parent.info.run_id


# Logging


def test_everything_goes_to_the_active_run() -> None:
    with mltrack.start_run() as run:
        assert mltrack.log_param("p", 3) == 3
        mltrack.log_params({"q": [1], "r": None})
        mltrack.log_metric("m", 1, step=3, timestamp=5)
        mltrack.log_metrics({"n": 2, "o": True}, step=4)
        mltrack.set_tag("t", 1)
        mltrack.set_tags({"u": "2", "t": 3})
    data = mltrack.get_run(run.info.run_id).data
    assert data.params == {"p": "3", "q": "[1]", "r": "None"}
    assert data.metrics == {"m": 1.0, "n": 2.0, "o": 1.0}
    assert (data.tags["t"], data.tags["u"]) == ("3", "2")
    (point,) = MltrackClient().get_metric_history(run.info.run_id, "m")
    assert (point.step, point.timestamp) == (3, 5)
    assert len({point.timestamp for point in data.latest if point.key in "no"}) == 1


@pytest.mark.parametrize(
    "log",
    [
        lambda: mltrack.log_metric("a", 1),
        lambda: mltrack.log_metrics({"a": 1}),
        lambda: mltrack.log_param("a", 1),
        lambda: mltrack.log_params({}),
        lambda: mltrack.set_tag("a", 1),
        lambda: mltrack.log_text("a", "a.txt"),
    ],
    ids=["metric", "metrics", "param", "params", "tag", "text"],
)
def test_logging_begins_a_run_when_there_is_none(log: Callable[[], object]) -> None:
    log()
    run = mltrack.active_run()
    assert run is not None
    assert len(mltrack.search_runs(output_format="list")) == 1


@pytest.mark.parametrize(
    "log",
    [
        lambda: mltrack.log_metric("", 1),
        lambda: mltrack.log_metric("a", "text"),  # type: ignore[arg-type]
        lambda: mltrack.log_metrics({"a": 1, "b": None}),  # type: ignore[dict-item]
        lambda: mltrack.log_param("../a", 1),
        lambda: mltrack.set_tags({"a": 1, "a\0": 2}),
        lambda: mltrack.log_text("a", "../a.txt"),
        lambda: mltrack.log_table({"a": [1]}, "../a.json"),
    ],
    ids=["metric key", "metric value", "one of two", "param", "tags", "artifact", "table"],
)
def test_what_is_refused_begins_no_run(log: Callable[[], object]) -> None:
    with pytest.raises(InvalidParameterError):
        log()
    assert mltrack.active_run() is None


def test_a_run_that_is_not_active_is_logged_to_by_id() -> None:
    with mltrack.start_run() as other:
        pass
    with mltrack.start_run() as run:
        mltrack.log_metric("m", 1, run_id=other.info.run_id)
        mltrack.log_params({"p": 1}, run_id=other.info.run_id)
        with pytest.raises(NotFoundError):
            mltrack.log_metric("m", 1, run_id="f" * 32)
    assert mltrack.get_run(other.info.run_id).data.metrics == {"m": 1.0}
    assert mltrack.get_run(run.info.run_id).data.metrics == {}


def test_more_than_a_batch_takes() -> None:
    with mltrack.start_run() as run:
        mltrack.log_metrics({f"m{number}": number for number in range(1500)})
        mltrack.log_params({f"p{number}": number for number in range(250)})
        mltrack.set_tags({f"t{number}": number for number in range(250)})
    data = mltrack.get_run(run.info.run_id).data
    assert len(data.metrics) == 1500
    assert len(data.params) == 250
    assert data.metrics["m1499"] == 1499
    assert data.tags["t249"] == "249"


def test_a_changed_param_is_refused_and_the_run_goes_on() -> None:
    with mltrack.start_run() as run:
        mltrack.log_param("p", 1)
        mltrack.log_param("p", "1")
        with pytest.raises(InvalidParameterError, match="written once"):
            mltrack.log_params({"q": 1, "p": 2})
    assert mltrack.get_run(run.info.run_id).data.params == {"p": "1"}
    assert status_of(run) == "FINISHED"
