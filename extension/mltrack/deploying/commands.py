"""Programs that mltrack calls, as lists of arguments; no shell sees any of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.exceptions import MissingLibraryError, StateError
from mltrack.plain_text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_SHOWN = 2000  # characters of what a program said before it failed


def find_program(name: str, how: str) -> str:
    """Give the path of a program, of this user's or installed beside this Python.

    Raises
    ------
    MissingLibraryError
        When there is none; the message says ``how`` to get it.
    """
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        raise MissingLibraryError(f"The program {name} is needed and not installed here; {how}.")
    return found


def run(command: Sequence[str], what: str, *, folder: Path | None = None) -> str:
    """Run a program to its end in a folder and give what it printed.

    Parameters
    ----------
    what
        What it does, for the message, as ``"installing the requirements"``.

    Raises
    ------
    StateError
        When it fails; the message has the end of what it said.
    """
    done = subprocess.run(
        [*command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    said = visible(done.stdout.decode("utf-8", errors="replace")).strip()
    if done.returncode:
        raise StateError(f"{what[:1].upper()}{what[1:]} failed (exit code {done.returncode}):\n{said[-_MOST_SHOWN:]}")
    return said
