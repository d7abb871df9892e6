"""The store in a PostgreSQL database, which any number of processes on any machines share."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.config import ARTIFACT_FOLDER
from mltrack.store import liveness
from mltrack.store.artifacts import artifact_place, is_remote
from mltrack.store.base import now_ms
from mltrack.store.locator import Locator
from mltrack.store.points import MetricKeys
from mltrack.store.postgres.curves import read_curves
from mltrack.store.postgres.groups import PostgresGroupReader
from mltrack.store.postgres.opening import open_database
from mltrack.store.postgres.uri import libpq_uri
from mltrack.store.sql_store import SqlStore

if TYPE_CHECKING:
    from mltrack.store.postgres.connection import PostgresConnection
    from mltrack.store.protocol import GarbageReport, GarbageSelection
    from mltrack.store.summaries import Curve, CurveQuery


class PostgresStore(SqlStore):
    """A store in a PostgreSQL database; usable from any thread, and from a forked child.

    Parameters
    ----------
    uri
        ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``. The database must be there; its tables are made.
    artifact_root
        Where the artifacts of new experiments go: a path, or a URI such as ``s3://bucket``. Default: the folder
        ``mlartifacts`` in the working folder. Experiments keep the place that they were made with.

    Raises
    ------
    StoreError
        When the database cannot be used; it is then left as it is.
    """

    _group_reader = PostgresGroupReader
    _dead_runs = staticmethod(partial(liveness.dead_runs, is_shared=True))

    def __init__(self, uri: str, *, artifact_root: str | None = None) -> None:
        self.uri = uri
        libpq_uri(uri)
        self._artifact_root = _absolute(artifact_root)
        self._database = open_database(uri, self._artifact_root, now=now_ms())  # type: ignore[assignment]
        self._keys = MetricKeys()

    def keep_artifacts_at(self, root: str) -> None:
        """Let the artifacts of new experiments, and of those without runs and models, go below a root."""
        self._artifact_root = root
        if not self.is_read_only:
            self._database.write(_move_unused, root)

    def metric_curves(self, wanted: CurveQuery) -> list[Curve]:
        """Give metrics of runs as curves, by the order of runs and keys asked for.

        What is not there is left out: unknown and deleted runs, names, series without a point in the range.
        """
        return self._database.read(read_curves, wanted)

    def version(self) -> tuple[int, int, int]:
        """Give what is another value once something was written, by whomever; equal ones mean that nothing was.

        Other databases of the same server make it another value, too: it says which transactions are over.
        """
        return self._database.read(_version)

    def collect_garbage(self, selection: GarbageSelection) -> GarbageReport:
        """Remove for good what was deleted; see ``SqliteUpkeep``. The room is for what comes: autovacuum finds it."""
        report = super().collect_garbage(selection)
        self._database.write(_forget_writes)
        return report

    def _has_gaps(self) -> bool:
        return False

    def _return_space(self, problems: list[str]) -> int:  # noqa: ARG002 - as SQLite's
        return 0

    @property
    def _locate(self) -> Locator:
        """Makes a place absolute: one that is relative is below the folder that has ``mlartifacts``."""
        return Locator(str(Path(self._artifact_root).parent), self._served)


def _absolute(root: str | None) -> str:
    place = ARTIFACT_FOLDER if root is None else artifact_place(root)
    return place if is_remote(place) else str(Path(place).absolute())


def _version(connection: PostgresConnection) -> tuple[int, int, int]:
    (snapshot,) = connection.ask("SELECT txid_current_snapshot()::text")[0]
    low, high, running = str(snapshot).split(":")
    return int(low), int(high), hash(running)


def _forget_writes(connection: PostgresConnection) -> None:
    """Forget the last writes of connections that were closed long ago."""
    connection.execute("DELETE FROM mltrack_writes WHERE at < now() - interval '1 day'")


def _move_unused(connection: PostgresConnection, root: str) -> None:
    """Move the places that whoever made the store or an experiment had for them, on whichever machine that was."""
    connection.execute(
        "UPDATE experiments SET artifact_location = ? || '/' || id"
        f" WHERE artifact_location LIKE '/%/{ARTIFACT_FOLDER}/' || id"
        " AND NOT EXISTS (SELECT 1 FROM runs WHERE experiment_id = experiments.id)"
        " AND NOT EXISTS (SELECT 1 FROM logged_models WHERE experiment_id = experiments.id)",
        (root,),
    )
