"""Notebooks whose result depends on cells that do not say so: hooks, implicit calls, open files, the process."""

from __future__ import annotations

from tests.core.slice_cases import case

_COUNTS = "class P:\n    def {}(self, *given):\n        seen.append(1)\n        return {}"

HIDDEN = [
    case(
        "counter kept by the class of an object",
        ["class O:\n    n = 0\n    def __init__(self): type(self).n += 1", "o = O()", "O()", "x = 1", "O()"],
        "o.n",
        "1 2 3 5",
    ),
    case(
        "counter kept by __class__",
        ["class O:\n    n = 0\n    def __init__(self): self.__class__.n += 1", "o = O()", "O()", "x = 1"],
        "o.n",
        "1 2 3",
    ),
    case(
        "classes that register themselves",
        [
            "class B:\n    known = []\n    def __init_subclass__(cls): B.known.append(cls.__name__)",
            "class C(B): pass",
            "x = 1",
            "class D(C): pass",
        ],
        "B.known",
        "1 2 4",
    ),
    case(
        "classes that a metaclass registers",
        [
            "known = []",
            "class M(type):\n    def __init__(cls, name, bases, members): known.append(name)",
            "class A(metaclass=M): pass",
            "x = 1",
            "class B(A): pass",
        ],
        "known",
        "1 2 3 5",
    ),
    case(
        "classes asked for by the one above",
        ["class A: pass", "class B(A): v = 1", "x = 1", "B.v = 2"],
        "[each.v for each in A.__subclasses__()]",
        "1 2 4",
    ),
    case("global in the body of a class", ["v = 1", "class K:\n    global v\n    v = 2", "x = 1"], "v", "2"),
    case("class made by type", ["K = type('K', (), {'seen': []})", "K.seen.append(1)", "x = 1"], "K.seen", "1 2"),
    *(
        case(
            f"{name} runs code",
            ["seen = []", _COUNTS.format(name, gives), "p = P()", use, "x = 1"],
            "seen",
            "1 2 3 4",
        )
        for name, gives, use in (
            ("__bool__", "True", "if p: pass"),
            ("__hash__", "1", "d = {p: 1}"),
            ("__repr__", "'p'", "p"),
            ("__neg__", "self", "-p"),
            ("__lt__", "True", "sorted([p, p])"),
            ("__index__", "0", "[1][p]"),
            ("__setattr__", "None", "p.a = 3"),
            ("__delitem__", "None", "del p[0]"),
        )
    ),
    case("class indexed", ["seen = []", _COUNTS.format("__class_getitem__", "1"), "x = 1", "P[0]"], "seen", "1 2 4"),
    case("__del__ runs code", ["seen = []", _COUNTS.format("__del__", "None"), "p = P()", "del p"], "seen", "1 2 3 4"),
    case(
        "end of a generator",
        ["log = []", "def g():\n    try: yield\n    finally: log.append(1)", "i = g(); next(i)", "i.close()", "x = 1"],
        "log",
        "1 2 3 4",
    ),
    case(
        "iterator of the notebook's own",
        ["a = []", "class P:\n    def __iter__(self): yield a", "x, = P()", "x.append(2)", "y = 1"],
        "a",
        "1 2 3 4",
    ),
    case("names of the module", ["x = 3", "import __main__ as m", "m.__dict__['x'] = 7", "y = 1"], "x", "2 3"),
    case("globals of a function", ["x = 3", "def f(): pass", "f.__globals__['x'] = 9", "y = 1"], "x", "2 3"),
    case("globals of a frame", ["x = 3", "import sys", "sys._getframe().f_globals['x'] = 9", "y = 1"], "x", "2 3"),
    case("builtin set by its name", ["__builtins__.k = 8", "y = 1"], "k", "1"),
    case(
        "module under another name",
        ["import sys, types", "m = types.ModuleType('mm')", "sys.modules['mm'] = m", "import mm", "m.v = 6", "x = 1"],
        "mm.v",
        "1 2 3 4 5",
    ),
    case(
        "signal",
        [
            "import os, signal",
            "l = []",
            "signal.signal(signal.SIGUSR1, lambda *a: l.append(1))",
            "os.kill(os.getpid(), signal.SIGUSR1)",
        ],
        "l",
        "1 2 3 4",
    ),
    case(
        "output that goes elsewhere",
        [
            "import sys",
            "f = open('s.txt', 'w')",
            "old, sys.stdout = sys.stdout, f",
            "print('b')",
            "sys.stdout = old; f.close()",
        ],
        "open('s.txt').read()",
        "1 2 3 4 5",
    ),
    case(
        "file closed as its name goes",
        ["f = open('s', 'w')", "f.write('a')", "x = 1", "del f"],
        "open('s').read()",
        "1 2 4",
    ),
    case("method of a file", ["w = open('s', 'w').write", "w('a')", "x = 1", "del w"], "open('s').read()", "1 2 4"),
    case(
        "file renamed",
        ["from pathlib import Path", "Path('a').write_text('1')", "x = 1", "Path('a').rename('b')"],
        "open('b').read()",
        "1 2 4",
    ),
    case(
        "folder made and entered",
        ["import os", "os.mkdir('d')", "x = 1", "os.chdir('d')"],
        "os.path.basename(os.getcwd())",
        "1 2 4",
    ),
    case(
        "database written by one connection and read by another",
        [
            "import sqlite3",
            "con = sqlite3.connect('a.db')",
            "con.execute('create table t(b)')",
            "x = 1",
            "con.execute('insert into t values (2)'); con.commit()",
            "other = sqlite3.connect('a.db')",
        ],
        "other.execute('select b from t').fetchall()",
        "1 2 3 5 6",
    ),
    case(
        "magic of the notebook",
        [
            "from IPython.core.magic import register_line_magic",
            "def note(line): seen.append(line)",
            "seen = []",
            "register_line_magic(note)",
            "%note a",
            "x = 1",
        ],
        "seen",
        "1 2 3 4 5",
    ),
    case("magic under another name", ["%alias_magic t time", "%t v = 5", "x = 1"], "v", "1 2"),
]
HIDDEN_DATA = [
    case(
        "object in an array",
        [
            "import numpy as np",
            "class A:\n    v = 0\n    def add(self, x): self.v += x",
            "o = A()",
            "a = np.array([o], dtype=object)",
            "a[0].add(5)",
            "x = 1",
        ],
        "o.v",
        "1 2 3 4 5",
    ),
    case(
        "set in a series",
        ["import pandas as pd", "s = pd.Series([{1}])", "s.iloc[0].add(7)", "x = 1"],
        "sorted(s.iloc[0])",
        "1 2 3",
    ),
    case(
        "charts in an array",
        ["import matplotlib.pyplot as plt", "fig, axs = plt.subplots(1, 2)", "for a in axs.flat: a.plot([1])", "x = 1"],
        "len(axs[0].lines)",
        "1 2 3",
    ),
    case(
        "table drawn on the present figure",
        [
            "import matplotlib.pyplot as plt\nimport pandas as pd",
            "fig, ax = plt.subplots()",
            "pd.Series([1]).plot()",
            "x = 1",
        ],
        "len(ax.lines)",
        "1 2 3",
    ),
    case(
        "figure begun anew",
        ["import matplotlib.pyplot as plt", "plt.plot([1])", "plt.figure()", "plt.plot([2])"],
        "len(plt.gca().lines)",
        "1 3 4",
    ),
    case(
        "state of the generator kept and put back",
        [
            "import numpy as np",
            "np.random.seed(0)",
            "kept = np.random.get_state()",
            "np.random.rand()",
            "np.random.set_state(kept)",
        ],
        "float(np.random.rand())",
        "1 2 3 5",
    ),
    case(
        "model that draws a number it does not need",
        [
            "import numpy as np\nfrom sklearn.svm import SVC",
            "np.random.seed(0)",
            "SVC().fit([[0], [1]], [0, 1])",
            "x = 1",
        ],
        "float(np.random.rand())",
        "1 2 3",
    ),
    case(
        "model in a pipeline draws",
        [
            "import numpy as np\nfrom sklearn.pipeline import Pipeline\nfrom sklearn.tree import ExtraTreeClassifier",
            "np.random.seed(0)",
            "p = Pipeline([('t', ExtraTreeClassifier())])",
            "p.fit([[0], [1]], [0, 1])",
        ],
        "float(np.random.rand())",
        "1 2 3 4",
    ),
]
