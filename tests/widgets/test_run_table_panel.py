"""The run table's panel over real stores: what its page is told, and what it does when asked."""

from __future__ import annotations

import json

import pytest
from tests.widgets.table_pages import Page, log

import mltrack
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.settings import get_store
from mltrack_widgets.panels.run_table_panel import runs
from mltrack_widgets.panels.selection import Selection

SOLVERS = ("lbfgs", "saga", "lbfgs", "saga", "lbfgs")


@pytest.fixture
def ids() -> list[str]:
    """Five runs, ``run-4`` the newest; C and solver vary, max_iter does not."""
    return [
        log(f"run-{place}", {"C": place, "solver": solver, "max_iter": 100}, {"accuracy": 0.9 + place / 100})
        for place, solver in enumerate(SOLVERS)
    ]


def test_the_first_page_has_the_newest_runs_and_the_columns_that_tell_them_apart(ids: list[str]) -> None:
    page = Page(runs())
    assert page.column("name") == [f"run-{place}" for place in (4, 3, 2, 1, 0)]
    expected = ["status", "name", "started", "duration", "params.C", "params.solver", "metrics.accuracy"]
    assert page.keys == expected
    assert page.state["count"] == "5 of 5 runs"
    assert page.state["scope"] == "of Default"
    assert [row["id"] for row in page.state["rows"]] == ids[::-1]
    json.dumps(page.state, allow_nan=False)


def test_runs_of_several_experiments_say_which(ids: list[str]) -> None:
    mltrack.set_experiment("digits")
    log("other")
    page = Page(runs())
    assert page.column("experiment")[:2] == ["digits", "Default"]
    assert page.state["scope"] == "of 2 experiments"
    assert "experiment" not in Page(runs(experiment="digits")).keys


@pytest.mark.parametrize(
    ("column", "order", "first"),
    [
        ("metrics.accuracy", "ascending", "run-0"),
        ("metrics.accuracy", "descending", "run-4"),
        ("params.C", "ascending", "run-0"),
        ("name", "descending", "run-4"),
        ("started", "ascending", "run-0"),
        ("started", "none", "run-4"),
    ],
)
def test_a_header_sorts(ids: list[str], column: str, order: str, first: str) -> None:
    page = Page(runs())
    page.send(kind="sort", column=column, order=order)
    assert page.column("name")[0] == first
    orders = {each["key"]: each["order"] for each in page.state["columns"]}
    assert orders.pop(column) == order
    assert set(orders.values()) == {"none"}


def test_a_column_that_no_search_can_name_is_not_sorted_by(ids: list[str]) -> None:
    page = Page(runs())
    assert [each["key"] for each in page.state["columns"] if not each["sortable"]] == ["duration"]
    before = page.state["rows"]
    assert "cannot sort by 'duration'" in page.send(kind="sort", column="duration", order="ascending")["problem"]
    assert page.state["rows"] == before
    assert page.send(kind="sort", column="name", order="ascending")["problem"] == ""


def test_a_wrong_filter_is_shown_with_its_mark_and_changes_nothing(ids: list[str]) -> None:
    page = Page(runs())
    before = page.state["rows"]
    state = page.send(kind="filter", text="metrics.accuracy > x")
    assert state["refusal"].splitlines()[1:] == ["metrics.accuracy > x", " " * 19 + "^"]
    assert (state["typed"], state["rows"], page.panel.filter) == ("metrics.accuracy > x", before, "")
    state = page.send(kind="sort", column="name", order="ascending")
    assert state["typed"] == "metrics.accuracy > x", "it stays until there is another"
    state = page.send(kind="filter", text=" metrics.accuracy > 0.925 ")
    assert "refusal" not in state
    assert (state["typed"], state["count"]) == ("metrics.accuracy > 0.925", "2 of 2 runs")


def test_setting_the_filter_in_python_is_refused_or_shown(ids: list[str]) -> None:
    page = Page(runs())
    page.send(kind="filter", text="nonsense >")
    page.panel.filter = "params.solver = 'saga'"
    assert page.column("name") == ["run-3", "run-1"]
    assert "refusal" not in page.state
    assert page.state["typed"] == "params.solver = 'saga'"
    with pytest.raises(InvalidParameterError, match="Unknown attribute nonsense"):
        page.panel.filter = "nonsense > 1"
    assert page.column("name") == ["run-3", "run-1"]
    with pytest.raises(InvalidParameterError):
        runs("nonsense > 1")
    with pytest.raises(NotFoundError):
        runs(experiment="none of this name")


def test_pages_are_turned_and_a_new_search_begins_with_the_first(ids: list[str]) -> None:
    page = Page(runs(max_results=2))
    seen = [page.column("name")]
    words = [page.state["pages"]["words"]]
    for _ in range(2):
        page.send(kind="page", to="next")
        seen.append(page.column("name"))
        words.append(page.state["pages"]["words"])
    assert seen == [["run-4", "run-3"], ["run-2", "run-1"], ["run-0"]]
    assert words == ["1–2 of 5", "3–4 of 5", "5–5 of 5"]
    assert page.state["pages"]["after"] is False
    page.send(kind="page", to="next")
    assert page.column("name") == ["run-0"]
    page.send(kind="page", to="previous")
    assert page.column("name") == ["run-2", "run-1"]
    page.send(kind="sort", column="name", order="ascending")
    assert page.column("name") == ["run-0", "run-1"]
    assert page.state["pages"]["before"] is False


