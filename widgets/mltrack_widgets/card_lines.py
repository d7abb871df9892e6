"""What the lines of a run's card say, before they are drawn: params, metrics, and what changed since the last run."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from mltrack_widgets.card_rows import telling_metrics, telling_params
from mltrack_widgets.format import count, difference, number, param_value, relative_time, sparkline
from mltrack_widgets.run_status import run_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mltrack_widgets.card_data import CardData

NAME_WIDTH, TEXT_WIDTH = 40, 24
"""Characters of a run's name, and of a key or a value in a line, before they are cut in the middle."""

_LINE_ROOM = 72  # characters of the host's font that fit on one line of a card 640 px wide
_BARS = 10
_CHANGES_ROOM = 56

# Named tuples are made in a third of the time that a dataclass takes, and these are made on %load_ext.


class Item(NamedTuple):
    """One entry of a line: a dim key, its value, what follows it dimly, and what hovering over the value says."""

    key: str
    value: str
    trail: tuple[str, ...]
    exact: str

    @property
    def length(self) -> int:
        """Characters it takes, counted before escaping: what a text holds must not change the structure."""
        shown = min(len(self.key), TEXT_WIDTH) + min(len(self.value), TEXT_WIDTH)
        return shown + sum(len(text) + 1 for text in self.trail) + 3


class Change(NamedTuple):
    """A param that differs from the last run; None on the side where there is no such param."""

    name: str
    before: str | None
    after: str | None


class Line(NamedTuple):
    """A line of entries: its label, those that fit, and how many there are behind them."""

    label: str
    items: Sequence[Item]
    more: int


def lines_of(data: CardData) -> list[Line]:
    """Give the lines of params and metrics, those that hold something."""
    return [line for line in (_params(data), _metrics(data)) if line.items]


def _params(data: CardData) -> Line:
    params = data.run.data.params
    before = data.previous.data.params if data.previous else params
    differing = [key for key in params if params[key] != before.get(key)]
    shown = dict.fromkeys([*differing, *(key for key in data.own_params if key in params)])
    items = _fitting([Item(key, param_value(params[key]), (), params[key]) for key in shown or telling_params(params)])
    return Line("params", items, len(params) - len(items))


def _metrics(data: CardData) -> Line:
    metrics = data.run.data.metrics
    items = _fitting([metric_item(data, key) for key in telling_metrics(metrics)])
    return Line("metrics", items, len(metrics) - len(items))


def metric_item(data: CardData, key: str) -> Item:
    """Give the entry of one metric, with how it moved since the last run and its course."""
    value = data.run.data.metrics[key]
    before = data.previous.data.metrics.get(key) if data.previous else None
    moved = difference(value, before) if before is not None else ""
    steps = data.series_counts.get(key, 0)
    spark = f"{sparkline(data.series.get(key, ()), _BARS)} ({steps})".lstrip() if steps > 1 else ""
    exact = repr(value) if before is None else f"{value!r}, {before!r} in the last run of this cell"
    return Item(key, number(value), tuple(text for text in (moved, spark) if text), exact)


def _fitting(items: Sequence[Item]) -> Sequence[Item]:
    """Return the entries that fit on one line, one at least."""
    return items[: _fit((item.length for item in items), _LINE_ROOM)]


def _fit(lengths: Iterable[int], room: int) -> int:
    return max(1, sum(end <= room for end in accumulate(lengths)))


def _changes(data: CardData) -> list[Change]:
    """Return the params that differ from the last run."""
    if data.previous is None:
        return []
    new, old = data.run.data.params, data.previous.data.params
    changed = [Change(key, old.get(key), new.get(key)) for key in {**new, **old} if new.get(key) != old.get(key)]
    # a run that goes on may still log what it lacks
    return [change for change in changed if change.after is not None or data.run.info.end_time is not None]


def named_changes(data: CardData) -> list[Change]:
    """Return the changes that fit on one line, one at least."""
    changes = _changes(data)
    texts = [[param_value(text) for text in change if text is not None] for change in changes]
    lengths = (sum(min(len(text), TEXT_WIDTH) + 3 for text in parts) for parts in texts)
    return changes[: _fit(lengths, _CHANGES_ROOM)]


def more_changes(data: CardData) -> list[str]:
    """Return what else changed: params beyond those that are named, and edited cells."""
    if data.previous is None:
        return []
    hidden = len(_changes(data)) - len(named_changes(data))
    said = [count(hidden, "more param")] if hidden > 0 else []
    return [*said, f"{count(data.changed_cells, 'cell')} changed"] if data.changed_cells else said


def spent(data: CardData) -> str:
    """Return how long the run took and when it ended, or how long it has been going on."""
    end, took = data.run.info.end_time, run_duration(data.run, data.now_ms)
    return f"{took} so far" if end is None else f"{took} · {relative_time(end, data.now_ms)}"
