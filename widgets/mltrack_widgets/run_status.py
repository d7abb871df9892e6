"""How a run, a server or a step stands: a dot in a colour and a word, and how long a run took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.entities import RunStatus
from mltrack_widgets.format import duration, one_line
from mltrack_widgets.html import Markup, tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.entities import Run

# A colour for hosts without variables, JupyterLab's, VS Code's. The word beside the dot says the same.
_COLOURS: Mapping[str, tuple[str, str, str]] = {
    "good": ("#388e3c", "--jp-success-color1", "--vscode-charts-green"),
    "bad": ("#d32f2f", "--jp-error-color1", "--vscode-charts-red"),
    "ended": ("#e65100", "--jp-warn-color0", "--vscode-charts-orange"),
    "busy": ("#1976d2", "--jp-brand-color1", "--vscode-charts-blue"),
}
_TONES: Mapping[str, str] = {
    RunStatus.FINISHED: "good",
    RunStatus.FAILED: "bad",
    RunStatus.KILLED: "ended",
    RunStatus.RUNNING: "busy",
}


def status_word(status: str) -> str:
    """Return a run's status as a word in a sentence."""
    return one_line(status.lower(), 16)


def status_mark(status: str) -> Markup:
    """Draw a status: a dot in its colour, and the word."""
    return toned_mark(_TONES.get(status, ""), status_word(status))


def toned_mark(tone: str, words: str, *, is_hollow: bool = False) -> Markup:
    """Draw how something stands: a dot in the tone's colour (good, bad, ended, busy), hollow without one, and words."""
    colours = _COLOURS.get(tone)
    # JupyterLab's sanitiser drops the second declaration, for its var(), and keeps the first.
    style = f"color:{colours[0]};color:var({colours[1]},var({colours[2]},{colours[0]}))" if colours else "color:inherit"
    dot = tag("span", {"style": style, "aria-hidden": "true"}, "●" if colours and not is_hollow else "○")
    return tag("span", {"style": "white-space:nowrap"}, dot, " ", words)


def run_duration(run: Run, now_ms: int) -> str:
    """Write how long a run took, or has been going on."""
    end = run.info.end_time
    return duration((now_ms if end is None else end) - run.info.start_time)
