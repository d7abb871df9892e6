"""Running projects: what their children get, what the run keeps, how it ends, and its handle."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.command_line import call, program, refused
from tests.core.project_folders import SHOW, command_file, make_project

import mltrack
from mltrack import config
from mltrack.exceptions import ExecutionError, ExecutionException, InvalidParameterError, MissingLibraryError
from mltrack.projects import LocalSubmittedRun, SubmittedRun, running
from mltrack.projects.live_output import KEPT_LOGS, log_file
from mltrack.projects.request import KEPT, RunRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG = """
import mltrack, os, sys
if "--begin" in sys.argv:
    with mltrack.start_run() as run:
        mltrack.log_metric("loss", 1)
    with mltrack.start_run(run_name="second"):
        pass
else:
    mltrack.log_metric("loss", 1)
    mltrack.log_param("alpha", "0.5")
if "--fail" in sys.argv:
    sys.exit(3)
"""


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that children write to."""
    path = tmp_path / "shown.json"
    monkeypatch.setenv("SHOWN", str(path))
    return path


def variables_file(path: Path) -> str:
    """A command that writes its variables, one a line."""
    return command_file(f"env > {path}")


def read_variables(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


def run_of(submitted: SubmittedRun) -> mltrack.entities.Run:
    return mltrack.get_run(submitted.run_id)


def tags_of(submitted: SubmittedRun) -> Mapping[str, Any]:
    return {key: value for key, value in run_of(submitted).data.tags.items() if key != "mlflow.user"}


def test_a_project_is_run_in_its_folder_and_its_run_says_what_it_was(tmp_path: Path, shown: Path) -> None:
    text = command_file("python show.py {a} {b}", "a", "b")
    folder = make_project(tmp_path / "my project", text, show_py=SHOW)
    submitted = mltrack.projects.run(str(folder), parameters={"a": "x 'y'", "b": 1, "c": "z"}, run_name="wine")
    assert json.loads(shown.read_text()) == [["x 'y'", "1", "--c", "z"], str(folder)]
    run = run_of(submitted)
    assert run.info.status == "FINISHED"
    assert run.info.end_time
    assert run.data.params == {"a": "x 'y'", "b": "1", "c": "z"}, "plain, as they were given"
    assert tags_of(submitted) == {
        "mlflow.source.name": str(folder),
        "mlflow.source.type": "PROJECT",
        "mlflow.project.entryPoint": "main",
        "mlflow.project.backend": "local",
        "mlflow.runName": "wine",
    }


def test_a_relative_uri_is_of_the_caller_s_folder(tmp_path: Path) -> None:
    make_project(tmp_path / "here", command_file("true"))
    for uri in ("here", "here/../here", f"file://{tmp_path}/here/../here"):
        assert tags_of(mltrack.run(uri))["mlflow.source.name"] == str(tmp_path / "here")


def test_children_are_told_their_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = tmp_path / "variables"
    make_project(tmp_path / "p", variables_file(found))
    monkeypatch.setenv("MLTRACK_PARENT_RUN_ID", "0" * 32)
    monkeypatch.setenv("MLFLOW_RUN_ID", "1" * 32)
    submitted = mltrack.run("p", experiment_name="wine")
    variables = read_variables(found)
    experiment = run_of(submitted).info.experiment_id
    for owner in ("MLFLOW", "MLTRACK"):
        assert variables[f"{owner}_RUN_ID"] == submitted.run_id
        assert variables[f"{owner}_EXPERIMENT_ID"] == experiment
    uri = mltrack.get_tracking_uri()
    assert variables["MLTRACK_TRACKING_URI"] == uri
    assert variables["MLFLOW_TRACKING_URI"] == f"mltrack+{uri}", "which the mlflow package refuses"
    mltrack.set_tracking_uri(variables["MLFLOW_TRACKING_URI"])
    assert mltrack.get_tracking_uri() == uri, "and this one takes"
    assert "MLTRACK_PARENT_RUN_ID" not in variables
    assert Path(variables["PATH"].split(os.pathsep)[0]).exists()


@pytest.mark.parametrize("arguments", [{}, {"begin": "x"}], ids=["without start_run", "start_run"])
@pytest.mark.parametrize("fails", [False, True], ids=["well", "badly"])
def test_what_a_child_logs_is_the_run_s(tmp_path: Path, arguments: dict[str, str], fails: bool) -> None:
    """Its first run is the project's; the second is its own. A child that fails leaves nothing RUNNING."""
    make_project(tmp_path / "p", log_py=LOG)
    values = {**arguments, **({"fail": "x"} if fails else {})}
    submitted = mltrack.run("p", "log.py", parameters=values, synchronous=False)
    assert submitted.wait() is not fails
    run = run_of(submitted)
    assert run.info.status == ("FAILED" if fails else "FINISHED")
    assert run.data.metrics == {"loss": 1.0}
    others = [each for each in mltrack.search_runs(output_format="list") if each.info.run_id != submitted.run_id]
    assert [(each.info.run_name, each.info.status) for each in others] == (
        [("second", "FINISHED")] if arguments else []
    )


def test_a_failed_one_raises_when_it_is_waited_for(tmp_path: Path) -> None:
    make_project(tmp_path / "p", command_file("exit 3"))
    with pytest.raises(ExecutionException, match="failed: its command ended with exit code 3"):
        mltrack.run("p")
    assert [run.info.status for run in mltrack.search_runs(output_format="list")] == ["FAILED"]


def test_the_handle_of_one_that_is_not_waited_for(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    make_project(tmp_path / "p", command_file(f"echo one; echo two >&2; read line < {gate}; echo $line"))
    submitted = mltrack.projects.run("p", synchronous=False, run_name="slow")
    assert (submitted.status, submitted.get_status()) == ("RUNNING", "RUNNING")
    assert repr(submitted).startswith(f"<SubmittedRun slow ({submitted.run_id}) RUNNING: echo one; echo two >&2; read")
    assert isinstance(submitted, LocalSubmittedRun)
    assert submitted.exit_code is None
    gate.write_text("three\n")
    assert submitted.wait()
    assert submitted.wait(), "as often as one likes"
    assert submitted.status == "FINISHED"
    assert sorted(submitted.logs().split()) == ["one", "three", "two"]
    submitted.cancel()
    assert submitted.status == "FINISHED", "it had ended"
    assert "FINISHED" in repr(submitted)


def test_output_is_shown_and_kept_masked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = "sk-" + "Ab1" * 12
    make_project(tmp_path / "p", command_file(f"echo {secret}; printf '\\303'; printf '\\251\\n'; echo bad >&2"))
    submitted = mltrack.run("p", run_name="wine")
    captured = capsys.readouterr()
    assert captured.out == f"{secret}\né\n", "this user's own terminal"
    assert "bad\n" in captured.err
    assert f"mltrack: run wine ({submitted.run_id}): echo [masked]" in captured.err
    assert secret not in submitted.logs()
    assert "[masked]\n" in submitted.logs()
    assert "é" in submitted.logs()
    assert secret not in log_file(submitted.run_id).read_text()
    assert log_file(submitted.run_id).stat().st_mode & 0o777 == 0o600
    assert secret not in repr(submitted)


def test_output_that_is_only_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_project(tmp_path / "p", command_file("echo one; echo two >&2"))
    submitted = running.submit(RunRequest("p", output=KEPT))
    assert submitted.wait()
    assert capsys.readouterr() == ("", "")
    assert sorted(submitted.logs().split()) == ["one", "two"]


def test_old_logs_go(tmp_path: Path) -> None:
    folder = log_file("x").parent
    folder.mkdir(parents=True)
    for number in range(KEPT_LOGS + 5):
        (folder / f"{number}.log").write_text("")
        os.utime(folder / f"{number}.log", (number, number))
    make_project(tmp_path / "p", command_file("true"))
    submitted = mltrack.run("p")
    left = {path.name for path in folder.iterdir()}
    assert len(left) == KEPT_LOGS
    assert f"{submitted.run_id}.log" in left
    assert "5.log" not in left


def test_a_child_of_the_active_run(tmp_path: Path) -> None:
    make_project(tmp_path / "p", command_file("true"))
    with mltrack.start_run() as outer:
        inner = mltrack.run("p")
        assert mltrack.active_run() is outer
    assert tags_of(inner)["mlflow.parentRunId"] == outer.info.run_id
    assert "mlflow.parentRunId" not in tags_of(mltrack.run("p"))


@pytest.mark.parametrize("name", ["MLTRACK_RUN_ID", "MLFLOW_RUN_ID", "MLTRACK_PARENT_RUN_ID"])
def test_a_child_of_the_run_that_this_process_is_part_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """So is one that `mltrack run` makes in a project's command."""
    make_project(tmp_path / "p", command_file("true"))
    outer = mltrack.run("p")
    monkeypatch.setenv(name, outer.run_id)
    inner = mltrack.run("p")
    assert inner.run_id != outer.run_id
    assert tags_of(inner)["mlflow.parentRunId"] == outer.run_id


def test_a_run_that_is_taken_up(tmp_path: Path) -> None:
    with mltrack.start_run(run_name="mine") as run:
        mltrack.log_param("a", "kept")
    make_project(tmp_path / "p", command_file("false", "a", "b"))
    submitted = mltrack.run("p", run_id=run.info.run_id, parameters={"a": 1, "b": 2}, synchronous=False)
    assert submitted.run_id == run.info.run_id
    assert not submitted.wait()
    found = run_of(submitted)
    assert (found.info.run_name, found.info.status) == ("mine", "FAILED")
    assert found.data.params == {"a": "kept", "b": "2"}
    assert found.data.tags["mlflow.project.entryPoint"] == "main"


def test_the_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path / "p", command_file("true"))
    made = mltrack.create_experiment("made")
    assert run_of(mltrack.run("p")).info.experiment_id == "0"
    assert run_of(mltrack.run("p", experiment_id=made)).info.experiment_id == made
    named = run_of(mltrack.run("p", experiment_name="new")).info.experiment_id
    assert named == mltrack.get_experiment_by_name("new").experiment_id  # type: ignore[union-attr]
    with pytest.raises(ExecutionError, match="only one of"):
        mltrack.run("p", experiment_id=made, experiment_name="new")
    with pytest.raises(mltrack.MltrackError, match="99"):
        mltrack.run("p", experiment_id="99")
    monkeypatch.setenv("MLTRACK_EXPERIMENT_ID", made)
    mltrack.settings.state.experiment_id = None
    assert run_of(mltrack.run("p")).info.experiment_id == made


NOTHING_RUN = {
    "no folder": (("gone",), {}, "gone"),
    "no entry point": (("p", "other"), {}, "Could not find 'other'"),
    "a missing value": (("p", "needs"), {}, "No value given for missing parameters: 'a'"),
    "an unknown manager": (("p",), {"env_manager": "pipenv"}, "no environment manager 'pipenv'"),
    "an unknown backend": (("p",), {"backend": "slurm"}, "no backend 'slurm'"),
    "a version of no repository": (("p",), {"version": "v1"}, "[Vv]ersion"),
    "a name that cannot be logged": (("p",), {"parameters": {"a=b": 1}}, "a=b"),
}


@pytest.mark.parametrize(("words", "options", "message"), NOTHING_RUN.values(), ids=NOTHING_RUN)
def test_what_cannot_be_run_runs_nothing(
    tmp_path: Path, words: tuple[str, ...], options: dict[str, Any], message: str
) -> None:
    file = json.loads(command_file("touch ran"))
    file["entry_points"]["needs"] = {"command": "touch ran {a}", "parameters": {"a": "string"}}
    make_project(tmp_path / "p", json.dumps(file))
    entry_point = words[1] if len(words) > 1 else "main"
    with pytest.raises(mltrack.MltrackError, match=message):
        mltrack.run(words[0], entry_point, **options)
    assert not (tmp_path / "p" / "ran").exists()
    assert mltrack.search_runs(output_format="list", filter_string="status = 'RUNNING'") == []


def test_a_command_that_is_too_long(tmp_path: Path) -> None:
    make_project(tmp_path / "p", command_file("echo {a}", "a"))
    with pytest.raises(ExecutionError, match="cannot be started"):
        mltrack.run("p", parameters={"a": "x" * 200_000})
    (run,) = mltrack.search_runs(output_format="list")
    assert run.info.status == "FAILED"


def test_a_notebook_needs_papermill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path / "p", a_ipynb="{}")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingLibraryError, match=r"jupyter-mltrack\[projects\]"):
        mltrack.run("p", "a.ipynb")


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, {}), ({"a": 1}, {"a": 1}), ('{"a": 1}', {"a": 1}), ("c.json", {"b": 2})],
    ids=["none", "mapping", "text", "file"],
)
def test_a_backend_s_configuration(tmp_path: Path, given: Any, expected: object) -> None:
    (tmp_path / "c.json").write_text('{"b": 2}')
    assert running.read_config(given) == expected


