"""A Ray of one's own on this machine, for projects that are submitted where no other is named.

It listens on 127.0.0.1 only, takes no request without a token that nobody else has, reports no usage, and ends with
the process that started it.
"""

from __future__ import annotations

import atexit
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.exceptions import StateError
from mltrack.plain_text import visible
from mltrack.serving.parent import kill_session

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOST = "127.0.0.1"
_START_SECONDS = 180.0
_STOP_SECONDS = 60.0
_STORE_BYTES = 80_000_000  # of shared memory, where Ray would take a third of all memory
_MOST_SHOWN = 2000
_VARIABLES = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # As on Windows and macOS, where it is the default: Ray keeps to the loopback interface.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Its parts may take longer to start than Ray's half minute, on a machine that is busy.
    "RAY_DASHBOARD_SUBPROCESS_MODULE_WAIT_READY_TIMEOUT": "120",
    "RAY_agent_register_timeout_ms": "120000",
}


@dataclass(slots=True)
class RayCluster:
    """A Ray that was started here.

    Attributes
    ----------
    address
        Of its job server, as ``http://127.0.0.1:PORT``.
    headers
        What each request to it must carry.
    """

    address: str
    headers: Mapping[str, str]
    process: subprocess.Popen[bytes]
    folder: Path

    def stop(self) -> None:
        """End it with all it started, and remove its files; a second time does nothing."""
        atexit.unregister(self.stop)
        if self.process.stdin is not None:
            self.process.stdin.close()  # it ends when this is closed, as it is when this process dies
        try:
            self.process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        kill_session(self.process.pid)
        shutil.rmtree(self.folder, ignore_errors=True)


def start_cluster(variables: Mapping[str, str], resources: Mapping[str, str]) -> RayCluster:
    """Start a Ray and wait until it takes jobs.

    Parameters
    ----------
    variables
        The environment of its processes, and so of its jobs.
    resources
        Options of ``ray start`` that say what it has, as ``--num-gpus``.

    Raises
    ------
    StateError
        When it does not start; the message has the end of what it said.
    """
    folder = Path(tempfile.mkdtemp(prefix="mltray-", dir=_short_folder()))
    token = secrets.token_hex(32)
    own = {**_VARIABLES, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    kept = {name: value for name, value in variables.items() if not name.startswith("RAY_")}
    ports = _free_ports(3)
    command = [sys.executable, "-m", "mltrack.projects.backends.ray_head", *_options(*ports)]
    command += [f"--temp-dir={folder}", *(f"{name}={value}" for name, value in resources.items())]
    with (folder / "start.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env={**kept, **own},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C here is for us, who then end it
        )
    headers = {"Authorization": f"Bearer {token}"}
    cluster = RayCluster(f"http://{_HOST}:{ports[0]}", headers, process, folder)
    atexit.register(cluster.stop)
    try:
        _wait_until_ready(cluster)
    except BaseException:
        cluster.stop()
        raise
    return cluster


def _options(dashboard: int, client: int, agent: int) -> list[str]:
    return [
        *(f"--node-ip-address={_HOST}", f"--dashboard-host={_HOST}", f"--dashboard-port={dashboard}"),
        *("--port=0", f"--ray-client-server-port={client}", f"--dashboard-agent-listen-port={agent}"),
        *("--min-worker-port=0", "--max-worker-port=0", f"--object-store-memory={_STORE_BYTES}"),
        "--disable-usage-stats",
    ]


def _short_folder() -> str | None:
    """Give the folder for its sockets, whose paths may have 107 bytes with some 60 of Ray's; None: the usual one."""
    return "/tmp" if len(tempfile.gettempdir()) > 30 and Path("/tmp").is_dir() else None  # noqa: S108 - a new one in it


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind((_HOST, 0))
        return [each.getsockname()[1] for each in found]


def _wait_until_ready(cluster: RayCluster) -> None:
    until = time.monotonic() + _START_SECONDS
    while not _answers(cluster):
        if cluster.process.poll() is not None or time.monotonic() > until:
            raise StateError(f"Ray did not start on this machine:\n{_said(cluster)}")
        time.sleep(0.1)


def _answers(cluster: RayCluster) -> bool:
    request = urllib.request.Request(f"{cluster.address}/api/jobs/", headers=dict(cluster.headers))  # noqa: S310 - ours
    with suppress(OSError, urllib.error.URLError), urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
        return bool(answer.status == 200)
    return False


def _said(cluster: RayCluster) -> str:
    with suppress(OSError):
        text = (cluster.folder / "start.log").read_bytes().decode("utf-8", errors="replace")
        return visible(text).strip()[-_MOST_SHOWN:]
    return ""
