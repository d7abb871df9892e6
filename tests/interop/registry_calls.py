"""The same calls to the model registry through ``mlflow`` or ``mltrack``, printed as JSON.

``python registry_calls.py MODULE FOLDER``; an error is its ``error_code``, ids and times are left out.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

warnings.simplefilter("ignore")
ml: Any = importlib.import_module(sys.argv[1])
FOLDER = Path(sys.argv[2])
ERROR = ml.MlflowException if hasattr(ml, "MlflowException") else ml.exceptions.MlflowException
fluent: Any = ml if sys.argv[1] == "mlflow" else importlib.import_module("mltrack.registry")
results: dict[str, Any] = {}
ids: dict[str, str] = {}


def plain(value: Any) -> Any:
    if hasattr(value, "latest_versions"):
        return [
            value.name,
            value.description or "",
            plain(value.tags),
            plain(value.aliases),
            plain(value.latest_versions),
        ]
    if hasattr(value, "current_stage"):
        tags, aliases = plain(value.tags), sorted(value.aliases)
        about = [value.name, str(value.version), value.current_stage, value.description or "", value.status]
        return [*about, plain(value.source), plain(value.run_id or ""), tags, aliases]
    if hasattr(value, "model_uri"):
        about = [value.name, str(value.status), value.model_type or "", plain(value.source_run_id)]
        metrics = [[each.key, each.value, each.step, each.dataset_name or ""] for each in value.metrics or ()]
        tags = {key: text for key, text in value.tags.items() if not key.startswith("mlflow.")}
        return [*about, plain(tags), plain(value.params), sorted(metrics)]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in sorted(value.items())}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, str):
        for name, known in ids.items():
            value = value.replace(known, name)
        return value
    return value if value is None or isinstance(value, (int, float, bool)) else str(value)


def call(name: str, work: Callable[[], Any]) -> Any:
    """Do one call; keep what it gave or the code of its error."""
    try:
        found = work()
    except ERROR as error:
        results[name] = {"error": error.error_code}
        return None
    results[name] = plain(found)
    return found


os.chdir(FOLDER)
ml.set_tracking_uri(f"sqlite:///{FOLDER}/store.db")
client = ml.MlflowClient() if hasattr(ml, "MlflowClient") else ml.tracking.MlflowClient()
NAMES = (
    "Model",
    "model",
    "caf\u00e9",
    "cafe\u0301",
    "prod",
    "prod%20",
    "prod%2fx",
    "PROD",
    "a b",
    "'; DROP TABLE x;--",
)
BAD_NAMES = ("", "  ", "a/b", "a:b", "..", ".", None)


def names() -> None:
    for name in NAMES:
        call(f"create {name!a}", partial(client.create_registered_model, name, {"k": "v"}, f"about {name}"))
        call(f"create {name!a} again", partial(client.create_registered_model, name))
    for bad in BAD_NAMES:
        call(f"create {bad!r}", partial(client.create_registered_model, bad))
        call(f"get {bad!r}", partial(client.get_registered_model, bad))
    call("get one", lambda: client.get_registered_model("prod%20"))
    call("get one that is not", lambda: client.get_registered_model("prod%21"))
    call("rename", lambda: client.rename_registered_model("PROD", "PROD 2"))
    call("rename to a taken name", lambda: client.rename_registered_model("PROD 2", "prod"))
    call("rename to its own name", lambda: client.rename_registered_model("PROD 2", "PROD 2"))
    call("rename to a bad name", lambda: client.rename_registered_model("PROD 2", "a/b"))
    call("rename what is not", lambda: client.rename_registered_model("PROD", "other"))
    call("describe", lambda: client.update_registered_model("prod", "other words"))
    call("describe by nothing", lambda: client.update_registered_model("Model"))
    call("describe what is not", lambda: client.update_registered_model("none", "x"))
    call("set tag", lambda: client.set_registered_model_tag("prod", "k", 7))
    call("set tag with a bad key", lambda: client.set_registered_model_tag("prod", "a//b", "7"))
    call("set tag with a long key", lambda: client.set_registered_model_tag("prod", "k" * 251, "7"))
    call("set a long tag", lambda: client.set_registered_model_tag("prod", "long", "x" * 100_001))
    call("set the longest tag", lambda: client.set_registered_model_tag("model", "long", "x" * 100_000))
    call("set tag of what is not", lambda: client.set_registered_model_tag("none", "k", "7"))
    call("delete tag", lambda: client.delete_registered_model_tag("Model", "k"))
    call("delete tag again", lambda: client.delete_registered_model_tag("Model", "k"))
    call("delete tag of what is not", lambda: client.delete_registered_model_tag("none", "k"))
    call("tags after", lambda: [client.get_registered_model(name).tags.get("k") for name in ("prod", "Model")])
    call("delete", lambda: client.delete_registered_model("a b"))
    call("delete again", lambda: client.delete_registered_model("a b"))
    call("create after", lambda: client.create_registered_model("a b"))
    call("search", client.search_registered_models)
    call("search by name", lambda: client.search_registered_models("name ILIKE 'MOD%'"))
    call("create a prompt", lambda: client.create_registered_model("p", {"mlflow.prompt.is_prompt": "true"}))


def versions(run_id: str) -> None:
    source = f"runs:/{run_id}/model"
    for number in range(4):
        tags = {"n": str(number)}
        call(f"version {number}", partial(client.create_model_version, "prod", source, run_id, tags))
    call("version of what is not", lambda: client.create_model_version("none", source, run_id))
    call("version of a prompt", lambda: client.create_model_version(
        "prod", source, run_id, {"mlflow.prompt.is_prompt": "true"}
    ))  # fmt: skip
    call("a long tag", lambda: client.create_model_version("prod", source, run_id, {"t": "x" * 100_001}))
    call("get version", lambda: client.get_model_version("prod", "2"))
    call("get version by number", lambda: client.get_model_version("prod", 2))
    for bad in ("9", "0", "-1", "x", "1.5", ""):
        call(f"get version {bad!r}", partial(client.get_model_version, "prod", bad))
    call("get version of what is not", lambda: client.get_model_version("none", "1"))
    call("describe version", lambda: client.update_model_version("prod", "1", "first"))
    call("describe version that is not", lambda: client.update_model_version("prod", "9", "x"))
    call("tag version", lambda: client.set_model_version_tag("prod", "1", "k", 1.5))
    call("tag version by stage", lambda: client.set_model_version_tag("prod", key="s", value="1", stage="None"))
    call("tag by both", lambda: client.set_model_version_tag("prod", "1", "s", "1", stage="None"))
    call("tag by none", lambda: client.set_model_version_tag("prod", key="s", value="1"))
    call("tag version that is not", lambda: client.set_model_version_tag("prod", "9", "k", "v"))
    call("untag version", lambda: client.delete_model_version_tag("prod", "1", "n"))
    call("untag version again", lambda: client.delete_model_version_tag("prod", "1", "n"))
    call("untag by stage", lambda: client.delete_model_version_tag("prod", key="s", stage="none"))
    call("stages there are", lambda: client.get_model_version_stages("prod", "1"))
    call("search versions", lambda: client.search_model_versions("name = 'prod'", order_by=["version_number ASC"]))
    call("search by run", lambda: len(client.search_model_versions(f"run_id IN ('{run_id}', 'x')")))
    call("search by source", lambda: len(client.search_model_versions("source_path LIKE 'runs:/%'")))
    call("search by tag", lambda: [str(v.version) for v in client.search_model_versions("tags.n = '2'")])
    call("search by number", lambda: sorted(str(v.version) for v in client.search_model_versions("version_number > 2")))


def stages() -> None:
    def move(version: str, stage: str, *, archive: bool = False) -> Callable[[], Any]:
        return lambda: client.transition_model_version_stage("prod", version, stage, archive_existing_versions=archive)

    call("to staging", move("1", "staging"))
    call("to Production", move("2", "Production"))
    call("another to PRODUCTION", move("3", "PRODUCTION"))
    call("and archive", move("1", "Production", archive=True))
    call("to where it is", move("1", "Production", archive=True))
    for stage in ("Live", "", " Production", "Deleted_Internal"):
        if stage:  # mlflow answers an empty one with an error of its own making
            call(f"to {stage!r}", move("1", stage))
    call("what is not", move("9", "Staging"))
    call("what is not, and archive", move("9", "Production", archive=True))
    call("latest", lambda: client.get_latest_versions("prod"))
    call("latest of some", lambda: client.get_latest_versions("prod", ["production", "None"]))
    call("latest of none", lambda: client.get_latest_versions("prod", []))
    call("latest of a bad stage", lambda: client.get_latest_versions("prod", ["Live"]))
    call("latest of what is not", lambda: client.get_latest_versions("none"))
    call("latest of an empty model", lambda: client.get_latest_versions("model"))
    call("the model", lambda: client.get_registered_model("prod"))


def aliases() -> None:
    for alias in ("champion", "Champion", "a-b_1", "\u00fcber", "x" * 255, "v", "vx1"):
        call(f"alias {alias[:9]!a}", partial(client.set_registered_model_alias, "prod", alias, "1"))
    for alias in ("latest", "LATEST", "v1", "V22", "", "a b", "a/b", "a.b", "x" * 256):
        call(f"alias {alias[:9]!r}, bad", partial(client.set_registered_model_alias, "prod", alias, "1"))
    call("alias of a version that is not", lambda: client.set_registered_model_alias("prod", "x", "9"))
    call("alias of a model that is not", lambda: client.set_registered_model_alias("none", "x", "1"))
    call("alias moved", lambda: client.set_registered_model_alias("prod", "champion", "2"))
    for alias in ("champion", "Champion", "CHAMPION", "none", "latest", "Latest", "a b"):
        call(f"get by {alias!r}", partial(client.get_model_version_by_alias, "prod", alias))
    call("get latest of an empty model", lambda: client.get_model_version_by_alias("model", "latest"))
    call("delete alias", lambda: client.delete_registered_model_alias("prod", "a-b_1"))
    call("delete alias again", lambda: client.delete_registered_model_alias("prod", "a-b_1"))
    call("delete a bad alias", lambda: client.delete_registered_model_alias("prod", "a b"))
    call("delete alias of what is not", lambda: client.delete_registered_model_alias("none", "x"))
    call("aliases", lambda: {name: str(v) for name, v in client.get_registered_model("prod").aliases.items()})


def copies_and_ends(run_id: str) -> None:
    call("copy", lambda: client.copy_model_version("models:/prod/1", "copied"))
    call("copy by stage", lambda: client.copy_model_version("models:/prod/Production", "copied"))
    call("copy by alias", lambda: client.copy_model_version("models:/prod@champion", "copied"))
    call("copy of a copy", lambda: client.copy_model_version("models:/copied/1", "copied again"))
    call("copied", lambda: client.get_registered_model("copied"))
    call("delete version", lambda: client.delete_model_version("prod", "2"))
    call("delete version again", lambda: client.delete_model_version("prod", "2"))
    call("its alias", lambda: client.get_model_version_by_alias("prod", "champion"))
    call("delete the last", lambda: client.delete_model_version("prod", "4"))
    call("the next number", lambda: str(client.create_model_version("prod", f"runs:/{run_id}/model", run_id).version))
    call("rename with versions", lambda: client.rename_registered_model("prod", "live"))
    call("its versions", lambda: sorted(str(v.version) for v in client.search_model_versions("name = 'live'")))
    call("its aliases", lambda: {name: str(v) for name, v in client.get_registered_model("live").aliases.items()})
    call("delete with versions", lambda: client.delete_registered_model("live"))
    call("no versions", lambda: client.search_model_versions("name = 'live'"))
    call("create it again", lambda: client.create_registered_model("live"))
    call("it begins anew", lambda: str(client.create_model_version("live", f"runs:/{run_id}/model", run_id).version))
    call("it has no aliases", lambda: client.get_registered_model("live").aliases)


def logged(run_id: str) -> None:
    made = call("logged model", lambda: client.create_logged_model(
        "0", "clf", run_id, {"t": "1"}, {"C": "0.5"}, "tree"
    ))  # fmt: skip
    ids["MODEL"] = model = made.model_id
    for name in ("", "a/b", "a:b", "a.b", "a%b", "a'b", 'a"b'):
        call(f"logged model {name!r}", partial(client.create_logged_model, "0", name))
    call("in an experiment that is not", lambda: client.create_logged_model("77", "x"))
    call("an invented name", lambda: bool(client.create_logged_model("0").name))
    call("get model", lambda: client.get_logged_model(model))
    call("get model that is not", lambda: client.get_logged_model("m-" + "0" * 32))
    call("tag model", lambda: client.set_logged_model_tags(model, {"t": 2, "u": "x"}))
    call("untag model", lambda: client.delete_logged_model_tag(model, "u"))
    call("untag model again", lambda: client.delete_logged_model_tag(model, "u"))
    call("params of model", lambda: client.log_model_params(model, {"D": "1"}))
    metric = {"model_id": model, "dataset_name": "train", "dataset_digest": "d1"}
    call("metric of model", lambda: client.log_metric(run_id, "acc", 0.5, timestamp=5, step=1, **metric))
    call("metric of no model", lambda: client.log_metric(run_id, "loss", 0.5, timestamp=5, step=1))
    call("of the run, too", lambda: sorted(client.get_run(run_id).data.metrics))
    call("finish", lambda: client.finalize_logged_model(model, "READY"))
    (FOLDER / "MLmodel").write_text("flavors: {}\n")
    call("a file", lambda: client.log_model_artifact(model, str(FOLDER / "MLmodel")))
    call("files", lambda: [each.path for each in client.list_logged_model_artifacts(model)])
    call("after", lambda: client.get_logged_model(model))
    registered = call("register it", lambda: fluent.register_model(f"models:/{model}", "from model", tags={"a": 1}))
    call("again", lambda: fluent.register_model(f"models:/{model}", "from model"))
    call("its tag", lambda: [
        [each["name"], str(each["version"])]
        for each in json.loads(client.get_logged_model(model).tags["mlflow.modelVersions"])
    ])  # fmt: skip
    call("by its run", lambda: fluent.register_model(f"runs:/{run_id}/clf", "from run"))
    call("by a version", lambda: fluent.register_model(f"models:/from model/{registered.version}", "from version"))
    call("by a run without it", lambda: fluent.register_model(f"runs:/{run_id}/none", "from nothing"))
    call("by a model that is not", lambda: fluent.register_model(f"models:/m-{'0' * 32}", "from nothing"))
    call("under a bad name", lambda: fluent.register_model(f"models:/{model}", "a/b"))
    call("set tag fluently", lambda: fluent.set_model_version_tag("from model", "1", "k", "v"))
    call("as it is", lambda: client.get_model_version("from model", "1"))
    call("delete model", lambda: client.delete_logged_model(model))
    call("delete model again", lambda: client.delete_logged_model(model))
    call("get deleted", lambda: client.get_logged_model(model))


run = client.create_run("0", run_name="run").info.run_id
ids["RUN"] = run
names()
versions(run)
stages()
aliases()
copies_and_ends(run)
logged(run)
print("RESULTS " + json.dumps(results))
