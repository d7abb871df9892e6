"""What a pipeline's run may be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class PipelineOptions(TypedDict, total=False):
    """The options of ``mltrack.pipelines.run``; see there."""

    jobs: int | None
    force: bool
    steps: Sequence[str] | None
    env_manager: str | None
    experiment_name: str | None
    run_name: str | None
    synchronous: bool
    trust: bool
    ask: Callable[[str], bool] | None
