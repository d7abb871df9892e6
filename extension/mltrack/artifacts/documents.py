"""Texts and dictionaries as bytes of a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.store.artifacts import safe_path

if TYPE_CHECKING:
    from collections.abc import Mapping


def text_bytes(text: str, artifact_file: str) -> bytes:
    """Encode a text as UTF-8; a lone surrogate, which is in no file, becomes its escape."""
    if not isinstance(text, str):
        raise InvalidParameterError(f"log_text needs text for {artifact_file!r}; got a {type(text).__name__}.")
    return text.encode("utf-8", "backslashreplace")


def dict_bytes(dictionary: Mapping[str, Any] | list[Any], artifact_file: str) -> bytes:
    """Write a dictionary or list as YAML where ``artifact_file`` ends in .yml or .yaml, else as JSON.

    What JSON does not know is written as its text.
    """
    if safe_path(artifact_file).ending in ("yml", "yaml"):
        import yaml  # only for YAML files

        text = yaml.safe_dump(json.loads(_json(dictionary)), sort_keys=False, allow_unicode=True)
    else:
        text = _json(dictionary, indent=2)
    return text_bytes(text, artifact_file)


def _json(value: object, *, indent: int | None = None) -> str:
    try:
        return json.dumps(value, default=_plain, indent=indent, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidParameterError(f"A {type(value).__name__} could not be written as JSON: {error}.") from error


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
