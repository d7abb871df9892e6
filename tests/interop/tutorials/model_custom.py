"""Models of one's own: classes with files and a configuration, functions, type hints, code, loaders, signatures."""

import logging
import os
import warnings

import mlflow
import mlflow.pyfunc
import numpy as np
import pandas as pd
from mlflow.models import convert_input_example_to_serving_input, infer_signature, set_signature
from mlflow.models.signature import ModelSignature
from mlflow.pyfunc import PythonModel, PythonModelContext
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec
from mlflow.types.schema import Array, Object, Property
from pydantic import BaseModel

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)


class AddN(mlflow.pyfunc.PythonModel):
    def __init__(self, n):
        self.n = n

    def predict(self, context, model_input, params=None):  # noqa: ARG002 - MLflow's signature
        return model_input.apply(lambda column: column + self.n)


mlflow.pyfunc.save_model(path="add_n_model", python_model=AddN(n=5), pip_requirements=[])
loaded_model = mlflow.pyfunc.load_model("add_n_model")
print(loaded_model.predict(pd.DataFrame([range(10)])).equals(pd.DataFrame([range(5, 15)])))
print(type(loaded_model.unwrap_python_model()).__name__, loaded_model.unwrap_python_model().n)


class WithContext(PythonModel):
    def load_context(self, context):
        self.words = open(context.artifacts["words"]).read().split()
        self.config = context.model_config

    def predict(self, context: PythonModelContext, model_input: pd.DataFrame, params: dict | None = None):  # noqa: ARG002
        times = (params or {}).get("times", 1)
        return [self.words[i] * times + str(self.config.get("suffix", "")) for i in model_input["i"]]


with open("words.txt", "w") as file:
    file.write("zero one two three")
frame = pd.DataFrame({"i": [1, 2]})
with mlflow.start_run() as run:
    mlflow.log_artifact("words.txt", "in")
    info = mlflow.pyfunc.log_model(
        "words_model",
        python_model=WithContext(),
        artifacts={"words": "words.txt", "again": f"runs:/{run.info.run_id}/in"},
        signature=infer_signature(frame, ["a", "b"], params={"times": 1}),
        model_config={"suffix": "!"},
        input_example=(frame, {"times": 2}),
        pip_requirements=["pandas", "numpy"],
        metadata={"task": "words"},
    )
print(info.signature.params, info.metadata)
model = mlflow.pyfunc.load_model(info.model_uri)
print(model.predict(frame), model.predict(pd.DataFrame({"i": [3]}), params={"times": 3}))
model = mlflow.pyfunc.load_model(info.model_uri, model_config={"suffix": "?"})
print(model.predict([{"i": 1}]), model.model_config)
schema = model.metadata.get_input_schema()
print(model.metadata.metadata, model.metadata.get_params_schema(), schema.to_dict())
print(schema.input_names(), schema.input_types(), schema.is_tensor_spec())
print(open(mlflow.pyfunc.get_model_dependencies(info.model_uri)).read().split()[-2:])
for data, params in ((pd.DataFrame({"j": [1]}), None), (frame, {"times": "x"})):
    try:
        model.predict(data, params=params)
    except mlflow.exceptions.MlflowException as error:
        print("refused:", error.error_code)


def predict(model_input):
    return [value * 2 for value in model_input["a"]]


def hinted(model_input: list[str]) -> list[str]:
    return [text.upper() for text in model_input]


class Message(BaseModel):
    role: str
    content: str


class Chat(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: list[Message], params=None) -> list[str]:  # noqa: ARG002 - MLflow's signature
        return [f"{message.role}:{message.content}" for message in model_input]


with mlflow.start_run():
    example = pd.DataFrame({"a": [1, 2]})
    info = mlflow.pyfunc.log_model(name="function", python_model=predict, input_example=example, pip_requirements=[])
    print(mlflow.pyfunc.load_model(info.model_uri).predict(pd.DataFrame({"a": [2]})), info.signature)
    info = mlflow.pyfunc.log_model(name="hinted", python_model=hinted, input_example=["a"], pip_requirements=[])
    print(mlflow.pyfunc.load_model(info.model_uri).predict(["hello"]), info.signature)
    message = {"role": "user", "content": "hi"}
    info = mlflow.pyfunc.log_model(name="chat", python_model=Chat(), input_example=[message], pip_requirements=[])
    print(mlflow.pyfunc.load_model(info.model_uri).predict([message]), info.signature)
print(Chat().predict([Message(role="a", content="b")]))

with open("my_model.py", "w") as file:
    file.write("""
import mlflow
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

class Plus(PythonModel):
    def predict(self, context, model_input, params=None):
        return [value + 1 for value in model_input["a"]]

set_model(Plus())
""")
with mlflow.start_run() as run:
    mlflow.pyfunc.log_model(name="code", python_model="my_model.py", input_example=example, pip_requirements=[])
print(mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/code").predict(pd.DataFrame({"a": [2]})))

os.makedirs("modules", exist_ok=True)
with open("modules/my_loader.py", "w") as file:
    file.write("""
def _load_pyfunc(path):
    return Words(open(path).read())

class Words:
    def __init__(self, text):
        self.text = text

    def predict(self, data):
        return [self.text] * len(data)
""")
with open("data.txt", "w") as file:
    file.write("D")
mlflow.pyfunc.save_model(
    path="loader",
    loader_module="my_loader",
    data_path="data.txt",
    code_paths=["modules/my_loader.py"],
    pip_requirements=[],
)
print(mlflow.pyfunc.load_model("loader").predict(pd.DataFrame({"a": [1, 2]})))

with mlflow.start_run():
    info = mlflow.pyfunc.log_model(name="unsigned", python_model=AddN(1), pip_requirements=[])
for uri in ("add_n_model", info.model_uri):
    set_signature(uri, infer_signature(pd.DataFrame({"a": [1.0]})))
    print(mlflow.models.get_model_info(uri).signature.inputs)
    print(mlflow.pyfunc.load_model(uri).predict(pd.DataFrame({"a": [1.5]})).values)
schema = Schema([ColSpec("double", "x"), ColSpec(DataType.string, "y", required=False)])
print(schema, schema.to_json(), Schema.from_json(schema.to_json()) == schema)
nested = Schema([ColSpec(Array(Object([Property("a", DataType.long)])), "rows")])
tensors = Schema([TensorSpec(np.dtype("float32"), (-1, 3))])
signature = ModelSignature(inputs=schema, outputs=tensors, params=ParamSchema([ParamSpec("t", "float", 0.5)]))
print(nested, signature, ModelSignature.from_dict(signature.to_dict()) == signature)
for example in (pd.DataFrame({"a": [1, 2]}), {"a": [1, 2]}, np.array([1.5])):
    print(convert_input_example_to_serving_input(example))
