"""Routes that search runs and experiments."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from pydantic_core import to_json

from mltrack.entities import ViewType
from mltrack.server.message import Items, Message, OptionalText, Shape
from mltrack.server.need import EXPERIMENT, FILTERED
from mltrack.server.readable_pages import readable_page
from mltrack.server.route import MEBIBYTE, SLOW, Route
from mltrack.store.page_tokens import MAX_RESULTS
from mltrack.store.pages import Search
from mltrack.wire.runs import write_experiment, write_run

if TYPE_CHECKING:
    from mltrack.entities import Run
    from mltrack.server.call import Call
    from mltrack.store.pages import Page

PAGE_BYTES = 32 * MEBIBYTE
"""A page of runs ends early where it grows larger: clients hold the whole answer, and read on by its token."""
AT_ONCE = 2_000
"""Runs that are read from the store together."""
Size = Annotated[int, Field(ge=1, le=MAX_RESULTS)]


class SearchRuns(Message):
    """Which runs to find."""

    experiment_ids: Items[str] = ()
    filter: str = ""
    run_view_type: str | int | None = None
    max_results: Size = 1_000
    order_by: Items[str] = ()
    page_token: OptionalText = None


class SearchExperiments(Message):
    """Which experiments to find."""

    max_results: Size
    page_token: OptionalText = None
    filter: str = ""
    order_by: Items[str] = ()
    view_type: str | int | None = None


class RunsAnswer(Message):
    """A page of runs."""

    runs: tuple[Shape, ...] = ()
    next_page_token: str = ""


class ExperimentsAnswer(Message):
    """A page of experiments."""

    experiments: tuple[Shape, ...] = ()
    next_page_token: str = ""


def search_runs(call: Call) -> bytes:
    """Give a page of the runs that match, of the experiments that the caller may read."""
    asked: SearchRuns = call.request
    may = call.gate.readable(call.user, EXPERIMENT)
    places = tuple(each for each in asked.experiment_ids if may is None or each in may)
    left, size, token, texts = asked.max_results, 0, asked.page_token, list[bytes]()
    while True:
        search = Search(
            places, asked.filter, asked.order_by, _view(asked.run_view_type), min(left, AT_ONCE), page_token=token
        )
        page = call.store.search_runs(search)
        texts += _texts(call, page)
        left, size, token = left - len(page.rows), size + sum(map(len, texts[-len(page.rows) :])), page.token
        if token is None or left <= 0 or size >= PAGE_BYTES:
            break
    parts = [b'"runs":[%b]' % b",".join(texts)] if texts else []
    parts += [b'"next_page_token":%b' % to_json(token)] if token else []
    return b"{%b}" % b",".join(parts)


def _texts(call: Call, page: Page[Run]) -> list[bytes]:
    places = call.service.places
    return [to_json(write_run(places.of_run(each)), inf_nan_mode="strings") for each in page.rows]


def search_experiments(call: Call) -> Shape:
    """Give a page of the experiments that match and that the caller may read."""
    asked: SearchExperiments = call.request
    view, places = _view(asked.view_type), call.service.places
    page = readable_page(
        call.store.search_experiments,
        Search((), asked.filter, asked.order_by, view, asked.max_results, page_token=asked.page_token),
        readable=call.gate.readable(call.user, EXPERIMENT),
        key=lambda each: each.experiment_id,
        most=MAX_RESULTS,
    )
    found: Shape = {"experiments": [write_experiment(places.of_experiment(each)) for each in page.rows]}
    return {name: each for name, each in (found | {"next_page_token": page.token}).items() if each}


def _view(said: str | int | None) -> ViewType:
    """Read a view type, by name or MLflow's number; one that is not known is as if it were not there, as there."""
    if said is None:
        return ViewType.ACTIVE_ONLY
    with suppress(ValueError):  # a number of thousands of digits is one, too
        is_number = isinstance(said, str) and said.isascii() and said.isdigit()
        return ViewType(int(said) if is_number else said)  # type: ignore[arg-type] # MLflow's numbers
    return ViewType.ACTIVE_ONLY


_RUNS, _EXPERIMENTS = "runs/search", "experiments/search"
ROUTES = (
    Route("POST", _RUNS, SearchRuns, RunsAnswer, FILTERED, search_runs, MEBIBYTE, SLOW),
    Route("POST", _EXPERIMENTS, SearchExperiments, ExperimentsAnswer, FILTERED, search_experiments, MEBIBYTE, SLOW),
    Route("GET", _EXPERIMENTS, SearchExperiments, ExperimentsAnswer, FILTERED, search_experiments, 0, SLOW),
)
