"""What a dataset may be that a run reads: MLflow's limits, checked in one place.

Source: the column sizes of ``mlflow.store.tracking.dbmodels`` and the checks of ``mlflow.utils.validation``.
"""

from __future__ import annotations

from mltrack.entities import Dataset, DatasetInput, InputTag
from mltrack.exceptions import InvalidParameterError
from mltrack.masking import mask_text, mask_value

MAX_TAG_KEY, MAX_TAG_VALUE = 255, 500
_LIMITS = {
    "name": 500,
    "digest": 36,
    "source_type": 36,
    "source": 65_535,
    "schema": 2**20 - 1,
    "profile": 2**24 - 1,
}
_REQUIRED = ("name", "digest", "source_type", "source")


def check_dataset_input(given: DatasetInput) -> DatasetInput:
    """Give a run's input as the store may keep it, secrets in its texts masked.

    Raises
    ------
    InvalidParameterError
        When the name, digest, source or source type is missing, or any part is no text or longer than MLflow takes.
    """
    fields = {name: _check_field(name, getattr(given.dataset, name)) for name in _LIMITS}
    return DatasetInput(Dataset(**fields), tuple(_check_tag(tag) for tag in given.tags or ()))  # type: ignore[arg-type]


def _check_field(name: str, value: object) -> str | None:
    if value is None and name not in _REQUIRED:
        return None
    if not isinstance(value, str) or (not value and name in ("name", "digest")):
        raise InvalidParameterError(f"A dataset's {name} must be text that is not empty; got {str(value)[:80]!r}.")
    if len(value) > _LIMITS[name]:
        raise InvalidParameterError(f"A dataset's {name} has {len(value)} characters; at most {_LIMITS[name]} go.")
    return mask_text(value.encode("utf-8", "backslashreplace").decode())


def _check_tag(tag: InputTag) -> InputTag:
    for what, text, most in (("key", tag.key, MAX_TAG_KEY), ("value", tag.value, MAX_TAG_VALUE)):
        if not isinstance(text, str) or len(text) > most:
            raise InvalidParameterError(
                f"The {what} of a dataset's tag must be text of at most {most} characters; got {str(text)[:80]!r}."
            )
    return InputTag(tag.key, mask_value(tag.key, tag.value))
