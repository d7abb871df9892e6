"""Which cells made a run's result, to read: those it depends on in the order they ran, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.exceptions import NotFoundError
from mltrack.plain_text import printable, visible
from mltrack.provenance.slicing import slice_of
from mltrack.settings import get_store
from mltrack_widgets.bundle import Bundle, framed
from mltrack_widgets.format import count, one_line, size
from mltrack_widgets.html import NOTHING, Markup, short_text, tag
from mltrack_widgets.verdict import kind_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.entities import Run
    from mltrack.provenance.slice import Finding, Slice, Step

_LONGEST_SOURCE = 20_000
_LONGEST_LINE = 100
_MOST_LEFT_OUT = 300
_MOST_FILES = 50

# Inline, so that it holds in untrusted notebooks too (see bundle.framed).
_SCROLL = {"class": "mt-scroll", "style": "max-height:600px;overflow:auto", "tabindex": "0", "role": "region"}
_CELL = {"class": "mt-cell", "style": "display:flex;padding:8px 0"}
_COUNT = {"class": "mt-dim", "style": "width:56px;flex-shrink:0"}
_CONTENT = {"style": "flex-grow:1;flex-basis:0;min-width:0px"}
_DIM = {"class": "mt-dim"}
_SOURCE = {"style": "max-height:400px;overflow:auto"}
_LIST = {"style": "padding:8px 0"}
_ROW = {"style": "display:flex;column-gap:16px;overflow-wrap:break-word"}
_TERM = {"style": "width:112px;flex-shrink:0"}
_DEFINITION = {"style": "min-width:0px"}
_SUMMARY = {"class": "mt-dim", "style": "display:block;cursor:pointer;padding:8px 0"}


@dataclass(frozen=True, slots=True)
class Provenance:
    """A slice, with the numbers that stand beside the cells in the notebook, and the sources of those left out."""

    found: Slice
    run_name: str
    counts: Mapping[int, int | None]
    left_out: Mapping[int, str]


def provenance_of(run: Run) -> Bundle:
    """Draw what a run of this process's store depends on; NotFoundError when it has no snapshot."""
    return slice_view(slice_of(run.info.run_id), run_name=run.info.run_name)


def slice_view(found: Slice, *, run_name: str = "") -> Bundle:
    """Draw a slice, with what this process's store knows of its run beside it."""
    try:
        snapshot = get_store().load_snapshot(found.run_id)
    except NotFoundError:  # the run is in another store, or was deleted
        snapshot = None
    executions = {each.seq: each for each in snapshot.executions} if snapshot else {}
    return provenance_view(
        Provenance(
            found,
            run_name,
            counts={seq: each.execution_count for seq, each in executions.items()},
            left_out={seq: executions[seq].source if seq in executions else "" for seq in found.left_out},
        )
    )


def provenance_view(data: Provenance) -> Bundle:
    """Draw a slice read-only: what was found, the cells that are needed, and a dim list of those that are not."""
    found = data.found
    scroll = {**_SCROLL, "aria-label": "cells that the result depends on"}
    html = framed(
        tag("div", None, tag("span", {"class": "mt-name"}, _title(data)), " ", tag("span", _DIM, _summary(data))),
        _findings(found),
        tag("div", scroll, *(_cell(data, step) for step in found.steps)) if found.steps else NOTHING,
        _left_out(data),
        *(tag("div", _DIM, line) for line in _world(found)),
    )
    return Bundle(html=html, text=_text(data))


# What there is to say in words


def _title(data: Provenance) -> str:
    return one_line(data.run_name, 60) if data.run_name else f"run {one_line(data.found.run_id[:8], 8)}"


def _summary(data: Provenance) -> str:
    found = data.found
    needed, ran = len(found.steps), len(found.steps) + len(found.left_out)
    reasons = len(found.findings)
    verdict = "reproducible" if found.reproducible else f"not reproducible: {count(reasons, 'reason')}"
    return f"depends on {needed} of {count(ran, 'executed cell')} · {verdict}"


def _count(data: Provenance, seq: int) -> str:
    number = data.counts.get(seq)
    return f"[{number}]" if number is not None else "[ ]"


def _badges(data: Provenance, step: Step) -> str:
    is_own = step is data.found.steps[-1]
    said = [*(["the run's own cell"] if is_own else []), *step.reasons]
    if step.status not in ("ok", "running"):
        said.append(f"ended with {step.status}" if step.status == "error" else step.status)
    kinds = dict.fromkeys(kind_word(each.kind) for each in data.found.findings if each.seq == step.seq)
    return " · ".join(one_line(each, _LONGEST_LINE) for each in [*said, *kinds])


def _world(found: Slice) -> list[str]:
    """Say what else the result takes: modules and files."""
    lines = []
    if found.imports:
        lines.append(f"imports {', '.join(one_line(each, 60) for each in found.imports)}")
    for use in found.files[:_MOST_FILES]:
        known = [size(use.size) if use.size is not None else "", f"sha256 {use.digest[:8]}" if use.digest else ""]
        details = ", ".join(filter(None, known))
        lines.append(f"reads {one_line(use.path, _LONGEST_LINE)}" + (f" ({details})" if details else ""))
    return lines


def _first_line(source: str) -> str:
    lines = (line.strip() for line in source.splitlines())
    return one_line(next(filter(None, lines), ""), _LONGEST_LINE)


# HTML


def _findings(found: Slice) -> Markup:
    if not found.findings:
        return NOTHING
    return tag("dl", _LIST, *map(_finding, found.findings))


def _finding(finding: Finding) -> Markup:
    kind = tag("dt", _TERM, kind_word(finding.kind))
    return tag("div", _ROW, kind, tag("dd", _DEFINITION, tag("bdi", None, one_line(finding.text, 1_000))))


def _cell(data: Provenance, step: Step) -> Markup:
    badges = _badges(data, step)
    badge = tag("div", _DIM, badges) if badges else NOTHING
    source = tag("pre", _SOURCE, _cut(step.source))
    return tag("div", _CELL, tag("div", _COUNT, _count(data, step.seq)), tag("div", _CONTENT, badge, source))


def _left_out(data: Provenance) -> Markup:
    if not data.left_out:
        return NOTHING
    rows = [
        tag(
            "div",
            {"style": "display:flex"},
            tag("div", _COUNT, _count(data, seq)),
            short_text(_first_line(source), 100),
        )
        for seq, source in list(data.left_out.items())[:_MOST_LEFT_OUT]
    ]
    heading = f"▸ {count(len(data.left_out), 'cell')} not needed"
    return tag("details", None, tag("summary", _SUMMARY, heading), tag("div", _DIM, *rows))


def _cut(text: str) -> str:
    if len(text) <= _LONGEST_SOURCE:
        return text
    half = _LONGEST_SOURCE // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"


# Text


def _text(data: Provenance) -> str:
    found = data.found
    heading = f"{printable(_title(data))} {_summary(data)}"
    findings = [f"  {kind_word(each.kind)}: {one_line(each.text, 1_000)}" for each in found.findings]
    cells = [
        f"{_count(data, step.seq)}  {printable(_badges(data, step))}\n{visible(_cut(step.source))}"
        for step in found.steps
    ]
    left_out = [f"  {_count(data, seq)} {printable(_first_line(source))}" for seq, source in data.left_out.items()]
    if left_out:
        left_out = [f"not needed: {count(len(left_out), 'cell')}", *left_out[:_MOST_LEFT_OUT]]
    parts = ["\n".join([heading, *findings]), *cells, "\n".join([*left_out, *map(printable, _world(found))])]
    return "\n\n".join(filter(None, parts))
