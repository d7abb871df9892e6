"""What a model needs to be loaded elsewhere: the distributions of the modules it uses, pinned as they are installed.

Nothing is loaded for it: the modules are those that the model's classes come from, and the versions are read from the
distributions' own metadata.
"""

from __future__ import annotations

import platform
import sys
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.plain_yaml import read_yaml, write_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Distributions that are called otherwise than the module they bring, so that the long way of asking all is rare.
_CALLED = {
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "PIL": "pillow",
    "cv2": "opencv-python",
    "skimage": "scikit-image",
}
_OURS = ("mltrack", "mltrack_magics", "mltrack_widgets")
_BUILD = ("pip", "setuptools", "wheel")
CHANNELS = ("conda-forge",)


def pinned(modules: Iterable[str]) -> list[str]:
    """Give ``NAME==VERSION`` of the distributions that bring these modules, sorted.

    Modules of Python itself, of mltrack, of notebooks and scripts have none and are left out; a version's local part,
    as ``+cpu``, goes.
    """
    found: dict[str, str] = {}
    for module in {name.partition(".")[0] for name in modules}:
        if module in sys.stdlib_module_names or module in _OURS or module.startswith("__"):
            continue
        found.update(_pins_of(module))
    return [found[name] for name in sorted(found)]


@cache  # reading metadata takes milliseconds, and what is imported stays what it is
def _pins_of(module: str) -> dict[str, str]:
    names = _distributions(module)
    return {name.lower(): f"{name}=={metadata.version(name).partition('+')[0]}" for name in names}


def _distributions(module: str) -> Sequence[str]:
    for name in (_CALLED.get(module, module),):
        try:
            files = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        return (files.metadata["Name"],)
    return _by_module().get(module, ())


@cache
def _by_module() -> dict[str, Sequence[str]]:
    """Ask every distribution for its modules: a tenth of a second or more, so once."""
    return {module: sorted(set(names)) for module, names in metadata.packages_distributions().items()}


def as_requirements(given: str | Path | Iterable[str]) -> list[str]:
    """Give requirements as lines: of a list as it is, of a path to a ``requirements.txt`` what is in it.

    Raises
    ------
    InvalidParameterError
        When the file is not there or a line could be an option or more than one line.
    """
    if isinstance(given, (str, Path)):
        place = Path(given)
        if not place.is_file():
            raise InvalidParameterError(
                f"There is no requirements file {str(given)[:200]!r}; give a list, or its path."
            )
        lines = [line.partition(" #")[0].strip() for line in place.read_text(encoding="utf-8").splitlines()]
        return [line for line in lines if line and not line.startswith("#")]
    found = [str(each).strip() for each in given]
    for each in found:
        if not each or "\n" in each or "\r" in each:
            raise InvalidParameterError(f"{each[:120]!r} is no requirement; give texts such as 'scikit-learn==1.5.0'.")
    return found


def write_environment(folder: Path, requirements: Sequence[str], *, conda_env: Any = None) -> None:
    """Write ``requirements.txt``, ``python_env.yaml`` and ``conda.yaml`` as MLflow's tools read them.

    ``conda_env`` is a dict or a path to a YAML file that takes the place of our own.
    """
    (folder / "requirements.txt").write_text("".join(f"{each}\n" for each in requirements), encoding="utf-8")
    (folder / "python_env.yaml").write_text(_python_env(), encoding="utf-8")
    text = _conda(tuple(requirements)) if conda_env is None else write_yaml(_given_conda(conda_env))
    (folder / "conda.yaml").write_text(text, encoding="utf-8")


@cache
def _python_env() -> str:
    document = {"python": platform.python_version(), "build_dependencies": [*_pins(_BUILD[:2]), "wheel"]}
    return write_yaml({**document, "dependencies": ["-r requirements.txt"]})


def _pins(names: Iterable[str]) -> list[str]:
    found = []
    for name in names:
        try:
            found.append(f"{name}=={metadata.version(name)}")
        except metadata.PackageNotFoundError:  # as in environments that uv made
            found.append(name)
    return found


@lru_cache(maxsize=64)
def _conda(requirements: tuple[str, ...]) -> str:
    dependencies = [f"python={platform.python_version()}", "pip", {"pip": list(requirements)}]
    return write_yaml({"name": "mlflow-env", "channels": list(CHANNELS), "dependencies": dependencies})


def _given_conda(given: Any) -> dict[str, Any]:
    if isinstance(given, (str, Path)):
        given = read_yaml(Path(given).read_text(encoding="utf-8"), given)
    if not isinstance(given, dict) or not isinstance(given.get("dependencies"), list):
        raise InvalidParameterError(
            "conda_env must be a mapping with a list 'dependencies', or the path of such a YAML file."
        )
    return given


def pip_part(conda_env: Any) -> list[str]:
    """Give the requirements for pip that a conda environment names."""
    dependencies = _given_conda(conda_env)["dependencies"]
    return [str(line) for each in dependencies if isinstance(each, dict) for line in each.get("pip") or ()]
