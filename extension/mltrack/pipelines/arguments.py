"""What each step is given: its own parameters, the values of ``-P``, and defaults; known before anything runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError
from mltrack.masking import mask_value
from mltrack.pipelines.places import absolute
from mltrack.pipelines.steps import MAIN
from mltrack.pipelines.templates import fields_of, filled, value_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mltrack.pipelines.steps import Pipeline, Step
    from mltrack.projects.entities import Parameter

_PATH = "path"
_OUTPUT = "{outputs["


@dataclass(frozen=True, slots=True)
class Arguments:
    """The parameters of one step: as it is ``given`` them, and as they are ``shown`` and compared.

    In ``given`` paths are absolute; in ``shown`` they are as they were written, secrets are masked, and defaults of the
    entry point are there, too.
    """

    given: Mapping[str, str]
    shown: Mapping[str, str]


def arguments_of(pipeline: Pipeline, values: Mapping[str, str], steps: Iterable[str]) -> dict[str, Arguments]:
    """Give what these steps are given.

    Raises
    ------
    InvalidParameterError
        When a value is missing, or one of ``values`` is taken by no step of the pipeline.
    """
    known = {**_defaults(pipeline), **values}
    taken: set[str] = set()
    for step in pipeline.steps.values():
        taken |= _taken(pipeline, step)
    for name in values:
        if name not in taken:
            names = ", ".join(sorted(taken)) or "none"
            raise InvalidParameterError(f"No step takes the parameter {name!r}; the steps take: {names}.")
    return {name: _of_step(pipeline, pipeline.steps[name], known, values) for name in steps}


def _defaults(pipeline: Pipeline) -> dict[str, str]:
    main = pipeline.projects["."].entry_points.get(MAIN)
    declared = main.parameters if main else ()
    return {each.name: value_text(each.default) for each in declared if each.default is not None}


def _where(step: Step, name: str) -> str:
    return f"Step {step.name!r}: its parameter {name!r}"


def _declared(pipeline: Pipeline, step: Step) -> dict[str, Parameter]:
    entry = pipeline.entry_of(step)
    return {each.name: each for each in entry.parameters} if entry else {}


def _taken(pipeline: Pipeline, step: Step) -> set[str]:
    own = {name for key, text in step.parameters.items() for name in fields_of(text, _where(step, key))}
    return own | (set(_declared(pipeline, step)) - set(step.parameters))


def _of_step(pipeline: Pipeline, step: Step, known: Mapping[str, str], values: Mapping[str, str]) -> Arguments:
    declared = _declared(pipeline, step)
    relative = {"inputs": step.inputs, "outputs": step.outputs}
    whole = {kind: [str(absolute(pipeline.root, each)) for each in paths] for kind, paths in relative.items()}
    given = {name: value_text(each.default) for name, each in declared.items() if each.default is not None}
    shown = dict(given)
    for name, text in step.parameters.items():
        _check_known(step, name, text, known)
        if name in declared and declared[name].type == _PATH:
            _check_is_there(step, name, text)
        given[name] = filled(text, known, whole, where=_where(step, name))
        shown[name] = filled(text, known, relative, where=_where(step, name))
    for name in declared:
        if name in values and name not in step.parameters:
            given[name] = shown[name] = values[name]
    _check_missing(step, [name for name in declared if name not in given])
    for name, text in given.items():
        if name in declared and declared[name].type == _PATH:
            given[name] = _placed(pipeline, text, is_typed=values.get(name) == text)
    return Arguments(given, {name: mask_value(name, text) for name, text in shown.items()})


def _check_missing(step: Step, missing: Sequence[str]) -> None:
    if missing:
        names = ", ".join(repr(name) for name in missing)
        raise InvalidParameterError(
            f"Step {step.name!r} has no value for {names}. Give it with -P {missing[0]}=VALUE, or below the step's "
            "parameters:."
        )


def _check_known(step: Step, name: str, text: str, known: Mapping[str, str]) -> None:
    for each in sorted(fields_of(text, _where(step, name))):
        if each not in known:
            raise InvalidParameterError(
                f"{_where(step, name)} takes {{{each}}}, which has no value. Give it with -P {each}=VALUE, or as a "
                f"default of the entry point {MAIN}."
            )


def _check_is_there(step: Step, name: str, text: str) -> None:
    if _OUTPUT in text:
        raise InvalidParameterError(
            f"{_where(step, name)} is of type path, which must be there before the step runs, and {text} is what the "
            f"step writes. Declare {name!r} as type: string."
        )


def _placed(pipeline: Pipeline, text: str, *, is_typed: bool) -> str:
    """Make a path absolute: one that was typed is of the working folder, one of the file of the pipeline's folder."""
    if "://" in text or text.startswith("file:"):
        return text
    return os.path.abspath(os.path.expanduser(text)) if is_typed else str(absolute(pipeline.root, text))
