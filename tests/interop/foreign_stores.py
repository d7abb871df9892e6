"""Foreign stores made by hand: small ones, and such as mlflow would not write."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

RUN = "a" * 32
TABLES = """
CREATE TABLE alembic_version (version_num TEXT);
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT, artifact_location TEXT, lifecycle_stage TEXT);
CREATE TABLE experiment_tags (key TEXT, value TEXT, experiment_id INTEGER);
CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, user_id TEXT, status TEXT, start_time INTEGER,
    end_time INTEGER, lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER);
CREATE TABLE metrics (key TEXT, value REAL, timestamp INTEGER, run_uuid TEXT, step INTEGER, is_nan INTEGER);
CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
INSERT INTO experiments VALUES (0, 'Default', '', 'active'), (5, 'five', '', 'active');
"""


def change(path: Path, *statements: str) -> None:
    """Run statements on a database."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def add_run(path: Path, run_id: str = RUN, *, artifact_uri: str = "", status: str = "FINISHED") -> None:
    """Add a run to experiment 5."""
    with closing(sqlite3.connect(path)) as connection:
        row = (run_id, "a run", "me", status, 1000, None if status == "RUNNING" else 2000, "active", artifact_uri, 5)
        connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        connection.commit()


def make_database(path: Path) -> Path:
    """Make a small mlflow.db with two experiments and no run."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(TABLES)
    return path


def make_old_folder(root: Path) -> Path:
    """Make an mlruns folder as MLflow 0.5 wrote it: ``run_uuid``, numbers for ids, points without a step."""
    run = root / "0" / RUN
    for kind in ("artifacts", "metrics", "params", "tags"):
        (run / kind).mkdir(parents=True)
    (root / "0" / "meta.yaml").write_text("artifact_location: /gone/mlruns/0\nexperiment_id: 0\nname: Default\n")
    (run / "meta.yaml").write_text(
        f"artifact_uri: /gone/mlruns/0/{RUN}/artifacts\nend_time: 2000\nentry_point_name: main\nexperiment_id: 0\n"
        f"name: ''\nrun_uuid: {RUN}\nsource_name: train.py\nsource_type: 4\nsource_version: null\nstart_time: 1000\n"
        "status: 3\ntags: []\nuser_id: me\n"
    )
    (run / "metrics" / "rmse").write_text("1530000000 0.5\n1530000001 nan\n")
    (run / "params" / "alpha").write_text("0.1")
    (run / "tags" / "mlflow.runName").write_text("old")
    (run / "artifacts" / "model.txt").write_text("a model")
    return root
