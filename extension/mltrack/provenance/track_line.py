"""The ``%%track_run`` line as text: where it stands in a cell, and the cell without it."""

from __future__ import annotations

MAGIC = "%%track_run"
_KEEPS_TEXT = ("%%writefile", "%%file")


def find_line(cell: str) -> tuple[int, str] | None:
    """Give the number (from 0) and the arguments of a cell's ``%%track_run`` line, or None.

    Blank lines and other cell magics (``%%time``) may stand above it, and nothing else; below ``%%writefile`` it is
    text to be written.
    """
    for number, line in enumerate(cell.splitlines()):
        words = line.strip()
        if not words:
            continue
        if not line.startswith("%%") or words.startswith(_KEEPS_TEXT):
            return None
        if words == MAGIC or words.startswith((MAGIC + " ", MAGIC + "\t")):
            return number, words.removeprefix(MAGIC).strip()
    return None


def lines_without(lines: list[str], number: int) -> list[str]:
    """Give a cell's lines without the ``%%track_run`` line, so that the rest runs as a plain cell.

    It becomes a comment, which keeps the line numbers of tracebacks, indented as what follows, so that IPython still
    takes off an indentation that all lines have. Beside another cell magic, which must be first, it goes.
    """
    rest = lines[number + 1 :]
    following = next((line for line in rest if line.strip()), "")
    if following.startswith("%%") or any(line.strip() for line in lines[:number]):
        return lines[:number] + rest
    indent = following[: len(following) - len(following.lstrip())]
    return [*lines[:number], f"{indent}# {lines[number].strip()}\n", *rest]
