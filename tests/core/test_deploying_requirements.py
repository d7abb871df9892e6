"""What a model folder may name as its requirements, and which names users may give: nothing that an installer obeys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.core.deployed_models import save_function

from mltrack.deploying.conda import conda_packages
from mltrack.deploying.names import check_deployment, check_image
from mltrack.deploying.requirement_lines import parse_requirements, python_of, requirements_of
from mltrack.exceptions import InvalidParameterError
from mltrack.models.folder import ModelFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("scikit-learn==1.5.0", ["scikit-learn==1.5.0"]),
        ("  numpy >=1.26, <3  # why", ["numpy<3,>=1.26"]),
        ("uvicorn[standard]>=0.30 ; python_version > '3.8'", ['uvicorn[standard]>=0.30; python_version > "3.8"']),
        ("# only a comment", []),
        ("", []),
    ],
)
def test_requirements_are_parsed_and_written_anew(line: str, written: list[str]) -> None:
    assert [str(each) for each in parse_requirements([line], name="it")] == written


@pytest.mark.parametrize(
    "line",
    [
        *("--index-url http://evil.example", "-i http://evil.example", "--extra-index-url=x", "-r other.txt", "-e ."),
        *("-c constraints.txt", "--find-links .", "numpy @ file:///tmp/evil", "evil @ https://evil.example/x.whl"),
        *("./evil", "/tmp/evil.whl", "../x", "git+https://evil.example/x", "numpy; touch marker", "numpy && touch m"),
        *("$(touch m)", "`touch m`", "numpy==1.0 --hash=sha256:00", "numpy==1.0 \\", "a b", "${HOME}", "numpy\u202e"),
    ],
)
def test_a_line_that_is_no_requirement_is_refused(line: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="is no name with versions"):
        parse_requirements([line], name="it")
    folder = save_function(tmp_path / "model")
    (folder / "requirements.txt").write_text(f"numpy\n{line}\n")
    with pytest.raises(InvalidParameterError, match="the model"):
        requirements_of(ModelFolder(folder))


def test_a_conda_file_speaks_where_there_is_no_other(tmp_path: Path) -> None:
    folder = save_function(tmp_path / "model", requirements=["six==1.16.0"])
    assert [str(each) for each in requirements_of(ModelFolder(folder))] == ["six==1.16.0"]
    (folder / "requirements.txt").unlink()
    assert [str(each) for each in requirements_of(ModelFolder(folder))] == ["six==1.16.0"]
    (folder / "conda.yaml").unlink()
    assert requirements_of(ModelFolder(folder)) == []


def test_pythons_version_is_read_where_it_is_one(tmp_path: Path) -> None:
    folder = ModelFolder(save_function(tmp_path / "model"))
    assert python_of(folder) is not None
    for version, expected in (("3.12.4", (3, 12)), ("3.11", (3, 11)), ("3.12; touch m", None), ("--help", None)):
        folder.model.flavors["python_function"]["python_version"] = version
        (folder.path / "python_env.yaml").unlink(missing_ok=True)
        assert python_of(folder) == expected


def packages(folder: Path, document: str) -> list[str]:
    (folder / "conda.yaml").write_text(document)
    return conda_packages(ModelFolder(folder)).arguments()


def test_condas_packages_become_arguments(tmp_path: Path) -> None:
    folder = save_function(tmp_path / "model")
    document = (
        "channels: [conda-forge, defaults]\ndependencies: [python=3.11.4, libgomp =13, 'numpy>=1,<3', pip, pip: [six]]"
    )
    assert packages(folder, document) == [
        *("--override-channels", "--channel", "conda-forge", "--channel", "defaults", "libgomp=13", "numpy>=1,<3")
    ]
    (folder / "conda.yaml").unlink()
    assert conda_packages(ModelFolder(folder)).arguments() == ["--override-channels", "--channel", "conda-forge"]


@pytest.mark.parametrize(
    "document",
    [
        "channels: ['http://evil.example/channel']\ndependencies: []",
        "channels: ['--prefix']\ndependencies: []",
        "channels: [/tmp/x]\ndependencies: []",
        "dependencies: ['--file']",
        "dependencies: ['-n']",
        "dependencies: ['evil::numpy']",
        "dependencies: ['/tmp/x.conda']",
        "dependencies: ['a; touch m']",
        "dependencies: ['a $(touch m)']",
        "[]",
    ],
)
def test_what_conda_would_obey_is_refused(document: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError):
        packages(save_function(tmp_path / "model"), document)


HOSTILE = [
    *("", "-t", "--tag", "a;b", "a b", "$(id)", "`id`", "a\nb", "../a", "a/../b", "A", "a" * 300, "{{7*7}}", "ä"),
    *("a:", ":a", "a//b", "/a", "a/", "-a", "a@b", "a\x1bb"),
]


@pytest.mark.parametrize("name", ["cancer", "cancer:1", "team/cancer:v1.2_x", "registry.example.com:5000/a/b-c:latest"])
def test_images_have_names(name: str) -> None:
    assert check_image(name) == name


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("check", [check_image, check_deployment])
def test_names_that_an_engine_would_read_otherwise_are_refused(check: Any, name: str) -> None:
    with pytest.raises(InvalidParameterError):
        check(name)


@pytest.mark.parametrize("name", ["a", "cancer", "cancer-2", "a" * 40])
def test_deployments_have_names(name: str) -> None:
    assert check_deployment(name) == name


@pytest.mark.parametrize("name", ["1a", "a.b", "a_b", "a:1", "a/b", "a-", "a" * 41])
def test_deployments_have_plainer_names_than_images(name: str) -> None:
    with pytest.raises(InvalidParameterError):
        check_deployment(name)
