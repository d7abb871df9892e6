"""What users of MLflow do with a tracking server; run by the real mlflow's Python, with the server in its environment.

Each flow gives what it found, without ids and times, so that what two servers gave can be compared.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
import traceback
from pathlib import Path
from typing import Any

FLOWS = (
    "fluent",
    "nested",
    "batch",
    "numbers",
    "lifecycle",
    "experiments",
    "errors",
    "inputs",
    "tags",
    "params",
    "names",
    "resume",
    "autolog",
    "asynchronous",
    "long_texts",
)


def code_of(work: Any, *arguments: Any, **options: Any) -> str:
    """Give the error code that a call fails with."""
    from mlflow.exceptions import MlflowException

    try:
        work(*arguments, **options)
    except MlflowException as error:
        return f"{error.error_code} {error.get_http_status_code()}"
    return "none"


def fresh(name: str) -> str:
    """Choose an experiment of a flow's own."""
    import mlflow

    return str(mlflow.set_experiment(name).experiment_id)


def fluent(name: str) -> Any:
    """Log this and that with the fluent API."""
    import mlflow

    fresh(name)
    with mlflow.start_run(run_name="first", tags={"team": "a"}, description="words") as run:
        mlflow.log_param("C", 0.5)
        mlflow.log_params({"a": 1, "b": None})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"x": 1.5, "y": 2}, step=3)
        mlflow.set_tags({"k": "v"})
    found = mlflow.get_run(run.info.run_id)
    frame = mlflow.search_runs()
    tags = {key: value for key, value in found.data.tags.items() if key in ("team", "k", "mlflow.note.content")}
    return {
        "metrics": found.data.metrics,
        "params": found.data.params,
        "tags": tags,
        "status": found.info.status,
        "name": found.info.run_name,
        "ended": found.info.end_time >= found.info.start_time,
        "columns": sorted(column for column in frame.columns if "mlflow." not in column),
        "rows": len(frame),
        "uri": found.info.artifact_uri.startswith("mlflow-artifacts:/"),
    }


