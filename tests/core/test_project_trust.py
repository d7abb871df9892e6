"""Code of a project that is not this user's own waits until its commands were shown and agreed to."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.core.git_projects import PROJECT, commit, make_bare, make_repository, write

import mltrack
from mltrack import config
from mltrack.exceptions import InvalidParameterError, StateError, UntrustedProjectError
from mltrack.models import trust as model_trust
from mltrack.projects import running
from mltrack.projects.entities import PreparedEnvironment, Project, ProjectFile
from mltrack.projects.fetching import fetch
from mltrack.projects.local_environment import local_environment
from mltrack.projects.project_file import read_project_file
from mltrack.projects.request import RunRequest
from mltrack.projects.tree_digests import tree_digest
from mltrack.projects.trust import digest_of, forget, require_trust

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = ("python main.py --rate 0.1",)


def strange(folder: Path) -> Project:
    write(folder, {"MLproject": PROJECT, "main.py": "1"})
    return Project("https://example.org/p.zip", folder, is_own=False)


def never(text: str) -> bool:
    pytest.fail(text)


def is_trusted(project: Project) -> bool:
    try:
        require_trust(project, COMMANDS, trust=False, ask=None)
    except UntrustedProjectError:
        return False
    return True


def test_ones_own_is_not_asked_about(tmp_path: Path) -> None:
    project = replace(strange(tmp_path / "p"), is_own=True)
    require_trust(project, COMMANDS, trust=False, ask=never)
    assert not (config.user_folder() / "trusted-projects").exists()


def test_in_a_script_the_message_shows_what_would_run(tmp_path: Path) -> None:
    project = replace(strange(tmp_path / "p"), commit="c0ffee")
    with pytest.raises(UntrustedProjectError) as caught:
        require_trust(project, (*COMMANDS, "bash evil.sh"), trust=False, ask=None)
    said = str(caught.value)
    for part in (*COMMANDS, "bash evil.sh", "https://example.org/p.zip", "commit c0ffee", "--trust"):
        assert part in said
    assert caught.value.error_code == "PERMISSION_DENIED"


def test_what_was_agreed_to_is_asked_once(tmp_path: Path) -> None:
    project = strange(tmp_path / "p")
    asked: list[str] = []

    def ask(text: str) -> bool:
        asked.append(text)
        return len(asked) > 1

    with pytest.raises(UntrustedProjectError):  # no is an answer, and not kept
        require_trust(project, COMMANDS, trust=False, ask=ask)
    assert not is_trusted(project)
    require_trust(project, COMMANDS, trust=False, ask=ask)
    require_trust(project, COMMANDS, trust=False, ask=ask)
    assert len(asked) == 2
    assert all(COMMANDS[0] in text and text.endswith("?") for text in asked)
    assert is_trusted(project)
    assert is_trusted(
        replace(project, uri="elsewhere", folder=write(tmp_path / "copy", {"MLproject": PROJECT, "main.py": "1"}))
    )
    forget(project)
    assert not is_trusted(project)


def test_agreeing_beforehand_is_agreeing(tmp_path: Path) -> None:
    project = strange(tmp_path / "p")
    require_trust(project, COMMANDS, trust=True, ask=never)
    assert is_trusted(project)


@pytest.mark.parametrize("change", ["content", "new", "gone", "name", "link", "program", "folder", "commit", "hidden"])
def test_of_what_has_changed_is_asked_again(change: str, tmp_path: Path) -> None:
    project = strange(tmp_path / "p")
    require_trust(project, COMMANDS, trust=True, ask=None)
    assert is_trusted(project)
    main = project.folder / "main.py"
    if change == "content":
        main.write_text("2")
    elif change == "new":
        (project.folder / "new").write_text("")
    elif change == "gone":
        main.unlink()
    elif change == "name":
        main.rename(project.folder / "other.py")
    elif change == "link":
        main.rename(tmp_path / "main.py")
        main.symlink_to(tmp_path / "main.py")
    elif change == "program":
        main.chmod(0o755)
    elif change == "folder":
        (project.folder / "sub").mkdir()
    elif change == "hidden":
        write(project.folder, {".git/hooks/x": ""})
    project = replace(project, commit="c0ffee") if change == "commit" else project
    assert not is_trusted(project)


def test_another_commit_is_asked_about_again_and_the_same_is_not(tmp_path: Path) -> None:
    checkout = make_repository(tmp_path / "work", {"sub/MLproject": PROJECT})
    bare = make_bare(checkout, tmp_path / "p.git")
    with fetch(f"file://{bare}#sub") as project:
        require_trust(project, COMMANDS, trust=True, ask=None)
    with fetch(f"file://{bare}#sub") as project:
        assert is_trusted(project)
    with fetch(f"file://{bare}") as project:
        assert not is_trusted(project)
    commit(checkout, {"outside.py": "what sub may reach by .."})
    make_bare(checkout, tmp_path / "q.git")
    with fetch(f"file://{tmp_path}/q.git#sub") as project:
        assert not is_trusted(project)


def test_files_that_change_while_one_reads_are_not_agreed_to(tmp_path: Path) -> None:
    project = strange(tmp_path / "p")

    def ask(_text: str) -> bool:
        (project.folder / "main.py").write_text("evil")
        return True

    with pytest.raises(StateError, match="changed while you looked"):
        require_trust(project, COMMANDS, trust=False, ask=ask)
    assert not is_trusted(project)


def test_what_changes_before_it_runs_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As while its environment is made: others may write to a folder that is not this user's own."""
    folder = write(tmp_path / "p", {"MLproject": "entry_points: {main: {command: touch ran}}"})
    folder.chmod(0o777)

    def prepare() -> PreparedEnvironment:
        (folder / "evil.py").write_text("")
        return local_environment()

    monkeypatch.setattr(running, "local_environment", prepare)
    with pytest.raises(StateError, match="changed after they were agreed to"):
        mltrack.run(str(folder), trust=True)
    monkeypatch.setattr(running, "local_environment", local_environment)
    (run,) = mltrack.search_runs(output_format="list")
    assert run.info.status == "FAILED"
    assert not (folder / "ran").exists()
    mltrack.run(str(folder), trust=True)
    assert (folder / "ran").exists()


