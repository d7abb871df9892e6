"""Whether a project's code may run: this user's own may, another's once its commands were shown and agreed to.

That goes for making its environment too, as building a requirement runs code. What was agreed to is known again by
the digest of all its files, and by its commit; of what one byte changed is asked again. Commands are shown whole and
unmasked: what hides a part of them could hide what they do.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

from mltrack.exceptions import StateError, StoreReadOnlyError, UntrustedProjectError
from mltrack.plain_text import printable
from mltrack.projects.tree_digests import tree_digest
from mltrack.signatures import Signatures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mltrack.projects.entities import Project

_SIGNATURES = Signatures("project", "trusted-projects", b"project ")
_GIT = ".git"  # what git itself wrote; the commit stands for it


def require_trust(
    project: Project,
    commands: Sequence[str],
    *,
    trust: bool,
    ask: Callable[[str], bool] | None,
    digest: str | None = None,
) -> str | None:
    """See that a project's code may run, before any of it does and before its environment is made.

    What is given is for ``require_unchanged``, right before it runs.

    Parameters
    ----------
    commands
        What would run, as it would run.
    trust
        True when the user has agreed already, as by ``--trust``.
    ask
        Shows a text that ends in a question, and gives the user's answer; None where nobody can be asked.
    digest
        The project's as it was before the commands were read from it; default: as it is now.

    Raises
    ------
    UntrustedProjectError
        When nobody agreed; the message has the commands.
    StateError
        When the files changed while the user looked at them.
    """
    if project.is_own:
        return None
    digest = digest or digest_of(project)
    if _SIGNATURES.is_signed(digest):
        return digest
    said = describe(project, commands)
    if not trust:
        if ask is None or not ask(f"{said}\nRun it?"):
            raise UntrustedProjectError(f"{said}\nNothing of it was run. To run it say --trust (trust=True).")
        if digest_of(project) != digest:
            raise StateError(f"The files of {printable(project.uri)} changed while you looked at them; look again.")
    with suppress(StoreReadOnlyError):  # then it is asked again
        _SIGNATURES.sign(digest)
    return digest


def require_unchanged(project: Project, digest: str | None) -> None:
    """See that a project is what was agreed to still, as others may write to a folder that is not this user's own.

    Raises
    ------
    StateError
        When its files changed since.
    """
    if digest is not None and not project.is_temporary and digest_of(project) != digest:
        raise StateError(
            f"The files of {printable(project.uri)} changed after they were agreed to; nothing of it was run. "
            "Look at them, and run it again."
        )


def describe(project: Project, commands: Sequence[str]) -> str:
    """Say whose a project is and what would run, one line for each command, nothing hidden in them."""
    commit = f", commit {printable(project.commit)}" if project.commit else ""
    shown = "\n".join(f"    {printable(each)}" for each in commands) or "    (nothing that is known)"
    return (
        f"The project {printable(project.uri)}{commit} is not your own. Its code can do what you can. "
        f"It would make the environment that its files ask for, and run:\n{shown}"
    )


def digest_of(project: Project) -> str:
    """Give the digest that trust in a project is kept by."""
    root = project.root or project.folder
    cloned = project.is_temporary and project.commit is not None
    inside = project.folder.relative_to(root).as_posix() if project.root else "."
    files = tree_digest(root, without=(_GIT,) if cloned else ())
    return sha256("\n".join((files, project.commit or "", inside)).encode()).hexdigest()


def forget(project: Project) -> None:
    """Take the trust in a project back."""
    _SIGNATURES.forget(digest_of(project))
