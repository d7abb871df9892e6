"""Which store a tracking URI names: a file of SQLite's, a tracking server, or a PostgreSQL database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack import config

if TYPE_CHECKING:
    from mltrack.store.protocol import Store


def open_uri(uri: str) -> Store:
    """Open the store of a URI; raises a StoreError that says what to do."""
    if config.is_server(uri):
        from mltrack.rest.store import RestStore  # brings urllib3 along, which local stores do without

        return RestStore(uri)
    if config.is_database(uri):
        from mltrack.store.postgres.store import PostgresStore  # brings psycopg along, an extra

        return PostgresStore(uri)
    from mltrack.store.sqlite import SqliteStore  # the driver is loaded when something is read or written

    return SqliteStore(config.store_path(uri))
