"""Scripts that fork, or start children otherwise, while they log; run as ``python forkers.py WHAT STORE [ARGUMENT…]``.

Each prints one JSON object of what its test needs to know.
"""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import mltrack
from mltrack.settings import get_store
from mltrack.store import connection, fork_gate, opening

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.store.connection import Database

POINTS = 25
HANG_SECONDS = 120


def wait_long_for_locks() -> None:
    """Where a process that holds a lock stands still for a while, the others give up nothing."""
    for module in (connection, opening):
        vars(module)["BUSY_SECONDS"] = HANG_SECONDS - 20
    fork_gate.PATIENCE_SECONDS = HANG_SECONDS - 10


def log_points(run_id: str, name: str, uri: str) -> str:
    """Log some points as a child that was told nothing but the run's id."""
    wait_long_for_locks()
    mltrack.set_tracking_uri(uri)
    for step in range(POINTS):
        mltrack.log_metric(name, step, step=step, run_id=run_id)
    return name


def tell(**facts: Any) -> None:
    """Print what the test asks for."""
    print(json.dumps(facts), flush=True)


def await_child(child: int) -> int | None:
    """Give a child's exit code, or None when it hung and had to be killed."""
    deadline = time.monotonic() + HANG_SECONDS
    while time.monotonic() < deadline:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def bare() -> None:
    """Fork inside a run's ``with`` block; the child logs to the run and exits normally through that block."""
    with mltrack.start_run() as run:
        mltrack.log_metric("parent", 0, step=0)
        child = os.fork()
        if child == 0:
            for step in range(POINTS):
                mltrack.log_metric("child", step, step=step)
            sys.exit(0)  # leaves the block with an exception, and runs what is registered for the exit
        code = await_child(child)
        between = mltrack.get_run(run.info.run_id).info
        mltrack.log_metric("parent", 1, step=1)
        forked_at = time.time_ns() // 1_000_000
    tell(run_id=run.info.run_id, code=code, status=between.status, end=between.end_time, forked_at=forked_at)


def ended_by_child() -> None:
    """A child that says ``end_run`` ends nothing of its parent's."""
    run = mltrack.start_run()
    child = os.fork()
    if child == 0:
        mltrack.end_run("FAILED")
        with mltrack.start_run() as own:
            mltrack.log_metric("own", 1.0)
        os._exit(0 if own.info.run_id != run.info.run_id else 1)
    code = await_child(child)
    tell(run_id=run.info.run_id, code=code, status=mltrack.get_run(run.info.run_id).info.status)


def orphan() -> None:
    """The parent is killed while its child goes on logging; the child tells how it went."""
    run_id = mltrack.start_run().info.run_id
    mltrack.log_metric("parent", 0)
    reader, writer = os.pipe()
    if os.fork():
        os.read(reader, 1)
        os.kill(os.getpid(), signal.SIGKILL)
    mltrack.log_metric("child", 0, step=0, run_id=run_id)
    parent = os.getppid()
    os.write(writer, b"x")
    while os.getppid() == parent:
        time.sleep(0.001)
    tell(run_id=run_id)
    sys.stdin.readline()  # the test opens and closes the store in between
    for step in range(1, POINTS):
        mltrack.log_metric("child", step, step=step, run_id=run_id)
    tell(acknowledged=POINTS)
    os._exit(0)


def inherited() -> None:
    """Whatever a child does, no statement runs on a connection that it inherited."""
    with mltrack.start_run() as run:
        mltrack.log_metric("parent", 0)
        database: Database = get_store()._database  # type: ignore[attr-defined]
        parents = database.connection()
        parents.set_trace_callback(lambda statement: os.write(2, f"used in {os.getpid()}: {statement}\n".encode()))
        child = os.fork()
        if child == 0:
            mltrack.log_metric("child", 0)
            mltrack.get_run(run.info.run_id)
            same = database.connection() is parents
            os._exit(1 if same else 0)
        code = await_child(child)
        parents.set_trace_callback(None) if database.connection() is parents else None
    tell(run_id=run.info.run_id, code=code)


def pool(method: str) -> None:
    """Children of multiprocessing, started this way, log to the parent's run by its id."""
    context = multiprocessing.get_context(method)
    uri = mltrack.get_tracking_uri()
    with mltrack.start_run() as run:
        mltrack.log_metric("parent", 0)
        with context.Pool(3) as workers:
            names = workers.starmap(log_points, [(run.info.run_id, f"c{number}", uri) for number in range(6)])
        status = mltrack.get_run(run.info.run_id).info.status
    tell(run_id=run.info.run_id, names=names, status=status)


def executor(_: str) -> None:
    """The same with a process pool of concurrent.futures."""
    uri = mltrack.get_tracking_uri()
    with mltrack.start_run() as run:
        mltrack.log_metric("parent", 0)
        with concurrent.futures.ProcessPoolExecutor(3) as workers:
            jobs = [workers.submit(log_points, run.info.run_id, f"c{number}", uri) for number in range(6)]
            names = [job.result(HANG_SECONDS) for job in jobs]
        status = mltrack.get_run(run.info.run_id).info.status
    tell(run_id=run.info.run_id, names=names, status=status)


def jobs(_: str) -> None:
    """The same with joblib, as scikit-learn uses it."""
    import joblib  # optional

    uri = mltrack.get_tracking_uri()
    with mltrack.start_run() as run:
        mltrack.log_metric("parent", 0)
        work = (joblib.delayed(log_points)(run.info.run_id, f"c{number}", uri) for number in range(6))
        names = joblib.Parallel(n_jobs=3, timeout=HANG_SECONDS)(work)
        status = mltrack.get_run(run.info.run_id).info.status
    tell(run_id=run.info.run_id, names=names, status=status)


def storm(forks: str) -> None:
    """Fork again and again while three threads write; each child logs one point and exits."""
    codes: list[int | None] = []
    written = [0, 0, 0]
    stop = threading.Event()
    with mltrack.start_run() as run:

        def write(number: int) -> None:
            while not stop.is_set():
                mltrack.log_metric(f"t{number}", written[number], step=written[number])
                written[number] += 1
                time.sleep(0.0005)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for number in range(int(forks)):
            child = os.fork()
            if child == 0:
                mltrack.log_metric("child", number, step=number)
                os._exit(0)
            codes.append(await_child(child))
            if codes[-1] is None:
                break
        stop.set()
        for thread in threads:
            thread.join()
    tell(run_id=run.info.run_id, codes=codes, written=written)


TASKS: dict[str, Callable[..., None]] = {
    task.__name__: task for task in (bare, ended_by_child, orphan, inherited, pool, executor, jobs, storm)
}

if __name__ == "__main__":
    wait_long_for_locks()
    mltrack.set_tracking_uri(sys.argv[2])
    TASKS[sys.argv[1]](*sys.argv[3:])
