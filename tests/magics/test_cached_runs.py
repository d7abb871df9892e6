"""``%%track_run --cache`` in real kernels: when an earlier run stands in, when it does not, and what the cell sees."""

from __future__ import annotations

import ast
import os
from typing import TYPE_CHECKING

import pytest
from tests.magics.kernels import LOAD, run_python, running_kernel

from mltrack.keys import CACHE_KEY_TAG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.magics.kernels import Kernel, Outcome

BEGIN = (
    "import numpy as np\nimport math",
    "X = np.arange(60.0).reshape(20, 3)\nalpha = 2\nlimits = {'low': 1}",
    "def scale(values):\n    return values * 2",
    "class Thing:\n    weight = 3",
    "thing = Thing()",
)
BODY = """C = 0.5
name = 'linear'
print('training')
total = float(scale(X).sum()) * C * alpha + thing.weight
total"""
TRAIN = f"%%track_run base --cache\n{BODY}"
SAID = "The same code, params, data and environment"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running_kernel(tmp_path_factory.mktemp("cache"), MLTRACK_TEST_MODE="1") as started:
        begin(started)
        assert not is_cached(started.run(TRAIN))
        yield started


def begin(kernel: Kernel) -> None:
    for cell in BEGIN:
        assert kernel.run(cell).error is None


def is_cached(outcome: Outcome) -> bool:
    assert outcome.error is None, outcome
    assert (SAID in outcome.stream()) != ("training" in outcome.stream()), outcome
    return SAID in outcome.stream()


def test_the_earlier_run_stands_in(kernel: Kernel) -> None:
    kernel.run("C = name = total = None")
    count = len(kernel.runs())
    outcome = kernel.run(TRAIN)
    assert is_cached(outcome)
    assert outcome.value is None
    assert "run 'base' (" in outcome.stream()
    assert "In your variables: C, name, total" in outcome.stream()
    assert len(outcome.cards) == 1
    assert kernel.evaluate("[C, name, total]") == [0.5, "linear", 3543.0]
    assert len(kernel.runs()) == count
    assert kernel.evaluate("len(get_ipython().ast_transformers)") == 0
    assert kernel.run("1 + 1").value == "2"


# What is done before, the cell, and whether the earlier run stands in; what was done is undone after.
CASES = {
    "a-comment": ("", TRAIN.replace("print", "# a comment\nprint"), True),
    "white-space": ("", TRAIN.replace("C = 0.5", "C   =  0.5\n"), True),
    "another-name-of-the-run": ("", TRAIN.replace("base", "other"), True),
    "a-tag": ("", TRAIN.replace("base", "base -t stage=dev"), True),
    "no-card": ("", TRAIN.replace("base", "base --quiet"), True),
    "another-literal": ("", TRAIN.replace("0.5", "0.6"), False),
    "another-text": ("", TRAIN.replace("'linear'", "'rbf'"), False),
    "other-code": ("", TRAIN.replace("sum()", "mean()"), False),
    "another-param": ("", TRAIN.replace("base", "base -p k=1"), False),
    "a-scalar-of-another-cell": ("alpha = 3", TRAIN, False),
    "the-same-scalar-computed-otherwise": ("alpha = 1 + 1", TRAIN, True),
    "data-changed-in-place": ("X[19, 2] += 1e-9", TRAIN, False),
    "data-of-another-shape": ("X = X.reshape(3, 20)", TRAIN, False),
    "data-of-another-type": ("X = X.astype('float32')", TRAIN, False),
    "the-same-data-made-otherwise": ("X = np.arange(60.0).reshape(20, 3) + 0", TRAIN, True),
    "another-function": ("def scale(values):\n    return values * 3", TRAIN, False),
    "a-changed-object": ("thing.weight = 4", TRAIN, False),
}
UNDO = ("X = np.arange(60.0).reshape(20, 3)\nalpha = 2", *BEGIN[2:])


@pytest.mark.parametrize(("before", "cell", "cached"), CASES.values(), ids=CASES)
def test_what_counts_for_the_key(kernel: Kernel, before: str, cell: str, *, cached: bool) -> None:
    if before:
        assert kernel.run(before).error is None
    assert is_cached(kernel.run(cell)) == cached
    for undo in UNDO if before else ():
        kernel.run(undo)


def test_a_cell_that_runs_is_as_it_was_typed(kernel: Kernel) -> None:
    outcome = kernel.run("%%track_run --cache\nimport asyncio\nprint('training')\nawait asyncio.sleep(0, 'waited')")
    assert (outcome.value, is_cached(outcome)) == ("'waited'", False)
    failed = kernel.run("%%track_run --cache\nk = 1\n1 / 0")
    assert failed.error == "ZeroDivisionError: division by zero"
    assert "line 3" in "".join(failed.reply["traceback"])
    again = kernel.run("%%track_run --cache\nk = 1\n1 / 0")
    assert again.error == failed.error  # a run that failed stands in for none
    timed = "%%track_run --cache\n%%time\nprint('training')\nm = 4"
    assert not is_cached(kernel.run(timed))
    kernel.run("del m")
    assert is_cached(kernel.run(timed))
    assert kernel.evaluate("m") == 4
    assert kernel.run("%%track_run --cache\nthis is no code").error is not None
    assert kernel.run("2 + 2").value == "4"


