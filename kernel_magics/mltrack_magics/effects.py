"""What a cell does to its namespace and to the world, as far as a kernel sees it without running the user's code."""

from __future__ import annotations

import os
import re
import sys
import weakref
from hashlib import file_digest
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from mltrack.config import ARTIFACT_FOLDER, is_file, store_path, user_folder
from mltrack.masking import mask_text
from mltrack.provenance.observed import Observed
from mltrack.settings import state
from mltrack_magics import generators, opened_files
from mltrack_magics.capture import SHELL_NAMES
from mltrack_magics.object_kinds import can_change, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mltrack_magics.opened_files import OpenedFile, Watch

HASHED_BYTES = 256_000_000  # of one file; what is larger is known by its size
_ALL_HASHED_BYTES = 1_000_000_000  # of one cell's files
_MOST_NAMES = 5_000
_MOST_GROUPS = 200
_LONGEST_NAME = 200
_LARGEST_KEPT = 4_000  # bytes of a text or number that is kept to tell it from the next
_OF_SHELL = re.compile(r"_{1,3}|_i{1,3}|_i?\d+|_[iod]h|_sh|_exit_code|__\w+__|__vsc_\w+")
_OWN_VARIABLES = ("MLTRACK_", "MLFLOW_")  # where runs go changes no result


# Named tuples and plain classes are made in a third of the time that dataclasses take, and these are on %load_ext.


class Before(NamedTuple):
    """How things stood when a cell began; it keeps no object of the user's alive but small texts and numbers."""

    marks: Mapping[str, object]
    random: Mapping[str, object]
    cwd: str | None
    path: tuple[str, ...]
    environ: Mapping[bytes, bytes]
    watch: Watch


class Seen(NamedTuple):
    """What a cell did, and the files whose digests are still to be found."""

    observed: Observed
    files: Sequence[OpenedFile]


class _Address:
    """Stands for an object that can neither be kept nor be referred to weakly."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


class Effects:
    """Looks at one shell's namespace before and after each cell."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self._digests: dict[tuple[str, int, int], str] = {}

    def begin(self) -> Before:
        """Note how things stand before a cell."""
        marks = {name: _mark(value) for name, value in _visible(self._namespace)}
        return Before(marks, generators.states(), _cwd(), _import_path(), _environment(), opened_files.watch())

    def end(self, before: Before) -> Seen:
        """Say what has changed since a cell began."""
        before.watch.stop()
        drawn = generators.changed(before.random, generators.states())
        visible = dict(_visible(self._namespace))
        changed = (name for name, value in visible.items() if not _is_same(before.marks.get(name, _NOTHING), value))
        types = {_text(name): _text(kind_of(visible[name])) for name, _ in zip(changed, range(_MOST_NAMES))}  # noqa: B905
        files = before.watch.files([*_own_places(), *opened_files.own_sources()])
        observed = Observed(
            types=types,
            deleted=tuple(_text(name) for name in before.marks if name not in visible),
            same=_same(visible),
            random=drawn,
            ambient=tuple(_ambient(before)),
            files=tuple(_file_entry(each) for each in files),
        )
        return Seen(observed, files)

    def with_digests(self, seen: Seen) -> Observed | None:
        """Give what was seen with the digests of the files that were read, or None when there are none to add."""
        digests = self._read_digests(seen.files)
        if not digests:
            return None
        entries = zip(seen.observed.files, seen.files, strict=True)
        found = seen.observed
        files = tuple({**entry, "sha256": digests[each]} if each in digests else entry for entry, each in entries)
        return Observed(found.types, found.deleted, found.same, found.random, found.ambient, files)

    def _read_digests(self, files: Sequence[OpenedFile]) -> dict[OpenedFile, str]:
        """Hash what was read and not written, up to a size in all, where it is as it was when the cell ended."""
        written = {each.whole_path for each in files if each.written}
        found, left = {}, _ALL_HASHED_BYTES
        for each in files:
            key = (each.whole_path, each.size, each.changed_at)
            if each.whole_path in written or each.size > HASHED_BYTES or each.size > left:
                continue
            if key not in self._digests:
                left -= each.size
                digest = _digest(each)
                if digest is None:
                    continue
                self._digests[key] = digest
            found[each] = self._digests[key]
        return found


