"""What is kept of a run on an MLflow server beside what its wire knows: JSON files among its artifacts."""

from __future__ import annotations

import gzip
import io
import json
import threading
import time
import zlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import MltrackError, NotFoundError, StoreFormatError
from mltrack.rest.foreign_queue import Queue
from mltrack.store.artifacts import safe_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.store.protocol import Store

FOLDER = "mltrack"
"""Where in a run's artifacts they are."""
MOST_BYTES = 64 << 20
"""Bytes of the largest one that is read, as it is sent and unpacked."""
_KEPT_BYTES = 64 << 20
_FRESH_SECONDS = 10.0
_SEND_SECONDS = 10.0


class Documents:
    """Writes them in the background and remembers them, so that this process reads what it wrote at once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue = Queue()
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], tuple[bytes | None, float]] = OrderedDict()
        self._size = 0
        self._claimed: set[str] = set()

    @property
    def queue(self) -> Queue:
        """Where writes wait that nobody waits for."""
        return self._queue

    def put(self, run_id: str, name: str, value: Any) -> None:
        """Keep a JSON value under a name, which ends in ``.json`` or ``.json.gz``, over what was there."""
        content = _packed(name, value)
        self._remember(run_id, name, content, until=float("inf"))
        self._queue.submit((run_id, name), lambda: self._send(run_id, name, content))

    def change(self, run_id: str, name: str, work: Callable[[Any], Any]) -> None:
        """Read what is kept under a name (None: nothing), and keep what ``work`` makes of it."""
        self.put(run_id, name, work(self.get(run_id, name)))

    def get(self, run_id: str, name: str) -> Any:
        """Give what is kept under a name, or None.

        Raises
        ------
        StoreFormatError
            When the file is no JSON, or too large.
        """
        with self._lock:
            found = self._known.get((run_id, name))
        if found is not None and found[1] > time.monotonic():
            content = found[0]
        elif found is None and run_id in self._claimed:
            return None
        else:
            content = self._fetch(run_id, name)
            self._remember(run_id, name, content, until=time.monotonic() + _FRESH_SECONDS)
        return None if content is None else _unpacked(name, content)

    def claim(self, run_id: str) -> None:
        """Say that this process made a run, so that nothing of it is asked for that was not written here."""
        self._claimed.add(run_id)

    def is_claimed(self, run_id: str) -> bool:
        """Say whether this process made a run."""
        return run_id in self._claimed

    def forget_parent(self) -> None:
        """In a forked child: no lock is held by a thread that is here; the queue sees to itself."""
        self._lock = threading.Lock()

    def _send(self, run_id: str, name: str, content: bytes) -> None:
        folder = self._store.artifact_folder(run_id)
        folder.put(safe_path(f"{FOLDER}/{name}"), io.BytesIO(content))

    def _fetch(self, run_id: str, name: str) -> bytes | None:
        try:
            with self._store.artifact_folder(run_id).open(safe_path(f"{FOLDER}/{name}")) as reader:
                content = reader.read(MOST_BYTES + 1)
                while len(content) <= MOST_BYTES and (more := reader.read(MOST_BYTES + 1 - len(content))):
                    content += more
        except NotFoundError:
            return None
        if len(content) > MOST_BYTES:
            raise _no_document(name)
        return content

    def _remember(self, run_id: str, name: str, content: bytes | None, *, until: float) -> None:
        with self._lock:
            old = self._known.pop((run_id, name), None)
            self._size += len(content or b"") - len((old[0] if old else None) or b"")
            self._known[run_id, name] = (content, until)
            while self._size > _KEPT_BYTES and len(self._known) > 1:
                _, (gone, _) = self._known.popitem(last=False)
                self._size -= len(gone or b"")


def _packed(name: str, value: Any) -> bytes:
    content = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()
    return gzip.compress(content, 6, mtime=0) if name.endswith(".gz") else content


def _unpacked(name: str, content: bytes) -> Any:
    try:
        if name.endswith(".gz"):
            reader = zlib.decompressobj(wbits=31)
            content = reader.decompress(content, MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                raise _no_document(name)
        return json.loads(content)
    except (ValueError, RecursionError, zlib.error):
        raise _no_document(name) from None


def _no_document(name: str) -> MltrackError:
    return StoreFormatError(f"The artifact {FOLDER}/{name} of a run is not what mltrack writes; it was not used.")
