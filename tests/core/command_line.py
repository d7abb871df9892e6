"""Calling the command line in this process, and as a program of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from click.testing import CliRunner, Result

from mltrack.cli import main


def call(*words: str, answer: str | None = None) -> Result:
    """Call in this process; what is printed goes to a pipe."""
    return CliRunner().invoke(main, list(words), input=answer)


def done(*words: str) -> str:
    """Call, and give what is printed on stdout; it must have gone well."""
    found = call(*words)
    assert found.exit_code == 0, found.output + repr(found.exception)
    return found.stdout


def parsed(*words: str) -> Any:
    """Call with --json, and give what that says; numbers that JSON does not have are refused."""
    return json.loads(done(*words, "--json"), parse_constant=lambda name: f"bare {name}")


def refused(*words: str, code: int = 1) -> str:
    """Call, and give the one message; nothing is on stdout."""
    found = call(*words)
    assert (found.exit_code, found.stdout) == (code, ""), found.output + repr(found.exception)
    assert isinstance(found.exception, SystemExit), "not an error that would end in a traceback"
    return found.stderr


def program(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Call as a program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mltrack", *words],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
    )
