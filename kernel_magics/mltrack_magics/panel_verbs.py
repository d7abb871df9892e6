"""The verbs of ``%mltrack`` that show something: each makes from its options what is displayed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from mltrack.lookup import LAST
from mltrack_magics.options import typed_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

# What draws is imported when something is first shown, not when the extension is loaded: hence the imports inside.


def _runs(options: argparse.Namespace) -> Any:
    from mltrack_widgets.panels.run_table_panel import ROWS, runs  # as said above

    limit = options.limit or str(ROWS)
    if not limit.isdigit() or not int(limit):
        raise UsageError(f"%mltrack runs -n needs a whole number from 1; got {limit!r}.")
    wanted = typed_text(options.filter)
    return runs(wanted, experiment=options.experiment, order_by=options.order, max_results=int(limit))


def _show(options: argparse.Namespace) -> Any:
    from mltrack_widgets.views import show  # as said above

    return show(options.run or LAST)


def _charts(options: argparse.Namespace) -> Any:
    from mltrack_widgets.model_view import charts  # as said above

    return charts(options.run or LAST)


def _curves(options: argparse.Namespace) -> Any:
    from mltrack_widgets.panels.curves import curves  # as said above

    wanted = _wanted(options)
    return curves(*map(str, options.metric), runs=list(map(str, options.runs)) or None, **wanted)


def _scatter(options: argparse.Namespace) -> Any:
    from mltrack_widgets.panels.scatter import scatter  # as said above

    return scatter(str(options.param[0]), str(options.metric[0]), color=options.color, **_wanted(options))


def _parallel(options: argparse.Namespace) -> Any:
    from mltrack_widgets.panels.parallel import parallel  # as said above

    return parallel(*map(str, options.name), **_wanted(options))


def _importance(options: argparse.Namespace) -> Any:
    from mltrack_widgets.panels.importance import importance  # as said above

    return importance(str(options.metric[0]), **_wanted(options))


def _compare(options: argparse.Namespace) -> Any:
    from mltrack_widgets.panels.compare import compare  # as said above

    return compare(*map(str, options.run))


def _dashboard(options: argparse.Namespace) -> Any:
    from mltrack_widgets.panels.dashboard import dashboard  # as said above

    return dashboard(typed_text(options.filter), experiment=options.experiment)


def _models(options: argparse.Namespace) -> Any:
    from mltrack_widgets.panels.model_versions import model_versions  # as said above

    return model_versions(options.name)


def _wanted(options: argparse.Namespace) -> dict[str, Any]:
    return {"filter_string": options.filter or "", "experiment": options.experiment}


MAKERS: dict[str, Callable[[argparse.Namespace], Any]] = {
    "runs": _runs,
    "show": _show,
    "charts": _charts,
    "curves": _curves,
    "scatter": _scatter,
    "parallel": _parallel,
    "importance": _importance,
    "compare": _compare,
    "dashboard": _dashboard,
    "models": _models,
}
