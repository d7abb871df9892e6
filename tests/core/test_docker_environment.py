"""A project with ``docker_env`` runs in a container: what the engine is called with. A stand-in is called here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.core.stand_in_programs import Programs, make_programs

import mltrack
from mltrack.exceptions import ExecutionError, InvalidParameterError, MissingLibraryError, MltrackError
from mltrack.projects import stand_in
from mltrack.projects.docker_image import built_name, dockerfile, named_image
from mltrack.projects.entities import DOCKER, EnvironmentFile, Project, ProjectFile

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = "python -c 'import mlflow, os, sys; mlflow.log_metric(sys.argv[1], 1); print(os.environ[\"PLAIN\"])' "
FILE = f"""
name: My Project
docker_env:
  image: registry.example.com:5000/team/base:1.2
  volumes: ["/data:/data:ro"]
  environment: [["PLAIN", "some value; touch marker"], "COPIED_TOKEN", ["NUMBER", 3]]
entry_points:
  main:
    parameters: {{words: string}}
    command: >-
      {COMMAND}{{words}}
  wrong: {{command: "exit 4"}}
"""
HOSTILE = "a b"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    return make_programs(tmp_path, monkeypatch)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "MLproject").write_text(FILE)
    monkeypatch.setenv("COPIED_TOKEN", "very-secret-value")
    (tmp_path / "store").mkdir()
    mltrack.set_tracking_uri(tmp_path / "store" / "mltrack.db")
    return folder


def test_the_command_runs_in_the_image(project: Path, tmp_path: Path, programs: Programs) -> None:
    programs.add_docker()
    arguments = {"gpus": "all; touch marker", "privileged": True, "m": "1g"}
    submitted = mltrack.projects.run(str(project), parameters={"words": HOSTILE}, docker_args=arguments)
    run = mltrack.get_run(submitted.run_id)
    assert (run.info.status, run.data.metrics) == ("FINISHED", {HOSTILE: 1.0})
    assert "some value; touch marker" in submitted.logs()
    (words,) = [each for each in programs.calls("docker") if each[0] == "run"]
    image = words.index("registry.example.com:5000/team/base:1.2")
    command = (
        "python -c 'import mlflow, os, sys; mlflow.log_metric(sys.argv[1], 1); print(os.environ[\"PLAIN\"])' 'a b'"
    )
    assert words[image + 1 :] == ["sh", "-c", command]
    assert words[1:image] == [
        *("--rm", "--init", "--gpus=all; touch marker", "--privileged", "-m", "1g"),
        *(f"--volume={tmp_path}/store:{tmp_path}/store", "--volume=/data:/data:ro"),
        *(f"--volume={stand_in.FOLDER}:/mlflow/stand_in:ro", "--env=PYTHONPATH=/mlflow/stand_in"),
        *(
            f"--env={owner}_{name}"
            for owner in ("MLFLOW", "MLTRACK")
            for name in ("RUN_ID", "EXPERIMENT_ID", "TRACKING_URI")
        ),
        *("--env=PLAIN", "--env=COPIED_TOKEN", "--env=NUMBER"),
    ]
    assert "very-secret-value" not in str(programs.log())
    assert not [*tmp_path.rglob("marker")]
    tags = run.data.tags
    assert (tags["mlflow.project.env"], tags["mlflow.docker.image.uri"]) == ("docker", words[image])


def test_its_end_is_the_runs(project: Path, programs: Programs) -> None:
    programs.add_docker()
    with pytest.raises(ExecutionError, match="exit code 4"):
        mltrack.projects.run(str(project), "wrong")


def test_the_project_is_put_into_the_image_when_asked(project: Path, programs: Programs) -> None:
    programs.add_docker()
    login = {"username": "me", "password": "pw-1", "registry": "registry.example.com"}
    submitted = mltrack.projects.run(str(project), parameters={"words": "a"}, build_image=True, docker_auth=login)
    calls = programs.calls("docker")
    assert [each[0] for each in calls] == ["info", "login", "build", "image", "run"]
    assert calls[1] == ["login", "--username=me", "--password-stdin", "--", "registry.example.com"]
    assert [each["text"] for each in programs.log() if each["words"][0] == "login"] == ["pw-1"]
    assert calls[2][1:3] == ["--tag", "my-project"]
    assert calls[2][-1] == str(project)
    assert (programs.folder / "Dockerfile").read_text() == dockerfile("registry.example.com:5000/team/base:1.2")
    assert "my-project" in calls[4]
    assert mltrack.get_run(submitted.run_id).data.tags["mlflow.docker.image.id"] == f"sha256:{'b' * 64}"


def test_a_build_or_login_that_fails_is_said_to(project: Path, programs: Programs) -> None:
    programs.add_docker("build")
    with pytest.raises(ExecutionError, match="Building the image my-project failed"):
        mltrack.projects.run(str(project), parameters={"words": "a"}, build_image=True)
    programs.add_docker("login")
    with pytest.raises(ExecutionError, match="Logging in"):
        mltrack.projects.run(str(project), parameters={"words": "a"}, docker_auth={"username": "me", "password": "pw"})
    assert {run.info.status for run in mltrack.search_runs(output_format="list")} == {"FAILED"}


def test_without_an_engine_it_is_said(project: Path, programs: Programs) -> None:
    with pytest.raises(MissingLibraryError, match="docker is not installed"):
        mltrack.projects.run(str(project), parameters={"words": "a"})


def test_a_variable_that_is_not_set_is_named(
    project: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COPIED_TOKEN")
    programs.add_docker()
    with pytest.raises(InvalidParameterError, match="COPIED_TOKEN"):
        mltrack.projects.run(str(project), parameters={"words": "a"})


@pytest.mark.parametrize("name", ["-v", "volume=/:/x", "a b", "", "é"])
def test_an_option_has_a_plain_name(project: Path, programs: Programs, name: str) -> None:
    programs.add_docker()
    with pytest.raises(InvalidParameterError, match="no option of docker run"):
        mltrack.projects.run(str(project), parameters={"words": "a"}, docker_args={name: True})


IMAGES: dict[str, bool] = {
    "python:3.11-slim": True,
    "team/base": True,
    f"team/base:1@sha256:{'a' * 64}": True,
    "--privileged": False,
    "a b": False,
    "x\nRUN touch marker": False,
    "team/base@latest": False,
    "": False,
}


@pytest.mark.parametrize("image", IMAGES, ids=[f"image{number}" for number in range(len(IMAGES))])
def test_an_image_has_an_images_name(image: str) -> None:
    file = ProjectFile(environment=EnvironmentFile(DOCKER, docker={"image": image}))
    if IMAGES[image]:
        assert named_image(file) == image
    else:
        with pytest.raises(MltrackError, match="no name of an image"):
            named_image(file)


NAMES: tuple[tuple[str | None, dict[str, Any], str], ...] = (
    (None, {}, "docker-project"),
    (None, {"name": "My Pröject!"}, "my-pr-ject"),
    ("registry.example.com/team/p", {}, "registry.example.com/team/p"),
)


@pytest.mark.parametrize("case", NAMES, ids=lambda case: case[2])
def test_its_own_image_has_the_commit_as_its_tag(case: tuple[str | None, dict[str, Any], str], tmp_path: Path) -> None:
    repository, named, expected = case
    assert built_name(Project("p", tmp_path), repository, **named) == expected
    committed = Project("p", tmp_path, commit="0123456789abcdef")
    assert built_name(committed, repository, **named) == f"{expected}:0123456"
