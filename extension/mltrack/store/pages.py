"""What a search asks for and what it gives, for every kind of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from mltrack.entities import ViewType

if TYPE_CHECKING:
    from collections.abc import Mapping

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Search:
    """Which rows to find, in what order, and which page of them (``max_results`` rows from the token on).

    ``experiment_ids`` matter for runs and logged models, ``view_type`` for runs and experiments, ``datasets`` for
    logged models: mappings of ``dataset_name`` and perhaps ``dataset_digest``. ``order_by`` holds texts, and for logged
    models perhaps mappings of ``field_name``, ``ascending``, ``dataset_name`` and ``dataset_digest``.
    """

    experiment_ids: tuple[str, ...] = ()
    filter_string: str | None = None
    order_by: tuple[str | Mapping[str, object], ...] = ()
    view_type: ViewType = ViewType.ACTIVE_ONLY
    max_results: int = 1000
    page_token: str | None = None
    datasets: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of rows, and the token of the next one (None on the last)."""

    rows: tuple[Row, ...]
    token: str | None
