"""A run's snapshot: what the kernel has executed, saved when the cell ends, completed once its outputs are in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mltrack.entities import RunTag
from mltrack.exceptions import MissingCellsError
from mltrack.keys import GIT_BRANCH_TAG, GIT_COMMIT_TAG, GIT_DIRTY_TAG, SOURCE_NAME_TAG
from mltrack.store.notebooks import SnapshotWrite
from mltrack_magics.environment import read_environment
from mltrack_magics.notebook_file import NotebookFile, find_notebook, make_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from mltrack.store.notebooks import Blob
    from mltrack.store.protocol import Store
    from mltrack_magics.environment import GitState
    from mltrack_magics.recorder import Executed, Recorder

FROM_HISTORY = "IPython's history, which keeps no streams of cells that ran outside a kernel"
FROM_KERNEL = "the kernel's messages; the notebook's file is not known here"
FROM_KERNEL_AND_FILE = "the kernel's messages, in the order of the notebook's file"


class Snapshots:
    """Saves snapshots of one kernel.

    Parameters
    ----------
    recorder
        What the kernel has executed.
    namespace
        The user's names, where VS Code says which notebook it is.
    connection_file
        The kernel's, or None in plain IPython.
    listening
        Whether outputs come from the kernel's messages.
    """

    def __init__(
        self, recorder: Recorder, namespace: Mapping[str, Any], *, connection_file: str | None, listening: bool
    ) -> None:
        self._recorder = recorder
        self._namespace = namespace
        self._connection_file = connection_file
        self._listening = listening
        self._file = NotebookFile()
        self.path: Path | None = None

    def save(self, store: Store, run_id: str, executed: Executed, *, cell_key: str) -> None:
        """Save what is known when the cell ends."""
        self._write(store, run_id, executed, (cell_key, FROM_KERNEL if self._listening else FROM_HISTORY))

    def complete(self, store: Store, run_id: str, executed: Executed, *, cell_key: str) -> None:
        """Save what came later, and the notebook file's cells, where the file is known and readable."""
        from mltrack.rerunning.seals import set_seal  # with hmac and secrets, in the background, when a run has ended

        self._complete(store, run_id, executed, cell_key=cell_key)
        set_seal(store, run_id, self._recorder.ran(executed.seq))

    def _complete(self, store: Store, run_id: str, executed: Executed, *, cell_key: str) -> None:
        self.find_file()
        document = self._file.read(self.path) if self.path else None
        if document is None or self.path is None:
            self.save(store, run_id, executed, cell_key=cell_key)
            return
        manifest = make_manifest(document, self.path, executed=self._recorder.has_run, saved_at=self._file.saved_at)
        self._write(store, run_id, executed, (cell_key, FROM_KERNEL_AND_FILE), manifest=manifest)
        store.log_batch(run_id, tags=[RunTag(SOURCE_NAME_TAG, str(self.path))])

    def find_file(self) -> None:
        """Look up where the notebook's file is now."""
        self.path = find_notebook(self._namespace, self._connection_file)

    def _write(
        self,
        store: Store,
        run_id: str,
        executed: Executed,
        named: tuple[str, str],
        *,
        manifest: tuple[Blob, tuple[Blob, ...]] | None = None,
    ) -> None:
        recorder = self._recorder
        write = SnapshotWrite(
            session=recorder.session,
            seq=executed.seq,
            cell_key=named[0],
            how=named[1],
            manifest=manifest[0] if manifest else None,
            manifest_blobs=manifest[1] if manifest else (),
        )
        with recorder.saving:
            try:
                self._send(store, run_id, write)
            except MissingCellsError:  # those of deleted runs were removed for good, and this kernel ran them
                recorder.forget_written(store.uri)
                self._send(store, run_id, write)

    def _send(self, store: Store, run_id: str, write: SnapshotWrite) -> None:
        items = self._recorder.unwritten(store.uri)
        store.save_snapshot(run_id, replace(write, executions=[item[2] for item in items]))
        self._recorder.mark_written(store.uri, items)


def save_surroundings(store: Store, run_id: str, git: GitState | None) -> None:
    """Save the environment a run had, and the git state it began with."""
    store.set_environment(run_id, read_environment())
    if git is not None:
        values = {GIT_COMMIT_TAG: git.commit, GIT_BRANCH_TAG: git.branch, GIT_DIRTY_TAG: str(git.dirty).lower()}
        store.log_batch(run_id, tags=[RunTag(key, value) for key, value in values.items() if value])
