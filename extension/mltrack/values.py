"""What users log becomes what the store keeps: numbers become floats, everything else bounded text.

Nothing here may stop a training: text is made in bounded time and length whatever an object's ``__str__`` does.
"""

from __future__ import annotations

import reprlib
import threading
import time
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import TYPE_CHECKING, Any

from mltrack.entities import ExperimentTag, Metric, Param, RunTag
from mltrack.exceptions import InvalidParameterError
from mltrack.keys import MAX_EXPERIMENT_TAG_VALUE, MAX_MODEL_TAG_VALUE, MAX_PARAM_VALUE, MAX_TAG_VALUE, check_key
from mltrack.masking import mask_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

INT64 = 2**63
TEXT_SECONDS = 0.05
_LONGEST_NUMBER = 400  # as text
_PLAIN = (str, int, float, bool, type(None))
_brief = reprlib.Repr()
_brief.maxlist = _brief.maxtuple = _brief.maxdict = _brief.maxset = 200
_brief.maxstring = _brief.maxother = 4000


def make_metric(key: object, value: object, step: object = None, timestamp: object = None) -> Metric:
    """Make a metric point from what a user gave; step defaults to 0 and timestamp (ms) to now.

    Raises
    ------
    InvalidParameterError
        When the key is not allowed, the value is not a real number, the step is not a 64-bit integer, or the
        timestamp is not a 64-bit integer from 0.
    """
    return Metric(
        check_key(key, "metric"),
        value if type(value) is float else to_float(key, value),
        time.time_ns() // 1_000_000 if timestamp is None else _integer(key, "timestamp", timestamp, lowest=0),
        0 if step is None else step if type(step) is int and -INT64 <= step < INT64 else _integer(key, "step", step),
    )


def check_metrics(metrics: Iterable[Metric]) -> list[Metric]:
    """Give points back as ``make_metric`` would have made them; those that are so already as they are."""
    known: set[str] = set()
    kept = []
    for point in metrics:
        key, step = point.key, point.step
        if key not in known:
            known.add(check_key(key, "metric"))
        if not (
            type(point) is Metric
            and type(point.value) is float
            and type(step) is int
            and -INT64 <= step < INT64
            and type(point.timestamp) is int
            and 0 <= point.timestamp < INT64
        ):
            made = make_metric(key, point.value, step, point.timestamp)
            named = (getattr(point, name, None) for name in ("model_id", "dataset_name", "dataset_digest"))
            point = of_model(made, *named)  # noqa: PLW2901 - as it should have been
        kept.append(point)
    return kept


def of_model(point: Metric, model_id: str | None, name: str | None = None, digest: str | None = None) -> Metric:
    """Give a point with the logged model that it says something of, and the name and digest of the dataset."""
    return Metric(point.key, point.value, point.timestamp, point.step, model_id, name, digest)


def make_metrics(values: Mapping[str, object], step: object = None, timestamp: object = None) -> list[Metric]:
    """Make a point of each of several metrics at one step and time; see ``make_metric``."""
    if not values:
        return []
    first = make_metric(next(iter(values)), 0.0, step, timestamp)  # checks what they share
    when, where = first.timestamp, first.step
    return [
        Metric(check_key(key, "metric"), value if type(value) is float else to_float(key, value), when, where)
        for key, value in values.items()
    ]


def to_float(key: object, value: object) -> float:
    """Turn a number of any usual library into a float; the error for anything else names the key."""
    if isinstance(value, (int, float, Decimal, Fraction)):
        return _checked_float(key, value)
    if isinstance(value, str):
        return _read_float(key, value)
    scalar = _library_scalar(value)
    if scalar is not None:
        return _checked_float(key, scalar)
    shown = _brief.repr(value)[:80] if isinstance(value, _PLAIN) else f"a {type(value).__qualname__}"
    raise InvalidParameterError(
        f"Metric {key!r} needs one number; got {shown} of type {type(value).__name__}. Convert it with float(…) first."
    )


def _read_float(key: object, text: str) -> float:
    try:
        if len(text) <= _LONGEST_NUMBER:
            return float(text)
    except ValueError:
        pass
    raise InvalidParameterError(f"Metric {key!r} needs one number; got the text {_brief.repr(text)[:80]}.")


def _checked_float(key: object, value: Any) -> float:
    try:
        return float(value)
    except (OverflowError, ValueError, TypeError) as error:
        shown = str(error)[:120]
        raise InvalidParameterError(f"Metric {key!r} needs one number that fits a float: {shown}.") from error


def _library_scalar(value: object) -> int | float | None:
    """Unwrap a scalar, or an array or tensor of one element, of numpy, torch, TensorFlow or JAX."""
    library = type(value).__module__.partition(".")[0]
    if library not in ("numpy", "torch", "tensorflow", "jax", "jaxlib", "cupy"):
        return None
    try:
        item = value.item() if hasattr(value, "item") else value.numpy().item()  # type: ignore[attr-defined]
    except (ValueError, TypeError, RuntimeError, AttributeError):
        return None  # more than one element, or no number
    if isinstance(item, (int, float)):
        return item
    return float(item) if isinstance(item, Real) else None  # numpy's longdouble stays what it is


