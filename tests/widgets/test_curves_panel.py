"""The curves panel over real stores: what is read, drawn and said, and what the page may ask for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from tests.widgets.panel_runs import HOSTILE, add_run, falling

import mltrack
from mltrack import MltrackClient
from mltrack.entities import Metric
from mltrack.exceptions import InvalidParameterError, MltrackError, NotFoundError
from mltrack_widgets.html import NOTHING
from mltrack_widgets.panels.colours import run_colours
from mltrack_widgets.panels.curves import CurvesPanel, curves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.store.summaries import Curve, CurveQuery


@pytest.fixture(autouse=True)
def first_colours() -> Iterator[None]:
    run_colours.forget()
    yield
    run_colours.forget()


def tell(panel: CurvesPanel, kind: str, serial: int, **content: Any) -> None:
    panel._told(None, {"kind": kind, "serial": serial, **content}, None)


def drawn_points(panel: CurvesPanel, chart: int = 0) -> dict[str, Any]:
    return dict(panel._shown.drawn.columns[f"points_{chart}"])


def test_a_chart_a_metric_and_a_line_a_run() -> None:
    for name in ("first", "second", "third"):
        add_run(name, metrics={"loss": falling(20), "accuracy": falling(10)})
    panel = curves()
    assert panel.metrics == ("accuracy", "loss")
    assert sorted(set(drawn_points(panel)["run"])) == [0, 1, 2]
    assert len(drawn_points(panel, 1)["x"]) == 60
    assert panel._shown.words == "2 metrics of 3 runs in cancer"
    assert [run["name"] for run in panel._shown.legend["runs"]] == ["third", "second", "first"]
    assert len({run["colour"] for run in panel._shown.legend["runs"]}) == 3


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([], "No runs yet: put %%track_run on a cell and run it."),
        ([{}], "1 run in cancer without metrics. Log some: mltrack.log_metric('loss', value, step=step)"),
        ([{"metrics": {"loss": [math.nan] * 5}}], "No finite values: loss."),
        ([{"metrics": {"loss": [1.0, math.inf, 0.5]}}], "1 value not finite, where lines break"),
        ([{"metrics": {"score": 0.5}}, {"metrics": {"score": 0.7}}], "1 metric of 2 runs in cancer"),
    ],
    ids=["empty store", "no metrics", "all nan", "one inf", "single values"],
)
def test_what_is_said(runs: list[dict[str, Any]], words: str) -> None:
    for number, run in enumerate(runs):
        add_run(f"run {number}", **run)
    panel = curves()
    assert words in panel._shown.words
    assert words in panel.text
    assert panel._shown.words in panel._body(NOTHING).html.replace("&#x27;", "'").replace("&quot;", '"')


def test_a_filter_that_nothing_matches() -> None:
    add_run(metrics={"loss": falling(5)})
    panel = curves(filter_string="metrics.loss > 7")
    assert panel._shown.words.startswith("No run matches metrics.loss > 7.")
    panel.filter = ""
    assert panel._shown.words == "1 metric of 1 run in cancer"


def test_single_values_are_bars_and_curves_come_first() -> None:
    add_run(metrics={"score": 0.5, "loss": falling(5)})
    assert curves().metrics == ("loss",)
    panel = curves("score")
    assert list(panel._shown.drawn.columns) == ["bars_0"]
    assert panel._shown.lines["plots"] == {}


def test_metrics_of_the_machine_come_last() -> None:
    add_run(metrics={"system/cpu": falling(5), "loss": falling(5)} | {f"m{n}": falling(3) for n in range(9)})
    panel = curves()
    assert len(panel.metrics) == 6
    assert "system/cpu" not in panel.metrics
    (picker,) = [each for each in panel._shown.controls if each["name"] == "metrics"]
    assert picker["options"][-1] == ["system/cpu", "system/cpu"]


@pytest.mark.parametrize(
    ("asked", "hint"),
    [("los", "Did you mean 'loss'?"), ("LOSS", "Did you mean 'loss'?"), ("zzz", "They have 'loss'.")],
)
def test_an_unknown_metric_tells_near_names(asked: str, hint: str) -> None:
    add_run(metrics={"loss": falling(5)})
    with pytest.raises(NotFoundError, match="no metric") as caught:
        curves(asked)
    assert hint in str(caught.value)


@pytest.mark.parametrize("bad", [{"x": "epoch"}, {"smoothing": 1.0}, {"runs": ["x"], "filter_string": "metrics.a > 1"}])
def test_what_is_refused(bad: dict[str, Any]) -> None:
    add_run("x", metrics={"loss": falling(5)})
    with pytest.raises(InvalidParameterError):
        curves(**bad)


def test_runs_as_they_were_asked_for() -> None:
    ids = [add_run(name, metrics={"loss": falling(5)}) for name in ("a", "b", "c")]
    panel = curves(runs=["c", ids[0]])
    assert [run["name"] for run in panel._shown.legend["runs"]] == ["c", "a"]
    MltrackClient().delete_run(ids[0])
    panel.refresh()
    assert panel._shown.words == "1 metric of 1 run in cancer · 1 run deleted"
    MltrackClient().delete_run(ids[2])
    panel.refresh()
    assert panel._shown.words.startswith("The runs were deleted;")


def test_ten_runs_are_named_and_thirty_drawn() -> None:
    for number in range(33):
        add_run(f"run {number}", metrics={"loss": falling(400)})
    panel = curves()
    assert "the first 30 of 33 runs" in panel._shown.words
    assert len(panel._shown.legend["runs"]) == 10
    assert panel._shown.legend["more"] == "and 20 more"
    assert len(set(drawn_points(panel)["run"])) == 30
    assert len(drawn_points(panel)["x"]) <= 10_000


def test_no_view_has_more_than_ten_thousand_points() -> None:
    for number in range(4):
        add_run(f"run {number}", metrics={f"m{n}": falling(1_500) for n in range(3)})
    panel = curves()
    columns = panel._shown.drawn.columns
    assert 5_000 < sum(len(each["x"]) for each in columns.values()) <= 10_000
    tell(panel, "control", 1, name="smoothing", value=0.5)
    columns = panel._shown.drawn.columns
    assert {name.partition("_")[0] for name in columns} == {"points", "trend"}
    assert sum(len(each["x"]) for each in columns.values()) <= 10_000


def test_zooming_reads_more_of_the_part() -> None:
    add_run(metrics={"loss": falling(20_000)})
    panel = curves()
    inside = [x for x in drawn_points(panel)["x"] if 5_000 <= x <= 5_400]
    tell(panel, "zoom", 1, range=[5_000.0, 5_400.0])
    finer = [x for x in drawn_points(panel)["x"] if 5_000 <= x <= 5_400]
    assert len(inside) < 30
    assert finer == list(range(5_000, 5_401))
    assert panel._span == {"serial": 1, "range": [5_000.0, 5_400.0]}
    tell(panel, "zoom", 2, range=None)
    assert max(drawn_points(panel)["x"]) == 19_999


@pytest.mark.parametrize("x", ["time", "relative"])
def test_zooming_by_time_reads_the_steps_of_that_time(x: str) -> None:
    run_id = add_run(metrics={"loss": falling(20_000)})
    start = MltrackClient().get_run(run_id).info.start_time
    panel = curves(x=x)
    heading = panel._shown.drawn.spec["concat"][0]["layer"][0]["encoding"]["x"]["title"]
    unit = {"time": 1, "time since the start (h)": 3_600_000, "time since the start (min)": 60_000}[heading]
    zero = start if x == "time" else 0
    low, high = (zero + 1_000 * step / unit for step in (5_000, 5_400))
    tell(panel, "zoom", 1, range=[low, high])
    inside = [each for each in drawn_points(panel)["x"] if low <= each <= high]
    assert 399 <= len(inside) <= 401
    tell(panel, "control", 2, name="x", value="step")
    assert panel._span == {"serial": 1, "range": None}
    assert max(drawn_points(panel)["x"]) == 19_999


def test_a_message_that_comes_late_does_not_let_others_in() -> None:
    add_run(metrics={"loss": falling(50)})
    panel = curves()
    for serial, end in ((5, 10.0), (3, 20.0), (4, 30.0)):
        tell(panel, "zoom", serial, range=[0.0, end])
    assert panel._span == {"serial": 5, "range": [0.0, 10.0]}


def test_what_fails_in_a_message_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    add_run(metrics={"loss": falling(50)})
    panel = curves()
    view: Any = panel.view

    def fail(*_: object) -> None:
        raise RuntimeError("one\ntwo")

    monkeypatch.setattr(panel, "_zoom", fail)
    tell(panel, "zoom", 1, range=[0.0, 1.0])
    assert (view.words, view.answered) == (r"RuntimeError: one\ntwo", 1)


@pytest.mark.parametrize(
    "message",
    [
        None,
        "control",
        {},
        {"kind": "zoom", "serial": 1, "range": "all"},
        {"kind": "zoom", "serial": 1, "range": [1, None]},
        {"kind": "zoom", "serial": 1, "range": [math.nan, 1.0]},
        {"kind": "zoom", "serial": 1, "range": [1e308, -1e308]},
        {"kind": "zoom", "serial": 1, "range": [10**400, 1]},
        {"kind": "control", "serial": 1, "name": "x", "value": "epoch"},
        {"kind": "control", "serial": 1, "name": "x", "value": ["step"]},
        {"kind": "control", "serial": 1, "name": "metrics", "value": ["no such"]},
        {"kind": "control", "serial": 1, "name": "smoothing", "value": "much"},
        {"kind": "control", "serial": 1, "name": "smoothing", "value": 7},
        {"kind": "control", "serial": 1, "name": "__class__", "value": 1},
        {"kind": "brush", "serial": 1, "name": "brush", "ranges": {"x": 1}},
    ],
    ids=repr,
)
def test_whatever_the_page_says(message: Any) -> None:
    add_run(metrics={"loss": falling(30)})
    panel = curves()
    before = panel.text, panel._look, panel._asked, panel._part, panel._settings
    panel._told(None, message, None)
    assert (panel.text, panel._look, panel._asked, panel._part, panel._settings) == before


def test_an_older_message_that_comes_later_is_not_heard() -> None:
    add_run(metrics={"loss": falling(30)})
    panel = curves()
    tell(panel, "control", 5, name="x", value="time")
    tell(panel, "control", 4, name="x", value="relative")
    assert panel._look.x == "time"


def test_it_grows_with_a_run() -> None:
    client = MltrackClient()
    experiment = client.create_experiment("cancer")
    run_id = client.create_run(experiment).info.run_id
    client.log_batch(run_id, metrics=[Metric("loss", 1.0, 1, 0), Metric("loss", 0.5, 2, 1)])
    panel = curves()
    assert drawn_points(panel)["x"] == [0, 1]
    client.log_batch(run_id, metrics=[Metric("loss", 0.25, 3, 2)])
    panel.refresh()
    assert drawn_points(panel)["value"] == [1.0, 0.5, 0.25]


def test_runs_that_are_over_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (add_run(name, metrics={"loss": falling(50)}) for name in ("a", "b"))
    panel = curves()
    asked: list[tuple[str, ...]] = []
    store = panel._runs.store
    read = store.metric_curves

    def note(wanted: CurveQuery) -> list[Curve]:
        asked.append(wanted.run_ids)
        return list(read(wanted))

    monkeypatch.setattr(store, "metric_curves", note)
    panel.refresh()
    assert asked == []
    MltrackClient().log_metric(first, "loss", 7.0, step=50)
    third = add_run("c", metrics={"loss": falling(50)})
    panel.refresh()
    assert [set(ids) for ids in asked] == [{first, third}]
    assert max(drawn_points(panel)["value"]) == 7.0
    assert [curve.run_id for curve in panel._found.whole] == [third, second, first]


def test_what_is_chosen_is_drawn() -> None:
    ids = [add_run(f"run {number}", metrics={"loss": falling(5)}) for number in range(4)]
    panel = curves()
    panel.selection = [ids[1], ids[3]]
    assert [run["name"] for run in panel._shown.legend["runs"]] == ["run 1", "run 3"]
    panel.selection = []
    assert len(panel._shown.legend["runs"]) == 4


def test_hostile_names_are_data_and_titles() -> None:
    for name in HOSTILE:
        add_run(name, metrics={"datum.x": falling(5), "__proto__": falling(5), "image": falling(5)})
    panel = curves()
    fields = {layer["encoding"]["y"]["field"] for part in panel._shown.drawn.spec["concat"] for layer in part["layer"]}
    assert fields == {"value"}
    html = panel._body(NOTHING).html
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_a_frame_of_the_points() -> None:
    run_id = add_run("one", metrics={"loss": [1.0, 0.5]})
    frame = curves().to_dataframe()
    assert list(frame.columns) == ["run_id", "run", "metric", "step", "timestamp", "value"]
    assert frame[["run_id", "run", "metric", "step", "value"]].values.tolist() == [
        [run_id, "one", "loss", 0, 1.0],
        [run_id, "one", "loss", 1, 0.5],
    ]


def test_the_metrics_may_be_set() -> None:
    add_run(metrics={"loss": falling(5), "accuracy": falling(5)})
    panel = curves()
    panel.metrics = ("loss",)
    assert panel.metrics == ("loss",)
    with pytest.raises(MltrackError):
        panel.metrics = ("lost",)
    panel.refresh()
    assert panel.metrics == ("loss",)


def test_nothing_of_it_imports_altair() -> None:
    import subprocess  # a process of its own, which has imported nothing yet
    import sys

    add_run(metrics={"loss": falling(50)})
    script = (
        f"import sys, mltrack; mltrack.set_tracking_uri({mltrack.get_tracking_uri()!r})\n"
        "from mltrack_widgets.panels.curves import curves\n"
        "panel = curves(); panel.view; panel.text\n"
        "print([name for name in ('altair', 'pandas', 'numpy', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
