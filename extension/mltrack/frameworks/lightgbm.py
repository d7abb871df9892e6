"""What is logged of LightGBM: ``train``, ``cv`` and the estimators, with the metrics of every round.

Params, metric names and the places of the best round are those of ``mlflow.lightgbm.autolog``.
"""

from __future__ import annotations

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
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from types import ModuleType

    from mltrack.autologging.fits import Fit
    from mltrack.autologging.patches import Patches

Options = switch.Options

_NAME = "lightgbm"
_UNLOGGED = frozenset(
    {"train_set", "valid_sets", "valid_names", "fobj", "feval", "init_model", "callbacks", "folds", "fpreproc"}
)
_IMPORTANCE = ("split", "gain")


def autolog(  # noqa: PLR0913, PLR0917 - MLflow's signature
    log_input_examples: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    log_model_signatures: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    log_models: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    log_datasets: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    disable: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    exclusive: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    disable_for_unsupported_versions: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    silent: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    registered_model_name: str | None = None,
    extra_tags: Mapping[str, str] | None = None,
) -> None:
    """Log LightGBM's trainings automatically, or with ``disable`` no longer; see ``mltrack.autolog``."""
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
    )
    switch.choose(_NAME, on=not disable, options=options)


def patch(module_name: str, module: ModuleType, patches: Patches) -> None:  # noqa: ARG001 - every library's signature
    """Patch LightGBM once it is imported: ``train`` and ``cv`` wherever they are, and each estimator's ``fit``."""
    estimators = module.sklearn
    train, cv = module.train, module.cv
    watched_train = watched_part(_NAME, lambda call: _watch_train(call, train))(train)
    watched_cv = watched(_NAME, lambda call: _watch_cv(call, cv))(cv)
    for owner in (module, module.engine, estimators):
        patches.replace(owner, "train", lambda _: watched_train)  # one object everywhere, or it would not pickle
    for owner in (module, module.engine):
        patches.replace(owner, "cv", lambda _: watched_cv)
    patch_estimators(estimators.LGBMModel, _watch_fit, library=_NAME, patches=patches)


def _watch_train(call: Call, train: Any) -> Generator[None, Any, None]:
    fit = call.begin_fit()
    arguments, rounds = Arguments(train, call), Rounds(fit)
    named = arguments.named()
    safely(_NAME, "the params of train", log_arguments, fit, named, unlogged=_UNLOGGED)
    if call.outer is None:
        safely(_NAME, "the data", _log_sets, fit, named)
    safely(_NAME, "the callback", arguments.prepend_callback, _LoggedRounds(rounds))
    try:
        booster = yield
    finally:
        safely(_NAME, "the last rounds", rounds.flush)
    safely(_NAME, "the best round", _log_best_of, fit, rounds, booster.best_iteration)
    if call.outer is None:
        _log_booster(fit, booster, booster)


def _watch_fit(call: Call) -> Generator[None, Any, None]:
    fit, estimator = call.begin_fit(), call.args[0]
    safely(_NAME, "the estimator", log_estimator, fit, estimator)
    safely(_NAME, "the data", _log_arrays, fit, call)
    yield
    safely(_NAME, "the way back from the estimator to its run", follow_estimator, fit, estimator)
    _log_booster(fit, estimator.booster_, estimator)


def _watch_cv(call: Call, cv: Any) -> Generator[None, Any, None]:
    fit = call.begin_fit()
    arguments, rounds = Arguments(cv, call), Rounds(fit)
    named = arguments.named()
    safely(_NAME, "the params of cv", log_arguments, fit, named, unlogged=_UNLOGGED)
    safely(_NAME, "the data", _log_sets, fit, named)
    safely(_NAME, "the callback", arguments.prepend_callback, _LoggedRounds(rounds))
    try:
        results = yield
    finally:
        safely(_NAME, "the last rounds", rounds.flush)
    best = next((len(values) for name, values in results.items() if name != "cvbooster"), 0)
    if best < len(rounds):  # its result is cut behind the best round
        safely(_NAME, "the best round", _log_best_of, fit, rounds, best)


