"""A JupyterLab server for the browser tests: its own home, settings and notebooks, and nothing of the session's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "tok"
# What the session that runs the tests may have set, and what would lead the server out of its folder.
INHERITED = ("JPY", "JUPYTER", "IPYTHON", "MLTRACK", "MLFLOW", "XDG_", "MPL")
FOLDERS = {
    "HOME": ".",
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "MLTRACK_DATA_DIR": "mltrack",
}
# The popup that asks for news covers cells and goes to the internet.
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/apputils-extension/themes": {"theme": "JupyterLab Light"},
}


@dataclass(slots=True)
class LabServer:
    """A JupyterLab server of its own; ``folder`` is its home, and the notebooks are in ``folder / "work"``."""

    folder: Path
    process: subprocess.Popen[bytes]
    url: str

    @classmethod
    def start(cls, folder: Path) -> LabServer:
        """Start a server and wait until it says where it listens."""
        prepare_home(folder)
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0"]
        command += ["--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={TOKEN}", "--expose-app-in-browser"]
        command += [f"--ServerApp.root_dir={folder / 'work'}"]
        with (folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env=own_environment(folder), cwd=folder / "work"
            )
        return cls(folder, process, wait_for_url(folder, process))

    def request(self, method: str, path: str) -> object:
        """Send one request to the server's REST API and return its JSON, or None when it has no body."""
        request = Request(f"{self.url}{path}", method=method, headers={"Authorization": f"token {TOKEN}"})
        with urlopen(request, timeout=180) as response:
            body = response.read()
        return json.loads(body) if body else None

    def stop(self) -> None:
        """End the server, and with it its kernels."""
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def own_environment(folder: Path) -> dict[str, str]:
    """Return this process's environment without what would lead the server out of its folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(INHERITED)}
    return kept | {name: str(folder / place) for name, place in FOLDERS.items()}


def prepare_home(folder: Path) -> None:
    """Make the server's folders and write its settings."""
    for place in (*FOLDERS.values(), "work", "images"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    for name, values in SETTINGS.items():
        path = folder / FOLDERS["JUPYTERLAB_SETTINGS_DIR"] / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))


def wait_for_url(folder: Path, process: subprocess.Popen[bytes], *, seconds: float = 180) -> str:
    """Return the address from the file that a server writes once it listens."""
    path = folder / FOLDERS["JUPYTER_RUNTIME_DIR"] / f"jpserver-{process.pid}.json"
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return cast("str", json.loads(path.read_text())["url"])
        except (FileNotFoundError, json.JSONDecodeError):
            time.sleep(0.1)
    process.kill()
    raise RuntimeError(f"JupyterLab did not start:\n{(folder / 'server.log').read_text()[-2000:]}")
