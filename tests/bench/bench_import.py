"""CPU time of ``import mltrack`` and ``%load_ext mltrack`` above that of a bare IPython, modules compiled before.

usage, in the repository: python -m tests.bench.bench_import [--rounds 15]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

from tests.bench.table import Row, in_turn, print_table, sizes

# Only what each adds is run between the two times; the shell is there in all of them.
SCRIPT = """
import json, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="NoColor")
begun = time.process_time()
{code}
print("cpu", json.dumps(time.process_time() - begun))
"""
TASKS = {
    "nothing": "",
    "import mltrack": "import mltrack",
    "import mltrack + %load_ext mltrack": "import mltrack\nshell.run_line_magic('load_ext', 'mltrack')",
}


def cpu_of(code: str, folder: str) -> float:
    """Run the code after IPython's start in a process of its own; gives its CPU seconds."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(code=code)],
        cwd=folder,
        env={**kept, "IPYTHONDIR": folder},
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("cpu "))
    return float(json.loads(line.removeprefix("cpu ")))


def main() -> None:
    """Measure and print."""
    rounds = sizes(__doc__, rounds=15).rounds
    with tempfile.TemporaryDirectory() as folder:
        for code in TASKS.values():  # compiles what is not yet
            cpu_of(code, folder)
        found = in_turn({name: lambda code=code: cpu_of(code, folder) for name, code in TASKS.items()}, rounds=rounds)  # type: ignore[misc]
    bare = found["nothing"]
    goals = {"import mltrack + %load_ext mltrack": "goal: 100 ms"}
    rows = [Row(name, (cpu - bare) * 1e3, "ms CPU", goal=goals.get(name, "")) for name, cpu in found.items()]
    print_table(f"start-up above bare IPython, median of {rounds}", rows)


if __name__ == "__main__":
    main()
