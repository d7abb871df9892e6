"""``evaluate``: a model is measured on data with known answers, and what was found is logged.

Metrics have the names and values of MLflow's default evaluator (3.17). ``evaluator_config`` is flat, or by evaluator as
``{"default": {…}}``; beside what the functions of ``extra_metrics`` ask for it may have

``pos_label``
    of two labels the one that counts as positive, default: the last when they are sorted;
``label_list``
    all labels that there are, where the data and the model show fewer;
``average``
    of more than two labels: ``weighted`` (default), ``macro`` or ``micro``;
``sample_weights``
    a number for each row;
``metric_prefix``
    what the names of metrics and files begin with;
``calibration_n_bins``, ``max_classes_for_multiclass_roc_pr``, ``slice_bins``
    10 bins, 10 classes that have curves, 4 bins of numbers;
``col_mapping``
    names that functions and arguments use, and the columns that are meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mltrack.active_model import get_active_model_id
from mltrack.evaluation.evaluation import Evaluation, Extras
from mltrack.evaluation.examples import Asked
from mltrack.evaluation.measure import CLASSIFIER, REGRESSOR, Measuring
from mltrack.evaluation.predictor import Predictor, predictor_of
from mltrack.exceptions import InvalidParameterError
from mltrack.settings import get_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.evaluation.metric import EvaluationMetric
    from mltrack.evaluation.result import EvaluationResult
    from mltrack.evaluation.thresholds import MetricThreshold

EVALUATORS = frozenset({"default", CLASSIFIER, REGRESSOR})


def evaluate(  # noqa: PLR0913 - MLflow's signature, and what is more
    model: Any = None,
    data: Any = None,
    *,
    model_type: str | None = None,
    targets: Any = None,
    predictions: Any = None,
    dataset_path: str | None = None,
    feature_names: Sequence[str] | None = None,
    evaluators: str | Sequence[str] | None = None,
    evaluator_config: Mapping[str, Any] | None = None,
    extra_metrics: Sequence[EvaluationMetric] | None = None,
    custom_artifacts: Sequence[Callable[..., Mapping[str, Any]]] | None = None,
    env_manager: str = "local",
    model_config: Mapping[str, Any] | None = None,
    inference_params: Mapping[str, Any] | None = None,
    model_id: str | None = None,
    slices: Any = None,
    baseline: Any = None,
    thresholds: Mapping[str, MetricThreshold] | None = None,
) -> EvaluationResult:
    """Measure a model on data with known answers, and log what is found to the active run, else to a new one.

    ``model`` is a URI, what ``mltrack.pyfunc.load_model`` gives, a fitted estimator, a function of a DataFrame, or None
    with ``predictions``; ``model_type`` is ``"classifier"``, ``"regressor"``, or None with ``extra_metrics``.
    ``targets`` is a column of the data (several: outputs of a regression) or an array. ``slices`` is a column or a list
    of them, whose values get metrics of their own; ``baseline`` another model, or its result, to compare with;
    ``thresholds`` what metrics have to reach. The other arguments are MLflow's, see this module for the configuration.

    Raises InvalidParameterError when something does not fit, MissingLibraryError without scikit-learn, and
    ModelValidationError when a threshold is missed: then all is logged, and its ``result`` has what was found.
    """
    config = _config(evaluators, evaluator_config, model_type)
    _refuse_others(model_type, env_manager=env_manager, inference_params=inference_params, extra_metrics=extra_metrics)
    predictor = None if model is None else predictor_of(model, model_config=model_config)
    output = predictions if predictor is not None and isinstance(predictions, str) else None
    how = Measuring(model_type, config, _mapped(output, config))
    asked = Asked(_mapped(targets, config), None if predictor else _mapped(predictions, config), feature_names)
    extras = Extras(extra_metrics or (), custom_artifacts or (), slices, baseline, thresholds or {})
    evaluation = Evaluation(predictor, how, extras, model_id=_one_id(model_id, predictor))
    return evaluation.run(data, asked, path=dataset_path)


def _config(evaluators: Any, given: Mapping[str, Any] | None, model_type: str | None) -> Mapping[str, Any]:
    """Give the configuration of the one evaluator that there is, whichever way it was written."""
    named = [evaluators] if isinstance(evaluators, str) else list(evaluators or ())
    unknown = [name for name in named if name not in EVALUATORS]
    if unknown:
        raise InvalidParameterError(f"There is no evaluator {unknown[0]!r}; 'default' does all there is.")
    config = given or {}
    for name in (model_type, "default"):
        inner = config.get(name) if name is not None else None
        if isinstance(inner, Mapping):
            return inner
    return config


def _refuse_others(model_type: str | None, *, env_manager: str, inference_params: Any, extra_metrics: Any) -> None:
    if model_type not in (None, CLASSIFIER, REGRESSOR):
        raise InvalidParameterError(
            f"model_type is 'classifier' or 'regressor'; got {model_type!r}. Language models are not evaluated."
        )
    if model_type is None and not extra_metrics:
        raise InvalidParameterError("Say model_type='classifier' or 'regressor', or give extra_metrics.")
    if env_manager != "local":
        raise InvalidParameterError(
            f"A model is evaluated in this environment (env_manager='local'); got {env_manager!r}."
        )
    if inference_params is not None:
        raise InvalidParameterError("inference_params are for endpoints, which are not evaluated; leave them out.")


def _mapped(name: Any, config: Mapping[str, Any]) -> Any:
    return (config.get("col_mapping") or {}).get(name, name) if isinstance(name, str) else name


def _one_id(given: str | None, predictor: Predictor | None) -> str | None:
    own = predictor.model_id if predictor is not None else None
    if given and own and given != own:
        raise InvalidParameterError(f"The model is {own}, and model_id says {given!r}; leave model_id out.")
    if given:
        get_store().get_logged_model(given)  # raises for one that is not there
    return given or own or get_active_model_id()
