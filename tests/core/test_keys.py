"""Keys, names and ids: what may be one, and that the message says why another may not."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.exceptions import InvalidParameterError
from mltrack.keys import check_key, check_name, check_run_id

GOOD_KEYS = [
    "a",
    "loss",
    "val/loss",
    "a b",
    "a.b",
    "a-b",
    "a_b",
    "a:b",
    "größe",
    "学習率",
    "0",
    "a" * 250,
    "...",
    "a/.b",
]
BAD_KEYS = {
    "empty": "",
    "too long": "a" * 251,
    "emoji": "loss🎉",
    "NUL": "a\0b",
    "newline": "a\n",
    "parent": "..",
    "self": ".",
    "parent first": "../a",
    "parent inside": "a/../b",
    "self inside": "a/./b",
    "absolute": "/a",
    "double slash": "a//b",
    "trailing slash": "a/",
    "backslash": "a\\b",
    "percent": "a%2fb",
    "quote": "a'b",
    "surrogate": "\ud800",
    "comma": "a,b",
}


@pytest.mark.parametrize("key", GOOD_KEYS)
def test_good_keys_come_back(key: str) -> None:
    assert check_key(key, "metric") == key


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS.keys())
@pytest.mark.parametrize("kind", ["metric", "param", "tag"])
def test_bad_keys_are_refused_by_kind(key: str, kind: str) -> None:
    with pytest.raises(InvalidParameterError, match=kind) as caught:
        check_key(key, kind)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("key", [None, 1, b"a", ["a"], object()], ids=lambda key: type(key).__name__)
def test_keys_are_text(key: object) -> None:
    with pytest.raises(InvalidParameterError, match="must be text"):
        check_key(key, "param")


@given(st.text(max_size=300))
def test_a_key_that_passes_is_a_plain_relative_path(key: str) -> None:
    try:
        check_key(key, "tag")
    except InvalidParameterError:
        return
    assert posixpath.normpath(posixpath.join("/root", key)) == f"/root/{key}"
    assert posixpath.normpath(posixpath.join("/root", key)).startswith("/root/")
    assert "\0" not in key
    assert 0 < len(key) <= 250


def test_a_long_key_is_not_shown_whole() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        check_key("k" * 1_000_000, "metric")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("run_id", ["a" * 32, "0", "A-b_c", "m-1", "a" * 256])
def test_good_run_ids(run_id: str) -> None:
    assert check_run_id(run_id) == run_id


@pytest.mark.parametrize(
    "run_id", ["", "../x", "a/b", "a" * 257, "-a", "_a", "a b", "a\n", "é", "x" * 1_000_000, None, 7]
)
def test_bad_run_ids(run_id: object) -> None:
    with pytest.raises(InvalidParameterError, match="no run id") as caught:
        check_run_id(run_id)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", ["a", "a/b", "../x", "prod%2fx", "<script>", "näme", "🎉", "x" * 500, " a "])
def test_names_are_any_text(name: str) -> None:
    assert check_name(name, "run") == name


@pytest.mark.parametrize("name", ["", "  ", "\t", "a\0b", "x" * 501, None, 3, "\ud800x"])
def test_names_that_no_store_can_keep(name: object) -> None:
    with pytest.raises(InvalidParameterError, match="run name"):
        check_name(name, "run")
