"""Running Python in other processes: scripts, users without rights, processes that are killed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 300
NOBODY = 65534


# The interpreter may lie where only root can read, so rights are given up once everything is imported.
AS_NOBODY = f"""
import os, pytest, sqlite_utils
import mltrack.cli, mltrack.client, mltrack.frames, mltrack.tracking, mltrack.store.schema, mltrack.store.sqlite
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
"""


def run_script(
    code: str, *, folder: Path | None = None, without_rights: bool = False, status: int | None = 0
) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, and check its exit status unless ``status`` is None.

    ``without_rights`` runs it as a user who may do nothing but read; it needs to be started by root.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLTRACK_")}
    environment["MLTRACK_TEST_MODE"] = "1"
    environment["MLTRACK_DATA_DIR"] = os.environ["MLTRACK_DATA_DIR"]  # the test's own
    done = subprocess.run(
        [sys.executable, "-c", (AS_NOBODY if without_rights else "") + textwrap.dedent(code)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert status is None or done.returncode == status, done.stdout + done.stderr
    return done


def start_script(code: str, *, folder: Path) -> subprocess.Popen[str]:
    """Start a script that the test talks to; its output is piped, and the test must wait for its end."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
