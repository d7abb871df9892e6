"""``mltrack pipeline run`` and ``show``: a project's steps, run as far as something changed."""

from __future__ import annotations

import queue
import sys
from typing import TYPE_CHECKING, Any

import click

from mltrack.cli.output import count, print_table, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.pipelines.pipeline_run import PipelineRun
    from mltrack.pipelines.progress import StepState

_LOOK_SECONDS = 0.25
_folder = click.argument("directory", metavar="DIR", default=".", type=click.Path(file_okay=False))


@click.group()
def pipeline() -> None:
    """Run the steps of a project that changed; show them."""


@pipeline.command()
@_folder
@click.option("-P", "--param-list", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated.")
@click.option("-j", "--jobs", type=click.IntRange(1), help="Steps at once; default: as many as processors.")
@click.option("--force", is_flag=True, help="Run every step, changed or not; with --step, only those.")
@click.option("--step", "steps", multiple=True, metavar="NAME", help="Only this and what it depends on; repeatable.")
@click.option("--dry-run", is_flag=True, help="Say what would run and why; run nothing.")
@click.option(
    "--env-manager",
    type=click.Choice(("local", "virtualenv", "uv", "conda")),
    help="How steps' environments are made; default: uv where a step's project names one.",
)
@click.option("--experiment-name", metavar="NAME", help="The experiment of the runs, made when there is none.")
@click.option("--run-name", metavar="NAME", help="The pipeline's run's name; default: the pipeline's.")
@click.option("--trust", is_flag=True, help="Run code of others without asking.")
def run(directory: str, pairs: Sequence[str], **options: Any) -> None:
    """Run the steps of DIR whose inputs, code or parameters changed.

    The steps are those below steps: in its MLproject. What has finished before and is unchanged is skipped, so that a
    run that failed goes on where it stopped.
    """
    parameters = _parameters(pairs)
    if options.pop("dry_run"):
        _foresee(directory, parameters, options["steps"], force=options["force"])
        return
    from mltrack.pipelines.running import run as begin  # brings what launches projects along

    begun = begin(directory, parameters, synchronous=False, ask=_asker(), **options)
    sys.exit(0 if _follow(begun) else 1)


@pipeline.command()
@_folder
def show(directory: str) -> None:
    """Show the steps of DIR: what each reads, writes and comes after."""
    from mltrack.pipelines.graph import graph_of
    from mltrack.pipelines.jobs import open_pipeline  # of use to this command only
    from mltrack.pipelines.tree import describe, tree_lines

    found = open_pipeline(directory)
    graph = graph_of(found)
    say(f"{found.name}: {count(len(found.steps), 'step')}")
    for line in tree_lines(graph, lambda name: describe(found.steps[name], graph.before[name])):
        say(line)


def _parameters(pairs: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise click.UsageError(f"-P takes NAME=VALUE; got {pair!r}.")
        if name in found:
            raise click.UsageError(f"The parameter {name!r} is given twice with -P; give it once.")
        found[name] = value
    return found


def _asker() -> Any:
    return click.confirm if sys.stdin.isatty() else None


def _foresee(directory: str, parameters: Mapping[str, str], steps: Sequence[str], *, force: bool) -> None:
    from mltrack.pipelines.planning import plan  # of use to this option only

    found = plan(directory, parameters, steps=tuple(steps), force=force)
    print_table(("step", "would", "why"), [(each.name, each.action.value, each.reason) for each in found])


def _follow(begun: PipelineRun) -> bool:
    """Print how the steps go, and what they print, until all have ended."""
    printer = _Printer(begun)
    try:
        while begun.status == "RUNNING":
            begun.wait(_LOOK_SECONDS)
            printer.look()
    except KeyboardInterrupt:
        say("Stopping…")
        begun.cancel()
    printer.look()
    say(f"{begun.name}: {begun.status.lower()} · run {begun.run_id}")
    return begun.status == "FINISHED"


class _Printer:
    """Prints what is new of a pipeline's run: lines of the steps behind their names, and how steps stand."""

    def __init__(self, begun: PipelineRun) -> None:
        self._begun = begun
        self._news: queue.SimpleQueue[StepState | None] = queue.SimpleQueue()
        self._printed: dict[str, int] = {}
        self._width = max(map(len, begun.steps), default=0)
        begun.observe(self._news.put)

    def look(self) -> None:
        while not self._news.empty():
            state = self._news.get()
            if state is not None:
                self._print_state(state)
        for name, state in self._begun.steps.items():
            if state.status.value == "running":
                self._print_log(name, whole=False)

    def _print_state(self, state: StepState) -> None:
        if state.status.value in ("waiting", "checking"):
            return
        if state.status.is_final and state.run_id is not None and state.status.value != "skipped":
            self._print_log(state.name, whole=True)
        took = state.duration(state.ended or 0) if state.ended else None
        seconds = f" after {took / 1000:.1f} s" if took is not None else ""
        reason = "" if state.status.value == "finished" else f": {state.reason}"
        say(f"{state.name:{self._width}} ● {state.status}{seconds}{reason}")

    def _print_log(self, name: str, *, whole: bool) -> None:
        text = self._begun.logs(name)[self._printed.get(name, 0) :]
        end = len(text) if whole else text.rfind("\n") + 1
        self._printed[name] = self._printed.get(name, 0) + end
        for line in text[:end].splitlines():
            say(f"{name:{self._width}} │ {line}")
