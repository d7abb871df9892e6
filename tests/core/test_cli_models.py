"""``mltrack models``: looked at, trusted, registered, predicted with, and written for other machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.core.command_line import call, done, parsed, program, refused
from tests.core.deployed_models import FRAME, need, save_estimator, save_function

from mltrack import pyfunc
from mltrack.exceptions import UntrustedModelError
from mltrack.models import trust
from mltrack.models.folder import ModelFolder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model of this user's own that runs code, in the folder ``model``."""
    return save_function(tmp_path / "model")


@pytest.fixture
def strange(model: Path) -> Path:
    """The same, as if somebody else had made it."""
    trust.forget(ModelFolder(model).digest())
    return model


def test_trust_shows_what_is_inside_and_asks(strange: Path) -> None:
    with pytest.raises(UntrustedModelError):
        pyfunc.load_model("model")
    found = call("models", "trust", "model", answer="n\n")
    assert found.exit_code == 1
    assert "python_model.pkl: a pickle" in found.stdout
    assert "cloudpickle.cloudpickle._make_skeleton_class" in found.stdout
    with pytest.raises(UntrustedModelError):
        pyfunc.load_model("model")
    assert call("models", "trust", "model", answer="y\n").exit_code == 0
    pyfunc.load_model("model")
    (strange / "python_model.pkl").write_bytes((strange / "python_model.pkl").read_bytes() + b"x")
    with pytest.raises(UntrustedModelError):
        pyfunc.load_model("model")


def test_trust_without_a_question(strange: Path) -> None:
    said = parsed("models", "trust", "model", "--yes")
    assert said["digest"] == ModelFolder(strange).digest()
    assert [each["path"] for each in said["code"]] == ["python_model.pkl"]
    pyfunc.load_model("model")


def test_trust_prints_names_as_they_are(strange: Path) -> None:
    (strange / "e\x1b[31mvil.py").write_text("")
    found = call("models", "trust", "model", answer="n\n")
    assert "\x1b" not in found.stdout


def test_files_that_change_under_the_question_are_not_trusted(strange: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_: Any, **__: Any) -> bool:
        (strange / "python_model.pkl").write_bytes(b"other")
        return True

    monkeypatch.setattr("click.confirm", answer)
    assert "changed while you looked" in refused_after_output("models", "trust", "model")
    assert not trust.is_signed(ModelFolder(strange).digest())


def refused_after_output(*words: str) -> str:
    found = call(*words)
    assert found.exit_code == 1
    return found.stderr


def test_show_says_what_a_model_is(model: Path) -> None:
    said = parsed("models", "show", "model")
    assert (said["flavors"], said["trusted"]) == (["python_function"], True)
    assert said["digest"] == ModelFolder(model).digest()
    text = done("models", "show", "model")
    assert "code: python_model.pkl (trusted)" in text
    assert "'size'" in text or '"size"' in text
    save_estimator(Path("data"))
    assert "code: none, it is data alone" in done("models", "show", "data")


def test_models_are_registered_and_listed(tmp_path: Path) -> None:
    info = pyfunc.log_model(name="double", python_model=lambda data: data, input_example=pd.DataFrame({"a": [1.0]}))
    assert "is version 1 of cancer" in done("models", "register", info.model_uri, "cancer")
    assert parsed("models", "register", info.model_uri, "cancer")["version"] == "2"
    assert [each["name"] for each in parsed("models", "list")] == ["cancer"]
    assert done("models", "list").splitlines()[1].split()[:2] == ["cancer", "2"]
    assert parsed("models", "show", "models:/cancer/1")["model_id"] == info.model_id


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl", "parquet"])
def test_predict_writes_a_file(model: Path, suffix: str) -> None:
    FRAME.to_csv("in.csv", index=False)
    said = done("models", "predict", "-m", "model", "-i", "in.csv", "-o", f"out.{suffix}")
    assert said == f"2 predictions in out.{suffix}\n"
    assert b"007/1" in Path(f"out.{suffix}").read_bytes()
    assert parsed("models", "predict", "-m", "model", "-i", "in.csv", "-o", "out.csv", "--chunks")["rows"] == 2
    assert sorted(path.name for path in Path().iterdir() if path.name.startswith(".")) == []


