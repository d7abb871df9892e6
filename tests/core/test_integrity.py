"""Checking a store's file: what is whole is good, and no damage is a crash."""

from __future__ import annotations

import random
import shutil
import time
from typing import TYPE_CHECKING

import pytest

import mltrack
from mltrack.exceptions import StoreError, StoreReadOnlyError
from mltrack.store.connection import open_file
from mltrack.store.integrity import MOST_PROBLEMS, check_store
from mltrack.store.opening import SCHEMA_VERSION

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of 20 runs, closed, all of it in the one file."""
    place = tmp_path / "mltrack.db"
    client = mltrack.MltrackClient(str(place))
    for number in range(20):
        run_id = client.create_run("0", run_name=f"run {number}", tags={"t": "x" * 200}).info.run_id
        client.log_param(run_id, "p", "y" * 300)
        for step in range(20):
            client.log_metric(run_id, "m", step / 2, step=step)
        client.set_terminated(run_id)
    connection = open_file(place)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    client._store.close()  # type: ignore[attr-defined]
    return place


def damage(path: Path, generator: random.Random) -> str:
    """Do to a file what disks and careless copies do to it."""
    data = bytearray(path.read_bytes())
    kind = generator.choice(["header", "bytes", "page", "cut", "empty", "zeros", "stub"])
    if kind == "header":
        data[generator.randrange(100)] ^= generator.randrange(1, 256)
    elif kind == "bytes":
        for _ in range(generator.randrange(1, 200)):
            data[generator.randrange(len(data))] ^= generator.randrange(1, 256)
    elif kind in ("page", "zeros"):
        start = generator.randrange(len(data) // 4096) * 4096
        data[start : start + 4096] = bytes(4096) if kind == "zeros" else generator.randbytes(4096)
    elif kind == "cut":
        del data[generator.randrange(len(data)) :]
    else:
        del data[0 if kind == "empty" else 50 :]
    path.write_bytes(data)
    return kind


def test_a_good_store(path: Path) -> None:
    before = path.read_bytes()
    report = check_store(path)
    assert report.good
    assert report.schema_version == SCHEMA_VERSION
    counted = {name: report.counts[name] for name in ("experiments", "runs", "params", "metrics")}
    assert counted == {"experiments": 1, "runs": 20, "params": 20, "metrics": 400}
    assert path.read_bytes() == before


def test_what_is_still_in_the_log_is_counted(path: Path) -> None:
    client = mltrack.MltrackClient(str(path))
    client.create_run("0")
    assert check_store(path).counts["runs"] == 21


def test_a_row_that_belongs_to_none(path: Path) -> None:
    connection = open_file(path)
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("UPDATE params SET run_id = 999 WHERE run_id = 3")
    connection.close()
    report = check_store(path)
    assert not report.good
    assert (report.integrity, len(report.foreign_keys)) == ((), 1)
    assert "params" in report.foreign_keys[0]
    assert "runs" in report.foreign_keys[0]


def test_an_index_that_lacks_rows(path: Path) -> None:
    connection = open_file(path)
    connection.execute("CREATE TABLE empty (a)")
    connection.execute("CREATE INDEX empty_by_a ON empty (a)")
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute(
        "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'empty_by_a')"
        " WHERE name = 'sqlite_autoindex_runs_1'"
    )
    connection.close()
    problems = check_store(path).integrity
    assert 1 < len(problems) <= MOST_PROBLEMS
    assert any("sqlite_autoindex_runs_1" in each for each in problems)


def test_a_damaged_page(path: Path) -> None:
    connection = open_file(path)
    page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'experiments'").fetchone()[0]
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    report = check_store(path)
    assert not report.good
    assert report.integrity


@pytest.mark.parametrize("text", ["", "x", "no database, but long enough to be looked at: " * 10])
def test_what_is_no_store(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.db"
    path.write_text(text)
    report = check_store(path)
    assert not report.good
    assert str(path) in report.integrity[0]
    assert path.read_text() == text


def test_another_programs_database(tmp_path: Path) -> None:
    connection = open_file(tmp_path / "x.db")
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    assert "another program" in check_store(tmp_path / "x.db").integrity[0]


def test_what_cannot_be_looked_at(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreReadOnlyError):
        check_store(path / "x")
    (tmp_path / "folder").mkdir()
    assert not check_store(tmp_path / "folder").good


def corrupt_and_check(path: Path, rounds: int) -> set[str]:
    generator, copy, kinds = random.Random(7), path.with_name("copy.db"), set()
    for _ in range(rounds):
        for leftover in path.parent.glob("copy.db*"):
            leftover.unlink()
        shutil.copyfile(path, copy)
        kind = damage(copy, generator)
        began = time.monotonic()
        try:
            good = check_store(copy).good
        except StoreError:
            good = False
        assert time.monotonic() - began < 60  # some 10 ms; a chain of pages that ends in itself has no end
        kinds.add(f"{kind} {good}")
    return kinds


def test_no_damage_is_a_crash(path: Path) -> None:
    kinds = corrupt_and_check(path, 150)
    assert {"page False", "zeros False", "cut False", "empty False", "stub False", "bytes False"} <= kinds


@pytest.mark.slow
def test_no_damage_is_a_crash_however_often(path: Path) -> None:
    corrupt_and_check(path, 1000)
