"""The store over real files: experiments, runs, batches and searches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from tests.core.stores import FINISHED, begin, delete_experiment, delete_run

from mltrack.entities import Metric, Param, RunStatus, RunTag, ViewType
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, NotFoundError
from mltrack.process import current_owner
from mltrack.store.pages import Search
from mltrack.store.protocol import Failure, NewRun, RunChange

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mltrack.store.sqlite import SqliteStore


# Experiments


def test_an_experiment_is_found_by_id_and_name(store: SqliteStore, tmp_path: Path) -> None:
    made = store.create_experiment("first")
    assert store.get_experiment(made) == store.get_experiment_by_name("first")
    found = store.get_experiment(made)
    assert (found.name, found.lifecycle_stage) == ("first", "active")
    assert found.artifact_location == str(tmp_path / "mlartifacts" / made)
    assert store.get_experiment_by_name("First") is None
    assert [each.name for each in store.list_experiments()] == ["first", "Default"]


def test_a_taken_name_is_refused_also_by_a_deleted_experiment(store: SqliteStore) -> None:
    made = store.create_experiment("a")
    with pytest.raises(AlreadyExistsError, match="'a' already") as caught:
        store.create_experiment("a")
    assert caught.value.error_code == "RESOURCE_ALREADY_EXISTS"
    delete_experiment(store, made)
    with pytest.raises(AlreadyExistsError, match="deleted"):
        store.create_experiment("a")
    assert store.get_experiment(made).lifecycle_stage == "deleted"
    assert [each.name for each in store.list_experiments()] == ["Default"]
    with pytest.raises(InvalidParameterError, match="deleted"):
        begin(store, experiment_id=made)


@pytest.mark.parametrize("name", ["a b", "ab", "a%20b", "a/b", "../a", "'; DROP TABLE runs; --", "A B"])
def test_names_never_cross(store: SqliteStore, tmp_path: Path, name: str) -> None:
    others = {"a b", "ab", "a%20b", "a/b", "../a", "'; DROP TABLE runs; --", "A B"} - {name}
    ids = {other: store.create_experiment(other) for other in others}
    assert store.get_experiment_by_name(name) is None
    mine = store.create_experiment(name)
    assert mine not in ids.values()
    places = {store.get_experiment(each).artifact_location for each in (mine, *ids.values())}
    assert len(places) == 7
    assert all(place.startswith(str(tmp_path / "mlartifacts") + "/") and ".." not in place for place in places)


@pytest.mark.parametrize("experiment_id", ["x", "-1", "1.0", " 1", "", "²", "../0", None, 0])
def test_what_is_no_experiment_id_is_said_to_be(store: SqliteStore, experiment_id: str) -> None:
    with pytest.raises(InvalidParameterError, match="no experiment id"):
        store.get_experiment(experiment_id)


@pytest.mark.parametrize("experiment_id", ["1", "9" * 18, "9" * 19, "9" * 5000])
def test_unknown_experiments(store: SqliteStore, experiment_id: str) -> None:
    with pytest.raises(NotFoundError):
        store.get_experiment(experiment_id)


@pytest.mark.parametrize(
    ("place", "found"), [("here/there", "{}/here/there"), ("/abs/x", "/abs/x"), ("file:///abs/a%20b", "/abs/a b")]
)
def test_artifacts_may_lie_elsewhere(store: SqliteStore, tmp_path: Path, place: str, found: str) -> None:
    made = store.create_experiment("a", artifact_location=place)
    expected = found.format(tmp_path)
    assert store.get_experiment(made).artifact_location == expected
    run_id = begin(store, experiment_id=made)
    assert store.artifact_folder(run_id).uri == store.get_run(run_id).info.artifact_uri
    assert store.artifact_folder(run_id).uri == f"{expected}/{run_id}/artifacts"


@pytest.mark.parametrize(
    "place",
    ["http://169.254.169.254/x", "s3://a:b@bucket", "runs:/x://", "", "a\0b", "a\nb", "/x" * 1025, "file://host/x"],
)
def test_places_that_are_no_folder_are_refused(store: SqliteStore, place: str) -> None:
    with pytest.raises(InvalidParameterError, match="Artifacts cannot be kept"):
        store.create_experiment("a", artifact_location=place)
    assert store.get_experiment_by_name("a") is None


# Runs


def test_a_run_is_what_was_said(store: SqliteStore) -> None:
    new = NewRun("0", "näme", 12, "me", (RunTag("k", "v"),), str(current_owner()))
    info = store.create_run(new)
    run = store.get_run(info.run_id)
    assert run.info == info
    assert len(info.run_id) == 32
    assert int(info.run_id, 16)
    assert (info.run_name, info.start_time, info.end_time, info.user_id) == ("näme", 12, None, "me")
    assert (info.status, info.lifecycle_stage, info.run_uuid) == ("RUNNING", "active", info.run_id)
    assert run.data.tags == {"k": "v", "mlflow.runName": "näme"}


@pytest.mark.parametrize("run_id", ["", "0" * 32, "../x", "%", "a" * 5000])
def test_unknown_runs(store: SqliteStore, run_id: str) -> None:
    calls: Sequence[Callable[[], object]] = [
        lambda: store.get_run(run_id),
        lambda: store.update_run(run_id, FINISHED),
        lambda: store.log_batch(run_id),
        lambda: store.artifact_folder(run_id),
        lambda: store.record_artifacts(run_id, {}),
        lambda: store.record_failure(run_id, Failure("a", "b", "c")),
        lambda: store.record_captured(run_id, []),
        lambda: store.set_environment(run_id, {}),
        lambda: store.load_snapshot(run_id),
    ]
    for call in calls:
        with pytest.raises(NotFoundError) as caught:
            call()
        assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_a_deleted_run_is_read_and_not_written(store: SqliteStore) -> None:
    run_id = begin(store)
    delete_run(store, run_id)
    assert store.get_run(run_id).info.lifecycle_stage == "deleted"
    for call in (lambda: store.log_batch(run_id, params=[Param("p", "1")]), lambda: store.update_run(run_id, FINISHED)):
        with pytest.raises(InvalidParameterError, match="deleted"):
            call()
    assert store.count_runs() == 0
    assert store.find_run_ids(run_id) == []
    found = {view: len(store.search_runs(Search(("0",), view_type=view)).rows) for view in ViewType}
    assert found == {ViewType.ACTIVE_ONLY: 0, ViewType.DELETED_ONLY: 1, ViewType.ALL: 1}


def test_ending_and_taking_up_a_run(store: SqliteStore) -> None:
    run_id = begin(store)
    info = store.update_run(run_id, FINISHED)
    assert (info.status, info.end_time) == ("FINISHED", 10)
    info = store.update_run(run_id, RunChange(status=RunStatus.RUNNING, run_name="again"))
    assert (info.status, info.end_time, info.run_name) == ("RUNNING", None, "again")
    assert store.get_run(run_id).data.tags["mlflow.runName"] == "again"


def test_the_name_and_its_tag_are_one(store: SqliteStore) -> None:
    run_id = begin(store)
    store.log_batch(run_id, tags=[RunTag("mlflow.runName", "by tag")])
    assert store.get_run(run_id).info.run_name == "by tag"
    store.update_run(run_id, RunChange(run_name="by change"))
    assert store.get_run(run_id).data.tags["mlflow.runName"] == "by change"


# Batches


def test_a_batch_is_written_whole(store: SqliteStore) -> None:
    run_id = begin(store)
    store.log_batch(run_id, metrics=[Metric("m", 1.0, 1)], params=[Param("p", "1")], tags=[RunTag("t", "x")])
    data = store.get_run(run_id).data
    assert (data.metrics, data.params, data.tags["t"]) == ({"m": 1.0}, {"p": "1"}, "x")
    store.log_batch(run_id)


def test_a_refused_batch_leaves_nothing(store: SqliteStore) -> None:
    run_id = begin(store)
    store.log_batch(run_id, params=[Param("p", "1")])
    before = store.get_run(run_id)
    with pytest.raises(InvalidParameterError, match="'p' is '1' on this run already and cannot become '2'"):
        store.log_batch(
            run_id,
            metrics=[Metric("new", 1.0, 1)],
            params=[Param("q", "1"), Param("p", "2")],
            tags=[RunTag("t", "x")],
        )
    assert store.get_run(run_id) == before
    store.log_batch(run_id, metrics=[Metric("new", 2.0, 1)])  # its number was not remembered from what was undone
    assert store.get_run(run_id).data.metrics == {"new": 2.0}


@pytest.mark.parametrize("second", ["1", ""])
def test_one_param_twice_in_a_batch(store: SqliteStore, second: str) -> None:
    run_id = begin(store)
    with pytest.raises(InvalidParameterError, match="twice"):
        store.log_batch(run_id, params=[Param("p", "1"), Param("p", second)])
    assert store.get_run(run_id).data.params == {}


def test_a_param_is_written_again_with_its_value_only(store: SqliteStore) -> None:
    run_id = begin(store)
    for _ in range(2):
        store.log_batch(run_id, params=[Param("p", ""), Param("q", "a")])
    with pytest.raises(InvalidParameterError):
        store.log_batch(run_id, params=[Param("p", " ")])
    assert store.get_run(run_id).data.params == {"p": "", "q": "a"}


def test_tags_are_overwritten(store: SqliteStore) -> None:
    run_id = begin(store)
    store.log_batch(run_id, tags=[RunTag("t", "1"), RunTag("t", "2")])
    store.log_batch(run_id, tags=[RunTag("t", "3")])
    assert store.get_run(run_id).data.tags["t"] == "3"


@pytest.mark.parametrize(
    ("metrics", "params", "tags", "word"),
    [(1001, 0, 0, "metrics"), (0, 101, 0, "params"), (0, 0, 101, "tags"), (901, 50, 50, "items")],
)
def test_a_batch_over_a_limit_is_refused(store: SqliteStore, metrics: int, params: int, tags: int, word: str) -> None:
    run_id = begin(store)

    def write(less: int) -> None:
        store.log_batch(
            run_id,
            metrics=[Metric("m", 1.0, 1, step) for step in range(max(0, metrics - less))],
            params=[Param(f"p{n}", "1") for n in range(params - less if params and not metrics else params)],
            tags=[RunTag(f"t{n}", "1") for n in range(tags - less if tags and not metrics else tags)],
        )

    before = store.get_run(run_id)
    with pytest.raises(InvalidParameterError, match=word):
        write(0)
    assert store.get_run(run_id) == before
    write(1)
    assert store.get_run(run_id) != before


# Searching


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 50])
@pytest.mark.parametrize("order", [(), ("attributes.start_time",), ("metrics.m",), ("params.p DESC", "metrics.m")])
def test_pages_neither_lose_nor_double_a_run(store: SqliteStore, size: int, order: tuple[str, ...]) -> None:
    ids = [begin(store, start_time=5) for _ in range(8)]
    for run_id in ids[:4]:
        store.log_batch(run_id, metrics=[Metric("m", 1.0, 1)], params=[Param("p", "same")])
    whole = [run.info.run_id for run in store.search_runs(Search(("0",), order_by=order)).rows]
    assert sorted(whole) == sorted(ids)
    found, token = [], None
    while True:
        page = store.search_runs(Search(("0",), order_by=order, max_results=size, page_token=token))
        found += [run.info.run_id for run in page.rows]
        token = page.token
        if token is None:
            break
        assert len(page.rows) == size
    assert found == whole


@pytest.mark.parametrize(
    "token", ["x", "e30=", "bnVsbA==", "eyJvZmZzZXQiOi0xfQ==", "é", "W10=", "eyJvZmZzZXQiOiJhIn0="]
)
def test_foreign_page_tokens(store: SqliteStore, token: str) -> None:
    with pytest.raises(InvalidParameterError, match="no page token"):
        store.search_runs(Search(("0",), page_token=token))


@pytest.mark.parametrize("size", [0, -1, 50_001, 2**63, math.nan, "x", None, True])
def test_page_sizes_outside_the_limits(store: SqliteStore, size: int) -> None:
    with pytest.raises(InvalidParameterError, match="max_results"):
        store.search_runs(Search(("0",), max_results=size))


@pytest.mark.parametrize("text", ["' OR 1=1 --", "'; DROP TABLE runs; --", "().__class__", "a" * 100_000])
def test_hostile_filters_change_nothing(store: SqliteStore, text: str) -> None:
    begin(store)
    for search in (Search(("0",), text), Search(("0",), order_by=(text,))):
        with pytest.raises(InvalidParameterError):
            store.search_runs(search)
    assert store.count_runs() == 1


def test_runs_are_searched_and_counted_by_experiment(store: SqliteStore) -> None:
    other = store.create_experiment("other")
    first, second = begin(store), begin(store, experiment_id=other)
    assert [run.info.run_id for run in store.search_runs(Search((other,))).rows] == [second]
    assert {run.info.run_id for run in store.search_runs(Search(("0", other))).rows} == {first, second}
    assert store.search_runs(Search(())).rows == ()
    assert store.search_runs(Search(("99",))).rows == ()
    assert (store.count_runs(), store.count_runs([other]), store.count_runs([])) == (2, 1, 0)


def test_ids_are_found_by_their_first_digits_and_by_name(store: SqliteStore) -> None:
    old = begin(store, "twin", start_time=1)
    new = begin(store, "twin", start_time=2)
    assert store.find_run_ids("twin") == [new, old]
    assert store.find_run_ids(old) == [old]
    assert store.find_run_ids(old[:20]) == [old]
    for nothing in ("", "%", "twi", "_" * 32, old + "0", "Twin"):
        assert store.find_run_ids(nothing) == []
    for number in range(25):
        begin(store, "many", start_time=number)
    assert len(store.find_run_ids("many")) == 20
    assert len(store.find_run_ids("many", limit=3)) == 3
