"""What predicts with a PyTorch module: frames and arrays become tensors, and tensors what came in."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.frameworks.pytorch.exported import evaluating

if TYPE_CHECKING:
    from collections.abc import Mapping


class PytorchPredictor:
    """Predicts as ``mlflow.pytorch`` does: a frame is an array of float32, an array is of the type that it has.

    Parameters
    ----------
    model
        The module.
    device
        Where it computes, as ``cpu``.
    training
        Whether the module is the user's and may be in the middle of a training, which is left as it is.
    """

    def __init__(self, model: Any, *, device: str = "cpu", training: bool = False) -> None:
        self.model = model
        self.device = device
        self._training = training

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Give a frame for a frame, an array for an array.

        Raises
        ------
        InvalidParameterError
            When it is neither, or the module gives something else than one tensor.
        """
        import numpy as np  # loaded with torch
        import torch  # loaded already where there is a module

        pandas = sys.modules.get("pandas")
        is_frame = pandas is not None and isinstance(data, pandas.DataFrame)
        if not is_frame and not isinstance(data, np.ndarray):
            raise InvalidParameterError(
                f"A PyTorch model takes a DataFrame or an array; got a {type(data).__name__}. A signature of tensors "
                "(TensorSpec) makes arrays of lists."
            )
        array = data.to_numpy(dtype=np.float32) if is_frame else data
        # A frame's values lie column by column, and stay so: the same numbers in another order round otherwise.
        array = np.require(array, requirements=["W"]) if min(array.strides, default=0) >= 0 else array.copy()
        tensor = torch.from_numpy(array).to(self.device)
        with torch.no_grad(), evaluating(self.model) if self._training else nullcontext():
            found = self.model(tensor, **_checked(params))
        if not isinstance(found, torch.Tensor):
            raise InvalidParameterError(
                f"The model must give one tensor to be used for predictions here; it gave a {type(found).__name__}."
            )
        values = found.to("cpu").numpy()
        return pandas.DataFrame(values, index=data.index) if is_frame and pandas is not None else values


def _checked(params: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if params and "device" in params:
        raise InvalidParameterError(
            "The device is chosen when the model is loaded: mltrack.pyfunc.load_model(URI, model_config={'device': …})."
        )
    return params or {}
