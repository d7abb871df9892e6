"""What the benchmarks share: rounds in turn, medians, and one table of figures with their ratios and goals."""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what was measured, the value in its unit, the ratio to the row it is compared with, and the goal."""

    what: str
    value: float
    unit: str
    ratio: float | None = None
    goal: str = ""


def print_table(title: str, rows: list[Row]) -> None:
    """Print a title and the rows in columns."""
    print(f"\n{title}")
    for row in rows:
        ratio = f"x {row.ratio:.2f}" if row.ratio is not None else ""
        print(f"  {row.what:52s} {row.value:12,.2f} {row.unit:8s} {ratio:9s} {row.goal}")


def in_turn(tasks: Mapping[str, Callable[[], float]], *, rounds: int) -> dict[str, float]:
    """Measure each task once a round, one after the other, so that noise hits all alike; gives medians."""
    found: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            found[name].append(task())
    return {name: statistics.median(values) for name, values in found.items()}


def sizes(description: str | None, **defaults: int) -> argparse.Namespace:
    """Read the sizes of a benchmark from the command line, each an option with a default."""
    parser = argparse.ArgumentParser(description=description)
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default: {default}")
    return parser.parse_args()
