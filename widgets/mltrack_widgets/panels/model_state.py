"""What the models' page is told: tables, words and what may be done, all of them texts that are ready to be shown."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from mltrack.model_names import ACTIVE_STAGES, STAGES
from mltrack.models.sources import MODELS
from mltrack.plain_text import visible
from mltrack_widgets.format import one_line
from mltrack_widgets.html import hover
from mltrack_widgets.panels.colours import run_colours
from mltrack_widgets.panels.model_pages import run_ids
from mltrack_widgets.panels.model_tables import (
    aliases_of,
    models_table,
    models_words,
    nothing_there,
    run_name,
    stages_of,
    versions_table,
    versions_words,
)
from mltrack_widgets.run_card import NAME_WIDTH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import ModelVersion
    from mltrack_widgets.panels.model_pages import ModelsPage, VersionsPage
    from mltrack_widgets.panels.model_tables import Column

_LONGEST_DESCRIPTION = 2_000


def models_state(page: ModelsPage, opened: str | None, now_ms: int) -> dict[str, Any]:
    """Put registered models into words for the widget; ``opened`` is the one whose versions are shown."""
    columns = models_table(page, now_ms)
    names = [{"key": each.name, "id": each.name, "name": one_line(each.name, NAME_WIDTH)} for each in page.models]
    marks = [{"chosen": each.name == opened} for each in page.models]
    return _table(page, columns, [name | mark for name, mark in zip(names, marks, strict=True)]) | {
        "count": models_words(page)
    }


def versions_state(
    page: VersionsPage, chosen: Sequence[ModelVersion], checked: Mapping[str, str], now_ms: int
) -> dict[str, Any]:
    """Put versions into words for the widget; ``chosen`` are versions, on the page or not."""
    columns = versions_table(page, checked, now_ms)
    lines = run_colours.lines(run_ids(chosen))
    marked = {each.version for each in chosen}
    rows = [_version_row(page, each) for each in page.versions]
    for row, version in zip(rows, page.versions, strict=True):
        line = lines.get(version.run_id) if version.version in marked else None
        row["chosen"] = version.version in marked
        if line is not None:
            row |= {"colour": line.colour, "dashes": " ".join(map(str, line.dashes))}
    return _table(page, columns, rows) | {
        "name": page.model.name,
        "title": one_line(page.model.name, NAME_WIDTH),
        "description": visible(page.model.description[:_LONGEST_DESCRIPTION]),
        "count": versions_words(page),
        "naming": [
            {"name": name, "version": number} for name, number in (*aliases_of(page.model), *stages_of(page.model))
        ],
        "aliases": dict(page.model.aliases),
        "chosen": [_chosen(each) for each in chosen],
        "runs": len(run_ids(chosen)),
        "stages": [{"name": each, "active": each in ACTIVE_STAGES} for each in STAGES],
    }


def _version_row(page: VersionsPage, version: ModelVersion) -> dict[str, Any]:
    reference = page.reference
    return {
        "key": version.version,
        "id": version.version,
        "name": f"version {version.version}",
        "aliases": list(version.aliases),
        "run": one_line(run_name(page, version), NAME_WIDTH) if page.run_of(version) else "",
        "baseline": reference is not None and version.version == reference.version,
    }


def _chosen(version: ModelVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "stage": version.current_stage,
        "aliases": list(version.aliases),
        "description": version.description,
        "serve": f"%mltrack serve {shlex.quote(f'{MODELS}{version.name}/{version.version}')}",
    }


def _table(page: ModelsPage | VersionsPage, columns: Sequence[Column], rows: list[dict[str, Any]]) -> dict[str, Any]:
    missing = nothing_there(page)
    for place, row in enumerate(rows):
        row |= {"level": 1, "open": None, "cells": [_sent(column, place) for column in columns]}
    first, size = page.listing.offset + 1, len(rows)
    return {
        "columns": [_column(each, page) for each in columns],
        "rows": rows,
        "typed": page.listing.typed,
        "group": "",
        "baseline": None,
        "pages": {
            "words": f"{first:,}–{first + size - 1:,}",
            "first": first,
            "total": size if page.token is None and not page.listing.tokens else -1,
            "before": bool(page.listing.tokens),
            "after": page.token is not None,
        },
        "empty": {"words": missing[0], "code": missing[1]} if missing else None,
    }


def _column(column: Column, page: ModelsPage | VersionsPage) -> dict[str, Any]:
    by, descending = page.listing.order
    order = ("descending" if descending else "ascending") if by == column.key else "none"
    return {
        "key": column.key,
        "title": column.title,
        "hover": _title(column.hover),
        "number": column.is_number,
        "sortable": column.is_sortable,
        "order": order,
        "moves": any(column.moved),
    }


def _sent(column: Column, place: int) -> list[str]:
    """Give a cell as its text, its title and the difference to the reference, without what is empty at the end."""
    cell, moved = column.cells[place], column.moved[place] if column.moved else ""
    if moved:
        return [cell.text, _title(cell.title or ""), moved]
    return [cell.text, _title(cell.title)] if cell.title else [cell.text]


def _title(text: str) -> str:
    return visible(hover(text))
