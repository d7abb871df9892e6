from __future__ import annotations

import json
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.http_answers import API
from tests.core.tracking_servers import running_server

from mltrack.entities import Metric
from mltrack.server.call import Call
from mltrack.server.logged import LogBatch, batch
from mltrack.store.connection import open_file
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.core.http_answers import Answer
    from tests.core.tracking_servers import RunningServer


IV = "INVALID_PARAMETER_VALUE"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def run(server: RunningServer) -> str:
    return str(made(server)["info"]["run_id"])


def made(server: RunningServer, **fields: Any) -> Any:
    return server.post("runs/create", experiment_id="0", **fields)["run"]


def said(server: RunningServer, run_id: str) -> dict[str, Any]:
    data: dict[str, Any] = server.get(f"runs/get?run_id={run_id}")["run"]["data"]
    return {kind: {each["key"]: each["value"] for each in data.get(kind, ())} for kind in ("metrics", "params", "tags")}


def code(answer: Answer) -> tuple[int, str | None]:
    return answer.status, answer.value.get("error_code")


POINTS = {
    "number": ({"value": 1.5}, 1.5),
    "whole": ({"value": 2}, 2.0),
    "true": ({"value": True}, 1.0),
    "text": ({"value": "1.5"}, 1.5),
    "nan": ({"value": "NaN"}, "NaN"),
    "bare-nan": ({"value": math.nan}, "NaN"),
    "infinite": ({"value": "Infinity"}, "Infinity"),
    "bare-infinite": ({"value": -math.inf}, "-Infinity"),
    "zero": ({"value": -0.0}, -0.0),
    "time-text": ({"value": 1, "timestamp": "7"}, 1.0),
    "time-whole": ({"value": 1, "timestamp": 7.0}, 1.0),
    "step-null": ({"value": 1, "step": None}, 1.0),
    "unknown-field": ({"value": 1, "later": {"a": [1]}}, 1.0),
    "text-value": ({"value": "abc"}, None),
    "no-value": ({}, None),
    "null-value": ({"value": None}, None),
    "huge-value": ({"value": 10**400}, None),
    "time-negative": ({"value": 1, "timestamp": -1}, None),
    "time-half": ({"value": 1, "timestamp": 1.5}, None),
    "time-large": ({"value": 1, "timestamp": 2**63}, None),
    "step-large": ({"value": 1, "step": 2**63}, None),
    "step-text": ({"value": 1, "step": "x"}, None),
    "key-empty": ({"value": 1, "key": ""}, None),
    "key-path": ({"value": 1, "key": "../a"}, None),
    "key-number": ({"value": 1, "key": 5}, None),
}


@pytest.mark.parametrize(("fields", "kept"), POINTS.values(), ids=POINTS)
@pytest.mark.parametrize("is_batch", [False, True], ids=["alone", "batch"])
def test_a_point_is_kept_or_refused(
    server: RunningServer, run: str, fields: dict[str, Any], kept: object, *, is_batch: bool
) -> None:
    given = {"key": "m", "timestamp": 7, **fields}
    path, body = (
        ("log-batch", {"run_id": run, "metrics": [given]}) if is_batch else ("log-metric", {"run_id": run, **given})
    )
    answer = server.ask("POST", f"{API}/runs/{path}", json.dumps(body).encode(), Content_Type="application/json")
    assert code(answer) == ((200, None) if kept is not None else (400, IV))
    assert said(server, run)["metrics"] == ({} if kept is None else {"m": kept})


