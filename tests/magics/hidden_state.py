"""Small notebooks with hidden state, each of a known kind, others that give the same again, and how to play them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.magics.kernels import LOAD

if TYPE_CHECKING:
    from tests.magics.kernels import Kernel

    from mltrack.entities import Run

TRACKED = "t"
NP = "import numpy as np"


@dataclass(frozen=True, slots=True)
class Played:
    """A notebook, what a person did in it, and what must be found, as (kind, cell).

    ``cells`` are the file's at the end, by id, the tracked one called ``t``; ``ran`` are ids, or ids with the source
    that the cell had then. The file is saved before the tracked cell runs, unless ``saved`` is False; ``deleted`` is
    what the front end says at that moment; ``injected`` is done behind the notebook's back, as a debugger does.
    """

    name: str
    cells: dict[str, str]
    ran: tuple[str | tuple[str, str], ...]
    found: frozenset[tuple[str, str]] = frozenset()
    saved: bool = True
    deleted: tuple[str, ...] = ()
    injected: str = ""

    def source(self, step: str | tuple[str, str]) -> tuple[str, str]:
        cell, source = step if isinstance(step, tuple) else (step, self.cells[step])
        return cell, f"%%track_run\n{source}" if cell == TRACKED else source

    def __str__(self) -> str:
        return self.name


def found(*pairs: str) -> frozenset[tuple[str, str]]:
    return frozenset((kind, cell) for kind, _, cell in (pair.partition("@") for pair in pairs))


def unseeded(name: str, cell: str, cells: dict[str, str]) -> Played:
    """A notebook run from top to bottom, one cell of which takes numbers that nobody gave a seed."""
    return Played(name, cells, tuple(cells), found(f"unseeded@{cell}"))


def play(kernel: Kernel, notebook: Played) -> Run:
    """Do what the person did in a kernel that knows nothing of what was played before; gives the run, judged."""
    path = kernel.folder / "played.ipynb"
    kernel.evaluate(FORGET.format(path=str(path)))
    if notebook.injected:
        kernel.evaluate(notebook.injected)
    assert kernel.run(LOAD, "load").status == "ok"
    path.unlink(missing_ok=True)
    for step in notebook.ran[:-1]:
        cell, source = notebook.source(step)
        kernel.run(source, cell)
    if notebook.saved:
        path.write_text(json.dumps(document(notebook)))
    before = {run.info.run_id for run in kernel.runs()} if kernel.has_store else set()
    cell, source = notebook.source(notebook.ran[-1])
    about = {"deletedCells": list(notebook.deleted)} if notebook.deleted else {}
    kernel.run(source, cell, **about)
    kernel.settle()
    return next(run for run in kernel.runs() if run.info.run_id not in before)


# One expression, as ``evaluate`` wants it: out with the extension, the names, the history, and the file's place.
FORGET = """[
    'mltrack' in get_ipython().extension_manager.loaded and get_ipython().extension_manager.unload_extension('mltrack'),
    [
        get_ipython().user_ns.pop(name)
        for name in list(get_ipython().user_ns)
        if not name.startswith('_') and name not in get_ipython().user_ns_hidden
    ],
    get_ipython().history_manager.reset(),
    __import__('os').environ.__setitem__('JPY_SESSION_NAME', {path!r}),
][:0]"""


def document(notebook: Played) -> dict[str, object]:
    cells: list[dict[str, object]] = [
        {"cell_type": "code", "id": cell, "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        for cell, source in (notebook.source(each) for each in notebook.cells)
    ]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [load_cell(), *cells]}


def load_cell() -> dict[str, object]:
    about: dict[str, object] = {"metadata": {}, "outputs": [], "execution_count": None}
    return {"cell_type": "code", "id": "load", "source": LOAD, **about}


HIDDEN = (
    Played(
        "edited and run again after it was used",
        {"a": "x = 10", "b": "y = x + 1", "t": "score = y * 2"},
        (("a", "x = 1"), "b", "a", "t"),
        found("edited@a"),
    ),
    Played("edited and not run again", {"a": "x = 2", "t": "score = x * 2"}, (("a", "x = 1"), "t"), found("edited@a")),
    Played(
        "a function edited after it made the data",
        {"f": "def clean(v):\n    return v + 2", "d": "data = clean(1)", "t": "score = data * 2"},
        (("f", "def clean(v):\n    return v + 1"), "d", "f", "t"),
        found("edited@f"),
    ),
    Played(
        "deleted, as the front end says",
        {"t": "score = x * 2"},
        (("a", "x = 1"), "t"),
        found("deleted@a"),
        saved=False,
        deleted=("a",),
    ),
    Played("deleted, as the file says", {"t": "score = x * 2"}, (("a", "x = 1"), "t"), found("deleted@a")),
    Played(
        "deleted, and its function is alive",
        {"d": "data = clean(1)", "t": "score = data * 2"},
        (("f", "def clean(v):\n    return v + 1"), "d", "t"),
        found("deleted@f"),
    ),
    Played(
        "two definitions, run the other way round",
        {"a": "x = 1", "b": "x = 2", "t": "score = x * 2"},
        ("b", "a", "t"),
        found("order@a"),
    ),
    Played(
        "defined below its use",
        {"u": "y = x * 2", "d": "x = 3", "t": "score = y + 1"},
        ("d", "u", "t"),
        found("order@d"),
    ),
    Played(
        "changed by a cell below its use",
        {"a": "parts = [1]", "u": "n = len(parts)", "m": "parts.append(2)", "t": "score = n * 2"},
        ("a", "m", "u", "t"),
        found("order@m"),
    ),
    Played(
        "counted up three times",
        {"a": "counter = 0", "i": "counter += 1", "t": "score = counter * 2"},
        ("a", "i", "i", "i", "t"),
        found("order@i"),
    ),
    Played(
        "appended to twice",
        {"a": "rows = []", "i": "rows.append(1)", "t": "score = len(rows) * 2"},
        ("a", "i", "i", "t"),
        found("order@i"),
    ),
    Played(
        "a name from a debugger",
        {"t": "score = injected * 2"},
        ("t",),
        found("undefined@t"),
        injected="get_ipython().user_ns.__setitem__('injected', 5)",
    ),
    Played(
        "a function that uses a name from a startup file",
        {"f": "def scale(v):\n    return v * factor", "t": "score = scale(2)"},
        ("f", "t"),
        found("undefined@f"),
        injected="get_ipython().user_ns.__setitem__('factor', 5)",
    ),
    Played(
        "names of a script", {"r": "%run script.py", "t": "score = from_script * 2"}, ("r", "t"), found("undefined@r")
    ),
    Played("a stored name", {"r": "%store -r stored", "t": "score = stored * 2"}, ("r", "t"), found("undefined@r")),
    Played(
        "a file beside the kernel",
        {"r": "rows = open('data.csv').read().split()", "t": "score = len(rows) * 2"},
        ("r", "t"),
        found("relative-file@r"),
    ),
    Played(
        "a file of this machine's alone",
        {"r": "import os\nplace = os.path.abspath('data.csv')\nrows = open(place).read()", "t": "score = len(rows)"},
        ("r", "t"),
        found("relative-file@r"),
    ),
    unseeded(
        "numbers of numpy without a seed",
        "d",
        {"i": NP, "d": "data = np.random.rand(5)", "t": "score = data.sum()"},
    ),
    unseeded(
        "numbers of random without a seed",
        "t",
        {"i": "import random", "t": "score = random.random() * 2"},
    ),
    unseeded(
        "a generator without a seed",
        "g",
        {"i": NP, "g": "rng = np.random.default_rng()", "t": "score = rng.random() * 2"},
    ),
    Played(
        "a seed that is drawn from twice",
        {"i": f"{NP}\nnp.random.seed(0)", "d": "data = np.random.rand(5)", "t": "score = data.sum()"},
        ("i", "d", "d", "t"),
        found("order@d"),
    ),
    Played(
        "several kinds at once",
        {"r": "rows = open('data.csv').read()", "u": "y = x + len(rows)", "d": "x = 3", "t": "score = y + injected"},
        ("r", "d", "u", "t"),
        found("relative-file@r", "order@d", "undefined@t"),
        injected="get_ipython().user_ns.__setitem__('injected', 5)",
    ),
)
SCIKIT = "from sklearn.linear_model import SGDClassifier\nX, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]"
REPRODUCIBLE = (
    Played("plain", {"a": "x = 1", "t": "score = x * 2"}, ("a", "t")),
    Played("plain, in no file that is known", {"a": "x = 1", "t": "score = x * 2"}, ("a", "t"), saved=False),
    Played("the same cell again", {"a": "x = 1", "t": "score = x * 2"}, ("a", "a", "t", "t")),
    Played(
        "a seed in a function of its own",
        {
            "i": f"import random\n{NP}\ndef start(n):\n    random.seed(n)\n    np.random.seed(n)",
            "s": "start(3)",
            "t": "score = np.random.rand() + random.random()",
        },
        ("i", "s", "t"),
    ),
    Played("a generator with a seed", {"i": NP, "t": "score = np.random.default_rng(1).random()"}, ("i", "t")),
    Played(
        "a file that a cell writes",
        {"w": "with open('made.csv', 'w') as f:\n    _ = f.write('1 2')", "t": "score = len(open('made.csv').read())"},
        ("w", "t"),
    ),
    Played(
        "edited, and everything run again",
        {"a": "x = 2", "b": "y = x + 1", "t": "score = y * 2"},
        (("a", "x = 1"), "b", "a", "b", "t"),
    ),
    Played("only a comment edited", {"a": "x = 1  # one\n", "t": "score = x * 2"}, (("a", "x = 1"), "t")),
    Played(
        "an import came to a cell that had run",
        {"a": "import math\nimport json\nx = 4", "b": "y = math.sqrt(x)", "t": "score = y * 2"},
        (("a", "import math\nx = 4"), "b", "a", "t"),
    ),
    Played("what was deleted is not needed", {"a": "x = 1", "t": "score = x * 2"}, ("a", ("b", "z = 2"), "t")),
    Played(
        "what is out of order is not needed",
        {"a": "x = 1", "u": "w = z", "z": "z = 3", "t": "score = x * 2"},
        ("z", "u", "a", "t"),
    ),
    Played(
        "what is random is not needed",
        {"i": NP, "p": "noise = np.random.rand()", "a": "x = 1", "t": "score = x * 2"},
        ("i", "p", "a", "t"),
    ),
    Played("a counter that starts again", {"t": "counter = 0\ncounter += 1\nscore = counter * 2"}, ("t", "t", "t")),
    Played("magics", {"a": "%%time\nx = 1", "s": "words = !echo a b", "t": "score = x + len(words)"}, ("a", "s", "t")),
    Played(
        "definitions whose order does not matter",
        {"f": "def f():\n    return g() + 1", "g": "def g():\n    return 1", "t": "score = f() * 2"},
        ("f", "g", "t"),
    ),
)
SLOWLY_REPRODUCIBLE = (
    Played(
        "a model fitted again and again",
        {"a": SCIKIT, "m": "model = SGDClassifier(random_state=1)", "t": "model.fit(X, y)\nscore = model.score(X, y)"},
        ("a", "m", "t", "t", "t"),
    ),
    Played(
        "a split with a seed",
        {
            "a": SCIKIT,
            "t": "from sklearn.model_selection import train_test_split as s\nscore = s(y, random_state=0)[0][0]",
        },
        ("a", "t"),
    ),
)
SLOWLY_HIDDEN = (
    unseeded(
        "a model without a seed",
        "t",
        {"a": SCIKIT, "t": "model = SGDClassifier()\nmodel.fit(X, y)\nscore = model.coef_[0][0]"},
    ),
    unseeded(
        "numbers of torch without a seed",
        "t",
        {"i": "import torch", "t": "score = torch.rand(3).sum().item()"},
    ),
)
