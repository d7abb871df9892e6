"""Projects for other engines: what is in them, held against the engines' own schemas, and two of them started."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator
from tests.core.deployed_models import ask, free_port, make_environment, need, running, save_estimator, save_function

from mltrack.deploying.dockerfile import ImageOptions
from mltrack.deploying.exporting import TARGETS, export_model
from mltrack.deploying.targets.project import ExportOptions
from mltrack.exceptions import InvalidParameterError, UntrustedModelError
from mltrack.models import trust
from mltrack.models.folder import ModelFolder

OPTIONS = ExportOptions("iris", "registry.example.com:5000/team/iris:3", replicas=2)
FILES = {
    "ray-serve": {"service.py", "serve.yaml"},
    "bentoml": {"service.py", "bentofile.yaml"},
    "kserve": {"Dockerfile", "inferenceservice.yaml"},
    "sagemaker": {"Dockerfile", "create-model.json", "create-endpoint-config.json", "create-endpoint.json"},
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_project_is_whole(target: str, tmp_path: Path) -> None:
    save_function(tmp_path / "model", requirements=["six==1.16.0"])
    folder = export_model("model", target, "project", OPTIONS)
    assert folder.is_dir()
    names = {path.name for path in folder.iterdir()} - {next(folder.glob("*.whl")).name}
    assert names == FILES[target] | {"README.md", "requirements.txt", "model", "example.json"}
    assert ModelFolder(folder / "model").digest() == ModelFolder(Path("model")).digest()
    for path in folder.iterdir():
        if path.suffix in (".md", ".py", ".yaml", ".json"):
            assert not re.search(r"\$(name|image|wheel|replicas|allow_pickle|code_note|python)", path.read_text()), path
    assert "runs code" in (folder / "README.md").read_text()
    for script in folder.glob("*.py"):
        compile(script.read_text(), script.name, "exec")
        assert "allow_pickle=True" in script.read_text()


@pytest.mark.parametrize("target", TARGETS)
def test_a_strangers_model_is_not_exported(target: str, tmp_path: Path) -> None:
    folder = save_function(tmp_path / "model")
    trust.forget(ModelFolder(folder).digest())
    with pytest.raises(UntrustedModelError):
        export_model("model", target, "project")
    assert not Path("project").exists()


def test_a_model_of_data_needs_no_trust(tmp_path: Path) -> None:
    folder = save_estimator(tmp_path / "model")
    trust.forget(ModelFolder(folder).digest())
    project = export_model("model", "ray-serve", "project")
    assert "allow_pickle=None" in (project / "service.py").read_text()
    assert "runs code" not in (project / "README.md").read_text()


@pytest.mark.parametrize(
    "wrong", [{"name": "a;b"}, {"name": "{{7*7}}"}, {"image": "a b"}, {"replicas": 0}, {"name": "$name"}]
)
def test_names_that_would_be_read_otherwise_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError):
        ExportOptions(**wrong)


def test_there_are_these_engines_only(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="ray-serve, bentoml, kserve, sagemaker"):
        export_model("model", "os", "project")


# SageMaker's own description of its requests, as its client library has it.


def problems(operation: str, request: dict[str, Any]) -> list[str]:
    shape = botocore.session.Session().get_service_model("sagemaker").operation_model(operation).input_shape
    report = ParamValidator().validate(request, shape)
    return [*([report.generate_report()] if report.has_errors() else []), *mismatches(shape, request)]


def mismatches(shape: Any, value: Any) -> list[str]:
    """The texts that do not match the pattern of their shape, and numbers and texts out of its limits."""
    if shape.type_name == "structure":
        known = [(shape.members[name], inner) for name, inner in value.items() if name in shape.members]
        return [each for member, inner in known for each in mismatches(member, inner)]
    if shape.type_name == "list":
        return [each for inner in value for each in mismatches(shape.member, inner)]
    found, size = [], len(value) if isinstance(value, str) else value
    pattern, allowed = shape.metadata.get("pattern"), getattr(shape, "enum", None)
    if pattern and not re.fullmatch(pattern, value):
        found.append(f"{value!r} is not {pattern}")
    if not shape.metadata.get("min", size) <= size <= shape.metadata.get("max", size):
        found.append(f"{value!r} is out of {shape.metadata}")
    if allowed and value not in allowed:
        found.append(f"{value!r} is none of {allowed}")
    return found


@pytest.mark.parametrize("name", ["iris", "a" * 40])
def test_sagemaker_takes_the_requests(tmp_path: Path, name: str) -> None:
    save_function(tmp_path / "model")
    folder = export_model("model", "sagemaker", "project", ExportOptions(name, replicas=3))
    requests = {
        "CreateModel": "create-model.json",
        "CreateEndpointConfig": "create-endpoint-config.json",
        "CreateEndpoint": "create-endpoint.json",
    }
    for operation, file in requests.items():
        assert problems(operation, json.loads((folder / file).read_text())) == []
    model = json.loads((folder / "create-model.json").read_text())
    assert problems("CreateModel", model | {"ModelName": "a b", "Nonsense": 1}) != []
    assert problems("CreateModel", model | {"ExecutionRoleArn": "me, if you please, sir"}) != []


# KServe's own client library has its description of an InferenceService.
KSERVE = """
import json, sys, yaml
from types import SimpleNamespace
import kserve.models
from kubernetes.client import ApiClient, models

