from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.core import scoring_models
from tests.core.scoring_bodies import BAD, GOOD, OLD, UNREAD, Case

CASES = [*GOOD, *OLD, *BAD, *UNREAD]
MODELS = Path(scoring_models.__file__).parent


@pytest.fixture(scope="module")
def answered(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """What the real scoring application answers to each body, by the case's name."""
    script = Path(__file__).with_name("scoring_mlflow.py")
    folder = tmp_path_factory.mktemp("models")
    sent = [
        {"model": case.model, "content_type": case.content_type, "body": base64.b64encode(case.content).decode()}
        for case in CASES
    ]
    command = [mlflow_python, str(script), str(MODELS)]
    done = subprocess.run(command, input=json.dumps(sent), capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    answers: list[Any] = json.loads(done.stdout)
    return {case.name: (status, body) for case, (status, body) in zip(CASES, answers, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_real_server_answers_alike(case: Case, answered: dict[str, tuple[int, str]]) -> None:
    status, body = answered[case.name]
    if isinstance(case.mlflow, int):
        assert status == case.mlflow, body
        return
    assert status == case.status, body
    if status == 200 and case.mlflow is None:
        assert json.loads(body) == {"predictions": case.says}
