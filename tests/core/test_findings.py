"""Hidden state, found in slices made by hand: what each kind is, and what is none."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mltrack.provenance.cell_facts import facts_of
from mltrack.provenance.findings import MOST_FINDINGS, findings_of
from mltrack.provenance.observed import KEY, Observed
from mltrack.provenance.slice import Finding, Slice, Step
from mltrack.provenance.stale_cells import does_the_same
from mltrack.provenance.transforms import parse_cell
from mltrack.store.notebooks import Execution, Session, Snapshot

BEGAN = 1_795_237_705_000


@dataclass
class Ran:
    """One execution: its source, its cell, what the kernel saw (None: it did not look), and whether it is a step."""

    source: str
    cell: str | None = None
    seen: dict[str, Any] | None = field(default_factory=dict)
    needed: bool = True
    about: dict[str, Any] = field(default_factory=dict)
    status: str = "ok"


def judge(*ran: Ran, file: list[tuple[str, str]] | None = None, saved: int = 10_000) -> tuple[Finding, ...]:
    """Find what stands in the way; ``file`` are the notebook's cells, ``saved`` when, in ms after the first cell."""
    executions = tuple(_execution(number, each) for number, each in enumerate(ran, 1))
    texts = {f"d{place}": source for place, (_, source) in enumerate(file or [])}
    cells = [{"type": "code", "id": cell, "source": f"d{place}"} for place, (cell, _) in enumerate(file or [])]
    manifest = json.dumps({"path": "n.ipynb", "saved_at": BEGAN + saved, "metadata": {}, "cells": cells})
    snapshot = Snapshot(
        Session("s", BEGAN), len(ran), "id:t", "", executions, manifest if file is not None else None, texts
    )
    steps = tuple(
        Step(number, each.cell, each.source, parse_cell(each.source).python, each.status, (), _observed(each))
        for number, each in enumerate(ran, 1)
        if each.needed
    )
    return findings_of(snapshot, Slice("r", steps))


def _execution(number: int, ran: Ran) -> Execution:
    effects = {KEY: ran.seen} if ran.seen else {}
    metadata = json.dumps({**effects, **ran.about})
    began = BEGAN + number * 1000
    return Execution(number, ran.cell, number, ran.source, began, began + 10, ran.status, metadata, "[]")


def _observed(ran: Ran) -> Observed | None:
    return None if ran.seen is None else Observed.from_json(ran.seen)


def kinds(found: tuple[Finding, ...]) -> list[tuple[str, int | None]]:
    return [(each.kind, each.seq) for each in found]


LOOKED = {"types": {"looked": "builtins.int"}}
"""What makes a kernel one that looks at what cells do."""


# Edited and deleted


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("x = 1", "x = 1\n", True),
        ("x = 1", "x = 1  # one", True),
        ("x = 1", "x=1", True),
        ("x = 1", "x = 2", False),
        ("import a\nx = 1", "import a, b\nx = 1", False),  # another statement; to be careful
        ("import a\nx = 1", "import a\nimport b\nx = 1", True),
        ("import a\nimport b\nx = 1", "import a\nx = 1", False),
        ("x = 1\ny = 2", "y = 2\nx = 1", False),
        ("x = (", "x = [", False),
        ("x = 1", "", False),
        ("%matplotlib inline\nx = 1", "%matplotlib widget\nx = 1", False),
    ],
)
def test_what_counts_as_an_edit(before: str, after: str, same: bool) -> None:
    assert does_the_same(before, after) is same


def test_a_file_that_was_saved_before_the_cell_ran_says_nothing_of_it() -> None:
    ran = (Ran("x = 1", "a"), Ran("y = x", "t"))
    assert judge(*ran, file=[("a", "x = 0"), ("t", "y = 0")], saved=0) == ()
    assert kinds(judge(*ran, file=[("a", "x = 0"), ("t", "y = x")])) == [("edited", 1)]


