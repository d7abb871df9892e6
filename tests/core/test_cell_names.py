"""What a cell's syntax alone tells: places of values, bodies of cell magics, digests; no source makes it raise."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager
from tests.quickness import assert_costs_at_most, assert_quick

from mltrack.provenance.cell_plan import CellPlan
from mltrack_magics.capture import inner_source, plan_cell, structure_digest, take_after, take_before

if TYPE_CHECKING:
    from mltrack.entities import CapturedName

SPANS: list[tuple[str, str, str | None]] = [
    ("C = 0.5", "C", "0.5"),
    ("C = (0.5)  # half", "C", "0.5"),
    ("é = 'ü→𝄞'; C = 0.5", "C", "0.5"),
    ("é = 'ü→𝄞'; C = 0.5", "é", "'ü→𝄞'"),
    ("a, b = 'ñ', 2", "b", "2"),
    ("(a, b), c = (1, 2.5), 3", "b", "2.5"),
    ("a = b = -3", "a", "-3"),
    ("é, *ü, ö = 1, 2, 3, 4", "ö", "4"),
    ("é, *ü, ö = 1, 2, 3, 4", "ü", None),
    ("lr: float = 1e-3", "lr", "1e-3"),
    ("x = ('é'\n     'ü')", "x", "'é'\n     'ü'"),
    ('x = """é\nü"""; y = 2', "x", '"""é\nü"""'),
    ('x = """é\nü"""; y = 2', "y", "2"),
    ("x = [\n  'é', 2,\n]", "x", "[\n  'é', 2,\n]"),
    ("x = 1, 2", "x", "1, 2"),
    ("n = 2 * 1024", "n", "2 * 1024"),
    ("if ('é', n := 10): pass", "n", "10"),
    ("n = 1\nn = 2", "n", "2"),
    ("n = 4\nn = 2 * 2", "n", "2 * 2"),
    ("n = 7\nif False:\n    n = 8", "n", "7"),
    ("n = 2*3\nif False:\n    n = 2*4", "n", "2*3"),
    ("n = 20 if 'é' else 10", "n", "20"),
    ("n = 10 if not 'é' else 20", "n", "20"),
    ("print(f'{(n := 5)}')", "n", None),
    ("\x0cn = 5", "n", "5"),
    ("'é'; acc = float(\n  '1'\n)", "acc", "float(\n  '1'\n)"),
    ("t = 0\nfor i in 'é': t += len(i)", "t", "len(i)"),
    ("a, b = divmod(7, 2)", "b", "divmod(7, 2)"),
]


def slice_of(source: str, where: CapturedName) -> str | None:
    if where.line is None or where.column is None or where.end_line is None or where.end_column is None:
        return None
    lines = source.split("\n")[where.line - 1 : where.end_line]
    lines[-1] = lines[-1][: where.end_column]
    lines[0] = lines[0][where.column :]
    return "\n".join(lines)


@pytest.mark.parametrize(("source", "name", "expected"), SPANS)
def test_span(source: str, name: str, expected: str | None) -> None:
    namespace: dict[str, Any] = {}
    plan = plan_cell(source)
    before = take_before(plan, namespace)
    exec(source, namespace)
    captured = take_after(plan, before, namespace)
    (found,) = [value for value in captured.params + captured.metrics if value.name == name]
    assert found.where.origin == "bound"
    assert slice_of(source, found.where) == expected


INNER = {
    "%%time\nx = 1": ("x = 1\n", 1),
    "%%capture out --no-stderr\nx = 1\n!ls": ("x = 1\n!ls\n", 1),
    "%%prun\nf()": ("f()\n", 1),
    "%%timeit\nx = 1": None,
    "%%bash\nx=1": None,
    "x = 1": None,
    "%time x = 1": None,
    "y = 2\nget_ipython().run_cell_magic('time', '', 'x = 1')": None,
    "get_ipython().run_cell_magic('time', '', body)": None,
    "get_ipython().run_cell_magic": None,
    "shell.run_cell_magic('time', '', 'x = 1')": None,
    "# why\nget_ipython().run_cell_magic('time', '', 'x = 1')": ("x = 1", 2),
    "run_cell_magic(": None,
    "run_cell_magic" + ".a()" * 5000: None,
}


@pytest.mark.parametrize(("cell", "expected"), INNER.items())
def test_inner_source(cell: str, expected: tuple[str, int] | None) -> None:
    assert inner_source(TransformerManager().transform_cell(cell)) == expected


SAME = [
    ("lr = 0.1", "lr   =  -20  # more"),
    ("lr = 0.1", "lr = 'adam'"),
    ("layers = (64, 32)", "layers = [64]"),
    ("n = 2 * 8", "n = 16"),
    ("f(1, a=[1, {'b': 2}])", "f(2, a={3})"),
    ("f'{x} a'", "f'{x}'"),
    ("if a:\n  b()", "# c\nif a:\n\n        b( )"),
    ("x = [1, 2, -3]", "x = []"),
]
DIFFERENT = [
    ("lr = 0.1", "rate = 0.1"),
    ("lr = 0.1", "lr = a"),
    ("f(1)", "f(1, 2)"),
    ("a + b", "a - b"),
    ("x = [a]", "x = [a, 1]"),
    ("import a", "import b"),
    ("for i in a: pass", "for i in a:\n    pass\nelse:\n    pass"),
    ("f(a=1)", "f(b=1)"),
    ("f'{x}'", "f'{y}'"),
    ("a.b", "a.c"),
    ("x = (", "x = [("),
    ("a[1:b]", "a[b:1]"),
]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_digest_is_the_same(first: str, second: str) -> None:
    assert structure_digest(first) == structure_digest(second)
    assert len(structure_digest(first)) == len(bytes.fromhex(structure_digest(first))) * 2 == 16


@pytest.mark.parametrize(("first", "second"), DIFFERENT)
def test_digest_differs(first: str, second: str) -> None:
    assert structure_digest(first) != structure_digest(second)


VALID = """
lr: float = 0.1; a, *b = 1, 2, 3
for i, x in enumerate(xs):
    total += f(x, k=lr)
