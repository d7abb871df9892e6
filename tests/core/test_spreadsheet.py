"""CSV for spreadsheets: no cell is a formula, and nothing else changes."""

from __future__ import annotations

import csv
import io
import re
import stat
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.command_line import call, done

import mltrack
from mltrack.cli.spreadsheet import neutral, write_whole

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1", "'+1"),
        ("@x", "'@x"),
        ("-2+3", "'-2+3"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("-0.5", "-0.5"),
        ("-1e-3", "-1e-3"),
        ("-.5E+7", "-.5E+7"),
        ("-1\n=2", "'-1\n=2"),
        ("-", "'-"),
        ("a=1", "a=1"),
        ("", ""),
        (None, None),
        (-1.5, -1.5),
    ],
)
def test_what_would_be_a_formula_is_text(text: object, written: object) -> None:
    assert neutral(text) == written


@given(st.text())
def test_no_text_stays_a_formula(text: str) -> None:
    found = str(neutral(text))
    assert found in (text, f"'{text}")
    assert not re.match(r"[=+@\t\r]", found)
    if found.startswith("-"):
        float(found)


def test_an_experiment_as_csv(tmp_path: Path) -> None:
    client = mltrack.MltrackClient()
    run = client.create_run("0", run_name="=HYPERLINK(1)", tags={"t": "@sum\nb,c"})
    client.log_param(run.info.run_id, "p", "-1")
    client.log_param(run.info.run_id, "q", "+x")
    client.log_metric(run.info.run_id, "m", -0.25)
    client.set_terminated(run.info.run_id)
    text = done("experiments", "csv", "--experiment-id", "0")
    row = next(csv.DictReader(io.StringIO(text)))
    assert row["tags.mlflow.runName"] == "'=HYPERLINK(1)"
    assert (row["tags.t"], row["params.p"], row["params.q"], row["metrics.m"]) == ("'@sum\nb,c", "-1", "'+x", "-0.25")
    assert list(row) == list(mltrack.search_runs(["0"]).columns)
    report = done("experiments", "csv", "-x", "0", "--filename", "out.csv")
    assert report == "Experiment with ID 0 has been exported as a CSV to file: out.csv.\n"
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == text
    assert pd.read_csv("out.csv")["metrics.m"].tolist() == [-0.25]


def test_an_experiment_without_runs() -> None:
    done("experiments", "create", "-n", "empty")
    assert done("experiments", "csv", "-x", "1").startswith("run_id,experiment_id,status,")


def test_deleted_runs_stay_out() -> None:
    with mltrack.start_run() as run:
        pass
    mltrack.MltrackClient().delete_run(run.info.run_id)
    assert run.info.run_id not in done("experiments", "csv", "-x", "0")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "x.csv"
    target.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(str(target), "new \ud800")
    assert target.read_text() == "old"
    write_whole(str(target), "new")
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
    plain = tmp_path / "plain"
    plain.write_text("")
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    assert call("experiments", "csv", "-x", "0", "-o", str(tmp_path)).exit_code == 2
