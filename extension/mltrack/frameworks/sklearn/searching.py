"""Grid, random and halving searches: the best candidate as the run's, the best as child runs, and all in a table."""

from __future__ import annotations

import csv
import io
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from mltrack.autologging import switch
from mltrack.autologging.fits import Child
from mltrack.frameworks.sklearn import NAME
from mltrack.masking import mask_value
from mltrack.values import to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.autologging.fits import Fit

_MOST_ROWS = 10_000


def is_search(model: Any) -> bool:
    """Tell whether a model is a search over params."""
    module: Any = sys.modules.get("sklearn.model_selection._search")
    return module is not None and isinstance(model, module.BaseSearchCV)


def log_search(fit: Fit, search: Any) -> None:
    """Log the best candidate, the table of all as ``cv_results.csv``, and child runs."""
    best = getattr(search, "best_params_", None) or {}
    score = getattr(search, "best_score_", None)
    fit.log(
        params={f"best_{name}": value for name, value in best.items()},
        metrics={} if score is None else {"best_cv_score": score},
    )
    results = getattr(search, "cv_results_", None)
    if results:
        fit.log_text(fit.key("cv_results") + ".csv", _as_csv(results))
        _log_candidates(fit, search, results)


def _log_candidates(fit: Fit, search: Any, results: Mapping[str, Any]) -> None:
    seed = search.estimator
    kind = type(seed)
    tags = {"estimator_name": kind.__name__, "estimator_class": f"{kind.__module__}.{kind.__name__}"}
    common = seed.get_params(deep=not is_search(seed))
    places = _best_first(results)[: getattr(switch.options_of(NAME), "max_tuning_runs", 50)]
    fit.log_children(
        [Child({**common, **results["params"][place]}, _metrics(results, place), tags) for place in places]
    )


def _best_first(results: Mapping[str, Any]) -> list[int]:
    """Order the candidates by their rank; of several scores by the first one's."""
    rank = next(
        (name for name in ("rank_test_score", *results) if name.startswith("rank_test_") and name in results), ""
    )
    count = len(results["params"])
    return [int(place) for place in np.argsort(results[rank], kind="stable")] if rank else list(range(count))


def _metrics(results: Mapping[str, Any], place: int) -> dict[str, Any]:
    """Give the numbers of one candidate but those of single splits, as MLflow does."""
    names = [name for name in results if not name.startswith(("param", "split"))]
    return {name: results[name][place] for name in names if np.asarray(results[name]).dtype.kind in "fiu"}


def _as_csv(results: Mapping[str, Any]) -> str:
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(results)
    for number, row in enumerate(zip(*results.values(), strict=True)):
        if number == _MOST_ROWS:
            break
        writer.writerow([_cell(name, value) for name, value in zip(results, row, strict=True)])
    return target.getvalue()


def _cell(name: str, value: Any) -> Any:
    """Give what stands in the table: a param's value as it is logged of the candidate, its secrets masked."""
    if value is np.ma.masked:
        return ""
    return mask_value(name, to_text(value)) if name.startswith("param") else value
