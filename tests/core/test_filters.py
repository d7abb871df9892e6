"""The search grammar: what it reads, what it refuses, and where its caret points."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.core.filter_cases import ACCEPTED, attribute, metric, param, tag
from tests.quickness import assert_quick

from mltrack.exceptions import InvalidParameterError
from mltrack.store.filter_tree import OrderKey
from mltrack.store.filters import parse_filter, parse_order


@pytest.mark.parametrize(("text", "tree"), ACCEPTED, ids=[repr(text)[:40] for text, _ in ACCEPTED])
def test_reads(text: str, tree: object) -> None:
    assert parse_filter(text) == tree


def test_no_filter_is_no_tree() -> None:
    assert parse_filter(None) is None
    assert parse_order(None) == ()


REFUSED = [  # ¦ stands before the character that the caret points at
    ("¦foo.x > 1", "Unknown entity foo; expected one of metrics, params, tags, attributes"),
    ("¦metrc.x > 1", "did you mean metrics?"),
    ("¦Metrics.x > 1", "did you mean metrics?"),
    ("¦statsu = 'x'", "did you mean status?"),
    ("metrics.x > 1 AND ¦attributes.start = 1", "did you mean status or start_time?"),
    ("¦accuracy > 1", "a metric is written metrics.key"),
    ("¦experiment_id = '1'", "Unknown attribute experiment_id"),
    ('¦"metrics.x" > 1', "Unknown attribute metrics.x"),
    ("¦run name = 'x'", "did you mean run_id?"),
    ("¦metrics. > 1", "names no key"),
    ("¦dataset.source = 'x'", "expected one of name, digest, context"),
    ("dataset.name ¦IS NULL", "IS NULL cannot follow datasets.name"),
    ("¦code.x MATCH 'x'", "code has no keys"),
    ("code ¦= 'x'", "expected one of MATCH, NOT MATCH"),
    ("params.x ¦MATCH 'x'", "MATCH cannot follow"),
    ("code MATCH ¦'a + b'", "nothing to look for in '+'"),
    ("code MATCH ¦'  '", "nothing to look for"),
    ("code MATCH ¦x", "expected a text in quotes"),
    ("metrics.x ¦== 1", "expected one of >, >=, =, !=, <, <=, BETWEEN, NOT BETWEEN"),
    ("params.x > ¦'1'", "expected a number without quotes"),
    ("tags.x ¦> 1", "expected one of =, !=, LIKE, NOT LIKE, ILIKE, NOT ILIKE, IN, NOT IN, IS NULL, IS NOT NULL"),
    ("tags.x = ¦0.5", "expected a text in quotes to compare"),
    ("params.x LIKE ¦0.5", "a text in quotes (for = and != also a number)"),
    ("metrics.x > ¦(1)", "Unexpected (; expected a number"),
    ("metrics.x ¦IN (1)", "IN cannot follow"),
    ("metrics.x ¦NOT 1", "NOT cannot follow"),
    ("metrics.x BETWEEN 1 ¦OR 2", "expected AND and the upper bound"),
    ("metrics.x BETWEEN 1 AND ¦'2'", "expected a number without quotes"),
    ("metrics.x BETWEEN ¦(1, 2)", "expected a number"),
    ("status ¦BETWEEN 'a' AND 'b'", "BETWEEN cannot follow"),
    ("status ¦> 'a'", "expected one of =, !=, LIKE"),
    ("(metrics.x > 1¦", "expected AND, OR or )"),
    ("(metrics.x > 1 AND¦", "ends too early; expected a key"),
    ("metrics.x > 1¦)", "expected AND, OR or the end"),
    ("(¦)", "expected a key"),
    ("metrics.x > 1 OR¦", "ends too early; expected a key"),
    ("metrics.x > 1 AND ¦AND metrics.y > 1", "expected a key"),
    ("metrics.x > 1 ¦metrics.y > 1", "expected AND, OR or the end"),
    ("NOT¦", "ends too early; expected a key"),
    ("(" * 20 + "¦(metrics.x > 1", "expected at most 20"),
    ("metrics.x > 1 ¦NOT metrics.y > 1", "Unexpected NOT"),
    ("¦metrics.`` > 1", "names no key"),
    ("tags.¦'a' = 'b'", "backticks"),
    ("tags.a.¦`b` = 'b'", "backticks"),
    ("metrics.val¦-loss > 1", "is quoted, as metrics.`val/loss`"),
    ("params.a¦/b = 'c'", "is quoted"),
    ("metrics.x ¦<> 1", "expected one of"),
    ("metrics.x ¦LIKE 'a'", "LIKE cannot follow metrics.x"),
    ("metrics.x ¦IS NULL", "IS NULL cannot follow"),
    ("status ¦IS NULL", "IS NULL cannot follow"),
    ("start_time ¦LIKE '1'", "LIKE cannot follow"),
    ("metrics.x¦", "the end cannot follow"),
    ("metrics.x >¦  ", "ends too early"),
    ("metrics.x > ¦'1'", "expected a number without quotes"),
    ("metrics.x > ¦nan", "expected a number"),
    ("metrics.x > ¦1e", "1e does not read as a number"),
    ("metrics.x > ¦1.2.3", "does not read as a number"),
    ("metrics.x > ¦1AND tags.a = 'b'", "does not read as a number"),
    ("metrics.x > ¦- 1", "has no meaning here"),
    ("metrics.x > ¦٣", "has no meaning here"),
    ("start_time > ¦'5'", "expected a number without quotes"),
    ("params.x = ¦True", "expected a text in quotes"),
    ("tags.x = ¦`a`", "expected a text in quotes"),
    ("tags.x IS ¦'a'", "expected IS NULL or IS NOT NULL"),
    ("tags.x IS NOT¦", "expected IS NULL or IS NOT NULL"),
    ("tags.x = ¦'a", "The quote ' is not closed"),
    ("tags.¦`a = 'b'", "The quote ` is not closed"),
    ("tags.x = 'it'¦'s'", "cannot be doubled"),
    ("run_id IN (¦)", "expected a text in quotes"),
    ("run_id IN ('a' ¦'b')", "expected , or )"),
    ("run_id IN ('a'¦", "expected , or )"),
    ("run_id IN (¦5)", "expected a text in quotes"),
    ("run_id IN ¦'a'", "expected a list"),
    ("¦AND metrics.x > 1", "expected a key"),
    ("metrics.x > 1¦; DROP TABLE runs", "another statement"),
    ("metrics.x > 1 ¦-- comment", "has no meaning here"),
    ("(¦).__class__", "expected a key"),
    ("metrics.x ¦== 1 # 2", "cannot follow"),
    ("¦statsu ~ #", "did you mean status?"),
    ("¦1 < metrics.x", "expected a key"),
    ("¦' OR 1=1 --", "is not closed"),
    ("metrics.x > 1\n  AND metrics.y ¦~ 2\nAND z", "has no meaning here"),
    ("tags.x = 'a¦\0'", "'\\x00'"),
    ("tags.x = 'a¦\ud800'", "'\\ud800'"),
    ("tags.x LIKE ¦'" + "a" * 1001 + "'", "expected at most 1000"),
]


def unmarked(marked: str) -> tuple[str, int]:
    """Give a text without its mark, and the column of the mark in its line."""
    return marked.replace("¦", ""), len(marked.partition("¦")[0].rpartition("\n")[2])


@pytest.mark.parametrize(("marked", "words"), REFUSED, ids=[ascii(text)[:40] for text, _ in REFUSED])
def test_refuses_and_points(marked: str, words: str) -> None:
    text, column = unmarked(marked)
    with pytest.raises(InvalidParameterError) as caught:
        parse_filter(text)
    problem, line, caret = caught.value.message.split("\n")
    assert words in problem
    assert caret == " " * column + "^"
    shown = next(line for line in marked.split("\n") if "¦" in line).replace("¦", "")[:100]
    assert line == re.sub("[\0\ud800]", "\N{REPLACEMENT CHARACTER}", shown)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(("before", "after"), [(0, 300), (30, 300), (150, 150), (260, 20), (300, 0)])
def test_a_long_line_is_shown_through_a_window(before: int, after: int) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        parse_filter(f"tags.x = '{'a' * before}' ~ {'b' * after}\nAND tags.y = 'c'")
    _, line, caret = caught.value.message.split("\n")
    assert len(line) == 100
    assert line[len(caret) - 1] == "~"


def test_a_tab_takes_one_column() -> None:
    with pytest.raises(InvalidParameterError, match=r"\nmetrics.x == 1 \n          \^$"):
        parse_filter("metrics.x\t== 1\r\n")


@pytest.mark.parametrize(
    "wrong", [5, b"metrics.x > 1", ["metrics.x > 1"], object()], ids=lambda wrong: type(wrong).__name__
)
def test_a_filter_that_is_no_text_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidParameterError, match="expected a text"):
        parse_filter(wrong)


ORDERS = [
    ("metrics.x", OrderKey(metric("x"), descending=False)),
    ("metrics.`val loss`  desc ", OrderKey(metric("val loss"), descending=True)),
    ('params."a b" Asc', OrderKey(param("a b"), descending=False)),
    ("tag.desc DESC", OrderKey(tag("desc"), descending=True)),
    ("attributes.start_time DESC", OrderKey(attribute("start_time"), descending=True)),
    ("Created", OrderKey(attribute("start_time"), descending=False)),
    ('"Run Name" DESC', OrderKey(attribute("run_name"), descending=True)),
]


@pytest.mark.parametrize(("text", "expected"), ORDERS, ids=[text for text, _ in ORDERS])
def test_reads_an_order(text: str, expected: OrderKey) -> None:
    assert parse_order([text]) == (expected,)


WRONG_ORDERS = [
    ("¦", "expected a key"),
    ("¦nope DESC", "Unknown attribute"),
    ("¦dataset.name", "cannot be sorted by datasets.name"),
    ("¦code", "cannot be sorted by code"),
    ("metrics.x ¦DOWN", "expected ASC, DESC or the end"),
    ("metrics.x DESC¦, metrics.y", "expected ASC, DESC or the end"),
    ("metrics.x DESC ¦ASC", "expected ASC, DESC or the end"),
    ("metrics.x¦; DROP TABLE runs", "another statement"),
    ("¦(SELECT 1)", "expected a key"),
    ("¦1", "expected a key"),
    ("¦'start_time'", "expected a key"),
]


@pytest.mark.parametrize(("marked", "words"), WRONG_ORDERS, ids=[text for text, _ in WRONG_ORDERS])
def test_refuses_an_order(marked: str, words: str) -> None:
    text, column = unmarked(marked)
    with pytest.raises(InvalidParameterError) as caught:
        parse_order(["metrics.fine", text])
    problem, line, caret = caught.value.message.split("\n")
    assert words in problem
    assert (line, caret) == (text, " " * column + "^")


@pytest.mark.parametrize("wrong", ["metrics.x", 5, [5], {"a": 1}, [None], b"x", ["created"] * 11], ids=repr)
def test_an_order_that_is_no_short_list_of_texts_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidParameterError, match="expected"):
        parse_order(wrong)


def refusal_of(text: str, order_by: list[str] | None = None) -> str | None:
    try:
        parse_filter(text)
        parse_order(order_by)
    except InvalidParameterError as error:
        return error.message
    return None


def assert_well_formed(message: str | None) -> None:
    if message is None:
        return
    problem, line, caret = message.split("\n")
    assert problem
    assert line.isprintable()
    assert len(line) <= 100
    assert re.fullmatch(" *\\^", caret)
    assert len(caret) <= len(line) + 1


PIECES = [
    *" \n'\"`().,;<>=!-+%_\0\u2028éa1",
    "metrics.",
    "tags.x",
    "run_id",
    " IN ",
    " NOT ",
    " OR ",
    " BETWEEN ",
    "code MATCH ",
    " AND ",
    " IS ",
    "NULL",
    "1e5",
]


@settings(max_examples=500)
@given(text=st.text(st.characters(), max_size=60) | st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@example("metrics.x > 1\r")
@example("tags.x = 'a\x85\x1c")
def test_any_text_reads_or_is_refused_with_a_caret(text: str) -> None:
    assert_well_formed(refusal_of(text))
    assert_well_formed(refusal_of("", [text]))


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """A valid filter with a piece taken out, put in or said twice."""
    text = draw(st.sampled_from([text for text, _ in ACCEPTED if len(text) < 200]))
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    return text[:start] + draw(st.sampled_from(PIECES) | st.sampled_from(["", text])) + text[end:]


@settings(max_examples=500)
@given(text=mutations())
def test_a_damaged_filter_reads_or_is_refused_with_a_caret(text: str) -> None:
    assert_well_formed(refusal_of(text))


HUGE = {
    "100 KB": "a" * 100_000,
    "10,000 clauses": " AND ".join(["a = 1"] * 10_000),
    "101 clauses": " AND ".join(["tags.a='b'"] * 101),
    "parentheses": "(" * 1_000 + "metrics.x > 1" + ")" * 1_000,
    "digits": "metrics.x > " + "1" * 16_000 + "a",
    "word": "a." * 8_000,
    "not": "NOT " * 4_000,
    "words": "code MATCH '" + "a " * 101 + "'",
    "or": " OR ".join(["a = 1"] * 2_000),
    "open quote": "tags.x = '" + "a" * 16_000,
    "operators": "<" * 16_384,
    "values": "run_id IN (" + "'a', " * 1_000 + "'a')",
    "pattern": "tags.x LIKE '" + "%a" * 8_000 + "'",
    "one more than fits": "metrics.x > 1" + " " * 16_372,
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
def test_what_passes_a_limit_is_refused_at_once(text: str) -> None:
    # Some ms at most; where the digits of a number are tried anew from each place, half a second
    assert_well_formed(assert_quick(lambda: refusal_of(text), 0.2, tries=10) or "nothing was refused")


@pytest.mark.parametrize(
    "text",
    [
        " AND ".join(["tags.a='b'"] * 100),
        "run_id IN (" + "'a', " * 999 + "'a')",
        "metrics.x > 1" + " " * 16_371,
        "tags.x LIKE '" + "a" * 1_000 + "'",
    ],
    ids=["clauses", "values", "characters", "pattern"],
)
def test_what_just_fits_is_read(text: str) -> None:
    assert refusal_of(text) is None
    assert len(parse_order(["created"] * 10)) == 10
