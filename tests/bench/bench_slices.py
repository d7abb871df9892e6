"""How long the slice of a run takes in a notebook of many cells: by a new kernel, again, and as a kernel goes along.

usage, in the repository: python -m tests.bench.bench_slices [--cells 200] [--rounds 7]
Prints the medians; IPython is loaded before, as it is in a kernel.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from IPython.core.inputtransformer2 import TransformerManager
from tests.bench.table import Row, in_turn, print_table, sizes

from mltrack.provenance import slicing, transforms
from mltrack.store.notebooks import Execution

if TYPE_CHECKING:
    from collections.abc import Callable

GOAL_MS = 50

CELLS = (
    """\
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split""",
    """\
df{n} = pd.read_csv('data{n}.csv')
df{n}.head()""",
    """\
for column in df{n}.columns:
    print(column, df{n}[column].describe())""",
    """\
df{n}['ratio'] = df{n}['a'] / df{n}['b'].replace(0, np.nan)
df{n} = df{n}.dropna()""",
    """\
fig, axes = plt.subplots(1, 2)
axes[0].plot(df{n}.a)
axes[1].hist(df{n}.b, bins=20)
plt.show()""",
    """\
def evaluate(model, X, y):
    scores = []
    for fold in range(5):
        scores.append(model.score(X[fold::5], y[fold::5]))
    return float(np.mean(scores))""",
    """\
X = df{n}[['a', 'b', 'ratio']]
y = df{n}['target']
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state={n})""",
    """\
best = 0
for depth in (2, 4, 8):
    model = RandomForestClassifier(max_depth=depth, random_state=0)
    model.fit(X_train, y_train)
    score = evaluate(model, X_test, y_test)
    if score > best:
        best, best_model = score, model
    print(depth, score)""",
    """\
results = dict()
results['run{n}'] = best
print(sorted(results.items(), key=lambda each: -each[1]))""",
    """\
!ls
%timeit -n1 -r1 df{n}.sum()""",
)
LAST = "%%track_run\nfinal = evaluate(best_model, X_test, y_test)"


def notebook(cells: int) -> list[Execution]:
    """The executions of a notebook that reads, looks at, plots and fits again and again."""
    sources = [CELLS[number % len(CELLS)].format(n=number // len(CELLS)) for number in range(cells - 1)]
    return [
        Execution(number, None, number, source, 0, 1, "ok", "{}", "[]")
        for number, source in enumerate([*sources, LAST], 1)
    ]


def milliseconds(ran: list[Execution]) -> float:
    start = time.perf_counter()
    slicing.slice_executions(ran, "r")
    return (time.perf_counter() - start) * 1000


def tasks(ran: list[Execution]) -> dict[str, Callable[[], float]]:
    def cold() -> float:
        slicing.forget()
        transforms.parse_cell.cache_clear()
        return milliseconds(ran)

    def warm() -> float:
        slicing.forget()
        return milliseconds(ran)

    def one_more() -> float:
        slicing.slice_executions(ran[:-1], "r")
        return milliseconds(ran)

    return {"nothing parsed before": cold, "all parsed before": warm, "one cell more, in one kernel": one_more}


def main() -> None:
    chosen = sizes(__doc__, cells=200, rounds=7)
    TransformerManager().transform_cell("!ls")
    ran = notebook(chosen.cells)
    found = in_turn(tasks(ran), rounds=chosen.rounds)
    kept = len(slicing.slice_executions(ran, "r").steps)
    first = found["nothing parsed before"]
    rows = [Row(what, value, "ms", value / first, f"to reach: {GOAL_MS} ms") for what, value in found.items()]
    print_table(f"The slice of a run in a notebook of {chosen.cells} cells, {kept} of them kept", rows)


if __name__ == "__main__":
    main()
