"""The lines that let exported code log to whatever runs it: mltrack, MLflow, or the screen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.provenance.parameter_cells import free_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FIND = '''\
def {find}():
    """Give the module that logs this run: {first}, or {second} where it began the run or {first} is not there."""
    import importlib
    import os
    import sys

    names = ["{first}", "{second}"]
    if "MLFLOW_TRACKING_URI" in os.environ and "MLTRACK_TRACKING_URI" not in os.environ:
        names = ["mlflow", "mltrack"]
    for name in names:
        try:
            found = importlib.import_module(name)
        except ImportError:
            continue
{stand_in}        return found
    return None


{tracker} = {find}()
'''
_STAND_IN = '        sys.modules.setdefault("mltrack", found)  # the cells call it so\n'
_LOG = '''\
def {log}(params, names):
    """Log the params of the run and its metrics of these names, or print them where nothing is there to log to."""
    from builtins import float, globals, print

    metrics = {{name: globals()[name] for name in names if name in globals()}}
    if {tracker} is None:
        print(*(f"{{name}} = {{value}}" for name, value in [*params.items(), *metrics.items()]), sep="\\n")
        return
    last = {tracker}.active_run() or {tracker}.last_active_run()
    if {tracker}.active_run() is None:
        {tracker}.start_run(run_id=last.info.run_id if last else None)
    known = {tracker}.get_run({tracker}.active_run().info.run_id).data.params
    for name, value in params.items():
        if name not in known:
            {tracker}.log_param(name, value)
    for name, value in metrics.items():
        try:
            number = float(value)
        except (TypeError, ValueError):
            continue
        {tracker}.log_metric(name, number)
    {tracker}.end_run()
'''
_OURS = re.compile(r"\bmltrack\b")


@dataclass(frozen=True, slots=True)
class TrackerLines:
    """The lines before the first cell, before the run's cell and after it."""

    find: str
    begin: str
    log: str


def tracker_lines(
    sources: Iterable[str], *, metrics: Sequence[str], params: str, autologged: bool, imports: Sequence[str]
) -> TrackerLines:
    """Make the lines for the cells ``sources``; ``params`` is the expression of a dict that is logged with ``metrics``.

    Cells that begin runs of their own keep doing so, and the last of these gets what is logged.
    """
    sources = list(sources)
    find, tracker, log = (free_name(name, sources) for name in ("find_tracker", "tracker", "log_results"))
    first, second = ("mlflow", "mltrack") if "mlflow" in imports and "mltrack" not in imports else ("mltrack", "mlflow")
    stands_in = any(_OURS.search(source) for source in sources)
    stand_in = _STAND_IN if stands_in else ""
    found = _FIND.format(find=find, tracker=tracker, first=first, second=second, stand_in=stand_in)
    found += "mltrack = tracker\n".replace("tracker", tracker) if stands_in else ""
    begin = []
    if not any("start_run" in source for source in sources):
        begin.append(f"    {tracker}.start_run()")
    if autologged and not any("autolog" in source for source in sources):
        begin.append(f"    {tracker}.autolog(log_models=False, silent=True)")
    before = "\n".join([f"if {tracker} is not None:", *begin]) if begin else ""
    named = ", ".join(f'"{name}"' for name in metrics)
    text = _LOG.format(log=log, tracker=tracker)
    return TrackerLines(found.strip("\n"), before, f"{text}\n\n{log}({params}, [{named}])")
