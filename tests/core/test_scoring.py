from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from tests.core.scoring_bodies import BAD, GOOD, OLD, UNREAD, Case
from tests.core.scoring_models import SIGNATURES, tell

from mltrack.models.mlmodel import Model
from mltrack.models.signature import ModelSignature
from mltrack.pyfunc.model import PyFuncModel
from mltrack.serving.messages import Answer, Request
from mltrack.serving.scoring import Scorer


def model_of(name: str, predict: Any = tell) -> PyFuncModel:
    signature = SIGNATURES[name]
    flavors = {"python_function": {"loader_module": "mlflow.sklearn"}}
    metadata = Model(flavors=flavors, signature=ModelSignature.from_dict(signature) if signature else None)
    return PyFuncModel(metadata, SimpleNamespace(predict=predict))


SCORERS = {name: Scorer(model_of(name)) for name in SIGNATURES}


def ask(case: Case) -> Answer:
    [answer] = SCORERS[case.model].answer([Request(case.content_type, case.content)])
    return answer


def by_name(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", GOOD, ids=by_name)
def test_good_bodies(case: Case) -> None:
    answer = ask(case)
    assert (answer.status, answer.content_type) == (200, "application/json"), answer.body
    assert json.loads(answer.body) == {"predictions": case.says}


@pytest.mark.parametrize("case", OLD, ids=by_name)
def test_bodies_of_mlflow_1_are_answered_by_a_list(case: Case) -> None:
    answer = ask(case)
    assert answer.status == 200, answer.body
    assert json.loads(answer.body) == case.says


@pytest.mark.parametrize("case", BAD, ids=by_name)
def test_bad_bodies(case: Case) -> None:
    answer = ask(case)
    assert (answer.status, answer.content_type) == (400, "application/json"), answer.body
    told = json.loads(answer.body)
    assert told.keys() == {"error_code", "message"}
    assert told["error_code"] in {"BAD_REQUEST", "INVALID_PARAMETER_VALUE"}
    assert case.says in told["message"]
    assert len(told["message"]) < 1000


@pytest.mark.parametrize("case", UNREAD, ids=by_name)
def test_content_types_that_are_not_read(case: Case) -> None:
    answer = ask(case)
    assert (answer.status, answer.content_type) == (415, "text/plain; charset=utf-8")
    assert case.says in answer.body.decode()
