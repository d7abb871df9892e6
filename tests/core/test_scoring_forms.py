from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from mltrack.models.mlmodel import Model
from mltrack.models.signature import ModelSignature
from mltrack.pyfunc.model import PyFuncModel
from mltrack.serving.messages import Request
from mltrack.serving.scoring import Scorer
from mltrack.types.schema import AnyType, Array, ColSpec, DataType, ParamSchema, ParamSpec, Schema

JSON = "application/json"
MESSAGES = [{"role": "user", "content": "Hello"}]


def chat_model(predict: Any) -> Scorer:
    inputs = Schema([ColSpec(Array(AnyType()), "messages")])
    params = ParamSchema([ParamSpec("temperature", DataType.double, 1.0)])
    metadata = Model(signature=ModelSignature(inputs, None, params))
    return Scorer(PyFuncModel(metadata, SimpleNamespace(predict=predict)))


def hinted_model() -> Scorer:
    metadata = Model(signature=ModelSignature(Schema([ColSpec(DataType.long)])), is_signature_from_type_hint=True)
    return Scorer(PyFuncModel(metadata, SimpleNamespace(predict=lambda data, _: data, hint=list[int])))


def ask(scorer: Scorer, body: Any, content_type: str = JSON) -> tuple[int, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    [answer] = scorer.answer([Request(content_type, content)])
    return answer.status, json.loads(answer.body)


def test_a_body_for_a_language_model_goes_to_it_as_it_is() -> None:
    scorer = chat_model(lambda data, params: {"told": data["messages"].tolist(), **params})
    status, answer = ask(scorer, {"messages": MESSAGES, "temperature": 0.5})
    assert status == 200, answer
    assert answer == {"told": [MESSAGES], "temperature": 0.5}, "there is no object of predictions around it"


def test_other_models_take_no_such_body() -> None:
    status, answer = ask(hinted_model(), {"messages": MESSAGES})
    assert status == 400
    assert "exactly one" in answer["message"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ({"inputs": [1, 2]}, JSON, 200),
        (b"a\n1\n2\n", "text/csv", 200),
        ({"inputs": ["a"]}, JSON, 400),
        ({"inputs": 5}, JSON, 400),
        ({"instances": [1, 2]}, JSON, 400),
        ({"dataframe_split": {"columns": ["a"], "data": [[1], [2]]}}, JSON, 400),
    ],
)
def test_a_signature_of_a_type_hint_takes_inputs(body: Any, content_type: str, status: int) -> None:
    found, answer = ask(hinted_model(), body, content_type)
    assert found == status, answer
    if status == 200:
        assert answer == {"predictions": [1, 2]}
    else:
        assert answer["error_code"] == "INVALID_PARAMETER_VALUE"
