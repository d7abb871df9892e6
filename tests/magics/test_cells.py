"""A tracked cell behaves as a plain one: the front end gets the same messages as from a kernel without mltrack."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.magics.kernels import SECONDS, running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.magics.kernels import Content, Kernel, Outcome


SCRIPT = "import sys\nvalue = 6 * 7\nprint('from a script', sys.argv[1:])\n"
# Matplotlib looks at all fonts when it is first imported, and says so where that takes more than five seconds.
SETUP = """
__import__("matplotlib.font_manager")
import asyncio, os, sys, threading, time
from IPython.display import HTML, Markdown, clear_output, display, update_display
def fail():
    raise ValueError("inside")
class Loud:
    def __repr__(self):
        print("asked")
        return "<Loud>"
"""
LINE = "%%track_run -p x=1"

# Below the line. A comment stands in its place in the plain cell, as it does in the tracked one.
BELOW: dict[str, str] = {
    "last value": "a = 1\na + 1",
    "every kind of output": "print('a')\nprint('b', file=sys.stderr)\ndisplay(HTML('<b>c</b>'))\nMarkdown('*d*')",
    "no value": "a = 1",
    "suppressed value": "a = 1\na + 1;",
    "none": "None",
    "underscore": "40 + 2\n",
    "underscore used": "_ + 1",
    "await": "await asyncio.sleep(0.01, 'slept')",
    "await and fail": "await asyncio.sleep(0.01)\nfail()",
    "async for": "async def numbers():\n    for i in range(3):\n        yield i\n[i async for i in numbers()]",
    "gather": "async def one(i):\n    print(i)\n    return i\nawait asyncio.gather(*(one(i) for i in range(3)))",
    "line magic": "%config InlineBackend.figure_formats\n%pwd",
    "automagic": "pwd",
    "shell": "!echo from a shell",
    "shell assigned": "files = !echo one two\nfiles",
    "shell expansion": "word = 'there'\n!echo hello $word {1 + 1}",
    "help of a magic that is not there": "%no_such_magic",
    "cell magic below code": "x = 1\n%%time",
    "exception": "1 / 0",
    "exception in a function": "def inner():\n    fail()\n\n\ninner()",
    "exception after output": "print('before')\nfail()\nprint('after')",
    "chained exceptions": "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise KeyError('k') from error",
    "exception group": "raise ExceptionGroup('two', [ValueError(1), TypeError(2)])",
    "own exception": "class Odd(Exception):\n    def __str__(self):\n        return 'odd\\nlines'\nraise Odd",
    "syntax error": "x = 1\nx = = 2",
    "indentation error": "x = 1\n  y = 2",
    "assertion": "x = 3\nassert x == 4, 'no'",
    "system exit": "import sys\nsys.exit(3)",
    "keyboard interrupt": "raise KeyboardInterrupt",
    "usage error": "%timeit -z",
    "warning": "import warnings\nwarnings.warn('careful', stacklevel=1)",
    "display": "handle = display('shown', display_id='one')\nhandle.update('changed')",
    "clear": "print('a')\nclear_output(wait=True)\nprint('b')",
    "html value": "HTML('<b>bold</b>')",
    "raising repr": "class Bad:\n    def __repr__(self):\n        raise RuntimeError('no repr')\nBad()",
    "loud repr": "Loud()",
    "figure": "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.figure(figsize=(1, 1))\nplt.plot([1, 2])",
    "figure, suppressed": "plt.figure(figsize=(1, 1))\nplt.plot([1, 2]);",
    "input without stdin": "input('name? ')",
    "empty": "",
    "only blank lines": "\n\n",
    "only a comment": "# nothing here",
    "leading blank lines": "\n\n1 / 0",
    "prompts": ">>> a = 1\n>>> a + 1",
    "windows line ends": "a = 1\r\na + 1",
    "no line end and a backslash": "a = 1 + \\\n    1\na",
    "a text with a magic in it": "text = '''\n%%track_run\n%time\n'''\ntext",
    "nested run_cell": "get_ipython().run_cell('print(1)\\n2').result",
    "nested run_cell that fails": "get_ipython().run_cell('1 / 0').success",
    "nested empty run_cell": "get_ipython().run_cell('').success",
    "nested cell magic": "get_ipython().run_cell_magic('capture', 'kept', 'print(1)')\nkept.stdout",
    "run of a script": "%run script.py a b\nvalue",
    "run of no script": "%run nothing.py",
    "a thousand prints": "for i in range(1000):\n    print(i)",
    "a generator of prints": "def talk():\n    for i in range(3):\n        print(i)\n        yield i\nlist(talk())",
    "a thread": "t = threading.Thread(target=print, args=('in a thread',))\nt.start()\nt.join()",
    "other stdout": "import io\no, sys.stdout = sys.stdout, io.StringIO()\nprint('x')\nsys.stdout = o\nprint('y')",
    "redirected": "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as out:\n    print('x')\nout",
    "globals": "sorted(name for name in globals() if 'track' in name)",
    "walrus and lambda": "(n := 3)\n(lambda k: k * n)(2)",
    "class": "class P:\n    size: int = 3\nP().size",
    "unicode": "naïve = 'žluťoučký 🐎'\nnaïve",
    "long line": "x = '" + "a" * 5000 + "'\nlen(x)",
    "traceback of the frame": "import inspect\ninspect.currentframe().f_lineno",
    "future import": "from __future__ import annotations\ndef f(x: missing): ...\nf.__annotations__",
    "help": "len?",
    "in": "len(In) > 1",
    "deletes everything": "%reset_selective -f ^naïve$",
    "exit status": "!exit 3\n_exit_code",
}
# Instead of a comment, nothing: another cell magic must come first, and a comment would end the indentation.
WITH_MAGIC: dict[str, str] = {
    "time": "{}%%time\nprint('timed')\n42",
    "time above": "%%time\n{}print('timed')\n42",
    "time, failing": "{}%%time\nfail()",
    "timeit": "{}%%timeit -n1 -r1\npass",
    "capture": "{}%%capture kept\nprint('inside')",
    "capture above": "%%capture kept\n{}print('inside')",
    "bash": "{}%%bash\necho from bash",
    "bash, failing": "{}%%bash\nexit 3",
    "html": "{}%%html\n<b>bold</b>",
    "html above": "%%html\n{}<b>bold</b>",
    "writefile": "{}%%writefile made.py\nmade = 1",
    "two magics": "%%time\n{}%%capture kept\nprint('inside')",
    "unknown": "{}%%no_such_magic\n1",
    "indented": "{}    a = 1\n    a + 1",
    "blank lines above": "\n\n{}%%html\n<i>i</i>",
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("plain")
    (folder / "script.py").write_text(SCRIPT)
    with running_kernel(folder, load=False) as kernel:
        kernel.run("pass")  # so that the counts are the same: the other kernel loads mltrack here
        kernel.run(SETUP)
        yield kernel


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("tracked")
    (folder / "script.py").write_text(SCRIPT)
    with running_kernel(folder) as kernel:
        kernel.run(SETUP)
        yield kernel


TIMES = re.compile(r"(CPU times|Wall time): .*|.* per loop ")  # %%time leaves out what is zero
LEFT_OUT = ("image/png", "engine_info", "execution_count")


def steady(value: Any, kernel: Kernel) -> Any:
    """What may differ between two kernels, in words that do not."""
    if isinstance(value, str):
        text = value.replace(str(kernel.folder), "FOLDER")
        text = re.sub(r"0x[0-9a-f]+|ipykernel_\w+/\d+\.py|(?<=\()\d+\.py", "PLACE", text)
        text = re.sub(r"\x1b\[[\d;]*m", "", text)
        return TIMES.sub("TIME", text)
    if isinstance(value, dict):
        return {key: steady(each, kernel) for key, each in value.items() if key not in LEFT_OUT}
    if isinstance(value, list):
        return [steady(each, kernel) for each in value]
    return value


def seen(outcome: Outcome, kernel: Kernel) -> list[tuple[str, Content]]:
    """What a front end shows: pieces of one stream that follow each other are one."""
    found: list[tuple[str, Content]] = []
    for kind, content in outcome.outputs:
        last = found[-1] if found else None
        if kind == "stream" and last and last[0] == "stream" and last[1]["name"] == content["name"]:
            last[1]["text"] += content["text"]
        else:
            found.append((kind, dict(content)))
    # Two streams are two pipes: which is read first is chance.
    found.sort(key=lambda item: item[0] == "stream" and item[1]["name"] == "stderr")
    return [(kind, steady(content, kernel)) for kind, content in found]


def compare(plain: Kernel, tracked: Kernel, cells: tuple[str, str]) -> tuple[Outcome, Outcome]:
    as_plain, as_tracked = plain.run(cells[0]), tracked.run(cells[1])
    assert seen(as_tracked, tracked) == seen(as_plain, plain)
    assert steady(as_tracked.reply, tracked) == steady(as_plain.reply, plain)
    return as_plain, as_tracked


@pytest.mark.parametrize("body", BELOW.values(), ids=BELOW)
def test_a_tracked_cell_shows_what_a_plain_one_shows(plain: Kernel, tracked: Kernel, body: str) -> None:
    before = len(tracked.runs()) if tracked.has_store else 0
    outcome, _ = compare(plain, tracked, (f"# {LINE}\n{body}", f"{LINE}\n{body}"))
    runs = tracked.runs()
    assert len(runs) == before + 1
    ended = {"ok": "FINISHED", "error": "FAILED"}[outcome.status]
    by_error = {"KeyboardInterrupt": "KILLED", "NoneType": "FINISHED"}  # of no exception: a repr failed after the cell
    assert runs[0].info.status == by_error.get((outcome.error or "").partition(":")[0], ended)


@pytest.mark.parametrize("cell", WITH_MAGIC.values(), ids=WITH_MAGIC)
def test_other_cell_magics_go_on_working(plain: Kernel, tracked: Kernel, cell: str) -> None:
    before = len(tracked.runs()) if tracked.has_store else 0
    compare(plain, tracked, (cell.format(""), cell.format(LINE + "\n")))
    assert len(tracked.runs()) == before + 1


@pytest.mark.parametrize("body", ["1 / 0", "print('a')\n6 * 7", "await asyncio.sleep(0, 1)"])
def test_a_plain_cell_in_a_kernel_with_mltrack_is_as_in_one_without(plain: Kernel, tracked: Kernel, body: str) -> None:
    compare(plain, tracked, (body, body))


def test_lines_of_a_traceback_are_those_of_the_typed_cell(tracked: Kernel) -> None:
    outcome = tracked.run(f"{LINE}\nx = 1\n\nfail()")
    shown = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(outcome.reply["traceback"]))
    assert re.search(r"Cell In\[\d+\], line 4", shown), shown
    assert "----> 4 fail()" in shown


def test_a_card_comes_after_the_cells_own_outputs(tracked: Kernel) -> None:
    outcome = tracked.run(f"{LINE} named\nprint('a')\nC = 0.5")
    (card,) = outcome.cards
    assert "named" in card["text/plain"]
    assert "<div" in card["text/html"]
    assert "mltrack" in outcome.messages[-1][1]["metadata"]


def test_quiet_shows_no_card(tracked: Kernel) -> None:
    outcome = tracked.run("%%track_run --quiet\n1")
    assert outcome.cards == []
    assert outcome.value == "1"


def test_an_empty_cell_is_no_cell(tracked: Kernel) -> None:
    before = len(tracked.runs())
    assert tracked.run("").status == tracked.run(" \n").status == "ok"
    assert len(tracked.runs()) == before


def test_a_thread_prints_after_the_cell(plain: Kernel, tracked: Kernel) -> None:
    body = (
        "def late():\n    while not os.path.exists('go'): time.sleep(0.01)\n    print('late')\n"
        "threading.Thread(target=late).start()\nprint('early')"
    )
    compare(plain, tracked, (f"# {LINE}\n{body}", f"{LINE}\n{body}"))
    for kernel in (plain, tracked):
        (kernel.folder / "go").touch()
        shown = ""
        while not shown.endswith("\n"):  # what print writes may be sent in two pieces
            message = kernel.client.get_iopub_msg(timeout=SECONDS)
            shown += message["content"]["text"] if message["msg_type"] == "stream" else ""
        assert shown == "late\n"
    _, later = tracked.track("pass")
    early = tracked.notebook(later)["cells"][-2]
    assert early["outputs"] == [{"output_type": "stream", "name": "stdout", "text": "early\nlate\n"}]


def test_the_history_has_the_cell_as_it_was_typed(tracked: Kernel) -> None:
    typed = f"{LINE}\nmarker = 12345"
    tracked.run(typed)
    history = "[line for _, _, line in get_ipython().history_manager.get_range(raw=True)]"
    assert tracked.evaluate(history)[-1] == typed


def test_a_cell_that_is_not_complete_is_known_as_such(tracked: Kernel) -> None:
    check = "get_ipython().check_complete({!r})[0]"
    for cell in ("%%track_run\nfor i in range(3):", "%%track_run\nx = 1\n"):
        plain_cell = cell.replace("%%track_run", "# a comment")
        assert tracked.evaluate(check.format(cell)) == tracked.evaluate(check.format(plain_cell))


def test_magics_may_be_called_from_code(tracked: Kernel) -> None:
    before = len(tracked.runs())
    outcome = tracked.run("get_ipython().run_cell_magic('track_run', 'called', 'print(7)\\n6 * 7')")
    assert "7\n" in outcome.stream()
    assert len(tracked.runs()) == before + 1
    assert tracked.runs()[0].info.run_name == "called"
