"""The state of the git checkout that a notebook lies in: the run's commit, and what differs from it by now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exceptions import MissingLibraryError
from mltrack.keys import GIT_BRANCH_TAG, GIT_COMMIT_TAG, GIT_DIRTY_TAG
from mltrack.masking import mask_text
from mltrack.projects.git import ask_git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PATCH = "dirty.patch"
MOST_PATCH_BYTES = 2_000_000


def write_patch(tags: Mapping[str, str], folder: Path | None, draft: Path) -> dict[str, Any]:
    """Write the patch of the files that differ from the run's commit, and give what is known of the checkout.

    The patch is taken now, where the checkout still is at that commit; none is written when it would be over 2 MB. A
    run outside of git gives nothing.
    """
    commit = tags.get(GIT_COMMIT_TAG)
    if not commit:
        return {}
    facts: dict[str, Any] = {"commit": commit, "branch": tags.get(GIT_BRANCH_TAG)}
    facts |= {"dirty": tags.get(GIT_DIRTY_TAG) == "true", "patch": None}
    try:
        if folder is None or ask_git("rev-parse", "HEAD", folder=folder) != commit:
            facts["note"] = "The checkout of this commit was not found when the run was exported."
            return facts
        facts["remote"] = mask_text(ask_git("config", "--get", "remote.origin.url", folder=folder) or "") or None
        facts |= _patch(folder, draft / PATCH)
    except MissingLibraryError as error:
        facts["note"] = str(error)
    return facts


def _patch(folder: Path, target: Path) -> dict[str, Any]:
    # Written by git itself: a patch may end with a line of blanks.
    ask_git("diff", "--no-ext-diff", "--no-textconv", f"--output={target}", "HEAD", folder=folder)
    size = target.stat().st_size if target.exists() else 0
    if 0 < size <= MOST_PATCH_BYTES:
        text = target.read_bytes().decode("utf-8", "replace")
        target.write_text(mask_text(text), encoding="utf-8", newline="")
        return {"patch": PATCH, "note": "The patch is of the files as they were when the run was exported."}
    target.unlink(missing_ok=True)
    return {"note": "The files that differ make a patch over 2 MB, which was left out."} if size else {}
