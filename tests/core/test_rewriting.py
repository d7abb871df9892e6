"""Parameters as literals in cells: where each stands, what may take its place, and that nothing else changes."""

from __future__ import annotations

import ast
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mltrack.entities import CapturedName
from mltrack.exceptions import InvalidParameterError
from mltrack.provenance.cell_literals import literal_text
from mltrack.provenance.cell_names import plan_cell
from mltrack.provenance.literal_source import literal_of, source_of, typed_value
from mltrack.provenance.parameter_cells import as_parameters, free_name, parameter_cells
from mltrack.provenance.rewriting import parameters_of, substitute, with_values
from mltrack.provenance.slice import Slice, Step
from mltrack.provenance.transforms import parse_cell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.provenance.cell_plan import Span


def slice_of(*sources: str) -> Slice:
    steps = [Step(number, None, source, parse_cell(source).python) for number, source in enumerate(sources, 1)]
    return Slice("a" * 32, tuple(steps))


def bound(*names: str) -> list[CapturedName]:
    return [CapturedName("param", name, "bound") for name in names]


def read(*names: str) -> list[CapturedName]:
    return [CapturedName("param", name, "read") for name in names]


# What a cell says, the name, what was logged, the value to put in, and what the cell says then; None: it cannot be.
ONE_CELL: dict[str, tuple[str, str, Any, str | None]] = {
    "plain": ("C = 0.5", "0.5", 0.1, "C = 0.1"),
    "comment": ("C = 0.5  # é, 0.5", "0.5", 2, "C = 2  # é, 0.5"),
    "text before it that is not ASCII": ("ä = 'ß'; C = 0.5", "0.5", 1, "ä = 'ß'; C = 1"),
    "tuple": ("a, C = 1, 0.5", "0.5", (1, 2), "a, C = 1, (1, 2)"),
    "tuple without brackets": ("C = 1, 2", "(1, 2)", [3], "C = [3]"),
    "nested tuple": ("(a, (b, C)) = (1, (2, 3))", "3", 4, "(a, (b, C)) = (1, (2, 4))"),
    "two names": ("C = D = 3", "3", 4, "C = D = 4"),
    "first of two": ("C = 1\nprint(C)\nC = 2", "2", 3, "C = 1\nprint(C)\nC = 3"),
    "equal literals: the last": ("C = 2\nC = 2", "2", 3, "C = 2\nC = 3"),
    "conditional, else": ("C = 1 if quick else 10", "10", 5, "C = 1 if quick else 5"),
    "conditional, then": ("C = 1 if quick else 10", "1", 5, "C = 5 if quick else 10"),
    "a word runs on": ("C = 1if quick else 10", "1", True, "C = (True)if quick else 10"),
    "a word before": ("C = 1 if quick else'a'", "a", None, "C = 1 if quick else(None)"),
    "a quote after": ("C = 0 if quick else'a'", "a", "b", "C = 0 if quick else('b')"),
    "branch": ("if quick:\n\tC = 1\nelse:\n\tC = 2", "2", 3, "if quick:\n\tC = 1\nelse:\n\tC = 3"),
    "walrus": ("print((C := 3))", "3", 4, "print((C := 4))"),
    "negative": ("C = -0.5", "-0.5", 0.25, "C = 0.25"),
    "arithmetic": ("C = 60 * 60", "3600", 60, "C = 60"),
    "annotated": ("C: float = 0.5", "0.5", 1.5, "C: float = 1.5"),
    "several lines": ("C = [\n  64,\n  32,  # two\n]\nD = 1", "[64, 32]", [8], "C = [8]\nD = 1"),
    "text of several lines": ('C = """a\nb"""\nD = 1', "a\nb", "c", "C = 'c'\nD = 1"),
    "windows line ends": ("D = 1\r\nC = 0.5\r\nE = 2", "0.5", 1, "D = 1\r\nC = 1\r\nE = 2"),
    "form feed": ("D = 1\n\x0cC = 0.5\x0c\nE = 2", "0.5", 1, "D = 1\n\x0cC = 1\x0c\nE = 2"),
    "next line and separators": ("D = '\x85\u2028'\nC = 0.5", "0.5", 1, "D = '\x85\u2028'\nC = 1"),
    "tabs": ("if True:\n\t\tC = 0.5", "0.5", 1, "if True:\n\t\tC = 1"),
    "track line": ("%%track_run a -p x=1\nC = 0.5", "0.5", 1, "%%track_run a -p x=1\nC = 1"),
    "blank lines above": ("\n\nC = 0.5", "0.5", 1, "\n\nC = 1"),
    "indented cell": ("    C = 0.5\n    D = C", "0.5", 1, "    C = 1\n    D = C"),
    "magics around": ("%matplotlib inline\nC = 0.5\n!ls", "0.5", 1, "%matplotlib inline\nC = 1\n!ls"),
    "timed cell": ("%%time\nC = 0.5", "0.5", 1, "%%time\nC = 1"),
    "tracked and timed": ("%%track_run\n%%time\nC = 0.5", "0.5", 1, "%%track_run\n%%time\nC = 1"),
    "quotes in the value": ("C = 'a'", "a", 'it\'s "odd"\n', "C = 'it\\'s \"odd\"\\n'"),
    "not a number": ("C = 1.0", "1.0", math.nan, 'C = float("nan")'),
    "infinite": ("C = 1.0", "1.0", [-math.inf], 'C = [float("-inf")]'),
    "numpy": ("C = 1.0", "1.0", np.float32(0.5), "C = 0.5"),
    "empty set": ("C = {1}", "{1}", set(), "C = set()"),
    "one-tuple": ("C = 1", "1", (1,), "C = (1,)"),
    "text without placeholders": ('C = f"a"', "a", "b", "C = 'b'"),
    "concatenated": ("C = 'a' 'b'", "ab", "c", "C = 'c'"),
    "computed": ("C = 1\nC = C + 1", "2", 3, None),
    "augmented": ("C = 1\nC += 1", "2", 3, None),
    "in a loop": ("for i in range(3):\n    C = 1", "1", 3, None),
    "inside of an f-string": ("print(f'{(C := 3)}')", "3", 4, None),
    "by a function": ("def f():\n    global C\n    C = 3\nC = 1\nf()", "3", 4, None),
    "another value than the literal's": ("C = 1", "7", 3, None),
    "timed line": ("%time C = 1", "1", 3, None),
    "no Python": ("C = 1\nC = = 2", "1", 3, None),
}


