"""``mltrack experiments``: MLflow's commands in both spellings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.core.command_line import call, done, parsed, refused

import mltrack

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def two() -> None:
    """Experiments 1 and 2; the second is deleted."""
    client = mltrack.MltrackClient()
    client.create_experiment("first")
    client.create_experiment("second")
    client.delete_experiment("2")


def test_from_creation_to_restoring() -> None:
    assert done("experiments", "create", "--experiment-name", "a b") == "Created experiment 'a b' with id 1\n"
    assert "deleted" in done("experiments", "delete", "-x", "1")
    assert mltrack.MltrackClient().get_experiment("1").lifecycle_stage == "deleted"
    assert "restored" in done("experiments", "restore", "--experiment-id", "1")
    assert done("experiments", "rename", "-x", "1", "--new-name", "c").endswith("renamed to 'c'.\n")
    found = mltrack.MltrackClient().get_experiment("1")
    assert (found.name, found.lifecycle_stage) == ("c", "active")


def test_the_same_as_json(tmp_path: Path) -> None:
    place = str(tmp_path / "files")
    made = parsed("experiments", "create", "-n", "a", "-l", place)
    assert (made["experiment_id"], made["name"], made["lifecycle_stage"]) == ("1", "a", "active")
    assert place in made["artifact_location"]
    assert parsed("experiments", "rename", "-x", "1", "--new-name", "b")["name"] == "b"
    assert parsed("experiments", "delete", "-x", "1")["lifecycle_stage"] == "deleted"
    assert parsed("experiments", "restore", "-x", "1")["lifecycle_stage"] == "active"
    assert parsed("experiments", "get", "-n", "b") == parsed("experiments", "get", "-x", "1")


@pytest.mark.parametrize("command", ["search", "list"])
@pytest.mark.parametrize(
    ("view", "ids"),
    [([], ["0", "1"]), (["--view", "deleted_only"], ["2"]), (["-v", "all"], ["0", "1", "2"]), (["-v", "ALL"], None)],
)
def test_both_spellings_and_the_views(two: None, command: str, view: list[str], ids: list[str] | None) -> None:
    assert [each["experiment_id"] for each in parsed("experiments", command, *view)] == (ids or ["0", "1", "2"])


def test_the_table_has_mlflows_columns(two: None) -> None:
    lines = done("experiments", "search").splitlines()
    assert re.split("  +", lines[0]) == ["Experiment Id", "Name", "Artifact Location"]
    assert lines[2].split()[:2] == ["1", "first"]
    assert lines[2].endswith("mlartifacts/1")
    assert "deleted" in done("experiments", "search", "-v", "all")


def test_more_than_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mltrack.cli.experiments.PAGE", 2)
    for number in range(4):
        mltrack.set_experiment(f"e{number}")
    assert len(parsed("experiments", "search")) == 5
    assert len(parsed("experiments", "search", "--max-results", "3")) == 3


def test_one_experiment(two: None) -> None:
    mltrack.MltrackClient().set_experiment_tag("1", "team", "risk\nx")
    text = done("experiments", "get", "--experiment-name", "first")
    for part in ("Experiment ID     : 1", "Name              : first", "Lifecycle Stage   : active", "team=risk\\nx"):
        assert part in text
    for form in (["--json"], ["--output", "json"]):
        assert '"name": "first"' in done("experiments", "get", "--experiment-id", "1", *form)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["create", "-n", "first"], "first"),
        (["create", "-n", ""], "name"),
        (["delete", "-x", "77"], "77"),
        (["delete", "-x", "nonsense"], "nonsense"),
        (["delete", "-x", "2"], "deleted"),
        (["restore", "-x", "1"], "1"),
        (["rename", "-x", "2", "--new-name", "c"], "2"),
        (["rename", "-x", "1", "--new-name", "second"], "second"),
        (["get", "-n", "no such"], "no such"),
        (["get", "-x", "77"], "77"),
        (["csv", "-x", "77"], "77"),
    ],
)
def test_what_is_refused(two: None, words: list[str], part: str) -> None:
    before = parsed("experiments", "search", "-v", "all")
    assert part in refused("experiments", *words)
    assert parsed("experiments", "search", "-v", "all") == before


@pytest.mark.parametrize(
    "words",
    [["create"], ["delete"], ["get"], ["get", "-x", "0", "-n", "Default"], ["search", "-v", "some"], ["nonsense"]],
)
def test_what_is_used_wrongly(two: None, words: list[str]) -> None:
    assert call("experiments", *words).exit_code == 2


CHANGES = [
    ["search"],
    ["list"],
    ["get", "-x", "0"],
    ["delete", "-x", "1"],
    ["restore", "-x", "1"],
    ["rename", "-x", "1", "--new-name", "x"],
    ["csv", "-x", "0"],
]


@pytest.mark.parametrize("words", CHANGES)
def test_only_creating_makes_a_store(tmp_path: Path, words: list[str]) -> None:
    assert "There is no store at" in refused("experiments", *words)
    assert list(tmp_path.iterdir()) == []
    done("experiments", "create", "-n", "x")
    assert (tmp_path / "mltrack.db").is_file()
