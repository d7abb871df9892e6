"""``%mltrack pipeline``: runs a project's steps, with their graph under the cell as they go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.display import display

from mltrack_magics.options import parse_assignments, parse_jobs

if TYPE_CHECKING:
    import argparse

    from mltrack_magics.extension import Extension


def pipeline(extension: Extension, options: argparse.Namespace) -> None:
    """Run the steps of a folder and wait for them; an interrupt, or the panel's button, stops all of them."""
    del extension
    # What launches projects and draws panels is loaded when somebody asks for it.
    from mltrack.pipelines.running import run
    from mltrack_widgets.panels.pipeline import PipelinePanel

    begun = run(
        str(options.dir[0]),
        parse_assignments(options.param, "%mltrack pipeline -P", form="NAME=VALUE"),
        jobs=parse_jobs(options.jobs, "pipeline"),
        force=options.force,
        synchronous=False,
    )
    panel = PipelinePanel(begun)
    try:
        display(panel)
        begun.wait()
    except KeyboardInterrupt:
        begun.check()  # says in a line that it was stopped; what was interrupted in here tells nothing
        raise
    finally:
        panel.finish()
    begun.check()
