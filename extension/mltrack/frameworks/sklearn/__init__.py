"""What is logged of scikit-learn: fits, what is done with a fitted model later, and searches with their candidates.

Params, metric names, tags and artifacts are those of ``mlflow.sklearn.autolog``. Scalers, encoders, vectorizers and
their like are no trainings, except inside a pipeline. ``partial_fit`` is not logged: it is one step of a training that
is the user's own loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mltrack.autologging import switch
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from mltrack.autologging.patches import Patches
    from mltrack.frameworks.sklearn.verbs import load_model as load_model
    from mltrack.frameworks.sklearn.verbs import log_model as log_model
    from mltrack.frameworks.sklearn.verbs import save_model as save_model

NAME = "sklearn"
SERIALIZATION_FORMAT_SKOPS = "skops"
SERIALIZATION_FORMAT_PICKLE = "pickle"
SERIALIZATION_FORMAT_CLOUDPICKLE = "cloudpickle"
_VERBS = ("load_model", "log_model", "save_model")


def __getattr__(name: str) -> Any:
    if name not in _VERBS:
        raise AttributeError(f"module 'mltrack.sklearn' has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.verbs"), name)
    globals()[name] = value  # found at once from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_VERBS})


@dataclass(frozen=True, slots=True)
class Options(switch.Options):
    """Scikit-learn's own options; see ``autolog``."""

    max_tuning_runs: int | None = 50
    log_post_training_metrics: bool = True
    serialization_format: str | None = None
    pos_label: str | int | None = None


def autolog(  # noqa: PLR0913, PLR0917 - MLflow's signature
    log_input_examples: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    log_model_signatures: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    log_models: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    log_datasets: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    disable: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    exclusive: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    disable_for_unsupported_versions: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    silent: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    max_tuning_runs: int | None = 50,
    log_post_training_metrics: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    serialization_format: str | None = None,
    registered_model_name: str | None = None,
    pos_label: str | int | None = None,
    extra_tags: Mapping[str, str] | None = None,
) -> None:
    """Log scikit-learn's trainings automatically, or with ``disable`` no longer.

    Parameters
    ----------
    max_tuning_runs
        At most so many candidates of a search become child runs, the best first; None is all of them. Default: 50.
        A negative number raises InvalidParameterError.
    log_post_training_metrics
        Log ``model.score(X, y)``, and what functions of ``sklearn.metrics`` give for the model's predictions.
    serialization_format
        Of the model's file: ``skops``, ``cloudpickle`` or ``pickle``. Default: skops, which runs no code when the model
        is loaded; where it holds functions or classes of the user's a cloudpickle.
    pos_label
        The class that precision, recall and F1 are about; default: their averages over the classes, weighted by size.
    log_input_examples, log_model_signatures, log_models, log_datasets, disable, exclusive, \
disable_for_unsupported_versions, silent, registered_model_name, extra_tags
        As for every library; see ``mltrack.autolog``.
    """
    if serialization_format not in (None, "skops", "cloudpickle", "pickle"):
        raise InvalidParameterError(
            f"serialization_format must be skops, cloudpickle or pickle; got {serialization_format!r}."
        )
    if max_tuning_runs is not None and max_tuning_runs < 0:
        raise InvalidParameterError(f"max_tuning_runs must be None or from 0; got {max_tuning_runs}.")
    switch.choose(NAME, on=not disable, options=Options.of(locals()))


def patch(module_name: str, module: ModuleType, patches: Patches) -> None:
    """Patch one module of scikit-learn that is imported."""
    from mltrack.frameworks.sklearn.patching import patch_module  # needs numpy, which scikit-learn has loaded by now

    patch_module(module_name, module, patches)
