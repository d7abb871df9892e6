"""The ``%%track_run`` line: where it is found, how it is read, and what stands in its place."""

from __future__ import annotations

import contextlib
import shlex
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.error import UsageError
from tests.magics.kernels import running_kernel

from mltrack_magics.cell_line import CellOptions, expand, fault_of, find_line, parse_line, take_line_off

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.magics.kernels import Kernel


PLACES: dict[str, tuple[str, tuple[int, str] | None]] = {
    "first": ("%%track_run\nx = 1", (0, "")),
    "with words": ("%%track_run a b\nx = 1", (0, "a b")),
    "with a tab": ("%%track_run\ta\nx = 1", (0, "a")),
    "after blank lines": ("\n  \n%%track_run a\nx = 1", (2, "a")),
    "below another magic": ("%%time\n%%track_run a\nx = 1", (1, "a")),
    "below a magic and a blank line": ("%%time\n\n%%track_run a\nx = 1", (2, "a")),
    "alone": ("%%track_run", (0, "")),
    "below code": ("x = 1\n%%track_run", None),
    "below a comment": ("# why\n%%track_run\nx = 1", None),
    "in a text": ("x = '''\n%%track_run\n'''", None),
    "indented": ("  %%track_run\nx = 1", None),
    "another name": ("%%track_runs\nx = 1", None),
    "a line magic": ("%track_run\nx = 1", None),
    "text to be written": ("%%writefile cell.py\n%%track_run\nx = 1", None),
    "empty": ("", None),
    "blank": ("\n \n", None),
}


@pytest.mark.parametrize(("cell", "found"), PLACES.values(), ids=PLACES)
def test_the_line_is_found(cell: str, found: tuple[int, str] | None) -> None:
    assert find_line(cell) == found


NOTHING = CellOptions(
    None,
    None,
    {},
    {},
    nested=False,
    system_metrics=False,
    capture=True,
    snapshot=True,
    autolog=True,
    live=False,
    quiet=False,
)
LINES: dict[str, tuple[str, dict[str, object]]] = {
    "nothing": ("", {}),
    "a name": ("baseline", {"name": "baseline"}),
    "a name of several words": ("with dropout 0.5", {"name": "with dropout 0.5"}),
    "a quoted name": ('"with  dropout"', {"name": "with  dropout"}),
    "an experiment": ("-e churn", {"experiment": "churn"}),
    "an experiment in full": ("--experiment 'two words'", {"experiment": "two words"}),
    "an experiment with =": ("--experiment=churn", {"experiment": "churn"}),
    "tags": ("-t stage=dev --tag who=me", {"tags": {"stage": "dev", "who": "me"}}),
    "params": ("-p C=0.5 --param=kernel=rbf", {"params": {"C": "0.5", "kernel": "rbf"}}),
    "a value with =": ("-p url=a=b", {"params": {"url": "a=b"}}),
    "a value with spaces": ("-p note='two words'", {"params": {"note": "two words"}}),
    "an empty value": ("-p note=", {"params": {"note": ""}}),
    "a negative value": ("-p low=-1", {"params": {"low": "-1"}}),
    "flags": ("--nested --no-capture --no-snapshot --quiet", {"nested": True, "capture": False, "snapshot": False}),
    "live": ("--live", {"live": True}),
    "mixed": ("first -p C=1 try", {"name": "first try", "params": {"C": "1"}}),
}


@pytest.mark.parametrize(("line", "changed"), LINES.values(), ids=LINES)
def test_the_line_is_read(line: str, changed: dict[str, object]) -> None:
    options = parse_line(line)
    for name in CellOptions.__slots__:
        expected = changed.get(name, line.endswith("--quiet") if name == "quiet" else getattr(NOTHING, name))
        assert getattr(options, name) == expected, name


FAULTS = {
    "unknown": ("--nme x", ["--nme", "Did you mean"]),
    "unknown, far from any": ("--zzzzz", ["--zzzzz", "--experiment", "--param", "--quiet"]),
    "shortened": ("--exp churn", ["--exp", "--experiment"]),
    "no value": ("-e", ["-e", "expected one argument", "Usage"]),
    "no key": ("-p 0.5", ["-p needs key=value", "'0.5'"]),
    "an empty key": ("-t =x", ["-t needs key=value"]),
    "an open quote": ("-p 'a=1", ["No closing quotation"]),
    "a flag with a value": ("--quiet=yes", ["--quiet"]),
}


