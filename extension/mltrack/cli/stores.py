"""The store a command works on: one that is there for those that look or change, a new one only for those that add."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from mltrack import config, settings
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.plain_text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mltrack.client import MltrackClient


def require_store() -> None:
    """Refuse a store in a file that is not there: looking makes none. A server says for itself how it is."""
    if config.is_file(settings.get_tracking_uri()):
        store_path()


def shown_store() -> str:
    """Give the store's file, or its URI without a password."""
    uri = settings.get_tracking_uri()
    return str(config.store_path(uri)) if config.is_file(uri) else config.shown_uri(uri)


def refuse_server(command: str) -> None:
    """Refuse a server as the store of a command that is for where the server's own store is."""
    if config.is_server(settings.get_tracking_uri()):
        raise InvalidParameterError(
            f"`mltrack {command}` does not go through a server: run it where the server's own store is, with --store."
        )


def store_path() -> Path:
    """Give the file of the store, which must be there; for what is done with a file, not with a server."""
    uri = settings.get_tracking_uri()
    if not config.is_file(uri):
        advice = (
            "run it where the server's own store is, with --store"
            if config.is_server(uri)
            else "PostgreSQL has tools of its own for that, such as pg_dump and VACUUM"
        )
        raise InvalidParameterError(
            f"The store {config.shown_uri(uri)} is no file of this machine, and this command works on a file; {advice}."
        )
    path = config.store_path(uri)
    if not path.exists():
        raise NotFoundError(
            f"There is no store at {path}. Go where one is, give --store, or make one: `mltrack quickstart`."
        )
    return path


def existing_client() -> MltrackClient:
    """Give a client of a store that is there."""
    require_store()
    return new_client()


def new_client() -> MltrackClient:
    """Give a client of the store, which is made when there is none."""
    from mltrack.client import MltrackClient  # what only prints a help does without

    return MltrackClient()


def choose(context: click.Context, _parameter: click.Parameter, uri: str | None) -> str | None:
    """Take the value of an option as the store's URI."""
    if uri and not context.resilient_parsing:
        with usage_faults():
            settings.set_tracking_uri(uri)
    return uri


@contextmanager
def usage_faults() -> Iterator[None]:
    """Let a value that is not allowed be wrong usage, where values are those of a command's options."""
    try:
        yield
    except InvalidParameterError as error:
        raise click.UsageError(visible(str(error)), click.get_current_context(silent=True)) from error
