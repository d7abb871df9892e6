"""The artifacts of a store copied to another place, each checked by its digest; what is there already is not sent."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.exceptions import ArtifactChangedError, NotFoundError
from mltrack.sizes import human_size
from mltrack.store.artifact_folder import FileRecord, files_in, read_record
from mltrack.store.artifact_kinds import open_folder
from mltrack.store.artifacts import is_remote, safe_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from sqlite3 import Connection

    from mltrack.store.artifact_folder import ArtifactFolder
    from mltrack.store.moved_rows import MovedRows

_OWNERS = (
    ("runs", "", "artifacts", "run_id"),
    ("logged_models", "models/", "logged_model_files", "model_id"),
)
_MOST_NOTES = 20
_TELL_SECONDS = 2.0


@dataclass(slots=True)
class MovedFiles:
    """How many files were sent, with their bytes, how many were there already, and what is wrong with others."""

    sent: int = 0
    size: int = 0
    there: int = 0
    problems: tuple[str, ...] = ()


def move_files(source: Connection, rows: MovedRows, say: Callable[[str], object]) -> MovedFiles:
    """Copy the files of all runs and logged models whose artifacts lie on this machine."""
    done, problems, told = MovedFiles(), [], time.monotonic()
    for kind, below, records, owner in _OWNERS:
        query = (
            f"SELECT o.id, o.uuid, o.artifact_place, e.id, e.artifact_location FROM {kind} o"
            " JOIN experiments e ON e.id = o.experiment_id ORDER BY o.id"
        )
        for number, name, own, experiment, place in source.execute(query).fetchall():
            old = rows.absolute(f"{place}/{below}{name}/artifacts" if own is None else own)
            if is_remote(old):
                continue
            new = f"{rows.experiment_place(place, experiment)}/{below}{name}/artifacts"
            known = dict(_records(source, f"SELECT path, size, digest FROM {records} WHERE {owner} = ?", number))
            problems += _move_folder(open_folder(old), open_folder(new), known, done)
            if time.monotonic() > told + _TELL_SECONDS:
                told = time.monotonic()
                say(f"artifacts: {human_size(done.size)} copied")
    done.problems = tuple(problems[:_MOST_NOTES])
    return done


def _records(source: Connection, query: str, number: int) -> Iterator[tuple[str, FileRecord]]:
    for path, size, digest in source.execute(query, (number,)):
        yield path, FileRecord(size, digest)


def _move_folder(old: ArtifactFolder, new: ArtifactFolder, known: dict[str, FileRecord], done: MovedFiles) -> list[str]:
    problems = []
    there = {each.path: each.file_size for each in files_in(new)}
    for each in files_in(old):
        path, expected = safe_path(each.path), known.pop(each.path, None)
        if there.get(each.path) == each.file_size and _is_same(new, each.path, expected or read_record(old, path)):
            done.there += 1
            continue
        try:
            with old.open(path) as reader:
                record = new.put(path, reader, expected=expected)
        except (ArtifactChangedError, NotFoundError) as error:
            problems.append(str(error))
            continue
        done.sent += 1
        done.size += record.size
    return problems + [f"The artifact {path!r} of {old.uri} is not there." for path in known]


def _is_same(folder: ArtifactFolder, path: str, record: FileRecord) -> bool:
    with suppress(ArtifactChangedError, NotFoundError):
        read_record(folder, safe_path(path), record)
        return True
    return False
