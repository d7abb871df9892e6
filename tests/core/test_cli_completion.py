"""Shell completion: real shells, the store's names and ids, and silence where there is nothing to say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.core.command_line import call, done, program

import mltrack
from mltrack.cli.completion import SHELLS

if TYPE_CHECKING:
    from pathlib import Path

# Asks bash's own completion for what follows a line, as a key press does, and prints what it would offer.
IN_BASH = """
source script.bash
COMP_LINE=$1
read -ra COMP_WORDS <<< "$1"
[[ $1 == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
_mltrack_completion mltrack
printf '%s\\n' "${COMPREPLY[@]}"
"""
NASTY = [
    "$(touch hacked)",
    "a;touch hacked",
    "`touch hacked`",
    "*",
    "a\nb",
    "a,b",
    "it's",
    'q"q',
    "-x",
    "~",
    "\x1b[31m",
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A store with experiments and runs, and the program under its name on the path."""
    client = mltrack.MltrackClient()
    for name in ("cancer", "car prices", "Δ-test", *NASTY):
        client.create_experiment(name)
    for name in ("first", "second\x1b[31m\nx"):
        client.create_run("0", run_name=name)
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "mltrack"
    script.write_text(f"#!{sys.executable}\nimport sys\nfrom mltrack.cli import main\nsys.exit(main())\n")
    script.chmod(0o755)
    (tmp_path / "script.bash").write_text(done("completion", "bash"))
    return folder


def offered(place: Path, line: str) -> list[str]:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    environment = os.environ | {"PATH": f"{place}:{os.environ['PATH']}"}
    command = [bash, "--norc", "-c", IN_BASH, "bash", line]
    found = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert found.stderr == ""
    return [each for each in found.stdout.split("\n") if each]


def test_commands_and_options(place: Path) -> None:
    assert offered(place, "mltrack exp") == ["experiments", "export"]
    assert {"create", "search", "csv"} <= set(offered(place, "mltrack experiments "))
    assert {"list", "describe", "delete"} <= set(offered(place, "mltrack runs "))
    assert {"--order", "--experiment"} <= set(offered(place, "mltrack runs --"))
    assert offered(place, "mltrack db b") == ["backup"]
    assert offered(place, "mltrack completion z") == ["zsh"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("mltrack runs -e can", ["cancer"]),
        ("mltrack runs -e ca", ["cancer", "'car prices'"]),
        ("mltrack experiments get --experiment-name Δ", ["'Δ-test'"]),
        ("mltrack experiments delete -x 1", [str(number) for number in (1, 10, 11, 12, 13, 14)]),
        ("mltrack runs -e nothing", []),
    ],
)
def test_experiments(place: Path, line: str, found: list[str]) -> None:
    assert offered(place, line) == found


def test_runs(place: Path) -> None:
    ids = [run.info.run_id for run in mltrack.MltrackClient().search_runs(["0"])]
    assert sorted(offered(place, "mltrack runs describe --run-id ")) == sorted(ids)
    assert offered(place, f"mltrack show {ids[0][:9]}") == [ids[0]]
    assert offered(place, "mltrack artifacts list -r g") == []


def test_no_name_is_code_for_the_shell(place: Path, tmp_path: Path) -> None:
    assert offered(place, "mltrack runs -e ") == ["Default", "cancer", "'car prices'", "'Δ-test'"]
    assert not (tmp_path / "hacked").exists()


def test_the_store_of_the_line_is_asked(place: Path, tmp_path: Path) -> None:
    mltrack.MltrackClient(str(tmp_path / "other.db")).create_experiment("elsewhere")
    assert offered(place, "mltrack --store other.db runs -e e") == ["elsewhere"]
    assert offered(place, "mltrack --store none.db runs -e e") == []
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("content", [None, "", "no database, but long enough to be looked at" * 10])
def test_nothing_is_said_where_there_is_nothing(place: Path, tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "x.db").write_text(content)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert offered(place, "mltrack --store x.db runs describe -r ") == []
    assert offered(place, "mltrack --store http://x runs describe -r ") == []
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def complete(shell: str, line: str) -> list[str]:
    variables = {"_MLTRACK_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()))}
    if shell == "fish":
        variables["COMP_CWORD"] = ""
    script = "from mltrack.cli import main\nmain(prog_name='mltrack')"
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, capture_output=True, text=True, env=os.environ | variables, check=True
    ).stdout.splitlines()


def test_names_beside_ids_are_one_line(place: Path) -> None:
    """Zsh reads three lines an item, and shows the third."""
    lines = complete("zsh", "mltrack runs describe -r ")
    assert lines[0::3] == ["plain", "plain"]
    assert set(lines[2::3]) == {"first", "second\\x1b[31m\\nx"}
    assert all(line.startswith("plain,") for line in complete("fish", "mltrack runs describe -r "))


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_its_script(shell: str) -> None:
    text = done("completion", shell)
    assert f"_MLTRACK_COMPLETE={shell}_complete" in text
    if (program_file := shutil.which(shell)) is not None:
        subprocess.run([program_file, "-n"], input=text, text=True, check=True)


def test_other_shells_are_refused() -> None:
    assert call("completion", "tcsh").exit_code == 2
    assert program("completion").returncode == 2