def _integer(key: object, what: str, value: object, *, lowest: int = -INT64) -> int:
    number = value if isinstance(value, int) else _library_scalar(value)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(value, float) and value.is_integer():
        number = int(value)
    if not isinstance(number, int) or not lowest <= number < INT64:
        raise InvalidParameterError(
            f"The {what} of metric {key!r} must be a whole number from {lowest} to {INT64 - 1}; "
            f"got {to_text(value)[:80]}."
        )
    return int(number)


def make_param(key: object, value: object) -> Param:
    """Make a param from what a user gave: text of at most 6,000 characters, secrets masked."""
    name = check_key(key, "param")
    return Param(name, _cut(mask_value(name, to_text(value)), MAX_PARAM_VALUE))


def make_tag(key: object, value: object) -> RunTag:
    """Make a tag from what a user gave: text of at most 8,000 characters, secrets masked."""
    name = check_key(key, "tag")
    return RunTag(name, _cut(mask_value(name, to_text(value)), MAX_TAG_VALUE))


def make_experiment_tag(key: object, value: object) -> ExperimentTag:
    """Make an experiment's tag from what a user gave, secrets masked; a text over 20,000 characters is refused."""
    name = check_key(key, "tag")
    text = to_text(value)
    if len(text) > MAX_EXPERIMENT_TAG_VALUE:
        raise InvalidParameterError(
            f"The experiment tag {name!r} has {len(text)} characters; at most {MAX_EXPERIMENT_TAG_VALUE} go."
        )
    return ExperimentTag(name, _cut(mask_value(name, text), MAX_EXPERIMENT_TAG_VALUE))


def make_model_tags(tags: Mapping[str, object] | None, *, longest: int = MAX_MODEL_TAG_VALUE) -> dict[str, str]:
    """Make tags of models from what a user gave, secrets masked; a text over ``longest`` characters is refused."""
    kept = {}
    for key, value in (tags or {}).items():
        name, text = check_key(key, "tag"), to_text(value)
        if len(text) > longest:
            raise InvalidParameterError(f"The model tag {name!r} has {len(text)} characters; at most {longest} go.")
        kept[name] = _cut(mask_value(name, text), longest)
    return kept


def make_model_params(params: Mapping[str, object] | None) -> dict[str, str]:
    """Make params of a logged model from what a user gave: text of at most 6,000 characters, secrets masked."""
    return {each.key: each.value for each in (make_param(key, value) for key, value in (params or {}).items())}


def to_text(value: object) -> str:
    """Give the text of any object: at most some thousand characters, within 50 ms, without raising."""
    if type(value) in _PLAIN:
        return _plain_text(value)
    if type(value) in (list, tuple, dict, set, frozenset) and _is_small(value, 200) >= 0:
        return repr(value)
    outcome: list[str] = []
    worker = threading.Thread(target=lambda: outcome.append(_foreign_text(value)), name="mltrack-text", daemon=True)
    try:
        worker.start()
    except RuntimeError:  # no more threads, as while the interpreter ends
        return f"<{type(value).__qualname__}>"
    worker.join(TEXT_SECONDS)
    return outcome[0] if outcome else f"<{type(value).__qualname__}: str() took over {TEXT_SECONDS * 1000:.0f} ms>"


def _plain_text(value: object) -> str:
    try:
        return str(value)
    except ValueError:  # an int of more digits than sys.set_int_max_str_digits allows
        return f"<int of {value.bit_length()} bits>" if isinstance(value, int) else ""


def _is_small(value: object, budget: int) -> int:
    """Count a container of plain values down from ``budget``; negative when it is larger, foreign or cyclic."""
    if type(value) in _PLAIN:
        return budget - 1 if not (type(value) is int and value.bit_length() > 10_000) else -1
    if not isinstance(value, (list, tuple, dict, set, frozenset)) or len(value) > budget:
        return -1
    items: Any = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    for item in items:
        budget = _is_small(item, budget - 1)
        if budget < 0:
            return -1
    return budget


def _foreign_text(value: object) -> str:
    try:
        # A container may hold anything, itself too; reprlib stops at its limits.
        return _brief.repr(value) if isinstance(value, (list, tuple, dict, set, frozenset)) else str(value)
    except BaseException as error:  # on a thread of its own: a SystemExit in it ends nothing
        return f"<{type(value).__qualname__}: str() raised {type(error).__name__}>"


def _cut(text: str, limit: int) -> str:
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()  # a lone surrogate is no text that a store can hold
    if len(text) <= limit:
        return text
    note = f"… [cut: {len(text)} characters]"
    return text[: limit - len(note)] + note
