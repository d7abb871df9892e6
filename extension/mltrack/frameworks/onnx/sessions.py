"""Running an ONNX model with ONNX Runtime."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError, MissingLibraryError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CPU = "CPUExecutionProvider"
PROVIDERS = ("CUDAExecutionProvider", CPU)
_MODES = {"SEQUENTIAL": "ORT_SEQUENTIAL", "PARALLEL": "ORT_PARALLEL"}


def read_providers(given: Any) -> list[Any]:
    """Give the providers of an MLmodel file, where ``(name, options)`` is a list and one may be a text."""
    listed = [given] if isinstance(given, str) else list(given or PROVIDERS)
    return [tuple(each) if isinstance(each, list) else each for each in listed]


def start_session(model: str | bytes, options: Mapping[str, Any], providers: Sequence[Any]) -> Any:
    """Start a session of ONNX Runtime for a model's content, or for the path of one with files beside it.

    Raises
    ------
    MissingLibraryError
        Without ONNX Runtime.
    InvalidParameterError
        When it cannot run the model, or does not know an option.
    """
    try:
        onnxruntime = import_module("onnxruntime")  # optional
    except ImportError:
        raise MissingLibraryError("An ONNX model predicts with ONNX Runtime: `pip install onnxruntime`.") from None
    there = set(onnxruntime.get_available_providers())
    usable = [each for each in providers if (each[0] if isinstance(each, tuple) else each) in there]
    try:
        chosen = _session_options(onnxruntime, options)
        return onnxruntime.InferenceSession(model, sess_options=chosen, providers=usable or [CPU])
    except Exception as error:  # ONNX Runtime has a family of its own
        raise InvalidParameterError(f"ONNX Runtime cannot run the model: {str(error)[:300]}") from error


def _session_options(onnxruntime: Any, options: Mapping[str, Any]) -> Any:
    made = onnxruntime.SessionOptions()
    for name in ("inter_op_num_threads", "intra_op_num_threads"):
        if options.get(name):
            setattr(made, name, int(options[name]))
    if mode := _MODES.get(str(options.get("execution_mode")).upper()):
        made.execution_mode = getattr(onnxruntime.ExecutionMode, mode)
    if level := options.get("graph_optimization_level"):
        made.graph_optimization_level = onnxruntime.GraphOptimizationLevel(level)
    for key, value in (options.get("extra_session_config") or {}).items():
        made.add_session_config_entry(key, value)
    return made


class OnnxPredictor:
    """Predicts as ``mlflow.onnx`` does: a frame for a frame, for arrays a dict of the outputs by name."""

    def __init__(self, session: Any) -> None:
        self.model = session
        self._inputs = {each.name: each.type for each in session.get_inputs()}
        self._outputs = [each.name for each in session.get_outputs()]

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:  # noqa: ARG002 - there are none
        """Give the outputs; float64 is made float32 where the model takes that.

        Raises
        ------
        InvalidParameterError
            When the data are none that the model's inputs can be made of.
        """
        import numpy as np  # ONNX Runtime needs it

        pandas = sys.modules.get("pandas")
        is_frame = pandas is not None and isinstance(data, pandas.DataFrame)
        feeds = self._feeds(data, is_frame=is_frame)
        for name, kind in self._inputs.items():
            if kind == "tensor(float)" and name in feeds and feeds[name].dtype == np.float64:
                feeds[name] = feeds[name].astype(np.float32)
        found = dict(zip(self._outputs, self.model.run(self._outputs, feeds), strict=True))
        if not is_frame or pandas is None:
            return found
        return pandas.DataFrame({name: np.asarray(each).reshape(-1) for name, each in found.items()})

    def _feeds(self, data: Any, *, is_frame: bool) -> dict[str, Any]:
        if isinstance(data, dict):
            return dict(data)
        names = list(self._inputs)
        if is_frame:
            if len(names) == 1:
                return {names[0]: data.to_numpy()}
            return {name: data[name].to_numpy() for name in names}
        if not hasattr(data, "dtype"):
            raise InvalidParameterError(
                f"An ONNX model takes a DataFrame, an array, or a dict of arrays; got a {type(data).__name__}."
            )
        if len(names) != 1:
            raise InvalidParameterError(
                f"The model has the inputs {', '.join(names)}; give a dict of arrays or a DataFrame with these names."
            )
        return {names[0]: data}
