"""The store over real files: what goes in comes out, whole or not at all, and live runs answer as ended ones do."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mltrack.entities import CapturedName, Metric, Param, RunStatus, RunTag, ViewType
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, NotFoundError
from mltrack.process import current_owner
from mltrack.store.artifacts import safe_path
from mltrack.store.notebooks import Blob, ExecutionWrite, Session, SnapshotWrite
from mltrack.store.protocol import Failure, NewRun, RunChange, RunSearch
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

FINISHED = RunChange(status=RunStatus.FINISHED, end_time=10)
INT64 = st.integers(-(2**63), 2**63 - 1)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "mltrack.db")


def begin(store: SqliteStore, name: str = "run", **options: object) -> str:
    fields = {"experiment_id": "0", "run_name": name, "start_time": 1, **options}
    return store.create_run(NewRun(**fields)).run_id  # type: ignore[arg-type]


def delete_run(store: SqliteStore, run_id: str) -> None:
    store._database.write(
        lambda connection: connection.execute("UPDATE runs SET lifecycle_stage = 'deleted' WHERE uuid = ?", (run_id,))
    )


def delete_experiment(store: SqliteStore, experiment_id: str) -> None:
    query = "UPDATE experiments SET lifecycle_stage = 'deleted' WHERE id = ?"
    store._database.write(lambda connection: connection.execute(query, (int(experiment_id),)))


def bits(value: float) -> bytes:
    return b"nan" if math.isnan(value) else struct.pack(">d", value)


# Experiments


def test_an_experiment_is_found_by_id_and_name(store: SqliteStore) -> None:
    made = store.create_experiment("first")
    assert store.get_experiment(made) == store.get_experiment_by_name("first")
    found = store.get_experiment(made)
    assert (found.name, found.lifecycle_stage) == ("first", "active")
    assert found.artifact_location == str(store.path.parent / "mlartifacts" / made)
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
def test_names_never_cross(store: SqliteStore, name: str) -> None:
    others = {"a b", "ab", "a%20b", "a/b", "../a", "'; DROP TABLE runs; --", "A B"} - {name}
    ids = {other: store.create_experiment(other) for other in others}
    assert store.get_experiment_by_name(name) is None
    mine = store.create_experiment(name)
    assert mine not in ids.values()
    places = {store.get_experiment(each).artifact_location for each in (mine, *ids.values())}
    assert len(places) == 7
    assert all(place.startswith(str(store.path.parent / "mlartifacts") + "/") and ".." not in place for place in places)


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
def test_artifacts_may_lie_elsewhere(store: SqliteStore, place: str, found: str) -> None:
    made = store.create_experiment("a", artifact_location=place)
    expected = found.format(store.path.parent)
    assert store.get_experiment(made).artifact_location == expected
    run_id = begin(store, experiment_id=made)
    assert str(store.artifact_root(run_id)) == store.get_run(run_id).info.artifact_uri
    assert str(store.artifact_root(run_id)) == f"{expected}/{run_id}/artifacts"


@pytest.mark.parametrize(
    "place", ["http://169.254.169.254/x", "s3://bucket", "runs:/x://", "", "a\0b", "a\nb", "/x" * 1025, "file://host/x"]
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
        lambda: store.artifact_root(run_id),
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
    found = {view: len(store.search_runs(RunSearch(("0",), view_type=view)).runs) for view in ViewType}
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
    batch = [Param("p", "1"), Param("p", second)]
    if second == "1":
        store.log_batch(run_id, params=batch)
        assert store.get_run(run_id).data.params == {"p": "1"}
    else:
        with pytest.raises(InvalidParameterError, match="written once"):
            store.log_batch(run_id, params=batch)
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


# Metrics


def test_history_is_by_time_step_and_value(store: SqliteStore) -> None:
    run_id = begin(store)
    points = [Metric("m", v, t, s) for v, t, s in [(3.0, 2, 0), (1.0, 1, 5), (2.0, 1, -5), (0.5, 1, 5), (9.0, 0, 9)]]
    store.log_batch(run_id, metrics=points)
    assert store.metric_history(run_id, "m") == sorted(points, key=lambda m: (m.timestamp, m.step, m.value))
    assert store.metric_history(run_id, "other") == []
    assert store.metric_history("none", "m") == []


def test_the_same_point_is_kept_once(store: SqliteStore) -> None:
    run_id = begin(store)
    for value in (1.0, 1.0, math.nan, math.nan, 0.0, -0.0, -0.0):
        store.log_batch(run_id, metrics=[Metric("m", value, 1, 1)])
    assert sorted(bits(m.value) for m in store.metric_history(run_id, "m")) == sorted(
        map(bits, (1.0, math.nan, 0.0, -0.0))
    )


SPECIAL = st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, -1e-320, 1.7976931348623157e308])


@given(value=st.floats() | SPECIAL)
@settings(max_examples=60, deadline=None)
def test_every_float_comes_back(tmp_path_factory: pytest.TempPathFactory, value: float) -> None:
    store = SqliteStore(tmp_path_factory.getbasetemp() / "floats.db")
    run_id = begin(store)
    store.log_batch(run_id, metrics=[Metric("m", value, 1, 1)])
    assert [bits(m.value) for m in store.metric_history(run_id, "m")] == [bits(value)]
    assert bits(store.get_run(run_id).data.metrics["m"]) == bits(value)
    store.update_run(run_id, FINISHED)
    assert bits(store.get_run(run_id).data.metrics["m"]) == bits(value)
    store.close()


POINTS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from([1.0, 2.0, 0.0, -0.0, math.nan, -1.0, math.inf]),
        st.integers(0, 2),
        st.integers(-1, 1),
        st.booleans(),
    ),
    max_size=12,
)


def order_of(point: Metric) -> tuple[int, int, float]:
    """What MLflow compares to find a metric's latest point; its NaN counts as 0."""
    return (point.step, point.timestamp, 0.0 if math.isnan(point.value) else point.value)


