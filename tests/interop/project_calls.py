"""The same projects run by either library: ``python project_calls.py LIBRARY FOLDER`` prints what came of each as JSON.

LIBRARY is ``mlflow`` or ``mltrack``, FOLDER has the project.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

HOSTILE = ["x y", "; touch M", "$(touch M)", "`touch M`", "a\nb", "--x", "{other}", "'", '"', "\\", "*", "~", "", "é"]
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "defaults": ("main", {"text": "a"}),
    "all": ("main", {"text": "b", "number": 3, "flag": True, "empty": "no"}),
    "a float is not checked": ("main", {"text": "a", "number": "many"}),
    "extras": ("main", {"text": "a", "more": "m n", "a-b": 1, "last": "="}),
    "a path": ("paths", {"path": "data/a b.csv", "where": "s3://bucket/x"}),
    "a path that is not there": ("paths", {"path": "gone", "where": "s3://bucket/x"}),
    "no URI": ("paths", {"path": "data", "where": "plain"}),
    "missing": ("paths", {}),
    "braces": ("braces", {"text": "{text}"}),
    "an unknown field": ("unknown", {"text": "a"}),
    "a script": ("show.py", {"a": "b c"}),
    "a shell script": ("show.sh", {"a": "b c"}),
    "no entry point": ("other", {}),
    "no file": ("gone.py", {}),
    "it fails": ("fails", {}),
    "a child that logs": ("log.py", {"how": "start_run"}),
    "a child that fails": ("log.py", {"how": "fail"}),
    **{f"hostile {number}": ("main", {"text": text}) for number, text in enumerate(HOSTILE)},
}


def outcome(library: Any, folder: Path, entry_point: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Run one, and say how it ended, what its child was given, and what is on the runs that were made."""
    shown = folder / "shown.json"
    shown.unlink(missing_ok=True)
    known = {run.info.run_id for run in library.search_runs(output_format="list")}
    error = ""
    try:
        library.projects.run(str(folder), entry_point, parameters=parameters, env_manager="local")
    except library.exceptions.ExecutionException:
        error = "ExecutionException"
    except Exception as problem:
        error = f"another: {type(problem).__name__}"
    made = [run for run in library.search_runs(output_format="list") if run.info.run_id not in known]
    return {
        "error": error,
        "child": json.loads(shown.read_text()) if shown.exists() else None,
        "marker": (folder / "M").exists(),
        "runs": [[run.info.status, run.data.params, run.data.tags, run.data.metrics] for run in made],
    }


def main(name: str, folder: Path) -> None:
    """Run all of them."""
    library = importlib.import_module(name)
    importlib.import_module(f"{name}.projects")
    library.set_tracking_uri(f"sqlite:///{folder.parent}/{name}.db")
    os.environ["SHOWN"] = str(folder / "shown.json")
    os.environ["LIBRARY"] = name
    os.chdir(folder.parent)
    found = {call: outcome(library, folder, *arguments) for call, arguments in CALLS.items()}
    print(f"\n{json.dumps(found)}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
