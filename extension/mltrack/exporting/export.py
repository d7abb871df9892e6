"""``mltrack.export_run``: a run as a folder that stands alone, for mltrack, for MLflow and for plain Python."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from mltrack.deploying.whole_outputs import whole_folder
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, StateError
from mltrack.exporting.archive import write_zip
from mltrack.exporting.beside import modules_beside
from mltrack.exporting.checkout import write_patch
from mltrack.exporting.exported_cells import prepare
from mltrack.exporting.exported_project import ExportedProject
from mltrack.exporting.inputs import copy_files, inputs_of
from mltrack.exporting.notebook import notebook_of
from mltrack.exporting.project_text import BOTH, FORMS, NOTEBOOK, SCRIPT, project_text
from mltrack.exporting.readme import readme_of
from mltrack.exporting.requirements import requirements_of, write_environment
from mltrack.exporting.run_facts import facts_of
from mltrack.exporting.script import script_of
from mltrack.exporting.verification import RELATIVE_TOLERANCE, checked_tolerances, number_text
from mltrack.masking import mask_text
from mltrack.plain_text import printable
from mltrack.provenance.slice import RELATIVE_FILE

if TYPE_CHECKING:
    from mltrack.entities import Run
    from mltrack.exporting.exported_cells import ExportedCells
    from mltrack.exporting.inputs import Inputs
    from mltrack.exporting.run_facts import RunFacts


STRANGER = "The notebook of this run was not recorded by you: read its cells before you run them."
Tolerances = Mapping[str, float] | float | None


class ExportOptions(TypedDict, total=False):
    """What ``export_run`` takes by name; see there."""

    whole: bool
    form: str
    with_data: bool
    verify: bool
    zip: bool
    tolerances: Tolerances
    trust: bool


@dataclass(frozen=True, slots=True)
class _Choice:
    whole: bool = False
    form: str = BOTH
    with_data: bool = False
    verify: bool = False
    zip: bool = False
    tolerances: Tolerances = None
    trust: bool = False


def export_run(run: Run | str, directory: str | Path, **options: Unpack[ExportOptions]) -> ExportedProject:
    """Write a run as a project that others can run: its cells, parameters, environment, inputs and metrics.

    Parameters
    ----------
    run
        A run, or its id, the first digits of it, its name, or ``last``.
    directory
        The folder, which is made; one that holds something is refused.
    whole
        True takes every cell that ran, not only those that the result depends on.
    form
        ``notebook``, ``script`` or ``both``, as it is by default.
    with_data
        True copies the files that were read, where they are under 20 MB and unchanged.
    verify
        True runs it in a fresh environment, the script twice and the notebook once, and compares the metrics; see
        ``mltrack.exporting.verifying.verify``.
    zip
        True writes ``DIRECTORY.zip`` too.
    tolerances
        How far metrics may be off when it is verified, as a part of what they were: for all, or by name; default: 1e-6.
    trust
        True verifies a run whose notebook somebody else recorded.

    Raises
    ------
    NotFoundError
        When there is no such run, or it has no snapshot.
    AlreadyExistsError
        When the folder holds something, or the zip is there.
    StateError
        When it is to be verified, and its notebook was recorded by somebody else.
    """
    choice = _Choice(**options)
    folder = Path(directory).absolute()
    archive = folder.with_name(f"{folder.name}.zip") if choice.zip else None
    if choice.form not in FORMS:
        raise InvalidParameterError(f"A run is exported as {', '.join(FORMS)}; got {choice.form[:60]!r}.")
    if archive is not None and archive.exists():
        raise AlreadyExistsError(f"The file {str(archive)!r} is there already; give another folder.")
    facts = facts_of(run, whole=choice.whole)
    if choice.verify and not (facts.is_own or choice.trust):
        raise StateError(f"{STRANGER} To run them now, say --trust (trust=True).")
    exported = _write(facts, folder, choice)
    if archive is not None:
        write_zip(folder, archive)
        exported = replace(exported, archive=archive)
    return _verified(exported) if choice.verify else exported


def _verified(exported: ExportedProject) -> ExportedProject:
    from mltrack.exporting.verifying import verify  # runs projects, which writing one does not need

    return replace(exported, verification=verify(exported.folder, trust=True))


def _write(facts: RunFacts, folder: Path, choice: _Choice) -> ExportedProject:
    inputs = inputs_of(facts.found.files, facts.folder)
    cells = prepare(facts, inputs.moved)
    title = _title(cells)
    with whole_folder(folder) as draft:
        if choice.with_data:
            copy_files(inputs, draft)
        script = _write_code(cells, draft, title, form=choice.form)
        modules = _write_environment(cells, draft, script)
        git = write_patch(facts.run.data.tags, facts.folder, draft)
        notes = _notes(cells, inputs, git, modules)
        _text(draft, "MLproject", project_text(title, cells.parameters, choice.form))
        _text(draft, "README.md", readme_of(cells, title, form=choice.form, inputs=inputs, notes=notes))
        _document(draft, "expected.json", _expected(cells, choice.tolerances))
        _document(draft, "inputs.json", _inputs(cells, inputs, modules))
        _document(draft, "git.json", git)
    own = {each.name for each in facts.captured if each.kind == "param"}  # not those of a library's autologging
    others = tuple(name for name in facts.params if name not in cells.parameters and name in own)
    left_out = len(facts.found.left_out)
    return ExportedProject(
        folder, facts.run.info.run_id, len(facts.found.steps), left_out, tuple(cells.parameters), others, tuple(notes)
    )


def _write_code(cells: ExportedCells, draft: Path, title: str, *, form: str) -> str | None:
    """Write the notebook, the script or both, and give the script where it is all there is."""
    if form != SCRIPT:
        _document(draft, "main.ipynb", notebook_of(cells, title))
    if form == NOTEBOOK:
        return None
    text = script_of(cells, title)
    _text(draft, "main.py", text)
    return text if form == SCRIPT else None


def _write_environment(cells: ExportedCells, draft: Path, script: str | None) -> list[str]:
    """Write what the project needs, and the modules beside the notebook; gives the paths of those."""
    facts = cells.facts
    if script is None:
        tools = ["mlflow", "papermill", "ipykernel"]
    else:
        tools = ["mlflow", *(["ipython"] if "\nfrom IPython" in script else [])]
    beside = modules_beside(cells.imports, facts.folder)
    for path, text in beside.texts.items():
        (draft / path).parent.mkdir(parents=True, exist_ok=True)
        _text(draft, path, text)
    sources = [*cells.sources, *beside.texts.values()]
    needed = requirements_of(beside.others, facts.packages, sources=sources, tools=tools)
    write_environment(draft, needed, facts.packages, facts.python)
    return [*beside.texts]


def _title(cells: ExportedCells) -> str:
    return mask_text(printable(cells.facts.run.info.run_name or cells.facts.run.info.run_id))[:100].strip() or "run"


def _notes(cells: ExportedCells, inputs: Inputs, git: Mapping[str, Any], modules: list[str]) -> list[str]:
    facts = cells.facts
    found = [finding for finding in facts.found.findings if finding.kind != RELATIVE_FILE]  # README lists the files
    notes = [mask_text(printable(inputs.told(finding.text))) for finding in found]
    if not facts.is_own:
        notes.insert(0, STRANGER)
    if facts.run.info.status != "FINISHED":
        notes.insert(0, f"The run is {facts.run.info.status}: the exported code ends where it did.")
    if modules:
        notes.append(f"Copied as they were when the run was exported: {', '.join(modules)}.")
    if git.get("patch"):
        notes.append("`dirty.patch` has the files that differed from the commit in `git.json`.")
    if not facts.packages:
        notes.append("The run's environment is not known, so the requirements have no versions.")
    if cells.secrets:
        notes.append("Secrets were masked; README.md says where to put them back.")
    return notes


def _expected(cells: ExportedCells, tolerances: Tolerances) -> dict[str, Any]:
    run = cells.facts.run
    relative = tolerances if isinstance(tolerances, (int, float)) else RELATIVE_TOLERANCE
    by_name = checked_tolerances(cells.facts.metrics, tolerances)
    return {
        "run_id": run.info.run_id,
        "status": run.info.status,
        "metrics": {name: number_text(value) for name, value in cells.facts.metrics.items()},
        "tolerance": {"relative": relative, "metrics": by_name},
    }


def _inputs(cells: ExportedCells, inputs: Inputs, modules: list[str]) -> dict[str, Any]:
    numbers = {step.seq: number for number, step in enumerate(cells.found.steps, 1)}
    masked = [
        {"cell": numbers[each.step], "line": each.line, "environment_variable": each.variable} for each in cells.secrets
    ]
    return {"files": [each.as_json() for each in inputs.files], "modules": modules, "masked": masked}


def _text(folder: Path, name: str, text: str) -> None:
    # newline="": what a cell's text holds is written as it is, on any system.
    (folder / name).write_text(mask_text(text), encoding="utf-8", errors="backslashreplace", newline="")


def _document(folder: Path, name: str, document: Mapping[str, Any]) -> None:
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace", newline="")
