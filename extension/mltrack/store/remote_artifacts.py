"""Artifacts in object stores and in memory, through fsspec.

A file goes straight to its own name: a PUT, and a multipart upload once it is completed, appear whole or not at all, in
S3, Google Cloud Storage and Azure alike. A temporary name, a copy on the server and a delete would cost three requests
for one, end at 5 GB in S3, and leave more behind when the process is killed: now that is parts without a name, which
``sweep`` and ``delete`` abort on S3 and the other two throw away after a week.

Names go to fsspec's calls for single files only; its recursive ones would read ``*``, ``?`` and ``[`` as patterns.
"""

from __future__ import annotations

import io
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import fsspec
from fsspec.registry import known_implementations

from mltrack.entities import FileInfo
from mltrack.exceptions import (
    InvalidParameterError,
    MissingLibraryError,
    MltrackError,
    NotFoundError,
    StoreBusyError,
    StoreError,
    StoreReadOnlyError,
)
from mltrack.store.artifact_folder import BLOCK, FileRecord, Incoming
from mltrack.store.artifacts import below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mltrack.store.artifact_folder import StoredFile, Watch
    from mltrack.store.artifacts import SafePath

PART = 16 * 2**20
"""A file up to this size is one request; a larger one goes in parts of it."""
UNFINISHED_AGE = timedelta(days=1)
AZURE = ("abfs", "abfss", "az")
_EXTRAS = {"s3": "s3", "gs": "gcs", **dict.fromkeys(AZURE, "azure")}
# One layer tries again, the library's own: three tries of at most 15 s each, so that a call ends within a minute.
_TRIES = {"mode": "standard", "total_max_attempts": 3}
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {"config_kwargs": {"retries": _TRIES, "connect_timeout": 5, "read_timeout": 15}},
    "gs": {"version_aware": False},
}
_PASSING_STATUS = (408, 429)
_PASSING = re.compile("Timeout|Connect|Disconnect|SlowDown")


