"""What a kernel does not see of a cell: files that libraries open in C, where the code names them.

What programs and addresses give may be something else the next time.
"""

from __future__ import annotations

import ast
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.provenance.cell_facts import facts_of
from mltrack_magics.own_sources import UnknownInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mltrack.provenance.cell_facts import Call
    from mltrack.provenance.slice import Step
    from mltrack.store.notebooks import Execution

LARGEST = 1 << 30
_READERS = re.compile(
    r"(read|scan)_(csv|parquet|ipc|feather|avro|orc|json|ndjson|excel|table|delta|hdf|sql\w*)|open_dataset|File|imread"
)
_PROGRAMS = re.compile(r"(subprocess|pty)\..*|os\.(system|popen|exec\w*|spawn\w*)|get_ipython\.(system|getoutput)")
_SCRIPTS = re.compile(r"get_ipython\(\)\.(system|getoutput)\(|run_cell_magic\('(bash|sh|script|perl|ruby|system|!)'")
_ADDRESSES = re.compile(r"(requests|httpx)\.\w+|(\w+\.)*(urlopen|urlretrieve)")


def named_digests(steps: Sequence[Step], before: Sequence[Execution]) -> dict[str, str]:
    """Give the digests of the files that steps name in calls of readers that no kernel sees at work.

    ``before`` is what this kernel has executed.

    Raises
    ------
    UnknownInputError
        When a step reads an address, or the last one runs a program; or when a file is not as it was read.
    """
    if _SCRIPTS.search(steps[-1].python) or any(_PROGRAMS.fullmatch(each.name) for each in _calls(steps[-1])):
        raise UnknownInputError("the cell runs a program, and nothing tells what that depends on.")
    began = {each.seq: each.started_at for each in before}
    found: dict[str, str] = {}
    for step in steps:
        for call in _calls(step):
            text = _first_text(call)
            is_reader = _READERS.fullmatch(call.last) is not None
            if _ADDRESSES.fullmatch(call.name) or (is_reader and text is not None and "://" in text):
                which = "the cell" if step is steps[-1] else "a cell that it depends on"
                raise UnknownInputError(f"{which} reads an address, which may give something else by now.")
            if is_reader and text is not None and (place := Path(text).expanduser()).is_file():
                found[text] = _digest(place, read_at=None if step is steps[-1] else began.get(step.seq, 0))
    return found


def _calls(step: Step) -> Iterator[Call]:
    yield from facts_of(step.source).calls


def _first_text(call: Call) -> str | None:
    first = call.node.args[0] if call.node.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def _digest(place: Path, *, read_at: int | None) -> str:
    """Hash a file; one that a cell read must not have changed since that cell began."""
    try:
        status = place.stat()
        if read_at is not None and status.st_mtime_ns / 1e6 > read_at:
            raise UnknownInputError(f"{place.name} was changed after a cell read it; run that cell again.")
        if status.st_size > LARGEST:
            raise UnknownInputError(f"{place.name} has over 1 GiB, and is not read to be known.")
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        raise UnknownInputError(f"{place.name} cannot be read.") from None
