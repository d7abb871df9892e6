"""What of the search grammar an MLflow server understands: clauses that AND joins, with MLflow's comparators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError
from mltrack.store.filter_tree import And, CodeMatch, Comparison, Entity, Not, NullTest, Or
from mltrack.store.filters import parse_filter

if TYPE_CHECKING:
    from mltrack.store.filter_tree import Expression
    from mltrack.store.grammars import Grammar

_OURS = ("NOT LIKE", "NOT ILIKE", "BETWEEN", "NOT BETWEEN")
_LISTS = ("IN", "NOT IN")
_WITH_LISTS = ("run_id", "experiment_id", "name")


def check_filter(text: str, grammar: Grammar, server: str) -> None:
    """Refuse a filter that is beyond MLflow's grammar, or beyond any.

    Raises
    ------
    InvalidParameterError
        The message names what an MLflow server does not know.
    """
    tree = parse_filter(text, grammar)
    beyond = _beyond(tree, is_top=True) if tree is not None else None
    if beyond:
        raise InvalidParameterError(
            f"The filter {text[:120]!r} uses {beyond}, which {server}, an MLflow server, does not know: its filters "
            "are clauses joined by AND. Leave it out, or use a store or server of mltrack's."
        )


def _beyond(tree: Expression, *, is_top: bool = False) -> str | None:
    if isinstance(tree, And):
        if not is_top:
            return "parentheses"
        return next((found for each in tree.operands if (found := _beyond(each))), None)
    if isinstance(tree, Or):
        return "OR"
    if isinstance(tree, Not):
        return "NOT before a clause"
    if isinstance(tree, CodeMatch):
        return "code MATCH"
    if isinstance(tree, NullTest):
        return None
    return _beyond_clause(tree)


def _beyond_clause(clause: Comparison) -> str | None:
    if clause.comparator in _OURS:
        return clause.comparator
    if clause.key.entity is Entity.PARAM and isinstance(clause.value, (int, float)):
        return f"a param that is compared as a number ({clause.key})"
    listed = clause.key.entity is Entity.DATASET or clause.key.name in _WITH_LISTS
    if clause.comparator in _LISTS and not (listed and clause.key.entity in (Entity.DATASET, Entity.ATTRIBUTE)):
        return f"{clause.comparator} for {clause.key}"
    return None