class RemoteFolder:
    """A folder below a bucket or container; credentials come from where the cloud's library looks for them.

    Raises
    ------
    MissingLibraryError
        When that library is not installed.
    """

    parallel = 16

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._scheme = uri.partition("://")[0]
        self._files = _file_system(uri)
        self._root = str(self._files._strip_protocol(uri)).rstrip("/")

    def put(
        self, path: SafePath, source: BinaryIO, *, expected: FileRecord | None = None, watch: Watch | None = None
    ) -> FileRecord:
        """Keep all that can be read from ``source``, whole or not at all; see ``ArtifactFolder``."""
        with self._translated(path), self.receive(path, expected=expected, watch=watch) as incoming:
            while block := source.read(BLOCK):
                incoming.write(block)
        return incoming.record

    @contextmanager
    def receive(
        self, path: SafePath, *, expected: FileRecord | None = None, watch: Watch | None = None
    ) -> Iterator[Incoming]:
        """Keep what is written in the block, whole at its end or not at all; see ``ArtifactFolder``."""
        key = self._key(path)
        most = sys.maxsize if self._scheme == "memory" else PART  # there, a file shows from its first byte on
        with ExitStack() as opened:
            parts = _Parts(lambda: opened.enter_context(self._upload(path)), most)

            def add(block: bytes) -> None:
                with self._translated(path):
                    parts.add(block)

            incoming = Incoming(add, watch)
            yield incoming
            incoming.check(path, expected)
            with self._translated(path):
                if parts.target is not None:
                    parts.send()
                    return
                if self._scheme == "memory" and self._files.isdir(key):  # and what is in it would no longer be found
                    raise InvalidParameterError(f"The artifact path {path.text!r} is a folder of this run already.")
                self._files.pipe_file(key, parts.take())

    def put_linked(self, path: SafePath, stored: StoredFile) -> FileRecord:
        """Keep a file that is stored already; object stores know no second names, so that it is sent again."""
        with stored.folder.open(stored.path) as reader:
            return self.put(path, reader, expected=stored.record)

    @contextmanager
    def open(self, path: SafePath) -> Iterator[BinaryIO]:
        """Open a file for reading; NotFoundError when there is none."""
        with self._translated(path):
            try:
                reader = self._files.open(self._key(path), "rb", block_size=PART)
                is_file = getattr(reader, "details", {}).get("type", "file") == "file"
            except (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError):
                is_file = False
        if not is_file:
            raise NotFoundError(f"There is no artifact {path.text!r} in {self.uri}.")
        with reader:
            yield cast(BinaryIO, _Reader(reader, lambda: self._translated(path)))

    def entries(self, path: SafePath | None = None) -> list[FileInfo]:
        """Give the files and folders of one level; see ``ArtifactFolder``."""
        start = self._key(path) + "/"
        with self._translated(path):
            try:
                listed = self._files.ls(start.rstrip("/"), detail=True, refresh=True)
            except (FileNotFoundError, NotADirectoryError):
                return []
        found = {}
        for each in listed:
            if each["name"].startswith(start):  # a file is listed as itself
                with suppress(InvalidParameterError):  # a name that no artifact may have
                    info = _info(below(path, each["name"].removeprefix(start)), each)
                    found[info.path, info.is_dir] = info
        return [found[key] for key in sorted(found)]

    def remove(self, path: SafePath) -> None:
        """Remove a file, or a folder and all in it; see ``ArtifactFolder``."""
        key = self._key(path)
        with self._translated(path):
            try:
                names = self._files.find(key)
            except FileNotFoundError:
                names = []
            found = [name for name in names if name == key or name.startswith(f"{key}/")]
            for _ in _at_once(self._remove, found, self.parallel):
                pass
        if not found:
            raise NotFoundError(f"There is no artifact {path.text!r} in {self.uri}.")

    def delete(self) -> None:
        """Remove everything below the root.

        Raises
        ------
        InvalidParameterError
            For a bucket, container or its first folder: no run's artifacts lie there.
        """
        if self._root.strip("/").count("/") < 2:
            raise InvalidParameterError(f"{self.uri} is too much to delete; remove what is in it by hand.")
        self._abort_uploads(before=None)
        with self._translated(None):
            try:
                names = self._files.find(self._root)
            except FileNotFoundError:
                names = []
            kept = [name for name in names if name.startswith(self._root + "/")]
            for _ in _at_once(self._remove, kept, self.parallel):
                pass

    def sweep(self) -> None:
        """Abort multipart uploads that were begun a day ago or earlier and never completed."""
        self._abort_uploads(before=datetime.now(UTC) - UNFINISHED_AGE)

    def local_path(self, path: SafePath | None = None) -> None:
        """Give None: the files are elsewhere."""

    def _key(self, path: SafePath | None) -> str:
        if path is None:
            return self._root
        forbidden = "#?" if self._scheme in AZURE else ()
        if "?versionid=" in path.text.lower() or any(each in path.text for each in forbidden):
            raise InvalidParameterError(f"{self._scheme}:// would read {path.text!r} as a version; rename the file.")
        return f"{self._root}/{path.text}"

    def _remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            if self._scheme == "s3" and name.endswith("/"):  # a folder's placeholder; s3fs before 2026 drops the slash
                bucket, _, key = name.partition("/")
                self._files.call_s3("delete_object", Bucket=bucket, Key=key)
            else:
                self._files.rm_file(name)

    @contextmanager
    def _upload(self, path: SafePath) -> Iterator[Any]:
        """Open a large file for writing; it appears when the block ends well, and its parts are dropped otherwise."""
        target = self._files.open(self._key(path), "wb", block_size=PART, autocommit=False)
        try:
            yield target
            with self._translated(path):
                target.close()
                target.commit()
        except BaseException:
            with suppress(Exception):  # what went wrong first is what is told
                target.discard()
            target.closed = True  # or it would be flushed when it is collected
            raise

    def _abort_uploads(self, *, before: datetime | None) -> None:
        if self._scheme != "s3":
            return
        bucket, _, key = self._root.partition("/")
        with self._translated(None), suppress(FileNotFoundError):
            found = self._files.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=f"{key}/")
            for each in found.get("Uploads", []):
                if before is None or each["Initiated"] < before:
                    arguments = {"Bucket": bucket, "Key": each["Key"], "UploadId": each["UploadId"]}
                    self._files.call_s3("abort_multipart_upload", **arguments)

    @contextmanager
    def _translated(self, path: SafePath | None) -> Iterator[None]:
        """Turn what the cloud's library raises into errors of ours, without its text: that may hold credentials."""
        try:
            yield
        except MltrackError:
            raise
        except Exception as error:
            _forget(self._files)
            place = f"{self.uri}/{path.text}" if path else self.uri
            raise _error_for(error, place) from None


