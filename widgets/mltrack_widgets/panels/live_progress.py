"""How far a training has come, in words and as a fraction, when its length is known."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from mltrack_widgets.format import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mltrack_widgets.panels.live_series import LiveSeries

Item = TypeVar("Item")

# Params that say how long a training is, as frameworks and people name them, and what they count.
LENGTHS = {
    **dict.fromkeys(("epochs", "max_epochs", "num_epochs", "n_epochs", "num_train_epochs"), "epoch"),
    **dict.fromkeys(("n_estimators", "num_boost_round", "num_iterations", "num_rounds", "iterations"), "round"),
    **dict.fromkeys(("max_steps", "total_steps", "num_steps", "n_steps", "train_steps"), "step"),
}


class Steps(Generic[Item]):
    """An iterable that counts what is taken from it; its loop is what the panel shows the progress of."""

    def __init__(self, items: Iterable[Item], *, total: int | None = None) -> None:
        self._items = items
        self.total = total if total is not None else _length(items)
        self.done = 0
        self.began: float | None = None
        self.begin: Callable[[Steps[Item]], None] | None = None
        self.end: Callable[[Steps[Item]], None] | None = None

    def __len__(self) -> int:
        """Give how many there are; TypeError when that is not known."""
        if self.total is None:
            raise TypeError(f"The length of {type(self._items).__name__!r} is not known; give live() its total=.")
        return self.total

    def __iter__(self) -> Iterator[Item]:
        self.done, self.began = 0, time.monotonic()
        if self.begin is not None:
            self.begin(self)
        try:
            for item in self._items:
                yield item
                self.done += 1
        finally:
            if self.end is not None:
                self.end(self)


def _length(items: Iterable[object]) -> int | None:
    try:
        return len(items)  # type: ignore[arg-type]
    except (TypeError, NotImplementedError, AttributeError, OverflowError):
        return None


class Stand(NamedTuple):
    """How far it has come: ``done`` of ``total`` (None: not known) of a unit, and seconds left (None: not known)."""

    done: int
    total: int | None
    unit: str
    left: float | None

    @property
    def fraction(self) -> float | None:
        """The part that is done, 0 to 1; None when the length is not known."""
        return min(1.0, self.done / self.total) if self.total else None


class Progress:
    """What is known of a training's length: a loop, a total that was given, or a param of the run."""

    def __init__(self, *, total: int | None = None) -> None:
        self.total = total
        self.loops: list[Steps[object]] = []

    def begin(self, steps: Steps[object]) -> None:
        """Count a loop; inside another one the outer one counts."""
        if steps not in self.loops:
            self.loops.append(steps)

    def end(self, steps: Steps[object]) -> None:
        """Count a loop that is inside another no more; the outermost is kept, for its last state is what is shown."""
        if len(self.loops) > 1 and steps in self.loops[1:]:
            self.loops.remove(steps)

    def stand(self, series: Sequence[LiveSeries], params: Mapping[str, str]) -> Stand | None:
        """Say how far it has come; None when nothing was counted yet."""
        if self.loops:
            return _of_loop(self.loops[0])
        if self.total is not None:
            return _of_steps(series, self.total, "step") or _of_steps(series, None, "step")
        for name, unit in LENGTHS.items():
            total = _whole(params.get(name))
            found = _of_steps([each for each in series if each.count > 1], total, unit) if total else None
            if found is not None:
                return found
        return _of_steps(series, None, "step")


def _of_loop(steps: Steps[object]) -> Stand:
    spent = time.monotonic() - (steps.began or time.monotonic())
    left = spent / steps.done * (steps.total - steps.done) if steps.total and steps.done else None
    return Stand(steps.done, steps.total, "step", left)


def _of_steps(series: Iterable[LiveSeries], total: int | None, unit: str) -> Stand | None:
    """Take the metric that has come furthest without passing the total."""
    found = [(done(each), each) for each in series if each.rows]
    found = [(count, each) for count, each in found if total is None or count <= total]
    if not found:
        return None
    count, furthest = max(found, key=lambda pair: pair[0])
    return Stand(count, total, unit, _left(furthest, count, total))


def done(series: LiveSeries) -> int:
    """Give how many steps a metric stands for: those up to its last, or its points where it was logged without."""
    first, last = series.rows[0][0], series.rows[-1][0]
    if series.by_time:
        return series.count if last == 0 else max(0, last)
    return max(0, last + 1 if first == 0 else last)


def _left(series: LiveSeries, count: int, total: int | None) -> float | None:
    (first_step, began, _), (last_step, now, _) = series.rows[0], series.rows[-1]
    passed = series.count - 1 if series.by_time else last_step - first_step
    return (now - began) / 1000 / passed * (total - count) if total and passed > 0 else None


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and 0 < len(text) < 12 and int(text) else None


def words(stand: Stand | None, elapsed: float, *, is_over: bool) -> str:
    """Write ``epoch 12 of 100 · 12 s · about 30 s left``; ``elapsed`` is in seconds."""
    parts = []
    if stand is not None:
        of = f" of {stand.total:,}" if stand.total else ""
        parts.append(f"{stand.unit} {stand.done:,}{of}")
    parts.append(duration(round(elapsed * 1000)) if is_over else rough(elapsed))
    if stand is not None and stand.left is not None and not is_over and stand.done < (stand.total or 0):
        parts.append(f"about {rough(stand.left)} left")
    return " · ".join(parts)


def rough(seconds: float) -> str:
    """Write a duration with whole seconds: ``0 s``, ``12 s``, ``3 min 05 s``."""
    return f"{max(0.0, seconds):.0f} s" if seconds < 59.5 else duration(round(seconds) * 1000)
