"""Libraries that only some of what mltrack does needs, and that are installed for it by name."""

from __future__ import annotations

from importlib.util import find_spec

from mltrack.exceptions import MissingLibraryError


def need_libraries(what: str, libraries: tuple[str, ...], *, extra: str) -> None:
    """Look whether libraries are installed, without importing them.

    Raises
    ------
    MissingLibraryError
        When some are not; it says of ``what`` that it needs them, and which extra of the package brings them.
    """
    missing = [name for name in libraries if find_spec(name) is None]
    if missing:
        them = "it" if len(missing) == 1 else "them"
        raise MissingLibraryError(
            f"{what} needs {', '.join(missing)}; install {them} with `pip install 'jupyter-mltrack[{extra}]'`."
        )
