"""Cells as plain Python for a script: magics, cells that await, cells that had failed."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mltrack.exporting.plain_python import plain_python, without_tracking
from mltrack.exporting.wrapping import awaiting, compiles, going_on, indented, keeping_value, reads_last_value

# A cell as typed, and as plain Python.
PLAIN: dict[str, tuple[str, str]] = {
    "nothing to do": ("a = 1\nb = a", "a = 1\nb = a"),
    "display only": ("%matplotlib inline\na = 1", "# %matplotlib inline\na = 1"),
    "in a block": ("if a:\n    %matplotlib inline\nb = 1", "if a:\n    pass  # %matplotlib inline\nb = 1"),
    "installing": ("!pip install x\n%pip install y", "# !pip install x\n# %pip install y"),
    "timed line": ("%time a = f(1)", "a = f(1)"),
    "timed cell": ("%%time\na = 1", "a = 1"),
    "captured cell": ("%%capture\na = 1\n%time b = 2", "a = 1\nb = 2"),
    "captured to a name": ("%%capture out\na = 1", "get_ipython().run_cell_magic('capture', 'out', 'a = 1\\n')"),
    "html": ("%%html\n<b>x</b>", "# %%html"),
    "help": ("a?", "# %pinfo a"),
    "shell": ("!ls -l", "get_ipython().system('ls -l')"),
    "shell to a name": ("files = !ls", "files = get_ipython().getoutput('ls')"),
    "other magic": ("%run other.py", "get_ipython().run_line_magic('run', 'other.py')"),
    "no Python": ("a = = 1", ""),
    "windows line ends": ("a = 1\r\nb = '''x\r\ny'''", "a = 1\nb = '''x\ny'''"),
    "a text with magics": ("a = '''\n%matplotlib inline\n'''", "a = '''\n%matplotlib inline\n'''"),
}


@pytest.mark.parametrize(("typed", "python"), PLAIN.values(), ids=PLAIN.keys())
def test_a_cell_becomes_plain_python(typed: str, python: str) -> None:
    assert plain_python(typed) == python


UNTRACKED: dict[str, tuple[str, str]] = {
    "line": ("%%track_run a\nb = 1", "b = 1"),
    "below another": ("%%time\n%%track_run a\nb = 1", "%%time\nb = 1"),
    "loading": ("import x\n%load_ext mltrack\n%load_ext other", "import x\n%load_ext other"),
    "verb": ("%mltrack runs\nif a:\n  %mltrack show\nb = 1", "if a:\n  pass\nb = 1"),
    "in a text": ("a = '''\n%mltrack runs\n'''\n%mltrack runs", "a = '''\n%mltrack runs\n'''"),
    "in a written file": ("%%writefile x\n%%track_run", "%%writefile x\n%%track_run"),
}


@pytest.mark.parametrize(("typed", "left"), UNTRACKED.values(), ids=UNTRACKED.keys())
def test_mltracks_own_lines_go(typed: str, left: str) -> None:
    assert without_tracking(typed) == left


AWAITING: dict[str, tuple[str, dict[str, Any]]] = {
    "expression": ("a = await f(1)\nb = 2", {"a": 1, "b": 2}),
    "for": ("c = 0\nasync for i in each():\n    c += i", {"c": 3, "i": 2}),
    "with a text over lines": ('a = """x\n  y"""\nb = await f(a)', {"b": "x\n  y"}),
    "comprehension": ("a = [i async for i in each()]", {"a": [1, 2]}),
    "definitions": ("import math\ndef g():\n    return math.pi\na = await f(g())", {"a": math.pi}),
    "annotated": ("a: int = await f(3)", {"a": 3}),
    "star import": ("from math import *\na = await f(floor(2.5))", {"a": 2}),
    "future tasks": ("import asyncio\ntask = asyncio.create_task(f(1))\na = await task", {"a": 1}),
    "form feed": ("a = 1\n\x0cb = await f(a)", {"b": 1}),
}


@pytest.mark.parametrize(("cell", "names"), AWAITING.values(), ids=AWAITING.keys())
def test_a_cell_that_awaits_runs_in_a_script(cell: str, names: dict[str, Any]) -> None:
    head = "import asyncio\nasync def f(x):\n    return x\nasync def each():\n    yield 1\n    yield 2\n"
    scope: dict[str, Any] = {}
    loop = "loop = asyncio.new_event_loop()\n"
    assert compiles(cell, awaits=True)
    exec(head + loop + awaiting(cell, 1, "loop.run_until_complete") + "\nloop.close()", scope)
    assert {name: scope[name] for name in names} == names


def test_a_cell_that_had_failed_goes_on_where_it_failed(capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, Any] = {}
    exec(going_on("a = '''x\n  y'''\nb = 1 / 0\nc = 2"), scope)
    exec(going_on("from math import *\nd = floor(2.5)"), scope)
    assert (scope["a"], "c" in scope, scope["d"]) == ("x\n  y", False, 2)
    assert "division by zero" in capsys.readouterr().out


def test_indenting_leaves_texts_as_they_are() -> None:
    assert indented("\x0ca = '''\n\x0cx'''") == "    a = '''\n\x0cx'''"
    assert indented("a = 1\n\nb = '''\nx'''\n") == "    a = 1\n\n    b = '''\nx'''\n"


def test_the_last_value_is_kept_where_a_cell_reads_it() -> None:
    assert reads_last_value(["a = 1\na", "b = _ + 1"])
    assert not reads_last_value(["for _ in range(3): pass\nprint(_)"])
    kept = [keeping_value(python) for python in ("a = 1\na  # shown", "a;", "a = 1", "", "ä = 1; (ä,\n2)")]
    assert kept == ["a = 1\n_ = a  # shown", "a;", "a = 1", "", "ä = 1; _ = (ä,\n2)"]
