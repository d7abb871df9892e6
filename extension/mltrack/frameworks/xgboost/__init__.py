"""What is logged of XGBoost: ``train``, ``cv`` and the estimators, with the metrics of every round.

Params, metric names and the places of the best round are those of ``mlflow.xgboost.autolog``.
"""

from __future__ import annotations

import functools
import sys
import weakref
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mltrack.autologging import switch
from mltrack.autologging.safety import guarded, safely
from mltrack.frameworks.boosting import Boosting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import ModuleType

    from mltrack.autologging.fits import Fit
    from mltrack.autologging.patches import Patches
    from mltrack.autologging.rounds import Rounds
    from mltrack.frameworks.arguments import Arguments
    from mltrack.frameworks.xgboost.verbs import load_model as load_model
    from mltrack.frameworks.xgboost.verbs import log_model as log_model
    from mltrack.frameworks.xgboost.verbs import save_model as save_model
    from mltrack.models.flavor import Flavor

_NAME = "xgboost"
_MOST_VALUES = 1_000_000
"""Of data that only XGBoost has any more, at most so many numbers are copied out to take its digest: some ms."""
_made_of: weakref.WeakKeyDictionary[Any, tuple[weakref.ref[Any], Any]] = weakref.WeakKeyDictionary()
"""What the user made each matrix of, as long as that lives, and its labels if they can be referred to."""
_VERBS = ("load_model", "log_model", "save_model")


def __getattr__(name: str) -> Any:
    if name not in _VERBS:
        raise AttributeError(f"module 'mltrack.xgboost' has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.verbs"), name)
    globals()[name] = value  # found at once from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_VERBS})


@dataclass(frozen=True, slots=True)
class Options(switch.Options):
    """XGBoost's own options: which kinds of importance are logged, and the format of the model's file."""

    importance_types: tuple[str, ...] = ("weight",)
    model_format: str = "ubj"


def autolog(  # noqa: PLR0913, PLR0917 - MLflow's signature
    importance_types: Sequence[str] | None = None,
    log_input_examples: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
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
    importance_types = tuple(importance_types or ("weight",))
    switch.choose(_NAME, on=not disable, options=Options.of(locals()))


def _remembering(original: Any) -> Any:
    @functools.wraps(original)
    def make_matrix(*args: Any, **kwargs: Any) -> None:
        original(*args, **kwargs)
        safely(_NAME, "what a matrix is made of", _remember, *args, **kwargs)

    return make_matrix


def _remember(matrix: Any, data: Any = None, label: Any = None, *_: Any, **__: Any) -> None:
    if hasattr(data, "shape"):
        _made_of[matrix] = weakref.ref(data), weakref.ref(label) if hasattr(label, "shape") else None


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


class _XGBoost(Boosting):
    """What is XGBoost's own; it counts rounds from 0."""

    name = _NAME
    unlogged = frozenset(
        {"dtrain", "evals", "obj", "feval", "evals_result", "xgb_model", "callbacks", "folds", "fpreproc"}
    )
    first_round = 0
    eval_name = "validation"

    def log_sets(self, fit: Fit, named: Mapping[str, Any]) -> None:
        """Log the matrices, where it is not too much to be copied out."""
        data = named.get("dtrain")
        _log_matrix(fit, data, context="train")
        for each, name in named.get("evals") or ():
            if each is not data:
                _log_matrix(fit, each, context="eval", name=name)

    def listen(self, arguments: Arguments, rounds: Rounds) -> Callable[[], None]:
        """Put our callback in front, and look at the last round once more when all is over.

        XGBoost calls no callback behind the one that ends the training, and before 3.0 it calls them in any order, so
        that the last round may not have been told.
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

    def best_step(self, booster: Any) -> int | None:
        """Give the attribute ``best_iteration``, which is there where early stopping was asked for."""
        best = booster.attr("best_iteration")
        return None if best is None else int(best)

    def rounds_kept(self, results: Any) -> int:
        """Count the rows of the dict or frame."""
        columns = results if isinstance(results, dict) else results.to_dict("list")
        return len(next(iter(columns.values()), ()))

    def booster_of(self, estimator: Any) -> Any:
        """Give ``get_booster()``."""
        return estimator.get_booster()

    def importance_types(self) -> Iterable[str]:
        """Give those of the options."""
        return getattr(switch.options_of(_NAME), "importance_types", ())

    def importance(self, booster: Any, kind: str) -> tuple[Sequence[str], Sequence[Any]]:
        """Give the scores of the features that are used at all."""
        scores = booster.get_score(importance_type=kind)
        return list(scores), list(scores.values())

    def rows_of(self, named: Mapping[str, Any]) -> Any:
        """Give what the matrix was made of, as long as it lives."""
        data, _ = _made_of.get(named.get("dtrain"), (None, None))
        return data and data()

    def flavor(self) -> Flavor:
        """Give the flavor for the format of the options."""
        from mltrack.frameworks.xgboost.flavor import XGBoostFlavor  # models are not always logged

        return XGBoostFlavor(model_format=getattr(switch.options_of(_NAME), "model_format", "ubj"))

    def eval_sets(self, named: Mapping[str, Any]) -> Iterable[tuple[Any, Any]]:
        """Give the pairs of ``eval_set``."""
        return named.get("eval_set") or ()


_library = _XGBoost()


def patch(module_name: str, module: ModuleType, patches: Patches) -> None:  # noqa: ARG001 - every library's signature
    """Patch XGBoost once it is imported: ``train`` and ``cv`` wherever they are, and each estimator's ``fit``."""
    for kind in (module.DMatrix, module.QuantileDMatrix):
        patches.wrap(kind, "__init__", _remembering)
    _library.patch(module, patches, home=module.training, base=module.sklearn.XGBModel)
