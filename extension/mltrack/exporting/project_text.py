"""``MLproject`` of an exported run: its entry points, each with the run's parameters and their defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exporting.script import kind_of
from mltrack.plain_yaml import write_yaml
from mltrack.provenance.literal_source import source_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.provenance.rewriting import SliceParameter

BOTH, NOTEBOOK, SCRIPT = "both", "notebook", "script"
FORMS = (BOTH, NOTEBOOK, SCRIPT)
"""What an export may hold: a notebook, a script, or both."""


def project_text(name: str, parameters: Mapping[str, SliceParameter], form: str) -> str:
    """Give the text of the file."""
    declared = {each.name: _declared(each) for each in parameters.values()}
    commands = {}
    if form != NOTEBOOK:
        commands["main"] = "python main.py" + "".join(f" --{each}={{{each}}}" for each in parameters)
    if form != SCRIPT:
        given = "".join(f" {_option(each)} {each.name} {{{each.name}}}" for each in parameters.values())
        commands["notebook" if form == BOTH else "main"] = (
            f"python -m papermill main.ipynb executed.ipynb --kernel python3 --log-output --no-progress-bar{given}"
        )
    points = {
        point: {**({"parameters": declared} if declared else {}), "command": command}
        for point, command in commands.items()
    }
    return write_yaml({"name": name, "python_env": "python_env.yaml", "entry_points": points})


def default_text(parameter: SliceParameter) -> Any:
    """Give a parameter's default as a project file holds it: a number or text as it is, anything else as a literal."""
    value = parameter.value
    is_plain = isinstance(value, (int, float, str)) and not isinstance(value, bool)
    return value if is_plain else source_of(value)


def _declared(parameter: SliceParameter) -> dict[str, Any]:
    is_number = isinstance(parameter.value, (int, float)) and not isinstance(parameter.value, bool)
    return {"type": "float" if is_number else "string", "default": default_text(parameter)}


def _option(parameter: SliceParameter) -> str:
    """Say how papermill takes a value: a number as one, anything else as the text it is."""
    return "-p" if kind_of(parameter.value) == "float" else "-r"
