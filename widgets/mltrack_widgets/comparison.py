"""What differs between runs: what they were given, what came out, and what they ran with, as rows side by side."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from mltrack.keys import GIT_BRANCH_TAG, GIT_COMMIT_TAG, GIT_DIRTY_TAG, SOURCE_NAME_TAG, USER_TAG
from mltrack_widgets.card_rows import data_contexts, own_tags, telling_metrics, telling_params
from mltrack_widgets.format import exact_time, number, param_value, relative_time, short_id, size
from mltrack_widgets.run_card import run_duration, status_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pandas as pd

    from mltrack.entities import Run
    from mltrack.store.artifact_folder import FileRecord
    from mltrack.store.protocol import Store

MOST_RUNS = 10
"""The most runs that are put side by side."""

_GIT = {GIT_COMMIT_TAG: "git commit", GIT_BRANCH_TAG: "git branch", GIT_DIRTY_TAG: "git checkout"}
_DIRTY = {"true": "changed since the commit", "false": "as committed"}


class Value(NamedTuple):
    """What a run has in a row: ``exact`` is what is compared, ``shown`` how it is written, ``number`` a metric's."""

    exact: str
    shown: str
    number: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One name and what each run has under it, None where a run has nothing; ``differs`` when they do not agree."""

    name: str
    values: tuple[Value | None, ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of one kind. ``unknown`` are the places of runs of which nothing of this kind was kept."""

    kind: str
    title: str
    rows: tuple[Row, ...]
    unknown: tuple[int, ...] = ()

    @property
    def differing(self) -> list[Row]:
        """The rows in which runs differ."""
        return [row for row in self.rows if row.differs]

    @property
    def same(self) -> list[Row]:
        """The rows that are the same in all runs."""
        return [row for row in self.rows if not row.differs]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs side by side, the baseline first: sections of rows, each with a value for each run."""

    runs: tuple[Run, ...]
    sections: tuple[Section, ...]

    def section(self, kind: str) -> Section:
        """Give the section of a kind: run, params, metrics, data, tags, environment, packages or artifacts."""
        return next(each for each in self.sections if each.kind == kind)

    def to_dataframe(self) -> pd.DataFrame:
        """Give a row for each name (``params.C``, ``metrics.loss``, ``packages.numpy``…) and a column for each run.

        Metrics are floats, all else is text; None where a run has nothing. Columns are named as the runs are, with the
        first digits of the id where two have one name.
        """
        import pandas as pd  # heavy, needed for frames only

        rows = [(f"{section.kind}.{row.name}", row) for section in self.sections for row in section.rows]
        values = [[_plain(value) for value in row.values] for _, row in rows]
        return pd.DataFrame(values, index=[name for name, _ in rows], columns=column_names(self.runs), dtype=object)


@dataclass(frozen=True, slots=True)
class Side:
    """All that is compared of one run, as read at ``now_ms`` (ms since 1970, UTC)."""

    run: Run
    experiment_name: str
    environment: Mapping[str, object] | None
    files: Mapping[str, FileRecord]
    error: str | None
    now_ms: int


def compare_runs(store: Store, runs: Sequence[Run]) -> Comparison:
    """Read what is compared of 1 to 10 runs, the first of which is the baseline, and put it side by side."""
    now_ms = time.time_ns() // 1_000_000
    return comparison_of([_side(store, run, now_ms=now_ms) for run in runs[:MOST_RUNS]])


def comparison_of(sides: Sequence[Side]) -> Comparison:
    """Put runs side by side, the first as the baseline."""
    runs = [side.run for side in sides]
    unknown = tuple(place for place, side in enumerate(sides) if side.environment is None)
    sections = (
        _section("params", [_params(run) for run in runs], order=telling_params),
        _section("metrics", [_metrics(run) for run in runs], order=telling_metrics),
        _section("data", [_texts(data_contexts(run)) for run in runs]),
        _section("run", [_about(side) for side in sides]),
        _section("tags", [_tags(run) for run in runs], order=sorted),
        _section("environment", [_environment(side) for side in sides], unknown=unknown),
        _section("packages", [_packages(side) for side in sides], order=sorted, unknown=unknown),
        _section("artifacts", [_files(side) for side in sides], order=sorted),
    )
    return Comparison(tuple(runs), sections)


def column_names(runs: Sequence[Run]) -> list[str]:
    """Name runs so that no two have one name."""
    names = [run.info.run_name for run in runs]
    return [
        name if names.count(name) == 1 else f"{name} ({short_id(run.info.run_id)})"
        for name, run in zip(names, runs, strict=True)
    ]


def _side(store: Store, run: Run, *, now_ms: int) -> Side:
    run_id = run.info.run_id
    failure = store.get_failure(run_id)
    return Side(
        run=run,
        experiment_name=store.get_experiment(run.info.experiment_id).name,
        environment=store.get_environment(run_id),
        files=store.artifact_records(run_id),
        error=f"{failure.name}: {failure.message}".strip() if failure else None,
        now_ms=now_ms,
    )


def _section(
    kind: str,
    tables: Sequence[Mapping[str, Value]],
    *,
    order: Callable[[Any], Iterable[str]] = list,
    unknown: tuple[int, ...] = (),
) -> Section:
    first_texts = {name: value.exact for table in reversed(tables) for name, value in table.items()}
    merged = {name: first_texts[name] for name in chain.from_iterable(tables)}
    rows = [_row(name, tables, unknown=unknown) for name in order(merged)]
    return Section(kind, kind.capitalize(), tuple(rows), unknown)


def _row(name: str, tables: Sequence[Mapping[str, Value]], *, unknown: tuple[int, ...]) -> Row:
    values = tuple(table.get(name) for table in tables)
    told = {value and value.exact for place, value in enumerate(values) if place not in unknown}
    return Row(name, values, len(told) > 1)


def _plain(value: Value | None) -> str | float | None:
    if value is None:
        return None
    return value.exact if value.number is None else value.number


# What a run has to say of each kind


def _text(text: str, shown: str | None = None) -> Value:
    return Value(text, text if shown is None else shown)


def _texts(texts: Mapping[str, str]) -> dict[str, Value]:
    return {name: _text(text) for name, text in texts.items()}


def _about(side: Side) -> dict[str, Value]:
    info, tags = side.run.info, side.run.data.tags
    about = {
        "id": _text(info.run_id, short_id(info.run_id)),
        "status": _text(status_word(info.status)),
        "experiment": _text(side.experiment_name),
        "started": _text(exact_time(info.start_time), relative_time(info.start_time, side.now_ms)),
        "duration": _text(run_duration(side.run, side.now_ms)),
    }
    if side.error is not None:
        about["error"] = _text(side.error)
    if info.lifecycle_stage != "active":
        about["stage"] = _text(info.lifecycle_stage)
    for key, name in ((USER_TAG, "user"), (SOURCE_NAME_TAG, "source")):
        if key in tags:
            about[name] = _text(tags[key])
    return about | _git(tags)


def _params(run: Run) -> dict[str, Value]:
    return {name: _text(text, param_value(text)) for name, text in run.data.params.items()}


def _metrics(run: Run) -> dict[str, Value]:
    return {name: Value(repr(value), number(value), value) for name, value in run.data.metrics.items()}


def _tags(run: Run) -> dict[str, Value]:
    return _texts({key: text for key, text in own_tags(run).items() if key not in _GIT})


def _environment(side: Side) -> dict[str, Value]:
    document = side.environment or {}
    found: dict[str, str] = {}
    for name, part, keys in (
        ("python", "python", ("implementation", "version")),
        ("platform", "platform", ("system", "release", "machine")),
        ("processor", "hardware", ("cpu",)),
        ("cores", "hardware", ("cpu_count",)),
    ):
        values = _mapping(document.get(part))
        found[name] = " ".join(str(values[key]) for key in keys if values.get(key))
    memory = _mapping(document.get("hardware")).get("memory_bytes")
    found["memory"] = f"{memory / 2**30:.0f} GiB" if isinstance(memory, int) else ""
    found |= {str(name): str(value) for name, value in _mapping(document.get("variables")).items()}
    return _texts({name: text for name, text in found.items() if text})


def _git(tags: Mapping[str, str]) -> dict[str, Value]:
    texts = {name: tags[key] for key, name in _GIT.items() if tags.get(key)}
    shown = {key: short_id(text) if key == "git commit" else _DIRTY.get(text, text) for key, text in texts.items()}
    return {name: _text(text, shown[name]) for name, text in texts.items()}


def _packages(side: Side) -> dict[str, Value]:
    packages = _mapping((side.environment or {}).get("packages"))
    return {str(name): _text(str(version)) for name, version in packages.items()}


def _files(side: Side) -> dict[str, Value]:
    return {
        path: _text(f"{record.size} bytes, SHA-256 {record.digest}", f"{size(record.size)} · {record.digest[:8]}")
        for path, record in side.files.items()
    }


def _mapping(value: object) -> Mapping[str, object]:
    """Give what should be a mapping: another tracker may have put anything into an environment."""
    return value if isinstance(value, dict) else {}
