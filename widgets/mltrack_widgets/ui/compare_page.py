"""The page that compares runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.settings import get_store
from mltrack_widgets.bundle import Bundle, framed
from mltrack_widgets.panels.compare import compare
from mltrack_widgets.ui.parts import anchor, head, links

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack_widgets.ui.address import Address


def compare_page(address: Address) -> Iterator[Any]:
    """Compare runs."""
    ids = address.run_ids
    if len(ids) < 2:
        raise InvalidParameterError("Name two runs or more, as ?compare=ID,ID.")
    store = get_store()
    runs = [store.get_run(each) for each in ids]
    experiments = {run.info.experiment_id: store.get_experiment(run.info.experiment_id).name for run in runs}
    above = [(name, address.of_experiment(each)) for each, name in experiments.items()]
    yield head(address, *above[:1], title=f"{len(runs)} runs side by side")
    opened = [anchor(f"Open {run.info.run_name}", address.of_run(run.info.run_id)) for run in runs]
    yield Bundle(framed(links(opened, "")), "")
    yield compare(*runs, baseline=address.baseline or None)
