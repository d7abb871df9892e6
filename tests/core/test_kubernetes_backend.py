"""A project becomes a Kubernetes Job: its manifest by Kubernetes' own schema, and what kubectl is called with.

There is no cluster: a stand-in takes kubectl's place, and says of the Job what a cluster would say.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.core.stand_in_programs import Programs, make_programs

import mltrack
from mltrack.entities import RunStatus
from mltrack.exceptions import ExecutionError, InvalidParameterError, MissingLibraryError, MltrackError
from mltrack.projects.backends.kubernetes import KubernetesRun, status_of
from mltrack.projects.backends.kubernetes_job import job_manifest, job_name, read_template

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = """
apiVersion: batch/v1
kind: Job
metadata:
  name: "{replaced with MLflow Project name}"
  namespace: mlflow
  labels: {team: science}
spec:
  ttlSecondsAfterFinished: 100
  backoffLimit: 0
  template:
    spec:
      containers:
      - name: "{replaced with MLflow Project name}"
        image: "{replaced with URI of Docker image created during Project execution}"
        command: ["{replaced with MLflow Project entry point command}"]
        env:
        - {name: MLFLOW_RUN_ID, value: of the template}
        - {name: KEPT, value: "1"}
        resources: {limits: {memory: 512Mi}, requests: {memory: 256Mi}}
      - {name: beside, image: "team/beside:1"}
      restartPolicy: Never
"""
FILE = """
name: Train it, please!
docker_env:
  image: team/base:1
  environment: [["PLAIN", "a: {b}"]]
entry_points:
  main:
    parameters: {words: string}
    command: "python main.py {words}"
