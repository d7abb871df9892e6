"""Moving files between folders, several at a time where that is quicker."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mltrack.store.artifact_folder import ArtifactFolder, FileRecord, Watch
    from mltrack.store.artifacts import SafePath


@dataclass(frozen=True, slots=True)
class Transfer:
    """One file's way: which it is in the source, which it becomes, and what it must turn out to be."""

    path: SafePath
    target: SafePath
    expected: FileRecord | None = None


def copy_files(
    source: ArtifactFolder, target: ArtifactFolder, transfers: Sequence[Transfer], *, watch: Watch
) -> Iterator[tuple[SafePath, FileRecord]]:
    """Copy files from one folder to another and give the record of each when it is in place.

    The first error ends it; what is under way in other threads is dropped.
    """
    workers = min(max(source.parallel, target.parallel), len(transfers))
    if workers <= 1:
        for each in transfers:
            yield each.target, _copy(source, target, each, watch)
        return
    stopped = threading.Event()

    def tell(count: int) -> None:
        if stopped.is_set():
            raise InterruptedError("another file of the same transfer failed")
        watch(count)

    pool = ThreadPoolExecutor(workers, thread_name_prefix="mltrack-artifacts")
    try:
        under_way = {pool.submit(_copy, source, target, each, tell): each for each in transfers}
        for done in as_completed(under_way):
            yield under_way[done].target, done.result()
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)


def _copy(source: ArtifactFolder, target: ArtifactFolder, transfer: Transfer, watch: Watch) -> FileRecord:
    with source.open(transfer.path) as reader:
        return target.put(transfer.target, reader, expected=transfer.expected, watch=watch)
