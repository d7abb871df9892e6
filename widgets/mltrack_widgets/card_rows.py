"""What the sections of a run's card list, as plain texts: the run's own tags, and the data that it read."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from mltrack.keys import CACHE_KEY_TAG, CELL_TAG, CREATION_TAG, FAILURE_TAG, SEAL_TAG
from mltrack_widgets.format import size
from mltrack_widgets.verdict import OF_VERDICT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import DatasetInput, LoggedModel, Run

_CONTEXT = "mlflow.data.context"
_MACHINERY = frozenset({"verbose", "verbosity", "silent", "n_jobs", "pre_dispatch", "error_score", "copy_X"})
_LEFT_OUT = {*OF_VERDICT, SEAL_TAG, CACHE_KEY_TAG, CELL_TAG, CREATION_TAG, FAILURE_TAG}
_ROUNDS = frozenset({"n_iter", "best_iteration", "stopped_iteration", "restored_epoch", "stopped_epoch"})
"""Metrics that count rounds and say nothing of how good a model is."""
_LATER_TRAINING = re.compile(r"_\d{1,2}\Z")
_SHORT_VALUE = 24  # characters that a line shows uncut
_LONGEST_PROFILE = 10_000  # characters; another tracker may have put anything there


def own_tags(run: Run) -> dict[str, str]:
    """Give the tags that are not MLflow's own, shown elsewhere on a card, or digests that say nothing to a reader."""
    tags = run.data.tags.items()
    return {key: value for key, value in tags if not key.startswith("mlflow.") and key not in _LEFT_OUT}


def model_texts(models: Sequence[LoggedModel]) -> dict[str, str]:
    """Give for each logged model its URI, by its name; models of one name are numbered."""
    found: dict[str, str] = {}
    for model in models:
        count = sum(each.name == model.name for each in models[: models.index(model)])
        found[model.name if not count else f"{model.name} ({count + 1})"] = model.model_uri
    return found


def telling_params(params: Mapping[str, str]) -> list[str]:
    """Order params so that those that say most come first: what a search chose, numbers and short texts, switches."""
    return sorted(params, key=lambda key: _dullness(key, params[key]))


def telling_params_of(runs: Sequence[Run]) -> list[str]:
    """Order the params of several runs so that those come first that say most, by the first run that has each."""
    found: dict[str, str] = {}
    for run in runs:
        for key, value in run.data.params.items():
            found.setdefault(key, value)
    return telling_params(found)


def _dullness(key: str, value: str) -> int:
    if key.startswith("best_"):
        return -1
    if is_machinery(key):
        return 2
    if value in ("", "None", "[]", "{}") or "(" in value or len(value) > _SHORT_VALUE:
        return 2
    return 1 if value in ("True", "False") else 0


def is_machinery(param: str) -> bool:
    """Tell whether a param, maybe one of a pipeline's step, says how a training is carried out, not what is trained."""
    return _first_trainings(param.rpartition("__")[2]) in _MACHINERY


def telling_metrics(metrics: Mapping[str, float]) -> list[str]:
    """Order metrics so that those of the work come first, then rounds and times, then those of the machine."""
    return sorted(metrics, key=_distance)


def _distance(metric: str) -> int:
    if metric.startswith("system/"):
        return 2
    return int(metric.endswith("_time") or _first_trainings(metric) in _ROUNDS)


def _first_trainings(key: str) -> str:
    """Give the key that the first of a run's trainings has for what is ``n_iter_2`` of the second."""
    return _LATER_TRAINING.sub("", key)


def data_texts(run: Run) -> dict[str, str]:
    """Give each dataset that the run read: ``455 × 30 · training · 06875905``, by its name."""
    return {each.dataset.name: _data_text(each) for each in run.inputs.dataset_inputs}


def data_contexts(run: Run) -> dict[str, str]:
    """Give each dataset that the run read by name and context (``X training``): ``455 × 30 · 06875905``."""
    return {
        " ".join(filter(None, [each.dataset.name, _context(each)])): " · ".join(
            filter(None, [_shape(each.dataset.profile), each.dataset.digest])
        )
        for each in run.inputs.dataset_inputs
    }


def _context(given: DatasetInput) -> str:
    return next((tag.value for tag in given.tags if tag.key == _CONTEXT), "")


def _data_text(given: DatasetInput) -> str:
    return " · ".join(filter(None, [_shape(given.dataset.profile), _context(given), given.dataset.digest]))


def _shape(profile: str | None) -> str:
    """Write how large data is, as far as its profile says so in one of the ways that are known."""
    try:
        found = json.loads(profile) if profile and len(profile) <= _LONGEST_PROFILE else None
    except (ValueError, RecursionError):
        return ""
    return _known_shape(found) if isinstance(found, dict) else ""


def _known_shape(profile: Mapping[str, Any]) -> str:
    rows, elements = profile.get("num_rows"), profile.get("num_elements")
    if type(rows) is int and type(elements) is int:
        return f"{rows} × {elements // rows if rows > 0 else 0}"
    shape = profile.get("features_shape")
    if isinstance(shape, list) and all(type(each) is int for each in shape):
        return " × ".join(map(str, shape))
    count = profile.get("num_bytes")
    return size(count) if type(count) is int else ""