def test_a_deletion_that_was_undone_is_none() -> None:
    deletion = {"deleted_cells": ["a"]}
    assert kinds(judge(Ran("x = 1", "a"), Ran("y = x", "t", about=deletion))) == [("deleted", 1)]
    again = (Ran("x = 1", "a"), Ran("0", "b", about=deletion, needed=False), Ran("x = 1", "a"), Ran("y = x", "t"))
    assert judge(*again) == ()
    assert judge(Ran("x = 1", "a"), Ran("y = x", "t", about=deletion), file=[("a", "x = 1"), ("t", "y = x")]) == ()


def test_where_the_files_ids_are_others_cells_are_known_by_their_source() -> None:
    ran = (Ran("x = 1", "vscode-1"), Ran("y = x", "vscode-2"))
    assert judge(*ran, file=[("a", "x = 1"), ("b", "y = x")]) == ()
    assert kinds(judge(*ran, file=[("a", "x = 2"), ("b", "y = x")])) == [("edited", 1)]
    assert kinds(judge(Ran("x = 1"), Ran("y = x"), file=[("b", "y = x"), ("a", "x = 1")])) == [("order", 1)]


def test_a_finding_names_the_cell_and_what_it_defines() -> None:
    (found,) = judge(Ran("a = b = c = d = e = 1", "a"), Ran("y = a", "t"), file=[("t", "y = a")])
    assert (found.kind, found.seq, found.cell_id, found.names) == ("deleted", 1, "a", ("a", "b", "c", "d", "e"))
    assert found.text.startswith("Cell 1, which defines a, b, c, d and 1 more, is not in the notebook any more")


# Order


@pytest.mark.parametrize(
    ("sources", "ran", "found"),
    [
        (["import os", "x = os", "import os", "t = x"], [2, 1, 3], []),  # the same import from another cell
        (["x = 1", "t = x"], [0, 1], []),
        (["t = x", "x = 1"], [1, 0], [("order", 1)]),
        (["x = 1", "x = x + 1", "t = x"], [0, 1, 2], []),
        (["x = x + 1", "x = 1", "t = x"], [1, 0, 2], [("order", 1), ("order", 2)]),
        (["d = {}", "t = len(d)", "d['a'] = 1"], [0, 2, 1], [("order", 2)]),
        (["d = {}", "d['a'] = 1", "t = len(d)"], [0, 1, 2], []),
        (["def f(): return g()", "def g(): return 1", "t = f()"], [1, 0, 2], []),
        (["x = 1", "t = x", "x = 2"], [0, 1], []),  # a cell below changes nothing above
        (["x = 1", "x = 2", "t = x"], [0, 2], [("order", 1)]),  # never run, but a run from the top would run it
    ],
)
def test_the_order_of_the_file_counts_where_it_gives_something_else(
    sources: list[str], ran: list[int], found: list[tuple[str, int]]
) -> None:
    file = [(f"c{place}", source) for place, source in enumerate(sources)]
    assert kinds(judge(*(Ran(sources[place], f"c{place}") for place in ran), file=file)) == found


@pytest.mark.parametrize(
    ("source", "seen", "found"),
    [
        ("x = x + 1", {}, [("order", 3)]),
        ("d['k'] = 1\nd.pop('j', None)", {}, [("order", 3)]),
        ("x = 1", {}, []),
        ("m.fit(1)", {"types": {"m": "sklearn.svm.SVC"}}, []),
        ("m.fit(1)", {"types": {"m": "keras.src.models.sequential.Sequential"}}, [("order", 3)]),
        ("y = draw()", {"random": ["numpy"]}, [("order", 3), ("unseeded", 2), ("unseeded", 3)]),
        ("open('log', 'a')", {"files": [{"path": "log", "whole": "/w/log", "mode": "w"}]}, [("order", 3)]),
    ],
)
def test_a_cell_that_ran_again_counts_where_it_goes_on(
    source: str, seen: dict[str, Any], found: list[tuple[str, int]]
) -> None:
    begin = Ran("x, d, m, draw = 1, {}, 2, int", "a")
    again = [Ran(source, "i", seen={**LOOKED, **seen}), Ran(source, "i", seen={**LOOKED, **seen})]
    assert sorted(kinds(judge(begin, *again))) == sorted(found)


# Names


