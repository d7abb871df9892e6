"""Files that calls open, where the code says which."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from mltrack.provenance import kinds
from mltrack.provenance.known_files import (
    FILE_ARGUMENTS,
    KEYWORDS,
    MAKES,
    OPENED_FILES,
    PATH_METHODS,
    READS,
    STARTS_PROCESS,
    WRITES,
    reads_by_name,
)
from mltrack.provenance.known_methods import writes_file
from mltrack.provenance.things import NOTHING, OPENED, SCALAR, Value, reach

if TYPE_CHECKING:
    from mltrack.provenance.evaluation import Arguments, Evaluation

_OPENERS = frozenset({"builtins.open", "io.open", "codecs.open", "gzip.open", "bz2.open", "lzma.open", "os.open"})
_IN_MEMORY = ":memory:"
_PATHS = ("pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath")
_JOINS = ("os.path.join", "posixpath.join")
_KEEPS_PATH = (
    "os.path.abspath",
    "os.path.expanduser",
    "os.path.normpath",
    "os.fspath",
    "builtins.str",
    "os.path.realpath",
)


def text_of(value: Value | None) -> str | None:
    """Give the text of a path or a text that the code says; None when it does not."""
    if value is None or value.kind not in (kinds.SCALAR, kinds.PATH) or not isinstance(value.detail, str):
        return None
    return value.detail


def note_files(walk: Evaluation, path: str, given: Arguments) -> Value | None:
    """Note the files that a function opens; give its result where that is a path or a file."""
    if path in _OPENERS:
        return open_file(walk, given.get(0, "file", "filename", "path"), given.get(1, "mode"))
    if path in _PATHS or path in _JOINS:
        return _joined(given)
    if path in _KEEPS_PATH:
        text = text_of(given.get(0))
        return Value(NOTHING, kinds.SCALAR, text) if text is not None else None
    if path.startswith("pathlib."):
        return Value(NOTHING, kinds.PATH)
    if "read_sql" in path or "read_database" in path:
        _read_database(walk, given.get(1, "con", "connection", "connection_uri"))
    elif reads_by_name(path):
        _read(walk, given.get(0, *KEYWORDS))
    elif path.startswith(STARTS_PROCESS):
        walk.memory.resources.read(None)
        walk.memory.resources.write(None, sure=False)
    for place, what in FILE_ARGUMENTS.get(path, ()):
        _note(walk, what, given.get(place, *KEYWORDS) if place != 99 else None)
    return None


def note_method_files(walk: Evaluation, owner: Value, name: str, given: Arguments) -> Value | None:
    """Note the files that a method opens; give its result where that is a path or a file."""
    if owner.kind == kinds.PATH:
        return _note_path_method(walk, owner, name, given)
    if name in ("to_sql", "write_database"):
        database = given.get(1, "con", "connection") or SCALAR
        walk.memory.change_deeply(database.things)
        if text_of(database) is not None:
            walk.memory.resources.write(text_of(database), sure=False)
    elif writes_file(name):
        target = given.get(0, *KEYWORDS)
        if target is not None and (name != "dump" or target.kind == kinds.SCALAR):
            _note(walk, WRITES, target)
    elif name in ("savefig", "save_model", "save_weights", "save"):
        _note(walk, WRITES, given.get(0, *KEYWORDS))
    return None


def _note_path_method(walk: Evaluation, owner: Value, name: str, given: Arguments) -> Value | None:
    for what in PATH_METHODS.get(name, ()):
        _note(walk, what, owner)
    if name in ("rename", "replace", "symlink_to", "hardlink_to"):
        _note(walk, MAKES, given.get(0, "target"))
    if name == "open":
        return open_file(walk, owner, given.get(0, "mode"))
    if name == "joinpath":
        return _joined(given, owner)
    if name in ("resolve", "absolute", "expanduser"):
        return owner
    if name in ("iterdir", "glob", "rglob"):
        return walk.fresh((owner.detail, name), kinds.ITERATOR)
    if name in ("read_text", "read_bytes", "exists", "is_file", "is_dir", "as_posix", "stat"):
        return SCALAR
    return Value(NOTHING, kinds.PATH)


def open_file(walk: Evaluation, path: Value | None, mode: Value | None) -> Value:
    """Note that a file is opened in a mode."""
    how = "r" if mode is None else text_of(mode)
    where = text_of(path)
    if how is None or set(how) & set("r+"):
        walk.memory.resources.read(where)
    if how is None or set(how) & set("wxa+"):
        if how is not None and "a" in how:
            walk.memory.resources.read(where)
        walk.memory.resources.write(where, sure=how is not None and how[0] in "wx")
    made = walk.fresh((path and path.detail, "file"), kinds.FILE)
    if how is None or how != "r":
        for thing in made.things:
            thing.name = where
    return made


def _joined(given: Arguments, first: Value | None = None) -> Value:
    texts = [text_of(each) for each in ([] if first is None else [first]) + given.placed]
    known = [each for each in texts if each is not None]
    if len(known) != len(texts) or given.anywhere is not None:
        return Value(NOTHING, kinds.PATH)
    return Value(NOTHING, kinds.PATH, posixpath.join(*known) if known else ".")


def _read(walk: Evaluation, path: Value | None) -> None:
    if path is None:
        return
    files = [thing for thing in path.things if thing.kind == kinds.FILE]
    walk.memory.change(files)
    if not files:
        walk.memory.resources.read(text_of(path))


def _read_database(walk: Evaluation, database: Value | None) -> None:
    """Read a database by its connection or its address."""
    if database is None:
        return
    names = {thing.name or "" for thing in reach(database.things, through_modules=False)}
    for name in sorted(names):
        if name.startswith(OPENED):
            walk.memory.resources.read(name.removeprefix(OPENED), says=False)
    if not database.things:
        walk.memory.resources.read(text_of(database))


def opened(path: str, given: Arguments, found: Value) -> Value:
    """Note on what a function gives that it has a file open, where it does."""
    if path in OPENED_FILES:
        where = text_of(given.get(0, *KEYWORDS))
        for thing in found.things:
            if thing.kind in (None, kinds.DATA) and where != _IN_MEMORY:
                thing.name = f"{OPENED}{where or '*'}"
    return found


def _note(walk: Evaluation, what: str, path: Value | None) -> None:
    if path is not None and path.detail == _IN_MEMORY:
        return
    if path is not None and path.things:
        walk.memory.change(thing for thing in path.things if thing.kind in (kinds.FILE, None))
        return
    if what == READS:
        walk.memory.resources.read(text_of(path))
    else:
        walk.memory.resources.write(text_of(path), sure=what == WRITES)
