"""``%mltrack export``: a run as a project, from inside the notebook; a few lines say what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.exporting.export import export_run
from mltrack.exporting.verification import read_tolerances

if TYPE_CHECKING:
    import argparse

    from mltrack_magics.extension import Extension


def export(extension: Extension, options: argparse.Namespace) -> None:
    """Export a run as the options say, and print what was written."""
    del extension
    done = export_run(
        str(options.run[0]),
        str(options.dir[0]),
        whole=options.whole,
        form=getattr(options, "as") or "both",
        with_data=options.with_data,
        verify=options.verify,
        zip=options.zip,
        trust=options.trust,
        tolerances=read_tolerances(options.tolerance),
    )
    print(done.text)