@pytest.mark.parametrize("given", ["{", "gone.json", "[1]"])
def test_a_backend_s_configuration_that_is_none(given: str) -> None:
    with pytest.raises(InvalidParameterError, match="The backend's configuration"):
        running.read_config(given)


def test_names_of_the_package() -> None:
    assert mltrack.run is mltrack.projects.run
    assert {"run", "SubmittedRun", "LocalSubmittedRun", "ExecutionException"} <= set(dir(mltrack.projects))
    with pytest.raises(AttributeError, match=r"'mltrack\.projects' has no attribute 'other'"):
        mltrack.projects.other  # noqa: B018


def test_the_command_line(tmp_path: Path, shown: Path) -> None:
    """All options that need no more than a folder, and values with signs and blanks."""
    make_project(tmp_path / "p", command_file("python show.py {a}", "a", name="go"), show_py=SHOW)
    words = ["-e", "go", "-P", "a=b=c d", "-P", "x=", "--experiment-name", "wine", "--run-name", "mine", "-b", "local"]
    found = program("run", *words, "--env-manager", "local", "--storage-dir", "s", "-c", "{}", "--trust", "p")
    assert (found.returncode, found.stdout) == (0, ""), found.stderr
    assert json.loads(shown.read_text())[0] == ["b=c d", "--x", ""]
    (run,) = mltrack.search_runs(experiment_names=["wine"], output_format="list")
    assert (run.info.run_name, run.info.status) == ("mine", "FINISHED")
    assert run.data.params == {"a": "b=c d", "x": ""}
    assert f"mltrack: run mine ({run.info.run_id}): python show.py 'b=c d' --x ''\n" in found.stderr
    assert f"mltrack: run {run.info.run_id} succeeded\n" in found.stderr


