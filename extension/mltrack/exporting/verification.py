"""What verifying a project found: each metric beside the run's, and whether two runs agree."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.plain_text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RELATIVE_TOLERANCE = 1e-6
"""How far a metric may be from the run's, as a part of it, where no other tolerance is given."""


@dataclass(frozen=True, slots=True)
class MetricCheck:
    """One metric: what the run had, what each run of the project gave (None for nothing), and how far it may be off.

    ``tolerance`` is relative; beside an expected 0 it is absolute.
    """

    name: str
    expected: float
    values: tuple[float | None, ...]
    tolerance: float

    @property
    def good(self) -> bool:
        """True when every run gave the metric, within the tolerance."""
        return bool(self.values) and all(is_close(self.expected, value, self.tolerance) for value in self.values)

    def same(self, places: Sequence[int] | None = None) -> bool:
        """Tell whether all runs, or those in some places, gave one and the same number."""
        values = self.values if places is None else [self.values[place] for place in places]
        return all(is_same(values[0], value) for value in values[1:])


def is_same(one: float | None, other: float | None) -> bool:
    """Tell whether two numbers are the same; NaN is NaN."""
    if one is None or other is None:
        return one is other
    return one == other or (math.isnan(one) and math.isnan(other))


def is_close(expected: float, value: float | None, tolerance: float) -> bool:
    """Tell whether a value is what was expected, but for a part of it; NaN and infinities are themselves alone."""
    if value is None or is_same(expected, value):
        return value is not None
    if not (math.isfinite(expected) and math.isfinite(value)):
        return False
    return abs(value - expected) <= tolerance * (abs(expected) or 1.0)


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a project gives a run's metrics.

    ``problem`` says why it could not be run or compared, empty when it could; ``seconds`` is what each of its runs
    took, the making of the environment with the first; ``forms`` is what each ran, ``script`` or ``notebook``.
    """

    run_id: str
    checks: tuple[MetricCheck, ...] = ()
    seconds: tuple[float, ...] = ()
    manager: str = "uv"
    problem: str = ""
    forms: tuple[str, ...] = ()

    @property
    def verified(self) -> bool:
        """True when it ran, and every metric of the run came out within its tolerance, each time."""
        return not self.problem and bool(self.checks) and all(check.good for check in self.checks)

    @property
    def deterministic(self) -> bool:
        """True when every run of one form of the project gave the same numbers."""
        return not self.unsteady

    @property
    def unsteady(self) -> tuple[str, ...]:
        """The metrics that two runs of one form gave differently."""
        return tuple(check.name for check in self.checks if not all(check.same(same) for same in self._places()))

    @property
    def by_form(self) -> tuple[str, ...]:
        """The metrics that the notebook gives differently from the script, both of which give the same each time."""
        return tuple(
            check.name for check in self.checks if not check.same() and all(check.same(same) for same in self._places())
        )

    def _places(self) -> list[list[int]]:
        """Give for each form the places of its runs; without forms, all are of one."""
        count = len(self.checks[0].values) if self.checks else 0
        forms = self.forms[:count] if len(self.forms) >= count else ("",) * count
        return [[place for place, each in enumerate(forms) if each == form] for form in dict.fromkeys(forms)]

    @property
    def text(self) -> str:
        """A small table, one metric a line, and the result."""
        lines = _table(self.checks, self.forms) if self.checks else []
        if self.problem:
            lines.append(f"not verified: {self.problem}")
        else:
            lines.append("verified" if self.verified else "not verified")
        if self.unsteady:
            differing = ", ".join(map(printable, self.unsteady))
            lines.append(f"Two runs gave different numbers: {differing}. Something random has no seed.")
        if self.by_form:
            differing = ", ".join(map(printable, self.by_form))
            lines.append(f"main.ipynb gave other numbers than main.py: {differing}.")
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Give it as plain JSON; numbers that are not finite are texts."""
        metrics = {
            check.name: {
                "expected": number_text(check.expected),
                "values": [None if value is None else number_text(value) for value in check.values],
                "tolerance": check.tolerance,
                "good": check.good,
            }
            for check in self.checks
        }
        return {
            "run_id": self.run_id,
            "verified": self.verified,
            "deterministic": self.deterministic,
            "environment": self.manager,
            "seconds": [round(each, 3) for each in self.seconds],
            "forms": [*self.forms],
            "problem": self.problem,
            "metrics": metrics,
        }


def number_text(value: float) -> float | str:
    """Give a number as JSON holds it: those that are not finite as texts, which ``float`` reads."""
    return value if math.isfinite(value) else {"inf": "Infinity", "-inf": "-Infinity"}.get(str(value), "NaN")


def checked_tolerances(metrics: Mapping[str, float], given: Mapping[str, float] | float | None) -> dict[str, float]:
    """Give the tolerances by name; one for all names none.

    Raises
    ------
    InvalidParameterError
        When one is no number from 0 on, or is for no metric.
    """
    by_name = {} if given is None or isinstance(given, (int, float)) else dict(given)
    for name in by_name:
        if name not in metrics:
            known = ", ".join(metrics) or "none"
            raise InvalidParameterError(f"There is no metric {name[:80]!r} to be tolerant of; there are: {known}.")
    for value in [*by_name.values(), *([given] if isinstance(given, (int, float)) else [])]:
        if not 0 <= value < math.inf:
            raise InvalidParameterError(f"A tolerance is {value}; give a number from 0 on, as 0.01 for one percent.")
    return {name: float(value) for name, value in by_name.items()}


def read_tolerances(words: Sequence[str]) -> dict[str, float] | float | None:
    """Read tolerances as they are typed: ``0.01`` for all metrics, ``loss=0.1`` for one.

    Raises
    ------
    InvalidParameterError
        When one is no number, or one for all comes with others.
    """
    found: dict[str, float] = {}
    for word in words:
        name, _, text = word.rpartition("=")
        try:
            found[name] = float(text)
        except ValueError:
            raise InvalidParameterError(f"The tolerance {word[:80]!r} is not as 0.01 or loss=0.01.") from None
    if "" not in found:
        return found or None
    if len(found) > 1:
        raise InvalidParameterError("Give one tolerance for all metrics, or those of some by name; not both.")
    return found[""]


def _table(checks: tuple[MetricCheck, ...], forms: Sequence[str]) -> list[str]:
    heads = [f"again {number}" for number in range(1, len(checks[0].values) + 1)]
    if len(set(forms)) > 1:
        heads = [f"{head}, {form}" for head, form in zip(heads, forms, strict=False)]
    rows = [["metric", "run", *heads, ""]]
    for check in checks:
        values = ["missing" if value is None else f"{value:.10g}" for value in check.values]
        rows.append([printable(check.name), f"{check.expected:.10g}", *values, "ok" if check.good else "DIFFERENT"])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