class _Parts:
    """Gathers a file into parts; from the first whole one on they go to ``target``, which is opened for it."""

    def __init__(self, begin: Callable[[], Any], size: int) -> None:
        self._begin, self._most = begin, size
        self._blocks: list[bytes] = []
        self._size = 0
        self.target: Any = None

    def add(self, block: bytes) -> None:
        """Take the next bytes."""
        self._blocks.append(block)
        self._size += len(block)
        if self._size >= self._most:
            self.target = self.target or self._begin()
            self.send()

    def send(self) -> None:
        """Send what was gathered."""
        self.target.write(self.take())

    def take(self) -> bytes:
        """Give what was gathered since the last part."""
        content = b"".join(self._blocks)
        self._blocks, self._size = [], 0
        return content


class _Reader(io.RawIOBase):
    """Reads a remote file, with its errors translated."""

    def __init__(self, source: Any, translated: Callable[[], Any]) -> None:
        self._source, self._translated = source, translated

    def read(self, size: int = -1, /) -> bytes:
        """Read up to ``size`` bytes; all of them by default."""
        with self._translated():
            return bytes(self._source.read(size))


def check_library(uri: str) -> None:
    """Look whether the library for a remote folder is installed, without importing it.

    Raises
    ------
    MissingLibraryError
        When it is not.
    """
    scheme = uri.partition("://")[0]
    known = known_implementations.get(scheme, {})
    if known and find_spec(known["class"].partition(".")[0]) is None:
        raise _missing_library(scheme)


def _missing_library(scheme: str) -> MissingLibraryError:
    return MissingLibraryError(
        f"Artifacts at {scheme}:// need a library that is not installed: "
        f'`pip install "jupyter-mltrack[{_EXTRAS.get(scheme, "s3")}]"`.'
    )


def _file_system(uri: str) -> Any:
    scheme = uri.partition("://")[0]
    try:
        kind = fsspec.get_filesystem_class(scheme)
    except ImportError:
        raise _missing_library(scheme) from None
    options = {**kind._get_kwargs_from_urls(uri), **_OPTIONS.get(scheme, {})}
    if scheme == "s3":
        options["session"] = _s3_session()
    files = kind(use_listings_cache=False, **options)  # other processes write here too
    if scheme == "s3":
        files.retries = 1
    return files


@lru_cache(maxsize=1)
def _s3_session() -> Any:
    """Make botocore's session, with uploads that do not ask first: aiohttp waits for that answer without an end."""
    from aiobotocore.session import AioSession  # comes with s3fs, which may not be installed
    from botocore.handlers import add_expect_header

    session = AioSession()
    session.unregister("before-call.s3", add_expect_header)
    return session


def _forget(files: Any) -> None:
    """Look for credentials and places anew at the next try."""
    type(files).clear_instance_cache()
    _s3_session.cache_clear()


def _info(path: SafePath, entry: dict[str, Any]) -> FileInfo:
    if entry["type"] == "directory":
        return FileInfo(path.text, is_dir=True)
    return FileInfo(path.text, is_dir=False, file_size=int(entry["size"]))


def _at_once(work: Callable[[str], None], items: list[str], workers: int) -> Iterator[None]:
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(work, items)


def _error_for(error: Exception, place: str) -> MltrackError:
    status, code = _answer(error)
    what = type(error).__name__ + (f" {code}" if code else "") + (f", status {status}" if status else "")
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        return InvalidParameterError(f"A part of {place} is a file already.")
    if isinstance(error, FileNotFoundError) or status == 404:
        return NotFoundError(f"There is nothing at {place} ({what}).")
    if isinstance(error, PermissionError) or status in (401, 403) or "Credentials" in what:
        return StoreReadOnlyError(f"{place} was refused ({what}); check the credentials in this environment.")
    is_passing = status >= 500 or status in _PASSING_STATUS if status else bool(_PASSING.search(what))
    if is_passing or (status is None and isinstance(error, OSError)):
        return StoreBusyError(f"{place} could not be reached or did not answer well ({what}); try again later.")
    return StoreError(f"{place} could not be used ({what}).")


def _answer(error: BaseException) -> tuple[int | None, str]:
    """Find the HTTP status and the error's code in what boto, Google's and Azure's libraries raise."""
    for each in (error, error.__cause__):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            return status, str(response.get("Error", {}).get("Code", ""))[:60]
        for name in ("status_code", "code", "status"):
            if isinstance(status := getattr(each, name, None), int):
                return status, ""
    return None, ""
