"""Models as folders: what they say of themselves, their signatures, and how they are written, found and loaded.

The names are those of ``mlflow.models``; each comes from its module at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mltrack.evaluation.artifacts import EvaluationArtifact as EvaluationArtifact
    from mltrack.evaluation.evaluate import evaluate as evaluate
    from mltrack.evaluation.metric import EvaluationMetric as EvaluationMetric
    from mltrack.evaluation.metric import make_metric as make_metric
    from mltrack.evaluation.result import EvaluationResult as EvaluationResult
    from mltrack.evaluation.thresholds import MetricThreshold as MetricThreshold
    from mltrack.evaluation.thresholds import validate_evaluation_results as validate_evaluation_results
    from mltrack.models.code_models import set_model as set_model
    from mltrack.models.enforcement import validate_schema as validate_schema
    from mltrack.models.example import convert_input_example_to_serving_input as convert_input_example_to_serving_input
    from mltrack.models.example import validate_serving_input as validate_serving_input
    from mltrack.models.information import get_model_info as get_model_info
    from mltrack.models.mlmodel import Model as Model
    from mltrack.models.mlmodel import ModelInfo as ModelInfo
    from mltrack.models.relabelling import set_signature as set_signature
    from mltrack.models.signature import ModelSignature as ModelSignature
    from mltrack.models.signature import infer_signature as infer_signature

_HOMES = {
    "mltrack.evaluation.artifacts": ("EvaluationArtifact",),
    "mltrack.evaluation.evaluate": ("evaluate",),
    "mltrack.evaluation.metric": ("EvaluationMetric", "make_metric"),
    "mltrack.evaluation.result": ("EvaluationResult",),
    "mltrack.evaluation.thresholds": ("MetricThreshold", "validate_evaluation_results"),
    "mltrack.models.code_models": ("set_model",),
    "mltrack.models.enforcement": ("validate_schema",),
    "mltrack.models.example": ("convert_input_example_to_serving_input", "validate_serving_input"),
    "mltrack.models.information": ("get_model_info",),
    "mltrack.models.mlmodel": ("Model", "ModelInfo"),
    "mltrack.models.relabelling": ("set_signature",),
    "mltrack.models.signature": ("ModelSignature", "infer_signature"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}
__all__ = [*_HOME_OF]  # noqa: PLE0604 - texts, put together


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'mltrack.models' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
