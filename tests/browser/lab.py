"""A real JupyterLab and one headless Chromium page on it: what the browser tests drive.

The server has its own home, settings and notebooks in one folder, and nothing of the session that runs the tests. The
page is driven through JupyterLab's commands (``window.jupyterapp``), and through locators for what a person touches.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from tests.browser.lab_server import TOKEN, LabServer
from tests.browser.scripts import (
    BEGIN_CELL,
    CLOSE_ALL,
    EDIT,
    EXECUTE,
    FAILURES,
    HAS_BEGUN,
    HAS_SIZE,
    IS_DONE,
    IS_KEPT,
    IS_RUNNING,
    KERNEL_GONE,
    KERNEL_IDLE,
    NOT_KEPT,
    OPEN,
    OVERLAPS,
    PANEL,
    RESTART,
    RUN_CELL,
    SAVES,
    SCROLL,
    SETTLE,
    SOURCES,
    STILL,
    WATCH,
    WIDTH,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from playwright.sync_api import ConsoleMessage, Error, Locator, Page, Playwright, Request

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
README = Path(__file__).parents[2] / "README.md"
IMAGES = Path(__file__).parents[2] / "notebooks" / "images"
QUIET_MS = 300
SLOWEST_MS = 180_000
"""What is waited for longer than this does not come, however much else the machine has to do."""

WIDE = (1280, 900)
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
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS, timeout=SLOWEST_MS)
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
            file.unlink(missing_ok=True)  # a server of theirs may be closing it

    def run_cell(self, index: int) -> None:
        """Run a cell and wait until it is done, however it ends."""
        self.page.evaluate(RUN_CELL, index)
        self.wait_until_done(index)

    def wait_until_done(self, index: int) -> None:
        """Wait until a cell has run, and the panels that it shows stand where they stay."""
        self.page.wait_for_function(IS_DONE, arg=index)
        self._wait_until_kept(index)

    def run_all(self) -> None:
        """Run all cells and wait until they are done; a cell that fails is an AssertionError that names it."""
        self.page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
        self.page.wait_for_function(IS_DONE, arg=-1)
        failures = self.failures()
        assert not failures, "\n".join(failures)
        self._wait_until_all_are_kept()

    def begin_cell(self, index: int) -> None:
        """Run a cell and wait only until the kernel has come to it; what it showed before is gone."""
        self.page.evaluate(BEGIN_CELL, index)
        self.page.wait_for_function(HAS_BEGUN)

    def is_running(self, index: int) -> bool:
        """Tell whether a cell has begun and not ended."""
        return cast("bool", self.page.evaluate(IS_RUNNING, index))

    def execute(self, code: str) -> None:
        """Run code in the kernel that no cell holds, and wait until it has run."""
        self.page.evaluate(EXECUTE, code)

    def settle(self) -> None:
        """Wait until all is kept of tracked cells that have ended, and their cards have the last word."""
        self.execute(SETTLE)

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
        """Save the notebook, whatever has the focus, once all of it is what is saved."""
        self._wait_until_all_are_kept()
        self.page.evaluate("async () => { await notebookPanel().context.save(); }")

    def wait_for_saved(self, index: int, text: str) -> None:
        """Wait until what would be saved of a cell's outputs has a text."""
        self.page.wait_for_function(SAVES, arg=[index, text])

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
        """Make the window this many CSS pixels wide, and as high as it was at first."""
        self.set_size(width, WIDE[1])

    def set_size(self, width: int, height: int) -> None:
        """Make the window this large, and wait until JupyterLab has followed."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.wait_for_function(HAS_SIZE, arg=[width, height])

    @contextmanager
    def seen(self, what: str, element: Locator, argument: object = None) -> Iterator[None]:
        """Wait after what is done inside until something was true of an element, for however short a time."""
        self.page.evaluate(WATCH % what, [element.element_handle(), argument])
        yield
        self.page.wait_for_function("() => window.wasSeen")

    def wait_for_clipboard(self, text: str) -> None:
        """Wait until what was copied last has a text."""
        found = "async text => (await navigator.clipboard.readText()).includes(text)"
        self.page.wait_for_function(found, arg=text)

    def wait_until(self, is_true: Callable[[], object]) -> None:
        """Wait until something is true that the page's events change."""
        for _ in range(SLOWEST_MS // 50):
            if is_true():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("it did not become true")

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
        self.page.context.set_default_timeout(SLOWEST_MS)
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

    def _note_request(self, request: Request) -> None:
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

    def _wait_until_kept(self, index: int) -> None:
        if not self.page.evaluate(IS_KEPT, index):
            self.cell(index)  # a widget that is out of sight may not have been made
            self.page.wait_for_function(IS_KEPT, arg=index)

    def _wait_until_all_are_kept(self) -> None:
        for index in self.page.evaluate(NOT_KEPT):
            self._wait_until_kept(index)

    def _load(self) -> None:
        self.page.goto(f"{self.server.url}lab?token={TOKEN}&reset")
        self.page.wait_for_function("() => window.jupyterapp")
        self.page.evaluate("async () => { await jupyterapp.restored; jupyterapp.shell.collapseLeft(); }")


def width_of_picture(image: Locator) -> int:
    """Give the width of a picture in its own pixels, once it was read."""
    return cast("int", image.evaluate(WIDTH))


def wait_until_still(locator: Locator) -> None:
    """Wait until nothing changes any more in what an element shows."""
    locator.evaluate(STILL, QUIET_MS)


def overlapping_texts(locator: Locator) -> list[str]:
    """Return the pairs of visible texts inside an element that are drawn over each other."""
    return cast("list[str]", locator.evaluate(OVERLAPS))
