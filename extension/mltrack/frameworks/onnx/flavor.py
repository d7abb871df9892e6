"""How ONNX models are written, checked and loaded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError, MltrackError
from mltrack.frameworks.onnx.sessions import CPU, PROVIDERS, OnnxPredictor, read_providers, start_session
from mltrack.models.flavor import Draft, Flavor, Predictor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mltrack.models.folder import ModelFolder

_FILE, _DATA_FILE = "model.onnx", "model.onnx.data"
_OPTIONS = frozenset({
    *("graph_optimization_level", "intra_op_num_threads", "inter_op_num_threads", "execution_mode"),
    "extra_session_config",
})  # fmt: skip
_EXTERNAL = 1  # onnx.TensorProto.EXTERNAL


class OnnxFlavor(Flavor):
    """ONNX's way.

    Parameters
    ----------
    providers
        Of ONNX Runtime, by preference; those that are not there are passed over.
    session_options
        As ``mlflow.onnx`` takes them: ``intra_op_num_threads``, ``execution_mode`` and so on.
    external
        Whether large tensors go into a file beside the model; a model over 2 GB must have it so.
    """

    name = "onnx"
    loader = "mlflow.onnx"

    def __init__(
        self,
        *,
        providers: Sequence[Any] | None = None,
        session_options: Mapping[str, Any] | None = None,
        external: bool = True,
    ) -> None:
        unknown = sorted(set(session_options or ()) - _OPTIONS)
        if unknown:
            raise InvalidParameterError(
                f"onnx_session_options has no {unknown[0]!r}; it has {', '.join(sorted(_OPTIONS))}."
            )
        self._providers = list(providers or PROVIDERS)
        self._options = dict(session_options) if session_options else None
        self._external = external

    def is_model(self, thing: Any) -> bool:
        """Say whether it is a ModelProto."""
        return isinstance(thing, getattr(sys.modules.get("onnx"), "ModelProto", ()))

    def size(self, model: Any) -> int:
        """Give the bytes of the model."""
        return int(model.ByteSize())

    def save(self, model: Any, draft: Draft) -> None:
        """Write the model, checked first, and large tensors beside it."""
        import onnx  # loaded already where there is a model

        if not self.is_model(model):
            raise InvalidParameterError(f"A {type(model).__name__} is no onnx.ModelProto.")
        path = str(draft.folder / _FILE)
        if self._external:
            copied = onnx.ModelProto()  # what is written beside is taken out of the model
            copied.CopyFrom(model)
            onnx.save_model(copied, path, save_as_external_data=True, location=_DATA_FILE)
        else:
            onnx.save_model(model, path)
        _check(path)
        draft.modules.update({"onnx", "onnxruntime"})
        draft.add_pyfunc(self.loader, data=_FILE)
        conf = {"providers": self._providers, "onnx_session_options": self._options}
        draft.add_flavor(self.name, onnx_version=onnx.__version__, data=_FILE, **conf)

    def load(self, folder: ModelFolder) -> Any:
        """Give the ModelProto, with the tensors that lie beside it."""
        import onnx  # optional

        path, _, outside = _opened(folder)
        _check(str(path))
        if not outside:
            return onnx.load_model_from_string(folder.read(_name(folder)))
        return onnx.load(str(path))

    def load_pyfunc(self, folder: ModelFolder) -> Predictor:
        """Start a session of ONNX Runtime."""
        path, content, outside = _opened(folder)
        conf = folder.model.flavors.get(self.name) or {}
        options = conf.get("onnx_session_options") or {}
        providers = read_providers(conf.get("providers"))
        if options.get("extra_session_config") or any(isinstance(each, tuple) and each[1:] for each in providers):
            folder.require_trust("options of ONNX Runtime that may name files and libraries")
        return OnnxPredictor(start_session(str(path) if outside else content, options, providers))

    def wrap(self, model: Any, conf: Mapping[str, Any]) -> Predictor:  # noqa: ARG002 - as every flavor
        """Start a session on the CPU."""
        return OnnxPredictor(start_session(model.SerializeToString(), self._options or {}, [CPU]))


def _name(folder: ModelFolder) -> str:
    conf = folder.model.flavors.get("onnx") or folder.pyfunc
    return str(conf.get("data") or folder.pyfunc.get("data") or _FILE)


def _opened(folder: ModelFolder) -> tuple[Path, bytes, list[str]]:
    """Read a model and see that what it has outside of its file lies in the model folder: place, content, files."""
    import onnx  # optional

    name = _name(folder)
    content = folder.read(name)
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf has an error of its own
        raise InvalidParameterError(f"{name} of {folder.uri!r} is no ONNX model: {str(error)[:200]}.") from error
    beside = name.rpartition("/")[0]
    outside = sorted(set(_locations(model)))
    for each in outside:
        try:
            folder.read(f"{beside}/{each}" if beside else each)
        except MltrackError as error:
            raise InvalidParameterError(
                f"The ONNX model {folder.uri!r} takes tensors from {each[:200]!r}, which is no file of its folder or "
                f"has changed: {error.message[:200]}"
            ) from error
    return folder.place(name), content, outside


def _locations(message: Any) -> Iterator[str]:
    """Give the files that the tensors of a model, of its subgraphs and of its functions lie in."""
    if message.DESCRIPTOR.name == "TensorProto":
        if message.data_location == _EXTERNAL or message.external_data:
            yield next((each.value for each in message.external_data if each.key == "location"), "")
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in value if _is_repeated(field) else (value,):
                yield from _locations(each)


def _is_repeated(field: Any) -> bool:
    known = getattr(field, "is_repeated", None)  # since protobuf 6.31, which warns of the other
    return bool(known) if known is not None else field.label == field.LABEL_REPEATED


def _check(path: str) -> None:
    import onnx  # optional

    try:
        onnx.checker.check_model(path)
    except Exception as error:  # the checker's own, and others for files that are cut
        raise InvalidParameterError(f"The ONNX model does not pass onnx.checker: {str(error)[:300]}") from error


FLAVOR = OnnxFlavor()
