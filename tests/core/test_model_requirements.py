"""What a model needs: pins of the distributions that its modules come from."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

import pytest

from mltrack.exceptions import InvalidParameterError
from mltrack.models import requirements
from mltrack.models.requirements import as_requirements, pinned, pip_part, write_environment
from mltrack.plain_yaml import read_yaml

if TYPE_CHECKING:
    from pathlib import Path


def pin(name: str) -> str:
    return f"{name}=={metadata.version(name)}"


@pytest.mark.parametrize(
    ("modules", "found"),
    [
        ([], []),
        (["os", "json.decoder", "__main__", "builtins", "mltrack.pyfunc"], []),
        (["sklearn.linear_model._logistic", "sklearn"], ["scikit-learn"]),
        (["numpy", "pandas.core.frame"], ["numpy", "pandas"]),
        (["yaml"], ["PyYAML"]),
        (["PIL.Image"], ["pillow"]),
        (["dateutil.tz"], ["python-dateutil"]),
        (["no_such_module_at_all"], []),
    ],
)
def test_modules_become_pins(modules: list[str], found: list[str]) -> None:
    assert pinned(modules) == [pin(each) for each in found]


def test_a_local_version_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: "2.13.0+cpu")
    requirements._pins_of.cache_clear()
    assert pinned(["numpy"]) == ["numpy==2.13.0"]
    requirements._pins_of.cache_clear()


def test_a_file_of_requirements_is_read(tmp_path: Path) -> None:
    place = tmp_path / "r.txt"
    place.write_text("# mine\n\nnumpy==2.0  # why\n-r other.txt\n")
    assert as_requirements(place) == as_requirements(str(place)) == ["numpy==2.0", "-r other.txt"]
    assert as_requirements(["a", " b>1 "]) == ["a", "b>1"]


@pytest.mark.parametrize("given", ["no/such/file.txt", ["a\nb"], [""]])
def test_what_is_no_requirement_is_refused(given: Any) -> None:
    with pytest.raises(InvalidParameterError):
        as_requirements(given)


def test_environment_files_are_those_of_mlflow(tmp_path: Path) -> None:
    write_environment(tmp_path, ["numpy==2.0", "pandas"])
    assert (tmp_path / "requirements.txt").read_text() == "numpy==2.0\npandas\n"
    python = read_yaml((tmp_path / "python_env.yaml").read_text(), "python_env")
    assert python["dependencies"] == ["-r requirements.txt"]
    assert python["python"].count(".") == 2
    conda = read_yaml((tmp_path / "conda.yaml").read_text(), "conda")
    assert conda["dependencies"][-1] == {"pip": ["numpy==2.0", "pandas"]}
    assert conda["channels"] == ["conda-forge"]


def test_a_conda_environment_of_the_users_is_kept(tmp_path: Path) -> None:
    given = {"name": "mine", "dependencies": ["python=3.12", {"pip": ["scikit-learn==1.5"]}]}
    write_environment(tmp_path, pip_part(given), conda_env=given)
    assert read_yaml((tmp_path / "conda.yaml").read_text(), "conda") == given
    assert (tmp_path / "requirements.txt").read_text() == "scikit-learn==1.5\n"
    again = tmp_path / "conda.yaml"
    assert pip_part(str(again)) == ["scikit-learn==1.5"]
    with pytest.raises(InvalidParameterError, match="dependencies"):
        pip_part({"name": "x"})