@pytest.mark.parametrize(("cell", "logged", "value", "then"), ONE_CELL.values(), ids=ONE_CELL.keys())
def test_a_value_takes_the_place_of_a_literal(cell: str, logged: str, value: Any, then: str | None) -> None:
    found, params = slice_of("import this_is_not_touched\n", cell), {"C": logged}
    if then is None:
        assert not parameters_of(found, bound("C"), params)["C"].settable
        with pytest.raises(InvalidParameterError, match="'C' is no literal"):
            with_values(found, {"C": value}, bound("C"), params)
    else:
        assert with_values(found, {"C": value}, bound("C"), params) == [found.steps[0].source, then]


def test_the_place_that_was_captured_counts_before_any_other() -> None:
    found = slice_of("if quick:\n    C = 2\nelse:\n    C = 2\n")
    places = [CapturedName("param", "C", "bound", 2, 8, 2, 9)]
    assert with_values(found, {"C": 3}, places, {"C": "2"}) == ["if quick:\n    C = 3\nelse:\n    C = 2\n"]


def test_a_place_that_is_no_literal_any_more_is_looked_for_again() -> None:
    """Masking may have moved what stands in a line."""
    places = [CapturedName("param", "C", "bound", 1, 20, 1, 23)]
    assert with_values(slice_of("x = '[masked]'; C = 0.5"), {"C": 1}, places, {"C": "0.5"}) == ["x = '[masked]'; C = 1"]


READ: dict[str, tuple[tuple[str, ...], str, tuple[str, ...] | None]] = {
    "one step before": (("C = 0.5", "C + 1"), "0.5", ("C = 9", "C + 1")),
    "the last that binds it": (("C = 0.5", "C = 0.7", "x = 1", "C"), "0.7", ("C = 0.5", "C = 9", "x = 1", "C")),
    "then bound by the cell": (("C = 0.5", "print(C)\nC = 0.7"), "0.5", ("C = 9", "print(C)\nC = 0.7")),
    "computed since": (("C = 0.5", "C = C * 1", "C"), "0.5", None),
    "changed by a function": (("C = 0.5\ndef f():\n    global C\n    C = 1", "f()", "C"), "1", None),
    "a loop's": (("for C in [1, 2]: pass", "C"), "2", None),
    "bound by nobody": (("x = 1", "C"), "2", None),
}


