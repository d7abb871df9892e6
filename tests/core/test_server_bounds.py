"""Requests of legal shape that ask for more than there is room for: refused, and never a fault of the server."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.server_in_process import ServerInProcess

from mltrack.server import json_body, message, own_work
from mltrack.server.app import READERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

API = "/api/2.0/mlflow"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerInProcess]:
    with closing(ServerInProcess(tmp_path_factory.mktemp("server"))) as found:
        yield found


LONG = "9" * 5_000  # more digits than Python reads
REQUESTS: dict[str, tuple[str, dict[str, Any], int]] = {
    "runs of a long view": ("runs/search", {"experiment_ids": ["0"], "run_view_type": LONG}, 200),
    "experiments of a long view": ("experiments/search", {"max_results": 1, "view_type": LONG}, 200),
    "metrics of many datasets": (
        "logged-models/search",
        {"experiment_ids": ["0"], "filter": "metrics.m > 1", "datasets": [{"dataset_name": "d"}] * 1_000},
        400,
    ),
    "metrics of some datasets": (
        "logged-models/search",
        {"experiment_ids": ["0"], "filter": "metrics.m > 1", "datasets": [{"dataset_name": "d"}] * 100},
        200,
    ),
}


@pytest.mark.parametrize(("path", "body", "status"), REQUESTS.values(), ids=REQUESTS)
def test_the_answer_is_no_fault(server: ServerInProcess, path: str, body: dict[str, Any], status: int) -> None:
    assert server.ask("POST", f"{API}/{path}", body).status == status


def test_the_tag_of_all_logged_models_does_not_grow_without_end(server: ServerInProcess) -> None:
    run = server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
    model = {"artifact_path": "a", "flavors": {"f": "x" * 900_000}, "run_id": run, "utc_time_created": "2026-01-01"}
    body = {"run_id": run, "model_json": json.dumps(model)}
    assert [server.ask("POST", f"{API}/runs/log-model", body).status for _ in range(4)] == [200, 200, 400, 400]


@pytest.mark.parametrize("count", [1_000, 1_001])
def test_a_run_has_so_many_inputs_at_a_time(server: ServerInProcess, count: int) -> None:
    run = server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
    datasets = [{"dataset": {"name": f"d{number}", "digest": "x"}} for number in range(count)]
    answer = server.ask("POST", f"{API}/runs/log-inputs", {"run_id": run, "datasets": datasets})
    assert answer.status == (200 if count == 1_000 else 400)
    found = server.get(f"runs/get?run_id={run}")["run"].get("inputs", {}).get("dataset_inputs", [])
    assert len(found) == (count if count == 1_000 else 0)


def test_curves_are_read_in_parts_and_an_answer_has_so_many_points(
    server: ServerInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ["b", "a", "c"]
    points = [{"key": key, "value": step, "timestamp": 1, "step": step} for key in keys for step in range(20)]
    runs = [server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"] for _ in range(3)]
    for run in runs:
        server.post("runs/log-batch", run_id=run, metrics=points)
    wanted = {"wanted": {"run_ids": [*runs, runs[0]], "keys": [*keys, "none", "b"], "points": 20}}
    path, order = "/api/2.0/mltrack/calls/metric_curves", [(run, key) for run in runs for key in keys]
    for at_once in (1, 40, 85, 1_000):
        monkeypatch.setattr(own_work, "AT_ONCE", at_once)
        found = server.ask("POST", path, wanted).value["answer"]
        assert [(each["run_id"], each["key"]) for each in found] == order
    monkeypatch.setattr(own_work, "MOST_ANSWERED", 100)
    assert server.ask("POST", path, wanted).status == 400


def test_few_large_bodies_are_read_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, now, most = json_body.read_object, [0], [0]

    def watched(body: bytes) -> dict[str, Any]:
        now[0] += 1
        most[0] = max(most[0], now[0])
        end = time.monotonic() + 60
        while most[0] < READERS and time.monotonic() < end:  # until as many have come as may
            time.sleep(0.001)
        time.sleep(0.02)
        now[0] -= 1
        return read(body)

    with closing(ServerInProcess(tmp_path)) as server:
        run = server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
        monkeypatch.setattr(message, "read_object", watched)
        body = {"run_id": run, "model_json": "x" * 200_000}
        answers = server.ask_together([("POST", f"{API}/runs/log-model", body)] * 8)
    assert {each.status for each in answers} == {400}  # the text is no JSON
    assert most[0] == READERS
