"""The README is true: it names everything there is, and what it shows runs."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

import mltrack
import mltrack_magics
import mltrack_widgets
from mltrack import cli, config
from mltrack.cli.groups import EXIT_CODES, CommandGroup
from mltrack_magics.options import TRACK_RUN, VERBS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"```sh\n(.+?)\n```", README)
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SHELL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for block in sys.stdin.read().split("\\0"):
    shell.run_cell(block, store_history=True).raise_error()
"""


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_and_its_options_are_named(verb: str) -> None:
    assert f"`%mltrack {verb}" in README
    for spelling in VERBS[verb].spellings:
        assert f"`{spelling}" in README, spelling


@pytest.mark.parametrize("option", TRACK_RUN.spellings)
def test_every_option_of_a_tracked_cell_is_named(option: str) -> None:
    assert f"`{option}" in README


@pytest.mark.parametrize("variable", config.VARIABLES, ids=lambda variable: variable.name)
def test_every_environment_variable_is_named(variable: config.Variable) -> None:
    assert f"`{variable.name}`" in README


def commands(group: click.Group, path: str) -> dict[str, click.Command]:
    """Every command that does something, by what one types."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands(command, f"{path} {name}")
        else:
            found[f"{path} {name}"] = command
    if isinstance(group, CommandGroup):
        found[path] = group.own
    return found


@pytest.mark.parametrize(("path", "command"), commands(cli.main, "mltrack").items(), ids=str)
def test_every_command_is_named(path: str, command: click.Command) -> None:
    assert f"`{path}" in README
    long = [name for parameter in command.params for name in parameter.opts if name.startswith("--")]
    assert [name for name in long if f"`{name}" not in README] == []
    variables = [parameter.envvar for parameter in command.params if isinstance(parameter.envvar, str)]
    assert [name for name in variables if f"`{name}`" not in README] == []


@pytest.mark.parametrize(("code", "meaning"), EXIT_CODES)
def test_every_exit_code_is_named(code: int, meaning: str) -> None:
    assert f"| {code} | {meaning.partition(':')[0]}" in README


def test_there_are_two_commands() -> None:
    assert len(COMMANDS) == 2
    assert COMMANDS[0].endswith("mltrack quickstart")


def test_continuous_integration_runs_the_test_command() -> None:
    assert COMMANDS[1] in (ROOT / ".ci" / "run").read_text()


def test_pictures_are_there() -> None:
    for picture in re.findall(r"!\[.*?\]\((.+?)\)", README):
        assert (ROOT / picture).is_file(), picture


def test_what_the_readme_shows_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHELL],
        input="\0".join(BLOCKS),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "accuracy 0.9" in done.stdout
    assert "C 0.5" in done.stdout


def modules() -> list[str]:
    names = []
    for package in (mltrack, mltrack_magics, mltrack_widgets):
        names += [found.name for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return [name for name in names if not name.endswith("__main__")]


@pytest.mark.parametrize("module", modules())
def test_examples_in_docstrings_run(module: str) -> None:
    if module.startswith("mltrack.mlflow_plugin."):
        pytest.importorskip("mlflow", reason="a plugin of the mlflow package, which has an environment of its own")
    assert doctest.testmod(importlib.import_module(module)).failed == 0


@pytest.mark.slow
def test_the_first_command_works_from_a_clean_clone(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    left_out = ("PYTHON", "VIRTUAL_ENV", "MLTRACK", "JPY", "JUPYTER")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    done = subprocess.run(
        COMMANDS[0], shell=True, cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 runs" in done.stdout
    assert "lab" in done.stdout
    assert (clone / "mltrack-quickstart" / "mltrack.db").is_file()
    shutil.rmtree(clone)
