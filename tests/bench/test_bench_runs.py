from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TINY = {
    "bench_import": ("--rounds", "1"),
    "bench_panels_store": ("--runs", "20", "--series", "2", "--points", "1500", "--rounds", "1"),
    "bench_charts_panel": ("--runs", "2", "--points", "2000", "--scatter", "1000", "--rounds", "1"),
    "bench_live": ("--steps", "100", "--rounds", "1"),
    "bench_run_table": ("--runs", "200", "--first", "60", "--rounds", "1"),
    "bench_search": ("--runs", "20", "--rounds", "1"),
    "bench_log": ("--points", "50", "--runs", "5", "--rounds", "1"),
    "bench_sender": ("--calls", "10", "--rounds", "1", "--seconds", "1"),
    "bench_points": ("--points", "20", "--history", "50", "--rounds", "1"),
    "bench_autolog": ("--rounds", "1", "--candidates", "2"),
    "bench_boosting": ("--rows", "100", "--trees", "2", "--rounds", "1"),
    "bench_cell": ("--cells", "3", "--kilobytes", "3", "--rounds", "2"),
    "bench_export": ("--cells", "10", "--rounds", "1"),
    "bench_projects": ("--rounds", "1"),
    "bench_project_environments": ("--rounds", "1"),
    "bench_models": ("--logs", "1", "--loads", "1", "--mlflow", "0"),
    "bench_schema": ("--rows", "100", "--requests", "5", "--rounds", "1"),
    "bench_server": ("--milliseconds", "200", "--runs", "50", "--searches", "1", "--rounds", "1", "--mlflow", "0"),
    "bench_server_artifacts": ("--megabytes", "2", "--rounds", "1"),
    "bench_server_start": ("--rounds", "1", "--clients", "5", "--asked", "3", "--mlflow", "0"),
    "bench_slices": ("--cells", "30", "--rounds", "1"),
    "bench_snapshots": ("--runs", "3", "--cells", "3"),
    "bench_outputs": ("--megabytes", "2", "--lines", "1000"),
}


def test_every_benchmark_is_listed() -> None:
    assert {path.stem for path in Path(__file__).parent.glob("bench_*.py")} == set(TINY)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "sizes"), TINY.items(), ids=TINY)
def test_a_benchmark_prints_its_table(name: str, sizes: tuple[str, ...]) -> None:
    """With tiny sizes: that it works, not how fast anything is."""
    command = [sys.executable, "-m", f"tests.bench.{name}", *sizes]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    title, *rows = [line for line in done.stdout.splitlines() if line.strip()]
    assert len(rows) > 2
    assert all(row.startswith("  ") for row in rows), title
