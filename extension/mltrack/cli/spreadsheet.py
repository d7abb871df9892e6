"""CSV that a spreadsheet may open: a cell that it would run as a formula is made text.

Source: OWASP, "CSV Injection": a cell beginning with ``= + - @``, a tab or a carriage return is a formula to Excel,
LibreOffice and Google Sheets, and may call programs or addresses; an apostrophe before it makes it text.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.entities import ViewType
from mltrack.frames import search_runs

if TYPE_CHECKING:
    import pandas as pd

MOST_RUNS = 2**31 - 1
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NEGATIVE_NUMBER = re.compile(r"-(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def neutral(value: object) -> object:
    """Put an apostrophe before a text that would be a formula; negative numbers are none.

    >>> [neutral(each) for each in ("=1+1", "@sum", "+1", "-0.5", "-1e-3", "a=b", 2.5)]
    ["'=1+1", "'@sum", "'+1", '-0.5', '-1e-3', 'a=b', 2.5]
    """
    if not isinstance(value, str) or not _FORMULA.match(value) or _NEGATIVE_NUMBER.fullmatch(value):
        return value
    return f"'{value}"


def runs_csv(experiment_id: str) -> str:
    """Give an experiment's active runs as CSV with the columns of ``search_runs``, neutralised."""
    runs = search_runs([experiment_id], run_view_type=ViewType.ACTIVE_ONLY, max_results=MOST_RUNS)
    frame: pd.DataFrame = runs
    for name in frame.columns:
        if not name.startswith("metrics.") and name not in ("start_time", "end_time"):
            frame[name] = frame[name].map(neutral, na_action="ignore")
    text: str = frame.rename(columns=neutral).to_csv(index=False)
    return text


def write_whole(filename: str, text: str) -> None:
    """Write a text file, replacing one that is there; a write that fails leaves the old one as it was."""
    target = Path(filename)
    handle, unfinished = tempfile.mkstemp(dir=target.absolute().parent, prefix=f".{target.name}.")
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(unfinished, 0o666 & ~mask)  # mkstemp's files are for the user alone
        os.replace(unfinished, target)
    except BaseException:
        os.unlink(unfinished)
        raise
