"""Runs lists of cells in fresh IPython shells: one process has the libraries loaded, and each run is a fork of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

LIBRARIES = ("pandas", "matplotlib.pyplot", "sklearn.linear_model", "sklearn.model_selection", "sklearn.datasets")


class Shells:
    """The process that runs cells; each run has a folder, a namespace and a history of its own.

    ``libraries`` are loaded before: the more there are, the longer each run takes to begin.
    """

    def __init__(self, libraries: Sequence[str] = ()) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, *libraries],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "MPLBACKEND": "Agg", "PYTHONHASHSEED": "0"},
        )

    def run(self, cells: Sequence[str], result: str) -> dict[str, Any]:
        """Run cells and an expression.

        ``value`` is its text, ``failed`` numbers the cells that raised, from 1; ``seen`` is what each was seen to do.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"cells": list(cells), "result": result}) + "\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def close(self) -> None:
        self._process.communicate(timeout=60)


def _run(shell: Any, order: dict[str, Any], out: int) -> None:
    from mltrack_magics.effects import Effects

    failed, seen = [], []
    effects = Effects(shell.user_ns)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for number, cell in enumerate(order["cells"], 1):
            before = effects.begin()
            if not shell.run_cell(cell, store_history=True).success:
                failed.append(number)
            seen.append(effects.end(before).observed.as_json())
        answer = shell.run_cell(f"__value = repr(({order['result']}))", store_history=True)
        value = shell.user_ns["__value"] if answer.success else repr(answer.error_in_exec)
        os.chdir("/")
    os.write(out, (json.dumps({"value": value, "failed": failed, "seen": seen}) + "\n").encode())


def _serve() -> None:
    from importlib import import_module

    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    from mltrack_magics.cell_line import take_line_off

    out = os.dup(1)
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.input_transformers_cleanup.insert(0, take_line_off)
    shell.run_line_magic("alias_magic", "mltrack precision")
    for name in sys.argv[1:]:
        import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                _run(shell, json.loads(line), out)
            finally:
                os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    _serve()
