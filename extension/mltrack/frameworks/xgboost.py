"""What is logged of XGBoost: ``train``, ``cv`` and the estimators, with the metrics of every round.

Params, metric names and the places of the best round are those of ``mlflow.xgboost.autolog``.
"""

from __future__ import annotations

import functools
import sys
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mltrack.autologging import switch
from mltrack.autologging.calls import Call, watched, watched_part
from mltrack.autologging.rounds import Rounds
from mltrack.autologging.safety import guarded, safely
from mltrack.frameworks.arguments import Arguments, log_estimator
from mltrack.frameworks.boosting import (
    follow_estimator,
    log_arguments,
    log_best,
    log_importance,
    patch_estimators,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from types import ModuleType

    from mltrack.autologging.fits import Fit
    from mltrack.autologging.patches import Patches

_NAME = "xgboost"
_UNLOGGED = frozenset(
    {"dtrain", "evals", "obj", "feval", "evals_result", "xgb_model", "callbacks", "folds", "fpreproc"}
)
_MOST_VALUES = 1_000_000
"""Of data that only XGBoost has any more, at most so many numbers are copied out to take its digest: some ms."""
_made_of: weakref.WeakKeyDictionary[Any, tuple[weakref.ref[Any], Any]] = weakref.WeakKeyDictionary()
"""What the user made each matrix of, as long as that lives, and its labels if they can be referred to."""


@dataclass(frozen=True, slots=True)
class Options(switch.Options):
    """XGBoost's own options: which kinds of importance are logged, and the format of the model's file."""

    importance_types: tuple[str, ...] = ("weight",)
    model_format: str = "ubj"


def autolog(  # noqa: PLR0913, PLR0917 - MLflow's signature
    importance_types: Sequence[str] | None = None,
    log_input_examples: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    log_model_signatures: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    log_models: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    log_datasets: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    disable: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    exclusive: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    disable_for_unsupported_versions: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    silent: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    registered_model_name: str | None = None,
    model_format: str = "ubj",
    extra_tags: Mapping[str, str] | None = None,
) -> None:
    """Log XGBoost's trainings automatically, or with ``disable`` no longer.

    Parameters
    ----------
    importance_types
        The kinds of feature importance to log, as ``["weight", "gain"]``; default: ``["weight"]``.
    model_format
        Of the model's file: ``ubj`` or ``json``.
    log_input_examples, log_model_signatures, log_models, log_datasets, disable, exclusive, \
disable_for_unsupported_versions, silent, registered_model_name, extra_tags
        As for every library; see ``mltrack.autolog``.
    """
    options = Options(
        log_models=log_models,
        log_datasets=log_datasets,
        log_input_examples=log_input_examples,
        log_model_signatures=log_model_signatures,
        exclusive=exclusive,
        disable_for_unsupported_versions=disable_for_unsupported_versions,
        silent=silent,
        registered_model_name=registered_model_name,
        extra_tags=extra_tags,
        importance_types=tuple(importance_types or ("weight",)),
        model_format=model_format,
    )
    switch.choose(_NAME, on=not disable, options=options)


def patch(module_name: str, module: ModuleType, patches: Patches) -> None:  # noqa: ARG001 - every library's signature
    """Patch XGBoost once it is imported: ``train`` and ``cv`` wherever they are, and each estimator's ``fit``."""
    estimators = module.sklearn
    train, cv = module.train, module.cv
    watched_train = watched_part(_NAME, lambda call: _watch_train(call, train))(train)
    watched_cv = watched(_NAME, lambda call: _watch_cv(call, cv))(cv)
    for owner in (module, module.training, estimators):
        patches.replace(owner, "train", lambda _: watched_train)  # one object everywhere, or it would not pickle
    for owner in (module, module.training):
        patches.replace(owner, "cv", lambda _: watched_cv)
    for kind in (module.DMatrix, module.QuantileDMatrix):
        patches.wrap(kind, "__init__", _remembering)
    patch_estimators(estimators.XGBModel, _watch_fit, library=_NAME, patches=patches)


def _remembering(original: Any) -> Any:
    @functools.wraps(original)
    def make_matrix(*args: Any, **kwargs: Any) -> None:
        original(*args, **kwargs)
        safely(_NAME, "what a matrix is made of", _remember, *args, **kwargs)

    return make_matrix


def _remember(matrix: Any, data: Any = None, label: Any = None, *_: Any, **__: Any) -> None:
    if hasattr(data, "shape"):
        _made_of[matrix] = weakref.ref(data), weakref.ref(label) if hasattr(label, "shape") else None


def _watch_train(call: Call, train: Any) -> Generator[None, Any, None]:
    fit = call.begin_fit()
    arguments, rounds = Arguments(train, call), Rounds(fit)
    named = arguments.named()
    safely(_NAME, "the params of train", log_arguments, fit, named, unlogged=_UNLOGGED)
    if call.outer is None:
        safely(_NAME, "the data", _log_matrices, fit, named)
    finish = safely(_NAME, "the rounds", _listen, arguments, rounds)
    try:
        booster = yield
    finally:
        safely(_NAME, "the last rounds", finish or rounds.flush)
    safely(_NAME, "the best round", _log_best_of, fit, rounds, booster)
    if call.outer is None:
        _log_booster(fit, booster, booster)


def _watch_fit(call: Call) -> Generator[None, Any, None]:
    fit, estimator = call.begin_fit(), call.args[0]
    safely(_NAME, "the estimator", log_estimator, fit, estimator)
    safely(_NAME, "the data", _log_arrays, fit, call)
    yield
    safely(_NAME, "the way back from the estimator to its run", follow_estimator, fit, estimator)
    _log_booster(fit, estimator.get_booster(), estimator)


def _watch_cv(call: Call, cv: Any) -> Generator[None, Any, None]:
    fit = call.begin_fit()
    arguments, rounds = Arguments(cv, call), Rounds(fit)
    named = arguments.named()
    safely(_NAME, "the params of cv", log_arguments, fit, named, unlogged=_UNLOGGED)
    safely(_NAME, "the data", _log_matrices, fit, named)
    finish = safely(_NAME, "the rounds", _listen, arguments, rounds)
    try:
        results = yield
    finally:
        safely(_NAME, "the last rounds", finish or rounds.flush)
    safely(_NAME, "the best round", _log_best_of_cv, fit, rounds, results)


def _listen(arguments: Arguments, rounds: Rounds) -> Callable[[], None]:
    """Have a callback told of each round, in front of the user's; gives what is to be called after the last.

    XGBoost calls no callback behind the one that ends the training, and before 3.0 it calls them in any order, so that
    the last round may not have been told.
    """
    base: Any = sys.modules[_NAME].callback.TrainingCallback
    last: list[tuple[int, Any]] = []

    class LoggedRounds(base):  # type: ignore[misc]
        @guarded(_NAME, "a round's beginning")
        def before_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Any]) -> bool:  # noqa: ARG002
            last[:] = [(epoch, evals_log)]
            return False

        @guarded(_NAME, "a round")
        def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Any]) -> bool:  # noqa: ARG002
            rounds.add(epoch, _metrics(evals_log))
            return False

    def finish() -> None:
        for epoch, evals_log in last:
            if any(len(values) > len(rounds) for metrics in evals_log.values() for values in metrics.values()):
                rounds.add(epoch, _metrics(evals_log))
        rounds.flush()

    arguments.prepend_callback(LoggedRounds())
    return finish


