from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.core.scoring_bodies import BAD, CSV, GOOD, JSON, OLD, UNREAD, split
from tests.core.scoring_models import tell
from tests.core.test_scoring import model_of

from mltrack.models.mlmodel import Model
from mltrack.serving.messages import Answer, Request
from mltrack.serving.scoring import Scorer, takes_batches


class Counted:
    """A model that keeps what it was asked, and gives a list of a number for each row, or fails."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __call__(self, data: Any, params: Any) -> Any:
        self.asked.append(data)
        if isinstance(data, pd.DataFrame) and (data["x"] < 0).any():
            raise RuntimeError(f"/home/someone/secret has {data}")
        return np.asarray(data)[:, 0] if not params else np.asarray(data)[:, 0] * params["factor"]


def xy(*rows: tuple[Any, Any], **more: Any) -> Request:
    return Request(JSON, json.dumps({**split([*map(list, rows)], ["x", "y"]), **more}).encode())


def predictions(answers: list[Answer]) -> list[Any]:
    return [json.loads(each.body).get("predictions") for each in answers]


@pytest.mark.parametrize("repeats", [1, 3])
def test_joined_answers_are_those_of_each_alone(repeats: int) -> None:
    cases = [*GOOD, *OLD, *BAD, *UNREAD] * repeats
    for name in {case.model for case in cases}:
        scorer = Scorer(model_of(name), batching=True)
        requests = [Request(case.content_type, case.content) for case in cases if case.model == name]
        alone = [scorer.answer([request])[0] for request in requests]
        assert scorer.answer(requests) == alone


def test_requests_for_the_same_columns_are_one_predict() -> None:
    model = Counted()
    scorer = Scorer(model_of("numbers", model))
    records = Request(JSON, b'{"dataframe_records": [{"y": 5, "x": 4}]}')
    assert predictions(scorer.answer([xy((1, 2), (2, 3)), xy((3, 4)), records])) == [[1.0, 2.0], [3.0], [4.0]]
    assert [len(data) for data in model.asked] == [4]


@pytest.mark.parametrize(
    ("name", "requests", "sizes"),
    [
        ("numbers", [xy((1, 2)), xy((3, 4), index=None)], [2]),
        ("numbers", [xy((1, 2)), Request(JSON, json.dumps(split([[3, 4]], ["x", "y"], index=["a"])).encode())], [1, 1]),
        ("tensor", [Request(JSON, b'{"inputs": [[1, 2], [3, 4]]}'), Request(JSON, b'{"instances": [[5, 6]]}')], [3]),
        ("unsigned", [xy((1, 2)), xy((3, 4)), xy((1.5, 2)), xy(("a", 2))], [2, 1, 1]),
        ("unsigned", [Request(CSV, b"x,y\n1,2"), xy((3, 4))], [2]),
        ("unsigned", [Request(JSON, b'{"inputs": [[1, 2]]}')] * 2, [1, 1]),
    ],
)
def test_what_is_joined(name: str, requests: list[Request], sizes: list[int]) -> None:
    asked: list[int] = []

    def predict(data: Any, _: Any) -> Any:
        asked.append(len(data))
        return tell(data)

    assert {answer.status for answer in Scorer(model_of(name, predict)).answer(requests)} == {200}
    assert asked == sizes


def test_params_keep_requests_apart() -> None:
    asked: list[Any] = []

    def predict(data: Any, params: Any) -> Any:
        asked.append((len(data), params["factor"]))
        return [params["factor"]] * len(data)

    row = split([[1, 2, "s", True]], ["size", "rooms", "street", "garden"])
    bodies = [{**row, "params": {"factor": factor}} for factor in (1, 2, 1.0)] + [row]
    answers = Scorer(model_of("row", predict)).answer([Request(JSON, json.dumps(body).encode()) for body in bodies])
    assert predictions(answers) == [[1.0], [2.0], [1.0], [1.0]]
    assert asked == [(3, 1.0), (1, 2.0)]


def test_one_that_fails_does_not_spoil_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    answers = Scorer(model_of("numbers", Counted())).answer([xy((1, 2)), xy((-1, 2)), xy((3, 4)), xy(("a", 4))])
    assert [answer.status for answer in answers] == [200, 500, 200, 400]
    told = json.loads(answers[1].body)
    assert told["error_code"] == "INTERNAL_ERROR"
    assert "RuntimeError" in told["message"]
    assert "home" not in told["message"]
    log = capsys.readouterr().err
    number = told["message"].split()[-1].rstrip(".")
    assert log.count(f"[{number}]") == 1
    assert "/home/someone/secret" in log
    assert log.count("Traceback") == 1


@pytest.mark.parametrize(
    "wrong",
    [[1], 7, {"sum": 1}, "ab", np.zeros(1), {"a": 1, "b": 2}],
)
def test_predictions_that_are_not_one_a_row_are_asked_for_singly(wrong: Any) -> None:
    asked: list[int] = []

    def predict(data: Any, _: Any) -> Any:
        asked.append(len(data))
        return wrong

    scorer = Scorer(model_of("numbers", predict))
    for _ in range(5):
        assert [answer.status for answer in scorer.answer([xy((1, 2)), xy((3, 4))])] == [200, 200]
    assert asked == [2, 1, 1] * 3 + [1, 1] * 2, "after three times it is not tried again"


@pytest.mark.parametrize("failure", [ValueError("x"), SystemExit(3), MemoryError(), RecursionError()])
def test_a_model_that_fails_goes_on_being_served(failure: BaseException) -> None:
    def predict(data: Any, _: Any) -> Any:
        raise failure

    scorer = Scorer(model_of("numbers", predict))
    assert [answer.status for answer in scorer.answer([xy((1, 2))] * 3)] == [500] * 3


@pytest.mark.parametrize(
    ("flavor", "said", "batches"),
    [
        ({"loader_module": "mlflow.sklearn"}, None, True),
        ({"loader_module": "mlflow.sklearn", "predict_fn": "fit_predict"}, None, False),
        ({"loader_module": "mlflow.onnx"}, {"team": "a"}, True),
        ({"loader_module": "mlflow.onnx"}, {"batching": False}, False),
        ({"loader_module": "mlflow.pyfunc.model"}, None, False),
        ({"loader_module": "mlflow.pyfunc.model"}, {"batching": True}, True),
        ({"loader_module": "my_loader"}, None, False),
    ],
)
def test_which_models_take_batches(flavor: dict[str, Any], said: dict[str, Any] | None, batches: bool) -> None:
    assert takes_batches(Model(flavors={"python_function": flavor}, metadata=said)) is batches


def test_without_batching_each_is_a_predict() -> None:
    model = Counted()
    scorer = Scorer(model_of("numbers", model), batching=False)
    assert not scorer.batches
    assert predictions(scorer.answer([xy((1, 2)), xy((3, 4))])) == [[1.0], [3.0]]
    assert len(model.asked) == 2
