"""Pipelines before anything runs: what is refused, in which order steps go, and what would run, and why."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.command_line import done, refused
from tests.core.pipeline_projects import TITANIC, Steps, add, edit, make_pipeline, remove, run_all, titanic

import mltrack
from mltrack import pipelines
from mltrack.exceptions import MltrackError
from mltrack.pipelines.fingerprint import Fingerprint, Record, changes
from mltrack.pipelines.graph import graph_of
from mltrack.pipelines.jobs import job_of, open_pipeline
from mltrack.pipelines.templates import fields_of, filled
from mltrack.store.backup import back_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.pipelines.planning import PlannedStep


def step(command: str = "true", **said: Any) -> dict[str, Any]:
    return {"command": command, **said}


REFUSED: dict[str, tuple[Steps, str]] = {
    "no steps": ({}, "is no pipeline: its MLproject has no steps"),
    "a circle": (
        {
            "a": step(inputs=["c"], outputs=["a"]),
            "b": step(inputs=["a"], outputs=["b"]),
            "c": step(inputs=["b"], outputs=["c"]),
        },
        "Steps wait for each other: a → b → c → a.",
    ),
    "a circle of needs": ({"a": step(needs=["b"]), "b": step(needs=["a"])}, "wait for each other: a → b → a"),
    "needs itself": ({"a": step(needs=["a"])}, "Step 'a' needs itself"),
    "needs nobody": ({"a": step(needs=["x"])}, "Step 'a' needs 'x', which is no step; there are: a."),
    "one output twice": ({"a": step(outputs=["x"]), "b": step(outputs=["./x"])}, "Steps 'a' and 'b' both write 'x'"),
    "one inside another": (
        {"a": step(outputs=["data"]), "b": step(outputs=["data/x"])},
        "Step 'b' writes 'data/x', and 'a' writes 'data'",
    ),
    "reads what it writes": ({"a": step(inputs=["x"], outputs=["x"])}, "Step 'a' reads 'x', which it writes"),
    "writes into what it reads": (
        {"a": step(inputs=["data"], outputs=["data/x"])},
        "Step 'a' reads 'data/x', which it writes",
    ),
    "an input nobody makes": ({"a": step(inputs=["none.csv"])}, "Step 'a' reads 'none.csv', which is not in"),
    "an output above": ({"a": step(outputs=["../x"])}, "has '../x', which lies outside the project's folder"),
    "an output above, hidden": ({"a": step(outputs=["data/../../x"])}, "lies outside the project's folder"),
    "an absolute output": ({"a": step(outputs=["/tmp/x"])}, "no path inside the project's folder"),
    "an output at home": ({"a": step(outputs=["~/x"])}, "no path inside the project's folder"),
    "an output through a link": ({"a": step(outputs=["outside/x"])}, "which a link leads outside"),
    "the folder itself": ({"a": step(outputs=["."])}, "the project's folder itself"),
    "the file itself": ({"a": step(outputs=["MLproject"])}, "a file that says what a project is"),
    "an address": ({"a": step(inputs=["https://example.org/x.csv"])}, "an address. Give it to the step as a parameter"),
    "no folder": ({"a": {"project": "none"}}, "Step 'a': its project 'none' is no folder"),
    "a folder above": ({"a": {"project": ".."}}, "lies outside the project's folder"),
    "an unknown key": ({"a": step(input=["x"])}, "has the key 'input', which is not known. Did you mean 'inputs'?"),
    "no such entry point": ({"a": step(entry_point="b")}, "no entry point 'b'; there are: a."),
    "neither its own nor main": ({"a": {}}, "no entry point 'main'; there are: none."),
    "a list that is none": ({"a": step(inputs={"x": 1})}, "inputs must be a list of texts"),
    "the same twice": ({"a": step(needs=["b", "b"]), "b": step()}, "there twice"),
    "a strange name": ({"a b'": step()}, "cannot name a step"),
    "always what": ({"a": step(always="often")}, "always must be true or false; got 'often'"),
    "a field that reaches in": ({"a": step(parameters={"x": "{y.__class__}"})}, "which has no value"),
    "a field of nothing": ({"a": step(parameters={"x": "{0!r}"})}, "which is no placeholder"),
    "an input it does not have": ({"a": step(parameters={"x": "{inputs[0]}"})}, "and the step has 0 inputs"),
    "a parameter that is a list": ({"a": step(parameters={"x": [1]})}, "the parameter 'x' must be one value"),
    "code that is not there": ({"a": step(inputs=["here"], code=["none.py"])}, "code has 'none.py', which is not in"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_before_anything_runs(case: str, tmp_path: Path) -> None:
    steps, message = REFUSED[case]
    root = make_pipeline(tmp_path / "p", steps, files={"here": "1", "data/there": "2"})
    (tmp_path / "elsewhere").mkdir()
    (root / "outside").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MltrackError) as caught:
        job_of(root)
    assert message in str(caught.value)


def test_a_step_is_a_mapping(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text("steps: {a: [1]}")
    with pytest.raises(MltrackError, match="Step 'a' must be a mapping of project, entry_point"):
        open_pipeline(tmp_path)


def test_an_output_is_no_path_that_must_be_there(tmp_path: Path) -> None:
    said = {"a": step("touch {to}", outputs=["x"], parameters={"to": "{outputs[0]}"})}
    root = make_pipeline(tmp_path / "p", said, parameters={"a": {"to": "path"}})
    with pytest.raises(MltrackError, match=r"'to' is of type path, which must be there before .* as type: string"):
        job_of(root)
    assert job_of(make_pipeline(root, said, parameters={"a": {"to": "string"}})).arguments["a"].shown == {"to": "x"}


def test_values_are_known_before_anything_runs(tmp_path: Path) -> None:
    root = make_pipeline(
        tmp_path / "p",
        {"a": step("echo {x} {y}", parameters={"x": "{url}/x"}), "b": step("echo {y}")},
        parameters={"a": {"x": "string", "y": "string"}, "b": {"y": {"default": 1}}},
    )
    for given, message in (
        ({}, "Step 'a': its parameter 'x' takes {url}, which has no value"),
        ({"url": "u"}, "Step 'a' has no value for 'y'. Give it with -P y=VALUE"),
        ({"url": "u", "y": 1, "z": 2}, "No step takes the parameter 'z'; the steps take: url, y."),
    ):
        with pytest.raises(MltrackError) as caught:
            pipelines.run(root, given)
        assert message in str(caught.value)
    assert not Path("mltrack.db").exists()


def test_the_order_is_of_files_and_needs(tmp_path: Path) -> None:
    root = titanic(tmp_path / "p")
    graph = graph_of(open_pipeline(root))
    assert graph.order == ("download", "clean", "train", "report")
    assert graph.before["train"] == {"clean": ("data/clean.csv",)}
    assert graph.layers() == (("download",), ("clean",), ("train",), ("report",))
    assert graph.upstream(["clean"]) == ("download", "clean")


def test_a_folder_and_what_is_in_it_meet(tmp_path: Path) -> None:
    steps = {
        "use": step(inputs=["data"]),
        "one": step(outputs=["data/one"]),
        "two": step(outputs=["data/two/"]),
        "part": step(inputs=["data/two/x.csv", str(tmp_path / "p" / "data" / "one")]),
    }
    graph = graph_of(open_pipeline(make_pipeline(tmp_path / "p", steps)))
    assert graph.layers() == (("one", "two"), ("use", "part"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of a pipeline that has run, and its store; filled by the first test that needs it."""
    return {"place": tmp_path_factory.mktemp("finished")}


