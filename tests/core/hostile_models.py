"""Model folders made to harm who loads them: each builder writes one, and says what runs when it is trusted."""

from __future__ import annotations

import copy
import importlib
import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

X = np.ones((3, 4), dtype="float32")
LIBRARIES = ("keras", "onnx", "pytorch", "statsmodels")


class Evil:
    """Touches a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


def command(marker: Path) -> str:
    return f"__import__('os').system('touch {marker}')"


def folder_of(place: Path, library: str, conf: dict[str, Any], files: dict[str, bytes], **pyfunc: Any) -> Path:
    """Write a model folder as MLflow has it, which nobody has signed."""
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    flavors = {library: conf, "python_function": {"loader_module": f"mlflow.{library}", **pyfunc}}
    (place / "MLmodel").write_text(json.dumps({"flavors": flavors}))  # which is YAML
    return place


def pytorch(place: Path, name: str, content: bytes, **conf: Any) -> Path:
    return folder_of(place, "pytorch", {"model_data": "data", **conf}, {f"data/{name}": content}, data="data")


def saved(thing: Any) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(thing, buffer)
    return buffer.getvalue()


def program(records: dict[str, bytes | None] | None = None, edit: Any = None) -> bytes:
    """An exported program in which records are other ones (None: left out) and ``edit`` changed the graph."""
    import torch
    from torch.export.pt2_archive import PT2ArchiveReader, PT2ArchiveWriter

    buffer = io.BytesIO()
    shapes = ({0: torch.export.Dim.AUTO},)
    torch.export.save(torch.export.export(torch.nn.Linear(4, 2), (torch.ones(3, 4),), dynamic_shapes=shapes), buffer)
    reader = PT2ArchiveReader(io.BytesIO(buffer.getvalue()))
    found = {name: reader.read_bytes(name) for name in reader.get_file_names()}
    if edit is not None:
        graph = json.loads(found["models/model.json"])
        edit(graph)
        found["models/model.json"] = json.dumps(graph).encode()
    found = {name: value for name, value in {**found, **(records or {})}.items() if value is not None}
    result = io.BytesIO()
    with PT2ArchiveWriter(result) as writer:
        for name, value in found.items():
            if not name.startswith(".data") and name not in ("byteorder", "version"):
                writer.write_bytes(name, value)
    return result.getvalue()


def config(path: str, *, pickled: bool = True) -> bytes:
    """The configuration of an archive's constants with one that lies in ``path``."""
    entry = {"path_name": path, "is_param": False, "use_pickle": pickled, "tensor_meta": None}
    return json.dumps({"config": {"c": entry}}).encode()


CONSTANTS = "data/constants/model_constants_config.json"


def opaque(marker: Path) -> bytes:
    return program({CONSTANTS: config("opaque_obj_0"), "data/constants/opaque_obj_0": pickle.dumps(Evil(marker))})


def pickled_constant(marker: Path) -> bytes:
    return program({CONSTANTS: config("tensor_0"), "data/constants/tensor_0": saved(Evil(marker))})


def samples(marker: Path) -> bytes:
    return program({"data/sample_inputs/model.pt": saved(Evil(marker))})


def old_weights(marker: Path) -> bytes:
    return program({"data/weights/model.pt": saved(Evil(marker))})


def library(marker: Path) -> bytes:
    return program({"data/aotinductor/model/x.so": b"\x7fELF"})


def size_formula(marker: Path) -> bytes:
    def edit(graph: Any) -> None:
        sizes = graph["graph_module"]["graph"]["tensor_values"]["input"]["sizes"]
        sizes[0]["as_expr"]["expr_str"] = command(marker)

    return program(edit=edit)


def guard(marker: Path) -> bytes:
    return program(edit=lambda graph: graph.update(guards_code=[f"{command(marker)} or True"]))


def nodes_of(graph: Any) -> Any:
    return graph["graph_module"]["graph"]["nodes"]


def operator(target: str, argument: dict[str, Any] | None = None) -> Any:
    def edit(graph: Any) -> None:
        node = copy.deepcopy(nodes_of(graph)[0])
        given = [] if argument is None else [{"name": "x", "arg": argument, "kind": 1}]
        nodes_of(graph).insert(0, {**node, "target": target, "inputs": given, "outputs": [], "name": "evil"})

    return edit


def system(marker: Path) -> bytes:
    return program(edit=operator("torch.serialization.os.system", {"as_string": f"touch {marker}"}))


def writes_file(marker: Path) -> bytes:
    return program(edit=operator("torch.ops.aten.save.default", {"as_string": str(marker)}))


