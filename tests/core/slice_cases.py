"""Notebooks as cells in the order they ran, a result, and which cells it depends on; here those about names."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Case:
    """A notebook; its last cell is the result. ``kept`` numbers the cells before it that the slice has, from 1.

    ``failed`` numbers the cells that raise.
    """

    name: str
    cells: tuple[str, ...]
    result: str
    kept: tuple[int, ...]
    failed: tuple[int, ...] = ()


def case(name: str, cells: Iterable[str], result: str, kept: str, failed: str = "") -> Case:
    return Case(
        name,
        tuple(dedent(each).strip("\n") for each in cells),
        result,
        tuple(int(each) for each in kept.split()),
        tuple(int(each) for each in failed.split()),
    )


NAMES = [
    case("rebinding", ["x = 1", "x = 2", "y = x"], "y", "2 3"),
    case("rebound after use", ["x = 1", "y = x", "x = 2"], "y", "1 2"),
    case("unused", ["x = 1", "y = 2", "z = 3"], "y", "2"),
    case("chained assignment", ["a = b = []", "a.append(1)", "c = 1"], "b", "1 2"),
    case("unpacking", ["a, (b, *c) = 1, (2, 3, 4)", "d = 5", "c.append(9)"], "c", "1 3"),
    case("swap", ["a, b = [1], [2]", "a, b = b, a", "a.append(3)"], "b, a", "1 2 3"),
    case("swap, one of them changed", ["a = [1]", "b = [2]", "a, b = b, a", "a.append(3)"], "b", "1 2 3"),
    case("augmented number", ["n = 1", "m = n", "n += 1", "n += 1"], "n", "1 3 4"),
    case("augmented number, the other name", ["n = 1", "m = n", "n += 1"], "m", "1 2"),
    case("augmented list, the other name", ["n = [1]", "m = n", "n += [2]"], "m", "1 2 3"),
    case("counter run three times", ["counter = 0", *["counter += 1"] * 3], "counter", "1 2 3 4"),
    case("counter started again", ["n = 0", "n += 1", "n = 0", "n += 1"], "n", "3 4"),
    case("cell run again with a change", ["k = 1", "y = k * 2", "k = 5", "y = k * 2"], "y", "3 4"),
    case("walrus", ["data = [1, 2, 3]", "if (n := len(data)) > 2: pass", "data = []"], "n", "1 2"),
    case("walrus in a comprehension", ["last = 0", "[last := i for i in range(4)]", "x = 1"], "last", "1 2"),
    case("comprehension variable stays inside", ["i = 7", "[i for i in range(3)]"], "i", "1"),
    case("loop variable stays", ["i = 7", "for i in range(3): pass"], "i", "1 2"),
    case("bound in a branch", ["x = 1", "flag = True", "if flag: x = 2"], "x", "1 2 3"),
    case("bound in both branches", ["x = 1", "flag = True", "if flag: x = 2\nelse: x = 3"], "x", "2 3"),
    case("for with else", ["for i in range(3): pass\nelse: done = i", "i = 9"], "done", "1"),
    case("while with break", ["n = 0", "while True:\n    n += 1\n    if n > 3: break", "m = 1"], "n", "1 2"),
    case(
        "continue before a binding",
        [
            "last = 'none'",
            "for i in range(3):\n    if i == 2: continue\n    last = i",
            "other = 3",
        ],
        "last",
        "1 2",
    ),
    case("try and except", ["d = {}", "try:\n    v = d['a']\nexcept KeyError:\n    v = 0", "w = 1"], "v", "1 2"),
    case(
        "changed before the exception",
        [
            "log = []",
            "try:\n    log.append(1)\n    1 / 0\nexcept ZeroDivisionError:\n    pass",
            "x = 3",
        ],
        "log",
        "1 2",
    ),
    case(
        "alias made before the exception",
        [
            "a, b, c = [1], [2], [3]",
            "try:\n    c = a\n    1 / 0\n    c = b\nexcept ZeroDivisionError:\n    pass",
            "c.append(4)",
            "b.append(5)",
        ],
        "a",
        "1 2 3",
    ),
    case("finally", ["x = 0", "try:\n    pass\nfinally:\n    x = 1", "y = 2"], "x", "2"),
    case("deleted and bound again", ["x = 1", "del x", "x = 2"], "x", "3"),
    case(
        "asked for after it was deleted",
        [
            "x = 1",
            "y = 5",
            "del x",
            "try:\n    z = x\nexcept NameError:\n    z = y",
        ],
        "z",
        "1 2 3 4",
    ),
    case("item deleted", ["d = {'a': 1, 'b': 2}", "e = d", "del e['a']", "f = 1"], "d", "1 2 3"),
    case(
        "with a manager of the notebook",
        [
            "log = []",
            (
                "class Noted:\n"
                "    def __enter__(self):\n"
                "        log.append('in')\n"
                "        return self\n"
                "    def __exit__(self, *a):\n"
                "        log.append('out')"
            ),
            "with Noted() as n: x = 1",
            "y = 2",
        ],
        "log",
        "1 2 3",
    ),
    case(
        "context manager of contextlib",
        [
            "from contextlib import contextmanager",
            "log = []",
            "@contextmanager\ndef noted():\n    log.append('in')\n    yield log\n    log.append('out')",
            "with noted() as n: n.append('x')",
            "y = 2",
        ],
        "log",
        "1 2 3 4",
    ),
    case(
        "suppressed",
        ["from contextlib import suppress", "x = 1", "with suppress(ZeroDivisionError):\n    1 / 0\n    x = 2"],
        "x",
        "1 2 3",
    ),
    case("match", ["point = (1, [2])", "match point:\n    case (a, b):\n        b.append(a)", "c = 3"], "point", "1 2"),
    case("short circuit", ["x = 1", "flag = False", "flag and (x := 2)"], "x", "1 2 3"),
    case("f-string reads", ["name = 'a'", "text = f'{name!r:>5}'", "name = 'b'"], "text", "1 2"),
    case("annotation", ["x: int = 3", "y: int", "z = x"], "z", "1 3"),
    case("exec with a text", ["x = 1", "exec('x = 2\\ny = x')", "z = 3"], "y", "2"),
    case("exec with a text made before", ["code = 'y = ' + str(5)", "x = [1]", "exec(code)"], "y", "1 2 3"),
    case("eval", ["a = 2", "b = 9", "y = eval('a * 3')"], "y", "1 3"),
    case("globals by name", ["globals()['x'] = [1]", "y = 2", "x.append(3)"], "x", "1 3"),
    case("globals read", ["a = 4", "b = 5", "y = globals()['a']"], "y", "1 3"),
    case("globals updated", ["globals().update({'a': 1})", "b = 2"], "a", "1"),
    case(
        "setattr and getattr",
        ["class A: pass", "a = A()", "setattr(a, 'n', 3)", "b = 1", "y = getattr(a, 'n')"],
        "y",
        "1 2 3 5",
    ),
    case("failed half way", ["x = [1]", "x.append(2)\n1 / 0\nx.append(3)", "y = 5"], "x", "1 2", failed="2"),
    case("failed before it bound", ["x = 1", "raise ValueError\nx = 2", "y = 5"], "x", "1 2", failed="2"),
    case("failed, then run again", ["x = 1", "x = x + 1\n1 / 0", "x = 5"], "x", "3", failed="2"),
    case("no Python at all", ["x = 1", "x = = 2", "y = x"], "y", "1 3", failed="2"),
    case("out of order", ["y = 1", "x = y + 1", "y = 10", "z = x + y"], "z", "1 2 3 4"),
    case("last output", ["a = 3", "a * 2", "b = _ + 1", "c = 5"], "b", "1 2 3"),
    case("numbered output", ["a = 3", "a * 2", "b = _2 + 1", "c = 5"], "b", "1 2 3"),
    case("unused print", ["a = [1]", "print(a)", "len(a)", "a"], "a", "1"),
    case("builtin shadowed", ["def len(x): return 42", "y = len([])"], "y", "1 2"),
    case(
        "star arguments",
        ["def put(*lists):\n    for each in lists: each.append(1)", "a = []", "b = []", "put(*[a, b])"],
        "b",
        "1 2 3 4",
    ),
    case("keyword arguments", ["def put(**named):\n    named['to'].append(1)", "a = []", "put(to=a)"], "a", "1 2 3"),
]