@pytest.mark.parametrize(("cells", "logged", "then"), READ.values(), ids=READ.keys())
def test_a_read_parameter_stands_in_the_step_that_bound_it_last(
    cells: tuple[str, ...], logged: str, then: tuple[str, ...] | None
) -> None:
    found = slice_of(*cells)
    assert parameters_of(found, read("C"), {"C": logged})["C"].settable is (then is not None)
    if then is not None:
        assert with_values(found, {"C": 9}, read("C"), {"C": logged}) == [*then]


# The cells, the text that autolog or log_param logged as C, and the cells with 9 in its place; None: it cannot be.
LOGGED: dict[str, tuple[tuple[str, ...], str, tuple[str, ...] | None]] = {
    "read by the cell": (("C = 0.5", "fit(C=C)"), "0.5", ("C = 9", "fit(C=C)")),
    "bound by the cell": (("C = 0.5\nfit(C=C)",), "0.5", ("C = 9\nfit(C=C)",)),
    "a keyword of the cell": (("x = 1", "fit(x, C=0.5)"), "0.5", ("x = 1", "fit(x, C=9)")),
    "a keyword of a step": (("def f():\n  return fit(C=0.5)", "f()"), "0.5", ("def f():\n  return fit(C=9)", "f()")),
    "the cell's keyword first": (("fit(C=0.5)", "fit(C=0.5)"), "0.5", ("fit(C=0.5)", "fit(C=9)")),
    "a text": (("fit(C='auto')",), "auto", ("fit(C=9)",)),
    "another spelling": (("fit(C=5e-1)",), "0.5", ("fit(C=9)",)),
    "two calls": (("fit(C=0.5)\nfit(C=0.5)",), "0.5", None),
    "another value": (("fit(C=0.7)",), "0.5", None),
    "no literal": (("fit(C=1 / x)",), "0.5", None),
    "nowhere": (("fit(0.5)",), "0.5", None),
    "in an f-string": (("print(f'{fit(C=0.5)}')",), "0.5", None),
    "in a magic": (("%time fit(C=0.5)",), "0.5", None),
}


@pytest.mark.parametrize(("cells", "logged", "then"), LOGGED.values(), ids=LOGGED.keys())
def test_a_parameter_that_was_logged_stands_where_a_literal_has_its_name_and_value(
    cells: tuple[str, ...], logged: str, then: tuple[str, ...] | None
) -> None:
    found = slice_of(*cells)
    assert parameters_of(found, [], {"C": logged})["C"].settable is (then is not None)
    if then is not None:
        assert with_values(found, {"C": 9}, [], {"C": logged}) == [*then]


def test_parameters_without_a_literal_are_named_and_refused() -> None:
    found = slice_of("C = 0.5")
    captured = [*bound("C"), CapturedName("param", "x", "option"), CapturedName("metric", "m", "bound", 1, 0, 1, 1)]
    params = {"C": "0.5", "x": "1", "logged": "2"}
    known = parameters_of(found, captured, params)
    assert {name: each.settable for name, each in known.items()} == {"C": True, "x": False, "logged": False}
    assert (known["C"].value, known["C"].seq, known["x"].value) == (0.5, 1, "1")
    for name, message in (("x", "'x' is no literal.*: C"), ("y", "no parameter 'y'.*: C")):
        with pytest.raises(InvalidParameterError, match=message):
            with_values(found, {name: 1}, captured, params)


def test_what_cannot_be_written_is_refused() -> None:
    nested: list[Any] = []
    nested.append(nested)
    for value in (object(), nested, 10**5000, {1: object()}):
        with pytest.raises(InvalidParameterError):
            with_values(slice_of("C = 1"), {"C": value}, bound("C"), {"C": "1"})


TYPED: dict[str, tuple[str, object, object]] = {
    "float": ("0.1", 0.5, 0.1),
    "a whole number for a float": ("1", 0.5, 1.0),
    "exponent": ("1e-3", 0.5, 0.001),
    "infinity": ("-inf", 0.5, -math.inf),
    "int": ("3", 1, 3),
    "a fraction for an int": ("0.5", 1, 0.5),
    "a word for an int": ("auto", 1, "auto"),
    "none for an int": ("None", 1, None),
    "true": ("true", False, True),
    "False": ("False", True, False),
    "a number for a flag": ("3", True, 3),
    "text": ("3", "a", "3"),
    "text that is a word": ("true", "a", "true"),
    "number for none": ("3", None, 3),
    "list": ("[1, 2]", [3], [1, 2]),
    "code": ("__import__('os')", [3], "__import__('os')"),
    "nothing": ("", None, ""),
    "a huge power": ("10 ** 10 ** 10", [3], "10 ** 10 ** 10"),
    "digits without end": ("9" * 5000, 1, "9" * 5000),
    "brackets without end": ("[" * 5000, 1, "[" * 5000),
}


