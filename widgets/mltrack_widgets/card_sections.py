"""What a run's card shows when it is opened: everything that is known of the run, in sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack_widgets.card_lines import NAME_WIDTH, metric_item
from mltrack_widgets.card_rows import data_texts, model_texts, own_tags
from mltrack_widgets.format import exact_time, middle_cut, one_line, size, strip_ansi
from mltrack_widgets.html import NOTHING, Markup, short_text, tag
from mltrack_widgets.verdict import verdict_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import FileInfo
    from mltrack_widgets.card_data import CardData

_LONGEST_VALUE = 1_000
_LONGEST_TRACEBACK = 20_000
_MOST_ROWS = 200
# Of MLflow's own tags, those that say something to a reader.
_SHOWN_TAGS = {"mlflow.user": "user", "mlflow.source.name": "source", "mlflow.source.git.commit": "git commit"}

_ROW = {"style": "display:flex;column-gap:16px;overflow-wrap:break-word"}
_BODY = {"class": "mt-body", "style": "display:flex;flex-wrap:wrap;gap:12px 32px;padding:8px 12px"}
_SECTION = {"style": "flex-grow:1;flex-basis:240px;min-width:0px"}
_WIDE_SECTION = {"style": "flex-grow:1;flex-basis:100%;min-width:0px"}
# JupyterLab's own rules make dt and dd columns of 20 and 80 percent; in a narrow section the first must be wider.
_TERM = {"style": "width:112px;flex-shrink:0"}
_DEFINITION = {"style": "min-width:0px"}
_TRACEBACK = {"style": "max-height:320px;overflow:auto"}


def everything(data: CardData) -> Markup:
    """Draw what a card shows when it is opened, in sections."""
    sections = [
        _section("Run", _run_rows(data), attributes=_WIDE_SECTION),
        _section("What stands in the way of having it again", _reason_rows(data), attributes=_WIDE_SECTION),
        _section("Metrics", _metric_rows(data)),
        _section("Params", _text_rows(data.run.data.params)),
        _section("Data", _text_rows(data_texts(data.run))),
        _section("Tags", _text_rows(own_tags(data.run))),
        _section("Environment", _text_rows(data.environment)),
        _section("Models", _text_rows(model_texts(data.models))),
        _section("Artifacts", [(_artifact_size(file), _value(file.path)) for file in data.artifacts]),
    ]
    return tag("div", _BODY, *sections, _traceback(data.traceback))


def _section(title: str, rows: Sequence[tuple[str, Markup]], *, attributes: Mapping[str, str] = _SECTION) -> Markup:
    if not rows:
        return NOTHING
    pairs = [
        tag("div", _ROW, tag("dt", _TERM, short_text(key, NAME_WIDTH)), tag("dd", _DEFINITION, value))
        for key, value in rows[:_MOST_ROWS]
    ]
    hidden = len(rows) - _MOST_ROWS
    more = tag("div", {"class": "mt-dim"}, f"and {hidden} more") if hidden > 0 else NOTHING
    return tag("section", attributes, tag("div", {"class": "mt-name"}, title), tag("dl", None, *pairs), more)


def _run_rows(data: CardData) -> list[tuple[str, Markup]]:
    info, tags = data.run.info, data.run.data.tags
    ended = [] if info.end_time is None else [("ended", _value(exact_time(info.end_time)))]
    return [
        ("id", id_of(info.run_id, "")),
        ("experiment", _value(data.experiment_name)),
        ("started", _value(exact_time(info.start_time))),
        *ended,
        *((word, _value(tags[key])) for key, word in _SHOWN_TAGS.items() if key in tags),
        ("artifacts", _value(info.artifact_uri)),
    ]


def _metric_rows(data: CardData) -> list[tuple[str, Markup]]:
    metrics = data.run.data.metrics
    return [(key, _value("  ".join((repr(value), *metric_item(data, key).trail)))) for key, value in metrics.items()]


def _reason_rows(data: CardData) -> list[tuple[str, Markup]]:
    verdict = verdict_of(data.run.data.tags)
    return [(kind, _value(text)) for kind, text in verdict.reasons] if verdict else []


def _text_rows(values: Mapping[str, str]) -> list[tuple[str, Markup]]:
    return [(key, _value(value)) for key, value in values.items()]


def _value(text: str) -> Markup:
    return tag("bdi", None, one_line(text, _LONGEST_VALUE))


def _artifact_size(file: FileInfo) -> str:
    return "folder" if file.is_dir else size(file.file_size)


def _traceback(text: str | None) -> Markup:
    if text is None:
        return NOTHING
    shown = middle_cut(strip_ansi(text), _LONGEST_TRACEBACK)
    return tag("section", _WIDE_SECTION, tag("div", {"class": "mt-name"}, "Traceback"), tag("pre", _TRACEBACK, shown))


def id_of(run_id: str, style: str) -> Markup:
    """Draw a run's whole id, in such a way that it is selected and copied whole."""
    return tag("code", {"class": "mt-id", "style": style, "title": f"{run_id} (click and copy)"}, run_id)
