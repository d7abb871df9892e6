"""Requests that are sent to mltrack's server and to a real ``mlflow server`` alike, and what both must answer.

``{run}`` and its like stand for what ``prepared`` made on each of them. Where mltrack's server does better than
MLflow's on purpose, ``ours`` says what it answers: a status, and the error's code or None.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., tuple[int, Any]]

AJAX = "/ajax-api/2.0/mlflow/"
IV, RDNE = "INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"
REFUSED = (400, IV)
TAKEN = (400, "RESOURCE_ALREADY_EXISTS")
FINE = (200, None)
LONG = "x" * 251
POINT = {"run_id": "{run}", "key": "m", "value": 1.5, "timestamp": 7}
ORDERED: dict[str, Any] = {
    "experiment_ids": ["{experiment}"],
    "filter": "attributes.user_id = 'me'",
    "order_by": ["start_time ASC"],
}
DATASET = {"name": "d", "digest": "abc", "source_type": "local", "source": "{}", "schema": "{}", "profile": "{}"}


class Case(NamedTuple):
    """One request: a body is JSON, or bytes as they are."""

    method: str
    path: str
    body: Any = None
    ours: tuple[int, str | None] | None = None


def post(path: str, ours: tuple[int, str | None] | None = None, **fields: Any) -> Case:
    """Make a POST."""
    return Case("POST", path, fields, ours)


def get(path: str, ours: tuple[int, str | None] | None = None) -> Case:
    """Make a GET."""
    return Case("GET", path, None, ours)


def point(ours: tuple[int, str | None] | None = None, **fields: Any) -> Case:
    """Log a point that differs in some fields from one that may be logged."""
    return post("runs/log-metric", ours, **{**POINT, **fields})


def batch(ours: tuple[int, str | None] | None = None, **fields: Any) -> Case:
    """Log a batch."""
    return post("runs/log-batch", ours, run_id="{run}", **fields)


def points(count: int) -> list[dict[str, Any]]:
    """Make points of one metric."""
    return [{"key": "many", "value": 1.0, "timestamp": 1, "step": step} for step in range(count)]


def pairs(count: int, first: int = 0) -> list[dict[str, str]]:
    """Make params or tags."""
    return [{"key": f"k{number}", "value": "v"} for number in range(first, first + count)]


EXPERIMENTS = {
    "create": post("experiments/create", name="new", tags=[{"key": "a", "value": "b"}]),
    "create-taken": post("experiments/create", name="{name}"),
    "create-taken-by-a-deleted-one": post("experiments/create", name="{deleted_name}"),
    "create-without-name": post("experiments/create"),
    "create-empty-name": post("experiments/create", name=""),
    "create-null-name": post("experiments/create", name=None),
    "create-number": post("experiments/create", name=5),
    "create-long-name": post("experiments/create", name="n" * 501),
    "create-runs-place": post("experiments/create", name="p1", artifact_location="runs:/x/y"),
    "create-local-place": post("experiments/create", REFUSED, name="p2", artifact_location="/tmp/x"),
    "create-tags-text": post("experiments/create", name="p3", tags="x"),
    "get": get("experiments/get?experiment_id={experiment}"),
    "get-default": get("experiments/get?experiment_id=0"),
    "get-deleted": get("experiments/get?experiment_id={deleted_experiment}"),
    "get-unknown": get("experiments/get?experiment_id=987654"),
    "get-no-number": get("experiments/get?experiment_id=abc"),
    "get-nothing": get("experiments/get"),
    "by-name": get("experiments/get-by-name?experiment_name={name}"),
    "by-name-deleted": get("experiments/get-by-name?experiment_name={deleted_name}"),
    "by-name-unknown": get("experiments/get-by-name?experiment_name=nobody"),
    "by-name-nothing": get("experiments/get-by-name"),
    "search": post("experiments/search", max_results=1, filter="name LIKE '%r%'", order_by=["name"]),
    "search-get": get("experiments/search?max_results=2&filter=name%20%3D%20%27first%27"),
    "search-get-orders": get("experiments/search?max_results=1&order_by=name&order_by=experiment_id%20DESC"),
    "search-all": post("experiments/search", max_results=100, view_type="ALL", filter="name LIKE '%'"),
    "search-deleted": post("experiments/search", max_results=100, view_type="DELETED_ONLY"),
    "search-number": post("experiments/search", max_results=100, view_type=3),
    "search-none": post("experiments/search", max_results=100, filter="name = 'nobody'"),
    "search-without-size": post("experiments/search"),
    "search-size-0": post("experiments/search", max_results=0),
    "search-size-negative": post("experiments/search", max_results=-1),
    "search-size-large": post("experiments/search", max_results=50_001),
    "search-filter": post("experiments/search", max_results=5, filter="nothing = 'x'"),
    "search-order": post("experiments/search", max_results=5, order_by=["name sideways"]),
    "search-token": post("experiments/search", max_results=5, page_token="???"),
    "update": post("experiments/update", experiment_id="{other}", new_name="renamed"),
    "update-taken": post("experiments/update", TAKEN, experiment_id="{other}", new_name="{name}"),
    "update-unknown": post("experiments/update", experiment_id="987654", new_name="x"),
    "update-nothing": post("experiments/update", experiment_id="{other}"),
    "update-deleted": post("experiments/update", REFUSED, experiment_id="{deleted_experiment}", new_name="x"),
    "tag": post("experiments/set-experiment-tag", experiment_id="{experiment}", key="k", value="v"),
    "tag-empty": post("experiments/set-experiment-tag", experiment_id="{experiment}", key="k", value=""),
    "tag-without-value": post("experiments/set-experiment-tag", experiment_id="{experiment}", key="k"),
    "tag-long-key": post("experiments/set-experiment-tag", experiment_id="{experiment}", key=LONG, value="v"),
    "tag-long": post("experiments/set-experiment-tag", experiment_id="{experiment}", key="k", value="v" * 20_001),
    "tag-unknown": post("experiments/set-experiment-tag", experiment_id="987654", key="k", value="v"),
    "tag-deleted": post("experiments/set-experiment-tag", experiment_id="{deleted_experiment}", key="k", value="v"),
    "untag": post("experiments/delete-experiment-tag", experiment_id="{experiment}", key="tagged"),
    "untag-absent": post("experiments/delete-experiment-tag", experiment_id="{experiment}", key="absent"),
    "delete-unknown": post("experiments/delete", experiment_id="987654"),
    "delete-deleted": post("experiments/delete", experiment_id="{deleted_experiment}"),
    "restore-active": post("experiments/restore", experiment_id="{experiment}"),
    "delete": post("experiments/delete", experiment_id="{other}"),
    "restore": post("experiments/restore", experiment_id="{other}"),
    "datasets": Case("POST", AJAX + "experiments/search-datasets", {"experiment_ids": ["{experiment}"]}),
    "datasets-none": Case("POST", AJAX + "experiments/search-datasets", {"experiment_ids": []}),
    "datasets-many": Case("POST", AJAX + "experiments/search-datasets", {"experiment_ids": ["1"] * 21}),
    "datasets-unknown": Case("POST", AJAX + "experiments/search-datasets", {"experiment_ids": ["987654"]}),
}
RUNS = {
    "create": post("runs/create", experiment_id="{experiment}", user_id="me", start_time=5, tags=pairs(2)),
    "create-bare": post("runs/create", experiment_id="{experiment}"),
    "create-named": post("runs/create", experiment_id="{experiment}", run_name="name"),
    "create-named-by-tag": post(
        "runs/create", experiment_id="{experiment}", tags=[{"key": "mlflow.runName", "value": "name"}]
    ),
    "create-named-twice": post(
        "runs/create", experiment_id="{experiment}", run_name="x", tags=[{"key": "mlflow.runName", "value": "y"}]
    ),
    "create-text-time": post("runs/create", experiment_id="{experiment}", start_time="12"),
    "create-nulls": post("runs/create", experiment_id="{experiment}", run_name=None, tags=None),
    "create-tag-without-value": post("runs/create", experiment_id="{experiment}", tags=[{"key": "a", "value": None}]),
    "create-without-experiment": post("runs/create", FINE),
    "create-unknown": post("runs/create", experiment_id="987654"),
    "create-deleted": post("runs/create", experiment_id="{deleted_experiment}"),
    "create-number": post("runs/create", experiment_id=0),
    "create-time-text": post("runs/create", experiment_id="{experiment}", start_time="x"),
    "get": get("runs/get?run_id={full_run}"),
    "get-uuid": get("runs/get?run_uuid={run}"),
    "get-deleted": get("runs/get?run_id={deleted_run}"),
    "get-unknown": get("runs/get?run_id=nothing"),
    "get-odd": get("runs/get?run_id=%2e%2e%2f"),
    "get-nothing": get("runs/get"),
    "get-preview": get("/api/2.0/preview/mlflow/runs/get?run_id={run}", FINE),
    "get-ajax": get(AJAX + "runs/get?run_id={run}"),
    "update": post("runs/update", run_id="{run}", status="FINISHED", end_time=99),
    "update-uuid": post("runs/update", run_uuid="{run}", run_name="other"),
    "update-number": post("runs/update", run_id="{run}", status=4),
    "update-bogus": post("runs/update", run_id="{run}", status="BOGUS"),
    "update-bogus-number": post("runs/update", run_id="{run}", status=99),
    "update-nothing": post("runs/update", run_id="{run}"),
    "update-empty-name": post("runs/update", run_id="{run}", run_name=""),
    "update-unknown": post("runs/update", run_id="nothing", status="FINISHED"),
    "update-deleted": post("runs/update", run_id="{deleted_run}", status="FINISHED"),
    "update-time": post("runs/update", run_id="{run}", end_time="soon"),
    "update-killed": post("runs/update", run_id="{run}", status="KILLED", end_time=5),
    "delete-unknown": post("runs/delete", run_id="nothing"),
    "delete-again": post("runs/delete", run_id="{deleted_run}"),
    "restore-again": post("runs/restore", run_id="{run}"),
    "delete-nothing": post("runs/delete"),
    "search": post("runs/search", max_results=1, **ORDERED),
    "search-none": post("runs/search", experiment_ids=["{experiment}"], filter="metrics.x > 10"),
    "search-nowhere": post("runs/search"),
    "search-unknown": post("runs/search", experiment_ids=["987654"]),
    "search-deleted": post("runs/search", experiment_ids=["{experiment}"], run_view_type="DELETED_ONLY"),
    "search-filter": post("runs/search", experiment_ids=["{experiment}"], filter="nothing.x = 1"),
    "search-quoted": post("runs/search", experiment_ids=["{experiment}"], filter="metrics.x = 'a'"),
    "search-order": post("runs/search", experiment_ids=["{experiment}"], order_by=["metrics.m sideways"]),
    "search-orders": post(
        "runs/search", **{**ORDERED, "order_by": ["metrics.m DESC", "start_time ASC"]}, max_results=1
    ),
    "search-order-text": post("runs/search", experiment_ids=["{experiment}"], order_by="start_time"),
    "search-size-0": post("runs/search", experiment_ids=["{experiment}"], max_results=0),
    "search-size-large": post("runs/search", experiment_ids=["{experiment}"], max_results=50_001),
    "search-size-text": post("runs/search", experiment_ids=["{experiment}"], max_results="x"),
    "search-token": post("runs/search", experiment_ids=["{experiment}"], page_token="???"),
    "search-ids-text": post("runs/search", experiment_ids="{experiment}"),
}
LOGGED = {
    "point": point(),
    "point-of-two": post("runs/log-metric", run_uuid="{run}", key="m", value=2, timestamp=8),
    "point-true": point(value=True),
    "point-text": point(value="1.5"),
    "point-nan": point(value="NaN"),
    "point-infinite": point(value="-Infinity"),
    "point-bare-nan": Case("POST", "runs/log-metric", b'{"run_id":"{run}","key":"n","value":NaN,"timestamp":1}'),
    "point-time-text": point(timestamp="7"),
    "point-step-text": point(step="3"),
    "point-step-negative": point(step=-3),
    "point-step-null": point(step=None),
    "point-path": point(key="a/b c.d-e:f"),
    "point-word": point(value="abc"),
    "point-null": point(value=None),
    "point-huge": point(REFUSED, value=10**400),
    "point-time-negative": point(timestamp=-1),
    "point-time-half": point(REFUSED, timestamp=1.5),
    "point-step-large": point(REFUSED, step=2**63),
    "point-key-empty": point(key=""),
    "point-key-number": point(key=5),
    "point-key-long": point(key=LONG),
    "point-key-dots": point(key="../a"),
    "point-key-slash": point(key="/a"),
    "point-key-end": point(key="a/"),
    "point-key-odd": point(key="a$b"),
    "point-run-unknown": point(run_id="nothing"),
    "point-run-deleted": point(run_id="{deleted_run}"),
    "point-no-run": post("runs/log-metric", key="m", value=1, timestamp=1),
    "point-of-model": point(model_id="{model}", dataset_name="d", dataset_digest="abc"),
    "point-of-unknown-model": point((404, RDNE), model_id="m-" + "0" * 32),
    "param": post("runs/log-parameter", run_id="{run}", key="p", value="1"),
    "param-again": post("runs/log-parameter", run_id="{full_run}", key="p", value="1"),
    "param-changed": post("runs/log-parameter", run_id="{full_run}", key="p", value="2"),
    "param-empty": post("runs/log-parameter", run_id="{run}", key="empty", value=""),
    "param-without-value": post("runs/log-parameter", run_id="{run}", key="empty"),
    "param-long": post("runs/log-parameter", run_id="{run}", key="long", value="v" * 6001),
    "param-number": post("runs/log-parameter", run_id="{run}", key="n", value=1),
    "param-key": post("runs/log-parameter", run_id="{run}", key="a//b", value="1"),
    "param-unknown": post("runs/log-parameter", run_id="nothing", key="p", value="1"),
    "param-deleted": post("runs/log-parameter", run_id="{deleted_run}", key="p", value="1"),
    "tag": post("runs/set-tag", run_id="{run}", key="t", value="1"),
    "tag-again": post("runs/set-tag", run_id="{run}", key="t", value="2"),
    "tag-without-value": post("runs/set-tag", run_id="{run}", key="t"),
    "tag-long": post("runs/set-tag", run_id="{run}", key="long", value="v" * 8001),
    "tag-name": post("runs/set-tag", run_id="{run}", key="mlflow.runName", value="renamed"),
    "tag-list": post("runs/set-tag", run_id="{run}", key="t", value=["x"]),
    "tag-deleted": post("runs/set-tag", run_id="{deleted_run}", key="t", value="1"),
    "untag": post("runs/delete-tag", run_id="{full_run}", key="gone"),
    "untag-absent": post("runs/delete-tag", run_id="{run}", key="absent"),
    "untag-unknown": post("runs/delete-tag", run_id="nothing", key="t"),
    "batch": batch(metrics=points(3), params=pairs(2), tags=pairs(2)),
    "batch-empty": batch(),
    "batch-most": batch(metrics=points(800), params=pairs(100), tags=pairs(100)),
    "batch-metrics": batch(metrics=points(1001)),
    "batch-params": batch(params=pairs(101)),
    "batch-tags": batch(tags=pairs(101)),
    "batch-all": batch(metrics=points(999), params=pairs(2)),
    "batch-bytes": batch(REFUSED, tags=[{"key": "big", "value": "v" * 1_000_001}]),
    "batch-twice": batch(params=[{"key": "same", "value": "1"}, {"key": "same", "value": "1"}]),
    "batch-changed": post("runs/log-batch", run_id="{full_run}", params=[{"key": "p", "value": "9"}]),
    "batch-key": batch(metrics=[{"key": "a//b", "value": 1, "timestamp": 1}]),
    "batch-no-time": batch(metrics=[{"key": "a", "value": 1}]),
    "batch-no-value": batch(metrics=[{"key": "a", "timestamp": 1}]),
    "batch-no-key": batch(params=[{"value": "1"}]),
    "batch-text": batch(metrics="x"),
    "batch-unknown": post("runs/log-batch", run_id="nothing", metrics=points(1)),
    "batch-deleted": post("runs/log-batch", run_id="{deleted_run}", metrics=points(1)),
    "batch-no-run": post("runs/log-batch", metrics=points(1)),
    "inputs": post("runs/log-inputs", run_id="{run}", datasets=[{"dataset": DATASET, "tags": pairs(1)}]),
    "inputs-models": post("runs/log-inputs", run_id="{run}", models=[{"model_id": "{model}"}]),
    "inputs-none": post("runs/log-inputs", run_id="{run}"),
    "inputs-unknown": post("runs/log-inputs", run_id="nothing", datasets=[{"dataset": DATASET}]),
    "inputs-long": post("runs/log-inputs", run_id="{run}", datasets=[{"dataset": {**DATASET, "name": "n" * 501}}]),
    "inputs-bare": post("runs/log-inputs", REFUSED, run_id="{run}", datasets=[{"dataset": {"name": "d"}}]),
    "outputs": post("runs/outputs", run_id="{run}", models=[{"model_id": "{model}", "step": 2}]),
    "outputs-unknown": post("runs/outputs", run_id="nothing", models=[{"model_id": "{model}", "step": 0}]),
    "outputs-none": post("runs/outputs", run_id="{run}"),
    "log-model": post(
        "runs/log-model",
        run_id="{run}",
        model_json=json.dumps({"artifact_path": "m", "flavors": {}, "run_id": "r", "utc_time_created": "2020"}),
    ),
    "log-model-bad": post("runs/log-model", run_id="{run}", model_json="{"),
    "log-model-lacks": post("runs/log-model", run_id="{run}", model_json="{}"),
    "history": get("metrics/get-history?run_id={full_run}&metric_key=loss"),
    "history-page": get("metrics/get-history?run_id={full_run}&metric_key=loss&max_results=2"),
    "history-unknown": get("metrics/get-history?run_id={run}&metric_key=nothing"),
    "history-no-run": get("metrics/get-history?run_id=nothing&metric_key=loss"),
    "history-size-0": get("metrics/get-history?run_id={full_run}&metric_key=loss&max_results=0"),
    "history-token": get("metrics/get-history?run_id={full_run}&metric_key=loss&max_results=2&page_token=x"),
    "history-no-key": get("metrics/get-history?run_id={full_run}"),
    "bulk": get(AJAX + "metrics/get-history-bulk?run_id={full_run}&run_id={run}&metric_key=loss"),
    "bulk-most": get(AJAX + "metrics/get-history-bulk?run_id={full_run}&metric_key=loss&max_results=2"),
    "bulk-none": get(AJAX + "metrics/get-history-bulk?metric_key=loss"),
    "bulk-many": get(AJAX + "metrics/get-history-bulk?metric_key=loss" + "&run_id=r" * 101),
    "interval": get("metrics/get-history-bulk-interval?run_ids={full_run}&metric_key=loss&max_results=3"),
    "interval-steps": get(
        "metrics/get-history-bulk-interval?run_ids={full_run}&metric_key=loss&start_step=2&end_step=4"
    ),
    "interval-one": get("metrics/get-history-bulk-interval?run_ids={full_run}&metric_key=loss&start_step=2"),
    "interval-backwards": get(
        "metrics/get-history-bulk-interval?run_ids={full_run}&metric_key=loss&start_step=4&end_step=2"
    ),
    "interval-large": get("metrics/get-history-bulk-interval?run_ids={full_run}&metric_key=loss&max_results=2501"),
}
MODELS = {
    "create": post("logged-models", experiment_id="{experiment}", name="m", source_run_id="{run}", params=pairs(1)),
    "create-bare": post("logged-models", experiment_id="{experiment}"),
    "create-unknown": post("logged-models", experiment_id="987654"),
    "create-nothing": post("logged-models"),
    "create-slash": post("logged-models", experiment_id="{experiment}", name="a/b"),
    "create-dot": post("logged-models", experiment_id="{experiment}", name="a.b"),
    "get": get("logged-models/{full_model}"),
    "get-unknown": get("logged-models/m-" + "0" * 32),
    "get-odd": get("logged-models/x"),
    "finish": Case("PATCH", "logged-models/{model}", {"model_id": "{model}", "status": "LOGGED_MODEL_READY"}),
    "finish-number": Case("PATCH", "logged-models/{model}", {"model_id": "{model}", "status": 2}),
    "finish-nothing": Case("PATCH", "logged-models/{model}", {"model_id": "{model}"}),
    "tags": Case("PATCH", "logged-models/{model}/tags", {"tags": pairs(2)}),
    "tags-unknown": Case("PATCH", "logged-models/m-none/tags", {"tags": pairs(2)}),
    "untag": Case("DELETE", "logged-models/{full_model}/tags/gone", {}),
    "untag-absent": Case("DELETE", "logged-models/{full_model}/tags/absent", {}),
    "params": post("logged-models/{model}/params", params=pairs(2, 5), model_id="{model}"),
    "search": post("logged-models/search", experiment_ids=["{experiment}"]),
    "search-filter": post("logged-models/search", experiment_ids=["{experiment}"], filter="name = 'full'"),
    "search-bad": post("logged-models/search", experiment_ids=["{experiment}"], filter="nothing = 1"),
    "search-nowhere": post("logged-models/search"),
    "search-order": post(
        "logged-models/search",
        experiment_ids=["{experiment}"],
        order_by=[{"field_name": "metrics.acc", "ascending": False, "dataset_name": "d", "dataset_digest": "abc"}],
        max_results=1,
    ),
    "search-datasets": post(
        "logged-models/search",
        experiment_ids=["{experiment}"],
        datasets=[{"dataset_name": "d", "dataset_digest": "abc"}],
    ),
    "delete": Case("DELETE", "logged-models/{gone_model}", {}),
    "delete-unknown": Case("DELETE", "logged-models/m-none", {}),
}
WIRE = {
    "no-json": Case("POST", "runs/update", b"{"),
    "no-body": Case("POST", "runs/update", b""),
    "list": Case("POST", "runs/update", b"[1]", REFUSED),
    "text": Case("POST", "runs/update", b'"x"', REFUSED),
    "twice": Case("POST", "runs/set-tag", b'{"run_id":"{run}","key":"a","key":"b","value":"1"}', REFUSED),
    "unknown-page": get("runs/nothing"),
    "unknown-method": Case("GET", "runs/create"),
}
CASES = {
    f"{kind}-{name}": case
    for kind, cases in (
        ("experiments", EXPERIMENTS),
        ("runs", RUNS),
        ("logged", LOGGED),
        ("models", MODELS),
        ("wire", WIRE),
    )
    for name, case in cases.items()
}


def prepared(ask: Ask) -> dict[str, str]:
    """Make on a server what the cases name."""

    def made(path: str, **fields: Any) -> Any:
        status, answer = ask("POST", path, fields)
        assert status == 200, (path, answer)
        return answer

    names = {
        "name": "first",
        "deleted_name": "second",
        "other": made("experiments/create", name="third")["experiment_id"],
    }
    names["experiment"] = made("experiments/create", name=names["name"])["experiment_id"]
    names["deleted_experiment"] = made("experiments/create", name=names["deleted_name"])["experiment_id"]
    made("experiments/delete", experiment_id=names["deleted_experiment"])
    made("experiments/set-experiment-tag", experiment_id=names["experiment"], key="tagged", value="x")
    for start, name in enumerate(("run", "full_run", "deleted_run")):
        answer = made("runs/create", experiment_id=names["experiment"], run_name=name, user_id="me", start_time=start)
        names[name] = answer["run"]["info"]["run_id"]
    made("runs/delete", run_id=names["deleted_run"])
    for name in ("model", "full_model", "gone_model"):
        named = {"experiment_id": names["experiment"], "name": name.partition("_")[0], "source_run_id": names["run"]}
        tags = [{"key": "gone", "value": "x"}, {"key": "t", "value": "x"}]
        model = made("logged-models", **named, params=pairs(1), tags=tags, model_type="kind")
        names[name] = model["model"]["info"]["model_id"]
    _fill(made, names)
    return names


def _fill(made: Callable[..., Any], names: dict[str, str]) -> None:
    loss = [{"key": "loss", "value": 1 / (step + 1), "timestamp": 10 + step, "step": step} for step in range(6)]
    acc = {"key": "acc", "value": 0.5, "timestamp": 10, "step": 0, "model_id": names["full_model"]}
    acc |= {"dataset_name": "d", "dataset_digest": "abc"}
    tags = [{"key": "full", "value": "yes"}, {"key": "gone", "value": "x"}]
    made(
        "runs/log-batch", run_id=names["full_run"], metrics=[*loss, acc], params=[{"key": "p", "value": "1"}], tags=tags
    )
    context = [{"key": "mlflow.data.context", "value": "training"}]
    models = [{"model_id": names["full_model"]}]
    made("runs/log-inputs", run_id=names["full_run"], datasets=[{"dataset": DATASET, "tags": context}], models=models)
    made("runs/outputs", run_id=names["full_run"], models=[{"model_id": names["full_model"], "step": 1}])
    made("runs/update", run_id=names["full_run"], status="FINISHED", end_time=99)
