"""System metrics: what is sampled, into which run, and that nothing of it is left behind."""

from __future__ import annotations

import os
import threading
import time
import types
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from tests.core.fluent import in_thread, needs_fork
from tests.core.scripts import run_script

import mltrack
from mltrack import settings, system_metrics
from mltrack.exceptions import InvalidParameterError
from mltrack.store.connection import open_file
from mltrack.store.sqlite import SqliteStore
from mltrack.system_sample import Sampler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NAMES = {
    "cpu_utilization_percentage",
    "system_memory_usage_megabytes",
    "system_memory_usage_percentage",
    "disk_usage_percentage",
    "disk_usage_megabytes",
    "disk_available_megabytes",
    "network_receive_megabytes",
    "network_transmit_megabytes",
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test an environment of its own, as the setters write there, and look for threads left behind."""
    for name in [name for name in os.environ if "SYSTEM_METRICS" in name]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLTRACK_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.02")
    yield
    wait_for(lambda: threads() == [])
    assert system_metrics._monitors == {}


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "no sample came"
        time.sleep(0.01)


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "mltrack-system-metrics"]


def points(run: mltrack.ActiveRun, name: str = "system/disk_usage_percentage") -> list[int]:
    return [point.step for point in run.store.metric_history(run.info.run_id, name)]


def logged(run: mltrack.ActiveRun) -> set[str]:
    return set(mltrack.get_run(run.info.run_id).data.metrics)


def spend(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_a_short_run_has_one_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLTRACK_SYSTEM_METRICS_SAMPLING_INTERVAL", "100")
    with mltrack.start_run(log_system_metrics=True) as run:
        spend(0.03)
    assert logged(run) == {f"system/{name}" for name in NAMES}
    assert points(run) == [0]


def test_samples_come_at_their_interval() -> None:
    with mltrack.start_run(log_system_metrics=True) as run:
        wait_for(lambda: len(points(run)) >= 5)
    found = points(run)
    assert found == list(range(len(found)))
    assert not [name for name in logged(run) if not name.startswith("system/")]


def test_the_figures_are_those_of_the_machine() -> None:
    """In one of some tries: other programs begin and end, and a machine may compute nothing for a while."""
    assert any(is_as_psutil_says() for _ in range(5))


def is_as_psutil_says() -> bool:
    sampler = Sampler()
    spend(0.2)
    figures = sampler.sample()
    memory, disk = psutil.virtual_memory(), psutil.disk_usage(os.sep)
    assert 0 <= figures["network_receive_megabytes"] < 1e4
    assert set(figures) == NAMES
    return (
        figures["system_memory_usage_percentage"] == pytest.approx(100 * memory.used / memory.total, abs=5)
        and figures["disk_usage_megabytes"] == pytest.approx(disk.used / 1e6, rel=0.02)
        and 50 / (os.cpu_count() or 1) < figures["cpu_utilization_percentage"] <= 100
    )


def test_the_users_own_use_of_psutil_stays_as_it_is() -> None:
    psutil.cpu_percent()
    kept = dict(psutil._last_cpu_times)
    Sampler().sample()
    assert psutil._last_cpu_times == kept


@pytest.mark.parametrize(
    ("variable", "value", "wanted", "expected"),
    [
        (None, None, None, False),
        (None, None, True, True),
        ("MLTRACK_SYSTEM_METRICS", "true", None, True),
        ("MLTRACK_SYSTEM_METRICS", "True", None, True),
        ("MLTRACK_SYSTEM_METRICS", "1", None, True),
        ("MLTRACK_SYSTEM_METRICS", "true", False, False),
        ("MLTRACK_SYSTEM_METRICS", "false", None, False),
        ("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true", None, True),
    ],
)
def test_they_are_off_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch, variable: str | None, value: str, wanted: bool | None, expected: bool
) -> None:
    if variable is not None:
        monkeypatch.setenv(variable, value)
    with mltrack.start_run(log_system_metrics=wanted) as run:
        assert bool(threads()) is expected
    assert bool(logged(run)) is expected


def test_switching_them_on_and_off() -> None:
    mltrack.enable_system_metrics_logging()
    mltrack.set_system_metrics_sampling_interval(0.01)
    mltrack.set_system_metrics_samples_before_logging(1_000)
    mltrack.set_system_metrics_node_id("node 7")
    with mltrack.start_run() as run:
        time.sleep(0.1)
    assert points(run, "system/node 7/disk_usage_percentage") == [0]  # the mean of what there was
    mltrack.disable_system_metrics_logging()
    mltrack.set_system_metrics_node_id(None)
    with mltrack.start_run():
        assert threads() == []


@pytest.mark.parametrize("value", [0, -1, "often", float("nan"), float("inf")])
def test_what_is_no_interval(value: Any) -> None:
    with pytest.raises(InvalidParameterError, match="above 0"):
        mltrack.set_system_metrics_sampling_interval(value)
    with pytest.raises(InvalidParameterError, match="above 0"):
        mltrack.set_system_metrics_samples_before_logging(value)
    with pytest.raises(InvalidParameterError):
        mltrack.set_system_metrics_node_id("a\nb")
    assert os.environ["MLTRACK_SYSTEM_METRICS_SAMPLING_INTERVAL"] == "0.02"


@pytest.mark.parametrize("name", ["MLTRACK_SYSTEM_METRICS", "MLTRACK_SYSTEM_METRICS_SAMPLING_INTERVAL"])
def test_a_wrong_environment_is_a_warning(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("MLTRACK_SYSTEM_METRICS", "true")
    monkeypatch.setenv(name, "perhaps")
    with pytest.warns(UserWarning, match=name), mltrack.start_run() as run:
        pass
    assert mltrack.get_run(run.info.run_id).info.status == "FINISHED"


def test_each_run_has_its_own_points() -> None:
    with mltrack.start_run(log_system_metrics=True) as outer:
        wait_for(lambda: points(outer))
        with mltrack.start_run(nested=True, log_system_metrics=True) as inner:
            assert len(threads()) == 2
            wait_for(lambda: len(points(inner)) > 1)
        assert len(threads()) == 1
        other = in_thread(_run_in_thread)
        wait_for(lambda: len(points(outer)) > len(points(inner)))
    assert len(points(outer)) > len(points(inner)) > 1
    assert points(inner) == list(range(len(points(inner))))
    assert isinstance(other, mltrack.ActiveRun)
    assert points(other) == [0]


def _run_in_thread() -> mltrack.ActiveRun:
    mltrack.set_system_metrics_sampling_interval(100)
    with mltrack.start_run(log_system_metrics=True) as run:
        return run


def test_a_run_that_goes_on_goes_on_counting() -> None:
    with mltrack.start_run(log_system_metrics=True) as run:
        time.sleep(0.1)
    before = len(points(run))
    mltrack.set_system_metrics_sampling_interval(100)  # so that it has one sample, at its end
    with mltrack.start_run(run_id=run.info.run_id, log_system_metrics=True):
        pass
    assert points(run) == list(range(before + 1))


def test_means_are_taken_of_samples_but_not_of_the_network() -> None:
    samples = [{"a": 1.04, "network_receive_megabytes": 1.23}, {"a": 2.0, "b": 3.0, "network_receive_megabytes": 4.56}]
    assert system_metrics._mean(samples) == {"a": 1.5, "network_receive_megabytes": 4.56, "b": 3.0}


class NVMLError(Exception):
    pass


def gpu(*, power: bool = True) -> types.ModuleType:
    """Stand for nvidia-ml-py on a machine with two GPUs, as no test machine has one."""
    nvml: Any = types.ModuleType("pynvml")
    nvml.NVMLError = NVMLError
    nvml.nvmlInit = lambda: None
    nvml.nvmlDeviceGetCount = lambda: 2
    nvml.nvmlDeviceGetHandleByIndex = lambda number: number
    nvml.nvmlDeviceGetMemoryInfo = lambda _: types.SimpleNamespace(used=2_000_000, total=8_000_000)
    nvml.nvmlDeviceGetUtilizationRates = lambda number: types.SimpleNamespace(gpu=10 * (number + 1))
    nvml.nvmlDeviceGetEnforcedPowerLimit = lambda _: 200_000

    def power_usage(_: int) -> int:
        if not power:
            raise NVMLError("not supported")
        return 50_000

    nvml.nvmlDeviceGetPowerUsage = power_usage
    return nvml  # type: ignore[no-any-return]


@pytest.mark.parametrize("power", [True, False])
def test_gpus(monkeypatch: pytest.MonkeyPatch, power: bool) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pynvml", gpu(power=power))
    sampler = Sampler()
    sampler.find_gpus()
    figures = {name: value for name, value in sampler.sample().items() if name.startswith("gpu_1")}
    expected = {
        "gpu_1_memory_usage_percentage": 25.0,
        "gpu_1_memory_usage_megabytes": 2.0,
        "gpu_1_utilization_percentage": 20,
    }
    watts = {"gpu_1_power_usage_watts": 50.0, "gpu_1_power_usage_percentage": 25.0}
    assert figures == (expected | watts if power else expected)


def test_a_locked_store_loses_no_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mltrack.store.connection.BUSY_SECONDS", 0.1)
    with mltrack.start_run(log_system_metrics=True) as run:
        time.sleep(0.05)
        holder = open_file(tmp_path / "mltrack.db")
        holder.execute("PRAGMA busy_timeout = 60000")
        holder.execute("BEGIN IMMEDIATE")
        with pytest.warns(UserWarning, match="kept in memory") as caught:
            wait_for(lambda: any("kept in memory" in str(each.message) for each in caught) and settings.state.backlog)
        holder.rollback()
        holder.close()
        time.sleep(0.05)
    assert points(run) == list(range(len(points(run))))
    assert mltrack.get_run(run.info.run_id).info.status == "FINISHED"


def test_a_deleted_run_ends_the_sampling() -> None:
    with mltrack.start_run(log_system_metrics=True) as run:
        (thread,) = threads()
        mltrack.delete_run(run.info.run_id)
        thread.join(60)
        assert not thread.is_alive()
        mltrack.restore_run(run.info.run_id)


@needs_fork
def test_a_fork_does_not_sample() -> None:
    with mltrack.start_run(log_system_metrics=True) as run:
        child = os.fork()
        if child == 0:
            clean = not threads() and not system_metrics._monitors
            mltrack.end_run()
            os._exit(0 if clean else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert len(threads()) == 1
        time.sleep(0.05)
    assert points(run) == list(range(len(points(run))))


LEFT_OPEN = """
import mltrack, time
run = mltrack.start_run(log_system_metrics=True)
time.sleep(0.05)
print(run.info.run_id)
"""


@pytest.mark.parametrize("end", ["", "1 / 0", "raise KeyboardInterrupt", "import sys; sys.exit(3)"])
def test_the_end_of_a_script_is_the_end_of_the_sampling(tmp_path: Path, end: str) -> None:
    done = run_script(LEFT_OPEN + end, folder=tmp_path, status=None)
    assert "Exception ignored" not in done.stderr
    run = SqliteStore(tmp_path / "mltrack.db").get_run(done.stdout.split()[0])
    assert run.info.status in ("FINISHED", "FAILED", "KILLED")
    assert "system/disk_usage_percentage" in run.data.metrics
