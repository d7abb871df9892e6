"""Classes that stand in for MLflow's own in the pickles it wrote, where MLflow is not installed."""

from __future__ import annotations

from typing import Any

from mltrack.pyfunc.python_model import PythonModel


class FunctionPythonModel(PythonModel):
    """MLflow's ``_FunctionPythonModel``: a function as a PythonModel."""

    func: Any

    def predict(self, model_input: Any, params: Any = None) -> Any:  # type: ignore[override] # noqa: ARG002 - as MLflow's
        """Give what the function gives."""
        return self.func(model_input)


class TypeHints:
    """MLflow's ``_TypeHints``: what a PythonModel of its own notes of its ``predict``; we read the function itself."""

    def __setstate__(self, state: Any) -> None:
        """Take nothing over."""
