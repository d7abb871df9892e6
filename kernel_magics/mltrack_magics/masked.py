"""Secrets masked in every text of a document, such as the outputs of a cell."""

from __future__ import annotations

from typing import Any

from mltrack.masking import mask_text


def mask_document(value: Any) -> Any:
    """Give a JSON-like value with the secrets in its texts masked; its shape and keys stay."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, list):
        return [mask_document(each) for each in value]
    if isinstance(value, dict):
        return {key: mask_document(each) for key, each in value.items()}
    return value
