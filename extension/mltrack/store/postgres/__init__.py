"""The store in a PostgreSQL database: the same SQL as SQLite's, said as PostgreSQL takes it."""

from mltrack.exceptions import MissingLibraryError

try:
    import psycopg as psycopg
except ImportError as error:
    raise MissingLibraryError(
        f"A store in PostgreSQL needs the library psycopg: pip install 'jupyter-mltrack[postgres]' ({error})."
    ) from error
