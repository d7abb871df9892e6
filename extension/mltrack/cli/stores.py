"""The store a command works on: one that is there for those that look or change, a new one only for those that add."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack import config, settings
from mltrack.exceptions import NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    import click

    from mltrack.client import MltrackClient


def store_path() -> Path:
    """Give the file of the store, which must be there: looking makes none."""
    path = config.store_path(settings.get_tracking_uri())
    if not path.exists():
        raise NotFoundError(
            f"There is no store at {path}. Go where one is, give --store, or make one: `mltrack quickstart`."
        )
    return path


def existing_client() -> MltrackClient:
    """Give a client of a store that is there."""
    store_path()
    return new_client()


def new_client() -> MltrackClient:
    """Give a client of the store, which is made when there is none."""
    from mltrack.client import MltrackClient  # what only prints a help does without

    return MltrackClient()


def choose(context: click.Context, _parameter: click.Parameter, uri: str | None) -> str | None:
    """Take the value of an option as the store's URI."""
    if uri and not context.resilient_parsing:
        settings.set_tracking_uri(uri)
    return uri
