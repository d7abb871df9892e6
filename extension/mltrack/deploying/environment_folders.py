"""Folders with an environment each: a Python, the distributions asked for, and this mltrack, made by uv or conda.

They are kept in the user's folder, which others cannot enter, by the digest of what is in them. Each is built in a
folder of its own name, and ``ready`` beside it names it only once it is whole: what a crash left is never used.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack import config
from mltrack.deploying.commands import find_program, run
from mltrack.deploying.own_wheel import kept_wheel
from mltrack.exceptions import InvalidParameterError, MissingLibraryError, StateError

if TYPE_CHECKING:
    from mltrack.deploying.conda import CondaPackages

OLDEST_PYTHON = (3, 11)
"""The oldest Python that mltrack runs in."""
FOLDER = "environments"
"""Where they are in the user's folder."""
READY = "ready"
"""The file beside an environment that names it once it is whole; its time is that of the last use."""
_WHEELS = "wheels"
_ABANDONED = 24 * 3600.0  # seconds after which what was not finished is no longer being built
_GET_UV = "get it by `pip install uv`, or choose the environment manager local"
_GET_CONDA = "choose the environment manager uv, which needs only `pip install uv`"
_CONDAS = ("conda", "mamba", "micromamba")


@dataclass(frozen=True, slots=True)
class Needs:
    """What an environment is made of.

    Attributes
    ----------
    manager
        ``uv`` or ``conda``.
    python
        The Python's version, as ``3.11``.
    lines
        Requirements as texts that were parsed.
    conda
        Conda's own packages.
    constraints
        Versions that hold for what is installed, whether it is asked for or not.
    noun
        Whose it is, for messages.
    any_python
        True: where that Python cannot be had this process's will do.
    """

    manager: str
    python: str
    lines: tuple[str, ...]
    conda: CondaPackages | None = None
    constraints: tuple[str, ...] = ()
    noun: str = "model"
    any_python: bool = False

    def key(self, wheel: bytes) -> str:
        """Give the name that equal environments share."""
        conda = self.conda.arguments() if self.conda else []
        said = [self.manager, self.python, sorted(self.lines), conda, sorted(self.constraints)]
        return sha256(json.dumps(said).encode() + wheel).hexdigest()[:32]


def make_environment(needs: Needs) -> Path:
    """Give the Python of the environment with these needs; it is made if need be.

    Raises
    ------
    MissingLibraryError
        When uv or conda is not installed.
    StateError
        When what it needs cannot be found or installed; the message has what the installer said.
    """
    wheel = kept_wheel(_private(config.user_folder() / _WHEELS))
    root = _private(config.user_folder() / FOLDER)
    place = _private(root / needs.key(wheel.read_bytes()))
    found = _ready(place)
    if found is not None:
        return found
    scratch = _private(root / f".{secrets.token_hex(8)}")
    try:
        _sweep(place)
        made = _private(place / secrets.token_hex(8))
        try:
            _build(needs, made, Path(shutil.copy(wheel, scratch)))
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        _publish(place, made.name)
        return _python(made)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _build(needs: Needs, made: Path, wheel: Path) -> None:
    uv = find_program("uv", _GET_UV)
    if needs.conda is not None:
        command = [_find_conda(), "create", "--yes", "--quiet", "--prefix", str(made), *needs.conda.arguments()]
        run([*command, f"python={needs.python}"], "making the conda environment", folder=wheel.parent)
    else:
        _make_venv(uv, needs, made)
    lines = wheel.with_name("requirements.txt")
    lines.write_text("".join(f"{each}\n" for each in needs.lines), encoding="utf-8")
    install = [uv, "pip", "install", "--quiet", "--python", str(_python(made)), "--requirement", str(lines)]
    if needs.constraints:
        constraints = wheel.with_name("constraints.txt")
        constraints.write_text("".join(f"{each}\n" for each in needs.constraints), encoding="utf-8")
        install += ["--constraint", str(constraints)]
    # in a folder of this user's own, so that no settings of the working folder's are read
    run([*install, str(wheel)], f"installing what the {needs.noun} needs", folder=wheel.parent)
    run([str(_python(made)), "-I", "-m", "mltrack", "--version"], "trying the environment", folder=wheel.parent)


def _make_venv(uv: str, needs: Needs, made: Path) -> None:
    here = needs.python == f"{sys.version_info[0]}.{sys.version_info[1]}"
    # the folder is there and empty, and only this user can enter it
    command = [uv, "venv", "--quiet", "--no-project", "--allow-existing"]
    try:
        run([*command, "--python", sys.executable if here else needs.python, str(made)], "making the environment")
    except StateError:
        if here or not needs.any_python:
            raise
        run([*command, "--python", sys.executable, str(made)], "making the environment")


def _find_conda() -> str:
    """Give the path of conda, or of mamba or micromamba, which take the same words."""
    for name in _CONDAS:
        with suppress(MissingLibraryError):
            return find_program(name, _GET_CONDA)
    return find_program(os.environ.get("CONDA_EXE") or os.environ.get("MAMBA_EXE") or _CONDAS[0], _GET_CONDA)


def _private(folder: Path) -> Path:
    """Make a folder that only this user can enter, or check that the one that is there is such."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid"):  # on Windows the user's folder is the user's
        status = folder.lstat()
        if status.st_uid != os.getuid() or status.st_mode & 0o022:
            raise InvalidParameterError(
                f"The folder {folder} could be changed by others, so nothing in it is run; remove it, or choose "
                f"another place by {config.DATA_DIR.name}."
            )
    return folder


def _ready(place: Path) -> Path | None:
    try:
        name = (place / READY).read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    python = _python(place / name)
    if not python.exists():
        return None
    with suppress(OSError):
        os.utime(place / READY)
    return python


def _publish(place: Path, name: str) -> None:
    draft = place / f".{name}"
    draft.write_text(name, encoding="ascii")
    draft.replace(place / READY)


def _sweep(place: Path) -> None:
    """Remove what builders left that did not finish; one that is at work is left alone."""
    for each in place.iterdir():
        with suppress(OSError):
            if each.is_dir() and time.time() - each.stat().st_mtime > _ABANDONED:
                shutil.rmtree(each, ignore_errors=True)


def _python(environment: Path) -> Path:
    if sys.platform == "win32":
        scripts = environment / "Scripts" / "python.exe"
        return scripts if scripts.parent.is_dir() else environment / "python.exe"
    return environment / "bin" / "python"