def test_files_count_by_what_they_hold(kernel: Kernel) -> None:
    place = kernel.folder / "numbers.txt"
    place.write_text("1 2 3")
    cell = "%%track_run --cache\nprint('training')\nwords = len(open('numbers.txt').read().split()) * 1.0"
    assert not is_cached(kernel.run(cell))
    kernel.settle()
    assert is_cached(kernel.run(cell))
    place.write_text("1 2 3 4")
    assert not is_cached(kernel.run(cell))
    assert kernel.evaluate("words") == 4.0
    place.unlink()
    assert kernel.run(cell).error is not None


def test_the_users_own_modules_count_by_what_they_hold(kernel: Kernel) -> None:
    place = kernel.folder / "own_part.py"
    place.write_text("def factor(x):\n    return x * 2.0\n")
    kernel.run("import own_part")
    cell = "%%track_run --cache\nprint('training')\nproduct = own_part.factor(3)"
    assert not is_cached(kernel.run(cell))
    kernel.settle()
    assert is_cached(kernel.run(cell))  # what the cell may have left in the module the first time does not count
    place.write_text("def factor(x):\n    return x * 3.0\n")
    outcome = kernel.run(cell)
    assert not is_cached(outcome)
    assert "own_part.py was changed after this kernel imported it" in outcome.stream()
    os.utime(place, (0, 0))  # every cell may depend on what a module of the user's does when it is imported


NEVER = {
    "a-program": ("!true", "the cell runs a program"),
    "an-address": ("table = pd.read_csv('file://nowhere') if False else 1", "the cell reads an address"),
}


@pytest.mark.parametrize(("line", "reason"), NEVER.values(), ids=NEVER)
def test_what_nothing_can_tell_of_always_runs(kernel: Kernel, line: str, reason: str) -> None:
    outcome = kernel.run(f"%%track_run --cache\nprint('training')\nimport pandas as pd\n{line}")
    assert not is_cached(outcome)
    assert f"No earlier run is looked for: {reason}" in outcome.stream()


def test_imports_are_made_and_what_is_not_made_again_is_said(kernel: Kernel) -> None:
    cell = "%%track_run --cache\nprint('training')\nimport colorsys\nlevel = 7\nolder = object()\ngone = object()"
    assert not is_cached(kernel.run(cell))
    kernel.run("del colorsys, gone, level")
    outcome = kernel.run(cell)
    assert is_cached(outcome)
    assert "In your variables: level. Not made again: gone. As they were before this cell: older." in outcome.stream()
    assert kernel.evaluate("[colorsys.__name__, level]") == ["colorsys", 7]


UNSEEDED = {
    "in-the-cell": ("", "luck = np.random.rand() * 1.0"),
    "in-a-cell-before": ("dice = np.random.default_rng()", "luck = float(dice.random())"),
}


@pytest.mark.parametrize(("before", "body"), UNSEEDED.values(), ids=UNSEEDED)
def test_unseeded_randomness_always_runs(kernel: Kernel, before: str, body: str) -> None:
    kernel.run(before)
    cell = f"%%track_run --cache\nprint('training')\n{body}"
    found = []
    for _ in range(2):
        assert not is_cached(kernel.run(cell))
        kernel.settle()
        found.append(kernel.evaluate("luck"))
    assert found[0] != found[1]
    if not before:
        assert "is not taken: " in kernel.run(cell).stream()
    if before:
        assert "No earlier run is looked for: " in kernel.run(cell).stream()


def test_a_name_that_no_cell_made_is_not_known(kernel: Kernel) -> None:
    kernel.evaluate("globals().update(ghost=Thing())")
    outcome = kernel.run("%%track_run --cache\nprint('training')\nseen = ghost.weight")
    assert "no cell has made ghost" in outcome.stream()
    assert not is_cached(outcome)


@pytest.mark.slow
def test_a_fault_of_the_search_is_said_and_the_cell_runs(tmp_path: Path) -> None:
    with running_kernel(tmp_path) as kernel:
        kernel.run("import mltrack_magics.cached_runs as module\nmodule.cache_key = None")
        outcome = kernel.run("%%track_run --cache\nprint('training')\nk = 1")
        assert outcome.error is None
        assert "looking for an earlier run failed" in outcome.stream("stderr")
        assert len(kernel.runs()) == 1


@pytest.mark.slow
def test_another_kernel_finds_it_and_a_rerun_does_not(kernel: Kernel) -> None:
    assert is_cached(kernel.run(TRAIN))
    kernel.settle()
    origin = next(each for each in reversed(kernel.runs()) if CACHE_KEY_TAG in each.data.tags)
    outcome = kernel.run(f"import mltrack\nagain = mltrack.rerun({origin.info.run_id!r}).result(110)")
    assert outcome.error is None
    assert kernel.evaluate("again.info.run_id") != origin.info.run_id
    assert kernel.evaluate("again.data.metrics") == dict(origin.data.metrics)
    kernel.restart()
    kernel.run(LOAD)
    begin(kernel)
    assert is_cached(kernel.run(TRAIN))


OF_CACHE = ("mltrack_magics.cached_runs", "mltrack_magics.own_sources", "mltrack_magics.pinned_values")


def test_a_cell_that_does_not_ask_for_it_loads_nothing_of_it(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom IPython.core.interactiveshell import InteractiveShell\nshell = InteractiveShell.instance()\n"
        f"def loaded(): return [name for name in {OF_CACHE!r} if name in sys.modules]\n"
        "shell.run_cell('%load_ext mltrack')\nshell.run_cell('%%track_run\\nC = 0.5').raise_error()\n"
        "plain = loaded()\nshell.run_cell('%%track_run --cache\\nC = 0.5').raise_error()\nprint([plain, loaded()])"
    )
    assert ast.literal_eval(run_python(code, tmp_path).splitlines()[-1]) == [[], [*OF_CACHE]]
