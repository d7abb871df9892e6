"""What XGBoost and LightGBM are logged alike: the params of a training, its best round, the features' importance."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mltrack.autologging.calls import followed, watched
from mltrack.frameworks.arguments import shown

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mltrack.autologging.calls import Watcher
    from mltrack.autologging.fits import Fit
    from mltrack.autologging.patches import Patches
    from mltrack.autologging.rounds import Rounds


_PREDICTIONS = ("predict", "predict_proba")


def patch_estimators(base: Any, watcher: Watcher, *, library: str, patches: Patches) -> None:
    """Patch a library's estimators, ``base`` and what derives from it: their fits, and what they predict later on."""
    from mltrack.frameworks.sklearn import afterwards  # needs numpy, which by now is loaded

    for kind in list(vars(sys.modules[base.__module__]).values()):
        if not isinstance(kind, type) or not issubclass(kind, base):
            continue
        if "fit" in vars(kind):
            patches.wrap(kind, "fit", watched(library, watcher))
        for name in _PREDICTIONS:
            if name in vars(kind):
                patches.wrap(kind, name, followed(library, afterwards.watch_prediction, afterwards.is_of_our_model))


def follow_estimator(fit: Fit, estimator: Any) -> None:
    """Have scikit-learn's metrics of what the estimator predicts logged to the run of its fit."""
    from mltrack.frameworks.sklearn.afterwards import follow  # as above

    follow(estimator, fit)


def log_arguments(fit: Fit, named: Mapping[str, Any], *, unlogged: Collection[str]) -> None:
    """Log the booster's own params under their names, and the arguments of the call but some, as MLflow does."""
    found = dict(booster_params(named.get("params")))
    found.update({name: value for name, value in named.items() if name != "params" and name not in unlogged})
    fit.log_params({name: shown(value) for name, value in found.items()})


def booster_params(given: Any) -> dict[str, Any]:
    """Give the params of a booster as a dict; of pairs, those that are there more than once become a list."""
    if not given:
        return {}
    if hasattr(given, "items"):
        return dict(given)
    found: dict[str, Any] = {}
    for name, value in given:
        found[name] = value if name not in found else [*_listed(found[name]), value]
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def log_best(fit: Fit, rounds: Rounds, *, best: int, stopped: int, step: int) -> None:
    """Log where early stopping stopped, and the metrics of the best round, at ``step``, again one step behind all."""
    fit.log_metrics({"stopped_iteration": stopped, "best_iteration": best})
    fit.log_metrics(rounds.at(step), step=len(rounds))


def log_importance(fit: Fit, kind: str, *, features: Sequence[str], values: Sequence[Any]) -> None:
    """Log how much each feature counts as ``feature_importance_KIND.json``, the most important first.

    Where there is a number for each class, as of a linear booster, there is a column for each.
    """
    if any(isinstance(value, (list, tuple)) for value in values):
        names = [f"class_{number}" for number in range(len(values[0]))]
        columns = dict(zip(names, zip(*values, strict=True), strict=True))
        fit.log_tables({f"feature_importance_{kind}": {"feature": features, **columns}})
        return
    order = sorted(range(len(values)), key=lambda place: -values[place])
    table = {"feature": [features[place] for place in order], "importance": [values[place] for place in order]}
    fit.log_tables({f"feature_importance_{kind}": table})
