"""``%mltrack serve`` and ``%mltrack servers``: what is meant by a word, and what is shown of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.display import display

from mltrack.exceptions import NotFoundError
from mltrack.lookup import find_run

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

# What starts servers is imported when one is first asked for, not when the extension is loaded.


def serve(names: Mapping[str, Any], options: argparse.Namespace) -> None:
    """Start a server and show it; ``names`` are the notebook's variables."""
    from mltrack.serving.handles import serve as start  # as said above

    wanted: dict[str, Any] = {"detach": options.detach, "name": options.name}
    if options.port is not None:
        wanted["port"] = _whole("--port", options.port)
    if options.workers is not None:
        wanted["workers"] = _whole("--workers", options.workers)
    display(start(_meant(str(options.model[0]), names), **wanted))


def servers(options: argparse.Namespace) -> None:
    """Show the server of a name, or a line for each server."""
    from mltrack.serving.handles import servers as running  # as said above

    found = running()
    if options.name is None:
        for server in found:
            print(f"{server.name} · {server.status}")
        if not found:
            print("No server runs. Start one: %mltrack serve MODEL")
        return
    chosen = [server for server in found if server.name == options.name]
    if not chosen:
        names = ", ".join(server.name for server in found) or "none"
        raise UsageError(f"No server is called {options.name!r}; there are: {names}.")
    display(chosen[0])


def _meant(word: str, names: Mapping[str, Any]) -> Any:
    """Give what a word names: a URI or path as it is, else a variable, else a run."""
    if ":/" in word or word.startswith((".", "/", "~")):
        return word
    if word in names:
        return names[word]
    try:
        return find_run(word)
    except NotFoundError:
        raise UsageError(
            f"{word!r} is no variable, no run and no model's URI; give models:/NAME@ALIAS, a run, or the name of a "
            "variable that holds a fitted model."
        ) from None


def _whole(option: str, text: str) -> int:
    if not text.isdigit():
        raise UsageError(f"%mltrack serve {option} needs a whole number; got {text!r}.")
    return int(text)
