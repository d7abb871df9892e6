"""No room for the store: what was acknowledged is there, training goes on, and values arrive when there is room."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.core.scripts import run_script

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What both ways of having no room share. `fill` and `make_room` are theirs.
CLIENT = """
import mltrack, pytest
from mltrack.entities import Metric
from mltrack.exceptions import StoreFullError
from mltrack.store.inspection import inspect_store

client = mltrack.MltrackClient("mltrack.db")
run_id = client.create_run("0").info.run_id
fill()
acknowledged = []
with pytest.raises(StoreFullError, match="Free some space") as caught:
    for step in range(100_000):
        client.log_batch(run_id, [Metric(f"loss {number}", float(step), step, step) for number in range(20)])
        acknowledged.append(step)
assert caught.value.error_code == "RESOURCE_EXHAUSTED"
assert len(acknowledged) > 10, len(acknowledged)
for number in range(20):
    history = client.get_metric_history(run_id, f"loss {number}")
    assert [point.step for point in history] == acknowledged, (len(history), len(acknowledged))
assert inspect_store(client._store.path).integrity == "ok"
with pytest.raises(StoreFullError):
    client.log_batch(run_id, [Metric("x" * 200, 0.0, step, step) for step in range(1000)])
make_room()
client.log_metric(run_id, "after", 1.0)
client.set_terminated(run_id)
again = mltrack.MltrackClient("mltrack.db").get_run(run_id)
assert again.data.metrics["loss 0"] == acknowledged[-1]
assert again.data.metrics["after"] == 1.0
assert "x" * 200 not in again.data.metrics
"""
FLUENT = """
import time, warnings
import mltrack
from mltrack.store.inspection import inspect_store

TEXT = "t" * 5000
run = mltrack.start_run()
fill()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for step in range(400):
        mltrack.log_metric("loss", step, step=step)
        mltrack.set_tag(f"note {step}", TEXT)
    assert len(caught) == 1, [str(each.message) for each in caught]
    assert "kept in memory" in str(caught[0].message)
    kept = mltrack.MltrackClient().get_metric_history(run.info.run_id, "loss")
    assert 0 < len(kept) < 400, len(kept)
    assert inspect_store(run.store.path).integrity == "ok"
    make_room()
    began = time.monotonic()
    while len(mltrack.MltrackClient().get_metric_history(run.info.run_id, "loss")) < 400:
        time.sleep(0.1)
        mltrack.log_metric("tick", 1.0)
        assert time.monotonic() - began < 60
    assert len(caught) == 1, [str(each.message) for each in caught]
mltrack.end_run()
found = mltrack.get_run(run.info.run_id)
assert found.info.status == "FINISHED"
assert found.data.metrics["loss"] == 399.0
assert all(found.data.tags[f"note {step}"] == TEXT for step in range(400))
points = mltrack.MltrackClient().get_metric_history(run.info.run_id, "loss")
assert sorted(point.step for point in points) == list(range(400))
assert sorted(point.timestamp for point in points) == [point.timestamp for point in points]
"""
FILE_LIMIT = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def fill():
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
def make_room():
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""
SMALL_DISK = """
import os
with open("ballast", "wb") as file:
    file.write(bytes(300_000))
def fill():
    pass
def make_room():
    import subprocess
    os.unlink("ballast")
    subprocess.run(["mount", "-o", "remount,size=20M", "."], check=True)
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root mounts")
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no mounting here: {done.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


posix_only = pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")


@posix_only
def test_a_client_at_the_file_size_limit_gets_an_error(tmp_path: Path) -> None:
    run_script(FILE_LIMIT + CLIENT, folder=tmp_path)


@posix_only
def test_training_goes_on_at_the_file_size_limit(tmp_path: Path) -> None:
    run_script(FILE_LIMIT + FLUENT, folder=tmp_path)


def test_a_client_on_a_full_disk_gets_an_error(small_disk: Path) -> None:
    run_script(SMALL_DISK + CLIENT, folder=small_disk)


def test_training_goes_on_on_a_full_disk(small_disk: Path) -> None:
    run_script(SMALL_DISK + FLUENT, folder=small_disk)


def test_what_never_found_room_is_said_at_the_end(small_disk: Path) -> None:
    code = """
        import warnings, mltrack
        warnings.simplefilter("ignore")
        mltrack.start_run()
        for step in range(400):
            mltrack.set_tag(f"note {step}", "t" * 5000)
    """
    done = run_script(code, folder=small_disk)
    assert "writes were lost: the store never took them" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_cannot_even_be_made(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(1_040_000))
    code = """
        import os, pytest, mltrack
        from mltrack.exceptions import StoreFullError
        with pytest.raises(StoreFullError):
            mltrack.start_run()
        os.unlink("ballast")
        with mltrack.start_run() as run:
            mltrack.log_metric("m", 1.0)
        assert mltrack.get_run(run.info.run_id).data.metrics == {"m": 1.0}
    """
    run_script(code, folder=small_disk)
