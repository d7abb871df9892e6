"""Cloning a project from Git into a folder of its own: one commit, its submodules, and nothing of it run.

Source: ``mlflow.projects.utils._fetch_git_repo``; a version is a tag, a branch or a commit, in the order git takes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.exceptions import ExecutionError
from mltrack.projects.addresses import PROTOCOLS, check_git_address, check_version, shown, without_credentials
from mltrack.projects.git import ask_git, git

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEX = re.compile(r"[0-9a-f]{4,64}", re.IGNORECASE)
_FULL = (40, 64)  # digits of a commit's whole name
_DEEPEST = 8  # submodules of submodules


@dataclass(frozen=True, slots=True)
class Clone:
    """What was cloned: the commit, and the branch when a branch was asked for."""

    commit: str
    branch: str | None = None


def clone(address: str, version: str | None, folder: Path) -> Clone:
    """Clone one commit into an empty folder, with its submodules; the address is a path or was checked.

    Parameters
    ----------
    version
        A commit, branch or tag; None for the branch that the server gives first.

    Raises
    ------
    ExecutionError
        When the server cannot be had, it has no such version, or a submodule's address is none that may be asked for.
    """
    protocols = ("file",) if Path(address).is_absolute() else PROTOCOLS
    git("init", "--quiet", "--template=", folder=folder)
    git("remote", "add", "--", "origin", address, folder=folder)
    branch = _check_out(folder, version, protocols)
    _update_submodules(folder)
    git("remote", "set-url", "--", "origin", without_credentials(address), folder=folder)
    return Clone(git("rev-parse", "HEAD", folder=folder), branch)


def _check_out(folder: Path, version: str | None, protocols: Sequence[str]) -> str | None:
    """Fetch a version and check it out; gives its name when it is a branch."""
    if version is None:
        git("fetch", "--quiet", "--depth=1", "--no-tags", "origin", "HEAD", folder=folder, protocols=protocols)
        git("checkout", "--quiet", "--detach", "FETCH_HEAD", folder=folder)
        return None
    check_version(version)
    named = git(
        "ls-remote", "origin", f"refs/tags/{version}", f"refs/heads/{version}", folder=folder, protocols=protocols
    )
    refs = [line.partition("\t")[2] for line in named.splitlines()]
    for ref in (f"refs/tags/{version}", f"refs/heads/{version}"):
        if ref in refs:
            git("fetch", "--quiet", "--depth=1", "--no-tags", "origin", ref, folder=folder, protocols=protocols)
            git("checkout", "--quiet", "--detach", "FETCH_HEAD", folder=folder)
            return version if f"refs/heads/{version}" in refs else None
    _check_out_commit(folder, version, protocols)
    return None


def _check_out_commit(folder: Path, version: str, protocols: Sequence[str]) -> None:
    """Fetch one commit where the server gives one by its name, else all of them."""
    if _HEX.fullmatch(version):
        if len(version) in _FULL and _fetched_alone(folder, version, protocols):
            git("checkout", "--quiet", "--detach", version, folder=folder)
            return
        everything = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        git("fetch", "--quiet", "origin", *everything, folder=folder, protocols=protocols)
        commit = ask_git("rev-parse", "--verify", "--quiet", f"{version}^{{commit}}", folder=folder)
        if commit:
            git("checkout", "--quiet", "--detach", commit, folder=folder)
            return
    address = git("remote", "get-url", "origin", folder=folder)
    raise ExecutionError.invalid_parameter_value(
        f"Unable to checkout version {version!r} of the Git repository {shown(address)}; it has no such commit, branch "
        "or tag."
    )


def _fetched_alone(folder: Path, commit: str, protocols: Sequence[str]) -> bool:
    try:
        git("fetch", "--quiet", "--depth=1", "--no-tags", "origin", commit, folder=folder, protocols=protocols)
    except ExecutionError:
        return False
    return True


def _update_submodules(folder: Path, depth: int = 0) -> None:
    """Fetch the submodules level by level, each one's address looked at before it is asked."""
    if not (folder / ".gitmodules").is_file():
        return
    if depth > _DEEPEST:
        raise ExecutionError.invalid_parameter_value(f"The project's submodules nest over {_DEEPEST} levels.")
    _check_submodules(folder)
    git("submodule", "--quiet", "update", "--init", "--checkout", folder=folder, protocols=PROTOCOLS)
    for path in _settings(folder, "path"):
        inner = folder / path
        if inner.resolve().is_relative_to(folder.resolve()) and (inner / ".git").exists():
            _update_submodules(inner, depth + 1)


def _check_submodules(folder: Path) -> None:
    for address in _settings(folder, "url"):
        if not address.startswith(("./", "../")):
            _check_submodule(address)
    for way in _settings(folder, "update"):
        if way.startswith("!"):
            raise ExecutionError.invalid_parameter_value(
                f"A submodule is to be updated by the command {shown(way)!r}; it is not run."
            )


def _check_submodule(address: str) -> None:
    try:
        check_git_address(address)
    except ExecutionError as error:
        raise ExecutionError.invalid_parameter_value(
            f"A submodule has the address {shown(address)!r}, which is not asked for."
        ) from error


def _settings(folder: Path, name: str) -> list[str]:
    """Give the values of one setting of all submodules."""
    said = ask_git(
        "config", "--file", ".gitmodules", "--null", "--get-regexp", rf"^submodule\..*\.{name}$", folder=folder
    )
    return [each.partition("\n")[2] for each in (said or "").split("\0") if each]
