"""Places that a tracking server names, and the run or model whose files lie there."""

from __future__ import annotations

import re

from mltrack.keys import is_run_id
from mltrack.model_names import is_model_id

SERVED = "mlflow-artifacts:"
"""The scheme of artifacts that go through a tracking server."""
_OF_OWNER = re.compile(r"(?:^|/)([^/]+)/artifacts(?:/(.*))?$")


def source_of_place(place: str) -> str | None:
    """Give ``runs:/RUN_ID/PATH`` or ``models:/MODEL_ID`` for a place where trackers keep those files, else None."""
    match = _OF_OWNER.search(place)
    if match is None:
        return None
    owner, path = match[1], match[2]
    if is_model_id(owner):
        return None if path else f"models:/{owner}"
    return f"runs:/{owner}/{path}" if path and is_run_id(owner) else None