@given(points=POINTS)
@settings(max_examples=60, deadline=None)
def test_the_latest_point_is_the_largest_by_step_time_and_value_live_ended_and_late(
    tmp_path_factory: pytest.TempPathFactory, points: list[tuple[str, float, int, int, bool]]
) -> None:
    store = SqliteStore(tmp_path_factory.getbasetemp() / "latest.db")
    live, ended, late = (begin(store, name) for name in ("live", "ended", "late"))
    store.update_run(late, FINISHED)
    for key, value, timestamp, step, _ in points:
        for run_id in (live, ended, late):
            store.log_batch(run_id, metrics=[Metric(key, value, timestamp, step)])
    store.update_run(ended, FINISHED)
    answers = [
        {m.key: (bits(m.value), m.timestamp, m.step) for m in store.get_run(run_id).data.latest}
        for run_id in (live, ended, late)
    ]
    assert answers[0] == answers[1] == answers[2]
    for key, (_, timestamp, step) in answers[0].items():
        best = max((Metric(k, v, t, s) for k, v, t, s, _ in points if k == key), key=order_of)
        assert (step, timestamp) == (best.step, best.timestamp)
        assert order_of(next(m for m in store.get_run(live).data.latest if m.key == key)) == order_of(best)
    store.close()


FILTERS = ["", "metrics.a > 1", "metrics.a <= 2", "metrics.b != 1", "metrics.a > 0 AND metrics.b > 0", "params.p = '1'"]


@pytest.mark.parametrize("filter_string", FILTERS)
@pytest.mark.parametrize("order", [(), ("metrics.a DESC",), ("metrics.b",), ("params.p", "metrics.a")])
def test_live_and_ended_runs_are_found_alike(store: SqliteStore, filter_string: str, order: tuple[str, ...]) -> None:
    values = [{"a": 1.0}, {"a": 2.0, "b": 1.0}, {"b": 2.0}, {}, {"a": math.nan, "b": math.inf}, {"a": -0.0}]
    ids = []
    for number, metrics in enumerate(values):
        run_id = begin(store, start_time=number)
        store.log_batch(run_id, metrics=[Metric(key, 99.0, 1, 0) for key in metrics])
        store.log_batch(run_id, metrics=[Metric(key, value, 1, 1) for key, value in metrics.items()])
        store.log_batch(run_id, params=[Param("p", str(number % 2))])
        ids.append(run_id)
    search = RunSearch(("0",), filter_string, order)
    live = [run.info.run_id for run in store.search_runs(search).runs]
    for run_id in ids[::2]:
        store.update_run(run_id, FINISHED)
    half = [run.info.run_id for run in store.search_runs(search).runs]
    for run_id in ids:
        store.update_run(run_id, FINISHED)
    assert live == half == [run.info.run_id for run in store.search_runs(search).runs]
    for run_id in ids:
        store.update_run(run_id, RunChange(status=RunStatus.RUNNING))
    assert live == [run.info.run_id for run in store.search_runs(search).runs]


