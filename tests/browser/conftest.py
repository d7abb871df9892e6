"""One JupyterLab page for all browser tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.lab import Lab, missing_parts

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

LAB = pytest.StashKey[Lab]()


def is_here(item: pytest.Item) -> bool:
    """True for the tests of this folder: pytest hands the hooks below those of every folder."""
    return Path(__file__).parent in item.path.parents


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let playwright's event loop be seen by the browser tests alone: other tests may follow in this process."""
    lab = item.config.stash.get(LAB, None)
    if lab and is_here(item):
        lab.resume()
    try:
        return (yield)
    finally:
        lab = item.config.stash.get(LAB, None)
        if lab:
            lab.pause()


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab in headless Chromium; the test is skipped where there is none, and fails there under CI."""
    missing = missing_parts()
    if missing:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"the browser tests need {missing}")
    started = Lab.start(tmp_path_factory.mktemp("lab"))
    request.config.stash[LAB] = started
    yield started
    del request.config.stash[LAB]
    started.close()


@pytest.fixture(params=["JupyterLab Light", "JupyterLab Dark"], ids=["light", "dark"])
def theme(lab: Lab, request: pytest.FixtureRequest) -> Iterator[str]:
    """JupyterLab's light theme, then its dark one, by one word."""
    lab.set_theme(request.param)
    yield request.param.split()[-1].lower()
    lab.set_theme("JupyterLab Light")
