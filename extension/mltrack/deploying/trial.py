"""Loads a model and predicts its input example, in a process of its own: ``python -m mltrack.deploying.trial FOLDER``.

What came of it is one line of JSON, the last that is printed.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.models.enforcement import enforce_schema
from mltrack.models.example import load_example_params
from mltrack.pyfunc import load_model
from mltrack.serving.answers import plain, write_json

if TYPE_CHECKING:
    from mltrack.pyfunc.model import PyFuncModel
    from mltrack.types.schema import Schema


def main(folder: str) -> None:
    """Try the model and print what came of it."""
    found: dict[str, Any] = {}
    try:
        model = load_model(folder)
        found["loaded"] = True
        _predict(model, folder, found)
    except BaseException as error:
        found["error"] = f"{type(error).__name__}: {str(error)[:2000]}"
    print(f"\n{json.dumps(found)}", flush=True)


def _predict(model: PyFuncModel, folder: str, found: dict[str, Any]) -> None:
    info = model.metadata.saved_input_example_info
    if not info:
        return
    predictions = model.predict(model.input_example, load_example_params(folder, info))
    found["predictions"] = json.loads(write_json(plain(predictions)))
    signature = model.metadata.signature
    if signature is not None and signature.outputs is not None:
        found["misfit"] = _misfit(predictions, signature.outputs)


def _misfit(predictions: Any, outputs: Schema) -> str:
    """Say why predictions are not what the signature says comes out; empty when they are."""
    try:
        enforce_schema(predictions, outputs)
    except InvalidParameterError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main(sys.argv[1])
