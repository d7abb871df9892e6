"""The fluent verbs for what a run reads: datasets, frames and arrays, and logged models."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from mltrack.dataset_limits import check_dataset_input
from mltrack.entities import Dataset, DatasetInput, InputTag
from mltrack.exceptions import InvalidParameterError
from mltrack.settings import state
from mltrack.tracking import target_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import LoggedModelInput

CONTEXT_TAG = "mlflow.data.context"


def log_input(
    dataset: Any = None,
    context: str | None = None,
    tags: Mapping[str, str] | None = None,
    model: LoggedModelInput | None = None,
) -> None:
    """Log a dataset that the active run reads; when this returns, it survives the death of the process.

    Parameters
    ----------
    dataset
        What ``mltrack.data.from_pandas`` and its like make; or a DataFrame, Series, array, sparse matrix or tensor as
        it is, which is then called ``dataset``. The data itself is not stored.
    context
        What it is read for, as ``training``: the input's tag ``mlflow.data.context``.
    tags
        More tags of the input, with keys of at most 255 and values of at most 500 characters.
    model
        A logged model that the run reads.

    Raises
    ------
    InvalidParameterError
        When it is no data, or longer than MLflow takes (name 500, digest 36 characters).
    """
    datasets = [] if dataset is None else [_make_input(dataset, context, tags)]
    _write(datasets, [] if model is None else [model])


def log_inputs(
    datasets: Sequence[Any] | None = None,
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[Mapping[str, str] | None] | None = None,
    models: Sequence[LoggedModelInput | None] | None = None,
) -> None:
    """Log several datasets that the active run reads, all or none; see ``log_input``.

    Raises
    ------
    InvalidParameterError
        When there are contexts or tags, and not as many as datasets; None stands where there is none.
    """
    datasets = datasets or ()
    for what, given in (("contexts", contexts), ("tags", tags_list)):
        if given and len(given) != len(datasets):
            raise InvalidParameterError(
                f"log_inputs got {len(datasets)} datasets and {len(given)} {what}; give one for each, or None for it."
            )
    rows = zip_longest(datasets, contexts or (), tags_list or ())
    inputs = [_make_input(dataset, context, tags) for dataset, context, tags in rows if dataset is not None]
    _write(inputs, [model for model in models or () if model is not None])


def _make_input(dataset: Any, context: str | None, tags: Mapping[str, str] | None) -> DatasetInput:
    if not isinstance(dataset, Dataset):
        from mltrack.data.convert import as_dataset  # with the first dataset comes what looks into it

        dataset = as_dataset(dataset).to_entity()
    found = {**(tags or {}), **({CONTEXT_TAG: context} if context is not None else {})}
    return check_dataset_input(DatasetInput(dataset, tuple(InputTag(key, value) for key, value in found.items())))


def _write(datasets: Sequence[DatasetInput], models: Sequence[LoggedModelInput]) -> None:
    store, run_id = target_run()
    if datasets or models:
        state.backlog.do(store.log_inputs, run_id, datasets, models=models)