for name in dir(kserve.models):
    setattr(models, name, getattr(kserve.models, name))
client = ApiClient()
given = yaml.safe_load(open(sys.argv[1]))
read = client.deserialize(SimpleNamespace(data=json.dumps(given)), "V1beta1InferenceService")
print(json.dumps([given, client.sanitize_for_serialization(read)]))
"""


KSERVE_NEEDS = ("kserve==0.21.0", "kubernetes<33", "pyyaml")  # newer ones do not read with kserve's classes


def kserve_reads(python: Path, file: Path) -> tuple[Any, Any]:
    """What a file says, and what of it KServe's classes know."""
    done = subprocess.run([str(python), "-c", KSERVE, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    given, read = json.loads(done.stdout.splitlines()[-1])
    return given, read


@pytest.mark.slow
def test_kserve_knows_every_field(tmp_path: Path) -> None:
    """What KServe's own classes read and write again is all that the file says: they know each field and its type."""
    save_function(tmp_path / "model")
    folder = export_model("model", "kserve", "project", OPTIONS)
    uv = need("uv", "pip install uv")
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([uv, "pip", "install", "-q", "--python", str(python), *KSERVE_NEEDS], check=True)
    file = folder / "inferenceservice.yaml"
    given, read = kserve_reads(python, file)
    assert read == given
    assert given["metadata"]["name"] == "iris"
    (container,) = given["spec"]["predictor"]["containers"]
    assert (container["name"], container["image"]) == ("kserve-container", OPTIONS.image_name)
    (tmp_path / "wrong.yaml").write_text(file.read_text().replace("minReplicas", "minimumReplicas"))
    given, read = kserve_reads(python, tmp_path / "wrong.yaml")
    assert read != given


def test_the_inference_service_is_as_the_image(tmp_path: Path) -> None:
    save_function(tmp_path / "model")
    options = ExportOptions("iris", serving=ImageOptions(with_nginx=True, workers=2))
    folder = export_model("model", "kserve", "project", options)
    predictor = yaml.safe_load((folder / "inferenceservice.yaml").read_text())["spec"]["predictor"]
    (container,) = predictor["containers"]
    assert container["image"] == "iris:latest"
    assert container["ports"][0]["containerPort"] == 8080
    assert container["securityContext"]["runAsUser"] == 1000
    assert "--workers" in (folder / "Dockerfile").read_text()
    assert (folder / "nginx.conf").is_file()


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """A project of the engine that the test names, and the bin folder of an environment made of its requirements."""
    save_estimator(tmp_path / "model")
    folder = export_model("model", request.param, tmp_path / "project", OPTIONS).absolute()
    return folder, make_environment(tmp_path / "venv", folder)


def check_answers(base: str, folder: Path) -> None:
    body = (folder / "example.json").read_bytes()
    answer = (200, b'{"predictions": [0, 0, 0]}')
    assert ask(f"{base}/invocations", body, Content_Type="application/json") == answer
    assert ask(f"{base}/ping") == (200, b"\n")
    assert ask(f"{base}/invocations", b"{}", Content_Type="application/json")[0] == 400
    assert ask(f"{base}/invocations", b"\x80\x04N.", Content_Type="application/octet-stream")[0] == 415
    assert ask(f"{base}/nothing")[0] == 404
    assert ask(f"{base}/invocations")[0] == 405
    csv = b"sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\n5,3,1.5,x\n"
    status, message = ask(f"{base}/invocations", csv, Content_Type="text/csv")
    assert (status, "petal width (cm)" in json.loads(message)["message"]) == (400, True)


RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Its parts may take longer to start than Ray's half minute, on a machine that is busy.
    "RAY_DASHBOARD_SUBPROCESS_MODULE_WAIT_READY_TIMEOUT": "120",
    "RAY_agent_register_timeout_ms": "120000",
}


@pytest.mark.slow
@pytest.mark.parametrize("project", ["ray-serve"], indirect=True)
def test_ray_serve_runs_two_replicas(project: tuple[Path, Path], tmp_path: Path) -> None:
    folder, programs = project
    # Ray writes a token to the home folder, and its sockets need short paths.
    variables = {"HOME": str(tmp_path), "PATH": f"{programs}:{os.environ['PATH']}", **RAY}
    base = "http://127.0.0.1:8000"
    assert ask(f"{base}/ping")[0] == 0, "something else listens on Ray's port"
    command = [str(programs / "serve"), "run", "service:app"]
    with running(command, folder, f"{base}/ping", variables=variables) as log:
        check_answers(base, folder)
        for _ in range(60):
            ask(f"{base}/version")
        assert wait_for_replicas(2) == 2, log.read_text()
    assert wait_for_replicas(0) == 0


def wait_for_replicas(wanted: int) -> int:
    """Wait until there are so many; gives how many there are. The first answers before the last is there."""
    end = time.monotonic() + 120
    while (found := len(replicas())) != wanted and time.monotonic() < end:
        time.sleep(0.2)
    return found


def replicas() -> list[str]:
    """The processes of the deployment ``iris``, by what they call themselves."""
    done = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if "ray::ServeReplica:default:iris" in line]