else:
    done = True
---
async def g(x, /, y=n, *z, w=1, **q):
    global s
    s = await x
    return [v for v in y if (t := v)]
---
match p:
    case {'a': [a, *r], **o} | {'b': (a as r), **o}:
        pass
    case C(x=1) if a:
        b = -a ** 2
    case _: del b
---
try:
    with f() as (h, j), k: import a.b as c
except* E as e:
    raise
finally:
    s = f'{(w := 3):>{n}} {h!r}'
---
class A(B, metaclass=M):
    x = x
    def m(self):
        def inner():
            nonlocal self
            self = lambda: (yield)
        return x[1:2, ...]
---
d = {**e, 'k': {1, 2}}; n = 10 ** -3 if a and (m := 5) else not b
while (n := n - 1) > 0: pass
assert a, b'\\d'
""".strip("\n").split("\n---\n")


def nothing_raises(source: str) -> None:
    assert isinstance(plan_cell(source), CellPlan)
    assert isinstance(structure_digest(source), str)
    inner_source(source + "run_cell_magic")


@pytest.mark.parametrize("source", VALID)
def test_valid_cells_have_a_plan(source: str) -> None:
    assert plan_cell(source).bindings


@given(st.text())
def test_any_text(source: str) -> None:
    nothing_raises(source)


@given(st.sampled_from(VALID), st.data())
def test_mutations_of_cells(source: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(source)))
    end = data.draw(st.integers(start, min(len(source), start + 8)))
    pieces = [
        "",
        "(",
        ")",
        "=",
        ":=",
        "1",
        "*",
        "\n",
        "    ",
        ",",
        "lambda x: ",
        "await ",
        "é",
        "\\",
        "'",
        "del ",
        "0x",
        "\0",
    ]
    patch = data.draw(st.one_of(st.sampled_from(pieces), st.text(max_size=4)))
    nothing_raises(source[:start] + patch + source[end:])


@given(st.permutations([line for cell in VALID for line in cell.split("\n")]))
def test_shuffled_lines(lines: list[str]) -> None:
    for count in range(1, len(lines)):
        nothing_raises("\n".join(lines[:count]))


@pytest.mark.parametrize(
    "source",
    [
        "x = " + "(" * 10_000,
        "x = " + "-" * 50_000 + "1",
        "x = " + "1+" * 20_000 + "1",
        "x = 9" + "9" * 5000,
        "a." * 9999 + "b",
        "x = " + "[" * 80 + "]" * 80,
        "\ud800 = 1",
        "x = '\ud800'",
        "x = 10 ** 10 ** 10 ** 10",
        "x = 1 << 10 ** 12",
        "x = 1 / 0",
        "x = 'a' * 10 ** 12",
        "x = {[]: 1}",
        "x = {[]}",
        "x = ~1.5",
        "x = 1 << -1",
        "x = (-1) ** 0.5",
    ],
    ids=range(17),
)
def test_extreme_sources(source: str) -> None:
    assert_quick(lambda: nothing_raises(source), 20)  # a second at most; to work out one of the numbers takes for ever


def test_warnings_of_the_parser_are_left_to_the_cell() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "x" in plan_cell("x = '\\d'").bindings
        assert "x" in plan_cell("x = 1if 1else 2").bindings


CELL = """\
import numpy as np
data = load(path, header=True, columns=["a", "b", "c"])
X_train, X_test, y_train, y_test = split(data.X, data.y, test_size=0.2, random_state=seed)
model = Classifier(n_estimators=n, max_depth=depth, learning_rate=lr).fit(X_train[mask & (w > 0.5)], y_train)
for epoch in range(epochs):
    loss = sum(step(batch) for batch in loader) / len(loader)
    if loss < best and epoch % 10 == 0:
        best = loss
print(f"accuracy {model.score(X_test, y_test):.3f}", sorted(scores, key=lambda pair: pair[1] * scale))
rate = 0.1
"""


def test_plan_of_a_hundred_lines_takes_a_few_times_as_long_as_compiling_it() -> None:
    source = CELL * 10
    assert_costs_at_most(5, lambda: compile(source, "cell", "exec"), lambda: plan_cell(source))