def test_the_command_line_of_one_that_fails(tmp_path: Path) -> None:
    make_project(tmp_path / "p", command_file("echo out; echo err >&2; exit 7"))
    found = program("run", "--no-conda", "p")
    assert (found.returncode, found.stdout) == (1, "out\n")
    assert "err\n" in found.stderr
    assert "Error: Run (ID '" in found.stderr
    assert "Traceback" not in found.stderr


USAGE = {
    "no sign": (["-P", "a"], "Invalid format for -P parameter: 'a'. Use -P name=value."),
    "no name": (["-P", "=a"], "Invalid format"),
    "twice": (["-P", "a=1", "-P", "a=2"], "Repeated parameter: 'a'"),
    "docker twice": (["-A", "t", "-A", "t=1"], "Repeated parameter: 't'"),
    "two experiments": (["--experiment-name", "a", "--experiment-id", "0"], "only one of"),
    "two managers": (["--no-conda", "--env-manager", "conda"], "--no-conda means"),
    "no such manager": (["--env-manager", "poetry"], "poetry"),
}


@pytest.mark.parametrize(("words", "message"), USAGE.values(), ids=USAGE)
def test_wrong_usage(tmp_path: Path, words: list[str], message: str) -> None:
    make_project(tmp_path / "p", command_file("touch ran"))
    assert message in refused("run", *words, "p", code=2)
    assert not (tmp_path / "p" / "ran").exists()
    assert not (tmp_path / config.STORE_FILE).exists()


