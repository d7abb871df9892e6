"""``%mltrack rerun`` and ``%mltrack restore``: the words of a line as values, and what is shown of the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.display import display

from mltrack.entities import Run
from mltrack.rerunning.grids import parse_grid
from mltrack.rerunning.rerun import rerun as begin
from mltrack.rerunning.restore import restore_notebook
from mltrack_magics.options import parse_jobs
from mltrack_widgets.panels import host
from mltrack_widgets.panels.sweep import SweepPanel

if TYPE_CHECKING:
    import argparse

    from mltrack.rerunning.handles import Handle
    from mltrack_magics.extension import Extension


def rerun(extension: Extension, options: argparse.Namespace) -> None:
    """Begin a rerun or a sweep, and show it; where nobody can press its button, wait for its end."""
    del extension
    grid = parse_grid(getattr(word, "typed", word) for word in options.values)
    if options.here:
        print("Running in this kernel: the notebook's variables change.")
    values = {name: list(each) for name, each in grid.items()}
    jobs = parse_jobs(options.jobs, "rerun") or 1
    found = begin(str(options.run[0]), values, here=options.here, jobs=jobs, trust=options.trust)
    if isinstance(found, Run):
        return  # its card has been shown
    show(found, wait=options.wait or not host.shows_widgets())


def show(handle: Handle, *, wait: bool) -> None:
    """Show reruns, and wait for their end; an interrupt stops them."""
    panel = SweepPanel(handle)
    if host.has_kernel():
        display(panel)
    if wait:
        try:
            handle.wait()
        except KeyboardInterrupt:
            raise UsageError("Stopped; the same line goes on with what has not finished.") from None
        finally:
            panel.refresh()
            if not host.has_kernel():
                print(panel.text)


def restore(extension: Extension, options: argparse.Namespace) -> None:
    """Write a run's notebook as a new file, and say which, and whether Jupyter will trust it."""
    del extension
    path, is_trusted = restore_notebook(str(options.run[0]), options.path)
    print(f"Saved {path}")
    if not is_trusted:
        print("It was not recorded by you, so it is not trusted: Jupyter runs no scripts of its outputs.")
