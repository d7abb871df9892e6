"""``mltrack.restore``: the notebook as a run had executed it, written as a new file.

It is signed as trusted only when this user recorded it (see ``mltrack.rerunning.seals``): then Jupyter runs what its
outputs hold, as it did when the cells ran. What stood in the file and did not run in that kernel may be anybody's, so
of its outputs only text and pictures are kept then.
"""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, NotFoundError
from mltrack.executed_notebook import as_notebook
from mltrack.lookup import find_run
from mltrack.rerunning.recipe import SETTLE_SECONDS, folder_of, notebook_path
from mltrack.rerunning.seals import is_own
from mltrack.settings import get_store, state

if TYPE_CHECKING:
    import os

    from mltrack.entities import Run
    from mltrack.store.notebooks import Snapshot

SUFFIX = ".ipynb"
_PASSIVE = frozenset({"text/plain", "image/png", "image/jpeg"})


def restore(run: str | Run, path: str | os.PathLike[str] | None = None) -> Path:
    """Write the notebook as a run had executed it as a new file, and give the file.

    Parameters
    ----------
    run
        A run, its id, the first digits of it, its name, or "last".
    path
        The file, or a folder for it; default: beside the notebook it was, as ``NAME-RUN8.ipynb``, numbered where that
        is taken.

    Raises
    ------
    AlreadyExistsError
        When the file is there.
    NotFoundError
        When there is no such run, or it has no notebook.
    """
    return restore_notebook(run, path)[0]


def restore_notebook(run: str | Run, path: str | os.PathLike[str] | None = None) -> tuple[Path, bool]:
    """Do what ``restore`` does; gives the file, and whether it is trusted."""
    state.settle(SETTLE_SECONDS)
    found = find_run(run) if isinstance(run, str) else run
    run_id = found.info.run_id
    store = get_store()
    snapshot = store.load_snapshot(run_id)
    if snapshot is None:
        raise NotFoundError(f"Run {run_id} has no notebook: it was made without one, or with --no-snapshot.")
    is_trusted = is_own(store.get_run(run_id), snapshot)
    document = as_notebook(snapshot, run_id)
    _clean(document, drop_active=is_trusted)
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    target = _write(text, Path(path).expanduser() if path is not None else None, snapshot, run_id)
    if is_trusted:
        _sign(target)
    return target, is_trusted


def _clean(document: dict[str, Any], *, drop_active: bool) -> None:
    """Take out what says that a notebook is trusted, and what a trusted one must not hold."""
    document["metadata"].pop("signature", None)
    for cell in document["cells"]:
        cell["metadata"].pop("trusted", None)
        if drop_active and cell["metadata"].get("mltrack", {}).get("state") == "not_executed":
            for output in cell["outputs"]:
                if "data" in output:
                    output["data"] = {kind: data for kind, data in output["data"].items() if kind in _PASSIVE}


def _write(text: str, path: Path | None, snapshot: Snapshot, run_id: str) -> Path:
    if path is not None and not path.is_dir():
        target = path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)
        if not _is_written(target, text):
            raise AlreadyExistsError(f"{target} is there already and was left as it is; give another name.")
        return target
    known = notebook_path(snapshot)
    stem = f"{known.stem if known else 'notebook'}-{run_id[:8]}"
    folder = path or folder_of(snapshot) or Path.cwd()
    names = (f"{stem}{SUFFIX}" if number == 1 else f"{stem}-{number}{SUFFIX}" for number in count(1))
    return next(folder / name for name in names if _is_written(folder / name, text))


def _is_written(target: Path, text: str) -> bool:
    """Write a new file; False when there is one."""
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError as error:
        raise InvalidParameterError(f"{target} cannot be written: {error.strerror}. Give another place.") from None
    return True


def _sign(path: Path) -> None:
    import nbformat  # over a second to import, and only needed here
    from nbformat.sign import NotebookNotary  # as above

    NotebookNotary().sign(nbformat.read(path, as_version=4))
