"""Runs side by side: what differs as data, as HTML in which all text is text, and as a terminal shows it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from tests.quickness import count_calls
from tests.widgets.test_run_card import HOSTILE, NOW, Structure

from mltrack.entities import Dataset, DatasetInput, InputTag, Run, RunData, RunInfo, RunInputs
from mltrack.store.artifact_folder import FileRecord
from mltrack_widgets.comparison import Comparison, Side, comparison_of
from mltrack_widgets.comparison_text import TERMINAL_WIDTH, comparison_text
from mltrack_widgets.comparison_view import comparison_view
from mltrack_widgets.panels.colours import RunColours

ENVIRONMENT: dict[str, Any] = {
    "python": {"version": "3.11.9", "implementation": "CPython"},
    "platform": {"system": "Linux", "release": "6.1", "machine": "x86_64"},
    "hardware": {"cpu": "Xeon", "cpu_count": 8, "memory_bytes": 16 * 2**30},
    "packages": {"numpy": "2.1.0", "scipy": "1.14.0"},
}


def a_run(name: str, **data: Any) -> Run:
    given = {"params": {}, "metrics": {}, "tags": {}, **data}
    info = RunInfo(f"{name:0<32.32}", "1", name, "ada", "FINISHED", NOW - 3_240, NOW - 2_000, "file:///lab")
    return Run(info, RunData(**given))


def side(run: Run, **changes: Any) -> Side:
    read = Side(run, "digits", ENVIRONMENT, {}, None, NOW)
    return replace(read, **changes)


def compared(*runs: Run) -> Comparison:
    return comparison_of([side(run) for run in runs])


def rows(comparison: Comparison, kind: str) -> dict[str, tuple[list[str | None], bool]]:
    return {
        row.name: ([value and value.shown for value in row.values], row.differs)
        for row in comparison.section(kind).rows
    }


# As data


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"C": "1.0"}, {"C": "1.0"}, {"C": (["1.0", "1.0"], False)}),
        ({"C": "1.0"}, {"C": "0.5"}, {"C": (["1.0", "0.5"], True)}),
        ({"C": "1.0"}, {}, {"C": (["1.0", None], True)}),
        ({}, {"C": ""}, {"C": ([None, ""], True)}),
        ({"a": "0.010000000000000002"}, {"a": "0.01"}, {"a": (["0.01", "0.01"], True)}),
    ],
    ids=["same", "other", "lacking", "empty is not lacking", "alike is not the same"],
)
def test_params(first: dict[str, str], second: dict[str, str], expected: object) -> None:
    assert rows(compared(a_run("a", params=first), a_run("b", params=second)), "params") == expected


def test_metrics_that_are_no_numbers_can_be_the_same() -> None:
    metrics = {"loss": math.nan, "best": math.inf}
    assert rows(compared(a_run("a", metrics=metrics), a_run("b", metrics=metrics)), "metrics") == {
        "loss": (["nan", "nan"], False),
        "best": (["inf", "inf"], False),
    }


def test_packages_that_came_went_and_changed() -> None:
    newer = {**ENVIRONMENT, "packages": {"numpy": "2.2.0", "pandas": "3.0"}}
    found = comparison_of([side(a_run("a")), side(a_run("b"), environment=newer)])
    assert rows(found, "packages") == {
        "numpy": (["2.1.0", "2.2.0"], True),
        "pandas": ([None, "3.0"], True),
        "scipy": (["1.14.0", None], True),
    }
    assert not any(differs for _, differs in rows(found, "environment").values())


def test_what_is_not_known_of_a_run_is_no_difference() -> None:
    found = comparison_of([side(a_run("a")), side(a_run("b"), environment=None), side(a_run("c"))])
    assert found.section("packages").unknown == (1,)
    assert not any(row.differs for kind in ("environment", "packages") for row in found.section(kind).rows)


@pytest.mark.parametrize("odd", [{}, {"python": "3.11", "packages": ["numpy"], "hardware": {"memory_bytes": "much"}}])
def test_an_environment_of_another_shape(odd: dict[str, object]) -> None:
    assert comparison_of([side(a_run("a"), environment=odd), side(a_run("b"))]).section("packages").rows


def test_data_code_and_files() -> None:
    dataset = Dataset("X", "06875905", "code", "{}", None, '{"num_rows": 455, "num_elements": 13650}')
    training = RunInputs((DatasetInput(dataset, (InputTag("mlflow.data.context", "training"),)),))
    tags = {"mlflow.source.git.commit": "0123456789abcdef", "mltrack.git.dirty": "true", "stage": "dev"}
    tags |= dict.fromkeys(("mltrack.cell", "mltrack.runId", "mltrack.failure"), "what an MLflow server keeps for us")
    first = replace(a_run("a", tags=tags), inputs=training)
    found = comparison_of(
        [
            side(first, files={"model.skops": FileRecord(1_500, "ab" * 32)}, error="ValueError: no"),
            side(a_run("b"), files={"model.skops": FileRecord(1_500, "cd" * 32)}),
        ]
    )
    assert rows(found, "data") == {"X training": (["455 × 30 · 06875905", None], True)}
    assert rows(found, "artifacts") == {"model.skops": (["1.5 kB · abababab", "1.5 kB · cdcdcdcd"], True)}
    about = rows(found, "run")
    assert about["git commit"] == (["01234567", None], True)
    assert about["git checkout"] == (["changed since the commit", None], True)
    assert about["error"] == (["ValueError: no", None], True)
    assert rows(found, "tags") == {"stage": (["dev", None], True)}


def test_as_a_data_frame() -> None:
    one, two = a_run("a", params={"C": "1"}, metrics={"loss": 0.5}), a_run("b", metrics={"loss": math.nan})
    frame = compared(one, two).to_dataframe()
    assert list(frame.columns) == ["a", "b"]
    assert frame.loc["params.C", "a"] == "1"
    assert frame.loc["params.C", "b"] is None
    assert frame.loc["metrics.loss", "a"] == 0.5
    assert frame["b"].map(repr)["metrics.loss"] == "nan"
    twins = compared(replace(one, info=replace(one.info, run_id="0" * 32)), one).to_dataframe()
    assert list(twins.columns) == ["a (00000000)", "a (a0000000)"]


# As HTML


def drawn(*runs: Run, **changes: Any) -> Structure:
    sides = [side(run, **changes) for run in runs]
    return Structure(comparison_view(comparison_of(sides), RunColours().lines(run.info.run_id for run in runs)).html)


def test_the_baseline_comes_first_and_differences_are_to_it() -> None:
    view = drawn(a_run("first", metrics={"accuracy": 0.9}), a_run("second", metrics={"accuracy": 0.925}))
    assert view.text.startswith(" first● finished · baseline second● finished")
    assert "accuracy0.90.925 ↑ 0.025" in view.text


def test_what_is_the_same_in_all_is_folded() -> None:
    params = {f"p{number}": "1" for number in range(23)}
    view = drawn(a_run("a", params={**params, "C": "1"}), a_run("b", params={**params, "C": "2"}))
    assert "ParamsC1223 the same in all" in view.text
    assert "Packages: 2 the same in allnumpy 2.1.0, scipy 1.14.0" in view.text
    assert view.elements["details", ("class",)] == 4


def test_of_a_long_text_what_differs_is_shown() -> None:
    values = [
        f"Pipeline(steps=[('scale', StandardScaler()), ('fit', Ridge(alpha={alpha}))])" for alpha in ("1.0", "0.5")
    ]
    view = drawn(*(a_run(name, params={"estimator": value}) for name, value in zip("ab", values, strict=True)))
    assert "estimator…e(alpha=1.0))])…e(alpha=0.5))])" in view.text
    assert view.elements["strong", ("class",)] == 2
    alone = drawn(a_run("a", params={"estimator": values[0]}), a_run("b"))
    assert "estimatorPipeline(steps=[…e(alpha=1.0))])–" in alone.text
    assert "strong" not in alone.names


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_there_is_a_column_for_each_run(count: int) -> None:
    view = drawn(*(a_run(f"run {number}", params={"C": str(number)}) for number in range(count)))
    assert view.elements["th", ("scope",)] >= count
    assert "no metrics" in view.text


def with_text(text: str) -> Structure:
    """Draw a comparison with the text in every field that is text."""
    dataset = DatasetInput(Dataset(text, text, text, text), (InputTag("mlflow.data.context", text),))
    one, two = (
        replace(
            a_run(name, params={text: value, "other": text * 2}, tags={text: value, "mlflow.user": text}),
            inputs=RunInputs((dataset,)),
        )
        for name, value in ((text, text), (f"{text}2", f"{text} {text} 2"))
    )
    environment = {"python": {"version": text}, "packages": {text: text}, "variables": {text: text}}
    files = {text: FileRecord(3, text)}
    return drawn(one, two, environment=environment, files=files, error=text, experiment_name=text)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:24])
def test_hostile_text_makes_no_element(text: str) -> None:
    hostile, benign = with_text(text), with_text("x" * len(text))
    assert hostile.elements == benign.elements
    assert not {"script", "img", "svg", "a"} & hostile.names


def test_many_rows_are_cut_and_say_so() -> None:
    one, two = ({f"p{number}": f"{name} {number}" for number in range(500)} for name in "ab")
    assert "and 300 more that differ" in drawn(a_run("a", params=one), a_run("b", params=two)).text


def test_five_hundred_params_and_three_hundred_packages_are_compared_fast() -> None:
    packages = {f"package-{number}": f"1.{number}" for number in range(300)}
    environment = {**ENVIRONMENT, "packages": packages}
    runs = [
        a_run(name, params={f"p{number}": f"{number % (place + 2)}" for number in range(500)})
        for place, name in enumerate("ab")
    ]
    compared = comparison_of([side(run, environment=environment) for run in runs])
    lines = RunColours().lines(run.info.run_id for run in runs)
    assert len(comparison_view(compared, lines).html) < 120_000
    assert count_calls(lambda: comparison_view(compared, lines)) < 60_000  # a third of that
    assert count_calls(lambda: comparison_of([side(run, environment=environment) for run in runs])) < 40_000


# As text


def test_the_terminal_shows_what_differs() -> None:
    one = a_run("a", params={"C": "1.0", "seed": "7"}, metrics={"accuracy": 0.9})
    two = a_run("数据", params={"C": "0.5", "seed": "7"}, metrics={"accuracy": 0.91})
    lines = comparison_text(compared(one, two), ["2 runs"]).splitlines()
    assert lines[:5] == [
        "2 runs",
        "                  a         数据",
        "params.C          1.0       0.5",
        "(params: 1 the same in all)",
        "metrics.accuracy  0.9       0.91 ↑ 0.01",
    ]


def test_runs_that_do_not_fit_into_a_terminal_are_counted() -> None:
    runs = [a_run(f"{number} {'long ' * 20}", params={"C": f"{number}" * 90}) for number in range(10)]
    lines = comparison_text(compared(*runs)).splitlines()
    assert max(map(len, lines)) <= TERMINAL_WIDTH
    assert lines[-1] == "5 more runs not shown here"