@pytest.mark.parametrize(("text", "like", "value"), TYPED.values(), ids=TYPED.keys())
def test_a_typed_text_becomes_a_value_of_the_literals_type(text: str, like: object, value: object) -> None:
    found = typed_value(text, like)
    assert (found, type(found)) == (value, type(value))


SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
)
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.tuples(SCALARS, SCALARS),
    st.dictionaries(st.text("ab'\"\\\n", max_size=3), SCALARS, max_size=3),
)
FINITE = SCALARS.map(source_of).filter(lambda text: "float(" not in text)  # float("nan") is a call
LITERALS = st.one_of(FINITE, st.just('"""a\nb"""'), st.just("(1,\n 2)"), st.just("-3.5"), st.just("[]"))
SHAPES = (
    *("{n} = {l}", "{n}={l};after_{n}=1", "{n}: object = {l}  # {n} = 5", "é_{n} = 'ß'; {n} = {l}", "\n\t\n{n} = {l}"),
    *("({n}, other_{n}) = {l}, 1", "other_{n} = {n} = {l}", "if True:\n\t{n} = {l}", "print(({n} := {l}))"),
    *("{n} = {l} if True else 3", "{n} = 3 if False else {l}", "x_{n} = '\x0c\u2028'\n{n} = {l}", "[\n({n} := {l})]"),
)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(SHAPES), LITERALS), min_size=1, max_size=4), st.data())
@example([("{n} = {l} if True else 3", "1")], None)
def test_putting_a_value_in_changes_that_value_and_nothing_else(cells: list[tuple[str, str]], data: Any) -> None:
    names = [f"n{number}" for number in range(len(cells))]
    ending = "\n" if data is None else data.draw(st.sampled_from(["\n", "\r\n"]))
    source = ending.join(shape.format(n=name, l=text) for name, (shape, text) in zip(names, cells, strict=True))
    before = run(source)
    params = {name: before[name] if isinstance(before[name], str) else literal_text(before[name]) for name in names}
    wanted = {name: True if data is None else data.draw(VALUES) for name in names[::2]}
    known = parameters_of(slice_of(source), bound(*names), {name: str(text) for name, text in params.items()})
    assert all(known[name].settable for name in names)
    # A text in place of a number is read as the number that it may be.
    able = {name: each for name, each in wanted.items() if isinstance(before[name], str) or not isinstance(each, str)}
    [written] = with_values(slice_of(source), able, bound(*names), {n: str(text) for n, text in params.items()})
    after = run(written)
    assert before.keys() == after.keys()
    others = {name for name in before if name not in able and not name.startswith("other_")}
    assert all(repr(before[name]) == repr(after[name]) for name in others)
    assert all(repr(after[name]) == repr(value) for name, value in able.items())
    if "float(" not in written:
        assert ast.dump(blanked(source, able)) == ast.dump(blanked(written, able))