def nested(name: str) -> Any:
    """Nest runs."""
    import mlflow

    fresh(name)
    with mlflow.start_run(run_name="parent") as parent:
        for number in range(3):
            with mlflow.start_run(run_name=f"child {number}", nested=True):
                mlflow.log_metric("m", number)
    found = mlflow.search_runs(filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    return sorted(found["tags.mlflow.runName"])


def batch(name: str) -> Any:
    """Log batches, also ones that are refused."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag

    client = MlflowClient()
    run = client.create_run(fresh(name)).info.run_id
    client.log_batch(run, [Metric("m", number / 7, number, number) for number in range(1000)])
    client.log_batch(run, params=[Param(f"p{number}", str(number)) for number in range(100)])
    client.log_batch(run, tags=[RunTag(f"t{number}", "x") for number in range(100)])
    refused = [
        code_of(client.log_batch, run, [Metric("new", 1, 1, 1)], [Param("p1", "other")]),
        code_of(client.log_batch, "0" * 32, [Metric("new", 1, 1, 1)]),
    ]
    data = client.get_run(run).data
    return [len(data.params), sum(key.startswith("t") for key in data.tags), data.metrics, refused]


def numbers(name: str) -> Any:
    """Log odd numbers."""
    from mlflow import MlflowClient

    client = MlflowClient()
    run = client.create_run(fresh(name)).info.run_id
    for key, value in {"nan": math.nan, "tiny": 5e-324, "large": 1.7e308, "negative": -2.5}.items():
        client.log_metric(run, key, value)
    client.log_metric(run, "step", 1.0, step=-(2**62), timestamp=2**62)
    client.log_metric(run, "same", 1.0, step=1, timestamp=5)
    client.log_metric(run, "same", 1.0, step=1, timestamp=5)
    client.log_metric(run, "latest", 3.0, step=2, timestamp=5)
    client.log_metric(run, "latest", 9.0, step=1, timestamp=6)
    found = {key: repr(value) for key, value in client.get_run(run).data.metrics.items()}
    (step,) = client.get_metric_history(run, "step")
    return [found, step.step, step.timestamp, len(client.get_metric_history(run, "same"))]


def lifecycle(name: str) -> Any:
    """Delete and restore runs and experiments."""
    from mlflow import MlflowClient
    from mlflow.entities import ViewType

    client, place = MlflowClient(), fresh(name)
    run = client.create_run(place).info.run_id
    found: list[Any] = []

    def look() -> None:
        counts = [len(client.search_runs([place], run_view_type=view)) for view in (1, 2, ViewType.ALL)]
        stage = client.get_experiment(place).lifecycle_stage
        found.append([client.get_run(run).info.lifecycle_stage, stage, counts])

    client.delete_run(run)
    look()
    found.append(code_of(client.log_metric, run, "m", 1))
    client.restore_run(run)
    look()
    client.delete_experiment(place)
    look()
    found += [code_of(client.create_run, place), code_of(client.delete_experiment, place)]
    client.restore_experiment(place)
    look()
    return found


def experiments(name: str) -> Any:
    """Make, rename and tag experiments."""
    from mlflow import MlflowClient

    client = MlflowClient()
    place = client.create_experiment(name, tags={"a": "1"})
    client.set_experiment_tag(place, "b", "2")
    client.rename_experiment(place, f"{name} renamed")
    found = client.get_experiment_by_name(f"{name} renamed")
    codes = [
        code_of(client.create_experiment, f"{name} renamed"),
        code_of(client.create_experiment, ""),
        code_of(client.get_experiment, "98765"),
        code_of(client.rename_experiment, "98765", "x"),
    ]
    client.delete_experiment_tag(place, "a")
    tags = client.get_experiment(place).tags
    return [
        found.tags,
        tags,
        found.lifecycle_stage,
        client.get_experiment_by_name("nobody"),
        codes,
        client.get_experiment("0").name,
    ]


def errors(name: str) -> Any:
    """Do what is refused."""
    from mlflow import MlflowClient

    client = MlflowClient()
    run = client.create_run(fresh(name)).info.run_id
    client.log_param(run, "p", "1")
    return [
        code_of(client.get_run, "nothing"),
        code_of(client.log_param, run, "p", "2"),
        code_of(client.log_metric, run, "a//b", 1),
        code_of(client.log_metric, run, "m", 1, timestamp=-1),
        code_of(client.set_tag, run, "x" * 251, "1"),
        code_of(client.delete_tag, run, "absent"),
        code_of(client.search_runs, ["0"], max_results=50_001),
        code_of(client.search_runs, ["0"], page_token="???"),
        code_of(client.get_metric_history, "nothing", "m"),
        code_of(client.create_run, "98765"),
        code_of(client.get_logged_model, "m-" + "0" * 32),
    ]


def inputs(name: str) -> Any:
    """Note what a run read."""
    import mlflow
    import pandas as pd

    fresh(name)
    data = mlflow.data.from_pandas(pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]}), name="data", targets="b")
    with mlflow.start_run() as run:
        mlflow.log_input(data, context="training", tags={"x": "y"})
        mlflow.log_input(data, context="training")
    (found,) = mlflow.get_run(run.info.run_id).inputs.dataset_inputs
    said = found.dataset
    tags = {tag.key: tag.value for tag in found.tags}
    return [said.name, said.digest, said.source_type, json.loads(said.schema), json.loads(said.profile), tags]


def tags(name: str) -> Any:
    """Set, overwrite and delete tags."""
    from mlflow import MlflowClient

    client = MlflowClient()
    run = client.create_run(fresh(name), tags={"a": "1"}).info.run_id
    client.set_tag(run, "a", "2")
    client.set_tag(run, "b/c d", "ü ✓")
    client.set_tag(run, "mlflow.runName", "renamed")
    client.delete_tag(run, "a")
    found = client.get_run(run)
    return [found.info.run_name, found.data.tags]


def params(name: str) -> Any:
    """Log params twice."""
    from mlflow import MlflowClient

    client = MlflowClient()
    run = client.create_run(fresh(name)).info.run_id
    for number, value in enumerate(("", "1", True, [1, 2], {"a": 1})):
        client.log_param(run, f"p{number}", value)
    client.log_param(run, "p1", "1")
    return client.get_run(run).data.params


def names(name: str) -> Any:
    """Name runs."""
    from mlflow import MlflowClient

    client, place = MlflowClient(), fresh(name)
    bare = client.create_run(place)
    both = client.create_run(place, run_name="x", tags={"mlflow.runName": "x"})
    client.update_run(both.info.run_id, name="y")
    found = client.get_run(both.info.run_id)
    invented = bool(bare.info.run_name) and bare.data.tags["mlflow.runName"] == bare.info.run_name
    return [
        invented,
        found.info.run_name,
        found.data.tags,
        code_of(client.create_run, place, run_name="a", tags={"mlflow.runName": "b"}),
    ]


def resume(name: str) -> Any:
    """Take a run up again."""
    import mlflow

    fresh(name)
    with mlflow.start_run() as first:
        mlflow.log_metric("m", 1, step=1)
    with mlflow.start_run(run_id=first.info.run_id):
        mlflow.log_metric("m", 2, step=2)
    found = mlflow.get_run(first.info.run_id)
    return [
        found.info.status,
        found.data.metrics,
        len(mlflow.MlflowClient().get_metric_history(first.info.run_id, "m")),
    ]


def autolog(name: str) -> Any:
    """Fit with autologging; models are another file's."""
    import mlflow
    from sklearn.linear_model import LogisticRegression

    fresh(name)
    mlflow.sklearn.autolog(log_models=False, silent=True)
    try:
        LogisticRegression(C=0.5).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    finally:
        mlflow.sklearn.autolog(disable=True)
    run = mlflow.last_active_run()
    return [run.info.status, sorted(run.data.metrics), run.data.params["C"], len(run.inputs.dataset_inputs)]


def asynchronous(name: str) -> Any:
    """Log from the client's threads."""
    import mlflow

    fresh(name)
    with mlflow.start_run() as run:
        waits = [mlflow.log_metric("m", number, step=number, synchronous=False) for number in range(50)]
        waits.append(mlflow.log_param("p", "1", synchronous=False))
        for each in waits:
            each.wait()
    client = mlflow.MlflowClient()
    return [len(client.get_metric_history(run.info.run_id, "m")), client.get_run(run.info.run_id).data.params]


def long_texts(name: str) -> Any:
    """Log texts that are too long."""
    from mlflow import MlflowClient

    client = MlflowClient()
    run = client.create_run(fresh(name)).info.run_id
    client.set_tag(run, "long", "x" * 9000)
    client.log_param(run, "long", "x" * 7000)
    data = client.get_run(run).data
    return [len(data.tags["long"]), len(data.params["long"]), data.tags["long"][:7000] == "x" * 7000]


def main(path: Path) -> None:
    """Run the flows of this file and of those beside it, and write what each found, or how it failed."""
    found = {}
    sys.path.insert(0, str(Path(__file__).parents[2]))
    for file in ("server_flows", "server_search_flows"):
        module = importlib.import_module(f"tests.interop.{file}")
        for name in module.FLOWS:
            try:
                found[name] = getattr(module, name)(f"flow {name}")
            except Exception:
                found[name] = {"failed": traceback.format_exc()[-1500:]}
    path.write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
