"""The fluent searches for models: registered ones, their versions, and those that runs logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from mltrack.client import MltrackClient
from mltrack.exceptions import InvalidParameterError
from mltrack.settings import current_experiment_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mltrack.entities import LoggedModel, ModelVersion, PagedList, RegisteredModel

Item = TypeVar("Item")
PAGE = 1_000


def search_registered_models(
    max_results: int | None = None, filter_string: str | None = None, order_by: Sequence[str] | None = None
) -> list[RegisteredModel]:
    """Give all registered models that match (or the first ``max_results``), by name unless ``order_by`` says otherwise.

    See ``MltrackClient.search_registered_models`` for the filters.
    """
    search = MltrackClient().search_registered_models
    return _all(max_results, lambda size, token: search(filter_string, size, order_by, token))


def search_model_versions(
    max_results: int | None = None, filter_string: str | None = None, order_by: Sequence[str] | None = None
) -> list[ModelVersion]:
    """Give all model versions that match (or the first ``max_results``), the last changed first by default.

    See ``MltrackClient.search_model_versions`` for the filters.
    """
    search = MltrackClient().search_model_versions
    return _all(max_results, lambda size, token: search(filter_string, size, order_by, token))


def search_logged_models(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str | None = None,
    datasets: Sequence[Mapping[str, str]] | None = None,
    max_results: int | None = None,
    order_by: Sequence[Mapping[str, Any]] | None = None,
    output_format: str = "pandas",
) -> Any:
    """Give all logged models that match (or the first ``max_results``), the last created first by default.

    See ``MltrackClient.search_logged_models`` for the filters. Default of ``experiment_ids``: the chosen experiment.

    Returns
    -------
    pandas.DataFrame or list of LoggedModel
        By ``output_format``, ``"pandas"`` or ``"list"``; the frame has a column for each field of ``LoggedModel``.
    """
    if output_format not in ("pandas", "list"):
        raise InvalidParameterError(f"output_format must be 'pandas' or 'list'; got {output_format!r}.")
    places = [current_experiment_id()] if experiment_ids is None else experiment_ids
    search = MltrackClient().search_logged_models
    found: list[LoggedModel] = _all(
        max_results, lambda size, token: search(places, filter_string, datasets, size, order_by, token)
    )
    if output_format == "list":
        return found
    import pandas as pd  # heavy, needed for frames only

    return pd.DataFrame([dict(model) for model in found])


def _all(max_results: int | None, page_of: Callable[[int, str | None], PagedList[Item]]) -> list[Item]:
    found: list[Item] = []
    token = None
    while True:
        page = page_of(PAGE if max_results is None else min(PAGE, max_results - len(found)), token)
        found += page
        token = page.token
        if token is None or len(found) == max_results:
            return found