def test_predict_from_a_pipe_to_a_pipe(model: Path) -> None:
    body = json.dumps({"dataframe_records": FRAME.to_dict("records")})
    for words, given in ((["-t", "json"], body), ([], body), (["-t", "csv"], FRAME.to_csv(index=False))):
        command = [sys.executable, "-m", "mltrack", "models", "predict", "-m", "model", *words]
        said = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
        assert json.loads(said.stdout) == {"predictions": ["007/1", "abc/2"]}
        assert said.stderr.strip() == ""


def test_a_prediction_that_fails_leaves_the_old_file(model: Path) -> None:
    Path("in.csv").write_text("code,size,many\na,1,1\nb,2,x\n")
    Path("out.csv").write_text("old")
    said = refused("models", "predict", "-m", "model", "-i", "in.csv", "-o", "out.csv")
    assert "in.csv, row 2: The column 'many'" in said
    assert Path("out.csv").read_text() == "old"
    assert sorted(path.name for path in Path().iterdir()) == ["in.csv", "model", "out.csv", "user"]
    assert "no folder" in refused("models", "predict", "-m", "model", "-i", "in.csv", "-o", "nowhere/out.csv")
    assert "nothing.csv" in refused("models", "predict", "-m", "model", "-i", "nothing.csv")


def test_a_strangers_model_does_not_predict(strange: Path) -> None:
    FRAME.to_csv("in.csv", index=False)
    assert "mltrack models trust" in refused("models", "predict", "-m", "model", "-i", "in.csv")


def test_generate_dockerfile_and_export(model: Path) -> None:
    text = done("models", "generate-dockerfile", "-m", "model", "-d", "image", "--with-nginx")
    assert "docker build -t NAME image" in text
    assert Path("image/nginx.conf").is_file()
    export = ("models", "export", "-m", "model", "--target")
    said = parsed(*export, "kserve", "project", "--image", "team/x:1", "--workers", "2")
    assert said == {"folder": "project", "target": "kserve"}
    assert "image: team/x:1" in Path("project/inferenceservice.yaml").read_text()
    assert "not empty" in refused(*export, "bentoml", "project")
    assert "no name for a deployment" in refused(*export, "bentoml", "other", "--name", "$(id)")
    refused(*export, "os", "other", code=2)


def test_build_docker_names_what_is_wrong(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "no Docker engine" in refused("models", "build-docker", "-m", "model", "-n", "cancer")
    assert "name of an image" in refused("models", "build-docker", "-m", "model", "-n", "a;b")


@pytest.mark.parametrize("uri", ["model; touch marker", "$(touch marker)", "`touch marker`", "--help me", "../model\n"])
@pytest.mark.parametrize("command", ["generate-dockerfile", "build-docker", "prepare-env", "verify"])
def test_uris_reach_no_shell(command: str, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = call("models", command, "--model-uri", uri)
    assert found.exit_code in (1, 2)
    assert not Path("marker").exists()


def test_help_is_quick_and_loads_no_library() -> None:
    code = "import sys; from mltrack.cli import main; main(['models', '--help'], standalone_mode=False);"
    code += "print([name for name in ('pandas', 'numpy', 'starlette', 'rich') if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.endswith("[]\n")


@pytest.mark.slow
def test_a_model_predicts_in_its_own_environment(model: Path) -> None:
    need("uv", "pip install uv")
    (model / "requirements.txt").write_text("cloudpickle\npyarrow\nsix==1.16.0\n")
    done("models", "trust", "model", "--yes")
    python = parsed("models", "prepare-env", "-m", "model")["python"]
    assert Path(python).is_file()
    FRAME.to_csv("in.csv", index=False)
    environment = {name: value for name, value in os.environ.items() if name.startswith("MLTRACK_")}
    words = ("models", "predict", "-m", "model", "-i", "in.csv", "--env-manager", "uv")
    said = program(*words, **environment)
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout) == {"predictions": ["007/1", "abc/2"]}


@pytest.mark.slow
def test_verify_says_what_is_missing(tmp_path: Path) -> None:
    need("uv", "pip install uv")
    folder = save_estimator(tmp_path / "model")
    steps = parsed("models", "verify", "-m", "model")
    assert {step["name"]: step["good"] for step in steps} == {
        **dict.fromkeys(("environment", "load", "predict", "signature", "same here"), True)
    }
    lines = (folder / "requirements.txt").read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("scikit-learn", "skops"))]
    (folder / "requirements.txt").write_text("\n".join(kept))
    found = call("models", "verify", "-m", "model")
    assert found.exit_code == 1
    assert "BAD  load: " in found.stdout
    assert "sklearn" in found.stdout or "scikit-learn" in found.stdout
    assert found.stdout.startswith("ok   environment")