def test_a_run_that_is_made_twice_by_its_id_is_there_once(server: RunningServer) -> None:
    asked = {"run_id": "f" * 32, "tags": [{"key": "a", "value": "b"}], "start_time": 5}
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: made(server, **asked)["info"], range(8)))
    assert answers.count(answers[0]) == 8
    assert answers[0]["run_id"] == "f" * 32
    found = server.post("runs/search", experiment_ids=["0"], filter=f"run_id = '{'f' * 32}'")["runs"]
    assert len(found) == 1


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"experiment_id": "{other}", "run_id": "e" * 32}, (400, "RESOURCE_ALREADY_EXISTS")),
        ({"experiment_id": "0", "run_id": "../x"}, (400, IV)),
        ({"experiment_id": "0", "run_id": ""}, (200, None)),
    ],
    ids=["elsewhere", "odd", "empty"],
)
def test_an_id_that_cannot_be_chosen(server: RunningServer, fields: dict[str, str], outcome: object) -> None:
    made(server, run_id="e" * 32)
    found = server.ask("GET", f"{API}/experiments/get-by-name?experiment_name=other")
    if found.status == 404:
        server.post("experiments/create", name="other")
        found = server.ask("GET", f"{API}/experiments/get-by-name?experiment_name=other")
    other = found.value["experiment"]["experiment_id"]
    place = fields["experiment_id"].replace("{other}", other)
    assert code(server.ask("POST", f"{API}/runs/create", {**fields, "experiment_id": place})) == outcome


def test_a_run_over_the_wire_has_no_owner_so_that_nobody_takes_it_for_dead(server: RunningServer, run: str) -> None:
    store = SqliteStore(server_path(server))
    owner = store._database.read(lambda c: c.execute("SELECT owner FROM runs WHERE uuid = ?", (run,)).fetchone()[0])
    assert owner is None


def server_path(server: RunningServer) -> Path:
    return server.log.with_name("mltrack.db")


BATCHES = {
    "unknown-run": {"run_id": "nothing", "metrics": [{"key": "m", "value": 1, "timestamp": 1}]},
    "changed-param": {"params": [{"key": "p", "value": "2"}], "metrics": [{"key": "m", "value": 1, "timestamp": 1}]},
    "param-twice": {"params": [{"key": "q", "value": "1"}] * 2},
    "bad-key-last": {"tags": [{"key": "t", "value": "1"}, {"key": "a//b", "value": "1"}]},
    "too-many": {"metrics": [{"key": "m", "value": 1, "timestamp": 1}] * 1001},
    "unknown-model": {"metrics": [{"key": "m", "value": 1, "timestamp": 1, "model_id": "m-0"}]},
}


@pytest.mark.parametrize("fields", BATCHES.values(), ids=BATCHES)
def test_a_refused_batch_leaves_nothing(server: RunningServer, run: str, fields: dict[str, Any]) -> None:
    server.post("runs/log-parameter", run_id=run, key="p", value="1")
    before = said(server, run)
    answer = server.ask("POST", f"{API}/runs/log-batch", {"run_id": run, **fields})
    assert answer.status in (400, 404)
    assert said(server, run) == before


def test_health_is_answered_while_the_store_is_locked(server: RunningServer, run: str) -> None:
    holder = open_file(server_path(server))
    holder.execute("BEGIN IMMEDIATE")
    done: list[object] = []
    threads = [
        threading.Thread(target=lambda: done.append(server.post("runs/set-tag", run_id=run, key="k"))) for _ in range(4)
    ]
    for each in threads:
        each.start()
    try:
        for _ in range(20):
            assert server.ask("GET", "/health").status == 200
        assert not done
    finally:
        holder.rollback()
        holder.close()
    for each in threads:
        each.join(120)
    assert done == [{}] * 4


def test_a_batch_makes_the_points_of_the_store() -> None:
    body = {
        "run_id": "r",
        "metrics": [{"key": "m", "value": 1, "timestamp": "2", "step": 3, "model_id": "", "dataset_name": "d"}],
        "params": [{"key": "p", "value": None}],
    }
    request = LogBatch.read(json.dumps(body).encode())
    found = batch(Call(None, request))  # type: ignore[arg-type] # it looks at the request only
    assert found.metrics == (Metric("m", 1.0, 2, 3, None, "d"),)
    assert type(found.metrics[0]) is Metric
    assert [(each.key, each.value) for each in found.params] == [("p", "")]


