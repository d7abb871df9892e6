"""The Python code of models: imported from a copy that only this user can write.

So what runs is what was checked, and the model's own folder stays as it was logged: Python keeps compiled modules
beside those that it imports.
"""

from __future__ import annotations

import atexit
import importlib
import os
import shutil
import sys
from functools import cache
from secrets import token_hex
from typing import TYPE_CHECKING

from mltrack.models.manifest import digest_of
from mltrack.models.writing import private_folder
from mltrack.store.artifact_folder import FileRecord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_copies: dict[str, Path] = {}


def add_code(files: Mapping[str, bytes]) -> Path:
    """Put a model's modules, contents by path, on the path of modules before all others; gives their folder.

    Modules of the same names that are another model's code are imported anew from here; the other model keeps its own.
    """
    place = _copy_of(files)
    text = str(place)
    if sys.path[:1] != [text]:
        sys.path[:] = [text, *(each for each in sys.path if each != text)]
    _forget_others({name.partition("/")[0].partition(".")[0] for name in files}, place)
    importlib.invalidate_caches()
    return place


def _copy_of(files: Mapping[str, bytes]) -> Path:
    digest = digest_of({name: FileRecord.of(content) for name, content in files.items()})
    place = _copies.get(digest)
    if place is None or not place.is_dir():
        place = _base(os.getpid()) / digest[:16]
        for name, content in files.items():
            target = place / name
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f".{token_hex(8)}")
            draft.write_bytes(content)
            draft.replace(target)  # never half written: another thread may be importing the same code already
        _copies[digest] = place
    return place


@cache
def _base(process: int) -> Path:
    """Make the folder of this process' copies, which goes when it ends."""
    folder = private_folder()

    def remove() -> None:
        if os.getpid() == process:  # a child that was forked ends before those who still need it
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder


def _forget_others(names: set[str], place: Path) -> None:
    others = tuple(f"{each}{os.sep}" for each in _copies.values() if each != place)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in names:
            files = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
            if any(str(file).startswith(others) for file in files):
                del sys.modules[name]