_NOTHING = object()


def _visible(namespace: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Give the user's own names, in a copy that another thread cannot change."""
    for name, value in list(namespace.items()):
        if type(name) is not str or name in SHELL_NAMES or (name[:1] == "_" and _OF_SHELL.fullmatch(name)):
            continue
        yield name, value


def _mark(value: object) -> object:
    """Give what tells an object from the next; spelled out, as it is done for every name before every cell."""
    kind = type(value)
    # Kept, as an address alone does not tell two floats apart: the next one often takes the last one's place.
    if kind is float or kind is bool or value is None or kind is complex:
        return value
    if kind is str or kind is int or kind is bytes:
        return value if sys.getsizeof(value) <= _LARGEST_KEPT else _Address(id(value))
    if kind is list or kind is dict or kind is tuple:
        return _Address(id(value))
    try:
        return weakref.ref(value)
    except TypeError:
        return _Address(id(value))


def _is_same(mark: object, value: object) -> bool:
    if type(mark) is weakref.ReferenceType:
        return mark() is value
    if type(mark) is _Address:
        return mark.number == id(value)
    return mark is value


def _same(visible: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Group the names that hold one object, or look into the memory of one array of numpy."""
    numpy = sys.modules.get("numpy")
    array = vars(numpy).get("ndarray") if type(numpy) is ModuleType else None
    first: dict[int, str] = {}
    groups: dict[str, list[str]] = {}
    for name, value in visible.items():
        found = first.setdefault(id(value if type(value) is not array else _memory(value)), name)
        if found is not name:
            groups.setdefault(found, [found]).append(name)
    shared = (group for group in groups.values() if can_change(visible[group[0]]))
    return tuple(tuple(map(_text, group)) for group, _ in zip(shared, range(_MOST_GROUPS)))  # noqa: B905


def _memory(array: Any) -> Any:
    """Give the array whose memory an array looks into: itself, unless it is a view."""
    kind = type(array)
    while type(array.base) is kind:
        array = array.base
    return array


def _ambient(before: Before) -> Iterable[str]:
    if _cwd() != before.cwd:
        yield "cwd"
    if _import_path() != before.path:
        yield "path"
    now = _environment()
    for name in sorted({*before.environ, *now}):
        text = _text(os.fsdecode(name))
        if before.environ.get(name) != now.get(name) and not text.startswith(_OWN_VARIABLES):
            yield f"environ:{text}"


def _cwd() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return None


def _import_path() -> tuple[str, ...]:
    return tuple(each for each in list(sys.path) if type(each) is str)


def _environment() -> dict[bytes, bytes]:
    """Copy the variables as they are kept, which costs least; where they are kept in another way, none."""
    kept = getattr(os.environ, "_data", None)
    return dict(kept) if type(kept) is dict and os.name == "posix" else {}


def _own_places() -> list[str]:
    """Give where the runs are kept: the store's file and its artifacts, or what waits to be sent to a server."""
    if state.uri is None:
        return []
    if not is_file(state.uri):
        return [str(user_folder())]
    path = store_path(state.uri)
    return [str(path), f"{path}-wal", f"{path}-shm", str(path.parent / ARTIFACT_FOLDER)]


def _file_entry(file: OpenedFile) -> dict[str, Any]:
    mode = "w" if file.written else "r"
    return {"path": _path(file.path), "whole": _path(file.whole_path), "mode": mode, "size": file.size}


def _path(text: str) -> str:
    return mask_text(_storable(text))


def _text(name: str) -> str:
    return _storable(name[:_LONGEST_NAME])


def _storable(text: str) -> str:
    """Give a text that UTF-8 can hold: file names and names in a namespace may have any code."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _digest(file: OpenedFile) -> str | None:
    """Hash a file that is as it was; None when it has changed, or cannot be read."""
    try:
        with open(file.whole_path, "rb") as opened:
            digest = file_digest(opened, "sha256").hexdigest()
            now = os.fstat(opened.fileno())
    except OSError:
        return None
    is_same = (now.st_size, now.st_mtime_ns) == (file.size, file.changed_at)
    return digest if is_same else None
