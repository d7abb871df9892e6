"""What may be done to versions of a registered model; each says in words what was done."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mltrack.artifacts.served import SERVED
from mltrack.exceptions import ArtifactChangedError, NotFoundError
from mltrack.model_names import ACTIVE_STAGES, read_stage
from mltrack.models.sources import MODELS, find_model
from mltrack.store.artifacts import artifact_place, is_remote
from mltrack_widgets.format import one_line
from mltrack_widgets.panels.model_pages import NEWEST_FIRST, Listing, find_versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.client import MltrackClient

UNCHANGED, CHANGED, GONE, UNKNOWN = "unchanged", "files changed", "files gone", "not recorded"
_MOST_NAMED = 10
_MOST_READ = 10_000


def promote(client: MltrackClient, name: str, versions: Sequence[str], stage: str, *, archive: bool = False) -> str:
    """Move versions to a stage (``"None"`` is one); with ``archive``, the others in it are archived.

    Raises
    ------
    InvalidParameterError
        When there is no such stage, or ``archive`` is asked for another than Staging and Production.
    """
    stage = read_stage(stage)
    before = {each: client.get_model_version(name, each).current_stage for each in versions}
    others = _others_in(client, name, stage, versions) if archive and stage in ACTIVE_STAGES else []
    for place, each in enumerate(versions):
        client.transition_model_version_stage(name, each, stage, archive_existing_versions=archive and place == 0)
    words = f"{named(versions)} {'is' if len(versions) == 1 else 'are'} {_in(stage)} now"
    if len(versions) == 1 and before[versions[0]] != stage:
        words += f"; before: {_in(before[versions[0]])}"
    return words + (f". Archived: {named(others).lower()}." if others else ".")


def set_alias(client: MltrackClient, name: str, version: str, alias: str) -> str:
    """Let an alias name a version.

    Raises
    ------
    InvalidParameterError
        When the alias cannot be one.
    """
    before = client.get_registered_model(name).aliases.get(alias)
    client.set_registered_model_alias(name, alias, version)
    if before == version:
        return f"{alias} names version {version}, as before."
    return f"{alias} now names version {version}" + (f"; before: version {before}." if before else ".")


def remove_alias(client: MltrackClient, name: str, alias: str) -> str:
    """Take an alias away."""
    before = client.get_registered_model(name).aliases.get(alias)
    if before is None:
        return f"There is no alias {one_line(alias, 80)} any more."
    client.delete_registered_model_alias(name, alias)
    return f"{alias} names no version now; before: version {before}."


def describe(client: MltrackClient, name: str, version: str | None, text: str) -> str:
    """Describe a version anew, or without one the registered model."""
    if version is None:
        client.update_registered_model(name, text.strip())
    else:
        client.update_model_version(name, version, text.strip())
    what = f"version {version}" if version else "this model"
    return f"The description of {what} is saved." if text.strip() else f"There is no description of {what} now."


def check_files(client: MltrackClient, name: str, versions: Sequence[str]) -> dict[str, str]:
    """Read the files of versions and say of each whether they are those that were registered."""
    return {each: _check(client, name, each) for each in versions}


def checked_words(found: dict[str, str]) -> str:
    """Put into words what was found of files, such as ``Version 3: files unchanged``."""
    by_words: dict[str, list[str]] = {}
    for version, words in found.items():
        by_words.setdefault(words, []).append(version)
    return " ".join(f"{named(versions)}: {words}." for words, versions in by_words.items())


def named(versions: Sequence[str]) -> str:
    """Name versions: ``Version 3``, ``Versions 3 and 4``."""
    shown = sorted(versions, key=int)[-_MOST_NAMED:]
    more = len(versions) - len(shown)
    if len(shown) == 1:
        return f"Version {shown[0]}"
    last = f"{more} more" if more else shown.pop()
    return f"Versions {', '.join(shown)} and {last}"


def _in(stage: str) -> str:
    return "in no stage" if stage == "None" else f"in {stage}"


def _others_in(client: MltrackClient, name: str, stage: str, versions: Sequence[str]) -> list[str]:
    found = find_versions(client, name, Listing(order=NEWEST_FIRST), most=_MOST_READ)
    return [each.version for each in found if each.current_stage == stage and each.version not in versions]


def _check(client: MltrackClient, name: str, version: str) -> str:
    if client.get_model_version(name, version).digest is None:
        return UNKNOWN
    place = artifact_place(client.get_model_version_download_uri(name, version))
    is_elsewhere = is_remote(place) or place.startswith(SERVED)
    try:
        with TemporaryDirectory(prefix="mltrack-") as spare:
            find_model(f"{MODELS}{name}/{version}").fetch(spare if is_elsewhere else None)
    except (ArtifactChangedError, NotFoundError):
        is_there = is_elsewhere or any(each.is_file() for each in Path(place).rglob("*"))
        return CHANGED if is_there else GONE
    return UNCHANGED
