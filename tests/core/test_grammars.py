"""What searches for each kind of rows may name: MLflow's names and comparators, and nothing that is not there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mltrack.exceptions import InvalidParameterError
from mltrack.store.filters import parse_filter, parse_order
from mltrack.store.grammars import EXPERIMENTS, LOGGED_MODELS, MODEL_VERSIONS, REGISTERED_MODELS, RUNS, Grammar

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = ("= 'a'", "!= 'a'", "LIKE 'a%'", "ILIKE 'a%'", "IN ('a', 'b')", "NOT IN ('a')", "NOT LIKE 'a'")
NUMBER = ("> 1", ">= 1", "= 1", "!= 1", "< 1", "<= 1", "BETWEEN 1 AND 2")
NULL = ("IS NULL", "IS NOT NULL")
PARAM = TEXT + NULL + NUMBER
RUN_NAMES = ("run_id", "run_name", "`run name`", '"Run name"', "`Run Name`", "status", "user_id", "artifact_uri")
FILTERS: dict[str, tuple[Grammar, dict[str, tuple[str, ...]]]] = {
    "runs": (
        RUNS,
        {
            **dict.fromkeys(("metric.a", "metrics.a", "metrics.`a b`"), NUMBER),
            **dict.fromkeys(
                ("param.a", "params.a", "parameter.a", "parameters.a", 'params."a/b"'), TEXT + NULL + NUMBER
            ),
            **dict.fromkeys(("tag.a", "tags.a", "tags.dot.ted"), TEXT + NULL),
            **dict.fromkeys(RUN_NAMES, TEXT),
            **dict.fromkeys(("start_time", "end_time", "created", "Created"), NUMBER),
            **dict.fromkeys(("attribute.status", "attributes.status", "attr.status", "run.status"), TEXT),
            **dict.fromkeys(("dataset.name", "datasets.digest", "dataset.context"), TEXT),
        },
    ),
    "experiments": (
        EXPERIMENTS,
        {
            **dict.fromkeys(("name", "attribute.name", "experiment_id"), TEXT),
            **dict.fromkeys(("creation_time", "last_update_time", "attributes.creation_time"), NUMBER),
            **dict.fromkeys(("tag.a", "tags.a", "tags.`a b`"), TEXT + NULL),
        },
    ),
    "registered models": (REGISTERED_MODELS, dict.fromkeys(("name", "tag.a", "tags.`mlflow.prompt.is_prompt`"), TEXT)),
    "model versions": (
        MODEL_VERSIONS,
        {**dict.fromkeys(("name", "run_id", "source_path", "tag.a", "tags.a"), TEXT), "version_number": NUMBER},
    ),
    "logged models": (
        LOGGED_MODELS,
        {
            **dict.fromkeys(("name", "model_id", "model_type", "status", "source_run_id", "tags.a"), TEXT),
            **dict.fromkeys(
                ("creation_timestamp", "creation_time", "last_updated_timestamp", "last_updated_time"), NUMBER
            ),
            "metrics.a": NUMBER,
            "params.a": PARAM,
        },
    ),
}
KEYS = [(kind, key) for kind, (_, keys) in FILTERS.items() for key in keys]


@pytest.mark.parametrize(("kind", "key"), KEYS)
def test_a_key_takes_its_comparators_and_no_others(kind: str, key: str) -> None:
    grammar, keys = FILTERS[kind]
    for rest in {*TEXT, *NUMBER, *NULL, "MATCH 'a'", "== 'a'", "= a", "> 'a'", "IN ()", "IN 'a'"}:
        if rest in keys[key]:
            assert parse_filter(f"{key} {rest}", grammar) is not None
        elif rest not in NULL or "tag" not in key:  # beyond MLflow, every tag can be asked for
            with pytest.raises(InvalidParameterError):
                parse_filter(f"{key} {rest}", grammar)


ORDERS = {
    "runs": (RUNS, ("metrics.a", "params.a", "tags.a", "start_time", "attributes.run_name", "Created", "end_time")),
    "experiments": (EXPERIMENTS, ("name", "experiment_id", "creation_time", "last_update_time")),
    "registered models": (REGISTERED_MODELS, ("name", "last_updated_timestamp", "timestamp")),
    "model versions": (
        MODEL_VERSIONS,
        ("name", "version_number", "creation_timestamp", "last_updated_timestamp", "attribute.name"),
    ),
    "logged models": (
        LOGGED_MODELS,
        ("metrics.a", "name", "creation_time", "last_updated_timestamp", "status", "model_id"),
    ),
}
NO_ORDERS = {
    "runs": ("dataset.name", "code", "version_number"),
    "experiments": ("tags.a", "metrics.a", "created"),
    "registered models": ("tags.a", "creation_timestamp", "version_number"),
    "model versions": ("tags.a", "run_id", "source_path"),
    "logged models": ("params.a", "tags.a", "start_time"),
}


@pytest.mark.parametrize("kind", ORDERS)
def test_the_keys_to_sort_by(kind: str) -> None:
    grammar, keys = ORDERS[kind]
    for key in keys:
        assert len(parse_order([key, f"{key} desc"], grammar)) == 2
    for key in NO_ORDERS[kind]:
        with pytest.raises(InvalidParameterError, match=r"\n\^$"):
            parse_order([key], grammar)


REFUSED = [
    ("experiments", "¦metrics.a > 1", "Unknown entity metrics; expected one of tags, attributes"),
    ("experiments", "¦status = 'a'", "expected one of name, experiment_id, creation_time, last_update_time"),
    ("experiments", "¦nme = 'a'", "did you mean name? (a tag is written tags.key)"),
    ("experiments", "¦code MATCH 'a'", "Unknown attribute code"),
    ("registered models", "¦last_updated_timestamp > 1", "Unknown attribute last_updated_timestamp"),
    ("registered models", "¦version_number = 1", "expected one of name"),
    ("model versions", "¦creation_timestamp > 1", "Unknown attribute"),
    ("model versions", "version_number ¦LIKE '1'", "cannot follow version_number"),
    ("logged models", "¦datasets.name = 'a'", "Unknown entity datasets"),
    ("logged models", "status = ¦READY", "expected a text in quotes"),
]


@pytest.mark.parametrize(("kind", "marked", "words"), REFUSED)
def test_what_is_not_there_is_named(kind: str, marked: str, words: str) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        parse_filter(marked.replace("¦", ""), FILTERS[kind][0])
    problem, _, caret = caught.value.message.split("\n")
    assert words in problem
    assert caret == " " * marked.index("¦") + "^"


PIECES = [*(key for _, key in KEYS), *TEXT, *NUMBER, *NULL, *"()'`; ", "AND", "OR", "NOT", "AND NOT (", ") OR ("]


@settings(max_examples=300)
@given(kind=st.sampled_from(sorted(FILTERS)), pieces=st.lists(st.sampled_from(PIECES), max_size=8))
def test_any_mixture_reads_or_is_refused_with_a_caret(kind: str, pieces: list[str]) -> None:
    text, grammar = " ".join(pieces), FILTERS[kind][0]
    for read in (lambda: parse_filter(text, grammar), lambda: parse_order([text], grammar)):
        assert re.fullmatch(r"|.+\n.*\n *\^", refusal_of(read))


def refusal_of(read: Callable[[], object]) -> str:
    try:
        read()
    except InvalidParameterError as error:
        return error.message
    return ""
