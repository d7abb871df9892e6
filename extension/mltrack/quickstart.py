"""``mltrack quickstart``: the shipped notebook, run in a real kernel in a folder of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import mltrack
from mltrack import settings
from mltrack.config import EXPERIMENT_NAME, STORE_FILE, TRACKING_URI
from mltrack.exceptions import InvalidParameterError, MltrackError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

NOTEBOOK = "quickstart.ipynb"
CELL_SECONDS = 300


def run_quickstart(folder: str | Path, *, say: Callable[[str], object]) -> Path:
    """Run the quickstart notebook into ``folder`` and give the path of the executed copy.

    The folder gets the executed notebook, the store and its artifacts. A second call adds runs to the same store.

    Raises
    ------
    MltrackError
        When scikit-learn is not installed, the folder cannot be written, or a cell of the notebook fails.
    """
    if importlib.util.find_spec("sklearn") is None:
        raise NotFoundError('The quickstart needs scikit-learn: `pip install "jupyter-mltrack[quickstart]"`.')
    place = Path(folder).absolute()
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidParameterError(
            f"The folder {place} cannot be made: {error.strerror}. Give another one."
        ) from error
    target = place / NOTEBOOK
    target.write_text(_shipped().read_text(encoding="utf-8"), encoding="utf-8")
    _execute(target)
    settings.set_tracking_uri(place / STORE_FILE)
    say("\n" + mltrack.runs().text)
    say(_next_steps(target))
    return target


def _shipped() -> Path:
    """Find the notebook: in the installed package, or in the checkout of an editable install."""
    here = Path(__file__).resolve()
    for path in (here.parent / "notebooks" / NOTEBOOK, here.parents[2] / "notebooks" / NOTEBOOK):
        if path.is_file():
            return path
    raise NotFoundError(f"The notebook {NOTEBOOK} is missing from this installation; install jupyter-mltrack again.")


def _execute(path: Path) -> None:
    """Run all cells in a new kernel of this Python, with a progress bar, and save what they showed."""
    import nbformat
    from nbclient import NotebookClient  # with nbformat over a second to import, and only needed here
    from nbclient.exceptions import CellExecutionError

    document = nbformat.read(path, as_version=4)
    cells = sum(cell.cell_type == "code" for cell in document.cells)
    with click.progressbar(length=cells, label=f"Running {NOTEBOOK}", file=sys.stderr) as bar:

        def step(cell: Any, cell_index: int, **reply: Any) -> None:
            del cell_index, reply
            if cell.cell_type == "code":
                bar.update(1)

        client = NotebookClient(
            document,
            timeout=CELL_SECONDS,
            resources={"metadata": {"path": str(path.parent)}},
            on_cell_executed=step,
        )
        client.create_kernel_manager()
        _use_this_python(client)
        try:
            client.execute(env=_environment())
        except CellExecutionError as error:
            raise MltrackError(f"A cell of {path} failed:\n{error}") from error
        finally:
            path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _use_this_python(client: Any) -> None:
    """Run the kernel with the Python that runs this, whatever kernels are installed for the user."""
    launcher = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    client.km.kernel_spec.argv = [*launcher, "--log-level=ERROR"]


def _environment() -> dict[str, str]:
    """Give the kernel's environment: the quickstart keeps to its own folder."""
    left_out = (TRACKING_URI.name, EXPERIMENT_NAME.name)
    return {name: value for name, value in os.environ.items() if name not in left_out}


def _next_steps(path: Path) -> str:
    folder = _seen_from_here(path.parent)
    lab = f"{_command('jupyter')} lab {folder / NOTEBOOK}"
    show = f"{_command('mltrack')} --store {folder} show last"
    width = max(len(lab), len(show)) + 2
    return (
        f"\nThe runs are in {folder / STORE_FILE}. Next:\n"
        f"  {lab:{width}}open the notebook in JupyterLab\n"
        f"  {show:{width}}look at the last run here"
    )


def _command(name: str) -> str:
    """Give what to type for a command that is installed beside this Python."""
    beside = Path(sys.executable).with_name(name)
    return str(_seen_from_here(beside)) if beside.exists() else name


def _seen_from_here(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
