"""Small pipelines in folders: shell commands that read and write files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mltrack import pipelines
from mltrack.exceptions import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mltrack.pipelines.pipeline_run import PipelineRun

Steps = dict[str, dict[str, Any]]
TITANIC: Steps = {
    "download": {"command": "printf '%s\\n' {rows} b a > data/raw.csv", "outputs": ["data/raw.csv"]},
    "clean": {
        "command": "bash clean.sh data/raw.csv data/clean.csv",
        "inputs": ["data/raw.csv"],
        "outputs": ["data/clean.csv"],
    },
    "train": {
        "command": "bash train.sh {C} > model.txt",
        "inputs": ["data/clean.csv"],
        "outputs": ["model.txt"],
        "needs": ["clean"],
    },
    "report": {"command": "cat model.txt", "inputs": ["model.txt"]},
}
FILES = {
    "clean.sh": "source lib.sh\nsort_file $1 $2\n",
    "lib.sh": 'sort_file() { sort "$1" > "$2"; }\n',
    "train.sh": "cat data/clean.csv; echo C $1\n",
    "README.md": "read me\n",
}
PARAMETERS = {"download": {"rows": {"default": 3}}, "train": {"C": {"type": "float", "default": 1.0}}}


def make_pipeline(
    folder: Path,
    steps: Steps,
    *,
    files: Mapping[str, str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    main: Mapping[str, Any] | None = None,
) -> Path:
    """Make a pipeline whose steps have a command each, which becomes the entry point of the step's name."""
    folder.mkdir(parents=True, exist_ok=True)
    entries: dict[str, Any] = {
        name: {"command": step["command"], "parameters": (parameters or {}).get(name, {})}
        for name, step in steps.items()
        if "command" in step
    }
    if main is not None:
        entries["main"] = {"command": "echo main", "parameters": main}
    said = {name: {key: value for key, value in step.items() if key != "command"} for name, step in steps.items()}
    document = {"name": "titanic", "entry_points": entries, "steps": said}
    (folder / "MLproject").write_text(json.dumps(document))
    for name, text in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def titanic(folder: Path) -> Path:
    """Make a pipeline of four steps, two of which have scripts of their own."""
    return make_pipeline(folder, TITANIC, files=FILES, parameters=PARAMETERS)


def run_all(folder: Path, parameters: Mapping[str, Any] | None = None, **options: Any) -> PipelineRun:
    """Run a pipeline to its end, however that is."""
    begun = pipelines.run(folder, parameters, synchronous=False, **options)
    begun.wait()
    return begun


def statuses(begun: PipelineRun) -> dict[str, str]:
    """Give how each step ended, by name."""
    return {name: state.status.value for name, state in begun.steps.items()}


def failure(begun: PipelineRun) -> str:
    """Give what is said of a run that failed."""
    try:
        begun.check()
    except StateError as error:
        return str(error)
    return ""


def edit(name: str, text: str = "# changed\n") -> Callable[[Path], object]:
    """Give what adds to a file."""
    return lambda root: (root / name).write_text((root / name).read_text() + text)


def remove(name: str) -> Callable[[Path], object]:
    """Give what removes a file."""
    return lambda root: (root / name).unlink()


def add(name: str, text: str = "new\n") -> Callable[[Path], object]:
    """Give what writes a new file."""

    def write(root: Path) -> None:
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).write_text(text)

    return write