@pytest.fixture
def ran(finished: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of a pipeline that has run and of its store, in another place."""
    place = finished["place"]
    if not (place / "whole.db").exists():
        mltrack.set_tracking_uri(place / "mltrack.db")
        begun = run_all(titanic(place / "p"))
        assert begun.status == "FINISHED", begun.steps
        back_up(place / "mltrack.db", place / "whole.db")  # threads that have ended may not have closed theirs yet
    for name in ("p", "mlartifacts"):
        shutil.copytree(place / name, tmp_path / name)
    shutil.copy(place / "whole.db", tmp_path / "mltrack.db")
    mltrack.set_tracking_uri(tmp_path / "mltrack.db")
    return tmp_path / "p"


def change_file(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def write(root: Path) -> None:
        document = json.loads((root / "MLproject").read_text())
        change(document)
        (root / "MLproject").write_text(json.dumps(document))

    return write


def nothing(root: Path) -> None:
    """Leave all as it is."""


CHANGES: dict[str, tuple[Callable[[Path], object], dict[str, Any], dict[str, str]]] = {
    "nothing": (nothing, {}, {}),
    "a raw file": (
        edit("data/raw.csv"),
        {},
        {"download": "output data/raw.csv is not as run", "clean": "input data/raw.csv changed", "train": "may run"},
    ),
    "an output is gone": (remove("model.txt"), {}, {"train": "output model.txt is missing", "report": "run"}),
    "an output was edited": (
        edit("model.txt"),
        {},
        {"train": "output model.txt is not as run", "report": "input model.txt changed"},
    ),
    "its own script": (edit("train.sh"), {}, {"train": "code train.sh changed", "report": "may run"}),
    "a script that another names": (edit("clean.sh"), {}, {"clean": "code clean.sh changed", "train": "may run"}),
    "what any may use": (
        edit("lib.sh"),
        {},
        {"download": "code lib.sh changed", "clean": "code", "train": "code", "report": "code"},
    ),
    "a new file of code": (
        add("extra.sh"),
        {},
        {"download": "code extra.sh is new", "clean": "code", "train": "code", "report": "code"},
    ),
    "a document": (edit("README.md"), {}, {}),
    "what tools leave": (add("__pycache__/x.pyc"), {}, {}),
    "hidden files": (add(".cache/x"), {}, {}),
    "a parameter": (nothing, {"C": 2}, {"train": "parameter C changed: 1.0 → 2", "report": "may run"}),
    "the same value": (nothing, {"C": "1.0", "rows": 3}, {}),
    "a command": (
        change_file(
            lambda document: document["entry_points"]["train"].update(command="bash train.sh {C} | cat > model.txt")
        ),
        {},
        {"train": "the command changed", "report": "may run"},
    ),
    "a default": (
        change_file(lambda document: document["entry_points"]["train"]["parameters"]["C"].update(default=3)),
        {},
        {"train": "parameter C changed: 1.0 → 3", "report": "may run"},
    ),
    "another entry point": (
        change_file(lambda document: document["entry_points"].update(x={"command": "true"})),
        {},
        {},
    ),
    "an environment": (
        add("python_env.yaml", "dependencies: [six]\n"),
        {},
        dict.fromkeys(TITANIC, "environment python_env.yaml is new"),
    ),
    "requirements": (
        add("requirements.txt", "six\n"),
        {},
        dict.fromkeys(TITANIC, "environment requirements.txt is new"),
    ),
    "always": (
        change_file(lambda document: document["steps"]["clean"].update(always=True)),
        {},
        {"clean": "it says always: true", "train": "may run"},
    ),
    "a project that moved": (lambda root: root.rename(root.with_name("q")), {}, {}),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_would_run_and_why(case: str, ran: Path) -> None:
    change, parameters, expected = CHANGES[case]
    change(ran)
    root = ran if ran.exists() else ran.with_name("q")
    found = {each.name: each for each in pipelines.plan(root, parameters)}
    assert found.keys() == TITANIC.keys()
    for name, each in found.items():
        wanted = expected.get(name)
        if wanted is None:
            # What comes after a step that runs may run.
            assert each.action == "skip" or set(each.after) & expected.keys(), each
            assert each.action != "run", each
        elif wanted in ("run", "may run"):
            assert each.action == wanted, each
        else:
            assert (each.action, each.reason[: len(wanted)]) == ("run", wanted)
    if not expected:
        assert all(each.reason.startswith("nothing changed since run") for each in found.values())


def test_a_plan_changes_nothing(ran: Path) -> None:
    before = mltrack.settings.get_store().count_runs()
    kept = sorted(path.name for path in ran.rglob("*"))
    pipelines.plan(ran, force=True)
    assert mltrack.settings.get_store().count_runs() == before
    assert sorted(path.name for path in ran.rglob("*")) == kept


def test_force_and_steps(ran: Path) -> None:
    def actions(found: list[PlannedStep]) -> dict[str, str]:
        return {each.name: each.action.value for each in found}

    assert set(actions(pipelines.plan(ran, force=True)).values()) == {"run"}
    assert actions(pipelines.plan(ran, steps=["clean"])) == {"download": "skip", "clean": "skip"}
    assert actions(pipelines.plan(ran, steps=["clean"], force=True)) == {"download": "skip", "clean": "run"}
    with pytest.raises(mltrack.exceptions.NotFoundError, match="no step 'x'; there are: download, clean"):
        pipelines.plan(ran, steps=["x"])


def test_what_git_ignores_is_no_code(ran: Path) -> None:
    subprocess.run(["git", "init", "-q", str(ran)], check=True)
    (ran / ".gitignore").write_text("*.log\ncaches/\n")
    add("run.log")(ran)
    add("caches/big.bin")(ran)
    assert {each.action.value for each in pipelines.plan(ran)} == {"skip"}
    add("more.txt")(ran)
    assert pipelines.plan(ran)[0].reason == "code more.txt is new"


def test_placeholders() -> None:
    places = {"inputs": ["a.csv"], "outputs": ["b.csv"]}
    assert filled("{{{x}}} {inputs[0]} {outputs[0]}", {"x": "1{y}"}, places, where="") == "{1{y}} a.csv b.csv"
    assert fields_of("{x} {inputs[0]} {{no}} {y}", "") == {"x", "y"}


def test_what_a_step_left_is_read_as_it_was_written() -> None:
    found = Fingerprint("c", {"C": "1"}, {"i": "d"}, {"f.py": "e"}, {"env": "g"}, {"n": "r"})
    record = Record(found, {"o": "h"}, ("log.txt",))
    assert Record.from_json(record.to_json()) == record
    assert changes(found, found) == ""
    assert changes(Fingerprint("c"), found).startswith("input i is new, code f.py is new and 3 more")
    for text in ("", "[]", '{"command": 1}', '{"parameters": []}'):
        with pytest.raises(MltrackError):
            Record.from_json(text)


def test_the_graph_on_the_command_line(tmp_path: Path) -> None:
    steps = {
        "a": step(outputs=["a"]),
        "b": step(inputs=["a"], outputs=["b"]),
        "c": step(inputs=["a"], outputs=["c"]),
        "d": step(inputs=["b", "c"]),
    }
    root = make_pipeline(tmp_path / "p", steps)
    assert done("pipeline", "show", str(root)).splitlines() == [
        "titanic: 4 steps",
        "a → a",
        "├─ b → b  reads a",
        "└─ c → c  reads a",
        "   └─ d  reads b, c  after b, c",
    ]
    assert "There is no folder" in refused("pipeline", "show", str(tmp_path / "none"))


def test_a_dry_run_on_the_command_line(ran: Path) -> None:
    lines = done("pipeline", "run", str(ran), "--dry-run", "-P", "C=2").splitlines()
    assert lines[0].split() == ["step", "would", "why"]
    assert [line.split()[:2] for line in lines[1:3]] == [["download", "skip"], ["clean", "skip"]]
    assert lines[3].split(maxsplit=2) == ["train", "run", "parameter C changed: 1.0 → 2"]
    assert "given twice" in refused("pipeline", "run", str(ran), "-P", "C=1", "-P", "C=2", code=2)
    assert "NAME=VALUE" in refused("pipeline", "run", str(ran), "-P", "C", code=2)
