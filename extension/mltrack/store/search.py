"""Searches for every kind of rows, a page at a time, over one connection inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError
from mltrack.store.dialect import dialect_of
from mltrack.store.experiments import existing_numbers, read_numbered
from mltrack.store.filter_sql import SqlWriter
from mltrack.store.filter_tree import And, Comparison, Entity, Not, Or
from mltrack.store.filters import checked_order, parse_filter, parse_order, parse_order_key
from mltrack.store.grammars import EXPERIMENTS, LOGGED_MODELS, MODEL_VERSIONS, REGISTERED_MODELS, RUNS
from mltrack.store.models import read_logged_models, read_model_versions, read_registered_models
from mltrack.store.page_tokens import next_token, page_bounds
from mltrack.store.pages import Page
from mltrack.store.run_search import STAGES, RunFinder
from mltrack.store.runs import read_runs
from mltrack.store.search_tables import (
    EXPERIMENT_TABLES,
    LOGGED_MODEL_TABLES,
    MODEL_VERSION_TABLES,
    REGISTERED_MODEL_TABLES,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from sqlite3 import Connection

    from mltrack.entities import Experiment, LoggedModel, ModelVersion, RegisteredModel, Run
    from mltrack.store.filter_tree import Expression, OrderKey
    from mltrack.store.grammars import Grammar
    from mltrack.store.locator import Locator
    from mltrack.store.pages import Search
    from mltrack.store.search_tables import SearchTables


def find_runs(connection: Connection, search: Search, locate: Locator) -> Page[Run]:
    """Give one page of the runs that match; by default the last started first, those of one time by id.

    Raises
    ------
    InvalidParameterError
        For a filter or order that does not parse, a page size outside the limits, or the token of another search; so
        do all searches.
    """
    expression = parse_filter(search.filter_string, RUNS)
    order = parse_order(search.order_by, RUNS)  # type: ignore[arg-type]
    size, offset = page_bounds(search, RUNS.noun)
    finder = RunFinder(connection, search, order, bound=locate.bound)
    numbers = finder.first(expression, offset + size + 1)[offset:]
    return Page(tuple(read_runs(connection, numbers[:size], locate)), next_token(search, RUNS.noun, found=len(numbers)))


def count_matching(connection: Connection, search: Search, most: int, locate: Locator) -> int:
    """Count the runs that match, whatever the page, up to ``most``."""
    finder = RunFinder(connection, search, (), bound=locate.bound)
    return finder.count(parse_filter(search.filter_string, RUNS), most)


def find_experiments(connection: Connection, search: Search, locate: Locator) -> Page[Experiment]:
    """Give one page of the experiments that match; by default the last created first."""
    scope = STAGES[search.view_type]
    numbers = _numbers(connection, EXPERIMENT_TABLES, search, scope)
    rows = read_numbered(connection, numbers[: search.max_results], locate)
    return Page(tuple(rows), next_token(search, EXPERIMENTS.noun, found=len(numbers)))


def find_registered_models(connection: Connection, search: Search) -> Page[RegisteredModel]:
    """Give one page of the registered models that match; by default by name."""
    numbers = _numbers(connection, REGISTERED_MODEL_TABLES, search)
    rows = read_registered_models(connection, numbers[: search.max_results])
    return Page(tuple(rows), next_token(search, REGISTERED_MODELS.noun, found=len(numbers)))


def find_model_versions(connection: Connection, search: Search, locate: Locator) -> Page[ModelVersion]:
    """Give one page of the versions that match; by default the last changed first."""
    numbers = _numbers(connection, MODEL_VERSION_TABLES, search, bound=locate.bound)
    rows = read_model_versions(connection, numbers[: search.max_results])
    return Page(tuple(rows), next_token(search, MODEL_VERSIONS.noun, found=len(numbers)))


def find_logged_models(connection: Connection, search: Search, locate: Locator) -> Page[LoggedModel]:
    """Give one page of the logged models that match; by default the last created first.

    A clause on a metric is true when any point of it is so, of the datasets that were named; where no clause is on a
    metric, datasets find the models that have any metric of theirs. A metric to sort by is the last by time and step.
    """
    scope = "r.experiment_id IN (SELECT value FROM json_each(:experiments)) AND r.lifecycle_stage = 'active'"
    numbers = _numbers(connection, LOGGED_MODEL_TABLES, search, scope)
    rows = read_logged_models(connection, numbers[: search.max_results], locate)
    return Page(tuple(rows), next_token(search, LOGGED_MODELS.noun, found=len(numbers)))


def _numbers(
    connection: Connection,
    tables: SearchTables,
    search: Search,
    scope: str = "TRUE",
    *,
    bound: Mapping[str, object] = MappingProxyType({}),
) -> list[int]:
    """Give the numbers of the page's rows, and one more if there is a next page."""
    expression = parse_filter(search.filter_string, tables.grammar)
    order = _order(search.order_by, tables.grammar)
    size, offset = page_bounds(search, tables.grammar.noun, most=tables.most)
    datasets = [_dataset(each) for each in search.datasets]
    writer = SqlWriter(tables, dialect_of(connection), datasets=datasets)
    condition = writer.condition(expression)
    if datasets and not _asks_metrics(expression):
        metrics = f"SELECT 1 FROM logged_model_metrics m WHERE m.model_id = r.id AND {writer.of_datasets()}"
        condition = f"({condition}) AND EXISTS ({metrics})"
    rows = connection.execute(
        f"SELECT r.id FROM {tables.table} WHERE {scope} AND ({condition})"
        f" ORDER BY {writer.order(order)} LIMIT :limit OFFSET :offset",
        {
            **bound,
            **writer.parameters,
            "experiments": json.dumps(existing_numbers(search.experiment_ids)),
            "limit": size + 1,
            "offset": offset,
        },
    )
    return [row[0] for row in rows]


def _asks_metrics(expression: Expression | None) -> bool:
    match expression:
        case And(operands) | Or(operands):
            return any(map(_asks_metrics, operands))
        case Not(operand):
            return _asks_metrics(operand)
        case Comparison(key):
            return key.entity is Entity.METRIC
    return False


def _order(order_by: Sequence[str | Mapping[str, object]], grammar: Grammar) -> tuple[OrderKey, ...]:
    """Read an order of texts, or of the mappings that MLflow's search for logged models takes."""
    keys = []
    for each in checked_order(order_by):
        if not isinstance(each, Mapping):
            keys.append(parse_order_key(each, grammar))
            continue
        name, ascending = each.get("field_name"), each.get("ascending", True)
        if not isinstance(name, str) or not isinstance(ascending, bool):
            problem = f"An order is a field_name (text) and perhaps ascending (bool); got {str(dict(each))[:80]}."
            raise InvalidParameterError(problem)
        key = parse_order_key(name, grammar)
        dataset = (str(each.get("dataset_name") or ""), str(each.get("dataset_digest") or ""))
        keys.append(replace(key, descending=not ascending, dataset=dataset))
    return tuple(keys)


def _dataset(wanted: Mapping[str, str]) -> tuple[str, str]:
    name, digest = wanted.get("dataset_name"), wanted.get("dataset_digest") or ""
    if not isinstance(name, str) or not name or not isinstance(digest, str):
        problem = f"A dataset is a dataset_name and perhaps a dataset_digest; got {str(dict(wanted))[:80]}."
        raise InvalidParameterError(problem)
    return name, digest