def _metrics(evals_log: Mapping[str, Mapping[str, Sequence[Any]]]) -> Iterator[tuple[str, Any]]:
    """Give the last value of each metric; of ``cv`` its mean and deviation over the folds, named as in its result."""
    for data, metrics in evals_log.items():
        for metric, values in metrics.items():
            if isinstance(values[-1], tuple):
                mean, deviation = values[-1]
                yield f"{data}-{metric}-mean", float(mean)
                yield f"{data}-{metric}-std", float(deviation)
            else:
                yield f"{data}-{metric}", values[-1]


def _log_best_of(fit: Fit, rounds: Rounds, booster: Any) -> None:
    best = booster.attr("best_iteration")
    if best is not None and len(rounds):
        log_best(fit, rounds, best=int(best), stopped=len(rounds) - 1, step=int(best))


def _log_best_of_cv(fit: Fit, rounds: Rounds, results: Any) -> None:
    """Log the best round of a cross-validation: its result is cut behind it."""
    columns = results if isinstance(results, dict) else results.to_dict("list")
    best = len(next(iter(columns.values()), ())) - 1
    if 0 <= best < len(rounds) - 1:
        log_best(fit, rounds, best=best, stopped=len(rounds) - 1, step=best)


def _log_booster(fit: Fit, booster: Any, model: Any) -> None:
    for kind in getattr(switch.options_of(_NAME), "importance_types", ()):
        safely(_NAME, f"the importance of the features ({kind})", _log_importance, fit, booster, kind)
    fit.offer_model(model)


def _log_importance(fit: Fit, booster: Any, kind: str) -> None:
    scores = booster.get_score(importance_type=kind)
    log_importance(fit, kind, features=list(scores), values=list(scores.values()))


def _log_matrices(fit: Fit, named: Mapping[str, Any]) -> None:
    """Log what ``train`` and ``cv`` are given as datasets, where it is not too much to be copied out."""
    if not switch.options_of(_NAME).log_datasets:
        return
    data = named.get("dtrain")
    _log_matrix(fit, data, context="train")
    for each, name in named.get("evals") or ():
        if each is not data:
            _log_matrix(fit, each, context="eval", name=name)


def _log_matrix(fit: Fit, matrix: Any, *, context: str, name: str | None = None) -> None:
    data, label = _made_of.get(matrix, (None, None)) if hasattr(matrix, "get_label") else (None, None)
    data, label = data and data(), label and label()
    if data is None:
        data = _copied_out(matrix)
        label = matrix.get_label() if data is not None else None
    fit.log_dataset(data, label, context=context, name=name)


def _copied_out(matrix: Any) -> Any:
    """Give what a matrix holds as an array; None when it is much, or only its quantiles or a file have it."""
    if type(matrix) is not sys.modules[_NAME].DMatrix or matrix.num_row() * matrix.num_col() > _MOST_VALUES:
        return None
    try:
        return matrix.get_data().toarray()
    except ValueError:  # data that is read from a disk bit by bit
        return None


def _log_arrays(fit: Fit, call: Call) -> None:
    """Log what an estimator is fitted to, and its ``eval_set``."""
    if not switch.options_of(_NAME).log_datasets:
        return
    named = Arguments(type(call.args[0]).fit, call).named()
    fit.log_dataset(named.get("X"), named.get("y"), context="train")
    for place, (features, targets) in enumerate(named.get("eval_set") or ()):
        if features is not named.get("X"):
            fit.log_dataset(features, targets, context="eval", name=f"validation_{place}")
