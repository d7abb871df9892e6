"""How runs, experiments and evaluations look as a value of a cell, by IPython's formatters: the core draws nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.active import ActiveRun
from mltrack.entities import Experiment, Run
from mltrack_magics import cards
from mltrack_magics.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from mltrack.evaluation.result import EvaluationResult
    from mltrack.pipelines.pipeline_run import PipelineRun
    from mltrack.provenance.slice import Slice
    from mltrack.rerunning.handles import Handle
    from mltrack.serving.handles import Server

_RUNS = (Run, ActiveRun)
_LISTS = (list, tuple)
# By name: they are loaded by the first evaluation, server and rerun.
_EVALUATION = ("mltrack.evaluation.result", "EvaluationResult")
_PIPELINE = ("mltrack.pipelines.pipeline_run", "PipelineRun")
_SLICE = ("mltrack.provenance.slice", "Slice")
_SERVER = ("mltrack.serving.handles", "Server")
_RERUNS = (("mltrack.rerunning.handles", "Rerun"), ("mltrack.rerunning.sweep", "Sweep"))


def register(shell: InteractiveShell) -> None:
    """Show runs as cards, experiments and lists of runs as tables from now on."""
    formatter = shell.display_formatter
    if formatter is None:
        return
    for kind in _RUNS:
        formatter.formatters["text/html"].for_type(kind, _html)
        formatter.formatters["text/plain"].for_type(kind, _text)
    for listing in _LISTS:
        formatter.mimebundle_formatter.for_type(listing, _table_of_list)
    formatter.mimebundle_formatter.for_type_by_name(*_SLICE, _view_of_slice)
    formatter.ipython_display_formatter.for_type(Experiment, _show_experiment)
    formatter.ipython_display_formatter.for_type_by_name(*_EVALUATION, _show_evaluation)
    formatter.ipython_display_formatter.for_type_by_name(*_PIPELINE, _show_pipeline)
    formatter.ipython_display_formatter.for_type_by_name(*_SERVER, _show_server)
    for name in _RERUNS:
        formatter.ipython_display_formatter.for_type_by_name(*name, _show_rerun)


def unregister(shell: InteractiveShell) -> None:
    """Show them as Python does again."""
    formatter = shell.display_formatter
    if formatter is None:
        return
    for kind in _RUNS:
        for mime in ("text/html", "text/plain"):
            formatter.formatters[mime].type_printers.pop(kind, None)
    for listing in _LISTS:
        formatter.mimebundle_formatter.type_printers.pop(listing, None)
    formatter.mimebundle_formatter.pop(".".join(_SLICE), None)
    formatter.ipython_display_formatter.type_printers.pop(Experiment, None)
    for name in (_EVALUATION, _PIPELINE, _SERVER, *_RERUNS):
        formatter.ipython_display_formatter.pop(".".join(name), None)


def _html(run: Run) -> str:
    return str(cards.card_of_run(run).html)


def _text(run: Run, printer: object, cycle: object) -> None:
    del cycle
    printer.text(cards.card_of_run(run).text)  # type: ignore[attr-defined]


@guarded("showing a list of runs")
def _table_of_list(values: Sequence[object], **options: object) -> Any:
    """Draw a list of runs; of any other list give nothing, so that it looks as ever."""
    del options
    if not values or not isinstance(values[0], Run) or not all(isinstance(each, Run) for each in values):
        own = getattr(type(values), "_repr_mimebundle_", None)  # a list of somebody's that looks some way of its own
        return own(values) if own else None
    from mltrack_widgets.views import table_of  # first needed when runs are shown, not when the extension is loaded

    return table_of([each for each in values if isinstance(each, Run)])._repr_mimebundle_()


@guarded("showing what a run depends on")
def _view_of_slice(found: Slice, **options: object) -> Any:
    del options
    from mltrack_widgets.provenance_view import slice_view  # as above

    return slice_view(found)._repr_mimebundle_()


def _show_experiment(experiment: Experiment) -> None:
    from mltrack_widgets.panels.run_table_panel import runs  # as above

    runs(experiment=experiment.name)._ipython_display_()


def _show_evaluation(result: EvaluationResult) -> None:
    from mltrack_widgets.panels.evaluation import EvaluationPanel  # as above

    EvaluationPanel(result)._ipython_display_()


def _show_rerun(handle: Handle) -> None:
    from mltrack_widgets.panels.sweep import SweepPanel  # as above

    SweepPanel(handle)._ipython_display_()


def _show_pipeline(begun: PipelineRun) -> None:
    from mltrack_widgets.panels.pipeline import PipelinePanel  # as above

    PipelinePanel(begun)._ipython_display_()


def _show_server(server: Server) -> None:
    from mltrack_widgets.panels.server import ServerPanel  # as above

    ServerPanel(server)._ipython_display_()