@pytest.mark.parametrize(
    ("earlier", "source", "names"),
    [
        (Ran("x = 1", seen=LOOKED), "t = x", ()),
        (Ran("y = 1", seen=LOOKED), "t = x", ("x",)),
        (Ran("exec('x = 1')", seen={"types": {"x": "builtins.int"}}), "t = x", ()),
        (Ran("exec('x = 1')", seen=None, about={"before_load": True}), "t = x", ()),  # nobody looked: maybe x
        (Ran("from os import *", seen=None, about={"before_load": True}), "t = x", ()),
        (Ran("%load_ext mltrack", seen=None, about={"before_load": True}), "t = x", ("x",)),
        (Ran("%matplotlib inline", seen=LOOKED), "t = plt", ("plt",)),
        (Ran("0", seen=LOOKED), "t = [print, __name__, _, _3, In, get_ipython(), display, ValueError]", ()),
        (Ran("0", seen=LOOKED), "try:\n    x\nexcept NameError:\n    x = 1", ()),
        (Ran("0", seen=LOOKED), "if 0:\n    x = 1\nt = x", ()),
        (Ran("0", seen=LOOKED), "def f(a, *, b=1):\n    c = a + b\n    return [d for d in c]", ()),
        (Ran("0", seen=LOOKED), "class A:\n    x = 1\n    y = x", ()),
        (Ran("0", seen=LOOKED), "import a.b.c\nt = a", ()),
        (Ran("0", seen=LOOKED), "!echo $x", ()),
    ],
)
def test_names_that_no_cell_defines(earlier: Ran, source: str, names: tuple[str, ...]) -> None:
    earlier.needed = False
    found = judge(earlier, Ran(source, seen=LOOKED))
    assert [each.names for each in found if each.kind == "undefined"] == ([names] if names else [])


def test_a_failed_cell_is_not_blamed_for_the_name_it_failed_at() -> None:
    assert judge(Ran("0", seen=LOOKED), Ran("t = x", seen=LOOKED, status="error")) == ()


# Files


def read(path: str, *, mode: str = "r", folder: str = "/work") -> dict[str, Any]:
    whole = path if path.startswith("/") else f"{folder}/{path}"
    return {"path": path, "whole": whole, "mode": mode, "size": 1}


HOME = str(Path.home())


@pytest.mark.parametrize(
    ("files", "source", "found"),
    [
        ([read("data.csv")], "0", ["data.csv"]),
        ([read("data.csv", mode="w"), read("data.csv")], "0", []),
        ([read("data.csv"), read("data.csv", mode="w")], "0", ["data.csv"]),
        ([read("/srv/data.csv")], "0", []),
        ([read(f"{HOME}/data.csv")], "0", [f"{HOME}/data.csv"]),
        ([read(f"{HOME}/.cache/model.bin"), read(f"{HOME}/scikit_learn_data/x")], "0", []),
        ([read("own.py"), read("a.ipynb")], "0", []),
        ([], "pl.read_parquet('a.parquet')", ["a.parquet"]),
        ([], "df.write_parquet('a.parquet')\npl.scan_parquet('a.parquet')", []),
        ([], "pd.read_csv('https://example.org/a.csv')", []),
        ([], "print('a.csv')", []),
        ([read("a.csv")], "pd.read_csv('a.csv')", ["a.csv"]),
    ],
)
def test_files_that_nobody_else_has(files: list[dict[str, Any]], source: str, found: list[str]) -> None:
    known = "pl = pd = df = 0"
    judged = judge(Ran(known, seen=LOOKED), Ran(source, seen={**LOOKED, "files": files}))
    assert [name for each in judged if each.kind == "relative-file" for name in each.names] == found


def test_a_file_that_an_earlier_step_wrote_is_known() -> None:
    wrote = Ran("0", seen={**LOOKED, "files": [read("a.csv", mode="w")]})
    used = Ran("0", seen={**LOOKED, "files": [read("/work/a.csv"), read("a.csv")]})
    assert judge(wrote, used) == ()
    wrote.needed = False
    assert kinds(judge(wrote, used)) == [("relative-file", 2)]


