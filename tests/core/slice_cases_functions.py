"""Notebooks whose result depends on functions: what they read, change and carry with them."""

from __future__ import annotations

from tests.core.slice_cases import case

FUNCTIONS = [
    case(
        "global statement",
        ["n = 0", "def step():\n    global n\n    n += 1", "step()", "n2 = n", "step()"],
        "n2",
        "1 2 3 4",
    ),
    case(
        "function binds a new global",
        ["def make():\n    global made\n    made = [1]", "make()", "x = 2"],
        "made",
        "1 2",
    ),
    case(
        "function reads what is bound later",
        ["k = 1", "def f(x): return x * k", "k = 10", "y = f(2)", "k = 3"],
        "y",
        "2 3 4",
    ),
    case("function not called", ["k = 1", "def f(x): return x * k", "y = 3"], "y", "3"),
    case("function defined again", ["def f(): return 1", "def f(): return 2", "y = f()"], "y", "2 3"),
    case(
        "function calls a function",
        [
            "def low(): return k",
            "def high(): return low() + 1",
            "k = 4",
            "def low(): return k * 2",
            "y = high()",
        ],
        "y",
        "2 3 4 5",
    ),
    case(
        "function changes its argument",
        ["def add(to): to.append(1)", "a = []", "b = []", "add(a)", "add(b)"],
        "a",
        "1 2 4",
    ),
    case("function only reads its argument", ["def size(of): return len(of)", "a = [1]", "n = size(a)"], "a", "2"),
    case(
        "function gives its argument back",
        ["def same(x): return x", "a = [1]", "b = same(a)", "b.append(2)"],
        "a",
        "1 2 3 4",
    ),
    case(
        "function changes a global",
        ["seen = []", "def note(x): seen.append(x)", "note(1)", "k = 2", "note(3)"],
        "seen",
        "1 2 3 5",
    ),
    case(
        "method of a global handed over",
        ["seen = []", "add = seen.append", "add(1)", "list(map(add, [2, 3]))"],
        "seen",
        "1 2 3 4",
    ),
    case(
        "function handed over",
        ["seen = []", "def note(x):\n    seen.append(x)\n    return x", "s = sorted([2, 1], key=note)"],
        "seen",
        "1 2 3",
    ),
    case(
        "closure with state",
        [
            (
                "def counter():\n"
                "    n = 0\n"
                "    def step():\n"
                "        nonlocal n\n"
                "        n += 1\n"
                "        return n\n"
                "    return step"
            ),
            "a = counter()",
            "b = counter()",
            "a()",
            "b()",
            "a()",
        ],
        "a()",
        "1 2 4 6",
    ),
    case(
        "closure over a list",
        [
            (
                "def keeper():\n"
                "    kept = []\n"
                "    def keep(x):\n"
                "        kept.append(x)\n"
                "        return kept\n"
                "    return keep"
            ),
            "keep = keeper()",
            "keep(1)",
            "x = 5",
            "keep(2)",
        ],
        "keep(3)",
        "1 2 3 5",
    ),
    case(
        "nested functions",
        [
            "base = 2",
            "def outer(x):\n    def inner(y): return y * base\n    return inner(x)",
            "base = 3",
            "y = outer(2)",
        ],
        "y",
        "2 3 4",
    ),
    case(
        "mutable default",
        ["def add(x, to=[]):\n    to.append(x)\n    return to", "add(1)", "y = 0", "add(2)"],
        "add(3)",
        "1 2 4",
    ),
    case("default taken when defined", ["k = 1", "def f(x=k): return x", "k = 2"], "f()", "1 2"),
    case("lambda", ["k = 1", "f = lambda x: x * k", "k = 2", "y = f(3)"], "y", "2 3 4"),
    case("lambda in a list", ["k = 1", "steps = [lambda x: x + k]", "k = 5", "y = steps[0](1)"], "y", "2 3 4"),
    case(
        "partial",
        [
            "from functools import partial",
            "k = 1",
            "def f(a, b): return a + b + k",
            "g = partial(f, 1)",
            "k = 7",
            "y = g(2)",
        ],
        "y",
        "1 2 3 4 5 6",
    ),
    case(
        "decorator",
        [
            "calls = []",
            (
                "def noted(f):\n"
                "    def inner(*args):\n"
                "        calls.append(args)\n"
                "        return f(*args)\n"
                "    return inner"
            ),
            "@noted\ndef double(x): return 2 * x",
            "double(4)",
            "z = 1",
        ],
        "calls",
        "1 2 3 4",
    ),
    case(
        "decorator with wraps",
        [
            "import functools",
            "hits = []",
            (
                "def noted(f):\n"
                "    @functools.wraps(f)\n"
                "    def inner(x):\n"
                "        hits.append(x)\n"
                "        return f(x)\n"
                "    return inner"
            ),
            "k = 3",
            "@noted\ndef times(x): return x * k",
            "k = 4",
            "y = times(2)",
        ],
        "y",
        "1 2 3 5 6 7",
    ),
    case(
        "cached function",
        [
            "from functools import lru_cache",
            "k = 1",
            "@lru_cache\ndef f(x): return x * k",
            "f(2)",
            "k = 10",
        ],
        "f(2)",
        "1 2 3 4 5",
    ),
    case(
        "recursion that changes",
        ["def fill(to, n):\n    if n:\n        to.append(n)\n        fill(to, n - 1)", "a = []", "fill(a, 3)", "b = 1"],
        "a",
        "1 2 3",
    ),
    case(
        "recursion that swaps",
        [
            "def f(a, b, n):\n    a.append(n)\n    if n: f(b, a, n - 1)",
            "p = []",
            "q = []",
            "f(p, q, 3)",
        ],
        "q",
        "1 2 3 4",
    ),
    case(
        "generator function",
        [
            "def numbers():\n    for i in range(limit): yield i",
            "limit = 2",
            "g = numbers()",
            "limit = 4",
            "y = list(g)",
        ],
        "y",
        "1 2 3 4 5",
    ),
    case("generator used up in part", ["g = iter(range(5))", "a = next(g)", "print(a)", "b = next(g)"], "b", "1 2 4"),
    case(
        "generator expression reads later",
        ["k = 1", "g = (x * k for x in range(3))", "k = 5", "y = list(g)"],
        "y",
        "1 2 3 4",
    ),
    case(
        "generator expression used up",
        ["g = (x for x in range(5))", "first = sum(1 for x in g)", "rest = list(g)"],
        "rest",
        "1 2 3",
    ),
    case(
        "await",
        [
            "import asyncio",
            "k = 2",
            "async def f(x):\n    await asyncio.sleep(0)\n    return x * k",
            "k = 3",
            "y = await f(4)",
        ],
        "y",
        "1 3 4 5",
    ),
    case(
        "async for and with",
        [
            "async def count():\n    for i in range(n): yield i",
            "n = 3",
            "got = []",
            "async for i in count(): got.append(i)",
            "n = 1",
        ],
        "got",
        "1 2 3 4",
    ),
]
