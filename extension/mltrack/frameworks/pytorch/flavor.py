"""How PyTorch's modules are written and loaded: exported, as a state dict, or as a pickle."""

from __future__ import annotations

import io
import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError, MissingLibraryError
from mltrack.frameworks.pytorch.exported import export, load_exported, why_unsafe
from mltrack.frameworks.pytorch.predictor import PytorchPredictor
from mltrack.frameworks.pytorch.weights import can_write, fill, read_weights, recipe_of, write_weights
from mltrack.models import pickles
from mltrack.models.example import split_params
from mltrack.models.flavor import Draft, Flavor, Predictor
from mltrack.models.writing import ModelWarning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.models.folder import ModelFolder

EXPORTED, STATE_DICT, PICKLE = "pt2", "state_dict", "pickle"
FORMATS = (EXPORTED, STATE_DICT, PICKLE)
FILES = {EXPORTED: "model.pt2", STATE_DICT: "model.safetensors", PICKLE: "model.pth"}
_FOLDER, _PICKLE_INFO = "data", "pickle_module_info.txt"
_PICKLE_MODULE = "mlflow.pytorch.pickle_module"  # what MLflow reads the pickle with


class PytorchFlavor(Flavor):
    """PyTorch's way.

    Parameters
    ----------
    serialization_format
        ``pt2`` (an exported program), ``state_dict`` (safetensors), or ``pickle``. Default: the first of them that can
        be: an export needs an input example, a state dict a class that can be made anew without being told how.
    instance
        The module that a state dict is loaded into.
    """

    name = "pytorch"
    loader = "mlflow.pytorch"

    def __init__(self, *, serialization_format: str | None = None, instance: Any = None) -> None:
        if serialization_format is not None and serialization_format not in FORMATS:
            raise InvalidParameterError(
                f"serialization_format must be one of {', '.join(FORMATS)}; got {serialization_format!r}."
            )
        self._format = serialization_format
        self._instance = instance

    def is_model(self, thing: Any) -> bool:
        """Say whether it is a module."""
        torch: Any = sys.modules.get("torch")
        return torch is not None and isinstance(thing, torch.nn.Module)

    def example(self, given: Any) -> Any:
        """Give a tensor as an array; None for several inputs, which ``predict`` does not take."""
        data, params = split_params(given)
        if isinstance(data, (list, tuple)) and data and all(_is_numbers(each) for each in data):
            return None
        data = data.detach().cpu().numpy() if _is_tensor(data) else data
        return data if params is None else (data, params)

    def size(self, model: Any) -> int:
        """Give the bytes of its weights."""
        return sum(each.numel() * each.element_size() for each in (*model.parameters(), *model.buffers()))

    def save(self, model: Any, draft: Draft) -> None:
        """Write the module in the format that was asked for, or the first that can be."""
        import torch  # loaded already where there is a module

        if not isinstance(model, torch.nn.Module):
            raise InvalidParameterError(f"A {type(model).__name__} is no torch.nn.Module.")
        target = draft.folder / _FOLDER
        target.mkdir()
        inputs = _inputs(draft) if has_forward(model) else None
        chosen, content, more = self._written(model, inputs, draft)
        (target / FILES[chosen]).write_bytes(content)
        draft.modules.add("torch")
        if chosen == PICKLE:
            (target / _PICKLE_INFO).write_text(_PICKLE_MODULE, encoding="utf-8")
            draft.mark_pickle(f"{_FOLDER}/{FILES[chosen]}")
            draft.modules.update({"cloudpickle", *pickles.names_in(content)})
        draft.add_flavor(self.name, model_data=_FOLDER, pytorch_version=str(torch.__version__), **more)
        if has_forward(model) and (inputs is None or len(inputs) == 1):
            self._add_pyfunc(draft, chosen)

    def _add_pyfunc(self, draft: Draft, chosen: str) -> None:
        config = {"device": None}
        if chosen == STATE_DICT:  # which MLflow's loader does not know
            draft.modules.add("safetensors")
            draft.add_pyfunc("mltrack.pytorch", model_config=config)
        else:
            draft.add_pyfunc(self.loader, data=_FOLDER, pickle_module_name=_PICKLE_MODULE, model_config=config)

    def _written(self, model: Any, inputs: Sequence[Any] | None, draft: Draft) -> tuple[str, bytes, dict[str, Any]]:
        """Give the format, the file's content, and what the MLmodel file says besides."""
        import torch  # loaded already where there is a module

        if self._format == STATE_DICT:
            return STATE_DICT, write_weights(model.state_dict()), {"state_dict": recipe_of(model) or {}}
        if self._format == EXPORTED:
            return EXPORTED, _exported(model, inputs, draft), {}
        if isinstance(model, torch.jit.ScriptModule):
            return PICKLE, _script(model), {}
        if self._format is None and inputs is not None and not _takes_params(draft):
            try:
                return EXPORTED, _exported(model, inputs, draft), {}
            except Exception as error:  # any: it runs the user's code
                _warn(f"It could not be exported ({type(error).__name__}: {str(error)[:200]})")
        if self._format is None and can_write() and (recipe := recipe_of(model)) is not None:
            return STATE_DICT, write_weights(model.state_dict()), {"state_dict": recipe}
        if self._format is None and inputs is None and has_forward(model):
            _warn("There is no input example of arrays to export it by")
        return PICKLE, _pickled(model), {}

    def load(self, folder: ModelFolder) -> Any:
        """Give the module, ready to predict, on the CPU."""
        conf = folder.model.flavors.get(self.name) or {}
        place = str(conf.get("model_data") or folder.pyfunc.get("data") or _FOLDER)
        files = {kind: f"{place}/{name}" for kind, name in FILES.items()}
        if (folder.path / files[STATE_DICT]).exists():
            return self._load_weights(folder, files[STATE_DICT], conf.get("state_dict") or {})
        if not (folder.path / files[PICKLE]).exists():
            return _load_program(folder, files[EXPORTED])
        content = folder.read_trusted(files[PICKLE], "the pickle")
        folder.add_code()
        model = pickles.load_torch(content, name=f"{files[PICKLE]} of {folder.uri!r}")
        if not self.is_model(model):
            raise InvalidParameterError(
                f"{files[PICKLE]} of {folder.uri!r} holds no module but a {type(model).__name__}."
            )
        return model.eval()

    def _load_weights(self, folder: ModelFolder, name: str, recipe: Mapping[str, Any]) -> Any:
        model = self._instance
        if model is None:
            module, _, kind = str(recipe.get("class") or "").rpartition(".")
            if not module:
                raise InvalidParameterError(
                    f"The model {folder.uri!r} is the weights of a module alone; load it into one of its class: "
                    "mltrack.pytorch.load_model(URI, model=MODULE)."
                )
            model = getattr(folder.import_code(module), kind)(**(recipe.get("arguments") or {}))
        return fill(model, read_weights(folder.read(name), name=name), name=f"{folder.uri!r}")

    def load_pyfunc(self, folder: ModelFolder) -> Predictor:
        """Give what predicts, on the device of the ``model_config``; default: the CPU."""
        config = {**(folder.pyfunc.get("model_config") or {}), **(folder.config or {})}
        device = str(config.get("device") or "cpu")
        return PytorchPredictor(self.load(folder).to(device), device=device)

    def wrap(self, model: Any, conf: Mapping[str, Any]) -> Predictor:  # noqa: ARG002 - as every flavor
        """Give what predicts with a module that is in use."""
        return PytorchPredictor(model, training=True)