def test_refusals_of_the_command_line(tmp_path: Path) -> None:
    make_project(tmp_path / "p", command_file("true"))
    assert "Could not find 'x\\x1b'" in refused("run", "-e", "x\x1b", "p")
    assert "The param key 'x!' has a character" in refused("run", "-P", "x!=1", "p")
    assert not mltrack.search_runs(output_format="list"), "no run is made for what cannot be logged"
    assert "The backend's configuration" in refused("run", "-c", "[", "p")
    assert call("run").exit_code == 2


def test_running_one_loads_little(tmp_path: Path) -> None:
    """Neither the other commands, nor what makes environments, fetches or runs notebooks."""
    make_project(tmp_path / "p", command_file("true"))
    script = "import sys; from mltrack.cli import main; main(['run', 'p'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    heavy = {
        "pandas",
        "numpy",
        "IPython",
        "sqlite_utils",
        "fsspec",
        "asyncio",
        "requests",
        "packaging",
        "rich",
        "papermill",
    }
    ours = {
        "cli.runs",
        "cli.models",
        "projects.environments",
        "projects.backends.sending",
        "lookup",
        "serving",
        "client",
    }
    assert "mltrack.projects.running" in loaded
    assert loaded & heavy == set()
    assert loaded & {f"mltrack.{name}" for name in ours} == set()


@pytest.mark.slow
def test_a_script_waits_for_what_it_started(tmp_path: Path) -> None:
    """The run is ended by its own end, as with MLflow, not by that of the script."""
    make_project(tmp_path / "p", command_file("sleep 0.3; touch ran"))
    code = "import mltrack; print(mltrack.run('p', synchronous=False).run_id)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (tmp_path / "p" / "ran").exists()
    assert mltrack.get_run(done.stdout.strip()).info.status == "FINISHED"
