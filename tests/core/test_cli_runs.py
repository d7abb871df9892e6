"""``mltrack runs``: a search by itself, and a group of commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.command_line import call, done, parsed, refused

import mltrack

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def ids() -> list[str]:
    """Runs: a good one, a poor one, one that is deleted; in experiment 0, and in 1 another good one.

    None of the names can be part of an id, which has the letters a to f.
    """
    client = mltrack.MltrackClient()
    client.create_experiment("other")
    found = []
    for number, (name, experiment, value) in enumerate(
        [("good", "0", 0.75), ("poor", "0", float("nan")), ("gone", "0", 0.9), ("elsewhere", "1", 0.8)]
    ):
        run_id = client.create_run(experiment, start_time=1_700_000_000_000 + number * 1000, run_name=name).info.run_id
        client.log_metric(run_id, "accuracy", value)
        client.log_param(run_id, "depth", number)
        client.set_terminated(run_id)
        found.append(run_id)
    client.delete_run(found[2])
    return found


def names(found: list[dict[str, Any]]) -> list[str]:
    return [each["info"]["run_name"] for each in found]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["metrics.accuracy > 0.7"], ["elsewhere", "good"]),
        (["metrics.accuracy", ">", "0.7"], ["elsewhere", "good"]),
        ([], ["elsewhere", "poor", "good"]),
        (["-n", "1"], ["elsewhere"]),
        (["--experiment", "Default", "--order", "metrics.accuracy"], ["good", "poor"]),
        (["--order", "params.depth", "params.depth != '1'"], ["good", "elsewhere"]),
    ],
)
def test_by_itself_it_is_a_search(ids: list[str], words: list[str], shown: list[str]) -> None:
    assert names(parsed("runs", *words)) == shown
    table = done("runs", *words)
    assert [name for name in ("good", "poor", "gone", "elsewhere") if name in table] == sorted(
        shown, key=["good", "poor", "gone", "elsewhere"].index
    )


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--experiment-id", "0"], ["poor", "good"]),
        (["-x", "1"], ["elsewhere"]),
        (["--experiment-id", "0", "--view", "deleted_only"], ["gone"]),
        (["--experiment-id", "0", "-v", "all"], ["gone", "poor", "good"]),
        (["--experiment-id", "0", "-v", "all", "--max-results", "1"], ["gone"]),
    ],
)
def test_listing(ids: list[str], words: list[str], shown: list[str]) -> None:
    assert names(parsed("runs", "list", *words)) == shown
    lines = done("runs", "list", *words).splitlines()
    assert lines[0].split() == ["Date", "Name", "Status", "ID"]
    assert [line.split()[2] for line in lines[1:]] == shown
    assert {line.split()[-1] for line in lines[1:]} <= set(ids)


def test_a_list_that_was_cut_says_so(ids: list[str]) -> None:
    assert "more than 1" in call("runs", "list", "-x", "0", "--max-results", "1").stderr
    assert call("runs", "list", "-x", "0").stderr == ""


def test_describing_is_mlflows_json(ids: list[str]) -> None:
    found = json.loads(done("runs", "describe", "--run-id", ids[1]))
    assert found == parsed("runs", "describe", "-r", ids[1]) == parsed("show", "poor")
    assert list(found) == ["info", "data", "inputs", "outputs"]
    assert found["data"]["metrics"] == {"accuracy": "NaN"}
    assert found["data"]["params"] == {"depth": "1"}
    assert "latest" not in found["data"]
    assert found["info"] | {"run_id": ids[1], "status": "FINISHED", "experiment_id": "0"} == found["info"]
    assert found["inputs"] == {"dataset_inputs": [], "model_inputs": []}


def test_deleting_and_restoring(ids: list[str]) -> None:
    assert done("runs", "delete", "--run-id", ids[0]) == f"Run with ID {ids[0]} has been deleted.\n"
    assert names(parsed("runs", "list", "--experiment-id", "0")) == ["poor"]
    assert done("runs", "restore", "--run-id", ids[0]) == f"Run with id {ids[0]} has been restored.\n"
    assert parsed("runs", "delete", "-r", ids[0])["info"]["lifecycle_stage"] == "deleted"
    assert parsed("runs", "restore", "-r", ids[0])["info"]["lifecycle_stage"] == "active"


def test_making_a_run(ids: list[str]) -> None:
    words = ["-t", "a=b=c", "--tags", "d=", "--description", "what", "--parent-run-id", ids[0], "--run-name", "made"]
    found = json.loads(done("runs", "create", "--experiment-name", "new", "--status", "failed", *words))
    assert (found["status"], found["run_name"], found["experiment_id"]) == ("FAILED", "made", "2")
    run = mltrack.MltrackClient().get_run(found["run_id"])
    assert (run.info.status, run.info.run_name, run.info.experiment_id) == ("FAILED", "made", "2")
    assert run.info.end_time
    tags = {"a": "b=c", "d": "", "mlflow.note.content": "what", "mlflow.parentRunId": ids[0]}
    assert {**run.data.tags, **tags} == run.data.tags


def test_the_first_digits_of_an_id_will_do(ids: list[str]) -> None:
    run_id, digits = ids[0], ids[0][:12]
    assert json.loads(done("runs", "describe", "-r", digits))["info"]["run_id"] == run_id
    assert run_id in done("runs", "delete", "-r", digits)
    assert run_id in done("runs", "restore", "-r", digits)
    assert mltrack.get_run(run_id).info.lifecycle_stage == "active"


def test_digits_of_several_ids_are_refused(ids: list[str]) -> None:
    client = mltrack.MltrackClient()
    digits = {client.create_run("0").info.run_id[0] for _ in range(17)}  # two of them begin alike
    shared = [each for each in digits if len(client.search_runs(["0"], f"run_id LIKE '{each}%'")) > 1]
    assert "Give more digits" in refused("runs", "delete", "-r", shared[0])


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["describe", "-r", "f" * 32], "f" * 32),
        (["delete", "-r", "f" * 32], "f" * 32),
        (["restore", "-r", "nonsense/"], "nonsense/"),
        (["list", "--experiment-id", "77"], "77"),
        (["metrics.accuracy >"], "metrics.accuracy >"),
        (["lsit"], "lsit"),
        (["--experiment", "othr"], "Did you mean 'other'?"),
        (["--experiment", "othr", "--json"], "Did you mean 'other'?"),
        (["create", "-x", "0", "-t", "novalue"], "novalue"),
        (["create", "-x", "0", "-t", "a=1", "-t", "a=2"], "twice"),
        (["create", "-n", "new", "--parent-run-id", "f" * 32], "f" * 32),
    ],
)
def test_what_is_refused(ids: list[str], words: list[str], part: str) -> None:
    assert part in refused("runs", *words)
    assert len(parsed("runs")) == 3
    assert len(parsed("experiments", "search")) == 2


@pytest.mark.parametrize(
    "words", [["list"], ["describe"], ["create"], ["create", "-x", "0", "-n", "y"], ["--nonsense"], ["-n", "x"]]
)
def test_what_is_used_wrongly(ids: list[str], words: list[str]) -> None:
    assert call("runs", *words).exit_code == 2


def test_the_help_shows_both_ways() -> None:
    text = done("runs", "--help")
    assert "Usage: main runs [OPTIONS] [FILTER]" in text
    assert "or: main runs COMMAND" in text
    for part in ("--order", "--limit", "describe", "restore"):
        assert part in text
    assert "--limit" in done("runs", "-n", "3", "--help")


@pytest.mark.parametrize("words", [["list", "--experiment-id", "0"], ["describe", "-r", "x"], ["delete", "-r", "x"]])
def test_looking_makes_no_store(tmp_path: Path, words: list[str]) -> None:
    assert "There is no store at" in refused("runs", *words)
    assert list(tmp_path.iterdir()) == []
