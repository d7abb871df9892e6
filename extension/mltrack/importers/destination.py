"""Which store an import goes into."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack import settings
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
    opened: Store | None = None
    if isinstance(chosen, (str, Path)):
        opened = chosen = settings.open_store(chosen)
    store = opened or chosen or settings.get_store()
    try:
        if not isinstance(store, SqliteStore):
            place = getattr(store, "uri", store)
            raise InvalidParameterError(
                "An import writes runs with the ids and times that they had, so it goes into a store in a file of this "
                f"machine, not into {str(place)[:200]!r}. Import into a new file, and serve that with `mltrack server`."
            )
        if store.is_read_only:
            raise StoreReadOnlyError(f"The store {store.path} cannot be written by this user; import into another one.")
        yield store
    finally:
        if isinstance(opened, SqliteStore):
            opened.close()
