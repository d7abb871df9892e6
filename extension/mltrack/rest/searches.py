"""Searches on a server: pages of runs, experiments and models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.rest.paging import Reading
from mltrack.rest.part import RestPart
from mltrack.rest.plain_grammar import check_filter
from mltrack.store.filters import parse_order_key
from mltrack.store.grammars import EXPERIMENTS, LOGGED_MODELS, MODEL_VERSIONS, REGISTERED_MODELS, RUNS
from mltrack.wire.models import read_logged_model, read_registered_model, read_version
from mltrack.wire.runs import read_experiment, read_run

if TYPE_CHECKING:
    from mltrack.entities import Experiment, LoggedModel, ModelVersion, RegisteredModel, Run
    from mltrack.store.grammars import Grammar
    from mltrack.store.pages import Page, Search
    from mltrack.wire.shapes import Json

_RUNS = Reading("runs", read_run, at_once=1000, most=50_000)
_EXPERIMENTS = Reading("experiments", read_experiment, at_once=1000, most=50_000)
_MODELS = Reading("registered_models", read_registered_model, at_once=1000, most=1000)
_VERSIONS = Reading("model_versions", read_version, at_once=1000, most=200_000)
_LOGGED = Reading("models", read_logged_model, at_once=100, most=50_000)
_NO_PROMPTS = "tag.`mlflow.prompt.is_prompt` != 'true'"


class RestSearches(RestPart):
    """Finds runs, experiments and models; what is wrong with a search is an InvalidParameterError."""

    def search_runs(self, wanted: Search) -> Page[Run]:
        """Give one page of the runs that match, up to 50,000."""
        self._check(wanted, RUNS)
        self._settle()
        if not wanted.experiment_ids:
            return _RUNS.page(wanted, _nothing)
        body = {"experiment_ids": list(wanted.experiment_ids), "run_view_type": str(wanted.view_type)}
        return self._posted(_RUNS, wanted, "runs/search", body)

    def search_experiments(self, wanted: Search) -> Page[Experiment]:
        """Give one page of the experiments that match, up to 50,000."""
        return self._search_experiments(wanted)

    def _search_experiments(self, wanted: Search) -> Page[Experiment]:
        self._check(wanted, EXPERIMENTS)
        body = {"view_type": str(wanted.view_type)}
        return self._posted(_EXPERIMENTS, wanted, "experiments/search", body)

    def search_registered_models(self, wanted: Search) -> Page[RegisteredModel]:
        """Give one page of the registered models that match, up to 1,000; MLflow's prompts are left out."""
        self._check(wanted, REGISTERED_MODELS)
        named = wanted.filter_string
        if not self._transport.is_ours():
            named = f"{named} AND {_NO_PROMPTS}" if named and named.strip() else _NO_PROMPTS
        return self._asked(_MODELS, wanted, "registered-models/search", named)

    def search_model_versions(self, wanted: Search) -> Page[ModelVersion]:
        """Give one page of the model versions that match, up to 200,000."""
        self._check(wanted, MODEL_VERSIONS)
        return self._asked(_VERSIONS, wanted, "model-versions/search", wanted.filter_string)

    def search_logged_models(self, wanted: Search) -> Page[LoggedModel]:
        """Give one page of the logged models that match, up to 50,000."""
        self._check(wanted, LOGGED_MODELS)
        self._settle()
        if not wanted.experiment_ids:
            return _LOGGED.page(wanted, _nothing)
        body: Json = {
            "experiment_ids": list(wanted.experiment_ids),
            "datasets": [dict(each) for each in wanted.datasets],
            "order_by": [_order(each) for each in wanted.order_by],
        }
        return self._posted(_LOGGED, wanted, "logged-models/search", body)

    def _posted(self, reading: Reading, wanted: Search, path: str, body: Json) -> Page[Any]:
        whole = {"filter": wanted.filter_string or "", "order_by": list(wanted.order_by), **body}

        def ask(size: int, token: str | None) -> Json:
            page = {"max_results": size} | ({"page_token": token} if token else {})
            return self._transport.call("POST", path, body=whole | page)

        return reading.page(wanted, ask)

    def _asked(self, reading: Reading, wanted: Search, path: str, filter_string: str | None) -> Page[Any]:
        query = {"filter": filter_string or None, "order_by": list(wanted.order_by)}

        def ask(size: int, token: str | None) -> Json:
            return self._transport.call("GET", path, query={**query, "max_results": size, "page_token": token})

        return reading.page(wanted, ask)

    def _check(self, wanted: Search, grammar: Grammar) -> None:
        """Refuse what an MLflow server would not understand, or misunderstand."""
        if wanted.filter_string and not self._transport.is_ours():
            check_filter(wanted.filter_string, grammar, self.uri)


def _nothing(size: int, token: str | None) -> Json:
    """Answer a search in no experiment, which a server need not be asked."""
    del size, token
    return {}


def _order(each: str | Mapping[str, object]) -> Json:
    """Give an order of logged models as the wire has it."""
    if isinstance(each, Mapping):
        if not isinstance(each.get("field_name"), str) or not isinstance(each.get("ascending", True), bool):
            problem = f"An order is a field_name (text) and perhaps ascending (bool); got {str(dict(each))[:80]}."
            raise InvalidParameterError(problem)
        return dict(each)
    key = parse_order_key(each, LOGGED_MODELS)
    return {"field_name": str(key.key), "ascending": not key.descending}
