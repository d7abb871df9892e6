"""Files that steps read and none wrote, by paths that mean something else, or nothing, in another place."""

from __future__ import annotations

import ast
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.provenance.cell_facts import facts_of
from mltrack.provenance.evidence import listed
from mltrack.provenance.slice import RELATIVE_FILE, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.provenance.cell_facts import Call
    from mltrack.provenance.evidence import Evidence
    from mltrack.provenance.slice import Step

# Readers whose library opens files in C, where the kernel does not see it.
_READERS = re.compile(r"(read|scan)_(csv|parquet|ipc|feather|avro|orc|json|ndjson|excel|table|delta|hdf)|open_dataset")
_WRITERS = re.compile(r"(write|sink|to|save|dump)_?\w*|savefig|urlretrieve")
_PATH = re.compile(r"[^\s:*?\"<>|]{1,200}\.\w{1,8}")
# Libraries keep what they have downloaded here, and download it again where it is missing.
_DOWNLOADS = re.compile(r"\.|scikit_learn_data|nltk_data|seaborn-data|tensorflow_datasets")

_ADVICE = "pass the file on with the notebook, as %mltrack export does --with-data."


def find_outside(evidence: Evidence) -> Iterator[Finding]:
    """Find the files of the steps that nobody else has under the same path."""
    written: set[str] = set()
    for step in evidence.steps:
        relative, personal = _read(evidence, step, written)
        if relative:
            text = (
                f"{evidence.heading(step.seq)} reads {listed(relative)} by a relative path, found from one folder alone"
            )
            yield Finding(RELATIVE_FILE, f"{text}: {_ADVICE}", step.seq, step.cell_id, relative)
        if personal:
            text = f"{evidence.heading(step.seq)} reads {listed(personal)}, a path that only this machine has"
            yield Finding(RELATIVE_FILE, f"{text}: {_ADVICE}", step.seq, step.cell_id, personal)


def _read(evidence: Evidence, step: Step, written: set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the files that a step reads by relative paths, and by paths of this user's; note those that it writes."""
    relative, personal = [], []
    seen = evidence.seen(step)
    for use in seen.files if seen else ():
        path, whole = str(use.get("path", "")), str(use.get("whole", ""))
        if use.get("mode") == "w":
            written.add(whole)
        elif whole not in written and not path.endswith((".py", ".ipynb")):
            if not os.path.isabs(path):
                relative.append(path)
            elif _is_personal(whole):
                personal.append(path)
    for path, writes in _named(step):
        if writes:
            written.add(path)
        elif path not in written and not any(each.endswith(f"{os.sep}{path}") for each in written):
            relative.append(path)
    return tuple(dict.fromkeys(relative)), tuple(dict.fromkeys(personal))


def _named(step: Step) -> Iterator[tuple[str, bool]]:
    """Give the relative paths that a step's code names in calls, and whether the call writes the file."""
    for call in facts_of(step.source).calls:
        path = _first_text(call)
        if path is None or os.path.isabs(path) or "//" in path or not _PATH.fullmatch(path):
            continue
        if _READERS.fullmatch(call.last):
            yield path, False
        elif _WRITERS.fullmatch(call.last):
            yield path, True


def _first_text(call: Call) -> str | None:
    first = call.node.args[0] if call.node.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def _is_personal(path: str) -> bool:
    """Tell whether a path is in the user's home, and no library's download, or in a folder for temporary files."""
    if path.startswith(tempfile.gettempdir() + os.sep):
        return True
    try:
        parts = Path(path).relative_to(Path.home()).parts
    except ValueError:
        return False
    return _DOWNLOADS.match(parts[0]) is None
