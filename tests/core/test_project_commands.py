"""Commands of entry points: every value is one argument of the child, and never code."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.project_folders import command_file, make_project

import mltrack
from mltrack.exceptions import ExecutionError
from mltrack.projects.commands import ComposedCommand, command_of
from mltrack.projects.entities import Project
from mltrack.projects.project_file import read_project_file
from mltrack.projects.shell_text import ShellText

HOSTILE = [
    *("; touch M", "$(touch M)", "`touch M`", "a\ntouch M", "--x", "{other}", "{0.__class__}", "{{7*7}}", "%(x)s"),
    *("'; touch M; '", '"; touch M; "', "\\", "", " ", "*", "~", "!!", "#", "&& touch M", "a b", "> M"),
    *("é漢🙂", "\x1b[31m"),
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def composed(
    folder: Path, entry_point: str = "main", /, storage_dir: Path | None = None, **values: Any
) -> ComposedCommand:
    file = read_project_file(folder)
    project = Project(str(folder), folder)
    return command_of(project, file, entry_point=entry_point, parameters=values, storage_dir=storage_dir)


def arguments(command: str, folder: Path) -> list[str]:
    """What a child is given by bash, as a project's command is run."""
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, check=True)
    return os.fsdecode(done.stdout).split("\0")[:-1]


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_a_value_is_one_argument(tmp_path: Path, value: str) -> None:
    """H25: in the command, and as a parameter that it does not declare, whose name is no code either."""
    make_project(tmp_path, command_file(r"printf '%s\0' {a} x{a}", "a"))
    values: dict[str, Any] = {"a": value, f"n{value}": value}
    found = composed(tmp_path, **values)
    assert arguments(found.text, tmp_path) == [value, f"x{value}", f"--n{value}", value]
    assert found.parameters == {"a": value, f"n{value}": value}
    assert not (tmp_path / "M").exists()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=TEXTS, other=TEXTS)
def test_any_text_is_one_argument(tmp_path: Path, value: str, other: str) -> None:
    make_project(tmp_path, command_file(r"printf '%s\0' {a}", "a"))
    found = composed(tmp_path, a=value, b=other)
    assert arguments(found.text, tmp_path) == [value, "--b", other]


RUN_SOMEWHERE = [*HOSTILE[:4], *HOSTILE[9:11], "c[$(touch M)]", "c[`touch M`]=1", "\\'$(touch M)\" #"]
CODE = st.lists(
    st.sampled_from(
        [
            *(*"\"'`\\ $({})#c;\n", "$(", "${", "$'", "<<E\n", "case c in c) ", ":", "E\n"),
            *("$((", "))", "[[ ", " -eq 1 ]]", "$[", "c[", "]=1", "eval ", "let c=", "declare ", "c="),
        ]
    ),
    max_size=9,
)


@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=CODE, after=CODE, value=st.sampled_from(RUN_SOMEWHERE))
def test_no_value_is_run_wherever_it_stands(tmp_path: Path, before: list[str], after: list[str], value: str) -> None:
    """Any command that may take the value does not run it, whatever its quotes and substitutions."""
    shell = ShellText("{a}".join(["".join(before), "".join(after)]))
    shell.add_code("".join(before))
    if shell.takes(value):
        shell.add_value(value)
        shell.add_code("".join(after))
        (tmp_path / "M").unlink(missing_ok=True)  # of the example before
        bash = ["bash", "-c", shell.text]
        subprocess.run(bash, cwd=tmp_path, capture_output=True, check=False, stdin=subprocess.DEVNULL)
        assert not (tmp_path / "M").exists(), shell.text


QUOTED = {
    "double quotes": (r'''printf '%s\0' "{a}"''', ["0.5"], None),
    "double quotes, blanks": (r'''printf '%s\0' "{a}"''', ["'x y'"], "x y"),
    "single quotes": (r"""printf '%s\0' '{a}'""", ["0.5"], None),
    "after quotes": (r"""printf '%s\0' "b"{a}""", ["b$(touch M)"], "$(touch M)"),
    "a substitution": (r"""printf '%s\0' $(printf %s {a})""", ["$(touch", "M)"], "$(touch M)"),
    "a substitution in quotes": (r'''printf '%s\0' "$(printf %s {a})"''', ["$(touch M)"], "$(touch M)"),
    "after a comment": ("# don't\nprintf '%s\\0' {a}", ["$(touch M)"], "$(touch M)"),
    "after an escape": (r"printf '%s\0' \'{a}", ["'$(touch M)"], "$(touch M)"),
    "a test": (r"[[ -n {a} ]] && printf '%s\0' {a}", ["$(touch M)"], "$(touch M)"),
    "a number": (r"[ {a} -gt 3 ] || printf '%s\0' {a}", ["c[$(touch M)]"], "c[$(touch M)]"),
    "a word that is no command": (r"printf '%s\0' --mode eval {a}", ["--mode", "eval", "$(touch M)"], "$(touch M)"),
    "a here-string": ("tr -d '\\n' <<< {a}; printf '\\0'", ["$(touch M)"], "$(touch M)"),
}