def test_a_run_taken_up_again_goes_on(store: SqliteStore) -> None:
    run_id = begin(store)
    store.log_batch(run_id, metrics=[Metric("m", 1.0, 1, 1)])
    store.update_run(run_id, FINISHED)
    store.update_run(run_id, RunChange(status=RunStatus.RUNNING))
    store.log_batch(run_id, metrics=[Metric("m", 2.0, 2, 2), Metric("n", 3.0, 2, 0)])
    assert store.get_run(run_id).data.metrics == {"m": 2.0, "n": 3.0}
    store.update_run(run_id, FINISHED)
    assert store.get_run(run_id).data.metrics == {"m": 2.0, "n": 3.0}
    assert len(store.metric_history(run_id, "m")) == 2


@given(step=INT64)
@settings(max_examples=20, deadline=None)
def test_every_step_comes_back(tmp_path_factory: pytest.TempPathFactory, step: int) -> None:
    store = SqliteStore(tmp_path_factory.getbasetemp() / "steps.db")
    run_id = begin(store)
    store.log_batch(run_id, metrics=[Metric("m", 1.0, 2**63 - 1, step), Metric("m", 1.0, 0, 0)])
    assert Metric("m", 1.0, 2**63 - 1, step) in store.metric_history(run_id, "m")
    assert store.metric_outlines(run_id)["m"][0] == 2
    store.close()


def test_outlines(store: SqliteStore) -> None:
    run_id = begin(store)
    store.log_batch(run_id, metrics=[Metric("long", float(step), 1, step) for step in range(1000)])
    store.log_batch(run_id, metrics=[Metric("two", 5.0, 1, 0), Metric("two", math.nan, 1, 9), Metric("one", 1.0, 1)])
    store.log_batch(run_id, metrics=[Metric("one step", 1.0, 1, 3), Metric("one step", 2.0, 2, 3)])
    outlines = store.metric_outlines(run_id, width=11)
    assert list(outlines) == ["long", "one step", "two"]
    count, values = outlines["long"]
    assert count == 1000
    assert values == (0, 99, 199, 299, 399, 499, 599, 699, 799, 899, 999)
    assert outlines["two"][0] == 2
    assert bits(outlines["two"][1][0]) == bits(5.0)
    assert bits(outlines["two"][1][-1]) == bits(math.nan)
    assert outlines["one step"] == (2, (1.0,))
    assert store.metric_outlines("none") == {}


# Searching


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 50])
@pytest.mark.parametrize("order", [(), ("attributes.start_time",), ("metrics.m",), ("params.p DESC", "metrics.m")])
def test_pages_neither_lose_nor_double_a_run(store: SqliteStore, size: int, order: tuple[str, ...]) -> None:
    ids = [begin(store, start_time=5) for _ in range(8)]
    for run_id in ids[:4]:
        store.log_batch(run_id, metrics=[Metric("m", 1.0, 1)], params=[Param("p", "same")])
    whole = [run.info.run_id for run in store.search_runs(RunSearch(("0",), order_by=order)).runs]
    assert sorted(whole) == sorted(ids)
    found, token = [], None
    while True:
        page = store.search_runs(RunSearch(("0",), order_by=order, max_results=size, page_token=token))
        found += [run.info.run_id for run in page.runs]
        token = page.token
        if token is None:
            break
        assert len(page.runs) == size
    assert found == whole


@pytest.mark.parametrize("token", ["x", "e30=", "bnVsbA==", "eyJvZmZzZXQiOi0xfQ==", "é", "W10=", "eyJvZmZzZXQiOiJhIn0="])
def test_foreign_page_tokens(store: SqliteStore, token: str) -> None:
    with pytest.raises(InvalidParameterError, match="no page token"):
        store.search_runs(RunSearch(("0",), page_token=token))


