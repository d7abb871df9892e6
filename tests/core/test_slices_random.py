"""Random notebooks over a few variables that share and change lists: the slice alone never gives another value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.test_slices import execution

from mltrack.provenance import memory
from mltrack.provenance.slicing import slice_executions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.store.notebooks import Execution

name = st.sampled_from("abcd")
number = st.integers(0, 3).map(str)
function = st.sampled_from(["f", "g"])


def built(template: str, **parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(template.format, **parts)


plain = st.one_of(
    built("{x} = []", x=name),
    built("{x} = {n}", x=name, n=number),
    built("{x} = {y}", x=name, y=name),
    built("{x} = [{y}, {z}]", x=name, y=name, z=name),
    built("{x} = {{'k': {y}}}['k']", x=name, y=name),
    built("{x} = {y}[:]", x=name, y=name),
    built("{x} = {y}[:2] + {z}[:2]", x=name, y=name, z=name),
    built("{x} += {y}[:2]", x=name, y=name),
    built("{x}, {y} = {y}, {x}", x=name, y=name),
    built("{x}, *{y} = {z}", x=name, y=name, z=name),
    built("{x}.append({y})", x=name, y=name),
    built("{x}[0] = {y}", x=name, y=name),
    built("{x} = {y}[{n}]", x=name, y=name, n=number),
    built("{x} = {y}.pop()", x=name, y=name),
    built("{x}.insert(0, len({y}))", x=name, y=name),
    built("{x} = {y} if len({z}) > {n} else {z}", x=name, y=name, z=name, n=number),
    built("{x} = {y} or {z}", x=name, y=name, z=name),
    built("{x} = [each for each in {y}]", x=name, y=name),
    built("[each.append({n}) for each in {y}[:3]]", n=number, y=name),
    built("del {x}", x=name),
    built("print({x})", x=name),
    built("def {f}(p, q=[]):\n    q.append(p)\n    return q", f=function),
    built("def {f}(p):\n    p.append({x})\n    return p", f=function, x=name),
    built("def {f}(p):\n    global {x}\n    {x} = p\n    return {y}", f=function, x=name, y=name),
    built("def {f}(p):\n    return lambda: [p, {x}]", f=function, x=name),
    built("def {f}(p):\n    for each in p[:3]: yield [each, {x}]", f=function, x=name),
    built("{x} = {f}({y})", x=name, f=function, y=name),
    built("{x} = list({f}({y}))", x=name, f=function, y=name),
    built("{x} = {f}({y})()", x=name, f=function, y=name),
    built("{x} = list(map({f}, {y}[:3]))", x=name, f=function, y=name),
    built("{x} = (each + [{y}] for each in {z}[:3])", x=name, y=name, z=name),
    built("{x} = list({y})", x=name, y=name),
    built("{x} = {y}.append", x=name, y=name),
    built("{x}({y})", x=name, y=name),
    built("global {x}; {x} = globals()['{y}']", x=name, y=name),
    built("exec('{x} = [{y}]')", x=name, y=name),
)


def indented(text: str) -> str:
    return text.replace("\n", "\n    ")


def around(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    block = st.lists(inner, min_size=1, max_size=3).map("\n".join).map(indented)
    return st.one_of(
        built("if len({x}) > {n}:\n    {b}", x=name, n=number, b=block),
        built("if {x}:\n    {b}\nelse:\n    {c}", x=name, b=block, c=block),
        built("for {x} in {y}[:3]:\n    {b}", x=name, y=name, b=block),
        built("for _ in range(3):\n    {b}\n    if {x}: break\n    {c}", b=block, x=name, c=block),
        built("for _ in range(3):\n    {b}\n    if not {x}: continue\n    {c}", b=block, x=name, c=block),
        built("try:\n    {b}\nexcept Exception:\n    {c}", b=block, c=block),
        built("try:\n    {b}\nexcept Exception:\n    pass\nelse:\n    {c}", b=block, c=block),
        built("def {f}(p):\n    {b}\n    return {x}", f=function, b=block, x=name),
        built("def {f}(p):\n    global {x}\n    {b}\n    return p", f=function, b=block, x=name),
        built("class K:\n    v = {x}\n    def m(self): return self.v\n{y} = K().m()", x=name, y=name),
    )


statement = st.recursive(plain, around, max_leaves=4)
cell = st.lists(statement, min_size=1, max_size=2).map("\n".join)
notebook = st.lists(st.one_of(cell, plain), min_size=2, max_size=12)


def shown(value: object, seen: dict[int, int]) -> str:
    """The text of a value, with what is in it twice told only once; what has no text of its own by its kind."""
    if isinstance(value, list):
        if id(value) in seen:
            return f"#{seen[id(value)]}"
        seen[id(value)] = len(seen)
        return f"[{', '.join(shown(each, seen) for each in value)}]"
    return repr(value) if isinstance(value, int | str) else type(value).__name__


def run(cells: Sequence[str]) -> tuple[dict[str, object], set[int]]:
    """Run cells one after the other, as a kernel does; give the names, and the numbers of those that raised."""
    names: dict[str, object] = {"print": lambda *_: None}
    failed = set()
    for number, source in enumerate(cells, 1):
        try:
            exec(compile(source, f"cell {number}", "exec"), names)
        except Exception:
            failed.add(number)
    return names, failed


def outcome(names: dict[str, object], result: str) -> str:
    return shown(names[result], {}) if result in names else "missing"


def check(cells: Sequence[str]) -> None:
    names, failed = run(cells)
    for result in "abcd":
        ran: list[Execution] = [
            execution(number, source, status="error" if number in failed else "ok")
            for number, source in enumerate([*cells, f"try: {result}\nexcept NameError: pass"], 1)
        ]
        kept = slice_executions(ran, "r").steps[:-1]
        alone, _ = run([step.source for step in kept])
        assert outcome(alone, result) == outcome(names, result), (result, [step.seq for step in kept])


@given(notebook)
@settings(max_examples=60)
def test_slice_alone_gives_the_same(cells: list[str]) -> None:
    check(["a, b, c, d = [], [1], [[2], [3]], 4", *cells])


@pytest.mark.slow
@given(notebook)
@settings(max_examples=4000)
def test_slice_alone_gives_the_same_in_many(cells: list[str]) -> None:
    check(["a, b, c, d = [], [1], [[2], [3]], 4", *cells])


@pytest.mark.slow
@pytest.mark.parametrize("most", [20, 200, 2000])
@given(cells=notebook)
@settings(max_examples=300)
def test_cells_that_are_too_much_may_do_anything(most: int, cells: list[str]) -> None:
    limit, memory.MOST_WORK = memory.MOST_WORK, most
    try:
        check(["a, b, c, d = [], [1], [[2], [3]], 4", *cells])
    finally:
        memory.MOST_WORK = limit
