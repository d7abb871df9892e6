"""``mltrack doctor``: the SQLite library, the store and its log, open runs, and the environment, each in one line."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack import __version__, config, settings
from mltrack.exceptions import MltrackError
from mltrack.plain_text import printable
from mltrack.sizes import human_size
from mltrack.store.connection import sqlite3
from mltrack.store.inspection import inspect_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAL_RESET_FIXED = (3, 51, 3)
WAL_RESET_BEGAN = (3, 7, 0)
_SERVER_SECONDS = 10.0
LARGE_LOG_BYTES = 64_000_000
PACKAGES = ("jupyterlab", "ipykernel", "ipython", "ipywidgets", "anywidget", "pandas", "altair", "sqlite-utils")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; ``good`` is None for what is neither good nor bad."""

    text: str
    good: bool | None = True


def examine() -> list[Finding]:
    """Check everything; nothing is changed but runs of dead processes, which any reader marks KILLED."""
    return [*_library(), *_store(), *_environment()]


def has_reset_race(version: tuple[int, ...]) -> bool:
    """Say whether a version of SQLite may corrupt a file in WAL mode that several connections write.

    Source: the release notes of SQLite 3.51.3, which fixed what 3.7.0 brought.
    """
    return WAL_RESET_BEGAN <= version < WAL_RESET_FIXED


def _library() -> Iterator[Finding]:
    name = "pysqlite3" if "pysqlite3" in sqlite3.__name__ else "Python's own"
    version = tuple(int(part) for part in sqlite3.sqlite_version.split("."))
    if has_reset_race(version):
        yield Finding(
            f"SQLite {sqlite3.sqlite_version} ({name}) has the WAL-reset race: several kernels writing one store may "
            "damage it. Install pysqlite3 (`pip install pysqlite3`), or a Python with SQLite 3.51.3 or newer.",
            good=False,
        )
    else:
        yield Finding(f"SQLite {sqlite3.sqlite_version} ({name}) has the fix of the WAL-reset race")


def _store() -> Iterator[Finding]:
    uri = settings.get_tracking_uri()
    if config.is_file(uri):
        yield from _file(config.store_path(uri))
    elif config.is_server(uri):
        yield from _server(uri)
    else:
        yield from _database(uri)
    yield from _waiting()


def _server(uri: str) -> Iterator[Finding]:
    """Say what server it is, whether it answers, and to whom."""
    from mltrack.rest.transport import Transport  # brings urllib3 along, which local stores do without

    place = config.shown_uri(uri)
    try:
        transport = Transport(uri)
        kind = transport.describe(timeout=_SERVER_SECONDS)
        transport.call("POST", "experiments/search", body={"max_results": 1}, timeout=_SERVER_SECONDS)
    except MltrackError as error:
        yield Finding(str(error), good=False)
        return
    yield Finding(f"server {place}: {printable(kind)[:120]}, it answers")
    has_no_tls = uri.startswith("http://") and not transport.address.is_here
    if has_no_tls and transport.address.authorization:
        yield Finding(f"{place} is asked without TLS: others on the way can read who asks. Use https://", good=None)


def _database(uri: str) -> Iterator[Finding]:
    try:
        runs = settings.get_store().count_runs()
    except MltrackError as error:
        yield Finding(str(error), good=False)
        return
    yield Finding(f"database {config.shown_uri(uri)}: {runs} runs")


def _waiting() -> Iterator[Finding]:
    """Say what could not be sent to servers yet."""
    from mltrack.rest.syncing import spool_status  # reads what waits for servers, which most users have none of

    for each in spool_status():
        owner = f"process {each.process} sends it" if each.process else "`mltrack sync` sends it"
        told = str(each.amount) or "something damaged"
        yield Finding(f"still to be sent to {config.shown_uri(each.server)}: {told}; {owner}", good=None)


def _file(path: Path) -> Iterator[Finding]:
    if not path.exists():
        yield Finding(f"no store yet; it would be {path}", good=None)
        return
    try:
        store = settings.get_store()
        report = inspect_store(path)
        count = store.count_runs()
    except MltrackError as error:
        yield Finding(str(error), good=False)
        return
    yield Finding(f"store {path}: schema {report.schema}, {count} runs, {human_size(report.file_bytes)}")
    yield Finding(f"integrity: {report.integrity}", good=report.integrity == "ok")
    large = report.log_bytes > LARGE_LOG_BYTES
    held = "; a reader may be holding it" if large else ""
    yield Finding(f"write-ahead log: {human_size(report.log_bytes)}{held}", good=not large)
    free = _free_bytes(path.parent)
    yield Finding(f"free on its disk: {human_size(free)}", good=free > 100_000_000)
    for run in report.open_runs:
        yield Finding(f"open run {run.name} ({run.run_id}), process {run.process}", good=None)
    if not report.open_runs:
        yield Finding("no open runs")


def _environment() -> Iterator[Finding]:
    yield Finding(f"mltrack {__version__}, Python {platform.python_version()} at {sys.executable}", good=None)
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            yield Finding(f"{name} is not installed; `pip install jupyter-mltrack` brings it", good=False)
    yield Finding(", ".join(found), good=None)
    for variable in config.VARIABLES:
        if value := variable.get():
            shown = "[masked]" if variable.is_secret else config.shown_uri(value)
            yield Finding(f"{variable.name}={shown}: {variable.meaning}", good=None)


def _free_bytes(folder: Path) -> int:
    status = os.statvfs(folder) if hasattr(os, "statvfs") else None
    return status.f_bavail * status.f_frsize if status else sys.maxsize
