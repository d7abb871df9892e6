"""The client's searches for models: registered ones, their versions, and those that runs logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.client.base import ClientPart, as_ids, as_order
from mltrack.entities import PagedList
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import LoggedModel, ModelVersion, RegisteredModel


class ModelMethods(ClientPart):
    """Find models."""

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """Give one page of the registered models that match, by name unless ``order_by`` says otherwise.

        Parameters
        ----------
        filter_string
            Such as ``"name ILIKE 'fraud%' AND tags.team = 'risk'"``.
        max_results
            Rows of a page, 1 to 1,000.
        order_by
            Such as ``["last_updated_timestamp DESC"]``.
        page_token
            The ``token`` of the page before.
        """
        search = Search((), filter_string, as_order(order_by), max_results=max_results, page_token=page_token)
        page = self._registry.search_registered_models(search)
        return PagedList(page.rows, page.token)

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """Give one page of the model versions that match, the last changed first unless ``order_by`` says otherwise.

        Parameters
        ----------
        filter_string
            Such as ``"name = 'fraud' AND version_number >= 3"``.
        max_results
            Rows of a page, 1 to 200,000.
        order_by
            Such as ``["version_number DESC"]``.
        page_token
            The ``token`` of the page before.
        """
        search = Search((), filter_string, as_order(order_by), max_results=max_results, page_token=page_token)
        page = self._registry.search_model_versions(search)
        return PagedList(page.rows, page.token)

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: Sequence[Mapping[str, str]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[Mapping[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """Give one page of the logged models that match, the last created first unless ``order_by`` says otherwise.

        Parameters
        ----------
        experiment_ids
            Where to look; without any nothing is found.
        filter_string
            Such as ``"metrics.accuracy > 0.9 AND params.C = '0.5'"``.
        datasets
            Mappings of ``dataset_name`` and perhaps ``dataset_digest``: only their metrics count.
        max_results
            Rows of a page, 1 to 50,000; default 100.
        order_by
            Mappings such as ``{"field_name": "metrics.accuracy", "ascending": False}``, perhaps with the
            ``dataset_name`` and ``dataset_digest`` that the metric is of.
        page_token
            The ``token`` of the page before.
        """
        search = Search(
            as_ids(experiment_ids),
            filter_string,
            as_order(order_by),
            max_results=100 if max_results is None else max_results,
            page_token=page_token,
            datasets=tuple(datasets or ()),
        )
        page = self._store.search_logged_models(search)
        return PagedList(page.rows, page.token)
