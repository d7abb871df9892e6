"""Registered models and their versions as tables of cells, which the page, saved HTML and terminals all show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from mltrack_widgets.card_rows import telling_params_of
from mltrack_widgets.format import count, difference, one_line, param_value, short_id
from mltrack_widgets.panels.model_pages import CHAMPION, SORTABLE, ModelsPage
from mltrack_widgets.run_card import NAME_WIDTH, TEXT_WIDTH
from mltrack_widgets.table_cells import NO_VALUE, Cell, metric_cell, moment_cell, text_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mltrack.entities import ModelVersion, RegisteredModel, Run
    from mltrack_widgets.panels.model_pages import VersionsPage

RUNS_CODE = "runs code when loaded"
_NO_STAGE = "None"
_MOST_PARAMS = 2
_MOST_DATASETS = 2


class Column(NamedTuple):
    """A column: its key (``metrics.`` and a name for a metric), its header, and a cell for each row.

    ``moved`` says of each row how far its metric is from that of the version the others are compared with.
    """

    key: str
    title: str
    cells: Sequence[Cell]
    hover: str = ""
    is_number: bool = False
    moved: Sequence[str] = ()

    @property
    def is_sortable(self) -> bool:
        """Whether the store sorts by it."""
        return self.key in SORTABLE

    @property
    def is_empty(self) -> bool:
        """Whether no row has anything to say."""
        return not any(cell.text for cell in self.cells)


def models_table(page: ModelsPage, now_ms: int) -> list[Column]:
    """Put registered models into columns; ``now_ms`` is the time of reading, ms since 1970."""
    models = page.models
    columns = [
        Column("name", "name", [text_cell(each.name, NAME_WIDTH) for each in models]),
        Column("newest", "newest", [_newest(each) for each in models], "newest version", is_number=True),
        Column("aliases", "aliases", [_short(aliases_of(each)) for each in models]),
        Column("stages", "stages", [_short(stages_of(each)) for each in models], "newest version of each stage"),
        Column("changed", "changed", [moment_cell(each.last_updated_timestamp, now_ms) for each in models]),
        Column("description", "description", [text_cell(each.description, NAME_WIDTH) for each in models]),
    ]
    return _said(columns, always=("name", "newest", "changed"))


def versions_table(page: VersionsPage, checked: Mapping[str, str], now_ms: int) -> list[Column]:
    """Put versions into columns; ``checked`` says by version what was found of its files."""
    versions = page.versions
    columns = [
        Column("version", "version", [Cell(each.version) for each in versions], is_number=True),
        Column("aliases", "aliases", [Cell(", ".join(each.aliases)) for each in versions]),
        Column("stage", "stage", [_stage(each) for each in versions]),
        Column("run", "run", [_run_cell(page, each) for each in versions], "the run that made it"),
        *_metrics(page),
        *_changes(page),
        Column("data", "data", [_data_cell(each) for each in versions], "what it was trained on"),
        Column("created", "created", [moment_cell(each.creation_timestamp, now_ms) for each in versions]),
        Column("files", "files", [_files_cell(page, each, checked) for each in versions]),
        Column("description", "description", [text_cell(each.description, NAME_WIDTH) for each in versions]),
    ]
    return _said(columns, always=("version", "aliases", "stage", "run", "created"))


def aliases_of(model: RegisteredModel) -> list[tuple[str, str]]:
    """Give the aliases of a model with the versions they name, the champion first."""
    return sorted(model.aliases.items(), key=lambda pair: (pair[0] != CHAMPION, pair[0]))


def stages_of(model: RegisteredModel) -> list[tuple[str, str]]:
    """Give the stages that versions of a model are in, with the newest version of each."""
    order = ("Production", "Staging", "Archived")
    newest = {each.current_stage: each.version for each in model.latest_versions}
    return [(stage, newest[stage]) for stage in order if stage in newest]


def newest_of(model: RegisteredModel) -> str:
    """Give the number of the newest version of a model; empty when it has none."""
    return max((each.version for each in model.latest_versions), key=int, default="")


def reference_name(page: VersionsPage) -> str:
    """Name the version that others are compared with: ``champion``, else ``Production``; empty for none."""
    if page.reference is None:
        return ""
    return CHAMPION if CHAMPION in page.reference.aliases else page.reference.current_stage


def run_name(page: VersionsPage, version: ModelVersion) -> str:
    """Give the name of the run that made a version, as far as it is known."""
    run = page.run_of(version)
    if run is not None:
        return run.info.run_name
    return str(_part(version, "run").get("name") or short_id(version.run_id))


def _said(columns: Iterable[Column], always: Sequence[str]) -> list[Column]:
    return [each for each in columns if each.key in always or not each.is_empty]


def _newest(model: RegisteredModel) -> Cell:
    return Cell(newest_of(model))


def _short(pairs: Sequence[tuple[str, str]]) -> Cell:
    return text_cell(", ".join(f"{name} {version}" for name, version in pairs), NAME_WIDTH)


def _stage(version: ModelVersion) -> Cell:
    return NO_VALUE if version.current_stage == _NO_STAGE else Cell(version.current_stage)


def _run_cell(page: VersionsPage, version: ModelVersion) -> Cell:
    if not version.run_id:
        return NO_VALUE
    cell = text_cell(run_name(page, version), NAME_WIDTH)
    return cell if page.run_of(version) is not None else Cell(f"{cell.text} (deleted)", version.run_id)


# Metrics, and what changed


def _metrics(page: VersionsPage) -> list[Column]:
    return [_metric(page, each.name) for each in page.metrics]


def _metric(page: VersionsPage, name: str) -> Column:
    runs = [page.run_of(each) for each in page.versions]
    values = [run.data.metrics.get(name) if run else None for run in runs]
    reference = page.run_of(page.reference)
    moved = [] if reference is None else [_moved(name, run, reference) for run in runs]
    cells = [metric_cell(value) for value in values]
    return Column(f"metrics.{name}", one_line(name, TEXT_WIDTH), cells, f"metric {name}", is_number=True, moved=moved)


def _moved(metric: str, run: Run | None, reference: Run) -> str:
    """Write how far a run's metric is from that of another."""
    if run is None or run.info.run_id == reference.info.run_id:
        return ""
    value, before = run.data.metrics.get(metric), reference.data.metrics.get(metric)
    return "" if value is None or before is None else difference(value, before)


