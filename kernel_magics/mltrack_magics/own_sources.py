"""The files of the user's own modules that cells import, by content: what a cell gives depends on them, too.

What is installed counts by its version. What imports import is followed, by their text alone.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import site
import sys
import sysconfig
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mltrack.provenance.slice import Step
    from mltrack.store.notebooks import Execution

MOST_FILES = 1_000
_IMPORT = re.compile(r"(?:^|[;:])[ \t]*(?:from[ \t]+(\w+)[\w.]*[ \t]+import\b|import[ \t]+([^#;\n]+))", re.MULTILINE)
_OURS = ("mltrack", "mltrack_magics", "mltrack_widgets")
_INSTALLED = ("site-packages", "dist-packages")


class UnknownInputError(Exception):
    """What a cell depends on cannot be told, as files or addresses; the text says of which and why."""


def source_digests(steps: Sequence[Step], before: Sequence[Execution]) -> dict[str, str]:
    """Give the digests of the files of the user's modules that steps import, and of those that these import.

    Parameters
    ----------
    before
        What this kernel has executed: a file that has changed since the cell that imported it is not what was loaded.

    Raises
    ------
    UnknownInputError
        When there are over 1,000 files, or one is not what the kernel has loaded.
    """
    loaded = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    waiting = list(dict.fromkeys(name for step in steps for name in _imported(step.python)))
    begun = {name: _begun(name, before) for name in waiting if any(_files(name))}
    known, first = set(waiting), min(begun.values(), default=0)
    found: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        for file in _files(name):
            text, found[str(file)], changed_ms = _read(file)
            if str(file) in loaded and changed_ms > begun.get(name, first):
                raise UnknownInputError(
                    f"{file.name} was changed after this kernel imported it; restart the kernel to use --cache."
                )
            fresh = dict.fromkeys(each for each in _imported(text) if each not in known)
            known |= fresh.keys()
            waiting += fresh
        if len(found) > MOST_FILES:
            raise UnknownInputError(f"the module {name} and what it imports have over {MOST_FILES:,} files.")
    return found


def _imported(text: str) -> Iterator[str]:
    """Give the first part of the names of modules that a text imports."""
    for match in _IMPORT.finditer(text):
        for each in (match[1] or match[2] or "").split(","):
            name = each.split(" as ")[0].partition(".")[0].strip(" \t();")
            if name.isidentifier():
                yield name


def _begun(name: str, before: Sequence[Execution]) -> float:
    """Give when the first cell began that imports a module, in ms since 1970; 0 when none did."""
    return min((each.started_at for each in before if name in _imported(each.source)), default=0)


def _files(name: str) -> Iterator[Path]:
    """Give the files of a module, all of a package; none of what is installed."""
    if name in _OURS or name in sys.builtin_module_names or name in sys.stdlib_module_names:
        return
    try:
        spec = getattr(sys.modules.get(name), "__spec__", None) or importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return
    if spec is None:
        return
    for place in spec.submodule_search_locations or ():
        if not _is_installed(place):
            files = sorted(each for each in Path(place).rglob("*.py") if not _is_installed(str(each)))
            yield from files[: MOST_FILES + 1]
    origin = "" if spec.submodule_search_locations else spec.origin or ""
    if origin and Path(origin).is_file() and not _is_installed(origin):
        yield Path(origin)


def _is_installed(place: str) -> bool:
    return any(part in _INSTALLED for part in Path(place).parts) or place.startswith(_library_folders())


@cache
def _library_folders() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return (*(str(Path(sysconfig.get_path(name))) for name in names), str(site.getusersitepackages()))


def _read(file: Path) -> tuple[str, str, float]:
    try:
        status = file.stat()
        text, digest = _content(str(file), status.st_mtime_ns, status.st_size)
    except OSError:
        raise UnknownInputError(f"{file} cannot be read.") from None
    return text, digest, status.st_mtime_ns / 1e6


@lru_cache(256)
def _content(file: str, changed_at: int, size: int) -> tuple[str, str]:
    del changed_at, size  # they tell one state of the file from the next
    content = Path(file).read_bytes()
    return content.decode(errors="replace"), hashlib.sha256(content).hexdigest()
