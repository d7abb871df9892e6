"""What a project's files ask for, and the environments made of it: requirements are names, all else is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.core.deployed_models import need
from tests.core.git_projects import write

import mltrack
from mltrack.deploying import environment_folders
from mltrack.deploying.own_wheel import kept_wheel, make_wheel
from mltrack.exceptions import ExecutionError, InvalidParameterError, MissingLibraryError, StateError
from mltrack.projects import environments
from mltrack.projects.conda_files import pep440
from mltrack.projects.conda_names import CONDA_ONLY, TWINS, twin_of
from mltrack.projects.entities import Project
from mltrack.projects.environment_files import Wanted, read_wanted
from mltrack.projects.environments import prepare_environment
from mltrack.projects.project_file import read_project_file

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
MAIN = "entry_points:\n  main:\n    command: python main.py\n"


def wanted(folder: Path, **files: str) -> Wanted:
    write(folder, {name.replace("_yaml", ".yaml").replace("_txt", ".txt"): text for name, text in files.items()})
    return read_wanted(Project(str(folder), folder), read_project_file(folder))


def lines(folder: Path, text: str) -> tuple[str, ...]:
    return wanted(folder, requirements_txt=text).lines


def test_each_kind_of_file_is_read(tmp_path: Path) -> None:
    python_env = (
        'python: "3.12.4"\nbuild_dependencies: [pip, wheel==0.40]\ndependencies: [six==1.16.0, -r requirements.txt]\n'
    )
    found = wanted(tmp_path / "a", python_env_yaml=python_env, requirements_txt="numpy>=1  # why\n")
    assert found == Wanted((3, 12), ("pip", "wheel==0.40", "six==1.16.0", "numpy>=1"))
    conda = "dependencies: [python=3.9, numpy=1.2, libgcc, pip, pip: [six]]\n"
    found = wanted(tmp_path / "b", conda_yaml=conda, requirements_txt="ignored\n")
    assert (found.python, found.lines) == ((3, 9), ("six", "numpy==1.2.*", "pip"))
    assert found.left_out == ("libgcc: conda has it, and PyPI has not",)
    assert wanted(tmp_path / "c", requirements_txt="six\n").lines == ("six",)
    assert wanted(tmp_path / "d", MLproject=MAIN) == Wanted()
    named = MAIN + "python_env: env/mine.yaml\n"
    write(tmp_path / "e" / "env", {"mine.yaml": "dependencies: [-r reqs.txt]\n", "reqs.txt": "six\n"})
    assert wanted(tmp_path / "e", MLproject=named, requirements_txt="ignored\n").lines == ("six",)


@pytest.mark.parametrize(
    ("said", "found"), [('"3.8.13"', (3, 8)), ("3.11", (3, 11)), ('"3.12"', (3, 12)), ('"3"', None), ("", None)]
)
def test_pythons_version_is_read(said: str, found: Any, tmp_path: Path) -> None:
    assert wanted(tmp_path, python_env_yaml=f"python: {said}\ndependencies: []\n").python == found


@pytest.mark.parametrize(
    ("versions", "found"),
    [
        ("=3.8.13", (3, 8)),
        (f"={HERE}", None),
        (">=3.9", None),
        (">=3.6,<3.9", (3, 6)),
        ("", None),
        (" 3.10.*", (3, 10)),
    ],
)
def test_condas_python_is_read(versions: str, found: Any, tmp_path: Path) -> None:
    assert wanted(tmp_path, conda_yaml=f"dependencies: ['python{versions}']\n").python == found


def test_files_of_requirements_name_others_inside(tmp_path: Path) -> None:
    files = {
        "more/base.txt": "numpy\n--requirement=deep.txt\n-r ../requirements.txt\n",
        "more/deep.txt": "six \\\n  >=1.0\n-c limits.txt\n",
        "more/limits.txt": "six<2\n-r others.txt\n",
        "more/others.txt": "scipy<3\n",
    }
    write(tmp_path, files)
    found = wanted(tmp_path, requirements_txt="-rmore/base.txt\npandas\n-c more/limits.txt\n")
    assert found.lines == ("numpy", "six>=1.0", "pandas")
    assert found.constraints == ("six<2", "scipy<3")


def test_digests_of_requirements_stay(tmp_path: Path) -> None:
    digest = f"sha256:{'ab' * 32}"
    assert lines(tmp_path, f"six==1.16.0 \\\n    --hash={digest}\n") == (f"six==1.16.0 --hash={digest}",)


REFUSED = [
    *("--index-url http://evil.example", "-i http://evil.example", "--extra-index-url=x", "-e .", "--editable ."),
    *(
        "--find-links .",
        "-f x",
        "numpy @ file:///tmp/evil",
        "evil @ https://evil.example/x.whl",
        "./evil",
        "/tmp/x.whl",
    ),
    *("git+https://evil.example/x", "numpy; touch marker", "numpy && touch m", "$(touch m)", "`touch m`", "a b", "."),
    *("numpy==1.0 --install-option=x", "numpy --hash=md5:00", "${HOME}", "numpy\u202e", "--pre", "-x", "numpy\x00"),
    *("--trusted-host evil.example", "--no-binary :all:", "numpy==1.0 --global-option=x", "evil@./x", "-r", "-rr x"),
]


@pytest.mark.parametrize("form", ["requirements", "python_env", "build", "pip", "included", "constraints"])
def test_a_line_that_is_no_requirement_is_refused(form: str, tmp_path: Path) -> None:
    for number, line in enumerate(REFUSED):
        folder = write(tmp_path / str(number), with_line(form, line))
        with pytest.raises(InvalidParameterError, match=r"is no name with versions|names the file"):
            print(form, line, wanted(folder))


def with_line(form: str, line: str) -> dict[str, str]:
    quoted = json.dumps(line)
    return {
        "requirements": {"requirements.txt": f"numpy\n{line}\n"},
        "python_env": {"python_env.yaml": f"dependencies: [{quoted}]\n"},
        "build": {"python_env.yaml": f"build_dependencies: [{quoted}]\n"},
        "pip": {"conda.yaml": f"dependencies: [{{pip: [{quoted}]}}]\n"},
        "included": {"python_env.yaml": "dependencies: [-r r.txt]\n", "r.txt": f"{line}\n"},
        "constraints": {"requirements.txt": "-c r.txt\n", "r.txt": f"{line}\n"},
    }[form]


OUTSIDE = ["../outside.txt", "/etc/hostname", "link.txt", "nowhere.txt", "sub/../../outside.txt", "a\x00b"]


@pytest.mark.parametrize("path", OUTSIDE, ids=map(ascii, OUTSIDE))
def test_a_file_outside_the_project_is_not_read(path: str, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("six\n")
    folder = write(tmp_path / "p", {"sub/x": "", "requirements.txt": f"-r {path}\n"})
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    with pytest.raises(InvalidParameterError, match="is no text file inside the project"):
        wanted(folder)


def test_the_environment_file_itself_is_inside(tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text("dependencies: [six]\n")
    with pytest.raises(InvalidParameterError, match="inside the project"):
        wanted(tmp_path / "p", MLproject=f"{MAIN}python_env: ../outside.yaml\n")


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "dependencies: six", "dependencies: [1]", "build_dependencies: {a: b}", "python: '3.11; touch m'"),
        *("dependencies: [!!python/object/apply:os.system ['touch m']]", "python: --help", "a: &a [*a]"),
    ],
)
def test_a_file_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError):
        wanted(tmp_path, python_env_yaml=text)


def test_mlflows_place_is_taken_by_this_mltrack(tmp_path: Path) -> None:
    found = wanted(tmp_path / "a", requirements_txt="mlflow>=2.0\nMLflow[extras]==1.0\nscikit-learn==1.5.0\nmlflow_x\n")
    assert [line for line in found.lines if "mlflow" in line.lower()] == []
    assert {"scikit-learn==1.5.0", "numpy", "pandas", "requests", "cloudpickle"} <= {*found.lines}
    assert "scikit-learn" not in found.lines
    assert len(found.left_out) == 3
    assert all(each.endswith(": this mltrack takes its place") for each in found.left_out)
    found = wanted(tmp_path / "b", requirements_txt="mlflow-skinny\nsix\n")
    assert found.lines == ("six", "cloudpickle", "requests")


@pytest.mark.parametrize(
    ("versions", "found"),
    [
        *(("", ""), ("*", ""), ("=1.2", "==1.2.*"), (" 1.2", "==1.2.*"), ("==1.2", "==1.2"), ("==1.2.*", "==1.2.*")),
        *(
            (">=1.2,<2", ">=1.2,<2"),
            (">=1.2.*", ">=1.2"),
            ("!=1.5", "!=1.5"),
            ("~=1.2", "~=1.2"),
            ("=1.2.*", "==1.2.*"),
        ),
        *(("=1.2.3=py39_0", "==1.2.3"), (" 1.2.3 py39h1_0", "==1.2.3"), ("=1.2=*", "==1.2.*"), ("=2.0rc1", "==2.0rc1")),
        *((" =1.2", "==1.2.*"), (" >= 1.2 , < 2", ">=1.2,<2"), ("=1!2.0", "==1!2.0.*")),
    ],
)
def test_condas_versions_are_written_as_pypis(versions: str, found: str) -> None:
    assert pep440(versions.strip())[0] == found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        *(("pytorch", "torch"), ("py-xgboost", "xgboost"), ("pillow", "pillow"), ("opencv", "opencv-python")),
        *(("msgpack-python", "msgpack"), ("scikit-learn", "scikit-learn"), ("matplotlib-base", "matplotlib")),
        *(("ruamel_yaml", "ruamel.yaml"), ("librosa", "librosa"), ("typing_extensions", "typing_extensions")),
        *(("pytables", "tables"), ("PyYAML", "pyyaml"), ("dask-core", "dask"), ("python-graphviz", "graphviz")),
        *(
            (name, None)
            for name in ("cudatoolkit", "mkl", "libgcc", "libgcc-ng", "r-base", "r-dplyr", "openjdk", "gcc")
        ),
        *(
            (name, None)
            for name in ("_libgcc_mutex", "compilers", "gcc_linux-64", "graphviz", "zlib", "ld_impl_linux-64")
        ),
    ],
)
def test_condas_names_have_twins(name: str, found: str | None) -> None:
    assert twin_of(name) == found


def test_a_build_tells_what_is_not_pythons() -> None:
    assert twin_of("something", "py39h06a4308_0") == "something"
    assert twin_of("something", "pyhd3eb1b0_0") == "something"
    assert twin_of("something", "h06a4308_0") is None
    assert twin_of("something", "0") == "something"


def test_the_tables_of_names_are_normalised() -> None:
    names = [*TWINS, *CONDA_ONLY]
    assert [name for name in names if name != name.lower().replace("_", "-").replace(".", "-")] == []
    assert TWINS.keys().isdisjoint(CONDA_ONLY)


def test_versions_that_cannot_be_written_are_said(tmp_path: Path) -> None:
    found = wanted(tmp_path, conda_yaml="dependencies: ['six=1.15|1.16']\n")
    assert found.lines == ("six",)
    assert found.left_out == ("six=1.15|1.16: its versions are not understood; six is taken as it comes",)


@pytest.mark.parametrize(
    "dependency",
    ["'--file'", "'/tmp/x.conda'", "'a; touch m'", "'a $(touch m)'", "[six]", "{npm: [x]}", "'a[x=1]'", "5"],
)
def test_what_conda_would_obey_is_refused(dependency: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError):
        wanted(tmp_path, conda_yaml=f"dependencies: [{dependency}]\n")


def prepared(folder: Path, manager: str | None = None) -> Any:
    return prepare_environment(Project(str(folder), folder), read_project_file(folder), manager)


def found_in(variables: Any, program: str) -> Path:
    return Path(str(shutil.which(program, path=variables["PATH"])))


def test_without_a_file_or_by_wish_it_is_this_one(tmp_path: Path) -> None:
    write(tmp_path / "a", {"MLproject": MAIN})
    write(tmp_path / "b", {"MLproject": MAIN, "python_env.yaml": "dependencies: [--evil]\n"})
    for made in (prepared(tmp_path / "a"), prepared(tmp_path / "b", "local")):
        assert (made.manager, made.python, made.left_out) == ("local", Path(sys.executable), ())
        code = "import sys; print(sys.prefix)"
        command = ["python", "-c", code]
        said = subprocess.run(
            command, env={**os.environ, **made.variables}, capture_output=True, text=True, check=True
        ).stdout
        assert said.strip() == sys.prefix
        assert found_in(made.variables, "python").parent == Path(sys.executable).parent


def test_python_is_found_where_there_is_python3_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = tmp_path / "bin" / "python3"
    alone.parent.mkdir()
    alone.symlink_to(Path(sys.executable).resolve())
    monkeypatch.setattr(sys, "executable", str(alone))
    variables = prepared(write(tmp_path / "p", {"MLproject": MAIN}), "local").variables
    assert found_in(variables, "python").resolve() == alone.resolve()
    assert (
        found_in(prepared(tmp_path / "p", "local").variables, "python").parent == found_in(variables, "python").parent
    )


def test_managers_have_names_and_need_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"python_env.yaml": "dependencies: [six]\n"})
    with pytest.raises(InvalidParameterError, match="must be one of local"):
        prepared(tmp_path, "pipenv")
    with pytest.raises(ExecutionError, match="cannot be executed using conda"):
        prepared(tmp_path, "conda")
    write(tmp_path / "c", {"conda.yaml": "dependencies: [six]\n"})
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingLibraryError, match="program conda is needed"):
        prepared(tmp_path / "c", "conda")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(MissingLibraryError, match="pip install uv"):
        prepared(tmp_path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """What environments would be made of, without making them."""
    found: list[Any] = []

    def make(needs: Any) -> Path:
        found.append(needs)
        return tmp_path / "made" / "bin" / "python"

    monkeypatch.setattr(environments, "make_environment", make)
    return found


@pytest.mark.parametrize("manager", ["uv", "virtualenv", None])
def test_an_environment_has_what_was_asked_for_and_this_mltrack(
    manager: str | None, tmp_path: Path, asked: list[Any]
) -> None:
    write(tmp_path, {"python_env.yaml": 'python: "3.8"\ndependencies: [six, mlflow]\n'})
    made = prepared(tmp_path, manager)
    needs = asked[0]
    assert (needs.manager, needs.python, needs.conda) == ("uv", "3.11", None)
    assert {"six", "pip"} <= {*needs.lines}
    assert any(line.startswith("pandas") for line in needs.lines)
    assert not any(line.startswith(("papermill", "mlflow", "ipykernel")) for line in needs.lines)
    assert made.manager == (manager or "uv")
    assert made.variables["VIRTUAL_ENV"] == str(tmp_path / "made")
    assert made.variables["PATH"].split(os.pathsep)[0] == str(tmp_path / "made" / "bin")
    assert made.left_out == (
        "mlflow: this mltrack takes its place",
        "python 3.8: 3.11 is used, as the nearest there is that mltrack runs in",
    )


@pytest.mark.parametrize("where", ["a notebook", "a command"])
def test_a_project_with_notebooks_has_what_runs_them(where: str, tmp_path: Path, asked: list[Any]) -> None:
    command = MAIN.replace("python main.py", "papermill deep/a.ipynb out.ipynb") if where == "a command" else MAIN
    write(tmp_path, {"MLproject": command, "requirements.txt": "six\n"})
    if where == "a notebook":
        (tmp_path / "a.ipynb").touch()
    prepared(tmp_path)
    assert {"papermill", "ipykernel", "nbformat", "anywidget"} <= {line.split(">")[0] for line in asked[0].lines}
    assert not any(line.startswith("jupyterlab") for line in asked[0].lines)


def test_conda_is_asked_for_condas_packages(tmp_path: Path, asked: list[Any]) -> None:
    text = (
        "channels: [conda-forge]\ndependencies: [python=3.11, numpy=1.2=py311h1_0, cudatoolkit, pip: [six, mlflow]]\n"
    )
    write(tmp_path, {"conda.yaml": text})
    made = prepared(tmp_path, "conda")
    needs = asked[0]
    assert (needs.manager, needs.python) == ("conda", "3.11")
    assert needs.conda.packages == ("numpy=1.2=py311h1_0", "cudatoolkit")
    assert "six" in needs.lines
    assert not any(line.startswith(("numpy=", "cudatoolkit")) for line in needs.lines)
    assert made.manager == "conda"
    assert made.variables["CONDA_PREFIX"] == str(tmp_path / "made")
    assert made.left_out == ("mlflow: this mltrack takes its place",)


def test_a_wheel_is_kept_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = write(tmp_path / "mltrack", {"__init__.py": "1", "sub/x.py": "2", "__pycache__/x.pyc": "3"})
    monkeypatch.setattr("mltrack.deploying.own_wheel._roots", lambda: iter([("mltrack", package)]))
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    first = kept_wheel(wheels)
    assert first.read_bytes() == Path(make_wheel(tmp_path)).read_bytes()
    monkeypatch.setattr("mltrack.deploying.own_wheel.make_wheel", lambda _: pytest.fail("made again"))
    assert kept_wheel(wheels) == first
    (package / "__pycache__" / "x.pyc").write_text("4")
    assert kept_wheel(wheels) == first
    monkeypatch.undo()
    monkeypatch.setattr("mltrack.deploying.own_wheel._roots", lambda: iter([("mltrack", package)]))
    (package / "sub" / "x.py").write_text("3")
    os.utime(package / "sub" / "x.py", (1, 1))
    second = kept_wheel(wheels)
    assert second != first
    assert {each.name for each in wheels.iterdir()} == {first.parent.name, second.parent.name}


@pytest.mark.slow
def test_a_real_environment_runs_the_projects_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("uv", "pip install uv")
    wheel = make_wheel(tmp_path)  # the source may be worked on meanwhile
    monkeypatch.setattr(environment_folders, "kept_wheel", lambda _: wheel)
    files = {"requirements.txt": "six\n-c limits.txt\n", "limits.txt": "six==1.16.0\n"}
    folder = write(
        tmp_path / "p", {"python_env.yaml": 'python: "3.8.13"\ndependencies: [-r requirements.txt]\n', **files}
    )
    made = prepared(folder)
    code = "import six, sys, mltrack; print(six.__version__, mltrack.__version__, sys.prefix)"
    said = subprocess.run(
        ["python", "-c", code], env={**os.environ, **made.variables}, capture_output=True, text=True, check=True
    ).stdout.split()
    assert said == ["1.16.0", mltrack.__version__, made.variables["VIRTUAL_ENV"]]
    assert found_in(made.variables, "pip").parent == made.python.parent
    assert made.left_out[0].startswith("python 3.8: 3.")
    monkeypatch.setattr(environment_folders, "_build", None)
    assert prepared(folder, "virtualenv").python == made.python  # nothing is made twice


@pytest.mark.slow
def test_what_cannot_be_installed_is_said(tmp_path: Path) -> None:
    need("uv", "pip install uv")
    write(tmp_path, {"requirements.txt": "numpy==0.0.1.dev99\n"})
    with pytest.raises(StateError, match=r"^Installing what the project needs failed(?s:.*)numpy"):
        prepared(tmp_path)