def _load_program(folder: ModelFolder, name: str) -> Any:
    content = folder.read(name)
    unsafe = why_unsafe(content)
    if unsafe is not None:
        content = folder.read_trusted(name, f"{unsafe} in")
    return load_exported(content)


def has_forward(model: Any) -> bool:
    """Say whether a module says what it makes of an input; some of Lightning's have steps of training alone."""
    forward = getattr(type(model), "forward", None)  # a TorchScript's is found on itself alone
    home = str(getattr(forward, "__module__", "")).partition(".")[0]
    if getattr(forward, "__name__", "") == "_forward_unimplemented":
        return False
    return home not in ("pytorch_lightning", "lightning") or type(model).__module__.startswith(home)


def _is_tensor(thing: Any) -> bool:
    return hasattr(thing, "untyped_storage")


def _is_numbers(thing: Any) -> bool:
    return _is_tensor(thing) or (hasattr(thing, "dtype") and hasattr(thing, "ndim") and not hasattr(thing, "iloc"))


def _inputs(draft: Draft) -> list[Any] | None:
    """Give what the module takes in the input example, as tensors; None where there is no example of that kind."""
    import torch  # loaded already where there is a module

    data, _ = split_params(draft.options.input_example)
    if hasattr(data, "iloc"):  # a frame
        try:
            data = data.to_numpy(dtype="float32")
        except (TypeError, ValueError):
            return None
    given = data if isinstance(data, (list, tuple)) else [data]
    if not given or not all(_is_numbers(each) for each in given):
        return None
    return [each if _is_tensor(each) else torch.tensor(each) for each in given]


def _takes_params(draft: Draft) -> bool:
    """Say whether ``predict`` takes params, which an exported program would not."""
    signature = draft.model.signature
    return bool(draft.params or (signature is not None and signature.params))


def _exported(model: Any, inputs: Sequence[Any] | None, draft: Draft) -> bytes:
    if inputs is None:
        raise InvalidParameterError(
            "An export needs an input_example of what the module takes: an array, a tensor, a frame of numbers, or a "
            "list of arrays or tensors."
        )
    schema = draft.model.signature.inputs if draft.model.signature else None
    shapes = [each.shape for each in schema.inputs] if schema is not None and schema.is_tensor_spec() else []
    if len(shapes) != len(inputs):
        shapes = [(-1, *each.shape[1:]) if each.ndim else () for each in inputs]
    return export(model, inputs, [[place for place, size in enumerate(each) if size == -1] for each in shapes])


def _script(model: Any) -> bytes:
    import torch  # loaded already where there is a module

    buffer = io.BytesIO()
    torch.jit.save(model, buffer)
    return buffer.getvalue()


def _pickled(model: Any) -> bytes:
    import torch  # loaded already where there is a module

    try:
        cloudpickle = import_module("cloudpickle")
    except ImportError:
        raise MissingLibraryError("A model as a pickle needs cloudpickle: `pip install cloudpickle`.") from None
    buffer = io.BytesIO()
    torch.save(model, buffer, pickle_module=cloudpickle)
    return buffer.getvalue()


def _warn(reason: str) -> None:
    warnings.warn(
        f"{reason}, so the module is written as a state dict or a pickle; a pickle runs code when it is loaded.",
        ModelWarning,
        stacklevel=2,
    )


FLAVOR = PytorchFlavor()