def test_a_command_that_changed_after_it_was_read_is_not_agreed_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "p", {"MLproject": "entry_points: {main: {command: 'true'}}"})
    folder.chmod(0o777)

    def read(folder: Path) -> ProjectFile:
        found = read_project_file(folder)
        (folder / "MLproject").write_text("entry_points: {main: {command: touch ran}}")
        return found

    monkeypatch.setattr(running, "read_project_file", read)
    with pytest.raises(StateError, match="changed while you looked"):
        running.submit(RunRequest(str(folder), ask=lambda _: True))
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UntrustedProjectError, match="touch ran"):
        mltrack.run(str(folder))


def test_nothing_hides_in_what_is_shown(tmp_path: Path) -> None:
    hidden = "python a.py\n\nYou trust this project already.\x1b[2K\u202e --token=$(touch m)"
    with pytest.raises(UntrustedProjectError) as caught:
        require_trust(strange(tmp_path / "p"), [hidden], trust=False, ask=None)
    said = str(caught.value)
    assert "\x1b" not in said
    assert "\u202e" not in said
    line = next(line for line in said.splitlines() if "python a.py" in line)
    assert "$(touch m)" in line  # nothing of a command is masked, or on a line of its own
    assert "You trust this project already" in line


def test_trust_in_a_project_is_no_trust_in_a_model(tmp_path: Path) -> None:
    project = strange(tmp_path / "p")
    require_trust(project, COMMANDS, trust=True, ask=None)
    digest = digest_of(project)
    kept = (config.user_folder() / "trusted-projects" / digest).read_bytes()
    (config.user_folder() / "trusted-models").mkdir()
    (config.user_folder() / "trusted-models" / digest).write_bytes(kept)
    assert not model_trust.is_signed(digest)


def test_where_nothing_can_be_kept_it_runs_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MLTRACK_DATA_DIR", str(tmp_path / "file" / "user"))
    require_trust(strange(tmp_path / "p"), COMMANDS, trust=True, ask=None)


def test_a_digest_is_of_all_that_is_there(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", {"a/b": "1", "c": "2"})
    before = tree_digest(folder)
    assert before == tree_digest(folder)
    assert before == tree_digest(write(tmp_path / "q", {"c": "2", "a/b": "1"}))
    assert before != tree_digest(write(tmp_path / "r", {"a": "b1", "c": "2"}))
    assert tree_digest(folder, without=("a",)) == tree_digest(write(tmp_path / "s", {"c": "2"}))
    os.mkfifo(folder / "pipe")
    with pytest.raises(InvalidParameterError, match="is no file, folder or link"):
        tree_digest(folder)
