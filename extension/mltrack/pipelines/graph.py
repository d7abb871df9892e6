"""Which step goes before which: from what they read and write, and from what they say they need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.pipelines.places import absolute, holds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mltrack.pipelines.steps import Pipeline, Step


@dataclass(frozen=True, slots=True)
class Graph:
    """The order of a pipeline's steps.

    ``before`` has for each step the steps that go directly before it, with the paths that lead from one to the other
    (none where it is only needed); ``order`` is one in which all can run, that of the file where nothing speaks
    against it.
    """

    before: Mapping[str, Mapping[str, tuple[str, ...]]]
    order: tuple[str, ...]

    def upstream(self, names: Iterable[str]) -> tuple[str, ...]:
        """Give these steps and all that go before them, in order."""
        wanted: set[str] = set()
        stack = list(names)
        while stack:
            name = stack.pop()
            if name not in wanted:
                wanted.add(name)
                stack.extend(self.before[name])
        return tuple(name for name in self.order if name in wanted)

    def layers(self) -> tuple[tuple[str, ...], ...]:
        """Give the steps by the number of steps on the longest way to them."""
        depth: dict[str, int] = {}
        for name in self.order:
            depth[name] = 1 + max((depth[each] for each in self.before[name]), default=-1)
        return tuple(
            tuple(name for name in self.order if depth[name] == level)
            for level in range(1 + max(depth.values(), default=-1))
        )


def graph_of(pipeline: Pipeline) -> Graph:
    """Give the order of a pipeline's steps.

    Raises
    ------
    InvalidParameterError
        When two steps write the same, a step reads what it writes or needs itself, steps wait for each other, or an
        input is neither there nor anybody's output, or code is not there. The message names the steps.
    """
    steps = list(pipeline.steps.values())
    _check_outputs(steps)
    before = {step.name: _before(pipeline, step, steps) for step in steps}
    order = _ordered(before)
    _check_there(pipeline, steps)
    return Graph(before, order)


def chosen_steps(graph: Graph, names: Sequence[str]) -> tuple[str, ...]:
    """Give the named steps and all that go before them; all steps when none is named.

    Raises
    ------
    NotFoundError
        When there is no step of a name.
    """
    for name in names:
        if name not in graph.before:
            raise NotFoundError(f"There is no step {name!r}; there are: {', '.join(graph.order)}.")
    return graph.upstream(names) if names else graph.order


def _check_outputs(steps: Sequence[Step]) -> None:
    owners: list[tuple[str, str]] = []
    for step in steps:
        for path in step.outputs:
            _check_free(step.name, path, owners)
            owners.append((path, step.name))
            for each in steps:
                if each.project != "." and holds(path, each.project):
                    raise InvalidParameterError(
                        f"Step {step.name!r}: its output {path!r} holds the project of step {each.name!r}; "
                        "write somewhere else."
                    )


def _check_free(name: str, path: str, owners: Sequence[tuple[str, str]]) -> None:
    for other, owner in owners:
        if holds(other, path) or holds(path, other):
            shared = repr(path) if path == other else f"{path!r}, and {owner!r} writes {other!r}"
            who = f"Steps {owner!r} and {name!r} both write" if path == other else f"Step {name!r} writes"
            raise InvalidParameterError(f"{who} {shared}; each file or folder is one step's output.")


def _before(pipeline: Pipeline, step: Step, steps: Sequence[Step]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for need in step.needs:
        if need not in pipeline.steps:
            raise InvalidParameterError(
                f"Step {step.name!r} needs {need!r}, which is no step; there are: {', '.join(pipeline.steps)}."
            )
        found[need] = ()
    for each in steps:
        paths = tuple(path for path in each.outputs if any(_meets(pipeline, path, read) for read in step.inputs))
        if paths and each.name == step.name:
            raise InvalidParameterError(f"Step {step.name!r} reads {paths[0]!r}, which it writes; name it only once.")
        if paths:
            found[each.name] = paths
    if step.name in found:
        raise InvalidParameterError(f"Step {step.name!r} needs itself.")
    return found


def _meets(pipeline: Pipeline, written: str, read: str) -> bool:
    if holds(written, read) or holds(read, written):
        return True
    if not read.startswith(("/", "~", "..")):
        return False
    whole, place = str(absolute(pipeline.root, written)), str(absolute(pipeline.root, read))
    return holds(whole, place) or holds(place, whole)


def _ordered(before: Mapping[str, Mapping[str, tuple[str, ...]]]) -> tuple[str, ...]:
    done: dict[str, None] = {}
    left = dict.fromkeys(before)
    while left:
        ready = next((name for name in left if before[name].keys() <= done.keys()), None)
        if ready is None:
            raise InvalidParameterError(f"Steps wait for each other: {' → '.join(_cycle(before, list(left)))}.")
        del left[ready]
        done[ready] = None
    return tuple(done)


def _cycle(before: Mapping[str, Mapping[str, tuple[str, ...]]], left: Sequence[str]) -> list[str]:
    """Give the steps of one circle, in the order in which they would run, the first one again at the end."""
    path = [left[0]]
    while True:
        following = next(each for each in before[path[-1]] if each in left)
        if following in path:
            return [following, *reversed(path[path.index(following) :])]
        path.append(following)


def _check_there(pipeline: Pipeline, steps: Sequence[Step]) -> None:
    for step in steps:
        for path in step.code or ():
            if not (pipeline.root / path).exists():
                raise InvalidParameterError(f"Step {step.name!r}: code has {path!r}, which is not in {pipeline.root}.")
        for path in step.inputs:
            made = any(_meets(pipeline, output, path) for each in steps for output in each.outputs)
            if not made and not absolute(pipeline.root, path).exists():
                raise InvalidParameterError(
                    f"Step {step.name!r} reads {path!r}, which is not in {pipeline.root} and which no step writes. "
                    "Put it there, or name it among the outputs of the step that makes it."
                )
