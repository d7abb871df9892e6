"""Where scikit-learn is patched: the methods of its classes and of the user's, and functions by their closures.

Functions of ``sklearn.metrics`` are decorated with scikit-learn's ``validate_params``; what the decorator calls is
replaced inside its closure. So every name that was ever imported from there stays the object it is, and is logged.
"""

from __future__ import annotations

import copy
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any

from mltrack.autologging.calls import Call, followed, watched
from mltrack.autologging.libraries import LIBRARIES
from mltrack.autologging.safety import safely
from mltrack.frameworks.sklearn import NAME
from mltrack.frameworks.sklearn.afterwards import (
    is_of_our_model,
    is_of_our_prediction,
    watch_metric,
    watch_prediction,
    watch_score,
    watch_scorer,
)
from mltrack.frameworks.sklearn.callers import is_users_call
from mltrack.frameworks.sklearn.fitting import is_training, watch_fit
from mltrack.frameworks.sklearn.workers import carrying, in_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import ModuleType

    from mltrack.autologging.patches import Patches

_FITS = ("fit", "fit_predict", "fit_transform")
_PREDICTIONS = ("predict", "predict_proba", "predict_log_proba", "decision_function")
_METHODS = (*_FITS, *_PREDICTIONS, "score")
_RESAMPLING = (
    *("cross_val_predict", "cross_val_score", "cross_validate", "learning_curve", "permutation_test_score"),
    "validation_curve",
)
_OF_USERS = "patching a class of the user's own"
_PATCHED_ELSEWHERE = frozenset(root for library in LIBRARIES.values() for root in library.roots) - {NAME}


def patch_module(name: str, module: ModuleType, patches: Patches) -> None:
    """Patch one module of scikit-learn once it has been executed."""
    for kind in vars(module).copy().values():
        if isinstance(kind, type) and kind.__module__ == name:
            patch_class(kind, patches)
    special = _SPECIAL.get(name)
    if special is not None:
        special(module, patches)


def patch_class(kind: type, patches: Patches) -> None:
    """Patch what a class itself defines of what is logged; inherited methods are patched where they come from."""
    if not hasattr(kind, "get_params") and not kind.__name__.endswith("Mixin"):
        return
    for name in _METHODS:
        raw = vars(kind).get(name)
        if isinstance(raw, FunctionType):
            patches.wrap(kind, name, _decorator(name))
        elif hasattr(raw, "fn") and hasattr(raw, "check"):  # what ``available_if`` makes stays conditional
            patches.replace(kind, name, partial(_conditional, decorate=_decorator(name)))


def _decorator(name: str) -> Callable[[Any], Any]:
    if name in _FITS:
        return watched(NAME, watch_fit, is_training)
    return followed(NAME, watch_score if name == "score" else watch_prediction, is_of_our_model)


def _conditional(raw: Any, *, decorate: Callable[[Any], Any]) -> Any:
    patched = copy.copy(raw)
    patched.fn = decorate(raw.fn)
    return patched


def _patch_base(module: ModuleType, patches: Patches) -> None:
    """Patch the classes that are not scikit-learn's: those that are there, and those that will be made."""
    base = module.BaseEstimator
    for kind in _subclasses(base):
        safely(NAME, _OF_USERS, _patch_foreign, kind, patches)
    own = vars(base).get("__init_subclass__")

    def make(_: Any) -> Any:
        def init_subclass(cls: Any, /, **options: Any) -> None:
            if own is None:
                super(base, cls).__init_subclass__(**options)
            else:
                own.__func__(cls, **options)
            safely(NAME, _OF_USERS, _patch_foreign, cls, patches)

        return classmethod(init_subclass)

    patches.replace(base, "__init_subclass__", make)


def _subclasses(kind: type) -> list[type]:
    direct: list[type] = type.__subclasses__(kind)
    return [each for found in direct for each in (found, *_subclasses(found))]


def _patch_foreign(kind: type, patches: Patches) -> None:
    """Patch a class of the user's; those of XGBoost and LightGBM, and what is made of them, are not ours to log."""
    roots = [each.__module__.partition(".")[0] for each in kind.__mro__]
    if roots[0] != NAME and not _PATCHED_ELSEWHERE.intersection(roots):
        patch_class(kind, patches)


def _patch_metrics(module: ModuleType, patches: Patches) -> None:
    for name in module.__all__:
        function = getattr(module, name, None)
        if isinstance(function, FunctionType) and not function.__module__.endswith((".pairwise", "._scorer")):
            patches.wrap_closure(function, "func", followed(NAME, watch_metric, is_of_our_prediction))


def _patch_scorers(module: ModuleType, patches: Patches) -> None:
    patches.wrap(module._BaseScorer, "__call__", followed(NAME, watch_scorer, is_users_call))


def _patch_resampling(module: ModuleType, patches: Patches) -> None:
    """Have the fits inside a cross-validation not logged each for itself; as with MLflow it makes no run."""
    for name in _RESAMPLING:
        decorate = watched(NAME, _watch_nothing)
        if not patches.wrap_closure(getattr(module, name, None), "func", decorate):
            patches.wrap(module, name, decorate)


def _watch_nothing(call: Call) -> Generator[None, Any, None]:  # noqa: ARG001 - a watcher's signature
    yield


def _patch_workers(module: ModuleType, patches: Patches) -> None:
    patches.wrap(module.Parallel, "__call__", carrying)
    patches.wrap(module._FuncWrapper, "__call__", in_worker)


_SPECIAL: dict[str, Callable[[Any, Patches], None]] = {
    "sklearn.base": _patch_base,
    "sklearn.metrics": _patch_metrics,
    "sklearn.metrics._scorer": _patch_scorers,
    "sklearn.model_selection": _patch_resampling,
    "sklearn.utils.parallel": _patch_workers,
}
