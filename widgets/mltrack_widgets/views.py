"""``mltrack.show``, ``mltrack.notebook`` and lists of runs: what a cell or a terminal shows of the store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mltrack.executed_notebook import load_notebook
from mltrack.lookup import LAST, find_run
from mltrack.settings import get_store
from mltrack_widgets.notebook_view import notebook_view
from mltrack_widgets.run_card import CardData, run_card
from mltrack_widgets.run_table import run_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import Run
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


def card_data(run: Run, store: Store, *, note: str | None = None) -> CardData:
    """Read what a run's card shows."""
    run_id = run.info.run_id
    outlines = store.metric_outlines(run_id)
    previous_id = store.previous_run_of_cell(run_id)
    failure = store.get_failure(run_id)
    captured = store.get_captured(run_id)
    return CardData(
        run=run,
        experiment_name=store.get_experiment(run.info.experiment_id).name,
        series={key: values for key, (_, values) in outlines.items()},
        series_counts={key: count for key, (count, _) in outlines.items()},
        previous=store.get_run(previous_id) if previous_id else None,
        changed_cells=_changed_cells(store, run_id, previous_id),
        own_params=tuple(each.name for each in captured if each.kind == "param" and each.origin == "bound"),
        error=f"{failure.name}: {failure.message}".strip() if failure else None,
        traceback=failure.traceback if failure else None,
        environment=_summary(store.get_environment(run_id) or {}),
        artifacts=tuple(store.list_artifacts(run_id)),
        note=note,
        now_ms=_now(),
    )


def _changed_cells(store: Store, run_id: str, previous_id: str | None) -> int:
    """Count the cells that both runs had executed and whose source differs."""
    if previous_id is None:
        return 0
    before, now = store.cell_sources(previous_id), store.cell_sources(run_id)
    return sum(before[cell] != source for cell, source in now.items() if cell in before)


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
