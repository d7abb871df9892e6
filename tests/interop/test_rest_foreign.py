"""What only mltrack has, on a real MLflow server: kept as files and tags of its runs; panels ask a copy of them."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.interop.foreign_runs import BEGAN, SESSION, Filled, a_run, every, fill
from tests.interop.mlflow_server import mlflow_server
from tests.magics.kernels import Kernel, run_python, running_kernel

from mltrack.entities import CapturedName, Metric, Param, Run, RunTag
from mltrack.exceptions import MissingCellsError, NotFoundError, StoreFormatError
from mltrack.keys import CELL_TAG, RERUN_OF_TAG
from mltrack.rest import mirror
from mltrack.rest.store import RestStore
from mltrack.run_facts import CellEnd, end_cell, facts_of, read_facts
from mltrack.store.artifact_folder import FileRecord, files_in
from mltrack.store.artifacts import safe_path
from mltrack.store.model_protocol import NewLoggedModel, NewModelVersion
from mltrack.store.news import NewsQuery
from mltrack.store.notebooks import Blob, ExecutionWrite, SnapshotWrite
from mltrack.store.pages import Search
from mltrack.store.protocol import EndedRun, Failure, NewRun, RunChange, Store
from mltrack.store.sqlite import SqliteStore
from mltrack.store.summaries import CurveQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
DIGEST = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def mlflow_url(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mlflow_server(mlflow_python, tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@pytest.fixture(scope="module")
def there(mlflow_url: str) -> Iterator[Filled]:
    store = RestStore(mlflow_url)
    filled = fill(store)
    assert store.flush(120)
    yield filled
    store.close()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    store = SqliteStore(tmp_path_factory.mktemp("here") / "mltrack.db")
    yield fill(store)
    store.close()


@pytest.fixture
def anew(mlflow_url: str) -> Iterator[RestStore]:
    """The store as another process opens it, which remembers nothing."""
    store = RestStore(mlflow_url)
    yield store
    store.close()


ASKED: dict[str, Callable[[Filled, Store], Any]] = {
    "count_matching": lambda f, s: [
        s.count_matching(every(f), most=9),
        s.count_matching(every(f, filter_string="params.C = '1' OR metrics.acc < 0.1"), most=9),
    ],
    "search_attempts": lambda f, s: [
        s.search_attempts(every(f)),
        s.search_attempts(every(f, order_by=("metrics.acc DESC",), max_results=1)),
    ],
    "runs_of_cell": lambda f, s: [s.runs_of_cell(f.ids[0], every(f)), s.runs_of_cell(f.ids[3], every(f))],
    "group_runs": lambda f, s: s.group_runs(every(f), "params.C", metrics=["acc", "loss", "odd"], most=9),
    "run_columns": lambda f, s: s.run_columns(every(f), ["metrics.odd", "metrics.acc", "tags.stage", "params.none"]),
    "run_keys": lambda f, s: [s.run_keys([f.experiment_id]).params, s.run_keys([f.experiment_id]).metrics],
    "curve_keys": lambda f, s: s.curve_keys(list(f.ids)),
    "metric_curves": lambda f, s: [
        s.metric_curves(CurveQuery(f.ids, ("loss", "acc"), points=points)) for points in (8, 100)
    ],
    "metric_outlines": lambda f, s: [s.metric_outlines(f.ids[1]), s.metric_outlines(f.ids[1], width=3)],
    "run_news": lambda f, s: s.run_news(NewsQuery(f.ids[1], {"loss": (27, 37, 0.0, 0)}, ("C",), counted=("loss",))),
    "count_runs": lambda f, s: s.count_runs([f.experiment_id]),
    "find_run_ids": lambda f, s: [s.find_run_ids("run-1"), s.find_run_ids(f.ids[2][:9]), s.find_run_ids("nobody")],
    "previous_run_of_cell": lambda f, s: [s.previous_run_of_cell(each) for each in f.ids],
    "cell_sources": lambda f, s: [s.cell_sources(each) for each in f.ids],
    "load_snapshot": lambda f, s: [s.load_snapshot(each) for each in f.ids],
    "get_failure": lambda f, s: s.get_failure(f.ids[0]),
    "get_captured": lambda f, s: list(s.get_captured(f.ids[0])),
    "get_environment": lambda f, s: s.get_environment(f.ids[0]),
    "list_artifacts": lambda f, s: list(s.list_artifacts(f.ids[0])),
}


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("who", ["writer", "another"])
def test_an_mlflow_server_is_asked_as_a_store_of_our_own(
    name: str, who: str, there: Filled, here: Filled, anew: RestStore
) -> None:
    store = there.store if who == "writer" else anew
    assert there.plain(ASKED[name](there, store)) == here.plain(ASKED[name](here, here.store))


def test_what_a_cell_leaves_is_read_by_another_process(there: Filled, anew: RestStore) -> None:
    store, run_id = there.store, a_run(there, there.store)
    store.log_batch(run_id, params=[Param("mine", "1")])
    names = (CapturedName("param", "mine", "bound"), CapturedName("param", "x", "bound", 2, 0, 2, 3))
    failure = Failure("ValueError", "no <b>", "Traceback…\n")
    end_cell(
        store,
        CellEnd(run_id, params=(Param("mine", "2"), Param("x", "3")), captured=names, failure=failure),
    )
    store.set_environment(run_id, {"python": {"version": "3.11"}, "ü": [1.5, None]})
    store.record_artifacts(run_id, {safe_path("a/b.txt"): (3, DIGEST)})
    read = facts_of(store, run_id)
    assert store.flush(120)  # type: ignore[attr-defined]
    assert list(anew.get_captured(run_id)) == [names[1]] == list(read.captured)
    assert anew.get_failure(run_id) == failure == read.failure
    assert anew.get_environment(run_id) == {"python": {"version": "3.11"}, "ü": [1.5, None]}
    assert anew.artifact_records(run_id, safe_path("a")) == {"a/b.txt": FileRecord(3, DIGEST)}
    found = anew.get_run(run_id)
    assert (found.data.params, found.data.tags["mltrack.failure"]) == ({"mine": "1", "x": "3"}, "ValueError: no <b>")


def test_run_facts_are_the_parts_that_they_are_made_of(there: Filled, anew: RestStore) -> None:
    for run_id in there.ids:
        told = anew.run_facts(run_id)
        assert there.plain(told) == there.plain(read_facts(anew, run_id))
    assert anew.run_facts(there.ids[2]).changed_cells == 1


def test_a_snapshot_is_whole_whatever_was_sent_before(there: Filled, anew: RestStore) -> None:
    session = replace(SESSION, uuid="6" * 32)
    ran = [ExecutionWrite(seq, Blob.of(f"a = {seq}"), seq, f"c{seq}", seq, seq, "ok") for seq in (1, 2, 3)]
    first, second = a_run(there, there.store), a_run(there, there.store)
    there.store.save_snapshot(first, SnapshotWrite(session, 2, "id:c2", "tap", ran[:2]))
    manifest, text = (
        Blob.of(json.dumps({"cells": [{"source": Blob.of("of the file").digest.hex()}]})),
        Blob.of("of the file"),
    )
    late = replace(ran[0], outputs=Blob.of('["later"]'))
    there.store.save_snapshot(second, SnapshotWrite(session, 3, "id:c3", "tap", [ran[2], late], manifest, [text]))
    with pytest.raises(MissingCellsError):  # a kernel that goes on in another process sends all of it
        anew.save_snapshot(second, SnapshotWrite(session, 3, "id:c3", "tap", [ran[2]]))
    assert there.store.flush(120)  # type: ignore[attr-defined]
    one, two = anew.load_snapshot(first), anew.load_snapshot(second)
    assert one is not None
    assert two is not None
    assert [each.source for each in one.executions] == ["a = 1", "a = 2"]
    assert [each.outputs for each in two.executions] == ['["later"]', "[]", "[]"]
    assert (list(two.texts.values()), one.manifest) == (["of the file"], None)
    assert anew.get_run(second).data.tags[CELL_TAG].isalnum()
    folder = anew.artifact_folder(second)
    assert [each.path for each in files_in(folder, safe_path("mltrack"))] == ["mltrack/snapshot.json.gz"]


def test_a_long_session_is_kept_small(there: Filled, anew: RestStore) -> None:
    """Of what earlier cells showed, the newest megabyte is kept."""
    import random  # what zlib cannot make smaller

    big = [Blob.of(json.dumps([random.Random(seq).randbytes(300_000).hex()])) for seq in range(8)]
    ran = [
        ExecutionWrite(seq + 1, Blob.of(f"{seq}"), 1, None, None, 2, "ok", "{}", blob) for seq, blob in enumerate(big)
    ]
    run_id = a_run(there, there.store)
    there.store.save_snapshot(run_id, SnapshotWrite(replace(SESSION, uuid="7" * 32), 8, "k", "tap", ran))
    assert there.store.flush(120)  # type: ignore[attr-defined]
    found = anew.load_snapshot(run_id)
    assert found is not None
    shown = [len(each.outputs) > 2 for each in found.executions]
    assert shown == [False] * 5 + [True] * 3
    sizes = {each.path: each.file_size or 0 for each in files_in(anew.artifact_folder(run_id), safe_path("mltrack"))}
    assert 900_000 < sizes["mltrack/snapshot.json.gz"] < 1_500_000


def test_what_is_no_file_of_ours_is_said_to_be_none(there: Filled, anew: RestStore) -> None:
    from io import BytesIO  # as somebody else would write

    run_id = a_run(there, anew)
    folder = anew.artifact_folder(run_id)
    for name, content in (("cell.json", b"[1]"), ("snapshot.json.gz", b"no gzip"), ("environment.json", b"{")):
        folder.put(safe_path(f"mltrack/{name}"), BytesIO(content))
    for ask in (anew.get_failure, anew.load_snapshot, anew.get_environment):
        with pytest.raises(StoreFormatError):
            ask(run_id)
    assert anew.artifact_records(run_id) == {}
    with pytest.raises(NotFoundError):
        anew.load_snapshot("f" * 32)


def test_runs_that_are_over_are_made(there: Filled, anew: RestStore) -> None:
    new = NewRun(there.experiment_id, "over", BEGAN, tags=(RunTag("t", "v"),))
    ended = [EndedRun(new, BEGAN + 5, (Metric("a", number, 1, 2),), (Param("p", str(number)),)) for number in range(9)]
    ids = there.store.add_ended_runs([*ended, replace(ended[0], status="FAILED")])
    assert there.store.flush(120)  # type: ignore[attr-defined]
    found = [anew.get_run(run_id) for run_id in ids]
    assert [run.data.params["p"] for run in found] == [*map(str, range(9)), "0"]
    assert [run.data.metrics["a"] for run in found] == [*range(9), 0]
    assert {run.info.status for run in found} == {"FINISHED", "FAILED"}
    assert {run.info.end_time for run in found} == {BEGAN + 5}


def test_records_of_a_models_files_are_its_tags(there: Filled, anew: RestStore) -> None:
    model = there.store.create_logged_model(NewLoggedModel(there.experiment_id, "net", source_run_id=there.ids[0]))
    files = {safe_path(f"data/{number}"): FileRecord(number, DIGEST) for number in range(100)}
    there.store.record_logged_model_files(model.model_id, files)
    there.store.finalize_logged_model(model.model_id, "READY")
    assert len(anew.logged_model_records(model.model_id)) == 100
    assert anew.logged_model_records(model.model_id, safe_path("data/7")) == {"data/7": FileRecord(7, DIGEST)}
    known = anew.known_source(NewModelVersion("Other", f"models:/{model.model_id}", None, model.model_id))
    assert (known.origin, known.run_id, len(known.digest or "")) == (f"models:/{model.model_id}", there.ids[0], 64)
    assert json.loads(known.provenance or "")["experiment"]["name"] == "Versuch ü"
    by_run = anew.known_source(NewModelVersion("Other", f"runs:/{there.ids[0]}/net", there.ids[0]))
    assert by_run.origin == known.origin
    assert anew.source_place(f"runs:/{there.ids[0]}/net") == anew.source_place(f"models:/{model.model_id}")
    assert anew.source_place(f"runs:/{there.ids[0]}/a/b").endswith(f"{there.ids[0]}/artifacts/a/b")
    for version in ("1", "2"):
        anew.note_model_version(model.model_id, "Net", version)
    said = json.loads(anew.get_logged_model(model.model_id).tags["mlflow.modelVersions"])
    assert [each["version"] for each in said] == ["1", "2"]
    assert anew.find_stored_file(there.experiment_id, FileRecord(7, DIGEST)) is None


def test_the_copy_follows_the_server(there: Filled, anew: RestStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "FRESH_SECONDS", 0.0)
    search, names = every(there, filter_string="tags.follow = 'me'"), ["metrics.m", "tags.note"]
    assert anew.run_columns(search, names).run_ids == []
    seen = anew.version()
    assert anew.version() == seen
    now = time.time_ns() // 1_000_000
    run_id = there.store.create_run(NewRun(there.experiment_id, "new", now, tags=(RunTag("follow", "me"),))).run_id
    there.store.log_batch(run_id, metrics=[Metric("m", 1.0, now)], tags=[RunTag("note", "a")])
    assert there.store.flush(120)  # type: ignore[attr-defined]
    assert anew.run_columns(search, names).columns == {"metrics.m": [1.0], "tags.note": ["a"]}
    assert anew.version() != seen
    there.store.log_batch(run_id, metrics=[Metric("m", 2.0, now, 1)])
    there.store.update_run(run_id, RunChange("FINISHED", now + 1))
    assert anew.run_columns(search, names).columns["metrics.m"] == [2.0]
    old = every(there, filter_string="tags.old = 'changed'")  # of runs that are over long since
    anew.log_batch(there.ids[1], tags=[RunTag("old", "changed")])
    assert anew.run_columns(old, []).run_ids == [there.ids[1]]
    there.store.log_batch(there.ids[2], tags=[RunTag("old", "changed")])
    there.store.set_run_lifecycle(there.ids[3], "deleted")
    monkeypatch.setattr(mirror, "WHOLE_SECONDS", 0.0)
    time.sleep(0.01)
    extras: Any = anew._extras
    for look in extras._mirror._looks.values():
        look.whole_took = 0.0
    assert anew.run_columns(old, []).run_ids == [there.ids[2], there.ids[1]]
    assert there.ids[3] not in anew.run_columns(every(there), []).run_ids
    there.store.set_run_lifecycle(there.ids[3], "active")


def test_of_very_many_runs_the_newest_are_copied(
    there: Filled, anew: RestStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "MOST_RUNS", 2)
    with pytest.warns(UserWarning, match="newest 2"):
        found = anew.run_columns(every(there), [])
    assert len(found.run_ids) == 2


def test_a_script_ends_only_when_its_files_are_sent(mlflow_url: str, anew: RestStore, tmp_path: Path) -> None:
    code = f"""