@pytest.mark.parametrize("size", [0, -1, 50_001, 2**63, math.nan, "x", None, True])
def test_page_sizes_outside_the_limits(store: SqliteStore, size: int) -> None:
    with pytest.raises(InvalidParameterError, match="max_results"):
        store.search_runs(RunSearch(("0",), max_results=size))


@pytest.mark.parametrize("text", ["' OR 1=1 --", "'; DROP TABLE runs; --", "().__class__", "a" * 100_000])
def test_hostile_filters_change_nothing(store: SqliteStore, text: str) -> None:
    begin(store)
    for search in (RunSearch(("0",), text), RunSearch(("0",), order_by=(text,))):
        with pytest.raises(InvalidParameterError):
            store.search_runs(search)
    assert store.count_runs() == 1


def test_runs_are_searched_and_counted_by_experiment(store: SqliteStore) -> None:
    other = store.create_experiment("other")
    first, second = begin(store), begin(store, experiment_id=other)
    assert [run.info.run_id for run in store.search_runs(RunSearch((other,))).runs] == [second]
    assert {run.info.run_id for run in store.search_runs(RunSearch(("0", other))).runs} == {first, second}
    assert store.search_runs(RunSearch(())).runs == ()
    assert store.search_runs(RunSearch(("99",))).runs == ()
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


# What a cell leaves


def test_artifacts_are_listed_by_path(store: SqliteStore) -> None:
    run_id = begin(store)
    files = {safe_path("b.txt"): (3, "x" * 64), safe_path("a/c.txt"): (4, "y" * 64)}
    store.record_artifacts(run_id, files)
    store.record_artifacts(run_id, {safe_path("b.txt"): (5, "z" * 64)})
    assert [(f.path, f.file_size, f.is_dir) for f in store.list_artifacts(run_id)] == [
        ("a/c.txt", 4, False),
        ("b.txt", 5, False),
    ]


def test_a_failure_and_captured_names_come_back(store: SqliteStore) -> None:
    run_id = begin(store)
    assert store.get_failure(run_id) is None
    failure = Failure("ValueError", "no <b>", "Traceback…\n")
    store.record_failure(run_id, failure)
    assert store.get_failure(run_id) == failure
    names = [
        CapturedName("param", "z", "read"),
        CapturedName("param", "a", "bound", 2, 4, 2, 7),
        CapturedName("metric", "a", "bound", 1, 0, 1, 3),
    ]
    store.record_captured(run_id, names)
    assert store.get_captured(run_id) == [names[2], names[1], names[0]]


def test_equal_environments_are_kept_once(store: SqliteStore) -> None:
    first, second, third = (begin(store) for _ in range(3))
    assert store.get_environment(first) is None
    store.set_environment(first, {"python": "3.11", "packages": {"a": "1", "ü": "2"}})
    store.set_environment(second, {"packages": {"ü": "2", "a": "1"}, "python": "3.11"})
    store.set_environment(third, {"python": "3.12"})
    assert store.get_environment(first) == store.get_environment(second) != store.get_environment(third)
    count = store._database.read(lambda c: c.execute("SELECT count(*) FROM environments").fetchone()[0])
    assert count == 2


SESSION = Session("s" * 32, 1, "kernel", "book.ipynb")


def ran(seq: int, source: str, *, cell: str | None = None, shown: str | None = None) -> ExecutionWrite:
    outputs = None if shown is None else Blob.of(shown)
    return ExecutionWrite(seq, Blob.of(source), seq, cell, seq, seq + 1, "ok", outputs=outputs)


def test_a_snapshot_is_the_log_up_to_its_own_execution(store: SqliteStore) -> None:
    first, second = begin(store), begin(store)
    store.save_snapshot(first, SnapshotWrite(SESSION, 2, "cell-b", "tap", [ran(1, "a = 1"), ran(2, "b = 2")]))
    store.save_snapshot(second, SnapshotWrite(SESSION, 4, "cell-d", "tap", [ran(3, "c = 3"), ran(4, "d = 4")]))
    found = store.load_snapshot(first)
    assert found is not None
    assert [each.source for each in found.executions] == ["a = 1", "b = 2"]
    assert (found.session, found.seq, found.cell_key, found.how) == (SESSION, 2, "cell-b", "tap")
    assert (found.manifest, found.texts) == (None, {})
    later = store.load_snapshot(second)
    assert later is not None
    assert [each.source for each in later.executions] == ["a = 1", "b = 2", "c = 3", "d = 4"]
    assert later.executions[0].outputs == "[]"
    assert store.load_snapshot(begin(store)) is None


