"""What is logged around ``fit``, ``fit_predict`` and ``fit_transform``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mltrack.autologging import switch
from mltrack.autologging.safety import safely
from mltrack.autologging.samples import sample_of
from mltrack.frameworks.sklearn import NAME
from mltrack.frameworks.sklearn.afterwards import follow
from mltrack.frameworks.sklearn.arguments import TrainingData, measures_training, training_data
from mltrack.frameworks.sklearn.callers import is_users_call
from mltrack.frameworks.sklearn.fitted import fitted_numbers, fitted_series, importance_tables
from mltrack.frameworks.sklearn.random_states import state_of_model_kept
from mltrack.frameworks.sklearn.searching import is_search, log_search
from mltrack.frameworks.sklearn.training_metrics import Measured, measure
from mltrack.frameworks.sklearn.training_tables import training_tables

if TYPE_CHECKING:
    from collections.abc import Generator

    from mltrack.autologging.calls import Call
    from mltrack.autologging.fits import Fit
    from mltrack.autologging.samples import Sample
    from mltrack.models.flavor import Flavor


_MANIPULATION = (
    *("sklearn.preprocessing", "sklearn.impute", "sklearn.feature_extraction", "sklearn.feature_selection"),
    "sklearn.compose._column_transformer",
)


def is_training(args: tuple[Any, ...]) -> bool:
    """Tell whether a fit is the training of a model, called by the user.

    What only prepares data is left out as by MLflow, but inside a pipeline: a scaler of the same cell would take the
    keys of the model. So is a transformer of the user's own, which has no ``predict`` and no ``score``.
    """
    kind = type(args[0]) if args else object
    if any(each.__module__.startswith(_MANIPULATION) for each in kind.__mro__):
        return False
    is_own = kind.__module__.partition(".")[0] != NAME
    if is_own and not any(hasattr(kind, name) for name in ("predict", "fit_predict", "score")):
        return False
    return is_users_call()


def watch_fit(call: Call) -> Generator[None, Any, None]:
    """Log params and tags before a fit, and what is known of the model after it."""
    model, fit = call.args[0], call.begin_fit()
    if not fit.is_logged:
        yield
        return
    data = safely(NAME, "the training data", training_data, call)
    sample = sample_of(data.samples) if data is not None and fit.options.log_models else None
    safely(NAME, "the params", _log_params, fit, model)
    if data is not None and switch.options_of(NAME).log_datasets:
        safely(NAME, "the dataset", fit.log_dataset, data.samples, data.targets, context="train")
    yield
    with state_of_model_kept(model):
        _log_fitted(fit, model, data)
        if is_search(model):
            safely(NAME, "the search", log_search, fit, model)
        _log_models(fit, model, sample)
    safely(NAME, "the way back from the model to its run", follow, model, fit)


def _log_models(fit: Fit, model: Any, sample: Sample | None) -> None:
    """Log the model, and of a search its best one as well, as MLflow does; a search that kept none is no model."""
    if is_search(model) and not hasattr(model, "best_estimator_"):
        return
    fit.log_model(model, sample, flavor=_flavor)
    if is_search(model):
        fit.log_model(model.best_estimator_, sample, name="best_estimator", flavor=_flavor)


def _flavor() -> Flavor:
    from mltrack.frameworks.sklearn.flavor import SklearnFlavor  # models are not always logged

    chosen = getattr(switch.options_of(NAME), "serialization_format", None)
    return SklearnFlavor(serialization_format=chosen, quiet=True)


def _log_params(fit: Fit, model: Any) -> None:
    kind = type(model)
    fit.log(
        params=model.get_params(deep=not is_search(model)),
        tags={"estimator_name": kind.__name__, "estimator_class": f"{kind.__module__}.{kind.__name__}"},
    )


def _log_fitted(fit: Fit, model: Any, data: TrainingData | None) -> None:
    """Ask piece by piece, so that what fails loses nothing else, and write what was found at once."""
    metrics = safely(NAME, "the fitted numbers", fitted_numbers, model) or {}
    measured = safely(NAME, "the training metrics", _measure, model, data)
    tables = safely(NAME, "the tables of the training", training_tables, measured) or {}
    tables.update(safely(NAME, "the feature importances", importance_tables, model) or {})
    if measured is not None:
        metrics.update({f"training_{name}": value for name, value in measured.metrics.items()})
    safely(NAME, "what was measured", fit.log_metrics, metrics)
    safely(NAME, "the iterations", _log_series, fit, model)
    safely(NAME, "the tables", fit.log_tables, tables)


def _measure(model: Any, data: TrainingData | None) -> Measured | None:
    has_model = not is_search(model) or hasattr(model, "best_estimator_")  # not after a search with refit=False
    if data is None or not has_model or not measures_training(model, data):
        return None
    return measure(sys.modules["sklearn.base"], model, data)


def _log_series(fit: Fit, model: Any) -> None:
    for name, values in fitted_series(model).items():
        fit.log_series(name, values)
