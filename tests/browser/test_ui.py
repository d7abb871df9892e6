"""``mltrack ui`` in a browser: each page by its address, with nothing from elsewhere, and by its links."""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.browser.axe import serious_faults

import mltrack
from mltrack import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page
    from tests.browser.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]
HOSTILE = "<img src=x onerror=window.__xss=1>"
BEFORE_IT_IS_READY = """
import socket, sys
from mltrack.ui import program

def start(pages):
    try:
        socket.create_server(("127.0.0.1", pages.port)).close()
    except OSError:
        print("the port is taken")

program.Pages.start = start
program.run(sys.argv[1], host="127.0.0.1", port=0, on_ready=print)
"""


class Pages(NamedTuple):
    """What is served: the address, the ids of two runs, and the folder of the store."""

    url: str
    runs: tuple[str, str]
    experiment: str
    folder: Path


def fill(folder: Path) -> tuple[tuple[str, str], str]:
    before = settings.state.uri
    mltrack.set_tracking_uri(folder / "mltrack.db")
    experiment = mltrack.set_experiment("digits").experiment_id
    ids = []
    for name, rate in (("first", 0.1), (HOSTILE, 0.2)):
        with mltrack.start_run(run_name=name) as run:
            mltrack.log_params({"rate": rate, "note": HOSTILE})
            for step in range(10):
                mltrack.log_metric("loss", rate / (step + 1), step=step)
            ids.append(run.info.run_id)
    mltrack.MlflowClient().create_registered_model("net", description=HOSTILE)
    fill_shown()
    settings.state.store, settings.state.uri, settings.state.experiment_id = None, before, None
    return (ids[0], ids[1]), experiment


def fill_shown() -> None:
    """An experiment that looks like one, for the README's picture."""
    mltrack.set_experiment("cancer")
    for place in range(8):
        rate, depth = 10.0 ** (place % 4 - 3), 2 + place // 2
        with mltrack.start_run(run_name=f"depth {depth}, rate {rate:g}"):
            mltrack.log_params({"learning_rate": rate, "depth": depth})
            for step in range(40):
                loss = math.exp(-step * rate**0.25 / 8) + 0.03 * depth
                mltrack.log_metrics({"loss": loss, "accuracy": 0.99 - 0.3 * loss}, step=step)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    folder = tmp_path_factory.mktemp("ui")
    runs, experiment = fill(folder)
    words = [sys.executable, "-m", "mltrack", "ui", "-p", "0", "--backend-store-uri", str(folder / "mltrack.db")]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLTRACK_", "MLFLOW_"))}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=kept, cwd=folder)
    assert process.stdout is not None
    found = re.search(r"http://\S+/", process.stdout.readline())
    assert found, "it did not say where it is"
    yield Pages(found[0], runs, experiment, folder)
    process.send_signal(signal.SIGINT)
    process.wait(180)


@pytest.fixture
def page(lab: Lab, pages: Pages) -> Iterator[Page]:
    """A new window, which must ask nobody else for anything and have no error."""
    opened = lab.page.context.new_page()
    wrong: list[str] = []
    opened.on(
        "request", lambda each: None if each.url.startswith((pages.url, "data:", "blob:")) else wrong.append(each.url)
    )
    opened.on("response", lambda each: wrong.append(f"{each.status} {each.url}") if each.status >= 400 else None)
    opened.on("console", lambda each: wrong.append(each.text) if each.type == "error" else None)
    yield opened
    assert opened.evaluate("window.__xss") is None
    opened.close()
    assert wrong == []


def shown(page: Page, text: str) -> None:
    page.get_by_text(text).locator("visible=true").first.wait_for()


def test_the_overview_leads_to_an_experiment_and_a_run(pages: Pages, page: Page) -> None:
    page.goto(pages.url)
    shown(page, "Registered models")
    assert serious_faults(page.locator("#rendered_cells")) == []
    page.get_by_role("link", name="digits").click()
    page.wait_for_url(re.compile(rf"experiment={pages.experiment}$"))
    shown(page, "2 runs of digits, 2 selected")
    page.locator("canvas, svg.marks").first.wait_for()
    page.get_by_role("link", name="Open first").click()
    page.wait_for_url(re.compile(rf"run={pages.runs[0]}$"))
    shown(page, "Notebook as executed")


def test_the_dashboard_for_the_readme(lab: Lab, pages: Pages, page: Page) -> None:
    page.goto(pages.url)
    page.get_by_role("link", name="cancer").click()
    shown(page, "8 runs of cancer")
    page.locator("canvas, svg.marks").nth(1).wait_for()
    page.set_viewport_size({"width": 1280, "height": 860})
    page.mouse.move(0, 0)
    lab.screenshot("ui-light", page.locator("body"))


def test_links_follow_what_is_chosen(pages: Pages, page: Page) -> None:
    page.goto(f"{pages.url}?experiment={pages.experiment}")
    shown(page, "Compare these 2")
    page.get_by_role("button", name="clear").or_(page.get_by_text("clear", exact=True)).first.click()
    shown(page, "Choose runs in the table for links to their pages.")


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("?run={0}", "Notebook as executed"),
        ("?compare={0},{1}&baseline={0}", "2 runs side by side"),
        ("?compare={0}", "Name two runs or more"),
        ("?model=net", "no versions yet"),
        ("?run=nonsense", "There is no run 'nonsense'"),
        ("?model=none", "This page cannot be shown"),
        ("?experiment=99", "This page cannot be shown"),
        ("?run=a&model=b", "The address names run and model"),
    ],
)
def test_each_page_has_an_address(pages: Pages, page: Page, query: str, text: str) -> None:
    page.goto(pages.url + query.format(*pages.runs))
    shown(page, text)


def test_another_host_is_refused(pages: Pages) -> None:
    request = urllib.request.Request(pages.url, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=180)


def test_nobody_takes_the_port_before_it_is_ready(pages: Pages) -> None:
    words = [sys.executable, "-c", BEFORE_IT_IS_READY, str(pages.folder / "mltrack.db")]
    done = subprocess.run(words, capture_output=True, text=True, cwd=pages.folder, check=True)
    assert done.stdout == "the port is taken\n"


def test_nobody_runs_code(pages: Pages) -> None:
    """No kernel is started by whoever asks, no file is read."""
    for path in ("api/kernels", "api/contents", "api/terminals", "voila/files/page.ipynb", "lab"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(pages.url + path, timeout=180)
        assert caught.value.code in (403, 404), path
