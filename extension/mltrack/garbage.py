"""Removing for good what was deleted: runs, experiments, their artifacts, and what nothing refers to any more."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError
from mltrack.settings import get_store
from mltrack.store.protocol import GarbageSelection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.store.protocol import GarbageReport


def collect_garbage(
    *,
    older_than: float | None = None,
    run_ids: Sequence[str] | None = None,
    experiment_ids: Sequence[str] | None = None,
) -> GarbageReport:
    """Remove deleted runs, experiments and logged models of the store for good, and return the space.

    A deleted logged model stays as long as a version of a registered model is made of it, unless its experiment goes.

    Parameters
    ----------
    older_than
        Only what was deleted at least this many seconds ago; default: all.
    run_ids
        Only these runs, which must be deleted.
    experiment_ids
        Only these experiments with their runs, which must be deleted; with ``run_ids`` both.

    Raises
    ------
    NotFoundError
        When one that was named is not there.
    InvalidParameterError
        When one that was named is not deleted, or not for long enough.
    """
    if older_than is not None and not (older_than >= 0 and math.isfinite(older_than)):
        raise InvalidParameterError(f"older_than must be a number of seconds from 0; got {older_than!r}.")
    before = None if older_than is None else time.time_ns() // 1_000_000 - round(older_than * 1000)
    return get_store().collect_garbage(
        GarbageSelection(
            before,
            None if run_ids is None else tuple(run_ids),
            None if experiment_ids is None else tuple(str(each) for each in experiment_ids),
        )
    )
