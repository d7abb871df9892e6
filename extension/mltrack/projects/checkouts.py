"""The Git checkout that a local folder is in: its root, its commit and where it is published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mltrack.exceptions import MissingLibraryError
from mltrack.projects.addresses import without_credentials
from mltrack.projects.git import ask_git


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout: its root, the commit it is at, and the address of its first remote, credentials left out.

    ``commit`` is None for a folder that the checkout ignores.
    """

    root: Path
    commit: str | None
    repository: str | None = None


def read_checkout(folder: Path) -> Checkout | None:
    """Give the checkout around a folder as MLflow's tags have it; None when there is none, or no git to ask."""
    resolved = folder.resolve()
    if not any((each / ".git").exists() for each in (resolved, *resolved.parents)):
        return None
    try:
        said = ask_git("rev-parse", "--show-toplevel", "HEAD", folder=resolved)
    except MissingLibraryError:
        return None
    if said is None or "\n" not in said:
        return None
    root, commit = said.rsplit("\n", 1)
    remotes = ask_git("config", "--get-regexp", r"^remote\..*\.url$", folder=resolved)
    address = remotes.splitlines()[0].partition(" ")[2] if remotes else ""
    is_ignored = resolved != Path(root) and (
        ask_git("check-ignore", "--quiet", "--", str(resolved), folder=resolved) is not None
    )
    return Checkout(Path(root), None if is_ignored else commit, without_credentials(address) if address else None)
