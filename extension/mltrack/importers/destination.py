"""Which store an import goes into."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack import config, settings
from mltrack.exceptions import InvalidParameterError, StoreReadOnlyError
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.store.protocol import Store


@contextmanager
def destination(chosen: Store | str | Path | None) -> Iterator[SqliteStore]:
    """Give the store to import into: the one chosen, by its URI too, else the one in use.

    Raises
    ------
    InvalidParameterError
        For a store that is no file on this machine.
    StoreReadOnlyError
        When it cannot be written.
    """
    opened = SqliteStore(config.store_path(str(chosen))) if isinstance(chosen, (str, Path)) else None
    store = opened or chosen or settings.get_store()
    try:
        if not isinstance(store, SqliteStore):
            raise InvalidParameterError(f"An import goes into a store in a file of this machine; got {store!r}.")
        if store.is_read_only:
            raise StoreReadOnlyError(f"The store {store.path} cannot be written by this user; import into another one.")
        yield store
    finally:
        if opened is not None:
            opened.close()
