"""What ``mltrack.serve`` is given, as the URI of a model: a URI, a run, a version, or a model itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mltrack import settings
from mltrack.active import ActiveRun
from mltrack.entities import LoggedModel, ModelVersion, RegisteredModel, Run
from mltrack.exceptions import NotFoundError
from mltrack.serving.settings import MOST_NAME
from mltrack.store.pages import Search


def model_uri_of(model: Any) -> str:
    """Give the URI that a server loads; a fitted estimator, or a function, is logged first where it is not yet.

    Raises
    ------
    NotFoundError
        When the run has no model.
    InvalidParameterError
        When it is no model that is known.
    """
    if isinstance(model, (str, Path)):
        text = str(model)
        return str(Path(text).absolute()) if re.match(r"[a-z][a-z0-9+.-]+:", text) is None else text
    if isinstance(model, ModelVersion):
        return f"models:/{model.name}/{model.version}"
    if isinstance(model, RegisteredModel):
        return f"models:/{model.name}/latest"
    if isinstance(model, (ActiveRun, Run)):
        return _model_of(model.info.run_id, model.info.experiment_id)
    uri = getattr(model, "model_uri", None) or getattr(model, "uri", None)  # a ModelInfo, a PyFuncModel
    if isinstance(model, LoggedModel) or isinstance(uri, str):
        return str(uri)
    return _logged(model)


def name_of(model_uri: str, model: Any = None) -> str:
    """Give a name for the server of a model: that of the registered model, else the last word of its URI.

    One that was given as an object, and not as a URI, is called as its class.
    """
    words = [word for word in re.split(r"[/@]", model_uri.removeprefix("models:/")) if word] or ["model"]
    word = words[0] if model_uri.startswith("models:/") else words[-1]
    if re.fullmatch(r"m-[0-9a-f]{32}", word):
        word = getattr(model, "name", None) or getattr(model, "__name__", None) or type(model).__name__
    return "".join(letter if letter.isprintable() else "_" for letter in word)[:MOST_NAME]


def _model_of(run_id: str, experiment_id: str) -> str:
    found = settings.get_store().search_logged_models(
        Search((experiment_id,), f"source_run_id = '{run_id}'", max_results=1)
    )
    if not found.rows:
        raise NotFoundError(f"The run {run_id} has logged no model; give the URI of one, or a fitted estimator.")
    return found.rows[0].model_uri


def _logged(model: Any) -> str:
    from mltrack.serving.variables import logged_uri  # looks at the model's library, which those with a URI do without

    return logged_uri(model)
