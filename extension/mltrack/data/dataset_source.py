"""Where a dataset came from: the base of all sources, and how their secrets are masked."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Self

from mltrack.exceptions import InvalidParameterError
from mltrack.masking import MASK, mask_text

if TYPE_CHECKING:
    from collections.abc import Mapping

# What signs the address of a file that anybody who has it may read, at Amazon, Google and Azure.
_SIGNATURE = re.compile(r"([?&](?:[\w-]*signature|sig|x-amz-security-token)=)[^&#\s\"']+", re.IGNORECASE)


class DatasetSource:
    """A place that data came from; the subclasses say which, in MLflow's JSON."""

    def to_dict(self) -> dict[str, Any]:
        """Give what the source is, as JSON-compatible values."""
        raise NotImplementedError

    @classmethod
    def from_dict(cls, source_dict: Mapping[str, Any]) -> Self:
        """Make the source from what ``to_dict`` gave."""
        raise NotImplementedError

    @staticmethod
    def _get_source_type() -> str:
        """Give MLflow's word for the kind of source, such as ``local``, ``http``, ``s3`` or ``code``."""
        raise NotImplementedError

    def load(self, dst_path: str | None = None) -> str:
        """Give a local path of the data; not every source can.

        Raises
        ------
        InvalidParameterError
            When this kind of source cannot be loaded from here.
        """
        del dst_path
        raise InvalidParameterError(
            f"A dataset source of type {self._get_source_type()!r} cannot be loaded; read the data where it is."
        )

    def to_json(self) -> str:
        """Give ``to_dict`` as JSON text, with passwords, keys and signatures in it masked."""
        return json.dumps(masked(self.to_dict()))

    @classmethod
    def from_json(cls, source_json: str) -> Self:
        """Make the source from the text that ``to_json`` gave."""
        return cls.from_dict(json.loads(source_json))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.to_json()})"


def masked(value: Any) -> Any:
    """Give JSON-compatible values with the secrets in their texts masked."""
    if isinstance(value, dict):
        return {key: masked(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(each) for each in value]
    return _SIGNATURE.sub(rf"\1{MASK}", mask_text(value)) if isinstance(value, str) else value


def field_of(source_dict: Mapping[str, Any], name: str, kind: str) -> str:
    """Give a field of a source's JSON, or raise InvalidParameterError that names it."""
    value = source_dict.get(name)
    if not isinstance(value, str):
        raise InvalidParameterError(f"The JSON of a dataset source of type {kind!r} must have the text {name!r}.")
    return value
