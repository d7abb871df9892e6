"""The limits of MLflow's contract, through the client: keys, values, batches, floats, and the order of histories."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.fluent import raised
from tests.core.stores import bits

from mltrack import MltrackClient
from mltrack.entities import Metric, Param, RunTag

if TYPE_CHECKING:
    from pathlib import Path

BAD_KEYS = {
    "empty": "",
    "long": "x" * 251,
    "emoji": "🎉",
    "NUL": "a\0b",
    "star": "a*b",
    "up": "../a",
    "inside": "a/../b",
    "root": "/a",
    "double slash": "a//b",
    "dot": "./a",
    "dots": "..",
    "end": "a/",
}
GOOD_KEYS = ("x" * 250, "ä ö/ü.1:2-3_", "system/cpu", "a.b", "日本", "mlflow.reserved", " ")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> MltrackClient:
    return MltrackClient(str(tmp_path_factory.mktemp("client") / "client.db"))


@pytest.fixture
def run_id(client: MltrackClient) -> str:
    return client.create_run("0").info.run_id


def batches_with(key: str) -> list[dict[str, Any]]:
    return [
        {"metrics": [Metric("ok", 1.0, 1), Metric(key, 1.0, 1)]},
        {"params": [Param("ok", "1"), Param(key, "1")]},
        {"tags": [RunTag("ok", "1"), RunTag(key, "1")]},
        {"metrics": [Metric("ok", 1.0, 1)], "params": [Param("ok", "1")], "tags": [RunTag(key, "1")]},
    ]


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS.keys())
def test_a_bad_key_anywhere_refuses_the_whole_batch(client: MltrackClient, run_id: str, key: str) -> None:
    before = client.get_run(run_id)
    calls = [partial(client.log_batch, run_id, **batch) for batch in batches_with(key)]
    calls += [partial(call, run_id, key, 1) for call in (client.log_metric, client.log_param, client.set_tag)]
    for call in calls:
        assert raised(call).error_code == "INVALID_PARAMETER_VALUE"
    assert client.get_run(run_id) == before


@pytest.mark.parametrize("key", GOOD_KEYS)
def test_good_keys_come_back(client: MltrackClient, run_id: str, key: str) -> None:
    client.log_batch(run_id, [Metric(key, 1.0, 1)], [Param(key, "1")], [RunTag(key, "1")])
    data = client.get_run(run_id).data
    assert (data.metrics, data.params, data.tags[key]) == ({key: 1.0}, {key: "1"}, "1")


LARGE = {
    "metrics": {"metrics": [Metric("m", 1.0, 1, step) for step in range(1001)]},
    "params": {"params": [Param(f"p{n}", "") for n in range(101)]},
    "tags": {"tags": [RunTag(f"t{n}", "") for n in range(101)]},
    "items": {
        "metrics": [Metric("m", 1.0, 1, step) for step in range(901)],
        "params": [Param(f"p{n}", "") for n in range(50)],
        "tags": [RunTag(f"t{n}", "") for n in range(50)],
    },
}


@pytest.mark.parametrize("batch", LARGE.values(), ids=LARGE.keys())
def test_a_batch_may_be_so_large_and_no_larger(client: MltrackClient, run_id: str, batch: dict[str, Any]) -> None:
    before = client.get_run(run_id)
    assert raised(lambda: client.log_batch(run_id, **batch)).error_code == "INVALID_PARAMETER_VALUE"
    assert client.get_run(run_id) == before
    name, rows = next(iter(batch.items()))
    client.log_batch(run_id, **{**batch, name: rows[1:]})
    assert client.get_run(run_id) != before


def test_a_param_is_in_a_batch_once(client: MltrackClient, run_id: str) -> None:
    for value in ("1", "2"):
        batch = partial(client.log_batch, run_id, params=[Param("p", "1"), Param("p", value)])
        assert raised(batch).error_code == "INVALID_PARAMETER_VALUE"
    assert client.get_run(run_id).data.params == {}


def test_a_param_is_written_once(client: MltrackClient, run_id: str) -> None:
    client.log_param(run_id, "p", "")
    client.log_param(run_id, "p", "")
    error = raised(lambda: client.log_batch(run_id, [Metric("m", 1.0, 1)], [Param("q", "1"), Param("p", "x")]))
    assert error.error_code == "INVALID_PARAMETER_VALUE"
    assert "'p'" in error.message
    data = client.get_run(run_id).data
    assert (data.metrics, data.params) == ({}, {"p": ""})


@pytest.mark.parametrize(("length", "kept"), [(6000, 6000), (6001, 6000), (1_000_000, 6000)])
def test_long_params_are_cut(client: MltrackClient, run_id: str, length: int, kept: int) -> None:
    client.log_param(run_id, "p", "x" * length)
    client.log_param(run_id, "p", "x" * length)
    assert len(client.get_run(run_id).data.params["p"]) == kept


@pytest.mark.parametrize(("length", "kept"), [(8000, 8000), (8001, 8000)])
def test_long_tags_are_cut(client: MltrackClient, run_id: str, length: int, kept: int) -> None:
    client.set_tag(run_id, "t", "x" * length)
    assert len(client.get_run(run_id).data.tags["t"]) == kept


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 0.0, 1e-320, 5e-324, 1.7976931348623157e308])
def test_any_float_comes_back_as_it_was(client: MltrackClient, run_id: str, value: float) -> None:
    client.log_metric(run_id, "m", value)
    client.log_metric(run_id, "text", str(value))  # type: ignore[arg-type]
    for key in ("m", "text"):
        assert bits(client.get_metric_history(run_id, key)[0].value) == bits(value)
        assert bits(client.get_run(run_id).data.metrics[key]) == bits(value)


@pytest.mark.parametrize(
    "value", [None, "x", "", [], {}, object(), 1j, b"1", "1,5"], ids=lambda value: type(value).__name__
)
def test_what_is_no_number(client: MltrackClient, run_id: str, value: Any) -> None:
    assert raised(lambda: client.log_metric(run_id, "m", value)).error_code == "INVALID_PARAMETER_VALUE"
    assert client.get_run(run_id).data.metrics == {}


@pytest.mark.parametrize("step", [-1, 0, 2**63 - 1, -(2**63), 3.0])
@pytest.mark.parametrize("timestamp", [0, 1, 253402300800000, 2**63 - 1])
def test_steps_and_times_within_64_bits(client: MltrackClient, run_id: str, step: Any, timestamp: int) -> None:
    client.log_metric(run_id, "m", 1.0, timestamp, step)
    assert client.get_metric_history(run_id, "m") == [Metric("m", 1.0, timestamp, int(step))]


@pytest.mark.parametrize(("timestamp", "step"), [(-1, 0), (2**63, 0), (0, 2**63), (0, 1.5), (0, "x"), ("x", 0)])
def test_steps_and_times_beyond(client: MltrackClient, run_id: str, timestamp: Any, step: Any) -> None:
    assert raised(lambda: client.log_metric(run_id, "m", 1, timestamp, step)).error_code == "INVALID_PARAMETER_VALUE"
    batch = [Metric("m", 1.0, timestamp, step)]
    assert raised(lambda: client.log_batch(run_id, batch)).error_code == "INVALID_PARAMETER_VALUE"
    assert client.get_metric_history(run_id, "m") == []


VALUES = st.floats(allow_nan=False).filter(bool)  # two zeros are two points, and equal
POINTS = st.builds(Metric, st.just("m"), VALUES, st.integers(0, 5), st.integers(-3, 3))


@settings(max_examples=40)
@given(st.lists(POINTS, max_size=30))
def test_a_history_is_in_order_and_holds_each_point_once(client: MltrackClient, points: list[Metric]) -> None:
    run_id = client.create_run("0").info.run_id
    client.log_batch(run_id, points)
    client.log_batch(run_id, points[::-1])
    found = client.get_metric_history(run_id, "m")
    assert found == sorted(set(points), key=lambda point: (point.timestamp, point.step, point.value))
    latest = max(points, key=lambda point: (point.step, point.timestamp, point.value), default=None)
    assert client.get_run(run_id).data.metrics == ({"m": latest.value} if latest else {})


def test_an_unknown_metric_has_no_history(client: MltrackClient, run_id: str) -> None:
    assert client.get_metric_history(run_id, "unknown") == []


def test_a_long_history_comes_whole(client: MltrackClient, run_id: str) -> None:
    for start in range(0, 30_000, 1000):
        client.log_batch(run_id, [Metric("m", float(n), n, n) for n in range(start, start + 1000)])
    assert [point.step for point in client.get_metric_history(run_id, "m")] == list(range(30_000))


@pytest.mark.parametrize("name", ["../x", "a/b", "a\0", "x" * 501, "", "%2e%2e", "1 OR 1=1"])
def test_ids_and_names_are_no_paths(client: MltrackClient, tmp_path: Path, name: str) -> None:
    assert raised(lambda: client.get_experiment(name)).error_code == "INVALID_PARAMETER_VALUE"
    assert raised(lambda: client.get_run(name)).error_code == "RESOURCE_DOES_NOT_EXIST"
    assert raised(lambda: client.log_metric(name, "m", 1)).error_code == "RESOURCE_DOES_NOT_EXIST"
    assert list(tmp_path.iterdir()) == []