@pytest.mark.parametrize(("command", "expected", "value"), QUOTED.values(), ids=QUOTED)
def test_quotes_of_the_command_s_own(tmp_path: Path, command: str, expected: list[str], value: str | None) -> None:
    make_project(tmp_path, command_file(command, "a"))
    assert arguments(composed(tmp_path, a=value or "0.5").text, tmp_path) == expected
    assert not (tmp_path / "M").exists()


@pytest.mark.parametrize(
    ("command", "value"),
    [
        ('echo "{a}"', "$(touch M)"),
        ('echo "{a}"', "`touch M`"),
        ('echo "{a}"', '"; touch M; "'),
        ('echo "{a}"', "\\"),
        ('echo "{a}"', "'; touch M; '"),
        ("echo '{a}'", "; touch M"),
        ("echo # '{a}'", "x\ntouch M"),
        ("echo $'{a}'", "; touch M"),
        ("bash -c 'echo {a}'", "; touch M"),
        ('echo "$(echo "{a}")"', "$(touch M)"),
        ("echo `echo {a}`", "a`touch M`"),
        ("cat <<E\n{a}\nE", "$(touch M)"),
        ("echo ${{X:-{a}}}", "$(touch M)"),
        ('echo "$(case x in x) echo "{a}";; esac)"', "$(touch M)"),
        ("echo \\\\\\{a}", "; touch M"),
        ("echo ${a}", "\\'$(touch M)\" #"),
        ("echo $(({a} + 1))", "$(touch M)"),
        ("n={a}; if ((n > 3)); then echo; fi", "c[$(touch M)]"),
        ("[[ {a} -gt 3 ]] && echo", "c[`touch M`]"),
        ("echo $[{a}]", "$(touch M)"),
        ("c[{a}]=1", "$(touch M)"),
        ("printf -v {a} x", "c[$(touch M)]"),
        ("true; X=1 eval echo {a}", "; touch M"),
        ("trap {a} EXIT", "touch M"),
    ],
    ids=range(24),
)
def test_a_place_where_a_value_would_be_code_is_refused(tmp_path: Path, command: str, value: str) -> None:
    make_project(tmp_path, command_file(command, "a"))
    with pytest.raises(ExecutionError, match=r"'main' has quotes or a substitution of its own around \{a\}"):
        composed(tmp_path, a=value)
    if "${a}" not in command:  # where it would name a variable
        assert shlex.quote("plain-0.5") in composed(tmp_path, a="plain-0.5").text


@pytest.mark.parametrize(
    "field",
    [
        "{b}",
        "{}",
        "{0}",
        "{0.__class__}",
        "{a.__class__}",
        "{a[0]}",
        "{a!r}",
        "{a:>9}",
        "{a:{b}}",
        "{",
        "}",
        "{a",
        "a}",
    ],
)
def test_a_field_that_is_no_parameter_is_refused(tmp_path: Path, field: str) -> None:
    make_project(tmp_path, command_file(f"echo {field}", "a"))
    with pytest.raises(ExecutionError, match="The command of the entry point 'main' has"):
        composed(tmp_path, a="1", b="2")


def test_double_braces_are_braces(tmp_path: Path) -> None:
    make_project(tmp_path, command_file(r"X=1; printf '%s\0' ${{X}} {{a}} {a}", "a"))
    assert arguments(composed(tmp_path, a="{{b}}").text, tmp_path) == ["1", "{a}", "{{b}}"]


def test_values_and_defaults(tmp_path: Path) -> None:
    """0, false and an empty text are defaults; extra ones come in the order that they were given in."""
    file = {
        "parameters": {"a": {"default": 0}, "b": {"default": False}, "c": {"default": ""}, "d": "float"},
        "command": r"printf '%s\0' {d} {c} {b} {a}",
    }
    make_project(tmp_path, json.dumps({"entry_points": {"main": file}}))
    found = composed(tmp_path, z=1, d="no number", y=None)
    assert arguments(found.text, tmp_path) == ["no number", "", "False", "0", "--z", "1", "--y", "None"]
    assert list(found.parameters.items()) == [
        *(("a", "0"), ("b", "False"), ("c", ""), ("d", "no number"), ("z", "1"), ("y", "None")),
    ]


def test_missing_values_are_named_together(tmp_path: Path) -> None:
    make_project(tmp_path, command_file("echo {a}", "a", "b", "c"))
    with pytest.raises(ExecutionError, match="No value given for missing parameters: 'a', 'c'"):
        composed(tmp_path, b=1)


@pytest.mark.parametrize("value", ["a\0b", "a\ud800"], ids=ascii)
def test_what_no_argument_can_hold_is_refused(tmp_path: Path, value: str) -> None:
    make_project(tmp_path, command_file("echo {a}", "a"))
    with pytest.raises(ExecutionError, match="'a' holds"):
        composed(tmp_path, a=value)


