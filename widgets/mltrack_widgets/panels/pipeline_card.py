"""How a run of a pipeline looks: the words for it, and what stays of its panel without a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.store.base import now_ms
from mltrack_widgets.format import aligned, count, duration, exact_time, one_line, short_id, strip_ansi
from mltrack_widgets.html import Markup, hover, short_text, tag
from mltrack_widgets.run_status import toned_mark

if TYPE_CHECKING:
    from mltrack.pipelines.pipeline_run import PipelineRun
    from mltrack.pipelines.progress import StepState

NAME_WIDTH, REASON_WIDTH, WHOLE_REASON = 40, 60, 600
TONES = {"finished": "good", "skipped": "same", "failed": "bad", "running": "busy", "checking": "busy"}
"""What a step's dot says: good, bad, busy, the same as before, or nothing."""

_RUN_TONES = {"finished": "good", "failed": "bad", "running": "busy"}
_RUN_WORDS = {"KILLED": "stopped"}

# Inline, so that it holds in untrusted notebooks too (see bundle.framed).
_CARD = {"class": "mt-card", "style": "padding:6px 12px"}
_ITEMS = {"style": "display:flex;flex-wrap:wrap;gap:0 16px"}
_LAYERS = {"style": "display:flex;flex-wrap:wrap;gap:4px 8px;align-items:center;padding:4px 0"}
_LAYER = {"style": "display:flex;flex-direction:column;gap:4px"}
_BOX = {"style": "border:1px solid rgba(128,128,128,0.4);padding:2px 8px;max-width:240px"}
_DIM = {"class": "mt-dim"}


def status_of(begun: PipelineRun) -> str:
    """Give the word for how a run stands."""
    return _RUN_WORDS.get(begun.status, begun.status.lower())


def head_of(begun: PipelineRun) -> dict[str, Any]:
    """Give what the first line says of a run."""
    states = list(begun.steps.values())
    done = sum(state.status.is_good for state in states)
    status = status_of(begun)
    took = (begun.ended or now_ms()) - begun.started
    return {
        "status": status,
        "tone": _RUN_TONES.get(status, ""),
        "name": one_line(begun.name, NAME_WIDTH),
        "done": f"{done} of {count(len(states), 'step')}",
        "took": duration(took),
        "run_id": begun.run_id,
    }


def step_of(state: StepState) -> dict[str, Any]:
    """Give what is said of a step."""
    took = state.duration(now_ms())
    return {
        "name": state.name,
        "status": state.status.value,
        "tone": TONES.get(state.status.value, ""),
        "took": "" if took is None else duration(took),
        "reason": reason_of(state),
        "run_id": state.run_id or "",
        "made_by": state.made_by or "",
    }


def reason_of(state: StepState) -> str:
    """Give why a step runs, was skipped or failed, as one text that can be shown."""
    return one_line(strip_ansi(state.reason), WHOLE_REASON)


def pipeline_text(begun: PipelineRun) -> str:
    """Write a run as a terminal shows it: a line for the whole, and one for each step."""
    head = head_of(begun)
    first = f"{_dot(head['tone'])} {head['status']}  {head['name']}   {head['done']} · {head['took']}"
    steps = [step_of(state) for state in begun.steps.values()]
    rows = [
        [f"{_dot(each['tone'])} {each['status']}", each["name"], each["took"], one_line(each["reason"], REASON_WIDTH)]
        for each in steps
    ]
    return "\n".join([first, *aligned(rows)]) if rows else first


def pipeline_html(begun: PipelineRun) -> Markup:
    """Draw what stays of a panel: the steps as boxes, layer by layer, with how they ended and why."""
    head = head_of(begun)
    seen = exact_time(now_ms())
    who = [
        _mark(head),
        short_text(begun.name, NAME_WIDTH, css="mt-name"),
        tag("span", _DIM, f"{head['done']} · {head['took']}"),
        tag("span", {**_DIM, "title": begun.run_id}, short_id(begun.run_id)),
        tag("span", {**_DIM, "title": seen}, f"as of {seen[11:16]}"),
    ]
    return tag("div", _CARD, tag("div", _ITEMS, *who), tag("div", _LAYERS, *_layers(begun)))


def _layers(begun: PipelineRun) -> list[Markup]:
    states = begun.steps
    found: list[Markup] = []
    for layer in begun.graph.layers():
        boxes = [_box(states[name]) for name in layer if name in states]
        if boxes and found:
            found.append(tag("span", {**_DIM, "aria-hidden": "true"}, "→"))
        if boxes:
            found.append(tag("div", _LAYER, *boxes))
    return found


def _box(state: StepState) -> Markup:
    said = step_of(state)
    parts = [tag("div", None, short_text(state.name, NAME_WIDTH, css="mt-name"))]
    parts.append(tag("div", None, _mark(said), f" {said['took']}" if said["took"] else ""))
    if said["reason"]:
        parts.append(tag("div", {**_DIM, "title": hover(said["reason"])}, one_line(said["reason"], REASON_WIDTH)))
    return tag("div", _BOX, *parts)


def _mark(said: dict[str, Any]) -> Markup:
    is_same = said["tone"] == "same"
    return toned_mark("good" if is_same else said["tone"], said["status"], is_hollow=is_same)


def _dot(tone: str) -> str:
    return "●" if tone not in ("", "same") else "○"
