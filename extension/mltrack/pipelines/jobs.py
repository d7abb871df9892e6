"""What a run of a pipeline is to do, read and checked before anything runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import NotFoundError
from mltrack.pipelines.arguments import arguments_of
from mltrack.pipelines.graph import chosen_steps, graph_of
from mltrack.pipelines.steps import read_pipeline
from mltrack.pipelines.templates import value_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.pipelines.arguments import Arguments
    from mltrack.pipelines.graph import Graph
    from mltrack.pipelines.steps import Pipeline


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done: the pipeline, what its steps are given, and which of them run whatever has not changed.

    ``arguments`` has the steps that take part; ``env_manager`` is that of ``mltrack.projects.run``.
    """

    pipeline: Pipeline
    graph: Graph
    arguments: Mapping[str, Arguments]
    forced: frozenset[str]
    env_manager: str | None = None


def job_of(
    directory: str | Path,
    parameters: Mapping[str, Any] | None = None,
    *,
    steps: tuple[str, ...] = (),
    force: bool = False,
    env_manager: str | None = None,
) -> Job:
    """Read the pipeline of a folder and check all that can be known; see ``mltrack.pipelines.run``."""
    pipeline = open_pipeline(directory)
    graph = graph_of(pipeline)
    chosen = chosen_steps(graph, steps)
    values = {str(key): value_text(value) for key, value in (parameters or {}).items()}
    arguments = arguments_of(pipeline, values, chosen)
    forced = frozenset(steps or chosen) if force else frozenset()
    return Job(pipeline, graph, arguments, forced, env_manager)


def open_pipeline(directory: str | Path) -> Pipeline:
    """Read the pipeline of a folder; NotFoundError when there is no such folder."""
    return read_pipeline(folder_of(directory))


def folder_of(directory: str | Path) -> Path:
    """Give the whole path of a pipeline's folder; NotFoundError when there is no such folder."""
    root = Path(os.path.abspath(Path(directory).expanduser()))
    if not root.is_dir():
        raise NotFoundError(f"There is no folder {str(directory)!r}; give that of a file MLproject with steps.")
    return root