def run(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {"print": lambda *_: None}
    exec(compile(source, "cell", "exec"), names)
    return {name: value for name, value in names.items() if name not in ("print", "__builtins__")}


def blanked(source: str, names: Mapping[str, Any]) -> ast.Module:
    """Parse a cell with the literals of these names made one and the same."""
    plan = plan_cell(source)
    spans = [binding.span for name in names for binding in plan.bindings[name] if binding.span is not None]
    places: dict[Span, str] = dict.fromkeys(spans, "0")
    return ast.parse(substitute(source, places))


@settings(max_examples=60)
@given(VALUES)
def test_a_value_is_written_as_what_reads_as_it(value: object) -> None:
    assert repr(eval(source_of(value))) == repr(value)
    if "float(" not in source_of(value):
        assert repr(literal_of(source_of(value))) == repr(value)


# The cells, what is read of them, the parameters' cell, and what becomes of the steps.
PAPERMILL: dict[str, tuple[tuple[str, ...], list[CapturedName], str, list[str]]] = {
    "the only binding goes": (("C = 0.5  # c\nx = C",), bound("C"), "C = 0.5  # c", ["x = C"]),
    "a statement beside it stays": (("C = 1; x = C",), bound("C"), "C = 1", ["C = C; x = C"]),
    "bound before": (
        ("C = 1", "x = C", "C = 2"),
        bound("C"),
        "C = 2",
        ['given = {"C": C}\ndel C', "C = 1", "x = C", 'C = given["C"]'],
    ),
    "bound after": (
        ("C = 1", "C = C + 1", "print(C)"),
        [],
        "",
        ["C = 1", "C = C + 1", "print(C)"],
    ),
    "a builtin's name": (
        ("x = max(1, 2)", "max = 3"),
        bound("max"),
        "max = 3",
        ['given = {"max": max}\ndel max', "x = max(1, 2)", 'max = given["max"]'],
    ),
    "read before": (
        ("def f():\n    return C", "C = 3"),
        bound("C"),
        "C = 3",
        ['given = {"C": C}\ndel C', "def f():\n    return C", 'C = given["C"]'],
    ),
    "conditional": (("q = False", "C = 1 if q else 3"), bound("C"), "C = 3", ["q = False", "C = 1 if q else C"]),
    "twice in the cell": (
        ("C = 1\nprint(C)\nC = 3",),
        bound("C"),
        "C = 3",
        ['given = {"C": C}\ndel C', 'C = 1\nprint(C)\nC = given["C"]'],
    ),
    "several lines go": (("x = 1\nC = [\n 1,\n]\ny = 2",), bound("C"), "C = [1]", ["x = 1\ny = 2"]),
    "the name is taken": (
        ("given = 1\nC = 1\nC = 3",),
        bound("C"),
        "C = 3",
        ['given_ = {"C": C}\ndel C', 'given = 1\nC = 1\nC = given_["C"]'],
    ),
    "a keyword": (
        ("C = 'another'\nfit = dict", "x = fit(C=0.5)"),
        [CapturedName("param", "C", "keyword")],
        "C = 0.5",
        ['given = {"C": C}\ndel C', "C = 'another'\nfit = dict", 'x = fit(C=given["C"])'],
    ),
    "star import before": (
        ("from math import *", "C = 3"),
        bound("C"),
        "C = 3",
        ['given = {"C": C}\ndel C', "from math import *", 'C = given["C"]'],
    ),
}


@pytest.mark.parametrize(("cells", "captured", "parameters", "then"), PAPERMILL.values(), ids=PAPERMILL.keys())
def test_parameters_are_taken_out_into_a_cell(
    cells: tuple[str, ...], captured: list[CapturedName], parameters: str, then: list[str]
) -> None:
    assert as_parameters(slice_of(*cells), *logged_of(cells, captured)) == (parameters, then)


def logged_of(cells: tuple[str, ...], captured: list[CapturedName]) -> tuple[list[CapturedName], dict[str, str]]:
    """What is kept of a run: what was captured, and its params; a keyword is not captured."""
    if captured and captured[0].origin == "keyword":
        return [], {"C": "0.5"}
    name = captured[0].name if captured else "C"
    return captured, {name: str(run("q = False\n" + "\n".join(cells))[name])}


@pytest.mark.parametrize("name", [name for name, case in PAPERMILL.items() if case[1]])
def test_cells_with_parameters_taken_out_do_the_same(name: str) -> None:
    cells, captured, _, _ = PAPERMILL[name]
    whole = run("q = False\n" + "\n".join(cells))
    cell, sources = as_parameters(slice_of(*cells), *logged_of(cells, captured))
    again = run("\n".join([cell, "q = False", *sources]))
    assert {key: repr(value) for key, value in whole.items() if not callable(value)} == {
        key: repr(value) for key, value in again.items() if key in whole and not callable(value)
    }


def test_the_cell_in_between_keeps_every_value() -> None:
    found = slice_of("C = 1", "C = 2\nD = 3")
    known = parameters_of(found, bound("C", "D"), {"C": "2", "D": "3"})
    cells = parameter_cells(found, known)
    assert (cells.held, cells.keep(["C", "D"])) == (("C",), 'given = {"C": C, "D": D}\ndel C')


def test_a_free_name_is_in_no_source() -> None:
    assert free_name("given", ["given = 1", "x = given_"]) == "given__"
