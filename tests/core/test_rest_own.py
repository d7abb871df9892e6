"""What only mltrack's server knows: each call over the wire equals the same call on the store behind it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.own_served import DIGEST, Behind, a_run, plain, server_with_runs

from mltrack.entities import (
    CapturedName,
    Dataset,
    DatasetInput,
    InputTag,
    Metric,
    Param,
    RunTag,
    ViewType,
)
from mltrack.exceptions import MissingCellsError
from mltrack.rest.extras import Extras
from mltrack.run_facts import CellEnd, read_facts
from mltrack.store.artifact_folder import FileRecord
from mltrack.store.artifacts import safe_path
from mltrack.store.model_protocol import NewModelVersion
from mltrack.store.news import NewsQuery
from mltrack.store.notebooks import Blob, ExecutionWrite, Session, SnapshotWrite
from mltrack.store.pages import Search
from mltrack.store.protocol import EndedRun, Failure, NewRun, Store
from mltrack.store.summaries import CurveQuery
from mltrack.wire.own_calls import CALLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    with server_with_runs(tmp_path_factory.mktemp("own")) as found:
        yield found


def every(behind: Behind, **more: Any) -> Search:
    return Search((behind.experiment_id,), **more)


# What is asked of both: the store itself, and the server in front of it.
READS: dict[str, Callable[[Behind, Any], list[Any]]] = {
    "count_matching": lambda b, s: [
        s.count_matching(every(b), most=10),
        s.count_matching(every(b, filter_string="params.C = '1'"), most=10),
        s.count_matching(every(b), most=2),
    ],
    "search_attempts": lambda b, s: [
        s.search_attempts(every(b)),
        s.search_attempts(every(b, max_results=1, order_by=("metrics.loss DESC",), view_type=ViewType.ALL)),
    ],
    "runs_of_cell": lambda b, s: [s.runs_of_cell(b.first, every(b)), s.runs_of_cell("f" * 32, every(b))],
    "group_runs": lambda b, s: [s.group_runs(every(b), "params.C", metrics=["loss", "odd"], most=10)],
    "run_columns": lambda b, s: [
        s.run_columns(every(b), ["metrics.odd", "metrics.loss", "params.C", "attributes.start_time", "tags.no"])
    ],
    "run_keys": lambda b, s: [s.run_keys([b.experiment_id]), s.run_keys(["0"]), s.run_keys([])],
    "curve_keys": lambda b, s: [s.curve_keys([b.first, b.open_run]), s.curve_keys([])],
    "metric_curves": lambda b, s: [
        s.metric_curves(CurveQuery((b.first, b.open_run, "0" * 32), ("loss", "odd", "none"), points=points))
        for points in (4, 1000)
    ],
    "count_runs": lambda b, s: [s.count_runs(), s.count_runs([b.experiment_id]), s.count_runs([])],
    "find_run_ids": lambda b, s: [s.find_run_ids("run-1"), s.find_run_ids(b.first[:7], limit=1), s.find_run_ids("")],
    "run_news": lambda b, s: [
        s.run_news(NewsQuery(b.open_run)),
        s.run_news(NewsQuery(b.first, {"odd": None, "loss": (40, 50, 0.0, 0)}, ("C",), counted=("loss",))),
        s.run_news(NewsQuery(b.first, {"loss": None}, most=3)),
    ],
    "metric_outlines": lambda b, s: [s.metric_outlines(b.first), s.metric_outlines(b.first, width=3)],
    "list_artifacts": lambda b, s: [s.list_artifacts(b.first), s.list_artifacts(b.second)],
    "artifact_records": lambda b, s: [s.artifact_records(b.first), s.artifact_records(b.first, safe_path("a"))],
    "get_failure": lambda b, s: [s.get_failure(b.first), s.get_failure(b.second)],
    "get_captured": lambda b, s: [s.get_captured(b.first), s.get_captured(b.second)],
    "get_environment": lambda b, s: [s.get_environment(b.first), s.get_environment(b.second)],
    "load_snapshot": lambda b, s: [s.load_snapshot(b.first), s.load_snapshot(b.open_run)],
    "cell_sources": lambda b, s: [s.cell_sources(b.second), s.cell_sources(b.open_run)],
    "previous_run_of_cell": lambda b, s: [s.previous_run_of_cell(b.first), s.previous_run_of_cell(b.open_run)],
    "logged_model_records": lambda b, s: [
        s.logged_model_records(b.model_id),
        s.logged_model_records(b.model_id, safe_path("none")),
    ],
    "known_source": lambda b, s: [s.known_source(NewModelVersion("Other", f"runs:/{b.first}/m", b.first))],
    "model_version_source": lambda _, s: [s.model_version_source("Net", "1")],
}


@pytest.mark.parametrize("name", READS)
def test_a_look_over_the_wire_equals_one_at_the_store(name: str, behind: Behind) -> None:
    told = READS[name](behind, behind.extras)
    assert plain(told) == plain(READS[name](behind, behind.store))


def test_a_value_comes_back_exactly(behind: Behind) -> None:
    (curve,) = behind.extras.metric_curves(CurveQuery((behind.first,), ("odd",)))
    assert [repr(each) for each in curve.values] == ["nan", "inf", "-inf", "-0.0"]
    columns = behind.extras.run_columns(every(behind), ["metrics.odd"])
    assert {repr(each) for each in columns.columns["metrics.odd"]} == {"-0.0"}


def write_ended(behind: Behind) -> None:
    metrics = (Metric("a", math.nan, 1), Metric("b", -0.0, 1, 2))
    one = EndedRun(NewRun(behind.experiment_id, "over", 5, tags=(RunTag("t", "v"),)), 9, metrics, (Param("p", "q"),))
    chosen = replace(one, new=replace(one.new, run_id="ab" * 16), status="FAILED")
    first, second = behind.extras.add_ended_runs([one, chosen])
    assert second == "ab" * 16
    assert behind.extras.add_ended_runs([chosen]) == [second]  # as after an answer that was lost
    found = behind.store.get_run(first)
    assert (found.info.status, found.info.end_time, found.data.params) == ("FINISHED", 9, {"p": "q"})
    assert [repr(each) for each in found.data.metrics.values()] == ["nan", "-0.0"]
    assert behind.store.get_run(second).info.status == "FAILED"


def write_records(behind: Behind) -> None:
    run_id = a_run(behind)
    behind.extras.record_artifacts(run_id, {safe_path("ü/b"): (4, DIGEST)})
    assert behind.store.artifact_records(run_id) == {"ü/b": FileRecord(4, DIGEST)}


def write_failure(behind: Behind) -> None:
    run_id, failure = a_run(behind), Failure("E", "ü\0", "…\n")
    behind.extras.record_failure(run_id, failure)
    assert behind.store.get_failure(run_id) == failure


def write_captured(behind: Behind) -> None:
    run_id, names = (
        a_run(behind),
        [CapturedName("param", "x", "read"), CapturedName("metric", "y", "bound", 2, 0, 2, 1)],
    )
    behind.extras.record_captured(run_id, names)
    assert sorted(map(repr, behind.store.get_captured(run_id))) == sorted(map(repr, names))


def write_environment(behind: Behind) -> None:
    run_id, document = a_run(behind), {"a": [1, 2.5, None, True], "ü": {"b": "c"}}
    behind.extras.set_environment(run_id, document)
    assert behind.store.get_environment(run_id) == document


def write_snapshot(behind: Behind) -> None:
    run_id, session = a_run(behind), Session("6" * 32, 1)
    first = ExecutionWrite(1, Blob.of("a = 1"), 1, "c", 1, 2, "ok", "{}", Blob.of("[]"))
    behind.extras.save_snapshot(run_id, SnapshotWrite(session, 1, "id:c", "tap", [first]))
    found = behind.store.load_snapshot(run_id)
    assert found is not None
    assert (found.session, [each.source for each in found.executions]) == (session, ["a = 1"])
    with pytest.raises(MissingCellsError):
        behind.extras.save_snapshot(a_run(behind), SnapshotWrite(Session("7" * 32, 1), 3, "id:c", "tap", [first]))


def write_model_files(behind: Behind) -> None:
    behind.extras.record_logged_model_files(behind.model_id, {safe_path("more"): FileRecord(1, DIGEST)})
    assert behind.store.logged_model_records(behind.model_id, safe_path("more")) == {"more": FileRecord(1, DIGEST)}


def write_note(behind: Behind) -> None:
    behind.extras.note_model_version(behind.model_id, "Net", "1")
    assert "Net" in behind.store.get_logged_model(behind.model_id).tags["mlflow.modelVersions"]
    behind.extras.note_model_version("m-" + "0" * 32, "Net", "1")


def write_end(behind: Behind) -> None:
    run_id = a_run(behind)
    behind.store.log_batch(run_id, params=[Param("mine", "1")], metrics=[Metric("own", 1.0, 1)])
    read = DatasetInput(Dataset("d", "1", "local", "s"), (InputTag("mlflow.data.context", "training"),))
    names = (
        CapturedName("param", "mine", "bound"),
        CapturedName("param", "x", "bound"),
        CapturedName("metric", "own", "bound"),
        CapturedName("metric", "y", "bound"),
        CapturedName("param", "o", "option"),
    )
    end = CellEnd(
        run_id,
        (read,),
        (Metric("own", 2.0, 2), Metric("y", math.nan, 2)),
        (Param("mine", "2"), Param("x", "3")),
        (RunTag("left", "out"),),
        names,
        Failure("E", "m", "t"),
    )
    for _ in range(2):  # the second time as after an answer that was lost
        behind.extras.end_cell(end)
    found = behind.store.get_run(run_id)
    assert found.data.params == {"mine": "1", "x": "3"}
    assert found.data.metrics["own"] == 1.0
    assert math.isnan(found.data.metrics["y"])
    assert found.data.tags["left"] == "out"
    assert found.inputs.dataset_inputs == (read,)
    assert sorted(each.name for each in behind.store.get_captured(run_id)) == ["o", "x", "y"]
    assert behind.store.get_failure(run_id) == end.failure


WRITES: dict[str, Callable[[Behind], None]] = {
    "add_ended_runs": write_ended,
    "record_artifacts": write_records,
    "record_failure": write_failure,
    "record_captured": write_captured,
    "set_environment": write_environment,
    "save_snapshot": write_snapshot,
    "record_logged_model_files": write_model_files,
    "note_model_version": write_note,
    "end_cell": write_end,
}


@pytest.mark.parametrize("name", WRITES)
def test_what_is_written_over_the_wire_is_in_the_store(name: str, behind: Behind) -> None:
    WRITES[name](behind)


def test_run_facts_are_those_of_the_store_with_places_that_callers_see(behind: Behind) -> None:
    told, known = behind.extras.run_facts(behind.open_run), read_facts(behind.store, behind.open_run)
    assert told.run.info.artifact_uri.startswith("mlflow-artifacts:/")
    assert told.previous is not None
    assert told.previous.info.artifact_uri.startswith("mlflow-artifacts:/")
    shown = replace(told, run=known.run, previous=known.previous)
    assert plain(shown) == plain(known)
    assert (told.changed_cells, told.outlines["loss"][0]) == (1, 50)


def test_a_place_is_shown_as_callers_see_it(behind: Behind) -> None:
    assert behind.extras.source_place(f"runs:/{behind.first}/a/b").endswith(f"{behind.first}/artifacts/a/b")
    assert behind.extras.source_place(f"models:/{behind.model_id}").startswith("mlflow-artifacts:/")
    assert behind.model_id in behind.extras.source_place(f"runs:/{behind.first}/net")


def test_the_version_changes_with_what_is_written_by_whomever(behind: Behind) -> None:
    seen = [behind.extras.version() for _ in range(20)]
    assert len(set(seen)) == 1
    behind.store.log_batch(behind.open_run, tags=[RunTag("new", "1")])
    second = behind.extras.version()
    assert second != seen[0]
    behind.extras.record_failure(behind.open_run, Failure("E", "", ""))
    assert behind.extras.version() != second


def test_no_file_is_linked_across_a_wire(behind: Behind) -> None:
    assert behind.extras.find_stored_file(behind.experiment_id, FileRecord(7, DIGEST)) is None


def test_each_call_is_asked_in_a_test_and_is_a_method_of_the_store() -> None:
    elsewhere = {"run_facts", "source_place", "version"}
    assert set(CALLS) == {*READS, *WRITES} | elsewhere
    extras = {name for name in vars(Extras) if not name.startswith("_")}
    assert extras - set(CALLS) == {"find_stored_file", "note_change", "flush", "close"}
    methods = {name for each in Store.__mro__ for name in vars(each)}
    assert set(CALLS) - methods == {"end_cell", "run_facts"}
