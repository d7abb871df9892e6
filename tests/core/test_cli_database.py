"""``mltrack db``: what its commands print, and their exit codes."""

from __future__ import annotations

import json
import random
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.core.command_line import call, done, parsed, refused
from tests.core.test_integrity import damage

import mltrack
from mltrack.store.connection import open_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def a_run() -> None:
    with mltrack.start_run(run_name="kept"):
        mltrack.log_metric("m", 1)


def test_a_good_store_is_good(tmp_path: Path) -> None:
    text = done("db", "check")
    assert "good" in text
    assert "runs 1" in text
    found = parsed("db", "check")
    assert (found["good"], found["integrity"], found["foreign_keys"]) == (True, [], [])
    assert found["path"] == str(tmp_path / "mltrack.db")
    assert found["counts"]["runs"] == 1


def test_a_bad_store_is_exit_code_one(tmp_path: Path) -> None:
    connection = open_file(tmp_path / "mltrack.db")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("UPDATE runs SET experiment_id = 9")
    connection.close()
    found = call("db", "check")
    assert found.exit_code == 1
    assert "BAD  a row of runs" in found.stdout
    assert "backup" in found.stdout
    found = call("db", "check", "--json")
    assert (found.exit_code, json.loads(found.stdout)["good"]) == (1, False)


def test_what_is_no_database_is_bad(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("\x1b[31m no database, but long enough to be looked at" * 10)
    found = call("--store", str(tmp_path / "x.db"), "db", "check")
    assert found.exit_code == 1
    assert "BAD" in found.stdout
    assert "\x1b" not in found.stdout


def test_a_backup(tmp_path: Path) -> None:
    found = call("db", "backup", "copy.db")
    assert found.exit_code == 0
    assert "copy.db: 1 run," in found.stdout
    assert "artifacts" in found.stderr
    assert parsed("--store", "copy.db", "runs")[0]["info"]["run_name"] == "kept"
    assert "nothing is overwritten" in refused("db", "backup", "copy.db")
    assert "make it first" in refused("db", "backup", "no/copy.db")
    made = parsed("db", "backup", "again.db")
    assert made == {"path": "again.db", "file_bytes": (tmp_path / "again.db").stat().st_size, "runs": 1}


def test_a_vacuum() -> None:
    found = parsed("db", "vacuum")
    assert found["bytes_returned"] == found["bytes_before"] - found["bytes_after"]
    assert "given back" in done("db", "vacuum")


@pytest.mark.parametrize("words", [["check"], ["vacuum"], ["backup", "copy.db"]])
def test_none_makes_a_store(tmp_path: Path, words: list[str]) -> None:
    assert "There is no store at" in refused("--store", "none.db", "db", *words)
    assert {path.name for path in tmp_path.iterdir()} <= {"mltrack.db", "mltrack.db-wal", "mltrack.db-shm"}


COMMANDS = [
    *(["runs"], ["runs", "--json"], ["runs", "list", "-x", "0"], ["runs", "create", "-x", "0"], ["show"]),
    *(["experiments", "search"], ["experiments", "create", "-n", "x"], ["experiments", "csv", "-x", "0"]),
    *(["db", "check"], ["db", "vacuum"], ["db", "backup", "made.db"], ["gc"], ["doctor"]),
]


def damage_and_call(folder: Path, rounds: int) -> None:
    generator, copy = random.Random(5), folder / "damaged.db"
    whole = folder / "whole.db"
    done("db", "backup", str(whole))
    for number in range(rounds):
        for leftover in (*folder.glob("damaged.db*"), *folder.glob("made.db*")):
            leftover.unlink()
        shutil.copyfile(whole, copy)
        damage(copy, generator)
        words = COMMANDS[number % len(COMMANDS)]
        found = call("--store", str(copy), *words)
        ended_well = found.exception is None or isinstance(found.exception, SystemExit)
        assert ended_well, (words, found.exception)
        assert found.exit_code in (0, 1, 3), words


def test_a_damaged_store_is_no_traceback(tmp_path: Path) -> None:
    damage_and_call(tmp_path, 4 * len(COMMANDS))


@pytest.mark.slow
def test_a_damaged_store_is_no_traceback_however_often(tmp_path: Path) -> None:
    damage_and_call(tmp_path, 60 * len(COMMANDS))