def test_groups_have_means_and_open_to_their_runs(ids: list[str]) -> None:
    page = Page(runs())
    state = page.send(kind="group", column="params.solver")
    assert page.keys[:3] == ["params.solver", "runs", "metrics.accuracy"]
    assert page.column("params.solver") == ["lbfgs", "saga"]
    assert page.column("metrics.accuracy") == ["0.92 ± 0.02 (3)", "0.92 ± 0.014 (2)"]
    assert state["count"] == "2 groups of 5 runs"
    state = page.send(kind="open", row="group saga", on=True)
    assert [(row["level"], row.get("name")) for row in state["rows"]] == [
        *((1, None), (1, None)),
        *((2, "run-3"), (2, "run-1")),
    ]
    assert len(page.send(kind="open", row="group saga", on=False)["rows"]) == 2
    page.send(kind="sort", column="metrics.accuracy", order="descending")
    assert page.send(kind="group", column="")["count"] == "5 of 5 runs"


def test_groups_are_sorted_by_the_mean(ids: list[str]) -> None:
    log("best", {"solver": "liblinear"}, {"accuracy": 0.99})
    log("without", {}, {"accuracy": 0.5})
    page = Page(runs())
    page.send(kind="group", column="params.solver")
    page.send(kind="sort", column="metrics.accuracy", order="descending")
    assert page.column("params.solver")[0] == "liblinear"
    assert page.column("metrics.accuracy")[0] == "0.99 (1)"
    page.send(kind="sort", column="params.solver", order="ascending")
    assert page.column("params.solver") == ["lbfgs", "liblinear", "saga", "none"]
    page.send(kind="open", row="no group", on=True)
    assert page.state["rows"][-1]["name"] == "without"


@pytest.mark.parametrize(
    "value", ["it's", 'say "no"', "both ' and \"", "50 %", "a_b", "", "(x) OR 1", "é ☃", "x" * 3000, "a\nb"]
)
def test_a_group_of_any_value_opens_to_exactly_its_runs(value: str) -> None:
    log("wanted", {"text": value})
    log("other", {"text": "both x and y"})
    page = Page(runs("status = 'FINISHED' or status = 'RUNNING' AND "))
    page.send(kind="group", column="params.text")
    state = page.send(kind="open", row=f"group {value}", on=True)
    assert state["problem"] == ""
    assert [row["name"] for row in state["rows"] if row["level"] == 2] == ["wanted"]


@pytest.mark.parametrize("key", ["a b", "a.b", "a/b:c", "datum.x", "params.C", "metrics"])
def test_params_of_any_name_are_columns_sorted_and_grouped_by(key: str) -> None:
    log("one", {key: "1"}, {key: 1.0})
    log("two", {key: "2"}, {key: 2.0})
    page = Page(runs())
    for kind in ("params", "metrics"):
        page.send(kind="sort", column=f"{kind}.{key}", order="ascending")
        assert page.column("name") == ["one", "two"]
        assert page.column(f"{kind}.{key}") == ["1", "2"]
    page.send(kind="group", column=f"params.{key}")
    assert sorted(page.column(f"params.{key}")) == ["1", "2"]
    assert page.state["problem"] == ""


def test_only_params_and_tags_make_groups(ids: list[str]) -> None:
    panel = runs()
    with pytest.raises(InvalidParameterError, match=r"grouped by a param or a tag.*'metrics.accuracy'"):
        panel.group_by = "metrics.accuracy"
    with pytest.raises(InvalidParameterError, match="There is no column 'solver'"):
        panel.group_by = "solver"
    panel.group_by = "params.solver"
    assert panel.group_by == "params.solver"
    panel.fold()
    assert panel.folded
    group: str | None = panel.group_by
    assert group is None


def test_choosing_and_comparing_go_both_ways(ids: list[str]) -> None:
    page, other = Page(runs()), Selection()
    page.send(kind="select", add=[ids[0], ids[2]])
    assert page.panel.selection == (ids[0], ids[2])
    page.send(kind="select", add=[ids[1]], drop=[ids[0]])
    assert page.panel.selection == (ids[2], ids[1])
    page.panel.selection = ["run-4"]
    chosen = [row for row in page.state["rows"] if row["chosen"]]
    assert [row["name"] for row in chosen] == ["run-4"]
    assert chosen[0]["colour"].startswith("#")
    page.send(kind="select", only=True)
    assert page.panel.selection == ()
    assert other.ids == ()


def test_metrics_are_compared_with_the_baseline(ids: list[str]) -> None:
    page = Page(runs(max_results=2))
    page.send(kind="baseline", run=ids[0])  # which is on another page
    assert page.state["baseline"]["name"] == "run-0"
    assert [row["cells"][-1][2] for row in page.state["rows"]] == ["↑ 0.04", "↑ 0.03"]
    page.panel.baseline = "run-4"
    assert [row["cells"][-1][2:] for row in page.state["rows"]] == [[], ["↓ 0.01"]]
    assert page.state["rows"][0]["baseline"] is True
    page.send(kind="group", column="params.solver")
    assert [row["cells"][2][2] for row in page.state["rows"]] == ["↓ 0.02", "↓ 0.02"]
    page.send(kind="baseline", run="")
    assert page.panel.baseline is None


def test_a_run_that_was_deleted_or_never_was_takes_nothing_away(ids: list[str]) -> None:
    page = Page(runs())
    page.send(kind="baseline", run=ids[4])
    page.send(kind="select", add=[ids[4]])
    get_store().set_run_lifecycle(ids[4], "deleted")
    page.panel.refresh()
    assert page.column("name") == ["run-3", "run-2", "run-1", "run-0"]
    assert page.state["chosen"] == 1
    page.panel._chosen.compare_with("0" * 32)
    assert page.state["baseline"] is None
    assert "There is no run" in page.send(kind="baseline", run="f" * 32)["problem"]
