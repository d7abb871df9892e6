"""The environment of this process, which a project runs in when none is made for it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mltrack.config import user_folder
from mltrack.projects.entities import PreparedEnvironment

LOCAL = "local"
_PROGRAMS = "programs"


def local_environment() -> PreparedEnvironment:
    """Give the environment of this Python: it is what ``python`` in a command is, whatever the PATH was."""
    folder = Path(sys.executable).parent
    if not (folder / "python").exists():
        folder = _programs()
    variables = {"VIRTUAL_ENV": sys.prefix} if sys.prefix != sys.base_prefix else {}
    return PreparedEnvironment(LOCAL, Path(sys.executable), {**variables, "PATH": path_after(folder)})


def path_after(folder: Path) -> str:
    """Give this process's PATH with a folder in front of it, once."""
    path = os.environ.get("PATH", os.defpath)
    return path if path.split(os.pathsep)[0] == str(folder) else os.pathsep.join(filter(None, (str(folder), path)))


def _programs() -> Path:
    """Give a folder with a program ``python``, for a system that has ``python3`` alone."""
    folder = user_folder() / _PROGRAMS / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    program = folder / "python"
    if not program.exists() or program.resolve() != Path(sys.executable).resolve():
        draft = folder / f".python-{os.getpid()}"
        draft.unlink(missing_ok=True)
        draft.symlink_to(sys.executable)
        draft.replace(program)
    return folder
