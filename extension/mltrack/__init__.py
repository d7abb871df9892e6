"""mltrack makes a Jupyter notebook a laboratory book: a cell becomes a run.

``%load_ext mltrack``, then ``%%track_run`` on a cell; or, in a script, ``with mltrack.start_run(): …``. The names are
MLflow's. Nothing heavy is loaded here: each name comes from its module at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from mltrack.active import ActiveRun as ActiveRun
    from mltrack.artifacts import log_artifact as log_artifact
    from mltrack.artifacts import log_artifacts as log_artifacts
    from mltrack.artifacts import log_dict as log_dict
    from mltrack.artifacts import log_figure as log_figure
    from mltrack.artifacts import log_image as log_image
    from mltrack.artifacts import log_table as log_table
    from mltrack.artifacts import log_text as log_text
    from mltrack.client import MltrackClient as MltrackClient
    from mltrack.exceptions import MlflowException as MlflowException
    from mltrack.exceptions import MltrackError as MltrackError
    from mltrack.frames import search_runs as search_runs
    from mltrack.settings import get_tracking_uri as get_tracking_uri
    from mltrack.settings import set_experiment as set_experiment
    from mltrack.settings import set_tracking_uri as set_tracking_uri
    from mltrack.tracking import active_run as active_run
    from mltrack.tracking import end_run as end_run
    from mltrack.tracking import get_run as get_run
    from mltrack.tracking import last_active_run as last_active_run
    from mltrack.tracking import log_metric as log_metric
    from mltrack.tracking import log_metrics as log_metrics
    from mltrack.tracking import log_param as log_param
    from mltrack.tracking import log_params as log_params
    from mltrack.tracking import set_tag as set_tag
    from mltrack.tracking import set_tags as set_tags
    from mltrack.tracking import start_run as start_run
    from mltrack_widgets.views import notebook as notebook
    from mltrack_widgets.views import runs as runs
    from mltrack_widgets.views import show as show

_HOMES = {
    "mltrack.active": ("ActiveRun",),
    "mltrack.artifacts": (
        "log_artifact",
        "log_artifacts",
        "log_dict",
        "log_figure",
        "log_image",
        "log_table",
        "log_text",
    ),
    "mltrack.client": ("MltrackClient",),
    "mltrack.exceptions": ("MlflowException", "MltrackError"),
    "mltrack.frames": ("search_runs",),
    "mltrack.settings": ("get_tracking_uri", "set_experiment", "set_tracking_uri"),
    "mltrack.tracking": (
        "active_run",
        "end_run",
        "get_run",
        "last_active_run",
        "log_metric",
        "log_metrics",
        "log_param",
        "log_params",
        "set_tag",
        "set_tags",
        "start_run",
    ),
}
_VIEWS = ("notebook", "runs", "show")  # drawn by the widgets, which only this façade may name
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}
_HOME_OF.update(dict.fromkeys(_VIEWS, "mltrack_widgets.views"))
_MODULES = ("artifacts", "client", "config", "entities", "exceptions", "tracking")
__all__ = ["__version__", *_HOME_OF]  # noqa: PLE0604 - texts, put together


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"mltrack.{name}")
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'mltrack' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value  # found at once from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF, *_MODULES})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Begin to listen in this kernel: the magics, the capture of tracked cells, the cards."""
    from mltrack_magics.extension import load  # the façade names the other packages, lazily

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Undo everything ``load_ipython_extension`` did."""
    from mltrack_magics.extension import unload  # the façade names the other packages, lazily

    unload(shell)
