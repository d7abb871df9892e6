"""What users of MLflow read of a tracking server: histories, searches, logged models; see ``server_flows``."""

from __future__ import annotations

from typing import Any

from tests.interop.server_flows import code_of, fresh

FLOWS = (
    "history",
    "paging",
    "filters",
    "orders",
    "experiment_search",
    "logged_models",
    "model_search",
)


def history(name: str) -> Any:
    """Read a long history."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    client = MlflowClient()
    run = client.create_run(fresh(name)).info.run_id
    for start in range(0, 3000, 1000):
        client.log_batch(run, [Metric("m", number, 10_000 - number, number) for number in range(start, start + 1000)])
    found = client.get_metric_history(run, "m")
    return [
        len(found),
        [(each.step, each.value, each.timestamp) for each in found[:3]],
        client.get_metric_history(run, "x"),
    ]


def paging(name: str) -> Any:
    """Read many runs page by page."""
    from mlflow import MlflowClient

    client, place = MlflowClient(), fresh(name)
    runs = {client.create_run(place, start_time=7).info.run_id for _ in range(25)}
    seen, sizes, token = [], [], None
    while True:
        page = client.search_runs([place], max_results=10, page_token=token)
        seen += [run.info.run_id for run in page]
        sizes.append(len(page))
        token = page.token
        if not token:
            return [sizes, set(seen) == runs, len(seen)]


def _several(name: str) -> tuple[Any, str]:
    from mlflow import MlflowClient

    client, place = MlflowClient(), fresh(name)
    for number in range(6):
        run = client.create_run(place, run_name=f"r{number}", start_time=number, tags={"odd": str(number % 2)})
        client.log_metric(run.info.run_id, "m", number / 2)
        if number > 2:
            client.log_param(run.info.run_id, "p", f"v{number}")
        client.set_terminated(run.info.run_id, "FINISHED" if number else "FAILED", end_time=100 + number)
    return client, place


def filters(name: str) -> Any:
    """Search by filters, good and bad."""
    client, place = _several(name)
    good = [
        "metrics.m > 1",
        "metrics.m >= 1 and metrics.m != 2",
        "params.p = 'v4'",
        "params.p LIKE 'v%' AND tags.odd = '1'",
        "params.p ILIKE 'V5'",
        "params.p IS NULL",
        "attributes.status = 'FAILED'",
        "run_name = 'r3'",
        "start_time > 2 and start_time <= 4",
        "tags.\"odd\" = '0'",
        "tags.`odd` != '0'",
        "",
    ]
    bad = ["metrics.m > 'a'", "nothing.x = 1", "metrics.m LIKE 'x'", "a b c", "metrics.m > 1 OR metrics.m < 0 (("]
    found = {text: [run.info.run_name for run in client.search_runs([place], text)] for text in good}
    return [found, {text: code_of(client.search_runs, [place], text) for text in bad}]


def orders(name: str) -> Any:
    """Search in orders."""
    client, place = _several(name)
    keys = ["metrics.m DESC", "params.p", "params.p DESC", "start_time ASC", "attributes.run_name DESC", "tags.odd"]
    found = {
        key: [run.info.run_name for run in client.search_runs([place], order_by=[key, "end_time"])] for key in keys
    }
    return [found, code_of(client.search_runs, [place], order_by=["metrics.m sideways"])]


def experiment_search(name: str) -> Any:
    """Search experiments."""
    from mlflow import MlflowClient
    from mlflow.entities import ViewType

    client = MlflowClient()
    for number in range(5):
        place = client.create_experiment(f"{name} {number}", tags={"odd": str(number % 2)})
        if number == 4:
            client.delete_experiment(place)
    like = f"name LIKE '{name} %'"
    page = client.search_experiments(filter_string=like, max_results=3, order_by=["name DESC"])
    rest = client.search_experiments(filter_string=like, max_results=3, order_by=["name DESC"], page_token=page.token)
    every = client.search_experiments(ViewType.ALL, filter_string=f"{like} AND tags.odd = '0'")
    return [
        [each.name for each in page],
        [each.name for each in rest],
        sorted(each.name for each in every),
        code_of(client.search_experiments, filter_string="nothing = 'x'"),
    ]


def logged_models(name: str) -> Any:
    """Make a logged model and write to it."""
    from mlflow import MlflowClient

    client, place = MlflowClient(), fresh(name)
    run = client.create_run(place).info.run_id
    model = client.create_logged_model(place, "m", run, {"t": "1"}, {"p": "2"}, "kind")
    before = str(model.status)
    client.finalize_logged_model(model.model_id, "READY")
    client.set_logged_model_tags(model.model_id, {"u": "3"})
    client.delete_logged_model_tag(model.model_id, "t")
    client.log_metric(run, "acc", 0.5, model_id=model.model_id)
    found = client.get_logged_model(model.model_id)
    client.delete_logged_model(model.model_id)
    metrics = [(each.key, each.value, each.run_id == run) for each in found.metrics]
    return [
        before,
        str(found.status),
        found.name,
        found.tags,
        found.params,
        found.model_type,
        metrics,
        found.source_run_id == run,
        code_of(client.get_logged_model, model.model_id),
        code_of(client.create_logged_model, place, "a/b"),
    ]


def model_search(name: str) -> Any:
    """Search logged models."""
    from mlflow import MlflowClient

    client, place = MlflowClient(), fresh(name)
    run = client.create_run(place).info.run_id
    for number in range(4):
        model = client.create_logged_model(place, f"m{number}", run, params={"p": str(number % 2)})
        client.log_metric(run, "acc", number / 4, model_id=model.model_id)
        client.finalize_logged_model(model.model_id, "READY")
    best = client.search_logged_models(
        [place], order_by=[{"field_name": "metrics.acc", "ascending": False}], max_results=2
    )
    return [
        [each.name for each in best],
        bool(best.token),
        [each.name for each in client.search_logged_models([place], "name = 'm2'")],
        sorted(each.name for each in client.search_logged_models([place], "params.p = '1' AND metrics.acc > 0.3")),
        code_of(client.search_logged_models, [place], "nothing = 1"),
    ]
