"""Log and load networks of PyTorch and Keras, and models of ONNX."""

import logging
import os
import sys
import warnings

os.environ["KERAS_BACKEND"] = "torch"
import keras
import mlflow
import mlflow.keras
import mlflow.onnx
import mlflow.pytorch
import numpy as np
import torch
from mlflow.models import infer_signature
from onnx import TensorProto, helper

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
ones = np.ones((2, 4), "float32")
net = torch.nn.Linear(4, 1)
torch.nn.init.constant_(net.weight, 0.5)
torch.nn.init.constant_(net.bias, 0.1)
with mlflow.start_run() as run:
    signature = infer_signature(ones, net(torch.tensor(ones)).detach().numpy())
    info = mlflow.pytorch.log_model(
        net, "model", signature=signature, serialization_format="pickle", pip_requirements=["torch"]
    )
    print(sorted(info.flavors), info.signature)
    print(mlflow.pytorch.load_model(info.model_uri)(torch.tensor(ones)).detach().numpy())
    print(mlflow.pyfunc.load_model(info.model_uri).predict(ones))
    info = mlflow.pytorch.log_model(
        pytorch_model=torch.jit.script(net), name="scripted", serialization_format="pickle", pip_requirements=["torch"]
    )
    loaded = mlflow.pytorch.load_model(f"runs:/{run.info.run_id}/scripted", map_location="cpu")
    print(loaded(torch.tensor(ones)).detach().numpy())
    info = mlflow.pytorch.log_model(net, name="exported", input_example=ones, pip_requirements=["torch"])
    print(mlflow.pyfunc.load_model(info.model_uri).predict(ones), info.signature)
    mlflow.pytorch.log_state_dict(net.state_dict(), artifact_path="weights")
    print(sorted(mlflow.pytorch.load_state_dict(f"runs:/{run.info.run_id}/weights")))

layer = keras.layers.Dense(1, kernel_initializer="ones", bias_initializer="zeros")
network = keras.Sequential([keras.Input((4,)), layer])
network.compile("sgd", "mse")
with mlflow.start_run() as run:
    signature = infer_signature(ones, np.ones((2, 1), "float32"))
    info = mlflow.keras.log_model(network, name="keras", signature=signature, pip_requirements=["keras"])
    print(mlflow.keras.load_model(info.model_uri).predict(ones, verbose=0), sorted(info.flavors))
    said, sys.stdout = sys.stdout, open(os.devnull, "w")  # Keras shows its progress there
    predicted = mlflow.pyfunc.load_model(info.model_uri).predict(ones)
    sys.stdout = said
    print(predicted)

weights = helper.make_tensor("W", TensorProto.FLOAT, [4, 1], [1.0] * 4)
x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])
graph = helper.make_graph([helper.make_node("MatMul", ["x", "W"], ["y"])], "graph", [x], [y], [weights])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
with mlflow.start_run():
    info = mlflow.onnx.log_model(model, "onnx", signature=signature, pip_requirements=["onnx"])
    print(mlflow.pyfunc.load_model(info.model_uri).predict(ones), type(mlflow.onnx.load_model(info.model_uri)).__name__)
    mlflow.onnx.save_model(onnx_model=model, path="onnx_model", pip_requirements=["onnx"])
    print(mlflow.pyfunc.load_model("onnx_model").predict(ones)["y"])
