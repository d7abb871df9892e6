"""Imports from TensorBoard: a folder of event files, as TensorFlow, Keras, PyTorch and tensorboardX write them."""

from __future__ import annotations

import os
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.exceptions import MissingLibraryError, NotFoundError
from mltrack.importers.destination import destination
from mltrack.importers.foreign_files import is_file
from mltrack.importers.transfer import Choices, Transfer
from mltrack.keys import PARENT_TAG
from mltrack.store.foreign import ForeignExperiment, ForeignRun, ForeignStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mltrack.importers.summary import ImportSummary
    from mltrack.store.protocol import Store

EVENTS = "tfevents"  # in the name of every event file


def import_tensorboard(
    path: str | Path,
    *,
    experiment: str | None = None,
    store: Store | str | Path | None = None,
    say: Callable[[str], object] | None = None,
) -> ImportSummary:
    """Import a folder of TensorBoard's event files; each folder in it that has some becomes a run.

    Scalars become metrics, the hyperparameters of the hparams plugin params, texts files below ``text/``; images,
    histograms and graphs are counted as skipped. A run is named as its folder, and is a child of the run in the folder
    above. Its id follows from its path below ``path`` and its first event, so that importing again, as while a training
    goes on, adds only what is new.

    Parameters
    ----------
    path
        The folder that ``tensorboard --logdir`` is given.
    experiment
        The experiment's name; default: the folder's.
    store
        The store to import into, or its URI; default: the one in use.
    say
        Called with a line about the progress, at most once a second.

    Raises
    ------
    NotFoundError
        There is no event file in the folder.
    MissingLibraryError
        The library tensorboard is not installed.
    """
    root = Path(path).expanduser().absolute()
    folders = event_folders(root)
    if not folders:
        raise NotFoundError(f"There is no event file of TensorBoard's (…{EVENTS}…) in {root} or below.")
    source = EventFolders(root, folders, experiment or root.name or "tensorboard")
    with destination(store) as chosen:
        return Transfer(source, chosen, places=None, choices=Choices(say=say)).run()


def event_folders(root: Path) -> dict[Path, list[Path]]:
    """Give the folders that have event files, parents first, with the files in the order of their names."""
    found = {}
    for parent, folders, files in os.walk(root, followlinks=False):
        folders.sort()
        events = [Path(parent) / name for name in sorted(files) if EVENTS in name]
        if events := [file for file in events if is_file(file)]:
            found[Path(parent)] = events
    return found


class EventFolders(ForeignStore):
    """The runs that a folder of event files holds, as one experiment."""

    def __init__(self, root: Path, folders: Mapping[Path, list[Path]], experiment: str) -> None:
        try:
            from mltrack.importers.events import EventLog  # TensorBoard, half a second, and an extra
        except ImportError as error:
            raise MissingLibraryError(
                "Event files are read with the library tensorboard, which is not installed: "
                "`pip install 'jupyter-mltrack[tensorboard]'`."
            ) from error
        self.base = root
        self.description = f"the TensorBoard folder {root}"
        self._log = EventLog
        self._folders = folders
        self._experiment = experiment
        self._ids: dict[Path, str] = {}
        self._skipped: Counter[str] = Counter()

    def experiments(self) -> Iterator[ForeignExperiment]:
        """Give the one experiment, which has no number of its own."""
        yield ForeignExperiment("", self._experiment)

    def count_runs(self) -> int:
        """Say how many folders have event files."""
        return len(self._folders)

    def skipped(self) -> Mapping[str, int]:
        """Say how many images, histograms and the like there are."""
        return self._skipped

    def runs(self, experiment: ForeignExperiment) -> Iterator[ForeignRun]:  # noqa: ARG002 - there is one
        """Give a run for each folder, parents first."""
        for folder, files in self._folders.items():
            log = self._log()
            for file in files:
                try:
                    log.read(file)
                except OSError:
                    self._skipped["event files that could not be read"] += 1
            self._skipped.update(log.left_out)
            if log.first_wall_time is None:
                self._skipped["event files without an event"] += len(files)
                continue
            name = folder.relative_to(self.base).as_posix()
            run_id = sha256(f"{name}\0{log.first_wall_time!r}".encode()).hexdigest()[:32]
            self._ids[folder] = run_id
            yield ForeignRun(
                run_id,
                self.base.name if name == "." else name,
                status=log.status,
                started_at=log.started_at,
                ended_at=None if log.status == "RUNNING" else log.ended_at,
                params=log.params(),
                tags=self._parent_tag(folder),
                points=log.points(),
                files=log.files(),
            )

    def _parent_tag(self, folder: Path) -> list[tuple[str, str]]:
        parent = next((self._ids[above] for above in folder.parents if above in self._ids), None)
        return [(PARENT_TAG, parent)] if parent else []
