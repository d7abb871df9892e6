"""The environment a run had: Python, packages, platform, hardware, and the state of the git checkout.

It is read on a background thread and once a kernel, again only when a package folder has changed.
"""

from __future__ import annotations

import functools
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mltrack.masking import mask_text

GIT_SECONDS = 2.0
# Only these: an environment holds secrets under any name.
VARIABLES = (
    "CONDA_DEFAULT_ENV",
    "CUDA_VISIBLE_DEVICES",
    "LANG",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "TF_DETERMINISTIC_OPS",
    "TZ",
)


def read_environment() -> dict[str, object]:
    """Give the environment as a document that is equal for equal environments."""
    return {
        "python": {"version": platform.python_version(), "implementation": platform.python_implementation()},
        "platform": {"system": platform.system(), "release": platform.release(), "machine": platform.machine()},
        "hardware": {"cpu": _processor(), "cpu_count": os.cpu_count(), "memory_bytes": _memory_bytes()},
        "variables": {name: mask_text(os.environ[name]) for name in VARIABLES if name in os.environ},
        "packages": _packages(_package_folders()),
    }


def _package_folders() -> tuple[tuple[str, int], ...]:
    folders = []
    for place in sys.path:
        try:
            folders.append((place, os.stat(place).st_mtime_ns))
        except OSError:
            continue
    return tuple(folders)


@functools.lru_cache(maxsize=1)
def _packages(folders: tuple[tuple[str, int], ...]) -> dict[str, str]:
    """Give the version of each installed distribution; the first on the path counts, as for imports."""
    from importlib.metadata import distributions  # brings zipfile and email along, and is first needed when a run ends

    found: dict[str, str] = {}
    for distribution in distributions(path=[place for place, _ in folders]):
        # The folder's name holds both, and reading each METADATA file would take a hundred times as long.
        stem = getattr(distribution, "_path", Path()).name.removesuffix(".dist-info")
        name, dash, version = stem.partition("-")
        if not dash or not version[:1].isdigit():
            name, version = distribution.metadata["Name"] or "", distribution.version or ""
        if name:
            found.setdefault(name.lower().replace("_", "-"), version)
    return dict(sorted(found.items()))


@functools.cache
def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()


@functools.cache
def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


@dataclass(frozen=True, slots=True)
class GitState:
    """The checkout that the working folder is in: its commit, branch, and whether files differ from the commit."""

    commit: str
    branch: str
    dirty: bool
    remote: str


def read_git(folder: Path | None = None) -> GitState | None:
    """Give the state of the git checkout around ``folder`` (default: the working folder), or None without one."""
    status = _git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if status is None:
        return None
    headers = dict(line[2:].split(" ", 1) for line in status.splitlines() if line.startswith("# ") and " " in line[2:])
    commit = headers.get("branch.oid", "")
    if not commit or commit == "(initial)":
        return None
    dirty = any(not line.startswith("#") for line in status.splitlines())
    remote = (_git(folder, "config", "--get", "remote.origin.url") or "").strip()
    return GitState(commit, headers.get("branch.head", ""), dirty, mask_text(remote))


def _git(folder: Path | None, *arguments: str) -> str | None:
    # No hooks, pagers, prompts or optional locks: this runs beside the user's own git.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", *arguments],  # noqa: S607 - the user's git, wherever it is
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return done.stdout if done.returncode == 0 else None
