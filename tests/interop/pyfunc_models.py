"""Models of the user's own, written and used with the real mlflow or with mltrack: ``PYTHON FILE MODULE WHAT FOLDER``.

``write`` logs each model to a folder of its name; ``read`` loads each and says what it predicts.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

FRAME = pd.DataFrame({"a": [1.0, 2.5, -3.0], "b": [10, 20, 30]})
CODE = """
import mlflow


class FromCode(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["a"] + 1000


mlflow.models.set_model(FromCode())
"""


def make_models(tracker: Any, folder: Path) -> dict[str, dict[str, Any]]:
    """Give for each model the arguments of ``save_model``."""

    class Adder(tracker.pyfunc.PythonModel):  # type: ignore[misc]
        def __init__(self, amount: int) -> None:
            self.amount = amount

        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:  # noqa: ARG002 - MLflow's
            return model_input["a"] + self.amount + (params or {}).get("more", 0)

    class WithFile(tracker.pyfunc.PythonModel):  # type: ignore[misc]
        def load_context(self, context: Any) -> None:
            self.factor = float(Path(context.artifacts["factor"]).read_text())
            self.config = context.model_config

        def predict(self, context: Any, model_input: Any) -> Any:  # noqa: ARG002 - MLflow's
            return model_input * self.factor + self.config.get("bias", 0)

    class WithoutContext(tracker.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, model_input: Any, params: Any = None) -> Any:  # noqa: ARG002 - MLflow's
            return [len(str(row)) for row in model_input["b"]]

    def function(model_input: Any) -> Any:
        return model_input.sum(axis=1)

    (folder / "factor.txt").write_text("2.5")
    code = folder / "from_code.py"
    code.write_text(CODE)
    signature = tracker.models.infer_signature(FRAME, FRAME["a"], params={"more": 1})
    return {
        "adder": {"python_model": Adder(5), "signature": signature, "input_example": (FRAME, {"more": 2})},
        "with file": {
            "python_model": WithFile(),
            "artifacts": {"factor": str(folder / "factor.txt")},
            "model_config": {"bias": 3},
            "input_example": FRAME,
        },
        "without context": {"python_model": WithoutContext(), "input_example": FRAME},
        "function": {"python_model": function, "input_example": FRAME},
        "from code": {"python_model": str(code), "input_example": FRAME},
    }


def write(tracker: Any, folder: Path) -> None:
    for name, given in make_models(tracker, folder).items():
        tracker.pyfunc.save_model(folder / name, pip_requirements=[], **given)


def read(tracker: Any, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in sorted(path.parent for path in folder.glob("*/MLmodel")):
        model = tracker.pyfunc.load_model(str(each))
        example = model.metadata.load_input_example(str(each))
        found[each.name] = {
            "predictions": pd.DataFrame(model.predict(FRAME)).to_numpy().tolist(),
            "example": pd.DataFrame(example).to_numpy().tolist(),
            "signature": model.metadata.signature.to_dict(),
        }
    return found


if __name__ == "__main__":
    module, what, place = sys.argv[1:]
    tracking = importlib.import_module(module)
    if what == "write":
        write(tracking, Path(place))
    else:
        print("RESULTS " + json.dumps(read(tracking, Path(place))))
