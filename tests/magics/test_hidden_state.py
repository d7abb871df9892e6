"""Notebooks with hidden state, each of a known kind, get the right badge in a real kernel, and so do sound ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.magics.hidden_state import HIDDEN, REPRODUCIBLE, SLOWLY_HIDDEN, SLOWLY_REPRODUCIBLE, Played, play
from tests.magics.kernels import running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.magics.kernels import Kernel

    from mltrack.entities import Run

FAST = {
    *("edited and not run again", "deleted, as the front end says", "two definitions, run the other way round"),
    *("numbers of numpy without a seed", "plain"),
}


def cases(*groups: tuple[Played, ...]) -> list[object]:
    every = [each for group in groups for each in group]
    return [pytest.param(each, id=each.name, marks=() if each.name in FAST else pytest.mark.slow) for each in every]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("hidden")
    (folder / "data.csv").write_text("a b c")
    (folder / "script.py").write_text("from_script = 4\n")
    with running_kernel(folder, load=False, MLTRACK_TEST_MODE="1") as started:
        started.run("stored = 7\n%store stored\ndel stored")
        yield started


def reasons(run: Run) -> set[tuple[str, str]]:
    tags = run.data.tags
    assert ("mltrack.reproducible.reasons" in tags) == (tags["mltrack.reproducible"] == "false")
    return {(each["kind"], each["cell_id"]) for each in json.loads(tags.get("mltrack.reproducible.reasons", "[]"))}


@pytest.mark.parametrize("notebook", cases(HIDDEN, REPRODUCIBLE, SLOWLY_HIDDEN, SLOWLY_REPRODUCIBLE))
def test_the_badge_is_right(kernel: Kernel, notebook: Played) -> None:
    run = play(kernel, notebook)
    assert reasons(run) == notebook.found
    assert run.data.tags["mltrack.reproducible"] == str(not notebook.found).lower()
