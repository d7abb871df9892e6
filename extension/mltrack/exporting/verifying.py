"""Verifies that a project gives a run's metrics: run in a fresh environment, twice, and compared."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.config import DATA_DIR
from mltrack.exceptions import InvalidParameterError, MltrackError, NotFoundError, StateError
from mltrack.exporting.inputs import copy_files, inputs_of
from mltrack.exporting.project_text import NOTEBOOK, SCRIPT
from mltrack.exporting.run_facts import facts_of
from mltrack.exporting.verification import RELATIVE_TOLERANCE, MetricCheck, Verification, checked_tolerances
from mltrack.keys import VERIFIED_TAG
from mltrack.masking import mask_text
from mltrack.plain_text import visible
from mltrack.projects.commands import command_of
from mltrack.projects.entities import Project
from mltrack.projects.ownership import is_own
from mltrack.projects.project_file import read_project_file
from mltrack.projects.trust import require_trust
from mltrack.settings import get_store
from mltrack.store.pages import Search
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.entities import Run

EXPECTED = "expected.json"
ARTIFACT = "mltrack/verification.json"
MAIN = "main"
_MOST_EXPECTED_BYTES = 10_000_000
_MOST_SHOWN = 2000


def verify(
    project: str | Path | Run,
    *,
    tolerances: Mapping[str, float] | float | None = None,
    runs: int = 2,
    env_manager: str = "uv",
    trust: bool = False,
) -> Verification:
    """Run an exported project in a fresh environment, and compare its metrics with the run's.

    Where the run is in the store, the result is kept on it: the tag ``mltrack.verified`` and the artifact
    ``mltrack/verification.json``. The project's own runs are kept nowhere. The folder is not written to.

    Parameters
    ----------
    project
        The folder of an exported run; or a run, which is exported for it and left nowhere.
    tolerances
        How far metrics may be off, as a part of what is expected: one number for all, or by name. Default: what
        ``expected.json`` says, which is 1e-6.
    runs
        How often to run it; twice tells whether it gives the same numbers each time. Where it is a script and a
        notebook, this is the script, and the notebook is run once after it.
    trust
        Run what somebody else wrote or recorded.

    Raises
    ------
    NotFoundError
        When the folder has no ``expected.json``, or there is no such run.
    InvalidParameterError
        When a tolerance is no number from 0 on, or names no metric.
    StateError, UntrustedProjectError
        When it is somebody else's, and ``trust`` was not said.
    """
    with tempfile.TemporaryDirectory(prefix="mltrack-verify-") as place:
        room = Path(place)
        folder = _folder_of(project, room, trust=trust)
        expected = read_expected(folder)
        expected["allowed"] = _tolerances(expected, tolerances)
        verification = _verify(folder, room, expected, runs=runs, manager=env_manager)
    _keep(verification)
    return verification


def _folder_of(project: str | Path | Run, room: Path, *, trust: bool) -> Path:
    if isinstance(project, (str, Path)) and (Path(project) / EXPECTED).is_file():
        folder, own = Path(project), is_own(Path(project))
        if not own:  # in a place of our own: what is agreed to is what runs, whoever writes to the folder meanwhile
            folder = shutil.copytree(folder, room / "project")
        found = Project(str(project), folder, is_own=own)
        require_trust(found, [command_of(found, read_project_file(folder)).text], trust=trust, ask=None)
        return folder
    if isinstance(project, Path):
        raise NotFoundError(f"The folder {str(project)!r} has no {EXPECTED}; give one that `mltrack export` wrote.")
    from mltrack.exporting.export import STRANGER, export_run  # it verifies what it exported, by this module

    exported = export_run(project, room / "exported", form="script")
    if STRANGER in exported.notes and not trust:
        raise StateError(f"{STRANGER} To run them now, say trust=True.")
    return exported.folder


def read_expected(folder: Path) -> dict[str, Any]:
    """Read what an exported run is expected to give: ``run_id``, ``metrics`` and ``tolerance``."""
    path = folder / EXPECTED
    try:
        text = path.read_text(encoding="utf-8") if path.stat().st_size <= _MOST_EXPECTED_BYTES else ""
        document = json.loads(text)
        metrics = {str(name): float(value) for name, value in dict(document["metrics"]).items()}
        tolerance = dict(document.get("tolerance") or {})
        relative = float(tolerance.get("relative", RELATIVE_TOLERANCE))
        by_name = {str(name): float(value) for name, value in dict(tolerance.get("metrics") or {}).items()}
    except FileNotFoundError:
        raise NotFoundError(f"The folder {str(folder)!r} has no {EXPECTED}.") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidParameterError(f"{EXPECTED} cannot be read: {error!r:.200}.") from None
    return {"run_id": str(document.get("run_id", "")), "metrics": metrics, "relative": relative, "by_name": by_name}


def _tolerances(expected: Mapping[str, Any], given: Mapping[str, float] | float | None) -> dict[str, float]:
    """Give the tolerance of each metric."""
    metrics = expected["metrics"]
    by_name = checked_tolerances(metrics, given)
    if isinstance(given, (int, float)):
        return dict.fromkeys(metrics, float(given))
    return {name: expected["by_name"].get(name, expected["relative"]) for name in metrics} | by_name


def _verify(folder: Path, room: Path, expected: Mapping[str, Any], *, runs: int, manager: str) -> Verification:
    metrics, run_id, allowed = expected["metrics"], expected["run_id"], expected["allowed"]
    if not metrics:
        return Verification(run_id, manager=manager, problem="the run has no metrics to compare")
    found: list[dict[str, float]] = []
    seconds = []
    problem = ""
    points = _entry_points(folder, runs=runs, manager=manager)
    for number, point in enumerate(points):
        copy = room / f"project-{number}"
        shutil.copytree(folder, copy)
        _lend(run_id, copy)
        began = time.monotonic()
        values, problem = _run(copy, room / f"store-{number}" / "mltrack.db", manager, point)
        seconds.append(time.monotonic() - began)
        found.append(values)
        if problem:
            problem = f"its {point} could not be run: {problem}" if point == NOTEBOOK else problem
            break
    checks = tuple(
        MetricCheck(name, value, tuple(values.get(name) for values in found), allowed[name])
        for name, value in metrics.items()
    )
    forms = tuple(NOTEBOOK if each == NOTEBOOK or not (folder / "main.py").exists() else SCRIPT for each in points)
    return Verification(run_id, () if problem else checks, tuple(seconds), manager, problem, forms)


def _entry_points(folder: Path, *, runs: int, manager: str) -> list[str]:
    """Give what to run: ``main`` so often, and once the notebook that is beside a script."""
    beside = NOTEBOOK in read_project_file(folder).entry_points
    can = manager != "local" or find_spec("papermill") is not None
    return [MAIN] * max(1, runs) + [NOTEBOOK] * (beside and can)


def _lend(run_id: str, copy: Path) -> None:
    """Put the files that the run read where the copy looks for them, where they are here and unchanged."""
    with suppress(MltrackError):
        facts = facts_of(get_store().get_run(run_id))
        copy_files(inputs_of(facts.found.files, facts.folder), copy, largest=None)


def _run(folder: Path, store: Path, manager: str, point: str) -> tuple[dict[str, float], str]:
    """Run an entry point of the project once, in a store of its own, and give its metrics, or why it has none."""
    store.parent.mkdir()
    uri = f"sqlite:///{store}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "MLTRACK_"))}
    data = DATA_DIR.get()
    variables = {**kept, "MLTRACK_TRACKING_URI": uri, **({DATA_DIR.name: data} if data else {})}
    words = [sys.executable, "-m", "mltrack", "run", str(folder), "-e", point, "--env-manager", manager, "--trust"]
    done = subprocess.run(
        words, cwd=store.parent, env=variables, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode:
        said = (done.stdout[-_MOST_SHOWN * 4 :] + b"\n" + done.stderr[-_MOST_SHOWN * 4 :]).decode("utf-8", "replace")
        return {}, f"it ended with exit code {done.returncode}:\n{mask_text(visible(said)).strip()[-_MOST_SHOWN:]}"
    with closing(SqliteStore(store)) as opened:
        page = opened.search_runs(Search(tuple(each.experiment_id for each in opened.list_experiments())))
        found = page.rows[-1] if page.rows else None
    return ({}, "it made no run") if found is None else (dict(found.data.metrics), "")


def _keep(verification: Verification) -> None:
    """Keep the result on the run, if it is in the store that is in use."""
    from mltrack.client import MltrackClient  # brings all of the client, which verifying does without

    client = MltrackClient()
    with suppress(MltrackError):
        client.get_run(verification.run_id)
        client.log_dict(verification.run_id, verification.as_json(), ARTIFACT)
        client.set_tag(verification.run_id, VERIFIED_TAG, str(verification.verified).lower())