def test_late_outputs_are_as_of_the_run_that_saw_them(store: SqliteStore) -> None:
    """A later cell may update an earlier display: each run keeps what it saw."""
    first, second, third = (begin(store) for _ in range(3))
    store.save_snapshot(first, SnapshotWrite(SESSION, 1, "a", "tap", [ran(1, "h = display()", shown='["10 %"]')]))
    store.save_snapshot(second, SnapshotWrite(SESSION, 2, "b", "tap", [ran(2, "h.update()", shown="[]")]))
    store.save_snapshot(third, SnapshotWrite(SESSION, 3, "c", "tap", [ran(1, "h = display()", shown='["90 %"]'), ran(3, "")]))
    shown = []
    for run_id in (first, second, third):
        snapshot = store.load_snapshot(run_id)
        assert snapshot is not None
        shown.append(snapshot.executions[0].outputs)
    assert shown == ['["10 %"]', '["10 %"]', '["90 %"]']
    # Output of a run's own cell that arrives after the run was saved belongs to it.
    store.save_snapshot(first, SnapshotWrite(SESSION, 1, "a", "tap", [ran(1, "h = display()", shown='["11 %"]')]))
    again = store.load_snapshot(first)
    assert again is not None
    assert again.executions[0].outputs == '["11 %"]'


def test_equal_texts_are_kept_once(store: SqliteStore) -> None:
    text = "x = 1\n" * 10_000
    for number in range(20):
        session = Session(f"{number:032}", 1)
        store.save_snapshot(begin(store), SnapshotWrite(session, 1, "a", "tap", [ran(1, text, shown="[]")]))
    rows = store._database.read(lambda c: c.execute("SELECT size, encoding, length(data) FROM blobs").fetchall())
    assert sorted(rows) == [(2, "raw", 2), (60_000, "zlib", rows[[row[0] for row in rows].index(60_000)][2])]
    assert all(kept < 1000 for _, _, kept in rows)


@pytest.mark.parametrize("text", ["", "a", "ü" * 100, "\ud800", "a\0b", "x" * 100_000])
def test_any_text_comes_back_from_a_snapshot(store: SqliteStore, text: str) -> None:
    run_id = begin(store)
    store.save_snapshot(run_id, SnapshotWrite(SESSION, 1, "a", "tap", [ran(1, text, shown="[]")]))
    snapshot = store.load_snapshot(run_id)
    assert snapshot is not None
    assert snapshot.executions[0].source == text


def test_the_previous_run_of_a_cell(store: SqliteStore) -> None:
    runs = [begin(store, start_time=9 - number) for number in range(4)]
    for run_id, key in zip(runs, ["a", "b", "a", "a"], strict=True):
        store.save_snapshot(run_id, SnapshotWrite(SESSION, 1, key, "tap", [ran(1, "x")]))
    assert [store.previous_run_of_cell(run_id) for run_id in runs] == [None, None, runs[0], runs[2]]
    delete_run(store, runs[2])
    assert store.previous_run_of_cell(runs[3]) == runs[0]
    assert store.previous_run_of_cell(begin(store)) is None


def test_the_last_source_of_each_cell(store: SqliteStore) -> None:
    run_id = begin(store)
    executions = [ran(1, "a", cell="one"), ran(2, "b", cell="two"), ran(3, "c", cell="one"), ran(4, "d"), ran(5, "e")]
    store.save_snapshot(run_id, SnapshotWrite(SESSION, 5, "k", "tap", executions))
    assert store.cell_sources(run_id) == {
        "one": Blob.of("c").digest,
        "two": Blob.of("b").digest,
        "": Blob.of("e").digest,
    }


def test_two_stores_over_one_file_agree(store: SqliteStore) -> None:
    other = SqliteStore(store.path)
    run_id = begin(store)
    for number, each in enumerate([store, other] * 3):
        each.log_batch(run_id, metrics=[Metric(f"m{number % 3}", float(number), 1, number)])
    assert store.get_run(run_id) == other.get_run(run_id)
    assert store.get_run(run_id).data.metrics == {"m0": 3.0, "m1": 4.0, "m2": 5.0}
