"""What is logged of LightGBM: ``train``, ``cv`` and the estimators, with the metrics of every round.

Params, metric names and the places of the best round are those of ``mlflow.lightgbm.autolog``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mltrack.autologging import switch
from mltrack.autologging.safety import guarded
from mltrack.frameworks.boosting import Boosting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import ModuleType

    from mltrack.autologging.fits import Fit
    from mltrack.autologging.patches import Patches
    from mltrack.autologging.rounds import Rounds
    from mltrack.frameworks.arguments import Arguments
    from mltrack.frameworks.lightgbm.verbs import load_model as load_model
    from mltrack.frameworks.lightgbm.verbs import log_model as log_model
    from mltrack.frameworks.lightgbm.verbs import save_model as save_model
    from mltrack.models.flavor import Flavor

Options = switch.Options

_NAME = "lightgbm"
_IMPORTANCE = ("split", "gain")


def autolog(  # noqa: PLR0913, PLR0917 - MLflow's signature
    log_input_examples: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
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
    switch.choose(_NAME, on=not disable, options=Options.of(locals()))


_VERBS = ("load_model", "log_model", "save_model")


def __getattr__(name: str) -> Any:
    if name not in _VERBS:
        raise AttributeError(f"module 'mltrack.lightgbm' has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.verbs"), name)
    globals()[name] = value  # found at once from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_VERBS})


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


def _log_set(fit: Fit, data: Any, *, context: str, name: str | None = None) -> None:
    fit.log_dataset(getattr(data, "data", None), getattr(data, "label", None), context=context, name=name)


def _listed(given: Any) -> list[Any]:
    return [] if given is None else list(given) if isinstance(given, (list, tuple)) else [given]


class _LightGBM(Boosting):
    """What is LightGBM's own; it counts rounds from 1."""

    name = _NAME
    unlogged = frozenset(
        {"train_set", "valid_sets", "valid_names", "fobj", "feval", "init_model", "callbacks", "folds", "fpreproc"}
    )
    first_round = 1
    eval_name = "valid"

    def log_sets(self, fit: Fit, named: Mapping[str, Any]) -> None:
        """Log the sets while they still have the user's data."""
        train, names = named.get("train_set"), _listed(named.get("valid_names"))
        _log_set(fit, train, context="train")
        for place, each in enumerate(_listed(named.get("valid_sets"))):
            if each is not train:
                _log_set(fit, each, context="eval", name=names[place] if place < len(names) else f"valid_{place}")

    def listen(self, arguments: Arguments, rounds: Rounds) -> Callable[[], None]:
        """Put our callback in front."""
        arguments.prepend_callback(_LoggedRounds(rounds))
        return rounds.flush

    def best_step(self, booster: Any) -> int | None:
        """Give ``best_iteration``, which is below 1 where nothing stopped early."""
        best: int = booster.best_iteration
        return best - 1 if best > 0 else None

    def rounds_kept(self, results: Any) -> int:
        """Count the values of a metric."""
        return next((len(values) for name, values in results.items() if name != "cvbooster"), 0)

    def booster_of(self, estimator: Any) -> Any:
        """Give ``booster_``."""
        return estimator.booster_

    def importance_types(self) -> Iterable[str]:
        """Give all that LightGBM knows."""
        return _IMPORTANCE

    def importance(self, booster: Any, kind: str) -> tuple[Sequence[str], Sequence[Any]]:
        """Give the importance of every feature, used or not."""
        return booster.feature_name(), booster.feature_importance(importance_type=kind).tolist()

    def rows_of(self, named: Mapping[str, Any]) -> Any:
        """Give the data of the set, while it still has them."""
        return getattr(named.get("train_set"), "data", None)

    def flavor(self) -> Flavor:
        """Give LightGBM's flavor."""
        from mltrack.frameworks.lightgbm.flavor import LightGBMFlavor  # models are not always logged

        return LightGBMFlavor(quiet=True)

    def eval_sets(self, named: Mapping[str, Any]) -> Iterable[tuple[Any, Any]]:
        """Give the pairs of ``eval_set``, or since 4.7 those of ``eval_X`` and ``eval_y``."""
        features: Any = named.get("eval_X")
        targets: Any = named.get("eval_y")
        if features is None:
            given = named.get("eval_set")
            return [] if given is None else [given] if isinstance(given, tuple) else list(given)
        return zip(features, targets, strict=False) if isinstance(features, tuple) else [(features, targets)]


_library = _LightGBM()


def patch(module_name: str, module: ModuleType, patches: Patches) -> None:  # noqa: ARG001 - every library's signature
    """Patch LightGBM once it is imported: ``train`` and ``cv`` wherever they are, and each estimator's ``fit``."""
    _library.patch(module, patches, home=module.engine, base=module.sklearn.LGBMModel)
