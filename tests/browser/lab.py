"""A real JupyterLab and one headless Chromium page on it: what the browser tests drive.

The server has its own home, settings and notebooks in one folder, and nothing of the session that runs the tests. The
page is driven through JupyterLab's commands (``window.jupyterapp``), and through locators for what a person touches.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tests.browser.scripts import (
    CLOSE_ALL,
    EDIT,
    FAILURES,
    IS_DONE,
    KERNEL_BUSY,
    KERNEL_GONE,
    KERNEL_IDLE,
    OPEN,
    OVERLAPS,
    PANEL,
    RESTART,
    RUN_CELL,
    SCROLL,
    SOURCES,
    STILL,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import ConsoleMessage, Error, Locator, Page, Playwright
    from playwright.sync_api import Request as PageRequest

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
README = Path(__file__).parents[2] / "README.md"
IMAGES = Path(__file__).parents[2] / "notebooks" / "images"
TOKEN = "tok"
QUIET_MS = 300
WIDE = (1280, 900)
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

# What ipywidgets' own extension throws for any notebook that is opened without a kernel.
NO_SESSION_ERROR = ("reading 'kernel'", "/@jupyter-widgets/jupyterlab-manager/")
# What JupyterLab's own splash screen says when the theme changes twice in a row.
SPLASH_ERROR = ("'removeChild' on 'Node'", "/static/lab/jlab_core.")


def missing_parts() -> str:
    """Name what the browser tests need and this machine lacks; empty when all is there."""
    missing = [name for name in ("playwright", "jupyterlab") if find_spec(name) is None]
    if not CHROMIUM.exists():
        missing.append(f"{CHROMIUM} (apt-get install chromium fonts-dejavu-core)")
    return ", ".join(missing)


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
        with urlopen(request, timeout=60) as response:
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


@dataclass
class Lab:
    """One JupyterLab page that all browser tests share; indices of cells count from 0, markdown cells too."""

    server: LabServer
    playwright: Playwright
    page: Page
    images: Path
    loop: asyncio.AbstractEventLoop
    console_errors: list[str] = field(default_factory=list)
    foreign_requests: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, folder: Path) -> Lab:
        """Start the server and the browser, and load JupyterLab."""
        server = LabServer.start(folder)
        try:
            return cls._browse(server)
        except BaseException:
            server.stop()
            raise

    @classmethod
    def _browse(cls, server: LabServer) -> Lab:
        # The suite is collected, and skipped with a reason, where playwright is not installed.
        from playwright.sync_api import sync_playwright

        playwright = sync_playwright().start()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        context = browser.new_context(
            viewport={"width": WIDE[0], "height": WIDE[1]}, device_scale_factor=2, reduced_motion="reduce"
        )
        images = IMAGES if os.environ.get("MLTRACK_SAVE_IMAGES") else server.folder / "images"
        lab = cls(server, playwright, context.new_page(), images, asyncio.get_running_loop())
        lab._listen()
        lab._load()
        return lab

    @property
    def folder(self) -> Path:
        """Where the notebooks are, and where their kernels start."""
        return self.server.folder / "work"

    def add_notebook(self, source: Path, name: str | None = None) -> str:
        """Copy a notebook into the folder; returns the name to open it by."""
        return shutil.copyfile(source, self.folder / (name or source.name)).name

    def write_notebook(self, name: str, sources: Sequence[str]) -> str:
        """Write a notebook of code cells into the folder; returns its name."""
        empty: dict[str, object] = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
        cells = [empty | {"id": f"cell-{index}", "source": source} for index, source in enumerate(sources)]
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        document = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        (self.folder / name).write_text(json.dumps(document))
        return name

    def open(self, notebook: str) -> None:
        """Close what was open before, end its kernel, open a notebook and wait until its kernel is idle.

        What the page said and asked for until now is forgotten: ``console_errors`` and ``foreign_requests`` are
        of this notebook.
        """
        self._show(notebook, with_kernel=True)
        self.page.wait_for_function(KERNEL_IDLE)

    def forget_runs(self) -> None:
        """Delete the store that notebooks opened earlier have filled; their kernels have ended."""
        for file in self.folder.glob("mltrack.db*"):
            file.unlink()

    def run_cell(self, index: int) -> None:
        """Run a cell and wait until it is done, however it ends."""
        self.page.evaluate(RUN_CELL, index)
        self.page.wait_for_function(IS_DONE, arg=index)

    def run_all(self) -> None:
        """Run all cells and wait until they are done; a cell that fails is an AssertionError that names it."""
        self.page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
        self.page.wait_for_function(IS_DONE, arg=-1)
        failures = self.failures()
        assert not failures, "\n".join(failures)

    def begin_cell(self, index: int) -> None:
        """Run a cell and wait only until the kernel is busy with it."""
        self.page.evaluate(f"index => {{ ({RUN_CELL})(index); }}", index)
        self.page.wait_for_function(KERNEL_BUSY)

    def release(self, name: str) -> None:
        """Let a cell go on that waits for this (see ``holding.held``)."""
        (self.folder / name).touch()

    def edit_cell(self, index: int, source: str) -> None:
        """Replace the source of a cell, as typing does."""
        self.page.evaluate(EDIT, [index, source])

    def failures(self) -> list[str]:
        """Return one line for each error that a cell of the notebook shows."""
        return cast("list[str]", self.page.evaluate(FAILURES))

    def cell_index(self, text: str) -> int:
        """Return the place of the first cell whose source contains a text."""
        sources = cast("list[str]", self.page.evaluate(SOURCES))
        places = [index for index, source in enumerate(sources) if text in source]
        assert places, f"no cell of the notebook contains {text!r}"
        return places[0]

    def cell(self, index: int) -> Locator:
        """Scroll to a cell (a long notebook draws only what is near) and return it whole."""
        self.page.evaluate(SCROLL, index)
        return self.page.locator(f".jp-NotebookPanel:not(.lm-mod-hidden) [data-windowed-list-index='{index}']")

    def cell_output(self, index: int) -> Locator:
        """Scroll to a cell and return its output area."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def cell_text(self, index: int) -> str:
        """Return what a reader sees of a cell's output, as text."""
        return self.cell_output(index).inner_text()

    def save(self) -> None:
        """Save the notebook, whatever has the focus."""
        self.page.evaluate("async () => { await notebookPanel().context.save(); }")

    def shutdown_kernel(self) -> None:
        """End the kernel through the REST API, and wait until the page has noticed."""
        self._end_sessions()
        self.page.wait_for_function(KERNEL_GONE)

    def sessions(self) -> list[dict[str, Any]]:
        """Return what the server says of each running kernel's session."""
        return cast("list[dict[str, Any]]", self.server.request("GET", "api/sessions"))

    def restart_kernel(self) -> None:
        """Restart the notebook's kernel and wait until it is idle."""
        self.page.evaluate(RESTART)
        self.page.wait_for_function(KERNEL_IDLE)

    def reload(self, notebook: str) -> None:
        """Load the page afresh and show a saved notebook with no kernel: what is seen is what was saved."""
        self._load()
        self._show(notebook, with_kernel=False)
        assert not self.sessions(), "JupyterLab started a kernel"

    def set_theme(self, theme: str) -> None:
        """Change to a theme by its name, "JupyterLab Dark" or "JupyterLab Light"."""
        self.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        self.page.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached")

    def set_width(self, width: int) -> None:
        """Make the window this many CSS pixels wide."""
        self.page.set_viewport_size({"width": width, "height": WIDE[1]})

    def screenshot(self, name: str, locator: Locator | None = None) -> Path:
        """Take a picture of the page or of one element; returns its file, in the server's temporary folder.

        One that README shows goes to ``notebooks/images`` when MLTRACK_SAVE_IMAGES is set.
        """
        folder = self.images if f"{name}.png" in README.read_text() else self.server.folder / "images"
        path = folder / f"{name}.png"
        (locator or self.page).screenshot(path=path, animations="disabled")
        return path

    def pause(self) -> None:
        """Hide playwright's event loop, so that other tests of this thread can start theirs."""
        # Playwright's own loop stays marked as running between calls; asyncio.run would refuse to start.
        asyncio._set_running_loop(None)

    def resume(self) -> None:
        """Bring playwright's event loop back; without it no call to the page is possible."""
        asyncio._set_running_loop(self.loop)

    def close(self) -> None:
        """End the browser, the kernels and the server."""
        self.resume()
        try:
            self.playwright.stop()
        finally:
            asyncio._set_running_loop(None)
            self.server.stop()

    def _listen(self) -> None:
        self.page.set_default_timeout(60_000)
        self.page.add_init_script(PANEL)
        self.page.on("console", self._note_console)
        self.page.on("pageerror", self._note_error)
        self.page.on("request", self._note_request)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console_errors.append(f"{message.text} ({message.location['url']})")

    def _note_error(self, error: Error) -> None:
        stack = error.stack or str(error)
        if not any(all(part in stack for part in known) for known in (NO_SESSION_ERROR, SPLASH_ERROR)):
            self.console_errors.append(stack)

    def _note_request(self, request: PageRequest) -> None:
        if urlsplit(request.url).scheme not in ("data", "blob") and not request.url.startswith(self.server.url):
            self.foreign_requests.append(request.url)

    def _show(self, notebook: str, *, with_kernel: bool) -> None:
        self.page.evaluate(CLOSE_ALL)
        self._end_sessions()
        self.console_errors.clear()
        self.foreign_requests.clear()
        self.page.evaluate(OPEN, [notebook, with_kernel])

    def _end_sessions(self) -> None:
        for session in self.sessions():
            self.server.request("DELETE", f"api/sessions/{session['id']}")
        # By itself the page asks only every ten seconds.
        self.page.evaluate("() => jupyterapp.serviceManager.sessions.refreshRunning()")

    def _load(self) -> None:
        self.page.goto(f"{self.server.url}lab?token={TOKEN}&reset")
        self.page.wait_for_function("() => window.jupyterapp")
        self.page.evaluate("async () => { await jupyterapp.restored; jupyterapp.shell.collapseLeft(); }")


def wait_until_still(locator: Locator) -> None:
    """Wait until nothing changes any more in what an element shows."""
    locator.evaluate(STILL, QUIET_MS)


def overlapping_texts(locator: Locator) -> list[str]:
    """Return the pairs of visible texts inside an element that are drawn over each other."""
    return cast("list[str]", locator.evaluate(OVERLAPS))


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


def wait_for_url(folder: Path, process: subprocess.Popen[bytes], *, seconds: float = 60) -> str:
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
