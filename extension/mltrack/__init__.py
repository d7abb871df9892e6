"""mltrack makes a Jupyter notebook a laboratory book: a cell becomes a run.

``%load_ext mltrack``, then ``%%track_run`` on a cell; or, in a script, ``with mltrack.start_run(): …``. The names are
MLflow's. Nothing heavy is loaded here: each name comes from its module at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mltrack.module_names import OtherNames

__version__ = "0.1.0"

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from mltrack.active import ActiveRun as ActiveRun
    from mltrack.active_model import ActiveModel as ActiveModel
    from mltrack.artifacts import load_table as load_table
    from mltrack.artifacts import log_artifact as log_artifact
    from mltrack.artifacts import log_artifacts as log_artifacts
    from mltrack.artifacts import log_dict as log_dict
    from mltrack.artifacts import log_figure as log_figure
    from mltrack.artifacts import log_image as log_image
    from mltrack.artifacts import log_stream as log_stream
    from mltrack.artifacts import log_table as log_table
    from mltrack.artifacts import log_text as log_text
    from mltrack.async_logging import flush_async_logging as flush_async_logging
    from mltrack.autologging.switch import autolog as autolog
    from mltrack.client import MlflowClient as MlflowClient
    from mltrack.client import MltrackClient as MltrackClient
    from mltrack.evaluation.evaluate import evaluate as evaluate
    from mltrack.evaluation.metric import make_metric as make_metric
    from mltrack.evaluation.thresholds import validate_evaluation_results as validate_evaluation_results
    from mltrack.exceptions import MlflowException as MlflowException
    from mltrack.exceptions import MltrackError as MltrackError
    from mltrack.experiments import create_experiment as create_experiment
    from mltrack.experiments import delete_experiment as delete_experiment
    from mltrack.experiments import delete_experiment_tag as delete_experiment_tag
    from mltrack.experiments import get_experiment as get_experiment
    from mltrack.experiments import get_experiment_by_name as get_experiment_by_name
    from mltrack.experiments import restore_experiment as restore_experiment
    from mltrack.experiments import search_experiments as search_experiments
    from mltrack.experiments import set_experiment_tag as set_experiment_tag
    from mltrack.experiments import set_experiment_tags as set_experiment_tags
    from mltrack.exporting.export import export_run as export_run
    from mltrack.frames import search_runs as search_runs
    from mltrack.inputs import log_input as log_input
    from mltrack.inputs import log_inputs as log_inputs
    from mltrack.logged_models import clear_active_model as clear_active_model
    from mltrack.logged_models import create_external_model as create_external_model
    from mltrack.logged_models import delete_logged_model as delete_logged_model
    from mltrack.logged_models import delete_logged_model_tag as delete_logged_model_tag
    from mltrack.logged_models import finalize_logged_model as finalize_logged_model
    from mltrack.logged_models import get_active_model_id as get_active_model_id
    from mltrack.logged_models import get_logged_model as get_logged_model
    from mltrack.logged_models import initialize_logged_model as initialize_logged_model
    from mltrack.logged_models import last_logged_model as last_logged_model
    from mltrack.logged_models import log_model_params as log_model_params
    from mltrack.logged_models import set_active_model as set_active_model
    from mltrack.logged_models import set_logged_model_tags as set_logged_model_tags
    from mltrack.model_searches import search_logged_models as search_logged_models
    from mltrack.model_searches import search_model_versions as search_model_versions
    from mltrack.model_searches import search_registered_models as search_registered_models
    from mltrack.projects.running import run as run
    from mltrack.registry import register_model as register_model
    from mltrack.registry import set_model_version_tag as set_model_version_tag
    from mltrack.rerunning.rerun import rerun as rerun
    from mltrack.rerunning.restore import restore as restore
    from mltrack.run_verbs import delete_run as delete_run
    from mltrack.run_verbs import delete_tag as delete_tag
    from mltrack.run_verbs import get_artifact_uri as get_artifact_uri
    from mltrack.run_verbs import get_parent_run as get_parent_run
    from mltrack.run_verbs import restore_run as restore_run
    from mltrack.serving.handles import serve as serve
    from mltrack.serving.handles import servers as servers
    from mltrack.settings import get_registry_uri as get_registry_uri
    from mltrack.settings import get_tracking_uri as get_tracking_uri
    from mltrack.settings import is_tracking_uri_set as is_tracking_uri_set
    from mltrack.settings import set_experiment as set_experiment
    from mltrack.settings import set_registry_uri as set_registry_uri
    from mltrack.settings import set_tracking_uri as set_tracking_uri
    from mltrack.system_metrics import disable_system_metrics_logging as disable_system_metrics_logging
    from mltrack.system_metrics import enable_system_metrics_logging as enable_system_metrics_logging
    from mltrack.system_metrics import set_system_metrics_node_id as set_system_metrics_node_id
    from mltrack.system_metrics import (
        set_system_metrics_samples_before_logging as set_system_metrics_samples_before_logging,
    )
    from mltrack.system_metrics import set_system_metrics_sampling_interval as set_system_metrics_sampling_interval
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
    from mltrack_widgets.model_view import charts as charts
    from mltrack_widgets.panels.compare import compare as compare
    from mltrack_widgets.panels.curves import curves as curves
    from mltrack_widgets.panels.dashboard import dashboard as dashboard
    from mltrack_widgets.panels.importance import importance as importance
    from mltrack_widgets.panels.live import live as live
    from mltrack_widgets.panels.model_versions import model_versions as model_versions
    from mltrack_widgets.panels.parallel import parallel as parallel
    from mltrack_widgets.panels.run_table_panel import runs as runs
    from mltrack_widgets.panels.scatter import scatter as scatter
    from mltrack_widgets.views import notebook as notebook
    from mltrack_widgets.views import show as show

# Where each name comes from at its first use.
_HOMES = {
    "mltrack.active": ("ActiveRun",),
    "mltrack.active_model": ("ActiveModel",),
    "mltrack.artifacts": (
        "load_table",
        "log_artifact",
        "log_artifacts",
        "log_dict",
        "log_figure",
        "log_image",
        "log_stream",
        "log_table",
        "log_text",
    ),
    "mltrack.async_logging": ("flush_async_logging",),
    "mltrack.autologging.switch": ("autolog",),
    "mltrack.client": ("MlflowClient", "MltrackClient"),
    "mltrack.evaluation.evaluate": ("evaluate",),
    "mltrack.evaluation.metric": ("make_metric",),
    "mltrack.evaluation.thresholds": ("validate_evaluation_results",),
    "mltrack.exceptions": ("MlflowException", "MltrackError"),
    "mltrack.experiments": (
        "create_experiment",
        "delete_experiment",
        "delete_experiment_tag",
        "get_experiment",
        "get_experiment_by_name",
        "restore_experiment",
        "search_experiments",
        "set_experiment_tag",
        "set_experiment_tags",
    ),
    "mltrack.exporting.export": ("export_run",),
    "mltrack.frames": ("search_runs",),
    "mltrack.inputs": ("log_input", "log_inputs"),
    "mltrack.projects.running": ("run",),
    "mltrack.rerunning.rerun": ("rerun",),
    "mltrack.rerunning.restore": ("restore",),
    "mltrack.registry": ("register_model", "set_model_version_tag"),
    "mltrack.logged_models": (
        "clear_active_model",
        "create_external_model",
        "delete_logged_model",
        "delete_logged_model_tag",
        "finalize_logged_model",
        "get_active_model_id",
        "get_logged_model",
        "initialize_logged_model",
        "last_logged_model",
        "log_model_params",
        "set_active_model",
        "set_logged_model_tags",
    ),
    "mltrack.serving.handles": ("serve", "servers"),
    "mltrack.run_verbs": ("delete_run", "delete_tag", "get_artifact_uri", "get_parent_run", "restore_run"),
    "mltrack.model_searches": ("search_logged_models", "search_model_versions", "search_registered_models"),
    "mltrack.settings": (
        "get_registry_uri",
        "get_tracking_uri",
        "is_tracking_uri_set",
        "set_experiment",
        "set_registry_uri",
        "set_tracking_uri",
    ),
    "mltrack.system_metrics": (
        "disable_system_metrics_logging",
        "enable_system_metrics_logging",
        "set_system_metrics_node_id",
        "set_system_metrics_samples_before_logging",
        "set_system_metrics_sampling_interval",
    ),
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
# Drawn by the widgets, which only this façade may name.
_VIEWS = {
    "charts": "mltrack_widgets.model_view",
    "notebook": "mltrack_widgets.views",
    "runs": "mltrack_widgets.panels.run_table_panel",
    "show": "mltrack_widgets.views",
    **{
        name: f"mltrack_widgets.panels.{name}"
        for name in ("compare", "curves", "dashboard", "importance", "live", "model_versions", "parallel", "scatter")
    },
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}
_HOME_OF.update(_VIEWS)
# Modules that are found as attributes, as MLflow's are after `import mlflow`.
_LIBRARIES = (
    *("keras", "lightgbm", "lightning", "onnx", "optuna", "pytorch", "sklearn", "statsmodels", "transformers"),
    "xgboost",
)
_MODULES = {
    name: f"mltrack.{name}"
    for name in (
        *("artifacts", "client", "config", "data", "entities", "exceptions", "experiments", "models", "pipelines"),
        *("projects", "provenance", "pyfunc", "tracking", "types"),
    )
}
_HOMES_OF_LIBRARIES = {name: f"mltrack.frameworks.{name}" for name in _LIBRARIES}
_HOMES_OF_LIBRARIES["tensorflow"] = _HOMES_OF_LIBRARIES["keras"]  # MLflow's older name for the autolog of Keras
_MODULES.update(_HOMES_OF_LIBRARIES)
_OTHER_NAMES = {
    **{f"mltrack.{name}": home for name, home in _HOMES_OF_LIBRARIES.items()},
    "mltrack.entities.model_registry": "mltrack.model_entities",
    "mltrack.entities.model_registry.model_version_status": "mltrack.model_entities",
    "mltrack.models.evaluation": "mltrack.models",
    "mltrack.models.model": "mltrack.models.mlmodel",
    "mltrack.tracking.client": "mltrack.client",
    "mltrack.tracking.fluent": "mltrack",
}
OtherNames(_OTHER_NAMES).install()
__all__ = ["__version__", *_HOME_OF]  # noqa: PLE0604 - texts, put together


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name])
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