"""
WORDS = "a'b; $(touch marker)\n- c: {d}"
STARTED = {"startTime": "2026-01-01T00:00:00Z"}
DONE = {**STARTED, "conditions": [{"type": "Complete", "status": "True"}]}
FAILED = {
    **STARTED,
    "conditions": [{"type": "SuccessCriteriaMet", "status": "False"}, {"type": "Failed", "status": "True"}],
}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    monkeypatch.setattr(KubernetesRun, "pause", 0.01)
    return make_programs(tmp_path, monkeypatch)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "MLproject").write_text(FILE)
    (tmp_path / "job.yaml").write_text(TEMPLATE)
    mltrack.set_tracking_uri(tmp_path / "mltrack.db")
    return folder


def config(**more: Any) -> dict[str, Any]:
    return {
        "kube-context": "minikube",
        "kube-job-template-path": "job.yaml",
        "repository-uri": "registry.example.com/team/train",
        **more,
    }


def submitted(project: Path, *, more: dict[str, Any] | None = None, **options: Any) -> Any:
    return mltrack.projects.run(
        str(project),
        parameters={"words": WORDS},
        backend="kubernetes",
        backend_config=config(**(more or {})),
        **options,
    )


def is_valid(manifest: dict[str, Any]) -> None:
    """By the schema of Kubernetes, in which what it does not know is an error."""
    validate = pytest.importorskip("kubernetes_validate")
    validate.validate(manifest, validate.latest_version(), strict=True)


def test_the_manifest_is_the_template_filled_in(project: Path, tmp_path: Path, programs: Programs) -> None:
    programs.add_kubectl({}, STARTED, DONE)
    handle = submitted(project)
    (apply,) = [each for each in programs.log() if "apply" in each["words"]]
    assert apply["words"] == ["--context=minikube", "--namespace=mlflow", "apply", "-f", "-"]
    manifest = yaml.safe_load(apply["text"])
    is_valid(manifest)
    template = yaml.safe_load(TEMPLATE)
    assert manifest["metadata"] == {**template["metadata"], "name": handle.job}
    assert handle.job.startswith("train-it-please-")
    container, beside = manifest["spec"]["template"]["spec"]["containers"]
    assert (container["name"], container["image"]) == ("train-it-please", "team/base:1")
    assert container["command"] == ["sh", "-c", "python main.py 'a'\"'\"'b; $(touch marker)\n- c: {d}'"]
    run = mltrack.get_run(handle.run_id)
    given = {
        name: value
        for owner in ("MLFLOW", "MLTRACK")
        for name, value in (
            (f"{owner}_RUN_ID", run.info.run_id),
            (f"{owner}_EXPERIMENT_ID", run.info.experiment_id),
            (f"{owner}_TRACKING_URI", mltrack.get_tracking_uri()),
        )
    }
    given["MLFLOW_TRACKING_URI"] = f"mltrack+{mltrack.get_tracking_uri()}"
    assert {each["name"]: each["value"] for each in container["env"]} == {**given, "KEPT": "1", "PLAIN": "a: {b}"}
    assert len(container["env"]) == 8
    assert container["resources"] == template["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert beside == {"name": "beside", "image": "team/beside:1"}
    assert {**manifest["spec"], "template": 0} == {**template["spec"], "template": 0}


def test_the_run_ends_as_the_job_does(project: Path, programs: Programs, capsys: pytest.CaptureFixture[str]) -> None:
    programs.add_kubectl({}, STARTED, DONE)
    handle = submitted(project)
    run = mltrack.get_run(handle.run_id)
    assert (handle.status, run.info.status) == ("FINISHED", "FINISHED")
    assert run.data.tags["mlflow.project.backend"] == "kubernetes"
    assert (run.data.tags["mlflow.project.env"], run.data.tags["mlflow.docker.image.uri"]) == ("docker", "team/base:1")
    assert capsys.readouterr().out == "the pod's words\n"
    programs.add_kubectl({}, STARTED, FAILED)
    with pytest.raises(ExecutionError, match="failed"):
        submitted(project)
    assert {run.info.status for run in mltrack.search_runs(output_format="list")} == {"FINISHED", "FAILED"}


STATES = {
    "new": ({}, RunStatus.SCHEDULED),
    "no status": ({"active": 0}, RunStatus.SCHEDULED),
    "running": ({**STARTED, "active": 1}, RunStatus.RUNNING),
    "suspended": ({**STARTED, "conditions": [{"type": "Suspended", "status": "True"}]}, RunStatus.RUNNING),
    "complete": (DONE, RunStatus.FINISHED),
    "failed": (FAILED, RunStatus.FAILED),
    "will have failed": ({**STARTED, "conditions": [{"type": "Failed", "status": "Unknown"}]}, RunStatus.RUNNING),
}


@pytest.mark.parametrize("name", STATES)
def test_a_jobs_state_is_a_runs_status(name: str) -> None:
    state, expected = STATES[name]
    assert status_of({"kind": "Job", "status": state}) is expected


def test_one_may_be_cancelled(project: Path, programs: Programs) -> None:
    programs.add_kubectl(STARTED)
    handle = submitted(project, synchronous=False)
    handle.cancel()
    assert handle.wait() is False
    assert (handle.status, mltrack.get_run(handle.run_id).info.status) == ("KILLED", "KILLED")
    (words,) = [each for each in programs.calls("kubectl") if "delete" in each]
    assert words[2:] == ["delete", "job", handle.job, "--ignore-not-found=true", "--wait=true", "--cascade=foreground"]


def test_an_image_is_built_and_pushed_when_asked(project: Path, programs: Programs) -> None:
    programs.add_kubectl(DONE)
    programs.add_docker()
    handle = submitted(project, build_image=True)
    calls = programs.calls("docker")
    assert [each[0] for each in calls] == ["info", "build", "image", "push", "image"]
    assert calls[3] == ["push", "registry.example.com/team/train"]
    (apply,) = [each["text"] for each in programs.log() if "apply" in each["words"]]
    digest = f"sha256:{'a' * 64}"
    container = yaml.safe_load(apply)["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == f"registry.example.com/team/train@{digest}"
    assert mltrack.get_run(handle.run_id).data.tags["mlflow.docker.image.id"] == digest


def test_the_store_may_be_elsewhere_as_pods_see_it(
    project: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.add_kubectl(DONE)
    monkeypatch.setenv("KUBE_MLFLOW_TRACKING_URI", "sqlite:////shared/mltrack.db")
    submitted(project)
    (apply,) = [each["text"] for each in programs.log() if "apply" in each["words"]]
    variables = yaml.safe_load(apply)["spec"]["template"]["spec"]["containers"][0]["env"]
    found = {each["name"]: each["value"] for each in variables}
    assert found["MLTRACK_TRACKING_URI"] == "sqlite:////shared/mltrack.db"
    assert found["MLFLOW_TRACKING_URI"] == "mltrack+sqlite:////shared/mltrack.db"


def test_without_kubectl_the_manifest_is_written(project: Path, tmp_path: Path, programs: Programs) -> None:
    with pytest.raises(MissingLibraryError, match="kubectl --context=minikube --namespace=mlflow apply -f") as caught:
        submitted(project)
    (file,) = tmp_path.glob("train-it-please-*.yaml")
    assert str(file) in str(caught.value)
    assert file.stat().st_mode & 0o777 == 0o600
    is_valid(yaml.safe_load(file.read_text()))


def test_the_manifest_may_be_all_that_is_wanted(project: Path, tmp_path: Path, programs: Programs) -> None:
    programs.add_kubectl()
    handle = submitted(project, more={"manifest-only": "wanted.yaml"})
    assert programs.calls("kubectl") == []
    is_valid(yaml.safe_load((tmp_path / "wanted.yaml").read_text()))
    assert mltrack.get_run(handle.run_id).info.status == "SCHEDULED"


def test_what_kubectl_says_is_said(project: Path, programs: Programs) -> None:
    programs.add_kubectl(fails=("apply",))
    with pytest.raises(ExecutionError, match=r"kubectl apply failed .*the server refused"):
        submitted(project)
    assert [run.info.status for run in mltrack.search_runs(output_format="list")] == ["FAILED"]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no template": ({"kube-job-template-path": None}, "kube-job-template-path"),
    "no file": ({"kube-job-template-path": "nowhere.yaml"}, "nowhere.yaml"),
    "no repository": ({"repository-uri": ""}, "repository-uri"),
    "unknown": ({"kube-contexts": "a"}, "kube-contexts"),
    "no job": ({"kube-job-template-path": "pod.yaml"}, "kind Job"),
    "no container": ({"kube-job-template-path": "empty.yaml"}, "containers"),
    "bomb": ({"kube-job-template-path": "bomb.yaml"}, "alias"),
    "object": ({"kube-job-template-path": "object.yaml"}, "YAML"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_configuration_is_named(project: Path, tmp_path: Path, programs: Programs, name: str) -> None:
    programs.add_kubectl(DONE)
    (tmp_path / "pod.yaml").write_text("kind: Pod\n")
    (tmp_path / "empty.yaml").write_text("kind: Job\nspec: {template: {spec: {containers: []}}}\n")
    (tmp_path / "bomb.yaml").write_text("a: &a [x]\nb: [*a, *a]\n")
    (tmp_path / "object.yaml").write_text("kind: !!python/object/apply:os.system ['touch marker']\n")
    changed, message = WRONG[name]
    with pytest.raises(MltrackError, match=message):
        submitted(project, more=changed)
    assert not (tmp_path / "marker").exists()
    assert programs.calls("kubectl") == []


def test_a_project_without_an_image_is_refused(project: Path, programs: Programs) -> None:
    (project / "MLproject").write_text("entry_points: {main: {command: echo}}\n")
    with pytest.raises(InvalidParameterError, match="docker_env"):
        submitted(project)


def test_the_command_line_takes_a_file(project: Path, tmp_path: Path, programs: Programs) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config()))
    programs.add_kubectl(DONE)
    handle = mltrack.projects.run(
        str(project), parameters={"words": "a"}, backend="kubernetes", backend_config=str(tmp_path / "config.json")
    )
    assert handle.status == "FINISHED"


@pytest.mark.parametrize("name", ["a", "9 lives", "Ünï", "", None, "x" * 300, "--", "a.b/c"])
def test_names_are_labels_and_no_two_the_same(
    name: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = itertools.count()  # in the place of chance, by which two of twenty are the same now and then
    token = "mltrack.projects.backends.kubernetes_job.secrets.token_hex"
    monkeypatch.setattr(token, lambda size: f"{next(count):0{2 * size}x}")
    names = {job_name(name) for _ in range(20)}
    assert len(names) == 20
    (tmp_path / "job.yaml").write_text(TEMPLATE)
    one = names.pop()
    assert len(one) <= 63
    manifest = job_manifest(
        read_template(str(tmp_path / "job.yaml")), name=one, image="a", command="b", variables={"A": "1"}
    )
    is_valid(manifest)
    container = manifest["spec"]["template"]["spec"]["containers"][0]["name"]
    assert container.replace("-", "").isalnum()
    assert container[0].isalpha()