import os, mltrack
mltrack.set_tracking_uri({mlflow_url!r})
with mltrack.start_run() as run:
    store = run.store
    for number in range(20):
        store.set_environment(run.info.run_id, {{"number": number}})
    if os.fork() == 0:  # a child has nothing to send, and none of the parent's locks
        os._exit(0)
    os.wait()
print(run.info.run_id)
"""
    run_id = run_python(code, tmp_path).split()[-1]
    assert anew.get_environment(run_id) == {"number": 19}


# Kernels


@pytest.fixture(scope="module")
def kernel(mlflow_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running_kernel(tmp_path_factory.mktemp("kernel"), MLTRACK_TRACKING_URI=mlflow_url) as started:
        yield started


def last_run(store: RestStore, name: str) -> Run:
    ids = store.find_run_ids(name)
    return store.get_run(ids[0])


def run(kernel: Kernel, code: str) -> Any:
    return kernel.wait(kernel.send(code), timeout=600)


def test_a_tracked_cell_keeps_all_of_itself_on_an_mlflow_server(kernel: Kernel, anew: RestStore) -> None:
    assert run(kernel, "base = 3").status == "ok"
    body = "C = {}\nfor step in range(5):\n    mltrack.log_metric('loss', 1 / (step + C), step=step)\nscore = base * C"
    run(kernel, "import mltrack")
    for value in (1, 2):
        outcome = run(kernel, f"%%track_run over-mlflow -p lr=0.1\n{body.format(value)}")
        assert (outcome.status, outcome.stream("stderr")) == ("ok", "")
        assert "score 6" in outcome.cards[0]["text/plain"] or value == 1
        kernel.settle()
    kernel.evaluate("__import__('mltrack').settings.get_store().flush(120)")
    found = last_run(anew, "over-mlflow")
    assert (found.info.status, found.data.params["C"], found.data.params["lr"]) == ("FINISHED", "2", "0.1")
    assert found.data.tags["mltrack.reproducible"] == "true"
    snapshot = anew.load_snapshot(found.info.run_id)
    assert snapshot is not None
    assert "base = 3" in [each.source for each in snapshot.executions]
    assert {each.name for each in anew.get_captured(found.info.run_id)} >= {"C", "score", "base", "lr"}
    assert anew.get_environment(found.info.run_id)
    assert anew.previous_run_of_cell(found.info.run_id)
    assert anew.metric_outlines(found.info.run_id)["loss"][0] == 5


def test_a_cell_that_fails_ends_its_run_as_failed(kernel: Kernel, anew: RestStore) -> None:
    outcome = run(kernel, "%%track_run fails-there\n1 / 0")
    assert outcome.error == "ZeroDivisionError: division by zero"
    kernel.settle()
    kernel.evaluate("__import__('mltrack').settings.get_store().flush(120)")
    found = last_run(anew, "fails-there")
    failure = anew.get_failure(found.info.run_id)
    assert failure is not None
    assert (found.info.status, failure.name) == ("FAILED", "ZeroDivisionError")


@pytest.mark.parametrize(
    "verb", ["notebook last", "provenance last", "compare last over-mlflow", "runs", "status", "dashboard"]
)
def test_verbs_work_on_an_mlflow_server(verb: str, kernel: Kernel) -> None:
    outcome = run(kernel, f"%mltrack {verb}")
    assert (outcome.status, outcome.stream("stderr")) == ("ok", ""), outcome.error


def test_a_run_is_made_again_on_an_mlflow_server(kernel: Kernel, anew: RestStore, tmp_path: Path) -> None:
    again = run(kernel, "%mltrack rerun over-mlflow C=5")
    assert again.status == "ok", again.error
    (made,) = anew.search_runs(Search(("0",), "params.C = '5'")).rows
    assert (made.info.status, made.data.metrics["score"]) == ("FINISHED", 15.0)
    assert made.data.tags[RERUN_OF_TAG] == anew.find_run_ids("over-mlflow")[0]
    restored = run(kernel, "%mltrack restore over-mlflow")
    assert restored.status == "ok", restored.error
    exported = run(kernel, f"%mltrack export over-mlflow {tmp_path / 'project'}")
    assert exported.status == "ok", exported.error
    assert (tmp_path / "project" / "MLproject").exists()
