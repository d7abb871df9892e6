"""Runs a notebook that is an entry point: ``python -m mltrack.projects.notebooks NAME.ipynb --name value …``.

Papermill puts the values into the cell tagged ``parameters``, or before the first one. What the cells print is shown as
it comes, and the executed notebook becomes a file of the run, also when a cell failed.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack import given_run
from mltrack.exceptions import ExecutionError, MissingLibraryError, MltrackError
from mltrack.masking import mask_text
from mltrack.plain_text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

KERNEL = "python3"
_SECONDS = 120  # a busy machine has a kernel, and the last output of a cell, later than papermill waits for them
_PLAIN = {"True": True, "False": False, "None": None}


def main(words: Sequence[str]) -> int:
    """Run the notebook that the words name, and give an exit code."""
    try:
        name, values = words[0], parameters_of(words[1:])
        with tempfile.TemporaryDirectory(prefix="mltrack-") as folder:
            return execute(name, values, Path(folder))
    except MltrackError as error:
        print(f"mltrack: {visible(str(error))}", file=sys.stderr)
        return 1


def parameters_of(words: Sequence[str]) -> dict[str, Any]:
    """Read ``--name value`` pairs; whole numbers, numbers, True, False and None are taken for what they say."""
    if len(words) % 2 or not all(word.startswith("--") for word in words[::2]):
        raise ExecutionError(f"A notebook's parameters are --name value pairs; got {' '.join(words)[:80]!r}.")
    return {name[2:]: _plain(value) for name, value in zip(words[::2], words[1::2], strict=True)}


def execute(name: str, values: dict[str, Any], folder: Path) -> int:
    """Execute a notebook, and log it as it was executed; ``folder`` is a temporary one.

    Raises
    ------
    MissingLibraryError
        When papermill or ipykernel is not installed where the project runs.
    """
    is_python = _is_python(name)
    _use_this_python(folder)
    try:
        import papermill  # slow to import, and for notebooks only
        from papermill.exceptions import PapermillExecutionError
    except ImportError as error:
        raise MissingLibraryError(
            "A notebook is run by papermill and ipykernel, which are not installed where the project runs: name "
            "them in its environment, or pip install 'jupyter-mltrack[projects]'."
        ) from error
    logging.getLogger("papermill").setLevel(logging.ERROR)  # a notebook need not have a cell for its parameters
    warnings.filterwarnings("ignore", module="nbformat")
    executed = folder / Path(name).name
    try:
        papermill.execute_notebook(
            *(name, str(executed), values),
            kernel_name=KERNEL if is_python else None,
            language="python" if is_python else None,
            progress_bar=False,
            stdout_file=sys.stdout,
            stderr_file=sys.stderr,
            start_timeout=_SECONDS,
            iopub_timeout=_SECONDS,
        )
    except PapermillExecutionError as error:
        print(mask_text(str(error)), file=sys.stderr)
        return 1
    finally:
        _keep(executed)
    return 0


def _plain(text: str) -> Any:
    if text in _PLAIN:
        return _PLAIN[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _is_python(name: str) -> bool:
    try:
        metadata = json.loads(Path(name).read_text(encoding="utf-8"))["metadata"]
        language = metadata.get("kernelspec", {}).get("language") or metadata.get("language_info", {}).get("name")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ExecutionError(f"{name!r} is no notebook that can be read: {str(error)[:200]}.") from error
    return "python" in str(language or "python").lower()


def _use_this_python(folder: Path) -> None:
    """Have kernels run in this Python, whatever kernel of that name the user has installed."""
    place = folder / "kernels" / KERNEL
    place.mkdir(parents=True)
    launcher = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=ERROR"]
    spec = {"argv": launcher, "display_name": "Python 3", "language": "python"}
    (place / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    found = os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = os.pathsep.join([str(folder), *([found] if found else [])])


def _keep(executed: Path) -> None:
    """Log the executed notebook to the run that this process is part of, secrets masked."""
    run_id = given_run.belongs_to()
    if run_id is None or not executed.is_file():
        return
    from mltrack.client import MltrackClient  # what the kernel's own process does without

    notebook = json.loads(executed.read_text(encoding="utf-8"))
    executed.write_text(json.dumps(masked(notebook), indent=1, ensure_ascii=False), encoding="utf-8")
    MltrackClient().log_artifact(run_id, str(executed))


def masked(value: Any) -> Any:
    """Give a notebook's JSON with the secrets in its texts masked; pictures stay as they are."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, list):
        if value and all(isinstance(each, str) for each in value):
            return mask_text("".join(value))  # a text in lines: a secret may stand in two
        return [masked(each) for each in value]
    if isinstance(value, dict):
        return {key: each if key.startswith("image/") else masked(each) for key, each in value.items()}
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
