"""What the kernel's view adds to a slice, and how slices of runs are asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.slice_cases_data import DATA
from tests.core.test_slices import CASES, execution, executions

import mltrack
from mltrack.exceptions import NotFoundError
from mltrack.provenance import slicing
from mltrack.provenance.observed import KEY
from mltrack.provenance.slicing import slice_executions, slice_of
from mltrack.provenance.transforms import parse_cell

if TYPE_CHECKING:
    from mltrack.store.notebooks import Execution

Seen = dict[str, Any]

OBSERVED: list[tuple[str, list[tuple[str, Seen | None]], list[int]]] = [
    (
        "a star import binds what was seen",
        [("from lib import *", {"types": {"f": "function:lib.f"}}), ("g = 1", {}), ("y = f()", {}), ("y", None)],
        [1, 3, 4],
    ),
    (
        "a star import binds nothing else",
        [("g = 1", {}), ("from math import *", {"types": {"pi": "float"}}), ("y = g", {}), ("y", None)],
        [1, 3, 4],
    ),
    (
        "a name bound by code that is not to be seen",
        [("code = input()", {}), ("exec(code)", {"types": {"z": "int"}}), ("x = 1", {}), ("z", None)],
        [1, 2, 4],
    ),
    (
        "a number has no alias",
        [("a = lib.make()", {"types": {"a": "int"}}), ("b = a", {}), ("lib.change(b)", {}), ("a", None)],
        [1, 4],
    ),
    (
        "a frame of an unknown function is looked at",
        [("df = lib.load()", {"types": {"df": "pandas.core.frame.DataFrame"}}), ("df.describe()", {}), ("df", None)],
        [1, 3],
    ),
    (
        "an object of an unknown class may change",
        [("m = lib.load()", {"types": {"m": "lib.Model"}}), ("m.describe()", {}), ("m", None)],
        [1, 2, 3],
    ),
    (
        "an unknown function may change what is in what it is given",
        [("x = [1]", {}), ("a = [x]", {}), ("lib.change(a)", {}), ("y = 1", {}), ("x", None)],
        [1, 2, 3, 5],
    ),
    (
        "names of one object",
        [("a = [1]", {}), ("b = [1]", {"same": [["a", "b"]]}), ("b.append(2)", {}), ("a", None)],
        [1, 2, 3, 4],
    ),
    (
        "a name that was seen deleted",
        [("x = 1", {}), ("lib.clean()", {"deleted": ["x"]}), ("try: x\nexcept NameError: y = 1", {}), ("y", None)],
        [2, 3, 4],
    ),
    (
        "a library that draws",
        [
            ("import numpy as np\nnp.random.seed(0)", {"random": ["numpy"]}),
            ("lib.shuffled()", {"random": ["numpy"]}),
            ("lib.other()", {}),
            ("y = np.random.rand()", {"random": ["numpy"]}),
            ("y", None),
        ],
        [1, 2, 4, 5],
    ),
    (
        "a library that seeds",
        [
            ("lib.set_up()", {"random": ["torch"]}),
            ("x = 1", {}),
            ("y = lib.drawn()", {"random": ["torch"]}),
            ("y", None),
        ],
        [1, 3, 4],
    ),
    (
        "files that a library writes and reads",
        [
            ("lib.save()", {"files": [{"path": "a", "whole": "/w/a", "mode": "w"}]}),
            ("other.save()", {"files": [{"path": "b", "whole": "/w/b", "mode": "w"}]}),
            ("y = lib.load()", {"files": [{"path": "a", "whole": "/w/a", "mode": "r"}]}),
            ("y", None),
        ],
        [1, 3, 4],
    ),
    (
        "a library that changes the environment",
        [("lib.log_in()", {"ambient": ["environ:TOKEN"]}), ("x = 1", {}), ("y = 2", {}), ("y", None)],
        [1, 3, 4],
    ),
]


def observed(cells: list[tuple[str, Seen | None]]) -> list[Execution]:
    return [
        execution(number, source, metadata="{}" if seen is None else json.dumps({KEY: seen}))
        for number, (source, seen) in enumerate(cells, 1)
    ]


@pytest.mark.parametrize(("cells", "kept"), [each[1:] for each in OBSERVED], ids=[each[0] for each in OBSERVED])
def test_what_the_kernel_saw(cells: list[tuple[str, Seen | None]], kept: list[int]) -> None:
    cells = [("import lib, other", {}), *cells]
    found = [step.seq - 1 for step in slice_executions(observed(cells), "r").steps]
    assert [seq for seq in found if seq] == kept  # the import of an unknown library is always there


@pytest.mark.parametrize(
    ("source", "idly"),
    [
        ("SVC(C=2).fit(X, y)", True),
        ("m = make_pipeline(StandardScaler(), SVC()).fit(X, y)", True),
        ("scores = cross_val_score(SVC(), X, y)", True),
        ("GridSearchCV(SVC(), {'C': [1, 2]}).fit(X, y)", True),
        ("SVC(probability=True).fit(X, y)", False),
        ("Tree().fit(X, y)", False),
        ("GridSearchCV(Tree(), {'max_depth': [1, 2]}).fit(X, y)", False),
        ("SVC().fit(X, y)\nTree().fit(X, y)", False),
        ("X.sample(3)", True),
        ("display(X.sample(3).head())", True),
        ("X = X.sample(3)", False),
        ("X.sample(3).to_csv('a.csv')", False),
    ],
)
def test_numbers_that_are_drawn_for_nothing(source: str, idly: bool) -> None:
    imports = (
        "from sklearn.svm import SVC\nfrom sklearn.tree import DecisionTreeClassifier as Tree\n"
        "from sklearn.model_selection import cross_val_score, GridSearchCV\n"
        "from sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import StandardScaler\n"
        "import pandas as pd\nX = pd.read_csv('x.csv')\ny = X['y']"
    )
    cells: list[tuple[str, Seen | None]] = [(imports, {}), (source, {"random": ["numpy"]})]
    assert slice_executions(observed(cells), "r").steps[-1].drawn_idly == (("numpy",) if idly else ())


def test_variables_that_libraries_set_for_themselves_are_no_reason() -> None:
    seen: Seen = {"ambient": ["environ:KMP_INIT_AT_FORK"]}
    cells: list[tuple[str, Seen | None]] = [("import sklearn", seen), ("x = 1", {}), ("x", None)]
    assert [step.seq for step in slice_executions(observed(cells), "r").steps] == [2, 3]


@pytest.mark.parametrize(
    ("cells", "reasons"),
    [
        (["rows = open('rows.csv').read().split()", "rows"], ["defines rows"]),
        (["a = [1]", "b = a", "b.append(1)", "a"], ["defines a", "defines b", "changes a"]),
        (["x = [[]]", "y = x[0]", "y.append(2)", "x"], ["defines x", "defines y", "changes x"]),
    ],
)
def test_a_reason_says_nothing_twice(cells: list[str], reasons: list[str]) -> None:
    steps = slice_executions(executions(cells), "r").steps
    assert [" · ".join(step.reasons) for step in steps[:-1]] == reasons


def test_reasons_say_what_is_taken() -> None:
    cells = [
        "import pandas as pd, random\nrandom.seed(1)",
        "df = pd.read_csv('a.csv')",
        "df['x'] = random.random()",
        "import os; os.environ['A'] = '1'",
        "df.to_csv('b.csv')",
        "y = pd.read_csv('b.csv')",
        "y",
    ]
    found = slice_executions(executions(cells), "r")
    assert [step.reasons for step in found.steps] == [
        ("imports pd", "imports random", "seeds random"),
        ("defines df",),
        ("changes df",),
        ("sets os.environ",),
        ("writes b.csv",),
        ("defines y",),
        (),
    ]
    assert found.imports == ("os", "pandas", "random")
    assert [use.path for use in found.files] == ["a.csv"]


def test_left_out_and_steps_are_all() -> None:
    found = slice_executions(executions(["a = 1", "b = 2", "c = a"]), "r")
    assert (found.left_out, [step.python for step in found.steps]) == ((2,), ["a = 1", "c = a"])


def test_python_of_a_step_is_that_of_ipython() -> None:
    found = slice_executions(executions(["a = !ls", "%%track_run x\nb = a"]), "r")
    assert found.steps[0].python == "a = get_ipython().getoutput('ls')\n"
    assert found.steps[1].python.endswith("b = a")


@pytest.mark.parametrize(
    "source", ["  x = 1\n  y = 2", "\n\n  x = 1", ">>> x = 1", "x = 1\n%time y = 2", "%%time\nx = 1", "x?"]
)
def test_cells_that_ipython_changes_are_python(source: str) -> None:
    assert parse_cell(source).statements
    compile(parse_cell(source).python, "cell", "exec")


def test_upcoming_cell_is_the_last() -> None:
    ran = executions(["a = 1", "b = 2", "c = a"])
    found = slice_executions(ran, "r", upcoming="%%track_run\nprint(b)")
    assert [step.seq for step in found.steps] == [2, 4]
    assert [step.seq for step in slice_executions(ran, "r").steps] == [1, 3]


def test_a_kernel_that_goes_on_gets_the_same_slices() -> None:
    for case in DATA[::5]:
        ran = executions([*case.cells, case.result], case.failed)
        slicing.forget()
        whole = slice_executions(ran, "r")
        for count in range(1, len(ran)):
            slice_executions(ran[:count], "r")
        assert slice_executions(ran, "r") == whole


def test_what_a_cell_starts_is_a_part_of_it() -> None:
    ran = executions(["a = []", "%%capture\na.append(1)", "a.append(1)", "a"])
    ran[2] = execution(3, "a.append(1)", metadata='{"inside": 2}')
    assert [step.seq for step in slice_executions(ran, "r").steps] == [1, 2, 4]


def test_nothing_to_slice() -> None:
    assert slice_executions([], "r").steps == ()


def test_no_source_makes_it_raise() -> None:
    deep = "x = " + "(" * 80 + "1" + ")" * 80
    for source in (
        "",
        "\0",
        "x = = 1",
        deep,
        "x" + ".a" * 5000,
        "def f(:",
        "%%nothing here\n\udcff",
        "return 3",
        "break",
    ):
        assert slice_executions(executions(["y = 1", source, "y"]), "r").steps[-1].seq == 3


def test_a_run_without_a_snapshot() -> None:
    with mltrack.start_run() as run:
        pass
    with pytest.raises(NotFoundError, match="has no notebook"):
        slice_of(run.info.run_id)


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 200
    assert len({case.name for case in CASES}) == len(CASES)