def test_a_history_is_read_page_by_page_while_points_come_in(server: RunningServer, run: str) -> None:
    server.post(
        "runs/log-batch",
        run_id=run,
        metrics=[{"key": "m", "value": n, "timestamp": n // 3, "step": n} for n in range(10)],
    )
    seen: list[int] = []
    path = f"metrics/get-history?run_id={run}&metric_key=m&max_results=4"
    token = ""
    while True:
        page = server.get(f"{path}{token}")
        seen += [each["step"] for each in page["metrics"]]
        if "next_page_token" not in page:
            break
        token = f"&page_token={page['next_page_token']}"
        server.post(
            "runs/log-metric", run_id=run, key="m", value=0.5, timestamp=0, step=100 + len(seen)
        )  # before the page
    assert seen == list(range(10))


def test_thinned_histories_keep_their_ends(server: RunningServer, run: str) -> None:
    steps = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 50, 51, 1000]
    server.post(
        "runs/log-batch", run_id=run, metrics=[{"key": "m", "value": 1, "timestamp": 1, "step": n} for n in steps]
    )

    def asked(size: int, more: str = "") -> list[int]:
        answer = server.get(f"metrics/get-history-bulk-interval?run_ids={run}&metric_key=m&max_results={size}{more}")
        return [each["step"] for each in answer["metrics"]]

    assert asked(100) == steps
    assert asked(1) == [1000]
    assert asked(2) == [0, 1000]
    thinned = asked(5)
    assert (thinned[0], thinned[-1], len(thinned)) == (0, 1000, 5)
    assert asked(100, "&start_step=2&end_step=5") == [2, 3, 4, 5]


REFUSED = {
    "size-0": "runs/search max_results=0",
    "size-large": "runs/search max_results=50001",
    "size-1e9": "experiments/search max_results=1000000000",
    "size-text": "experiments/search max_results=x",
    "get-size": "GET experiments/search?max_results=0",
    "get-twice": "GET runs/get?run_id=a&run_id=b",
    "get-many": "GET runs/get?" + "a=1&" * 2001,
    "get-utf8": "GET runs/get?run_id=%ff",
    "bulk-size": "GET metrics/get-history-bulk?run_id=x&metric_key=m&max_results=1e9",
    "bulk-runs": "GET metrics/get-history-bulk?metric_key=m" + "&run_id=r" * 101,
    "place-local": "experiments/create name=p artifact_location=/etc",
    "place-file": "experiments/create name=p artifact_location=file:///etc",
    "place-memory": "experiments/create name=p artifact_location=memory://x/y",
    "place-runs": "experiments/create name=p artifact_location=runs:/x",
    "place-http": "experiments/create name=p artifact_location=http://127.0.0.1/x",
}


@pytest.mark.parametrize("asked", REFUSED.values(), ids=REFUSED)
def test_requests_that_are_refused(server: RunningServer, asked: str) -> None:
    first, *rest = asked.split()
    if first == "GET":
        answer = server.ask("GET", f"{API}/{rest[0]}")
    else:
        fields = dict(each.split("=", 1) for each in rest)
        answer = server.ask("POST", f"{API}/{first}", fields)
    assert code(answer) == (400, IV)


def test_a_place_in_an_object_store_is_shown_and_left_to_callers(server: RunningServer) -> None:
    made_id = server.post("experiments/create", name="far", artifact_location="s3://bucket/far")["experiment_id"]
    assert server.get(f"experiments/get?experiment_id={made_id}")["experiment"]["name"] == "far"


def test_models_that_old_clients_log_are_kept_in_a_list(server: RunningServer, run: str) -> None:
    for name in ("first", "second"):
        model: dict[str, Any] = {"artifact_path": name, "flavors": {}, "run_id": run, "utc_time_created": "2020"}
        server.post("runs/log-model", run_id=run, model_json=json.dumps(model))
    history = json.loads(said(server, run)["tags"]["mlflow.log-model.history"])
    assert [each["artifact_path"] for each in history] == ["first", "second"]


def test_secrets_are_masked_before_they_are_kept(server: RunningServer, run: str) -> None:
    server.post(
        "runs/log-batch",
        run_id=run,
        params=[{"key": "password", "value": "hunter2"}],
        tags=[{"key": "api_key", "value": "abcdef123456"}],
    )
    kept = said(server, run)
    assert kept["params"]["password"] == kept["tags"]["api_key"] == "[masked]"
