"""Notebooks whose result depends on objects that are shared and changed: containers and classes."""

from __future__ import annotations

from tests.core.slice_cases import case

OBJECTS = [
    case("alias", ["a = [1]", "b = a", "b.append(2)", "c = 3"], "a", "1 2 3"),
    case("alias of a part", ["d = {'a': [1]}", "e = d['a']", "e.append(2)"], "d", "1 2 3"),
    case("alias cut by rebinding", ["a = [1]", "b = a", "b = []", "b.append(2)"], "a", "1"),
    case("alias kept after rebinding", ["a = [1]", "b = a", "a = [5]", "b.append(2)"], "b", "1 2 4"),
    case("copy is its own", ["a = [1]", "b = a.copy()", "b.append(2)"], "a", "1"),
    case("copy of the outside shares the inside", ["a = [[1]]", "b = list(a)", "b[0].append(2)"], "a", "1 2 3"),
    case("deep copy", ["import copy", "a = [[1]]", "b = copy.deepcopy(a)", "b[0].append(2)"], "a", "2"),
    case(
        "deep copy that is changed",
        ["import copy", "a = [[1]]", "b = copy.deepcopy(a)", "b[0].append(2)", "a.append(3)"],
        "b",
        "1 2 3 4",
    ),
    case("slice of a list", ["a = [1, 2, 3]", "b = a[:2]", "b[0] = 9"], "a", "1"),
    case("slice of a list shares its items", ["a = [[1], [2]]", "b = a[:1]", "b[0].append(9)"], "a", "1 2 3"),
    case("item assigned", ["a = [1, 2]", "a[0] = 5", "b = a[1]"], "a", "1 2"),
    case("list of lists", ["row = [0]", "table = [row, row]", "row.append(1)", "x = 1"], "table", "1 2 3"),
    case("dict of lists", ["d = {}", "for k in 'ab':\n    d[k] = []", "d['a'].append(1)", "print(d)"], "d", "1 2 3"),
    case(
        "dict methods", ["d = {}", "d.setdefault('a', []).append(1)", "d.get('a').append(2)", "d.keys()"], "d", "1 2 3"
    ),
    case(
        "default dict is changed by reading",
        ["from collections import defaultdict", "d = defaultdict(list)", "d['a']", "x = 1"],
        "dict(d)",
        "1 2 3",
    ),
    case("update takes items along", ["a = {'x': [1]}", "b = {}", "b.update(a)", "b['x'].append(2)"], "a", "1 2 3 4"),
    case(
        "loop over items changes them",
        ["rows = [[1], [2]]", "for r in rows: r.append(0)", "n = len(rows)"],
        "rows",
        "1 2",
    ),
    case("loop only reads", ["rows = [[1], [2]]", "t = 0", "for r in rows: t += r[0]", "print(t)"], "rows", "1"),
    case(
        "loop chain of aliases",
        [
            "a, b, c = [1], [2], [3]",
            "for i in range(3):\n    c.append(i)\n    c = b\n    b = a",
            "d = 4",
        ],
        "a",
        "1 2",
    ),
    case(
        "zip and enumerate",
        ["xs, ys = [[1]], [[2]]", "for i, (x, y) in enumerate(zip(xs, ys)):\n    y.append(i)", "n = 1"],
        "ys",
        "1 2",
    ),
    case("map and lambda", ["rows = [[1]]", "list(map(lambda r: r.append(2), rows))", "n = 1"], "rows", "1 2"),
    case("comprehension that changes", ["rows = [[1]]", "[r.append(2) for r in rows]", "n = 1"], "rows", "1 2"),
    case("sorted leaves it", ["a = [2, 1]", "b = sorted(a)", "b.append(3)"], "a", "1"),
    case("sort in place", ["a = [2, 1]", "a.sort()", "b = a[0]"], "b", "1 2 3"),
    case("max gives an item", ["a = [[1], [2]]", "m = max(a)", "m.append(3)"], "a", "1 2 3"),
    case("set and tuple", ["s = {1}", "t = (s,)", "t[0].add(2)"], "s", "1 2 3"),
    case("heap", ["import heapq", "h = []", "heapq.heappush(h, 2)", "h[0]"], "h", "1 2 3"),
    case("deque", ["from collections import deque", "q = deque([1])", "q.append(2)", "len(q)"], "list(q)", "1 2 3"),
    case("conditional alias", ["a, b = [1], [2]", "c = a if len(b) else b", "c.append(3)"], "b", "1 2 3"),
    case("or alias", ["a = []", "b = [1]", "c = a or b", "c.append(2)"], "b", "1 2 3 4"),
    case(
        "class with state",
        [
            (
                "class Counter:\n"
                "    def __init__(self): self.n = 0\n"
                "    def step(self): self.n += 1\n"
                "    def show(self): return self.n"
            ),
            "c = Counter()",
            "c.step()",
            "print(c.show())",
            "c.step()",
        ],
        "c.n",
        "1 2 3 5",
    ),
    case(
        "method only reads",
        [
            "class A:\n    def __init__(self, xs): self.xs = xs\n    def total(self): return sum(self.xs)",
            "xs = [1, 2]",
            "a = A(xs)",
            "t = a.total()",
            "print(t)",
        ],
        "a.xs",
        "1 2 3",
    ),
    case(
        "attribute shares",
        ["class A:\n    def __init__(self, xs): self.xs = xs", "xs = [1]", "a = A(xs)", "xs.append(2)"],
        "a.xs",
        "1 2 3 4",
    ),
    case("attribute assigned", ["class A: pass", "a = A()", "b = a", "b.n = 1", "c = A()"], "a.n", "1 2 3 4"),
    case(
        "class attribute",
        ["class A:\n    all = []\n    def __init__(self): self.all.append(1)", "a = A()", "b = A()", "x = 1"],
        "A.all",
        "1 2 3",
    ),
    case(
        "class attribute set later",
        ["class A:\n    k = 1\n    def f(self): return self.k", "a = A()", "A.k = 2", "y = a.f()"],
        "y",
        "1 2 3 4",
    ),
    case(
        "method replaced",
        ["class A:\n    def f(self): return 1", "a = A()", "def g(self): return 2", "A.f = g", "y = a.f()"],
        "y",
        "1 2 3 4 5",
    ),
    case(
        "method reads a global",
        ["k = 1", "class A:\n    def f(self): return k", "a = A()", "k = 5", "y = a.f()"],
        "y",
        "1 2 3 4 5",
    ),
    case(
        "instance carries a function",
        ["k = 1", "class A: pass", "a = A()", "a.f = lambda: k", "k = 9", "y = a.f()"],
        "y",
        "2 3 4 5 6",
    ),
    case(
        "inheritance and super",
        [
            "class A:\n    def __init__(self): self.xs = [0]\n    def add(self, x): self.xs.append(x)",
            "class B(A):\n    def __init__(self):\n        super().__init__()\n        self.ys = []",
            "b = B()",
            "b.add(1)",
            "c = B()",
        ],
        "b.xs",
        "1 2 3 4",
    ),
    case(
        "property",
        [
            (
                "class A:\n"
                "    def __init__(self): self.reads = 0\n"
                "    @property\n"
                "    def v(self):\n"
                "        self.reads += 1\n"
                "        return 5"
            ),
            "a = A()",
            "a.v",
            "b = 1",
        ],
        "a.reads",
        "1 2 3",
    ),
    case(
        "class method and static method",
        [
            (
                "class A:\n"
                "    made = []\n"
                "    @classmethod\n"
                "    def make(cls):\n"
                "        cls.made.append(1)\n"
                "        return cls()\n"
                "    @staticmethod\n"
                "    def put(to): to.append(2)"
            ),
            "a = A.make()",
            "xs = []",
            "A.put(xs)",
        ],
        "xs, A.made",
        "1 2 3 4",
    ),
    case(
        "operator of a class",
        [
            (
                "class V:\n"
                "    def __init__(self): self.log = []\n"
                "    def __add__(self, other):\n"
                "        self.log.append(other)\n"
                "        return self"
            ),
            "v = V()",
            "v + 1",
            "x = 2",
        ],
        "v.log",
        "1 2 3",
    ),
    case(
        "call of an instance",
        [
            "class F:\n    def __init__(self): self.n = 0\n    def __call__(self): self.n += 1",
            "f = F()",
            "f()",
            "g = F()",
        ],
        "f.n",
        "1 2 3",
    ),
    case(
        "dataclass",
        [
            "from dataclasses import dataclass, field",
            "@dataclass\nclass P:\n    xs: list = field(default_factory=list)",
            "p = P()",
            "p.xs.append(1)",
            "q = P()",
        ],
        "p.xs",
        "1 2 3 4",
    ),
    case(
        "dataclass shares what it is given",
        [
            "from dataclasses import dataclass",
            "@dataclass\nclass P:\n    xs: list",
            "xs = []",
            "p = P(xs)",
            "p.xs.append(1)",
        ],
        "xs",
        "1 2 3 4 5",
    ),
    case(
        "namedtuple",
        ["from collections import namedtuple", "P = namedtuple('P', 'xs')", "p = P([1])", "p.xs.append(2)", "n = 1"],
        "p.xs",
        "1 2 3 4",
    ),
    case("class defined again", ["class A:\n    k = 1", "a = A()", "class A:\n    k = 2", "b = A()"], "a.k", "1 2"),
    case(
        "iterator class",
        [
            (
                "class It:\n"
                "    def __init__(self): self.n = 0\n"
                "    def __iter__(self): return self\n"
                "    def __next__(self):\n"
                "        self.n += 1\n"
                "        if self.n > 5: raise StopIteration\n"
                "        return self.n"
            ),
            "it = It()",
            "for x in it:\n    if x == 2: break",
            "y = 1",
        ],
        "it.n",
        "1 2 3",
    ),
]
