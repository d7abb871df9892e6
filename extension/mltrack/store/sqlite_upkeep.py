"""The upkeep of an SQLite store: removing for good what was deleted, what an interrupt left open, and closing."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.exceptions import MltrackError, StoreError
from mltrack.store import garbage
from mltrack.store.artifact_kinds import open_folder
from mltrack.store.artifacts import is_remote
from mltrack.store.base import SqlitePart, now_ms
from mltrack.store.compaction import compact
from mltrack.store.fork_gate import gate
from mltrack.store.protocol import GarbageReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from sqlite3 import Connection

    from mltrack.store.garbage import Doomed
    from mltrack.store.protocol import GarbageSelection

RUNS_AT_ONCE = 100


class SqliteUpkeep(SqlitePart):
    """Keeps the file and its connections in order."""

    def collect_garbage(self, selection: GarbageSelection) -> GarbageReport:
        """Remove for good what was deleted, with its artifacts and what nothing refers to, and return the space.

        A kill in the middle leaves rows that are found: the next call goes on. Runs and experiments that are being
        removed can no more be restored.

        Raises
        ------
        NotFoundError, InvalidParameterError
            When a run or experiment that was named is not there, is not deleted, or not for long enough.
        """
        chosen = self._database.write_durably(garbage.choose, selection, now_ms(), self._locate)
        problems: list[str] = []
        runs = freed = experiments = 0
        for start in range(0, len(chosen.runs), RUNS_AT_ONCE):
            batch = _without_files(chosen.runs[start : start + RUNS_AT_ONCE], problems)
            removed, size = self._remove_runs([run.number for run in batch])
            runs, freed = runs + removed, freed + size
        gone = [model.number for model in _without_files(chosen.models, problems)]
        models, size = self._database.write_durably(garbage.remove_models, gone)
        freed += size
        for experiment in chosen.experiments:
            if experiment.is_ours:
                _remove_empty(f"{experiment.uri}/models", experiment.uri)
            experiments += self._database.write_durably(garbage.remove_experiment, experiment.number)
        self._database.write(garbage.remove_loose_ends)
        blobs = self._remove_blobs()
        is_needed = bool(runs or experiments or models or blobs) or self._has_gaps()
        freed += self._return_space(problems) if is_needed else 0
        return GarbageReport(runs, experiments, blobs, freed, tuple(problems), models)

    def _remove_runs(self, numbers: Sequence[int]) -> tuple[int, int]:
        while self._database.write(garbage.remove_points, numbers):
            pass
        return self._database.write_durably(garbage.remove_runs, numbers)

    def _remove_blobs(self) -> int:
        seen: dict[int, set[bytes]] = {}
        self._database.read(garbage.read_manifests, seen)  # before the write lock is taken: there may be many
        count = last = 0
        while dead := self._database.write(garbage.remove_blobs, seen, last):
            count, last = count + len(dead), dead[-1]
        return count

    def _has_gaps(self) -> bool:
        return self._database.read(garbage.has_gaps)

    def _return_space(self, problems: list[str]) -> int:
        try:
            return compact(self.path).bytes_returned
        except StoreError as error:  # it is free inside the file, and used for what comes
            problems.append(f"The file could not be made smaller yet: {error}")
            return 0

    def version(self) -> tuple[int, int, int]:
        """Give what is another value once something was written, by whomever; equal ones mean that nothing was.

        SQLite's ``data_version`` counts what other connections wrote, ``total_changes`` what this thread's did; after
        a fork both begin anew.
        """
        return self._database.read(_version)

    def roll_back(self) -> None:
        """End a transaction that an interrupt left open on this thread, if there is one."""
        self._database.roll_back()

    def close(self) -> None:
        """Close this thread's connection; the next call opens another."""
        self._database.close()


def _version(connection: Connection) -> tuple[int, int, int]:
    written = int(connection.execute("PRAGMA data_version").fetchone()[0])
    return gate.generation, written, connection.total_changes


def _without_files(doomed: Iterable[Doomed], problems: list[str]) -> list[Doomed]:
    """Delete the artifacts of runs or models; gives those that have none any more."""
    done = []
    for each in doomed:
        try:
            if each.is_ours:
                open_folder(each.uri).delete()
                _remove_empty(each.uri.removesuffix("/artifacts"))
        except (MltrackError, OSError) as error:
            problems.append(f"The artifacts of {each.name} at {each.uri} could not be removed: {error}")
        else:
            done.append(each)
    return done


def _remove_empty(*places: str) -> None:
    for place in places:
        if not is_remote(place):
            with suppress(OSError):  # not empty, or not there
                Path(place).rmdir()
