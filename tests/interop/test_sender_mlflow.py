"""The sender beside a real ``mlflow server``: what is sent twice, because an answer was lost, is stored once there."""

from __future__ import annotations

import json
import math
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.core.spooled import new_sender, points
from tests.faults.flaky_proxy import Faults, flaky_proxy

from mltrack.entities import Metric, Param, RunTag

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::mltrack.backlog.StoreWarning")]
ODD = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1e308, 0.1]
LARGEST = 1.7976931348623157e308  # what MLflow keeps an infinity as
KEPT = ["NaN", LARGEST, -LARGEST, 0.0, 5e-324, 1e308, 0.1]


def ask(url: str, path: str, **body: Any) -> Any:
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"{url}/api/2.0/mlflow/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def history(url: str, run_id: str, key: str) -> list[tuple[int, Any]]:
    found = ask(url, f"metrics/get-history?run_id={run_id}&metric_key={key}").get("metrics", ())
    return [(each["step"], each["value"]) for each in found]


def test_batches_that_are_sent_again_are_stored_once(shared_mlflow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mltrack.rest.courier._FIRST_PAUSE", 0.01)
    run = ask(shared_mlflow, "runs/create", experiment_id="0")["run"]["info"]["run_id"]
    model = ask(shared_mlflow, "logged-models", experiment_id="0", source_run_id=run)["model"]["info"]["model_id"]
    with flaky_proxy(urlsplit(shared_mlflow).port or 0) as proxy:
        proxy.faults = Faults(cut=0.6)
        sender = new_sender(proxy.url)
        for number in range(4):
            sender.send(run, points(50, start=50 * number))
            sender.send(run, [Metric("odd", value, 5, step) for step, value in enumerate(ODD)])
            sender.send(run, [Metric("of_model", 0.5, 7, number, model, "data", "digest")])
            sender.send(run, params=[Param(f"p{number}", "x")], tags=[RunTag("t", str(number))])
            sender.flush(run, 120)
        sender.end(run, {"status": "FINISHED", "end_time": 5_000})
        assert proxy.seen["cut"] >= 4
        proxy.faults = Faults()
        assert sender.flush(run, 120)
        sender.close()
    assert history(shared_mlflow, run, "loss") == [(step, 1 / (step + 1)) for step in range(200)]
    assert history(shared_mlflow, run, "odd") == list(enumerate(KEPT))
    assert history(shared_mlflow, run, "of_model") == [(number, 0.5) for number in range(4)]
    found = ask(shared_mlflow, f"runs/get?run_id={run}")["run"]
    assert {each["key"]: each["value"] for each in found["data"]["params"]} == {
        f"p{number}": "x" for number in range(4)
    }
    assert {each["key"]: each["value"] for each in found["data"]["tags"]}["t"] == "3"
    assert (found["info"]["status"], found["info"]["end_time"]) == ("FINISHED", 5_000)


def test_what_an_mlflow_server_refuses_is_set_aside(shared_mlflow: str) -> None:
    run, gone = (ask(shared_mlflow, "runs/create", experiment_id="0")["run"]["info"]["run_id"] for _ in range(2))
    ask(shared_mlflow, "runs/delete", run_id=gone)
    sent = points(60)
    sent[31] = Metric("loss", 0.5, -1, 31)  # a time that no server takes
    sender = new_sender(shared_mlflow)
    sender.send(gone, points(200))
    sender.send(run, sent)
    with pytest.warns(UserWarning, match="refused"):
        assert sender.flush(None, 120)
    sender.close()
    assert [step for step, _ in history(shared_mlflow, run, "loss")] == [step for step in range(60) if step != 31]