@pytest.mark.slow
@pytest.mark.parametrize("project", ["bentoml"], indirect=True)
def test_bentoml_serves(project: tuple[Path, Path], tmp_path: Path) -> None:
    folder, programs = project
    port = free_port()
    variables = {"HOME": str(tmp_path), "BENTOML_DO_NOT_TRACK": "True", "PATH": f"{programs}:{os.environ['PATH']}"}
    command = [str(programs / "bentoml"), "serve", "service:Model", "--port", str(port)]
    base = f"http://127.0.0.1:{port}"
    with running(command, folder, f"{base}/readyz", variables=variables):
        check_answers(base, folder)
    check_bento(folder, programs, os.environ | variables)


def check_bento(folder: Path, programs: Path, variables: dict[str, str]) -> None:
    """Build what goes into BentoML's image, and run the script that installs it there."""
    subprocess.run([str(programs / "bentoml"), "build"], cwd=folder, env=variables, check=True, capture_output=True)
    (bento,) = Path(variables["HOME"]).glob("bentoml/bentos/iris/*/env/python")
    assert (bento.parents[1] / "src" / "model" / "MLmodel").is_file()
    uv = need("uv", "pip install uv")
    place = folder.parent / "image"
    subprocess.run([uv, "venv", "-q", "--seed", "--python", sys.executable, str(place)], check=True)
    inside = variables | {"VIRTUAL_ENV": str(place), "PATH": f"{place}/bin:{variables['PATH']}"}
    subprocess.run(["bash", str(bento / "install.sh")], env=inside, check=True, capture_output=True)
    code = f"from mltrack.pyfunc import load_model; load_model({str(bento.parents[1] / 'src' / 'model')!r})"
    subprocess.run([str(place / "bin" / "python"), "-I", "-c", code], env=inside, check=True)