@pytest.mark.parametrize(("line", "words"), FAULTS.values(), ids=FAULTS)
def test_a_wrong_line_is_refused_and_the_right_options_are_named(line: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as raised:
        parse_line(line)
    message = str(raised.value)
    assert type(raised.value) is UsageError
    assert "\n" not in message
    assert "%%track_run" in message
    assert all(word in message for word in words), message
    (replaced,) = take_line_off([f"%%track_run {line}\n", "print('ran')\n"])
    assert replaced.startswith("raise ")
    compile(replaced, "cell", "exec")


EXPANSIONS = {
    "a name": ("$name", "try"),
    "an expression": ("{C * 2}", "1.0"),
    "a format, which IPython leaves": ("{C:.3f}", "{C:.3f}"),
    "an attribute": ("$C.real", "0.5"),
    "two": ("$name-{C}", "try-0.5"),
    "a dollar": ("$$name", "$name"),
    "unknown": ("$missing", "$missing"),
    "one known, one not": ("$name {missing}", "$name {missing}"),
    "broken": ("{1 +}", "{1 +}"),
    "raising": ("{1 / 0}", "{1 / 0}"),
    "braces in a text": ("{", "{"),
    "nothing to fill in": ("plain", "plain"),
}


@pytest.mark.parametrize(("text", "filled"), EXPANSIONS.values(), ids=EXPANSIONS)
def test_names_and_expressions_are_filled_in(text: str, filled: str) -> None:
    assert expand(text, {"name": "try", "C": 0.5}) == filled


def test_what_was_filled_in_is_read_as_it_is() -> None:
    options = parse_line("$name -p C={C} -t who=$name", {"name": "try", "C": 0.5})
    assert (options.name, options.params, options.tags) == ("try", {"C": "0.5"}, {"who": "try"})


@pytest.mark.parametrize("line", ["-p C={a + b}", "-p $key=1", "$name", "-p C={x['a']}", "-e {names[0]}"])
def test_a_line_to_be_filled_in_is_not_refused_before(line: str) -> None:
    assert fault_of(line) is None


REPLACED: dict[str, tuple[str, str]] = {
    "kept as a comment": ("%%track_run a\nx = 1\n", "# %%track_run a\nx = 1\n"),
    "before a magic": ("%%track_run a\n%%time\nx = 1\n", "%%time\nx = 1\n"),
    "before a blank line and a magic": ("%%track_run a\n\n%%time\nx = 1\n", "\n%%time\nx = 1\n"),
    "below a magic": ("%%time\n%%track_run a\nx = 1\n", "%%time\nx = 1\n"),
    "below blank lines": ("\n%%track_run\nx = 1\n", "\n# %%track_run\nx = 1\n"),
    "all lines indented": ("%%track_run\n  x = 1\n  y = 2\n", "  # %%track_run\n  x = 1\n  y = 2\n"),
    "alone": ("%%track_run\n", "# %%track_run\n"),
    "none": ("x = 1\n", "x = 1\n"),
}


@pytest.mark.parametrize(("cell", "left"), REPLACED.values(), ids=REPLACED)
def test_what_replaces_the_line(cell: str, left: str) -> None:
    assert "".join(take_line_off(cell.splitlines(keepends=True))) == left


@given(st.text(alphabet="%track_run $\"'{}=-abp\\\t \n", max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    lines = [f"%%track_run {text}\n".replace("\n", " ").strip() + "\n", "x = 1\n"]
    left = take_line_off(lines)
    assert len(left) == len(lines) or left[0].startswith("raise ")
    with contextlib.suppress(UsageError):
        parse_line(text, {"a": 1})
    assert "\n" not in (fault_of(text) or "")


@given(st.dictionaries(st.from_regex(r"[A-Za-z_]{1,8}", fullmatch=True), st.text(max_size=20), max_size=4))
def test_quoted_params_come_back(params: dict[str, str]) -> None:
    line = " ".join(f"-p {shlex.quote(f'{key}={value}')}" for key, value in params.items())
    assert parse_line(line).params == params


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running_kernel(tmp_path_factory.mktemp("line")) as started:
        yield started


@pytest.mark.parametrize("place", ["%%track_run {}\n", "\n%%track_run {}\n", "%%time\n%%track_run {}\n"])
def test_nothing_of_a_cell_with_a_wrong_line_runs(kernel: Kernel, place: str) -> None:
    outcome = kernel.run(place.format("--quite") + "ran = True\nprint('ran')")
    assert outcome.error is not None
    assert outcome.error.startswith("UsageError: %%track_run does not know '--quite'. Did you mean --quiet?")
    assert outcome.stream() == ""
    assert kernel.evaluate("'ran' in globals()") is False
    assert not kernel.has_store or kernel.runs() == []
    shown = outcome.stream("stderr") + "".join(str(content.get("traceback")) for _, content in outcome.outputs)
    assert "Traceback" not in shown
    assert "__import__" not in shown


def test_names_of_the_session_are_filled_in(kernel: Kernel) -> None:
    kernel.run("C = 0.5; label = 'try'")
    _, run = kernel.track("D = 1", "$label -p C={C * 2} -t who=$label")
    assert (run.info.run_name, run.data.params["C"], run.data.tags["who"]) == ("try", "1.0", "try")


def test_a_line_that_is_wrong_once_filled_in_is_one_warning_and_the_cell_runs(kernel: Kernel) -> None:
    kernel.run("extra = '--oops'")
    before = len(kernel.runs())
    outcome = kernel.run("%%track_run $extra\nprint('ran')")
    assert outcome.stream() == "ran\n"
    assert outcome.stream("stderr").count("\n") == 1
    assert "--oops" in outcome.stream("stderr")
    assert len(kernel.runs()) == before
