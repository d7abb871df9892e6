"""The file MLproject: what is read of it, and the one message for each fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mltrack.exceptions import InvalidParameterError, MltrackError
from mltrack.projects.entities import CONDA, DOCKER, NONE, PYTHON, EntryPoint, EnvironmentFile, Parameter, ProjectFile
from mltrack.projects.project_file import MOST_BYTES, find_project_file, read_project_file

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = """
name: wine
conda_env: env/conda.yml
entry_points:
  main:
    parameters:
      data: path
      alpha: {type: float, default: 0.1}
      steps: {type: int, default: 0}
      note: {default: ""}
      flag: {type: string, default: false}
      url: {type: uri}
      bare:
      odd: list
    command: "python train.py {data} {alpha}"
  check:
    command: |
      python check.py
steps: {one: {entry_point: main}}
"""


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text(WHOLE)
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "conda.yml").write_text("name: x\n")
    parameters = (
        Parameter("data", "path"),
        Parameter("alpha", "float", 0.1),
        Parameter("steps", "string", 0),
        Parameter("note", "string", ""),
        Parameter("flag", "string", default=False),
        Parameter("url", "uri"),
        Parameter("bare"),
        Parameter("odd"),
    )
    assert read_project_file(tmp_path) == ProjectFile(
        name="wine",
        environment=EnvironmentFile(CONDA, tmp_path / "env" / "conda.yml"),
        entry_points={
            "main": EntryPoint("main", "python train.py {data} {alpha}", parameters),
            "check": EntryPoint("check", "python check.py\n"),
        },
        steps={"one": {"entry_point": "main"}},
    )


@pytest.mark.parametrize("name", ["MLproject", "mlproject", "MLPROJECT", "MlProject"])
def test_its_name_may_be_in_any_letter_case(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("name: here")
    assert read_project_file(tmp_path).name == "here"


def test_the_usual_name_comes_first(tmp_path: Path) -> None:
    (tmp_path / "MLPROJECT").write_text("name: other")
    (tmp_path / "MLproject").write_text("name: usual")
    assert find_project_file(tmp_path) == tmp_path / "MLproject"


@pytest.mark.parametrize("text", [None, "", "# nothing\n", "entry_points:\nname:\nsteps:\n"], ids=range(4))
def test_little_is_enough(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "MLproject").write_text(text)
    assert read_project_file(tmp_path) == ProjectFile()


@pytest.mark.parametrize(
    ("text", "files", "expected"),
    [
        ("", [], EnvironmentFile(NONE)),
        ("", ["conda.yaml"], (CONDA, "conda.yaml")),
        ("", ["conda.yaml", "python_env.yaml"], (PYTHON, "python_env.yaml")),
        ("python_env: env.yml", ["env.yml", "conda.yaml"], (PYTHON, "env.yml")),
        ("conda_env:", ["conda.yaml"], (CONDA, "conda.yaml")),
    ],
    ids=["none", "conda found", "python before conda", "named before found", "named empty"],
)
def test_which_environment(tmp_path: Path, text: str, files: list[str], expected: object) -> None:
    (tmp_path / "MLproject").write_text(text)
    for name in files:
        (tmp_path / name).write_text("")
    if isinstance(expected, tuple):
        expected = EnvironmentFile(expected[0], tmp_path / expected[1])
    assert read_project_file(tmp_path).environment == expected


def test_a_docker_environment(tmp_path: Path) -> None:
    (tmp_path / "conda.yaml").write_text("")
    (tmp_path / "MLproject").write_text(
        "docker_env: {image: me/it, volumes: ['/a:/b'], environment: [[A, '1'], [N, 2], HOME]}"
    )
    found = read_project_file(tmp_path).environment
    assert (found.kind, found.file) == (DOCKER, None)
    assert found.docker == {"image": "me/it", "volumes": ["/a:/b"], "environment": [["A", "1"], ["N", 2], "HOME"]}


FAULTS = {
    "two environments": ("python_env: a\nconda_env: b", "multiple environment fields.*python_env, conda_env"),
    "no such file": ("python_env: gone.yaml", "python_env names the file 'gone.yaml', and there is none"),
    "an environment that is no text": ("conda_env: [a]", "conda_env is a list"),
    "a list": ("- main", "it holds a list"),
    "a text": ("main", "it holds a text"),
    "no YAML": ("a: [", "no YAML"),
    "two documents": ("a: 1\n---\nb: 2", "no YAML"),
    "an object": ("name: !!python/object:os.system {}", "no YAML"),
    "an alias bomb": ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "alias"),
    "entry points that are a list": ("entry_points: [main]", "entry_points is a list"),
    "an entry point that is a text": ("entry_points: {main: python a.py}", "'main' is a text"),
    "an entry point that is nothing": ("entry_points: {main: }", "'main' is a nothing"),
    "a command that is true": ("entry_points: {main: {command: true}}", "command of .*'main' is a true/false.*quotes"),
    "a command in a list": ("entry_points: {main: {command: [python, a.py]}}", "command of .*'main' is a list"),
    "parameters in a list": ("entry_points: {main: {command: a, parameters: [x]}}", "parameters of .*'main' is a list"),
    "a parameter that is a list": ("entry_points: {main: {command: a, parameters: {x: [1]}}}", "'x' of .*'main' is a"),
    "a name that is a list": ("name: [a]", "the name is a list"),
    "steps in a list": ("steps: [a]", "steps is a list"),
    "docker without an image": ("docker_env: {volumes: []}", "docker_env names no image"),
    "docker as a text": ("docker_env: python:3", "docker_env is a text"),
    "docker volumes": ("docker_env: {image: a, volumes: a}", "volumes must be a list"),
    "docker variables": ("docker_env: {image: a, environment: [[A]]}", "environment must be a list"),
    "a Spark job": ("databricks_spark_job: {python_file: a.py}", "Databricks only"),
}


@pytest.mark.parametrize(("text", "message"), FAULTS.values(), ids=FAULTS)
def test_faults_are_said(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "MLproject").write_text(text)
    with pytest.raises(MltrackError, match=message) as caught:
        read_project_file(tmp_path)
    assert caught.value.error_code == InvalidParameterError.code


@pytest.mark.parametrize("kind", ["device", "folder", "broken link"])
def test_what_is_no_file_is_not_read(tmp_path: Path, kind: str) -> None:
    """A link to a device would be read without end."""
    if kind == "folder":
        (tmp_path / "MLproject").mkdir()
    else:
        (tmp_path / "MLproject").symlink_to("/dev/zero" if kind == "device" else "gone")
    with pytest.raises(MltrackError, match="it is no file"):
        read_project_file(tmp_path)


@pytest.mark.parametrize("content", [b"name: \xff", b"name: " + b"a" * MOST_BYTES], ids=["no UTF-8", "over a mebibyte"])
def test_what_no_such_file_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "MLproject").write_bytes(content)
    with pytest.raises(MltrackError, match=r"not UTF-8|bytes"):
        read_project_file(tmp_path)
