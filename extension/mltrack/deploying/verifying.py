"""Whether a model works from what it says it needs: loaded and tried in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mltrack.deploying.environments import prepare
from mltrack.exceptions import MltrackError
from mltrack.models.sources import find_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.models.folder import ModelFolder

_MOST_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was checked: ``good`` is None where there was nothing to check it by."""

    name: str
    good: bool | None
    text: str


def verify(model_uri: str, manager: str = "uv") -> Iterator[Step]:
    """Make a fresh environment from a model's requirements, load it there, and predict its input example.

    The predictions are held against the signature, and against those that the model makes in this environment.
    Each step is given when it is done; what comes after one that failed is left out.

    Raises
    ------
    NotFoundError, UntrustedModelError
        When there is no such model, or it would run code and this user neither made nor trusted it.
    """
    folder = find_model(model_uri).open()
    if folder.model.pickles:
        folder.require_trust(", ".join(folder.model.pickles[:5]))
    try:
        python = prepare(model_uri, manager)
    except MltrackError as error:
        yield Step("environment", good=False, text=str(error))
        return
    yield Step("environment", good=True, text=f"has what the model needs: {python}")
    there = _try(str(python), folder)
    if not there.get("loaded"):
        yield Step("load", good=False, text=there.get("error", "nothing was said"))
        return
    yield Step("load", good=True, text="the model is loaded there")
    yield from _predictions(there, folder)


def _predictions(there: dict[str, Any], folder: ModelFolder) -> Iterator[Step]:
    if "error" in there:
        yield Step("predict", good=False, text=there["error"])
        return
    if "predictions" not in there:
        yield Step("predict", good=None, text="the model has no input example to try it with")
        return
    yield Step("predict", good=True, text="it predicts its input example there")
    misfit = there.get("misfit")
    if misfit is None:
        yield Step("signature", good=None, text="the model's signature says nothing of what comes out")
    else:
        yield Step("signature", good=not misfit, text=misfit or "the predictions are what it says")
    yield _compared(there["predictions"], _try(sys.executable, folder))


def _compared(predictions: Any, here: dict[str, Any]) -> Step:
    if "predictions" not in here:
        return Step("same here", good=None, text=f"it cannot be tried in this environment: {here.get('error', '')}")
    good = here["predictions"] == predictions
    text = "the predictions are those of this environment" if good else _difference(predictions, here["predictions"])
    return Step("same here", good=good, text=text)


def _difference(there: Any, here: Any) -> str:
    return f"the predictions differ: {json.dumps(there)[:200]} there, {json.dumps(here)[:200]} in this environment"


def _try(python: str, folder: ModelFolder) -> dict[str, Any]:
    """Try the model with a Python; what is in its working folder, or meant for another Python, is not seen."""
    command = [python, "-I", "-m", "mltrack.deploying.trial", str(folder.path)]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    lines = done.stdout.decode("utf-8", errors="replace").splitlines()
    if done.returncode == 0 and lines:
        found: dict[str, Any] = json.loads(lines[-1])
        return found
    said = done.stderr.decode("utf-8", errors="replace")[-_MOST_SHOWN:]
    return {"error": f"its process ended with exit code {done.returncode}: {said}"}
