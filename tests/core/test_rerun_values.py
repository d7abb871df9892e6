"""The values of reruns as they are typed: several, ranges, texts held together by quotes, and their combinations."""

from __future__ import annotations

from typing import Any

import pytest

import mltrack
from mltrack.exceptions import InvalidParameterError, NotFoundError, StateError
from mltrack.keys import RERUN_OF_TAG
from mltrack.rerunning.attempt import name_of
from mltrack.rerunning.grids import as_grid, combinations, parse_grid
from mltrack.rerunning.recipe import recipe_of

READ = {
    "one": (["C=0.1"], {"C": ("0.1",)}),
    "several": (["C=0.01,0.1,1"], {"C": ("0.01", "0.1", "1")}),
    "two-parameters": (["C=1,2", "lr=3"], {"C": ("1", "2"), "lr": ("3",)}),
    "range": (["depth=3..8"], {"depth": (3, 4, 5, 6, 7, 8)}),
    "range-of-one": (["depth=3..3"], {"depth": (3,)}),
    "range-with-a-step": (["C=0..1..0.25"], {"C": (0.0, 0.25, 0.5, 0.75, 1.0)}),
    "range-of-tenths": (["C=0.1..0.3..0.1"], {"C": (0.1, 0.2, 0.3)}),
    "range-that-misses-its-end": (["n=1..10..4"], {"n": (1, 5, 9)}),
    "range-downwards": (["n=8..4..-2"], {"n": (8, 6, 4)}),
    "range-below-zero": (["n=-2..1"], {"n": (-2, -1, 0, 1)}),
    "range-of-powers": (["C=1e-1..3e-1..1e-1"], {"C": (0.1, 0.2, 0.3)}),
    "range-among-values": (["n=1,3..5,9"], {"n": ("1", 3, 4, 5, "9")}),
    "given-twice": (["C=1,1,2"], {"C": ("1", "2")}),
    "spaces-around": (["C='1, 2'"], {"C": ("1, 2",)}),
    "quoted": (["name='a,b'"], {"name": ("a,b",)}),
    "quoted-of-several": (["name='a,b',c"], {"name": ("a,b", "c")}),
    "double-quotes": (['name="it\'s, so"'], {"name": ("it's, so",)}),
    "quoted-range": (["name='1..3'"], {"name": ("1..3",)}),
    "path": (["path=../data"], {"path": ("../data",)}),
    "dots": (["name=a..b"], {"name": ("a..b",)}),
    "empty": (["name="], {"name": ("",)}),
    "equals-sign": (["filter=a=1"], {"filter": ("a=1",)}),
    "tuple": (["sizes=(64,32)"], {"sizes": ("(64,32)",)}),
    "tuple-in-two-words": (["sizes=(64,", "32)", "C=1"], {"sizes": ("(64, 32)",), "C": ("1",)}),
    "tuples": (["sizes=(64,),(64,32)"], {"sizes": ("(64,)", "(64,32)")}),
    "dict": (["weights={'a': 1, 'b': 2}"], {"weights": ("{'a': 1, 'b': 2}",)}),
    "bracket-in-quotes": (["mark='(',')'"], {"mark": ("(", ")")}),
    "nothing": ([], {}),
}
REFUSED = {
    "no-name": (["0.1"], "no value of a parameter"),
    "no-identifier": (["a.b=1"], "no value of a parameter"),
    "a-comma-too-many": (["C=1,,2"], "comma too many"),
    "an-open-bracket": (["sizes=(64,32"], r"\) is missing"),
    "an-open-quote": (["name='a"], "' is missing"),
    "a-name-twice": (["C=1", "C=2"], "given twice"),
    "tenths-without-a-step": (["C=0.1..0.5"], "needs a step"),
    "backwards": (["n=8..3"], "leads away"),
    "no-step": (["n=1..3..0"], "leads away"),
    "too-many": (["n=1..100000"], "at most 10,000"),
}


@pytest.mark.parametrize(("words", "grid"), READ.values(), ids=READ)
def test_values_are_read(words: list[str], grid: dict[str, tuple[Any, ...]]) -> None:
    found = parse_grid(words)
    assert found == grid
    assert [list(map(type, values)) for values in found.values()] == [list(map(type, each)) for each in grid.values()]


@pytest.mark.parametrize(("words", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        parse_grid(words)


def test_the_last_parameter_changes_fastest() -> None:
    found = combinations({"a": (1, 2), "b": ("x", "y")})
    assert found == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]


def test_no_parameter_is_one_combination() -> None:
    assert combinations({}) == [{}]


@pytest.mark.parametrize(
    ("grid", "message"),
    [({"a": ()}, "no values for 'a'"), ({"a": tuple(range(200)), "b": tuple(range(200))}, "40,000 combinations")],
    ids=["none", "many"],
)
def test_combinations_are_some_and_not_too_many(grid: dict[str, tuple[Any, ...]], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        combinations(grid)


def test_lists_are_many_values_and_tuples_are_one() -> None:
    import numpy as np  # in this test only

    grid = as_grid({"a": [1, 2], "b": (3, 4), "c": range(2), "d": "text", "e": np.array([0.5, 1.5]), "f": None})
    assert grid == {"a": (1, 2), "b": ((3, 4),), "c": (0, 1), "d": ("text",), "e": (0.5, 1.5), "f": (None,)}


NAMES = {
    "base": ({"C": 2}, "base C=2"),
    "base C=9": ({"depth": 3}, "base C=9 depth=3"),
    "base C=9 depth=3": ({"C": 1}, "base C=1 depth=3"),
    "base again": ({}, "base again"),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_rerun_of_a_rerun_is_named_after_all_values(name: str) -> None:
    values, expected = NAMES[name]
    with mltrack.start_run(run_name=name, tags={} if name == "base" else {RERUN_OF_TAG: "first"}) as run:
        pass
    assert name_of(mltrack.get_run(run.info.run_id), values) == expected


def test_a_run_of_a_deleted_experiment_is_refused() -> None:
    experiment_id = mltrack.create_experiment("gone")
    with mltrack.start_run(experiment_id=experiment_id) as run:
        pass
    with pytest.raises(NotFoundError, match="has no notebook"):
        recipe_of(mltrack.get_run(run.info.run_id))
    found = mltrack.get_run(run.info.run_id)
    mltrack.delete_experiment(experiment_id)
    with pytest.raises(StateError, match="its experiment 'gone' was deleted"):
        recipe_of(found)
