"""A pipeline's graph as lines of text: each step below the last one that goes before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mltrack.pipelines.graph import Graph
    from mltrack.pipelines.steps import Step


def tree_lines(graph: Graph, label: Callable[[str], str]) -> list[str]:
    """Draw the steps of a graph; ``label`` gives what is said of one."""
    below: dict[str | None, list[str]] = {None: []}
    for name in graph.order:
        parents = [each for each in graph.order if each in graph.before[name]]
        below.setdefault(parents[-1] if parents else None, []).append(name)
    lines: list[str] = []
    for root in below[None]:
        lines += [label(root), *_branches(below, root, label)]
    return lines


def describe(step: Step, before: Mapping[str, tuple[str, ...]]) -> str:
    """Say what a step is: its name, where its code is, what it reads and writes, and what it comes after."""
    where = "" if step.project == "." else f" ({step.project})"
    writes = f" → {', '.join(step.outputs)}" if step.outputs else ""
    reads = f"  reads {', '.join(step.inputs)}" if step.inputs else ""
    after = f"  after {', '.join(before)}" if len(before) > 1 else ""
    return f"{step.name}{where}{writes}{reads}{after}"


def _branches(below: Mapping[str | None, list[str]], root: str, label: Callable[[str], str]) -> list[str]:
    """Draw what is below a step; a stack instead of recursion, as a chain may be long."""
    lines: list[str] = []
    stack = [(name, "", name == below.get(root, [])[-1]) for name in reversed(below.get(root, []))]
    while stack:
        name, indent, is_last = stack.pop()
        lines.append(f"{indent}{'└─' if is_last else '├─'} {label(name)}")
        children = below.get(name, [])
        deeper = indent + ("   " if is_last else "│  ")
        stack.extend((each, deeper, each == children[-1]) for each in reversed(children))
    return lines