def _changes(page: VersionsPage) -> list[Column]:
    if page.reference is None:
        return []
    title = f"against {reference_name(page)}"
    cells = [_changes_cell(page, each, page.reference) for each in page.versions]
    return [Column("changes", title, cells, f"what is other than in version {page.reference.version}")]


def _changes_cell(page: VersionsPage, version: ModelVersion, reference: ModelVersion) -> Cell:
    if version.version == reference.version:
        return NO_VALUE
    if version.digest is not None and version.digest == reference.digest:
        return Cell("same files")
    params = _changed_params(page.run_of(reference), page.run_of(version))
    rest = [*_changed_parts(reference, version)]
    more = [f"+{len(params) - _MOST_PARAMS}"] if len(params) > _MOST_PARAMS else []
    shown = " · ".join([*params[:_MOST_PARAMS], *more, *rest])
    whole = " · ".join([*params, *rest])
    return Cell(shown, whole if whole != shown else None)


def _changed_params(before: Run | None, now: Run | None) -> list[str]:
    """Write the params that differ: ``C 1.0 → 0.5``."""
    if before is None or now is None:
        return []
    old, new = before.data.params, now.data.params
    names = [name for name in telling_params_of([before, now]) if old.get(name) != new.get(name)]
    return [f"{one_line(name, TEXT_WIDTH)} {_param(old.get(name))} → {_param(new.get(name))}" for name in names]


def _param(value: str | None) -> str:
    return "–" if value is None else one_line(param_value(value), TEXT_WIDTH)


def _changed_parts(before: ModelVersion, now: ModelVersion) -> list[str]:
    """Say what else differs, as far as it is known of both."""
    cells = [_part(each, "notebook").get("source_digest") for each in (before, now)]
    data = [{(name, digest) for name, digest, _ in datasets_of(each)} for each in (before, now)]
    found = ["cell edited"] if all(cells) and cells[0] != cells[1] else []
    return [*found, "other data"] if all(data) and data[0] != data[1] else found


# Data and files


def datasets_of(version: ModelVersion) -> list[tuple[str, str, str]]:
    """Give (name, digest, context) of the data that a version's run read."""
    found = version.provenance.get("datasets") or ()
    return [tuple(str(each.get(key) or "") for key in ("name", "digest", "context")) for each in found]  # type: ignore[misc]


def _data_cell(version: ModelVersion) -> Cell:
    found = datasets_of(version)
    shown = [f"{one_line(name, TEXT_WIDTH)} {short_id(digest)}" for name, digest, _ in found[:_MOST_DATASETS]]
    more = [f"+{len(found) - _MOST_DATASETS}"] if len(found) > _MOST_DATASETS else []
    whole = ", ".join(" ".join(filter(None, each)) for each in found)
    return Cell(", ".join([*shown, *more]), whole or None)


def _files_cell(page: VersionsPage, version: ModelVersion, checked: Mapping[str, str]) -> Cell:
    files = page.unsafe.get(version.model_id or "")
    words = [checked.get(version.version, ""), RUNS_CODE if files else ""]
    return Cell(" · ".join(filter(None, words)), files)


def _part(version: ModelVersion, name: str) -> Mapping[str, Any]:
    found = version.provenance.get(name)
    return found if isinstance(found, dict) else {}


# Words


def models_words(page: ModelsPage) -> str:
    """Say which registered models these are."""
    return _rows_words(page, len(page.models), "registered model")


def versions_words(page: VersionsPage) -> str:
    """Say which versions these are."""
    return _rows_words(page, len(page.versions), "version")


def _rows_words(page: ModelsPage | VersionsPage, shown: int, noun: str) -> str:
    found = " that match" if page.listing.typed.strip() else ""
    if not page.listing.tokens and page.token is None:
        return count(shown, noun) + found
    first = page.listing.offset + 1
    return f"{noun}s {first:,} to {first + shown - 1:,}{found}" + (", more follow" if page.token else "")


def model_words(page: VersionsPage) -> list[str]:
    """Say what names versions of the model: ``champion 3``, ``Production 3``."""
    return [f"{name} {version}" for name, version in (*aliases_of(page.model), *stages_of(page.model))]


def nothing_there(page: ModelsPage | VersionsPage) -> tuple[str, str] | None:
    """Say why there are no rows, and what to type to have some; None where there are rows."""
    if isinstance(page, ModelsPage):
        found, noun, name = len(page.models), "registered model", "name"
    else:
        found, noun, name = len(page.versions), "version", page.model.name
    if found:
        return None
    if page.listing.tokens:
        return f"The {noun}s of this page are gone; go back to the one before.", ""
    if page.listing.typed.strip():
        return f"No {noun} matches this.", ""
    line = f"mltrack.register_model(info.model_uri, {json.dumps(name, ensure_ascii=False)})"
    return f"No {noun}s yet. What log_model gave becomes one with this line:", line
