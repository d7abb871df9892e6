"""Searches as pandas DataFrames, with MLflow's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.entities import ViewType
from mltrack.exceptions import InvalidParameterError
from mltrack.settings import current_experiment_id, get_store
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from mltrack.entities import Run

PAGE = 5000


def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: str | int | ViewType = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: Sequence[str] | None = None,
    output_format: str = "pandas",
    search_all_experiments: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    experiment_names: Sequence[str] | None = None,
) -> Any:
    """Find runs; give them as a DataFrame, or as a list of ``Run`` with ``output_format="list"``.

    Parameters
    ----------
    experiment_ids, experiment_names
        Where to look; default: the chosen experiment. Unknown names find nothing.
    filter_string
        Such as ``"metrics.accuracy > 0.9 AND params.C = '0.5'"``.
    run_view_type
        ``ACTIVE_ONLY``, ``DELETED_ONLY``, ``ALL``, or MLflow's 1, 2, 3.
    max_results
        At most this many rows.
    order_by
        Such as ``["metrics.accuracy DESC"]``; default: last started first.

    Returns
    -------
    pandas.DataFrame
        ``run_id, experiment_id, status, artifact_uri, start_time, end_time`` (UTC), then ``metrics.*`` (NaN where a
        run has none), ``params.*`` and ``tags.*`` (missing where a run has none).
    """
    if output_format not in ("pandas", "list"):
        raise InvalidParameterError(f"output_format must be 'pandas' or 'list'; got {output_format!r}.")
    if experiment_ids and experiment_names:
        raise InvalidParameterError("Give search_runs experiment_ids or experiment_names, not both.")
    if type(max_results) is not int or max_results < 1:
        raise InvalidParameterError(f"max_results must be a whole number from 1; got {max_results!r}.")
    places = _experiments(experiment_ids, experiment_names, everywhere=search_all_experiments)
    view = ViewType.read(run_view_type)
    runs = list(find_runs(places, filter_string, order_by=order_by, view_type=view, max_results=max_results))
    return to_frame(runs) if output_format == "pandas" else runs


def find_runs(
    experiment_ids: Sequence[str],
    filter_string: str | None = None,
    *,
    order_by: Sequence[str] | None = None,
    view_type: ViewType = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
) -> Iterable[Run]:
    """Give the matching runs one after the other, reading them page by page."""
    token, left = None, max_results
    store, places = get_store(), tuple(experiment_ids)
    order: Any = order_by if isinstance(order_by, str) else tuple(order_by or ())  # a text is refused by the search
    while left > 0:
        search = Search(places, filter_string, order, view_type, min(left, PAGE), token)
        page = store.search_runs(search)
        yield from page.rows
        left, token = left - len(page.rows), page.token
        if token is None:
            return


def _experiments(ids: Sequence[str] | None, names: Sequence[str] | None, *, everywhere: bool) -> list[str]:
    store = get_store()
    if ids:
        return [str(each) for each in ids]
    if names:
        found = [store.get_experiment_by_name(name) for name in names]
        return [each.experiment_id for each in found if each]
    if everywhere:
        return [each.experiment_id for each in store.list_experiments()]
    return [current_experiment_id()]


def _times(pandas: Any, values: list[int | None]) -> Any:
    return pandas.to_datetime(values, unit="ms", utc=True)


def to_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """Put runs into a DataFrame with MLflow's columns; see ``search_runs``."""
    import pandas as pd  # heavy, needed for frames only

    infos = [run.info for run in runs]
    columns: dict[str, Any] = {
        "run_id": [info.run_id for info in infos],
        "experiment_id": [info.experiment_id for info in infos],
        "status": [info.status for info in infos],
        "artifact_uri": [info.artifact_uri for info in infos],
        "start_time": _times(pd, [info.start_time for info in infos]),
        "end_time": _times(pd, [info.end_time for info in infos]),
    }
    nan = float("nan")
    for key in sorted({key for run in runs for key in run.data.metrics}):
        columns[f"metrics.{key}"] = [run.data.metrics.get(key, nan) for run in runs]
    for key in sorted({key for run in runs for key in run.data.params}):
        columns[f"params.{key}"] = [run.data.params.get(key) for run in runs]
    for key in sorted({key for run in runs for key in run.data.tags}):
        columns[f"tags.{key}"] = [run.data.tags.get(key) for run in runs]
    return pd.DataFrame(columns)
