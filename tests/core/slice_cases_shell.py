"""Notebooks whose result depends on modules, random numbers, files, magics and the shell."""

from __future__ import annotations

from tests.core.slice_cases import case

PROCESS = [
    # modules and the process
    case("imports", ["import math", "import json", "y = math.sqrt(4)"], "y", "1 3"),
    case("import with another name", ["import math as m", "from math import pi as p", "y = m.floor(p)"], "y", "1 2 3"),
    case(
        "submodule imported elsewhere",
        [
            "import xml.dom.minidom",
            "import xml",
            "x = 1",
            "y = xml.dom.minidom.parseString('<a/>').documentElement.tagName",
        ],
        "y",
        "1 2 4",
    ),
    case("star import", ["from math import *", "x = 1", "y = floor(2.5)"], "y", "1 3"),
    case("module changed", ["import math", "math.tau2 = 12", "x = 1", "y = math.tau2"], "y", "1 2 4"),
    case(
        "module imported again keeps its state",
        ["import math", "math.k = 3", "import math", "y = math.k"],
        "y",
        "1 2 3 4",
    ),
    case("reload", ["import importlib, json", "json.k = 1", "importlib.reload(json)", "y = json.k"], "y", "1 2 3 4"),
    case(
        "decimal context",
        ["import decimal", "decimal.getcontext().prec = 3", "x = 1", "y = decimal.Decimal(1) / 3"],
        "str(y)",
        "1 2 4",
    ),
    case(
        "environment",
        ["import os", "os.environ['SLICE_A'] = '1'", "x = 1", "def f(): return __import__('os').environ['SLICE_A']"],
        "f()",
        "1 2 4",
    ),
    case("search path", ["import sys", "sys.path.append('here')", "x = 1", "y = 2"], "y, 'here' in sys.path", "1 2 4"),
    case(
        "random, seeded",
        ["import random", "random.seed(1)", "a = random.random()", "x = 1", "b = random.random()"],
        "b",
        "1 2 3 5",
    ),
    case(
        "random, seeded again",
        ["import random", "random.seed(1)", "a = random.random()", "random.seed(2)", "b = random.random()"],
        "b",
        "1 4 5",
    ),
    case(
        "random, an own generator",
        ["import random", "r = random.Random(1)", "a = r.random()", "s = random.Random(2)", "b = r.random()"],
        "b",
        "1 2 3 5",
    ),
    case(
        "shuffle",
        ["import random", "xs = list(range(9))", "random.seed(3)", "ys = xs", "random.shuffle(ys)"],
        "xs",
        "1 2 3 4 5",
    ),
    case(
        "seeded in a function",
        ["import random", "def fix(n): random.seed(n)", "fix(4)", "x = 1", "y = random.random()"],
        "y",
        "1 2 3 5",
    ),
    # files and the shell
    case(
        "file written and read",
        ["x = 1", "with open('a.txt', 'w') as f: f.write('1')", "y = open('a.txt').read()"],
        "y",
        "2 3",
    ),
    case(
        "file written twice",
        ["open('a.txt', 'w').write('1')", "open('a.txt', 'w').write('2')", "y = open('a.txt').read()"],
        "y",
        "2 3",
    ),
    case(
        "file appended to",
        ["open('a.txt', 'w').write('1')", "with open('a.txt', 'a') as f: f.write('2')", "y = open('a.txt').read()"],
        "y",
        "1 2 3",
    ),
    case(
        "other files",
        ["open('a.txt', 'w').write('1')", "open('b.txt', 'w').write('2')", "y = open('b.txt').read()"],
        "y",
        "2 3",
    ),
    case(
        "path objects",
        [
            "from pathlib import Path",
            "folder = Path('out')",
            "folder.mkdir()",
            "(folder / 'a.txt').write_text('1')",
            "x = 2",
            "y = Path('out/a.txt').read_text()",
        ],
        "y",
        "1 2 3 4 6",
    ),
    case(
        "path in a name",
        ["name = 'a' + '.txt'", "open(name, 'w').write('1')", "open('b.txt', 'w').write('3')", "y = open(name).read()"],
        "y",
        "1 2 4",
    ),
    case(
        "path that is not to be seen",
        [
            "import os",
            "open('a.txt', 'w').write('1')",
            "x = 2",
            "y = [open(f).read() for f in sorted(os.listdir('.')) if f[-1] == 't']",
        ],
        "y",
        "1 2 4",
    ),
    case(
        "file open over cells",
        ["f = open('a.txt', 'w')", "f.write('1')", "x = 1", "f.close()", "y = open('a.txt').read()"],
        "y",
        "1 2 4 5",
    ),
    case(
        "pickle",
        [
            "import pickle",
            "with open('p', 'wb') as f: pickle.dump([1, 2], f)",
            "x = 1",
            "with open('p', 'rb') as f: y = pickle.load(f)",
        ],
        "y",
        "1 2 4",
    ),
    case(
        "json",
        [
            "import json",
            "json.dump({'a': 1}, open('j', 'w'))",
            "json.dumps({})",
            "d = json.loads('{\"a\": [1]}')",
            "d['a'].append(2)",
        ],
        "d",
        "1 4 5",
    ),
    case(
        "writefile",
        [
            "%%writefile made.py\nk = 5",
            "x = 1",
            "import sys; sys.path.insert(0, '.')",
            "from made import k",
            "y = k + 1",
        ],
        "y",
        "1 3 4 5",
    ),
    case("run a file", ["%%writefile part.py\nq = 7", "x = 1", "%run part.py", "y = q + 1"], "y", "1 3 4"),
    case("shell command writes", ["!echo hello > made.txt", "x = 1", "y = open('made.txt').read()"], "y", "1 3"),
    case(
        "shell command only shows",
        ["open('a.txt', 'w').write('1')", "!ls", "!cat a.txt", "y = open('a.txt').read()"],
        "y",
        "1 4",
    ),
    case(
        "shell command gives lines", ["word = 'hi'", "lines = !echo $word", "word = 'ho'", "y = lines[0]"], "y", "1 2 4"
    ),
    case("shell command with braces", ["n = 3", "lines = !echo {n + 1}", "x = 1"], "lines[0]", "1 2"),
    case("env magic", ["%env SLICE_B=5", "x = 1", "import os", "y = os.environ['SLICE_B']"], "y", "1 3 4"),
    case(
        "cd magic",
        [
            "import os",
            "os.mkdir('sub')",
            "%cd -q sub",
            "x = 1",
            "open('a.txt', 'w').write('1')",
            "y = os.path.exists('../sub/a.txt')",
        ],
        "y",
        "1 2 3 5 6",
    ),
    case("time magics", ["a = []", "%time a.append(1)", "%timeit -n1 -r1 len(a)", "%time b = 2"], "a", "1 2"),
    case(
        "timed cell", ["a = []", "%%time\na.append(1)\nb = a", "%%capture out\nprint(b)", "b.append(2)"], "a", "1 2 4"
    ),
    case("captured output", ["%%capture out\nprint('hi')", "x = 1"], "out.stdout", "1"),
    case("timeit changes things", ["a = []", "%timeit -n2 -r1 a.append(1)", "x = 1"], "a", "1 2"),
    case("bash cell", ["%%bash\necho 1 > made.txt", "x = 1", "y = open('made.txt').read()"], "y", "1 3"),
    case("bash cell with an output", ["%%bash --out got\necho 1", "x = 1"], "got", "1"),
    case("showing magics", ["x = 1", "%who", "%pwd", "%precision 3", "y = x"], "y", "1 5"),
    case("html cell", ["%%html\n<b>x</b>", "x = 1"], "x", "2"),
    case("reset", ["x = 1", "%reset -f", "x = 2", "y = x"], "y", "3 4"),
    case("help", ["x = [1]", "x?", "y = x"], "y", "1 3"),
]