# Seeds


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ([("np.random.rand()", "numpy")], [1]),
        ([("np.random.seed(0)", "numpy"), ("np.random.rand()", "numpy")], []),
        ([("np.random.seed(0)\nnp.random.rand()", "numpy")], []),
        ([("np.random.seed()", "numpy"), ("np.random.rand()", "numpy")], [1, 2]),
        ([("np.random.seed(None)", "numpy")], [1]),
        ([("random.seed(0)", "random"), ("np.random.rand()", "numpy")], [2]),
        ([("torch.manual_seed(0)", "torch"), ("torch.rand(1)", "torch")], []),
        ([("seed_everything(1)", "numpy"), ("work()", "numpy torch random")], []),
        ([("transformers.set_seed(1)", "numpy"), ("work()", "torch")], []),
        ([("utils.set_random_seed(1)", "numpy"), ("work()", "torch")], []),
        ([("def go(n):\n    random.seed(n)", ""), ("go(1)", "random"), ("work()", "random")], []),
        ([("def go(n):\n    print(n)", ""), ("go(1)", "random")], [2]),
        ([("get_seed(1)", "random"), ("work()", "random")], [1, 2]),
        ([("work()", "")], []),
        ([("import a\nfrom b import c\nx = [1, {2: 3}]", "random")], []),  # libraries draw while they are imported
        ([("import a\nx = work()", "random")], []),
        ([("import random\nx = random.random()", "random")], [1]),
        ([("import a\nx = work()", "numpy")], [1]),
        ([("rng = np.random.default_rng()", "")], [1]),
        ([("rng = np.random.default_rng(None)", "")], [1]),
        ([("rng = default_rng(seed=4)", "")], []),
        ([("rng = np.random.RandomState()", "")], [1]),
        ([("rng = random.Random(5)", "")], []),
        ([("tf.random.normal([2])", "")], [1]),
        ([("tf.random.set_seed(1)", ""), ("tf.random.normal([2])", "")], []),
        ([("np.random.rand()", None)], [1]),  # an old kernel, that did not look
        ([("train_test_split(x)", None)], [1]),
        ([("work()", None)], []),
        ([("study = optuna.create_study(direction='maximize')", "")], [1]),
        ([("study = optuna.create_study(sampler=TPESampler())", "")], [1]),
        ([("study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))", "")], []),
    ],
)
def test_random_numbers_without_a_seed(cells: list[tuple[str, str | None]], found: list[int]) -> None:
    ran = [Ran(source, seen=None if drawn is None else {**LOOKED, "random": drawn.split()}) for source, drawn in cells]
    assert [each.seq for each in judge(*ran) if each.kind == "unseeded"] == found


# All of them


ANY_TEXT = {
    "not closed": "x = (",
    "nul": "\x00",
    "other language": "%%bash\necho",
    "help": "?",
    "signs": "+" * 5000,
    "brackets": "(" * 500,
    "deep": "+".join(["1"] * 3000),
    "deeper": "-" * 3000 + "1",
    "attributes": "print" + ".a" * 3000,
    "strange": "lambda: (yield)",
    "empty": "",
}


@pytest.mark.parametrize("source", ANY_TEXT.values(), ids=ANY_TEXT)
def test_any_text_may_be_a_cell(source: str) -> None:
    assert judge(Ran(source, "a"), Ran("t = 1", "t"), file=[("a", source), ("t", "t = 1")]) == ()
    assert facts_of(source).binds == frozenset()


def test_strange_metadata_is_no_reason_to_fail() -> None:
    about = {"deleted_cells": None, "before_load": False, "other": [1]}
    assert judge(Ran("x = 1", "a", about=about), Ran("t = x", "t", about=about)) == ()


def test_findings_come_in_the_order_of_the_cells_and_not_without_end() -> None:
    ran = [Ran(f"y{number} = missing{number}", f"c{number}", seen=LOOKED) for number in range(MOST_FINDINGS + 9)]
    found = judge(*ran)
    assert [each.seq for each in found] == [*range(1, MOST_FINDINGS + 1)]
    assert len({*found}) == len(found)
