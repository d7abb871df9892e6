"""``main.py``: a run's cells as a script, its parameters as arguments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mltrack.exporting.plain_python import plain_python, without_tracking
from mltrack.exporting.wrapping import awaiting, compiles, going_on, keeping_value, reads_last_value
from mltrack.provenance.literal_source import source_of
from mltrack.provenance.parameter_cells import free_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.exporting.exported_cells import ExportedCells
    from mltrack.provenance.rewriting import SliceParameter

_LITERAL = '''\
def {literal}(text):
    """Give the value that a text stands for, as a Python literal; the text itself if it is none."""
    words = {{"true": "True", "false": "False"}}
    try:
        return ast.literal_eval(words.get(text.strip().lower(), text.strip()))
    except (ValueError, SyntaxError):
        return text
'''
_SHELL = '''\
from IPython.core.interactiveshell import InteractiveShell


def get_ipython():
    """Give the shell that runs this script's magics and shell lines, on the script's own names."""
    import sys

    return InteractiveShell.instance(user_module=sys.modules[__name__])
'''
_RUNNER = """\
{loop} = asyncio.new_event_loop()
asyncio.set_event_loop({loop})
"""
_FUTURE = re.compile(r"^from __future__ import .*$", re.MULTILINE)


def script_of(cells: ExportedCells, title: str) -> str:
    """Give the text of the script."""
    holder, sources = cells.for_script()
    everything = [*cells.sources]
    loop, literal = free_name("loop", everything), free_name("literal", everything)
    pythons = [plain_python(without_tracking(source)) for source in sources]
    if reads_last_value(pythons):
        pythons = [keeping_value(python) for python in pythons]
    bodies = [_body(cells, python, number, f"{loop}.run_until_complete") for number, python in enumerate(pythons)]
    tracking = cells.tracking(f"{holder}.__dict__")
    head = _head(cells, bodies, loop=loop, finds=tracking.find)
    parts = [f'"""{_safe(title)}"""', *head, _arguments(cells.parameters, holder, literal)]
    for number, (step, body) in enumerate(zip(cells.found.steps, bodies, strict=True), 1):
        parts += [tracking.begin] if number == len(bodies) else []
        parts += [_commented(f"%% [markdown]\n{each}") for each in cells.facts.markdown.get(step.seq, ())]
        code = _FUTURE.sub("", body).strip("\n")
        parts += [f"# %% cell {number}\n{code}"] if code.strip() else []
    parts.append("# %% what is logged\n" + tracking.log)
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def _head(cells: ExportedCells, bodies: Sequence[str], *, loop: str, finds: str) -> list[str]:
    """Give what stands above the arguments: what the cells need that a notebook has by itself."""
    text = "\n".join(bodies)
    awaits = f"{loop}.run_until_complete" in text
    has_literals = any(kind_of(each.value) == "literal" for each in cells.parameters.values())
    modules = ["argparse", *(["ast"] if has_literals else []), *(["asyncio"] if awaits else [])]
    return [
        *_futures(bodies),
        "\n".join(f"import {name}" for name in modules) + f"\n\n\n{finds}",
        *([_SHELL] if "get_ipython()" in text else []),
        *(["from IPython.display import display"] if _uses_display(text) else []),
        *([_RUNNER.format(loop=loop)] if awaits else []),
    ]


def _body(cells: ExportedCells, python: str, number: int, runner: str) -> str:
    """Give one step as Python that a script can hold."""
    step = cells.found.steps[number]
    if not python.strip():
        return ""
    if not compiles(python, awaits=True):
        return f"# This cell is no Python that a script can hold, and was left out:\n{_commented(python)}"
    if not compiles(python):
        python = awaiting(python, number + 1, runner)
    failed = step.status != "ok" and number < len(cells.found.steps) - 1
    return going_on(python) if failed else python


def _futures(bodies: Sequence[str]) -> list[str]:
    """Give what must stand at the top of a script."""
    found = sorted({line for body in bodies for line in _FUTURE.findall(body)})
    return ["\n".join(found)] if found else []


def _uses_display(text: str) -> bool:
    """Tell whether cells call ``display``, which a notebook has without an import."""
    return re.search(r"\bdisplay\(", text) is not None and re.search(r"import .*\bdisplay\b", text) is None


def _arguments(parameters: Mapping[str, SliceParameter], holder: str, literal: str) -> str:
    lines = ['parser = argparse.ArgumentParser(allow_abbrev=False, conflict_handler="resolve")']
    needs_literal = False
    for name, each in parameters.items():
        reader = kind_of(each.value)
        needs_literal = needs_literal or reader == "literal"
        read = {"float": "float", "str": "str"}.get(reader, literal)
        lines.append(f'parser.add_argument("--{name}", dest="{name}", type={read}, default={source_of(each.value)})')
    lines.append(f"{holder} = parser.parse_args()")
    text = "\n".join(lines)
    return f"{_LITERAL.format(literal=literal)}\n\n{text}" if needs_literal else text


def kind_of(value: object) -> str:
    """Say how a typed value of a parameter is read: ``float``, ``str``, or as a ``literal``."""
    if isinstance(value, float):
        return "float"
    return "str" if isinstance(value, str) else "literal"


def _commented(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in re.split(r"\r\n|\r|\n|\f|\v", text))


def _safe(title: str) -> str:
    """Make a title that a docstring can hold."""
    return " ".join(title.split()).replace("\\", "\\\\").replace('"', "'")