@pytest.mark.parametrize(
    ("value", "is_one"), [("http://x/y", True), ("s3://b", True), ("a:b", True), ("x", False), ("/x", False)]
)
def test_a_uri_has_a_scheme(tmp_path: Path, value: str, is_one: bool) -> None:
    make_project(tmp_path, command_file("echo {a}", "a").replace('"string"', '"uri"'))
    if is_one:
        assert composed(tmp_path, a=value).parameters == {"a": value}
    else:
        with pytest.raises(ExecutionError, match=f"Expected URI for parameter a but got {value}"):
            composed(tmp_path, a=value)


@pytest.fixture
def with_path(tmp_path: Path) -> Path:
    """A project, not in the working folder, whose second parameter is a path."""
    text = command_file(r"printf '%s\0' {b}", "a", "b").replace('"b": "string"', '"b": "path"')
    return make_project(tmp_path / "project", text)


def test_a_path_is_made_whole_from_where_the_caller_is(tmp_path: Path, with_path: Path) -> None:
    place = tmp_path / "my data.csv"
    place.write_text("1")
    for value in ("my data.csv", "./my data.csv", place.as_uri(), str(place)):
        found = composed(with_path, a=1, b=value)
        assert arguments(found.text, with_path) == [str(place)]
        assert found.parameters["b"] == value, "what was given is logged"
        assert found.downloads is None


@pytest.mark.parametrize("value", ["gone.csv", "file:///gone.csv"])
def test_a_path_must_be_there(with_path: Path, value: str) -> None:
    with pytest.raises(ExecutionError, match=f"Got value {value} for parameter b, but no such file"):
        composed(with_path, a=1, b=value)


@pytest.mark.parametrize("named", [False, True], ids=["temporary", "storage_dir"])
def test_a_place_elsewhere_is_fetched(tmp_path: Path, with_path: Path, named: bool) -> None:
    with mltrack.start_run() as run:
        mltrack.log_text("1,2", "in/data.csv")
    storage = tmp_path / "storage" if named else None
    found = composed(with_path, a=1, b=f"runs:/{run.info.run_id}/in/data.csv", storage_dir=storage)
    (place,) = arguments(found.text, with_path)
    with open(place) as file:
        assert file.read() == "1,2"
    assert "/param_1/" in place, "that of the second parameter"
    assert (found.downloads is None) == named
    if named:
        assert place.startswith(str(storage))
    else:
        assert place.startswith(str(found.downloads))


@pytest.mark.parametrize("uri", ["runs:/0123456789abcdef0123456789abcdef/x", "http://127.0.0.1:1/x", "memory://gone"])
def test_a_place_that_cannot_be_fetched_is_named(with_path: Path, uri: str) -> None:
    with pytest.raises(mltrack.MltrackError, match=r"0123456789abcdef|127\.0\.0\.1|gone"):
        composed(with_path, a=1, b=uri)


def test_a_place_of_fsspec_s_is_fetched(with_path: Path) -> None:
    import fsspec

    with fsspec.open("memory://projects/data/part.csv", "w") as file:
        file.write("3")
    found = composed(with_path, a=1, b="memory://projects/data")
    (place,) = arguments(found.text, with_path)
    assert (Path(place) / "part.csv").read_text() == "3"


def test_scripts_need_no_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/my shell")
    make_project(tmp_path, a_py="", b_sh="", c_ipynb="")
    (tmp_path / "a {b}'s.py").write_text("")
    (tmp_path / "-c.py").write_text("")
    texts = {
        name: composed(tmp_path, name, x="y z").text for name in ("a.py", "b.sh", "c.ipynb", "a {b}'s.py", "-c.py")
    }
    assert texts == {
        "a.py": "python a.py --x 'y z'",
        "b.sh": "'/bin/my shell' b.sh --x 'y z'",
        "c.ipynb": "python -m mltrack.projects.notebooks c.ipynb --x 'y z'",
        "a {b}'s.py": "python 'a {b}'\"'\"'s.py' --x 'y z'",
        "-c.py": "python ./-c.py --x 'y z'",
    }
    assert composed(tmp_path, "c.ipynb").is_notebook


def test_an_entry_point_of_the_file_comes_before_a_script(tmp_path: Path) -> None:
    make_project(tmp_path, command_file("echo hello", name="a.py"), a_py="")
    assert composed(tmp_path, "a.py").text == "echo hello"


@pytest.mark.parametrize("name", ["other", "gone.py", "a.R", "", "x\0.py"], ids=ascii)
def test_an_entry_point_that_is_not_there(tmp_path: Path, name: str) -> None:
    make_project(tmp_path, command_file("echo hello"), a_R="")
    with pytest.raises(ExecutionError, match=r"entry points.* are 'main'|of .*the entry points are 'main'") as caught:
        composed(tmp_path, name)
    assert repr(name) in str(caught.value)


def test_an_entry_point_without_a_command(tmp_path: Path) -> None:
    make_project(tmp_path, "entry_points: {main: {}}")
    with pytest.raises(ExecutionError, match="The command of the entry point 'main' is empty"):
        composed(tmp_path)
