"""A module's weights as safetensors, which hold numbers only, and how its class is made anew to take them."""

from __future__ import annotations

import inspect
import json
import sys
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError, MissingLibraryError

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOW = "`pip install safetensors`"


def can_write() -> bool:
    """Say whether safetensors is installed."""
    try:
        import safetensors.torch  # noqa: F401 - optional
    except ImportError:
        return False
    return True


def write_weights(state: Mapping[str, Any]) -> bytes:
    """Give a state dict of tensors as safetensors.

    Raises
    ------
    MissingLibraryError
        Without safetensors.
    InvalidParameterError
        When it holds something else than tensors.
    """
    try:
        from safetensors.torch import save  # optional
    except ImportError:
        raise MissingLibraryError(f"A state dict without pickle needs safetensors: {_HOW}.") from None
    tensors = {}
    for name, value in state.items():
        if not hasattr(value, "untyped_storage"):
            raise InvalidParameterError(
                f"The state dict has a {type(value).__name__} as {name!r}, which safetensors cannot hold; "
                "give serialization_format='pickle'."
            )
        tensors[name] = value.detach().cpu().contiguous().clone()  # those that share memory are kept each for itself
    content: bytes = save(tensors, metadata={"format": "pt"})
    return content


def read_weights(content: bytes, *, name: str) -> dict[str, Any]:
    """Read safetensors; ``name`` is the file's, for the message.

    Raises
    ------
    InvalidParameterError
        When it is cut, or its header says what the file cannot hold.
    """
    try:
        from safetensors.torch import load  # optional
    except ImportError:
        raise MissingLibraryError(f"The file {name} needs safetensors: {_HOW}.") from None
    try:
        found: dict[str, Any] = load(content)
    except Exception as error:  # safetensors has its own, and passes on those of others
        raise InvalidParameterError(f"{name} is no whole safetensors file: {str(error)[:200]}.") from error
    return found


def recipe_of(model: Any) -> dict[str, Any] | None:
    """Give how a module of this class can be made anew: ``{"class": "nets.Net", "arguments": {…}}``; None if it cannot.

    The arguments are Lightning's saved hyperparameters, if there are any. It is tried, without memory for weights.
    """
    kind = type(model)
    module = sys.modules.get(kind.__module__)
    if kind.__module__ == "__main__" or getattr(module, kind.__qualname__, None) is not kind:
        return None
    arguments = _arguments_of(model)
    try:
        inspect.signature(kind).bind(**arguments)
        json.dumps(arguments, allow_nan=False)
        return (
            {"class": f"{kind.__module__}.{kind.__qualname__}", "arguments": arguments}
            if _fits(model, kind, arguments)
            else None
        )
    except Exception:  # any: the class is the user's
        return None


def _arguments_of(model: Any) -> dict[str, Any]:
    saved = getattr(model, "hparams", None)
    return dict(saved) if saved is not None and hasattr(saved, "keys") else {}


def _fits(model: Any, kind: type, arguments: Mapping[str, Any]) -> bool:
    import torch  # loaded already where there is a module

    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        twin = kind(**arguments)
    own, made = model.state_dict(), twin.state_dict()
    return {name: value.shape for name, value in own.items()} == {name: value.shape for name, value in made.items()}


def fill(model: Any, state: Mapping[str, Any], *, name: str) -> Any:
    """Put weights into a module, and give it, ready to predict.

    Raises
    ------
    InvalidParameterError
        When they are those of another module; the message says what differs.
    """
    try:
        model.load_state_dict(state)
    except Exception as error:  # PyTorch raises a RuntimeError, a module of the user's anything
        raise InvalidParameterError(
            f"The weights of {name} do not fit a {type(model).__name__}: {str(error)[:400]}"
        ) from error
    return model.eval()