class _LoggedRounds:
    """LightGBM's callback; it comes before all others, of which any may end the training."""

    order = -1_000_000
    before_iteration = False

    def __init__(self, rounds: Rounds) -> None:
        self.order = _LoggedRounds.order  # on the object itself, where LightGBM looks
        self._rounds = rounds

    @guarded(_NAME, "a round")
    def __call__(self, env: Any) -> None:
        self._rounds.add(env.iteration, _metrics(env.evaluation_result_list or ()))


def _metrics(results: Iterable[Sequence[Any]]) -> Iterator[tuple[str, Any]]:
    """Give what each evaluation result says: data set, metric, value, which way is better, and in ``cv`` a deviation.

    Before 4.7 the data set of ``cv`` stands in the metric's name: ``("cv_agg", "valid auc", 0.9, True, 0.01)``.
    """
    for data, metric, value, _, *deviation in results:
        name = str(metric).replace(" ", "-") if data == "cv_agg" else f"{data}-{metric}"
        if deviation and deviation[0] is not None:
            yield f"{name}-mean", value
            yield f"{name}-stdv", deviation[0]
        else:
            yield name, value


def _log_best_of(fit: Fit, rounds: Rounds, best: int) -> None:
    """Log early stopping's best round, which LightGBM counts from 1."""
    if best > 0 and len(rounds):
        log_best(fit, rounds, best=best, stopped=len(rounds), step=best - 1)


def _log_booster(fit: Fit, booster: Any, model: Any) -> None:
    for kind in _IMPORTANCE:
        safely(_NAME, f"the importance of the features ({kind})", _log_importance, fit, booster, kind)
    fit.offer_model(model)


def _log_importance(fit: Fit, booster: Any, kind: str) -> None:
    values = booster.feature_importance(importance_type=kind).tolist()
    log_importance(fit, kind, features=booster.feature_name(), values=values)


def _log_sets(fit: Fit, named: Mapping[str, Any]) -> None:
    """Log what ``train`` and ``cv`` are given as datasets, while they still have the user's data."""
    if not switch.options_of(_NAME).log_datasets:
        return
    train, names = named.get("train_set"), _listed(named.get("valid_names"))
    _log_set(fit, train, context="train")
    for place, each in enumerate(_listed(named.get("valid_sets"))):
        if each is not train:
            _log_set(fit, each, context="eval", name=names[place] if place < len(names) else f"valid_{place}")


def _log_set(fit: Fit, data: Any, *, context: str, name: str | None = None) -> None:
    fit.log_dataset(getattr(data, "data", None), getattr(data, "label", None), context=context, name=name)


def _listed(given: Any) -> list[Any]:
    return [] if given is None else list(given) if isinstance(given, (list, tuple)) else [given]


def _log_arrays(fit: Fit, call: Call) -> None:
    """Log what an estimator is fitted to, and its ``eval_set``."""
    if not switch.options_of(_NAME).log_datasets:
        return
    named = Arguments(type(call.args[0]).fit, call).named()
    fit.log_dataset(named.get("X"), named.get("y"), context="train")
    for place, (features, targets) in enumerate(_eval_sets(named)):
        if features is not named.get("X"):
            fit.log_dataset(features, targets, context="eval", name=f"valid_{place}")


def _eval_sets(named: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Give the pairs of ``eval_set``, or since 4.7 those of ``eval_X`` and ``eval_y``."""
    features: Any = named.get("eval_X")
    targets: Any = named.get("eval_y")
    if features is None:
        given = named.get("eval_set")
        return [] if given is None else [given] if isinstance(given, tuple) else list(given)
    return list(zip(features, targets, strict=False)) if isinstance(features, tuple) else [(features, targets)]
