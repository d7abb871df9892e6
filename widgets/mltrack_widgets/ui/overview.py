"""The overview: the store's experiments and its registered models."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mltrack.settings import get_registry, get_store
from mltrack.store.pages import Search
from mltrack_widgets.format import count, exact_time, one_line, relative_time
from mltrack_widgets.html import tag
from mltrack_widgets.ui.parts import anchor, head, remark, section, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.entities import Experiment, RegisteredModel
    from mltrack_widgets.bundle import Bundle
    from mltrack_widgets.html import Markup
    from mltrack_widgets.ui.address import Address

MOST = 500


def overview(address: Address) -> Iterator[Bundle]:
    """Show what there is in the store."""
    yield head(address, title="Experiments")
    found = get_store().list_experiments()
    yield table(
        ("Experiment", "Runs", "Last run"), [_experiment(address, each) for each in found[:MOST]], label="Experiments"
    )
    if len(found) > MOST:
        yield remark(f"and {len(found) - MOST:,} more; their pages are at ?experiment=ID.")
    yield section("Registered models")
    models = get_registry().search_registered_models(Search(max_results=MOST)).rows
    if models:
        rows = [_model(address, each) for each in models]
        yield table(("Model", "Versions", "Aliases"), rows, label="Registered models")
    else:
        yield remark("There are none yet: mltrack.register_model('models:/MODEL_ID', 'NAME') makes one.")


def _experiment(address: Address, experiment: Experiment) -> list[Markup | str]:
    store = get_store()
    number = store.count_runs((experiment.experiment_id,))
    newest = store.search_runs(Search((experiment.experiment_id,), max_results=1)).rows if number else ()
    began = newest[0].info.start_time if newest else None
    moment: Markup | str = "–"
    if began is not None:
        moment = tag("span", {"title": exact_time(began)}, relative_time(began, time.time_ns() // 1_000_000))
    return [anchor(experiment.name, address.of_experiment(experiment.experiment_id)), f"{number:,}", moment]


def _model(address: Address, model: RegisteredModel) -> list[Markup | str]:
    newest = max((int(each.version) for each in model.latest_versions), default=0)
    aliases = ", ".join(f"{alias} {version}" for alias, version in sorted(model.aliases.items()))
    shown = f"up to {newest}" if newest else count(0, "version")
    return [anchor(model.name, address.of_model(model.name)), shown, one_line(aliases, 60)]
