"""The module ``mlflow`` of a child of ``mltrack run``: mltrack's modules under MLflow's names.

``MLTRACK_STAND_IN=false`` leaves ``import mlflow`` to the mlflow that is installed.
"""

from typing import Any

try:
    import mltrack
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "This Python has no mltrack, which stands in for mlflow in a project's children, as mlflow cannot write an "
        "mltrack store. Install jupyter-mltrack in it, or run the project with --env-manager uv.",
        name="mlflow",
    ) from error

from mltrack.projects.stand_in.finder import VERSION, install, submodule

__version__ = VERSION
install()
__all__ = [*mltrack.__all__]  # noqa: PLE0604 - texts, put together


def __getattr__(name: str) -> Any:
    found = submodule(name)
    return getattr(mltrack, name) if found is None else found


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(mltrack)})
