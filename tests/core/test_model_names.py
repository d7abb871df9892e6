"""What may name a model, an alias, a stage or a version."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.exceptions import InvalidParameterError
from mltrack.model_names import (
    STAGES,
    check_alias,
    check_logged_model_name,
    check_model_name,
    check_new_alias,
    is_model_id,
    read_stage,
    read_version,
)


@pytest.mark.parametrize(
    "name", ["m", "a b", "x" * 500, "..x", "prod%20", "%2e%2e", "café", "cafe\u0301", "{0}", "a\\b"]
)
def test_names_are_taken_as_they_are(name: str) -> None:
    assert check_model_name(name) == name


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", ".", "..", "x" * 501, "a\0b", "\ud800", None, 7, b"m"])
def test_what_is_no_name_is_refused(name: object) -> None:
    with pytest.raises(InvalidParameterError, match="name"):
        check_model_name(name)


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "a.b", "a%b", 'a"b', "a'b", "x" * 501])
def test_what_is_no_name_of_a_logged_model_is_refused(name: str) -> None:
    with pytest.raises(InvalidParameterError, match="logged model"):
        check_logged_model_name(name)


@given(st.text(min_size=1, max_size=40))
def test_a_name_that_is_taken_is_never_changed(name: str) -> None:
    try:
        assert check_model_name(name) == name
    except InvalidParameterError:
        parts = "/" in name or ":" in name or name in (".", "..") or not name.strip()
        assert parts or "\0" in name or any(unicodedata.category(each) == "Cs" for each in name)


@given(st.text(max_size=300))
def test_aliases_are_words(alias: str) -> None:
    is_word = 0 < len(alias) <= 255 and all(each.isalnum() or each in "_-" for each in alias)
    try:
        check_alias(alias)
    except InvalidParameterError:
        assert not (is_word and alias.isascii())
    else:
        assert 0 < len(alias) <= 255
        assert not set(alias) & set("/:@ .%\n\\")


@pytest.mark.parametrize("alias", ["latest", "Latest", "v1", "V007"])
def test_reserved_aliases_can_be_asked_for_but_not_given(alias: str) -> None:
    assert check_alias(alias) == alias
    with pytest.raises(InvalidParameterError, match="reserved"):
        check_new_alias(alias)


@pytest.mark.parametrize("stage", STAGES)
def test_stages_are_read_in_any_letter_case(stage: str) -> None:
    assert read_stage(stage.upper()) == read_stage(stage.lower()) == stage


@pytest.mark.parametrize("stage", ["", "Live", " Staging", None, 1])
def test_what_is_no_stage_is_refused(stage: object) -> None:
    with pytest.raises(InvalidParameterError, match="None, Staging, Production, Archived"):
        read_stage(stage)


@pytest.mark.parametrize(("version", "number"), [("3", 3), (3, 3), ("007", 7), ("-1", -1), ("9" * 30, -1)])
def test_versions_are_whole_numbers(version: object, number: int) -> None:
    assert read_version(version) == number


@pytest.mark.parametrize("version", ["", "x", "1.0", " 1", "1\n", "٣", True, None, 1.0])
def test_what_is_no_version_is_refused(version: object) -> None:
    with pytest.raises(InvalidParameterError, match="whole number"):
        read_version(version)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("m-" + "0f" * 16, True), ("m-1", True), ("m-", False), ("m-A", False), ("x-1", False), (1, False)],
)
def test_ids_of_logged_models(text: object, *, is_one: bool) -> None:
    assert is_model_id(text) is is_one
