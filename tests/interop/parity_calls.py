"""The same calls through ``mlflow`` or ``mltrack``, printed as JSON: ``python parity_calls.py MODULE FOLDER``.

What differs by nature is made alike first: run ids become ``run-1``, ``run-2``…, invented names and times are left out,
artifact places become relative. An error is its ``error_code``.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ml: Any = importlib.import_module(sys.argv[1])
entities: Any = importlib.import_module(f"{sys.argv[1]}.entities")
FOLDER = Path(sys.argv[2])
MLFLOW_ERROR = ml.MlflowException if hasattr(ml, "MlflowException") else ml.exceptions.MlflowException

results: dict[str, Any] = {}
run_ids: dict[str, str] = {}
SYSTEM_TAGS = ("mlflow.user", "mlflow.source.name", "mlflow.source.type", "mlflow.source.git.commit")


def plain(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value) if not math.isfinite(value) else value
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in sorted(value.items()) if key not in SYSTEM_TAGS}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, str):
        text = value.replace(f"file://{FOLDER}", "").replace(str(FOLDER), "")
        text = re.sub(r"^/?(mlruns|mlartifacts)", "ROOT", text)
        for number, run_id in enumerate(run_ids.values(), start=1):
            text = text.replace(run_id, f"run-{number}")
        return text
    if value is None or isinstance(value, (int, bool)):
        return value
    return str(value)


def run_shape(run: Any) -> Any:
    info = run.info
    return plain(
        {
            "id": info.run_id,
            "uuid": info.run_uuid if hasattr(info, "run_uuid") else info.run_id,
            "name": info.run_name,
            "experiment": info.experiment_id,
            "status": info.status,
            "stage": info.lifecycle_stage,
            "ended": info.end_time is not None,
            "artifacts": info.artifact_uri,
            "metrics": run.data.metrics,
            "params": run.data.params,
            "tags": run.data.tags,
            "inputs": [
                [each.dataset.name, each.dataset.digest, {tag.key: tag.value for tag in each.tags}]
                for each in (run.inputs.dataset_inputs if run.inputs else [])
            ],
        }
    )


def experiment_shape(experiment: Any) -> Any:
    return plain(
        {
            "id": experiment.experiment_id,
            "name": experiment.name,
            "stage": experiment.lifecycle_stage,
            "place": experiment.artifact_location,
            "tags": experiment.tags,
        }
    )


def call(name: str, work: Callable[..., Any]) -> Any:
    """Do one call; keep what it gave or the code of its error."""
    try:
        found = work()
    except MLFLOW_ERROR as error:
        results[name] = {"error": error.error_code}
        return None
    results[name] = plain(found) if not hasattr(found, "info") else run_shape(found)
    return found


os.chdir(FOLDER)
ml.set_tracking_uri(f"sqlite:///{FOLDER}/store.db")
client = ml.MlflowClient() if hasattr(ml, "MlflowClient") else ml.tracking.MlflowClient()


def experiments() -> None:
    call("create experiment", lambda: client.create_experiment("one", tags={"team": "a"}))
    call("create experiment again", lambda: client.create_experiment("one"))
    call("create experiment without a name", lambda: client.create_experiment(""))
    call("create experiment with a long name", lambda: client.create_experiment("x" * 501))
    call("get experiment", lambda: experiment_shape(client.get_experiment("1")))
    call("get experiment by name", lambda: experiment_shape(client.get_experiment_by_name("one")))
    call("get experiment that is not", lambda: client.get_experiment("77"))
    call("get experiment by a name that is not", lambda: client.get_experiment_by_name("none"))
    time.sleep(0.01)  # of experiments that were made in one millisecond the first comes first in searches
    call("create a second", lambda: client.create_experiment("two"))
    call("set experiment tag", lambda: client.set_experiment_tag("1", "stage", "dev"))
    call("set experiment tag with a long key", lambda: client.set_experiment_tag("1", "k" * 251, "dev"))
    call("rename experiment", lambda: client.rename_experiment("2", "deux"))
    call("rename experiment that is not", lambda: client.rename_experiment("77", "x"))
    call("delete experiment", lambda: client.delete_experiment("2"))
    call("delete experiment again", lambda: client.delete_experiment("2"))
    call("create one with a deleted one's name", lambda: client.create_experiment("deux"))
    call("run in a deleted experiment", lambda: client.create_run("2"))
    view = entities.ViewType
    for name, kind in (("active", view.ACTIVE_ONLY), ("deleted", view.DELETED_ONLY), ("all", view.ALL)):
        call(f"search experiments, {name}", lambda kind=kind: [
            experiment_shape(each) for each in client.search_experiments(view_type=kind)
        ])  # fmt: skip
    call("restore experiment", lambda: client.restore_experiment("2"))
    call("restore experiment again", lambda: client.restore_experiment("2"))
    for text in (
        "name = 'one'",
        "name LIKE 'd%'",
        "tags.stage = 'dev'",
        "name ILIKE 'ONE'",
        "nothing = 'x'",
        "name > 'a'",
    ):
        call(f"search experiments by {text}", lambda text=text: [
            each.name for each in client.search_experiments(filter_string=text, order_by=["name ASC"])
        ])  # fmt: skip


def runs() -> str:
    run = client.create_run("1", run_name="first", start_time=1000, tags={"who": "me"})
    run_ids["first"] = run.info.run_id
    results["create run"] = run_shape(run)
    run_id: str = run.info.run_id
    for step, value in enumerate((0.5, 0.25, float("nan"), 0.125)):
        client.log_metric(run_id, "loss", value, timestamp=1000 + step, step=step)
    call("log a metric", lambda: client.log_metric(run_id, "acc/top 1", 1, timestamp=7))
    scratch = client.create_run("1", run_name="scratch", start_time=900).info.run_id
    run_ids["scratch"] = scratch
    client.log_metric(scratch, "inf", float("inf"), timestamp=7)
    call("infinity as it is read", lambda: client.get_run(scratch).data.metrics["inf"])
    call("log a metric as text", lambda: client.log_metric(run_id, "text", "1.5", timestamp=7))
    call("log a metric that is none", lambda: client.log_metric(run_id, "bad", "abc", timestamp=7))
    for key in ("", "a//b", "../a", "a\n", "a" * 251, "ok.-_/ 1"):
        call(f"log a metric called {key[:9]!r}", lambda key=key: client.log_metric(scratch, key, 1.0, timestamp=7))
    call("log a param", lambda: client.log_param(run_id, "C", 0.5))
    call("log it again", lambda: client.log_param(run_id, "C", 0.5))
    call("log it with another value", lambda: client.log_param(run_id, "C", 0.6))
    call("log a long param", lambda: client.log_param(scratch, "long", "x" * 6001))
    call("its length", lambda: len(client.get_run(scratch).data.params["long"]))
    call("set a tag", lambda: client.set_tag(run_id, "t", 1))
    call("set it again", lambda: client.set_tag(run_id, "t", 2))
    call("delete a tag", lambda: client.delete_tag(run_id, "who"))
    call("delete it again", lambda: client.delete_tag(run_id, "who"))
    call("rename by tag", lambda: client.set_tag(run_id, "mlflow.runName", "renamed"))
    call("update run", lambda: client.update_run(run_id, name="renamed again"))
    call("get run", lambda: client.get_run(run_id))
    call("get run that is not", lambda: client.get_run("0" * 32))
    call("metric history", lambda: [
        [each.key, each.value, each.timestamp, each.step] for each in client.get_metric_history(run_id, "loss")
    ])  # fmt: skip
    call("history of none", lambda: list(client.get_metric_history(run_id, "none")))
    return run_id


def batches(run_id: str) -> None:
    metric, param, tag = entities.Metric, entities.Param, entities.RunTag
    good = {"metrics": [metric("b", 1.0, 5, 0)], "params": [param("p", "1")], "tags": [tag("bt", "x")]}
    call("log batch", lambda: client.log_batch(run_id, **good))
    many = [metric(f"m{number}", 1.0, 5, 0) for number in range(1001)]
    call("log batch, too many metrics", lambda: client.log_batch(run_ids["scratch"], metrics=many))
    params = [param(f"q{number}", "1") for number in range(101)]
    call("log batch, too many params", lambda: client.log_batch(run_ids["scratch"], params=params))
    twice = [param("twice", "1"), param("twice", "2")]
    call("log batch, a param twice", lambda: client.log_batch(run_id, params=twice))
    changed = {"metrics": [metric("half", 1.0, 5, 0)], "params": [param("C", "9")]}
    call("log batch, a changed param", lambda: client.log_batch(run_id, **changed))
    call("nothing of it was kept", lambda: "half" in client.get_run(run_id).data.metrics)
    dataset = entities.Dataset("data", "abc123", "local", "{}", "{}", "{}")
    given = [entities.DatasetInput(dataset, [entities.InputTag("mlflow.data.context", "training")])]
    call("log inputs", lambda: client.log_inputs(run_id, given))
    call("log inputs again", lambda: client.log_inputs(run_id, given))
    call("run with inputs", lambda: client.get_run(run_id))


def searches(run_id: str) -> None:
    for number in range(5):
        run = client.create_run("1", run_name=f"r{number}", start_time=2000 + number)
        run_ids[f"r{number}"] = run.info.run_id
        client.log_metric(run.info.run_id, "m", number / 4, timestamp=5)
        client.log_param(run.info.run_id, "p", f"v{number}")
        client.set_terminated(run.info.run_id, "FAILED" if number == 3 else None, end_time=3000)
    filters = (
        *("", "metrics.m > 0.4", "metrics.m <= 0.5 and params.p != 'v1'", "params.p LIKE 'v%'", "params.p ILIKE 'V4'"),
        *(
            "attributes.status = 'FAILED'",
            "run_name = 'r2'",
            "start_time > 2001",
            "tags.none IS NULL",
            "metrics.m > 'a'",
        ),
        *("params.p = 1", "nothing.a = 'x'", "metrics.m >", "tags.t = '2'", "dataset.name = 'data'", "run_id IN ('x')"),
        *("tags.`mlflow.runName` = 'r1'", 'params."p" = "v0"', "metrics.m = 0.25 AND", "attributes.end_time = 3000"),
    )
    for text in filters:
        call(f"search by {text}", lambda text=text: [
            each.info.run_name for each in client.search_runs(["1"], text, order_by=["attributes.start_time ASC"])
        ])  # fmt: skip
    for order in ("metrics.m DESC", "metrics.m", "params.p DESC", "attributes.run_name ASC", "tag.t", "metrics.m DOWN"):
        call(f"order by {order}", lambda order=order: [
            each.info.run_name for each in client.search_runs(["1"], order_by=[order])
        ])  # fmt: skip
    page = client.search_runs(["1"], max_results=4)
    results["first page"] = [[each.info.run_name for each in page], bool(page.token)]
    page = client.search_runs(["1"], max_results=4, page_token=page.token)
    results["second page"] = [[each.info.run_name for each in page], bool(page.token)]
    call("page of none", lambda: client.search_runs(["1"], max_results=0))
    call("unknown experiment", lambda: list(client.search_runs(["99"])))
    call("delete run", lambda: client.delete_run(run_id))
    call("deleted run", lambda: client.get_run(run_id).info.lifecycle_stage)
    call("log to a deleted run", lambda: client.log_metric(run_id, "x", 1.0, timestamp=5))
    call("search without it", lambda: len(client.search_runs(["1"])))
    deleted = entities.ViewType.DELETED_ONLY
    call("search it", lambda: [each.info.run_name for each in client.search_runs(["1"], run_view_type=deleted)])
    call("restore run", lambda: client.restore_run(run_id))
    call("delete run that is not", lambda: client.delete_run("0" * 32))


def files(run_id: str) -> None:
    (FOLDER / "a.txt").write_text("hello")
    call("log artifact", lambda: client.log_artifact(run_id, str(FOLDER / "a.txt"), "sub"))
    call("log text", lambda: client.log_text(run_id, "text", "notes/n.txt"))
    call("log dict", lambda: client.log_dict(run_id, {"a": 1}, "d.json"))
    for path in (None, "sub", "notes", "d.json", "none"):
        call(f"list artifacts of {path}", lambda path=path: sorted(
            [each.path, each.is_dir, each.file_size] for each in client.list_artifacts(run_id, path)
        ))  # fmt: skip
    call("list artifacts above", lambda: client.list_artifacts(run_id, "../x"))
    call("download", lambda: Path(client.download_artifacts(run_id, "sub/a.txt")).read_text())


def fluent() -> None:
    ml.set_experiment("fluent")
    with ml.start_run(run_name="outer") as outer:
        run_ids["outer"] = outer.info.run_id
        ml.log_params({"a": 1, "b": "x"})
        ml.log_metrics({"m": 1.0, "n": 2}, step=3)
        ml.set_tags({"t": "1"})
        with ml.start_run(run_name="inner", nested=True) as inner:
            run_ids["inner"] = inner.info.run_id
            ml.log_metric("m", 2)
    call("outer", lambda: ml.get_run(outer.info.run_id))
    call("inner", lambda: ml.get_run(inner.info.run_id))
    call("parent of inner", lambda: ml.get_parent_run(inner.info.run_id))
    frame = ml.search_runs(order_by=["attributes.start_time ASC", "tags.mlflow.runName DESC"])
    results["frame"] = [sorted(str(each) for each in frame.columns), [str(each) for each in frame.dtypes.sort_index()]]
    results["frame names"] = list(frame["tags.mlflow.runName"])
    try:
        with ml.start_run() as failed:
            raise ValueError("no")
    except ValueError:
        results["after an exception"] = ml.get_run(failed.info.run_id).info.status
    call("active run", ml.active_run)
    call("two at once", two_at_once)


def two_at_once() -> str:
    ml.start_run()
    try:
        ml.start_run()
    except Exception as error:
        return type(error).__name__ and "refused"
    finally:
        ml.end_run()
    return "taken"


experiments()
first = runs()
batches(first)
searches(first)
files(first)
fluent()
print("RESULTS " + json.dumps(results))
