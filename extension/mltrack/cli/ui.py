"""``mltrack ui``: a store in a browser, without a notebook."""

from __future__ import annotations

import click

from mltrack import settings
from mltrack.cli.output import say
from mltrack.cli.stores import choose, require_store
from mltrack.exceptions import MissingLibraryError
from mltrack.store.pages import Search


@click.command()
@click.option(
    "-h",
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Where to listen; where other machines reach it, the address has a token.",
)
@click.option("-p", "--port", type=click.IntRange(0, 65535), help="Default: the first free one from 5000 on.")
@click.option(
    "--backend-store-uri",
    metavar="URI",
    callback=choose,
    expose_value=False,
    help="The store or server; default: the one of this folder.",
)
def ui(host: str, port: int | None) -> None:
    """Look at a store or server in a browser.

    There are pages of experiments, runs, comparisons and models. Each has an address of its own, which can be sent to a
    colleague. They end with the command, by Ctrl-C.
    """
    require_store()
    settings.get_store().search_experiments(Search(max_results=1))  # one that cannot be is said here, not on each page
    try:
        from mltrack.ui.program import run  # Voilà, which only this command needs
    except ImportError as error:
        raise MissingLibraryError("mltrack ui needs Voilà: pip install 'jupyter-mltrack[ui]'.") from error
    run(
        settings.get_tracking_uri(),
        host=host,
        port=port,
        on_ready=lambda url: say(f"mltrack is at {url}; Ctrl-C ends it."),
    )
