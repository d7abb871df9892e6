"""``mltrack.show``, ``mltrack.notebook`` and lists of runs: what a cell or a terminal shows of the store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mltrack.executed_notebook import load_notebook
from mltrack.lookup import LAST, find_run
from mltrack.run_facts import facts_of, own_params
from mltrack.settings import get_store
from mltrack_widgets.notebook_view import notebook_view
from mltrack_widgets.run_card import CardData, run_card
from mltrack_widgets.run_table import run_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import Run
    from mltrack.run_facts import RunFacts
    from mltrack.store.protocol import Store
    from mltrack_widgets.bundle import Bundle


def table_of(found: Sequence[Run]) -> Bundle:
    """Show these runs as a table, in the order given."""
    store = get_store()
    ids = dict.fromkeys(run.info.experiment_id for run in found)
    names = {each: store.get_experiment(each).name for each in ids}
    return run_table(found, experiment_names=names, total=len(found), filter_text="", now_ms=_now())


def show(run: str | Run = LAST) -> Bundle:
    """Show a run's card; ``run`` is a Run, an id, the first digits of one, a name, or "last"."""
    return run_card(card_data(find_run(run) if isinstance(run, str) else run, get_store()))


def notebook(run: str | Run = LAST, *, in_file_order: bool = True) -> Bundle:
    """Show the notebook as a run had executed it; ``in_file_order=False`` shows every execution, in their order."""
    found = find_run(run) if isinstance(run, str) else run
    return notebook_view(load_notebook(found.info.run_id, in_file_order=in_file_order))


def card_data(run: Run, store: Store, *, note: str | None = None, facts: RunFacts | None = None) -> CardData:
    """Read what a run's card shows, unless it was read before."""
    known = facts or facts_of(store, run.info.run_id)
    failure = known.failure
    return CardData(
        run=run,
        experiment_name=known.experiment_name,
        series={key: values for key, (_, values) in known.outlines.items()},
        series_counts={key: count for key, (count, _) in known.outlines.items()},
        previous=known.previous,
        changed_cells=known.changed_cells,
        own_params=own_params(known.captured),
        error=f"{failure.name}: {failure.message}".strip() if failure else None,
        traceback=failure.traceback if failure else None,
        environment=_summary(known.environment or {}),
        artifacts=known.files,
        note=note,
        now_ms=_now(),
        models=known.models,
    )


def _summary(environment: Mapping[str, object]) -> dict[str, str]:
    """Put an environment in a few words."""
    summary = {}
    for part, keys in (("python", ("implementation", "version")), ("platform", ("system", "release", "machine"))):
        found = environment.get(part)
        if isinstance(found, dict):
            summary[part] = " ".join(str(found[key]) for key in keys if found.get(key))
    hardware, packages = environment.get("hardware"), environment.get("packages")
    if isinstance(hardware, dict):
        gib = (hardware.get("memory_bytes") or 0) / 2**30
        summary["hardware"] = f"{hardware.get('cpu_count')} × {hardware.get('cpu') or 'cpu'}, {gib:.0f} GiB"
    if isinstance(packages, dict):
        summary["packages"] = f"{len(packages)} installed"
    return summary


def _now() -> int:
    return time.time_ns() // 1_000_000
