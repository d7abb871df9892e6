"""The logged models that this process is at: the active one, the last made, and those that its runs have made.

They are what metrics belong to that are logged without saying of which model, as in MLflow.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Self

from mltrack.entities import LoggedModel

if TYPE_CHECKING:
    from types import TracebackType

_active: ContextVar[str | None] = ContextVar("mltrack_active_model", default=None)
_last: ContextVar[str | None] = ContextVar("mltrack_last_model", default=None)
_MOST_RUNS = 256
_made: dict[str, dict[int, tuple[str, ...]]] = {}


class ActiveModel(LoggedModel):
    """A logged model that was made the active one; leaving its ``with`` block makes the one before it active again."""

    __slots__ = ("_before",)

    _before: str | None

    @classmethod
    def of(cls, model: LoggedModel) -> Self:
        """Make a logged model the active one."""
        made = cls(**dict(model))
        object.__setattr__(made, "_before", _active.get())
        _active.set(model.model_id)
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _active.set(self._before)


def get_active_model_id() -> str | None:
    """Give the id of the active model of this thread and task, or None."""
    return _active.get()


def clear_active_model() -> None:
    """Let no model be the active one."""
    _active.set(None)


def forget() -> None:
    """Know of no model any more."""
    _active.set(None)
    _last.set(None)
    _made.clear()


def last_model_id() -> str | None:
    """Give the id of the logged model that this thread and task made last, or None."""
    return _last.get()


def remember(model_id: str, *, run_id: str | None = None, step: int = 0) -> None:
    """Note that a logged model was made, and by which run at which step."""
    _last.set(model_id)
    if run_id is None:
        return
    steps = _made.setdefault(run_id, {})
    steps[step] = (*steps.get(step, ()), model_id)
    while len(_made) > _MOST_RUNS:
        _made.pop(next(iter(_made)))


def has_models(run_id: str) -> bool:
    """Say whether a run made a model in this process."""
    return run_id in _made


def models_of(run_id: str, step: int) -> tuple[str, ...]:
    """Give the ids of the models that a run made at a step in this process."""
    steps = _made.get(run_id)
    return steps.get(step, ()) if steps else ()
