"""What schemas cost beside pandas' own copying of a frame: inferring one, and holding the rows of a request against it.

usage, in the repository: python -m tests.bench.bench_schema [--rows 100000] [--requests 500] [--rounds 9]
Ratios within one call can be read; times alone depend on the machine. mlflow's rows come from a process of its own,
where there is an environment that has it (see ``mlflow_python``).
"""

from __future__ import annotations

import json
import subprocess
import time
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from tests.bench.mlflow_python import mlflow_python
from tests.bench.table import Row, in_turn, print_table, sizes

from mltrack.models.enforcement import enforce_schema
from mltrack.types.infer import schema_of

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

MLFLOW = """
import json, statistics, sys, time, warnings
import numpy as np, pandas as pd
from mlflow.models.utils import _enforce_schema
from mlflow.types.utils import _infer_schema
warnings.simplefilter("ignore")
rows, requests = int(sys.argv[1]), int(sys.argv[2])
one = pd.DataFrame(np.ones((1, 4)), columns=list("abcd"))
schema = _infer_schema(one)
times = []
for _ in range(requests):
    begun = time.perf_counter()
    _enforce_schema(one, schema)
    times.append(time.perf_counter() - begun)
wide = pd.DataFrame(np.ones((rows, 30)), columns=[f"c{number}" for number in range(30)])
begun = time.perf_counter()
_infer_schema(wide)
print(json.dumps([statistics.median(times) * 1e6, (time.perf_counter() - begun) * 1e3]))
"""


class Schemas:
    """The tasks: microseconds a request, or milliseconds a long frame."""

    def __init__(self, chosen: Namespace) -> None:
        self.requests = chosen.requests
        columns = [f"c{number}" for number in range(30)]
        self.wide = pd.DataFrame(np.ones((chosen.rows, 30)), columns=columns)
        self.texts = pd.DataFrame(
            {"text": ["some words"] * chosen.rows, "object": pd.Series(["x"] * chosen.rows, dtype=object)}
        )
        self.reals = schema_of(self._reals(1)[0])
        self.mixed = schema_of(self._mixed(1)[0])

    def _reals(self, count: int) -> list[pd.DataFrame]:
        return [pd.DataFrame(np.ones((1, 4)), columns=list("abcd")) for _ in range(count)]

    def _mixed(self, count: int) -> list[pd.DataFrame]:
        return [pd.DataFrame({"a": [1.5], "b": ["x"], "c": [1], "d": ["y"]}) for _ in range(count)]

    def _each(self, frames: list[pd.DataFrame], work: Callable[[pd.DataFrame], object]) -> float:
        begun = time.perf_counter()
        for frame in frames:
            work(frame)
        return (time.perf_counter() - begun) / len(frames) * 1e6

    def copy(self) -> float:
        """Copy a frame of one row."""
        return self._each(self._reals(self.requests), lambda frame: frame.copy())

    def fitting(self) -> float:
        """Enforce one row of four doubles, which fit."""
        return self._each(self._reals(self.requests), lambda frame: enforce_schema(frame, self.reals))

    def with_texts(self) -> float:
        """Enforce one row of numbers and texts, which fit."""
        return self._each(self._mixed(self.requests), lambda frame: enforce_schema(frame, self.mixed))

    def widened(self) -> float:
        """Enforce one row of four floats, which become doubles."""
        frames = [frame.astype("float32") for frame in self._reals(self.requests)]
        return self._each(frames, lambda frame: enforce_schema(frame, self.reals))

    def infer_numbers(self) -> float:
        """Infer the schema of 30 long columns of doubles."""
        return self._each([self.wide], schema_of) / 1000

    def infer_texts(self) -> float:
        """Infer the schema of two long columns of texts."""
        return self._each([self.texts], schema_of) / 1000


def mlflow_times(rows: int, requests: int) -> list[float] | None:
    """Give mlflow's microseconds a request and milliseconds a long frame, or None where it is not installed."""
    python = mlflow_python()
    if python is None:
        return None
    command = [python, "-c", MLFLOW, str(rows), str(requests)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    times: list[float] = json.loads(done.stdout.splitlines()[-1])
    return times


def main() -> None:
    """Measure and print."""
    chosen = sizes(__doc__, rows=100_000, requests=500, rounds=9)
    warnings.simplefilter("ignore")
    tasks = Schemas(chosen)
    names = (tasks.copy, tasks.fitting, tasks.with_texts, tasks.widened, tasks.infer_numbers, tasks.infer_texts)
    found = in_turn({task.__name__: task for task in names}, rounds=chosen.rounds)
    copy = found["copy"]
    rows = [
        Row("pandas' copy of one row", copy, "us", 1.0),
        Row("enforce_schema, one row that fits", found["fitting"], "us", found["fitting"] / copy, "goal: 40 us"),
        Row("enforce_schema, one row with texts", found["with_texts"], "us", found["with_texts"] / copy, "goal: 40 us"),
        Row("enforce_schema, one row that is widened", found["widened"], "us", found["widened"] / copy),
        Row(f"infer_schema, {chosen.rows:,} rows of 30 doubles", found["infer_numbers"], "ms", None, "goal: 5 ms"),
        Row(f"infer_schema, {chosen.rows:,} rows of 2 texts", found["infer_texts"], "ms"),
    ]
    if (theirs := mlflow_times(chosen.rows, chosen.requests)) is not None:
        rows.append(Row("mlflow's _enforce_schema, one row that fits", theirs[0], "us", theirs[0] / copy))
        rows.append(Row("mlflow's _infer_schema, 30 doubles", theirs[1], "ms"))
    print_table(f"schemas, medians of {chosen.rounds} rounds in turn", rows)


if __name__ == "__main__":
    main()
