"""What the models' panel shows: a page of registered models, or of the versions of one with what made them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.models.logged import UNSAFE_TAG
from mltrack_widgets.panels.table_fields import usual_metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mltrack.client import MltrackClient
    from mltrack.entities import ModelVersion, PagedList, RegisteredModel, Run
    from mltrack_widgets.panels.run_set import RunSet
    from mltrack_widgets.panels.table_fields import Field

ROWS = 25
"""Rows of a page."""
CHAMPION, PRODUCTION = "champion", "Production"
NEWEST_FIRST = ("version", True)
_MOST_METRICS = 6
_ORDERS = {
    "name": "name",
    "changed": "last_updated_timestamp",
    "version": "version_number",
    "created": "creation_timestamp",
}
SORTABLE = frozenset(_ORDERS)


@dataclass(frozen=True, slots=True)
class Listing:
    """Which rows are wanted: those that match what was typed, sorted by (column, descending), one page of them.

    ``tokens`` are those of the page and of the pages before it, without the first, which has none.
    """

    typed: str = ""
    order: tuple[str, bool] = ("name", False)
    tokens: tuple[str, ...] = ()

    @property
    def offset(self) -> int:
        """How many rows come before the page."""
        return ROWS * len(self.tokens)

    @property
    def order_by(self) -> list[str]:
        """The order as a search takes it."""
        column, descending = self.order
        return [f"{_ORDERS[column]} {'DESC' if descending else 'ASC'}"]

    def turned(self, to: str, token: str | None) -> Listing:
        """Give the page ``"first"``, ``"next"`` (which begins at the token) or ``"previous"``."""
        if to == "next":
            return replace(self, tokens=(*self.tokens, token)) if token is not None else self
        return replace(self, tokens=self.tokens[:-1] if to == "previous" else ())


@dataclass(frozen=True, slots=True)
class ModelsPage:
    """A page of registered models."""

    listing: Listing
    models: tuple[RegisteredModel, ...]
    token: str | None


@dataclass(frozen=True, slots=True)
class VersionsPage:
    """A page of the versions of a registered model.

    ``runs`` holds those that made them by id, as far as they are there, ``unsafe`` the files that run code when they
    are loaded by the ids of logged models. ``reference`` is what the others are compared with: the version that the
    alias ``champion`` names, else the newest one in Production.
    """

    listing: Listing
    model: RegisteredModel
    versions: tuple[ModelVersion, ...]
    token: str | None
    reference: ModelVersion | None = None
    runs: Mapping[str, Run] = field(default_factory=dict)
    unsafe: Mapping[str, str] = field(default_factory=dict)

    def run_of(self, version: ModelVersion | None) -> Run | None:
        """Give the run that made a version, if it is there."""
        return None if version is None else self.runs.get(version.run_id)

    @property
    def metrics(self) -> tuple[Field, ...]:
        """The metrics that the runs of all versions have, or any where they have none in common; at most six."""
        found = [run.data.metrics for run in map(self.run_of, self.versions) if run is not None]
        names = list(dict.fromkeys(name for metrics in found for name in metrics))
        common = [name for name in names if all(name in metrics for metrics in found)]
        return usual_metrics(common or names)[:_MOST_METRICS]


def read_models(client: MltrackClient, listing: Listing) -> ModelsPage:
    """Read a page of the registered models whose names have in them what was typed."""
    typed = listing.typed.strip()
    filter_string = f"name ILIKE '%{_quotable(typed)}%'" if typed else None
    page = client.search_registered_models(filter_string, ROWS, listing.order_by, _token(listing))
    return ModelsPage(listing, tuple(page), page.token)


def read_versions(client: MltrackClient, name: str, listing: Listing, runs: RunSet) -> VersionsPage:
    """Read a page of the versions of a registered model, and of ``runs`` those that made them.

    What was typed is a number, or a filter such as ``version_number >= 3 AND tags.team = 'risk'``.

    Raises
    ------
    NotFoundError
        When there is no such model.
    InvalidParameterError
        For a filter that does not parse.
    """
    model = client.get_registered_model(name)
    page = find_versions(client, name, listing)
    versions = tuple(each for each in page if each.name == name)
    reference = _reference(client, model)
    found = runs_of(runs, (*versions, *([reference] if reference else [])))
    return VersionsPage(listing, model, versions, page.token, reference, found, _unsafe(client, runs, versions))


def find_versions(client: MltrackClient, name: str, listing: Listing, *, most: int = ROWS) -> PagedList[ModelVersion]:
    """Search the versions of a registered model; of a name with both kinds of quotes, others may be among them."""
    sameness = f"= '{name}'" if "'" not in name else f'= "{name}"' if '"' not in name else f"LIKE '{_quotable(name)}'"
    typed = listing.typed.strip()
    if typed:
        client.search_model_versions(_filter(typed), 1)  # refused with a mark at its place in what was typed
    filter_string = f"name {sameness}" + (f" AND ({_filter(typed)})" if typed else "")
    return client.search_model_versions(filter_string, most, listing.order_by, _token(listing))


def runs_of(runs: RunSet, versions: Iterable[ModelVersion]) -> dict[str, Run]:
    """Read the runs that made some versions, in whatever experiment; those that are not there are left out."""
    return replace(runs, experiments=_experiments(runs)).by_id(run_ids(versions))


def run_ids(versions: Iterable[ModelVersion]) -> list[str]:
    """Give the runs that made some versions, each once."""
    return list(dict.fromkeys(each.run_id for each in versions if each.run_id))


def sorted_by(listing: Listing, column: str, *, descending: bool) -> Listing:
    """Give the first page in another order.

    Raises
    ------
    InvalidParameterError
        For a column that the store does not sort by.
    """
    if column not in SORTABLE:
        raise InvalidParameterError(f"Models are not sorted by {column[:80]!r}; sort by {', '.join(sorted(SORTABLE))}.")
    return replace(listing, order=(column, descending), tokens=())


def _filter(typed: str) -> str:
    return f"version_number = {typed}" if typed.isdecimal() and typed.isascii() else typed


def _quotable(text: str) -> str:
    return text.replace("'", "_")  # any character, in a LIKE


def _token(listing: Listing) -> str | None:
    return listing.tokens[-1] if listing.tokens else None


def _reference(client: MltrackClient, model: RegisteredModel) -> ModelVersion | None:
    number = model.aliases.get(CHAMPION)
    if number is None:
        return next((each for each in model.latest_versions if each.current_stage == PRODUCTION), None)
    try:
        return client.get_model_version(model.name, number)
    except NotFoundError:  # removed between the two readings
        return None


def _experiments(runs: RunSet) -> dict[str, str]:
    return {each.experiment_id: each.name for each in runs.store.list_experiments()}


def _unsafe(client: MltrackClient, runs: RunSet, versions: Sequence[ModelVersion]) -> dict[str, str]:
    """Give the files that run code by the ids of the logged models that have some."""
    ids = ", ".join(f"'{each.model_id}'" for each in versions if each.model_id)
    if not ids:
        return {}
    found = client.search_logged_models(list(_experiments(runs)), f"model_id IN ({ids})", max_results=ROWS)
    return {model.model_id: model.tags[UNSAFE_TAG] for model in found if UNSAFE_TAG in model.tags}
