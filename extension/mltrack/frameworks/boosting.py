"""What XGBoost and LightGBM are logged alike: ``train``, ``cv`` and the estimators, with the metrics of every round."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from mltrack.autologging import switch
from mltrack.autologging.calls import Call, followed, watched, watched_part
from mltrack.autologging.rounds import Rounds
from mltrack.autologging.safety import safely
from mltrack.autologging.samples import sample_of
from mltrack.frameworks.arguments import Arguments, log_estimator, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
    from types import ModuleType

    from mltrack.autologging.fits import Fit
    from mltrack.autologging.patches import Patches
    from mltrack.autologging.samples import Sample
    from mltrack.models.flavor import Flavor


_PREDICTIONS = ("predict", "predict_proba")


class Boosting(ABC):
    """How a library of boosted trees is logged; a subclass for each says what is its own.

    ``unlogged`` are the arguments of ``train`` and ``cv`` that are no params, ``first_round`` is the number it gives
    its first round, and ``eval_name`` what an estimator's sets for evaluation are called, with a number behind.
    """

    name: str
    unlogged: frozenset[str]
    first_round: int
    eval_name: str

    @abstractmethod
    def log_sets(self, fit: Fit, named: Mapping[str, Any]) -> None:
        """Log what ``train`` and ``cv`` are given as datasets."""

    @abstractmethod
    def listen(self, arguments: Arguments, rounds: Rounds) -> Callable[[], None]:
        """Have a callback told of each round, in front of the user's; gives what is to be called after the last."""

    @abstractmethod
    def best_step(self, booster: Any) -> int | None:
        """Give the step of the best round, from 0, where early stopping looked for it."""

    @abstractmethod
    def rounds_kept(self, results: Any) -> int:
        """Give how many rounds are in the result of ``cv``, which is cut behind the best one."""

    @abstractmethod
    def booster_of(self, estimator: Any) -> Any:
        """Give the booster of a fitted estimator."""

    @abstractmethod
    def importance_types(self) -> Iterable[str]:
        """Give the kinds of importance that are logged."""

    @abstractmethod
    def importance(self, booster: Any, kind: str) -> tuple[Sequence[str], Sequence[Any]]:
        """Give the names of the features, and how much each counts."""

    @abstractmethod
    def rows_of(self, named: Mapping[str, Any]) -> Any:
        """Give the data that ``train`` is given, as frame or array; None where they cannot be had."""

    @abstractmethod
    def flavor(self) -> Flavor:
        """Give the way its models are kept."""

    @abstractmethod
    def eval_sets(self, named: Mapping[str, Any]) -> Iterable[tuple[Any, Any]]:
        """Give the features and targets of each set that an estimator is evaluated on while it is fitted."""

    def patch(self, module: ModuleType, patches: Patches, *, home: ModuleType, base: Any) -> None:
        """Patch ``train`` and ``cv`` wherever they are (``home`` defines them), and the estimators, all ``base``'s."""
        train, cv = module.train, module.cv
        watched_train = watched_part(self.name, lambda call: self._watch_train(call, train))(train)
        watched_cv = watched(self.name, lambda call: self._watch_cv(call, cv))(cv)
        for owner in (module, home, module.sklearn):
            patches.replace(owner, "train", lambda _: watched_train)  # one object everywhere, or it would not pickle
        for owner in (module, home):
            patches.replace(owner, "cv", lambda _: watched_cv)
        self._patch_estimators(base, patches)

    def _patch_estimators(self, base: Any, patches: Patches) -> None:
        """Patch ``base`` and what derives from it: their fits, and what they predict later on."""
        from mltrack.frameworks.sklearn import afterwards  # needs numpy, which by now is loaded

        for kind in list(vars(sys.modules[base.__module__]).values()):
            if not isinstance(kind, type) or not issubclass(kind, base):
                continue
            if "fit" in vars(kind):
                patches.wrap(kind, "fit", watched(self.name, self._watch_fit))
            for name in _PREDICTIONS:
                if name in vars(kind):
                    follow = followed(self.name, afterwards.watch_prediction, afterwards.is_of_our_model)
                    patches.wrap(kind, name, follow)

    def _watch_train(self, call: Call, train: Any) -> Generator[None, Any, None]:
        sample = safely(self.name, "the rows of the data", self._sample, call, train) if call.outer is None else None
        fit, rounds, booster = yield from self._watch_rounds(call, train)
        safely(self.name, "the best round", self._log_best_of, fit, rounds, booster)
        if call.outer is None:
            self._log_booster(fit, booster)
            fit.log_model(booster, sample, flavor=self.flavor)

    def _watch_cv(self, call: Call, cv: Any) -> Generator[None, Any, None]:
        fit, rounds, results = yield from self._watch_rounds(call, cv)
        safely(self.name, "the best round", self._log_best_of_cv, fit, rounds, results)

    def _watch_rounds(self, call: Call, function: Any) -> Generator[None, Any, tuple[Fit, Rounds, Any]]:
        """Log what ``train`` or ``cv`` is given, and the metrics of its rounds."""
        fit = call.begin_fit()
        arguments, rounds = Arguments(function, call), Rounds(fit)
        named = arguments.named()
        safely(self.name, f"the params of {call.name}", log_arguments, fit, named, unlogged=self.unlogged)
        if call.outer is None and switch.options_of(self.name).log_datasets:
            safely(self.name, "the data", self.log_sets, fit, named)
        finish = safely(self.name, "the rounds", self.listen, arguments, rounds)
        try:
            result = yield
        finally:
            safely(self.name, "the last rounds", finish or rounds.flush)
        return fit, rounds, result

    def _watch_fit(self, call: Call) -> Generator[None, Any, None]:
        fit, estimator = call.begin_fit(), call.args[0]
        safely(self.name, "the estimator", log_estimator, fit, estimator)
        if switch.options_of(self.name).log_datasets:
            safely(self.name, "the data", self._log_arrays, fit, call)
        sample = sample_of(Arguments(type(estimator).fit, call).named().get("X")) if fit.options.log_models else None
        yield
        safely(self.name, "the way back from the estimator to its run", follow_estimator, fit, estimator)
        self._log_booster(fit, self.booster_of(estimator))
        is_own = type(estimator).__module__.partition(".")[0] == self.name
        fit.log_model(estimator, sample, flavor=self.flavor if is_own else None)

    def _sample(self, call: Call, train: Any) -> Sample | None:
        if not switch.options_of(self.name).log_models:
            return None
        return sample_of(self.rows_of(Arguments(train, call).named()))

    def _log_arrays(self, fit: Fit, call: Call) -> None:
        """Log what an estimator is fitted to, and its ``eval_set``."""
        named = Arguments(type(call.args[0]).fit, call).named()
        fit.log_dataset(named.get("X"), named.get("y"), context="train")
        for place, (features, targets) in enumerate(self.eval_sets(named)):
            if features is not named.get("X"):
                fit.log_dataset(features, targets, context="eval", name=f"{self.eval_name}_{place}")

    def _log_best_of(self, fit: Fit, rounds: Rounds, booster: Any) -> None:
        step = self.best_step(booster)
        if step is not None and len(rounds):
            self._log_best(fit, rounds, step)

    def _log_best_of_cv(self, fit: Fit, rounds: Rounds, results: Any) -> None:
        kept = self.rounds_kept(results)
        if 0 < kept < len(rounds):
            self._log_best(fit, rounds, kept - 1)

    def _log_best(self, fit: Fit, rounds: Rounds, step: int) -> None:
        """Log where early stopping stopped, and the metrics of the best round again, one step behind all."""
        stopped = len(rounds) - 1
        fit.log_metrics({"stopped_iteration": stopped + self.first_round, "best_iteration": step + self.first_round})
        fit.log_metrics(rounds.at(step), step=len(rounds))

    def _log_booster(self, fit: Fit, booster: Any) -> None:
        for kind in self.importance_types():
            safely(self.name, f"the importance of the features ({kind})", self._log_importance, fit, booster, kind)

    def _log_importance(self, fit: Fit, booster: Any, kind: str) -> None:
        features, values = self.importance(booster, kind)
        log_importance(fit, kind, features=features, values=values)


def follow_estimator(fit: Fit, estimator: Any) -> None:
    """Have scikit-learn's metrics of what the estimator predicts logged to the run of its fit."""
    from mltrack.frameworks.sklearn.afterwards import follow  # needs numpy, which by now is loaded

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
