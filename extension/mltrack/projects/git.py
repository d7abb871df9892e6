"""The git program, called so that nothing of a repository's runs: no hooks, no helpers that an address names, no pager.

A user's own settings stay, as proxies and credentials are among them.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from mltrack.deploying.commands import find_program
from mltrack.exceptions import ExecutionError
from mltrack.masking import mask_text
from mltrack.plain_text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_MOST_SHOWN = 2000
_ALWAYS = (
    *("--no-pager", "--no-optional-locks", "-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false"),
    *("-c", "submodule.recurse=false", "-c", "fetch.recurseSubmodules=false", "-c", "advice.detachedHead=false"),
    # a server that sends next to nothing for a minute is given up
    *("-c", "gc.auto=0", "-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60"),
)
# What would lead git to another repository than the one it is asked about, as inside of a hook.
_ELSEWHERE = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_TEMPLATE_DIR", "GIT_SHALLOW_FILE", "GIT_PREFIX", "GIT_EXTERNAL_DIFF"),
)


def git(*arguments: str, folder: Path, protocols: Sequence[str] = ()) -> str:
    """Run git in a folder and give what it printed.

    Parameters
    ----------
    protocols
        The transports it may use; none but these, whatever a repository or a setting says.

    Raises
    ------
    ExecutionError
        When it fails; the message has the end of what it said, secrets masked.
    MissingLibraryError
        When there is no git.
    """
    program = find_program("git", "install it, or give a folder or a .zip")
    done = subprocess.run(
        [program, *_ALWAYS, *arguments],
        cwd=folder,
        env=_variables(protocols),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = mask_text(visible(done.stderr.decode("utf-8", errors="replace"))).strip()
        raise ExecutionError(f"git {arguments[0]} failed (exit code {done.returncode}): {said[-_MOST_SHOWN:]}")
    return done.stdout.decode("utf-8", errors="replace").strip()


def ask_git(*arguments: str, folder: Path) -> str | None:
    """Ask git about the repository that a folder is in, without any network; None when it has no answer."""
    try:
        return git(*arguments, folder=folder)
    except (ExecutionError, OSError):
        return None


def _variables(protocols: Sequence[str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    return {
        **kept,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": ":".join(protocols) or "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
    }
