"""Labels of classes as places in one sorted list, whatever they are: numbers, texts, truth values."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows with their true and predicted classes, as places in ``labels``, which are sorted."""

    labels: list[Any]
    true: NDArray[Any]
    predicted: NDArray[Any]


def labelled(
    true: NDArray[Any],
    predicted: NDArray[Any],
    *,
    label_list: Sequence[Any] | None = None,
    classes: Sequence[Any] | None = None,
) -> Labelled:
    """Find the labels of both columns, and where each row's are among them.

    Parameters
    ----------
    true, predicted
        One label a row.
    label_list
        All labels that there are, as the user says.
    classes
        Those that the model knows; they count as labels, too, whether they occur or not.

    Raises
    ------
    InvalidParameterError
        When the two are of different kinds, when they are no labels, when one is not in ``label_list``, or when there
        are fewer than two.
    """
    kinds = _kind(true, "targets"), _kind(predicted, "predictions")
    if kinds[0] != kinds[1]:
        raise InvalidParameterError(
            f"The targets are {kinds[0]} ({_some(true)}) and the predictions {kinds[1]} ({_some(predicted)}); "
            "give both as the same kind of labels."
        )
    both = [column if kinds[0] == "numbers" else column.astype(object) for column in (true, predicted)]
    places, found = pd.factorize(np.concatenate(both), sort=True)
    known = found.tolist()
    given = known if label_list is None else _plain(label_list)
    labels = _sorted([*given, *(_plain(classes) if classes is not None and label_list is None else ())])
    missing = [label for label in known if label not in set(labels)]
    if missing:
        raise InvalidParameterError(f"The label_list {labels} lacks {_words(missing)}, which the data has.")
    if len(labels) < 2:
        raise InvalidParameterError(
            f"A classification needs two labels; the targets and predictions have only {_words(labels)}. "
            "Name all there are with evaluator_config={'label_list': [0, 1]}."
        )
    of_label = {label: place for place, label in enumerate(labels)}
    moved = np.array([of_label[label] for label in known])[places]
    return Labelled(labels, moved[: len(true)], moved[len(true) :])


def _plain(values: Sequence[Any]) -> list[Any]:
    return np.asarray(values).tolist() if not isinstance(values, list) else values


def _sorted(labels: list[Any]) -> list[Any]:
    try:
        return sorted(set(labels))
    except TypeError:
        raise InvalidParameterError(
            f"Labels are numbers or texts, not both; the model's classes and the data's are {_words(labels)}."
        ) from None


def _kind(values: NDArray[Any], what: str) -> str:
    """Say what a column's labels are: numbers or texts."""
    if values.dtype.kind in "biuf":
        if values.dtype.kind == "f" and bool((values % 1 != 0).any()):
            raise InvalidParameterError(
                f"The {what} of a classifier are labels; got numbers with fractions ({_some(values)}). "
                "Round probabilities to labels first, or say model_type='regressor'."
            )
        return "numbers"
    if values.dtype.kind in "US":
        return "texts"
    kinds = {type(value) for value in pd.unique(values)} if values.dtype.kind == "O" else {values.dtype}
    if kinds <= {str}:
        return "texts"
    if all(isinstance(kind, type) and issubclass(kind, (Real, np.generic)) for kind in kinds):
        return _kind(np.asarray(values.tolist()), what)
    raise InvalidParameterError(f"Labels are numbers or texts, not both; the {what} have {_some(values)}.")


def _some(values: NDArray[Any]) -> str:
    return _words(pd.unique(values[:10_000]).tolist())


def _words(labels: Sequence[Any]) -> str:
    more = f", … ({len(labels)} in all)" if len(labels) > 5 else ""
    return ", ".join(repr(label)[:40] for label in labels[:5]) + more