def called(marker: Path) -> bytes:
    """A node whose name is code, in the Python that PyTorch makes of the graph."""

    def edit(graph: Any) -> None:
        name = f"linear; {command(marker)}; linear"
        text = json.dumps(graph).replace('"name": "linear"', f'"name": {json.dumps(name)}')
        text = text.replace('"linear": {', f"{json.dumps(name)}: {{")
        graph.update(json.loads(text))

    return program(edit=edit)


def tree(kind: str, context: Any) -> Any:
    def edit(graph: Any) -> None:
        spec = [1, {"type": kind, "context": json.dumps(context), "children_spec": []}]
        graph["graph_module"]["module_call_graph"][0]["signature"]["in_spec"] = json.dumps(spec)

    return edit


def imports(marker: Path) -> bytes:
    given = {"default_factory_module": "antigravity", "default_factory_name": "x", "dict_context": []}
    return program(edit=tree("collections.defaultdict", given))


def enumeration(marker: Path) -> bytes:
    return program(edit=tree("builtins.tuple", {"__enum__": True, "fqn": "antigravity:X", "name": "x"}))


PROGRAMS = {
    each.__name__: each
    for each in (
        *(opaque, pickled_constant, samples, old_weights, library, size_formula, guard, system, writes_file, called),
        *(imports, enumeration),
    )
}


def keras_file(layer: dict[str, Any] | None, more: dict[str, bytes] | None = None) -> bytes:
    """A ``.keras`` file with one more layer, or with other members."""
    import keras

    path = Path("plain.keras")
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(path)
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    if layer is not None:
        document = json.loads(found["config.json"])
        document["config"]["layers"].insert(1, layer)
        found["config.json"] = json.dumps(document).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in {**found, **(more or {})}.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def layer(name: str, module: str | None = "keras.layers", **conf: Any) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": conf, "registered_name": None, "build_config": None}


def linked_h5() -> bytes:
    """Old Keras' weights of which a part lies in a file elsewhere."""
    h5py = importlib.import_module("h5py")
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": []}})
        file["secret"] = h5py.ExternalLink("/etc/hostname", "/")
    return buffer.getvalue()


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.array([Evil(Path("x"))], dtype=object))
    return buffer.getvalue()


FUNCTION = {"module": "keras.utils", "class_name": "function", "config": "get_file", "registered_name": "get_file"}
KERAS = {
    "lambda": lambda: keras_file(
        layer("Lambda", function={"class_name": "__lambda__", "config": {"code": "", "x": 1}})
    ),
    "other module": lambda: keras_file(layer("system", "os")),
    "download": lambda: keras_file(layer("Dense", units=1, activation=FUNCTION)),
    "torch module": lambda: keras_file(layer("TorchModuleWrapper", module="")),
    "vocabulary": lambda: keras_file(layer("StringLookup", vocabulary="/etc/passwd")),
    "npz": lambda: keras_file(None, {"model.weights.npz": npz()}),
    "assets": lambda: keras_file(None, {"assets/../../x": b"x"}),
    "deep": lambda: keras_file(json.loads('{"a":' * 500 + "1" + "}" * 500)),
}


def onnx_model(location: str | None = None) -> bytes:
    import onnx
    from onnx import helper

    weights = onnx.numpy_helper.from_array(np.ones((4, 2), dtype="float32"), "w")
    if location is not None:
        weights.data_location = onnx.TensorProto.EXTERNAL
        weights.ClearField("raw_data")
        weights.external_data.add(key="location", value=location)
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    ends = [helper.make_tensor_value_info(name, 1, [None, size]) for name, size in (("x", 4), ("y", 2))]
    graph = helper.make_graph([node], "graph", ends[:1], ends[1:], [weights])
    content: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    ).SerializeToString()
    return content


def onnx_folder(place: Path, content: bytes, **conf: Any) -> Path:
    return folder_of(place, "onnx", {"data": "model.onnx", **conf}, {"model.onnx": content}, data="model.onnx")


def safetensors(header: bytes, length: int | None = None, data: bytes = b"\0" * 64) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def tensors(*offsets: tuple[int, int]) -> bytes:
    found = {f"t{i}": {"dtype": "F32", "shape": [8], "data_offsets": list(each)} for i, each in enumerate(offsets)}
    return json.dumps(found).encode()


SAFETENSORS = {
    "header 2^63": safetensors(tensors((0, 32)), 1 << 63),
    "header longer than the file": safetensors(tensors((0, 32)), 1 << 20),
    "overlapping": safetensors(tensors((0, 32), (16, 48)), data=b"\0" * 48),
    "beyond the end": safetensors(tensors((0, 32), (32, 1 << 40))),
    "cut": safetensors(tensors((0, 32), (32, 64)))[:-40],
    "negative": safetensors(tensors((0, -32))),
    "no JSON": safetensors(b"{" * 64),
    "nothing": b"",
}
