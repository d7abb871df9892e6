"""``%mltrack pipeline`` in a real kernel: what is shown, what an interrupt ends, what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.core.pipeline_projects import make_pipeline
from tests.magics.kernels import running_kernel, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.magics.kernels import Kernel

pytestmark = pytest.mark.slow
HTML = "text/html"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel whose outputs nobody looks at, as with nbclient."""
    with running_kernel(tmp_path_factory.mktemp("kernel"), MLTRACK_WIDGETS="never") as kernel:
        yield kernel


@pytest.fixture
def project(kernel: Kernel, tmp_path: Path) -> Path:
    steps = {
        "a": {"command": "echo {C} > a", "outputs": ["a"]},
        "b": {"command": "test ! -e hold || (echo $$ > pid; touch on; exec sleep 1000)", "inputs": ["a"], "code": []},
    }
    return make_pipeline(tmp_path / "p", steps, parameters={"a": {"C": {"default": 1}}})


def test_what_is_kept_says_how_it_ended(kernel: Kernel, project: Path) -> None:
    outcome = kernel.run(f"%mltrack pipeline {project} -P C=2 --jobs 1")
    assert outcome.error is None
    last = [content["data"] for kind, content in outcome.outputs if kind in ("display_data", "update_display_data")][-1]
    assert "2 of 2 steps" in last[HTML]
    assert last["text/plain"].startswith("● finished  titanic   2 of 2 steps")
    assert "● finished  a" in last["text/plain"]
    again = kernel.run(f"%mltrack pipeline {project} -P C=2 --force")
    assert "forced" in str(again.outputs[-1])


def test_an_interrupt_ends_all_of_it(kernel: Kernel, project: Path) -> None:
    (project / "hold").touch()
    message = kernel.send(f"%mltrack pipeline {project}")
    wait_until((project / "on").exists)
    kernel.interrupt()
    outcome = kernel.wait(message)
    assert str(outcome.error).startswith("UsageError: The pipeline 'titanic' was stopped (run ")
    assert "stopped" in str(outcome.outputs[-2:])
    pid = (project / "pid").read_text().strip()
    assert kernel.evaluate(f"__import__('os').path.exists('/proc/{pid}')") is False


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("{0} -P C", "-P needs NAME=VALUE; got 'C'"),
        ("{0} --jobs none", "--jobs needs a whole number from 1; got 'none'"),
        ("{0} -P D=1", "No step takes the parameter 'D'; the steps take: C."),
        ("{0}/none", "There is no folder"),
    ],
    ids=["pair", "jobs", "parameter", "folder"],
)
def test_what_is_wrong_is_one_line(kernel: Kernel, project: Path, words: str, message: str) -> None:
    outcome = kernel.run(f"%mltrack pipeline {words.format(project)}")
    assert message in outcome.stream("stderr") + str(outcome.error)
