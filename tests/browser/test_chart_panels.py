"""Chart panels in JupyterLab: what is drawn, the controls, zooming, choosing, two themes, and what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.holding import held
from tests.browser.lab import WIDE, overlapping_texts, wait_until_still, width_of_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator
    from tests.browser.lab import Lab

pytestmark = pytest.mark.browser
RUNS = """%load_ext mltrack
import math, mltrack
from mltrack import MltrackClient
from mltrack.entities import Metric
from mltrack_widgets.panels.curves import curves
from mltrack_widgets.panels.importance import importance
from mltrack_widgets.panels.parallel import parallel
from mltrack_widgets.panels.run_set import run_set
from mltrack_widgets.panels.scatter import ScatterPanel, scatter
names = ["<img src=x onerror='window.__xss=1'>", "long-name-" * 20, "\\u202egnp", "__proto__", "datum.x", "[a](b)"]
mltrack.set_experiment("panels")
client = MltrackClient()
for number in range(12):
    run = client.create_run("1", run_name=names[number] if number < len(names) else f"run-{number}").info
    for key, value in {"C": 10.0 ** (number - 6), "solver": "ab"[number % 2], "image": names[number % 6]}.items():
        client.log_param(run.run_id, key, value)
    points = 5_000 if number > 8 else 50
    for key, shape in {"loss": 3, "accuracy": -0.5}.items():
        values = [math.exp(-shape * step / points) + number / 20 for step in range(points)]
        metrics = [Metric(key, value, run.start_time + step * 100, step) for step, value in enumerate(values)]
        for first in range(0, points, 1_000):
            client.log_batch(run.run_id, metrics=metrics[first:first + 1_000])
    client.log_metric(run.run_id, "score", number / 12)
    client.set_terminated(run.run_id)"""
# With the lock, no answer is given on another thread either; the page is told of something else all the same.
BUSY_CELL = f"""with c._lock:
    print('begun')
    {held("waiting-is-seen")}
    c.view.words = 'told meanwhile'
    {held("choice-is-seen")}"""
CELLS = [
    RUNS,
    "c = curves(); c",
    "s = scatter('C', 'score', color='image'); s",
    "p = parallel('C', 'solver', 'score'); p",
    "importance('score')",
    "c",
    "ScatterPanel(run_set('metrics.score > 7'))",
    "print(len(c.selection), len(s.selection), len(p.selection))",
    BUSY_CELL,
]
CURVES, SCATTER, PARALLEL, IMPORTANCE, AGAIN, EMPTY, CHOSEN, BUSY = range(1, 9)
VEGA = "element => element.querySelector('.mt-chart').__vegaView"
ORIGIN = (
    f"element => {{ const view = ({VEGA})(element); return view.origin().map(place => place + view.padding().left); }}"
)
ROWS = f"(element, name) => ({VEGA})(element).data(name).map(row => ({{...row}}))"
# How many marks of a kind a chart draws, whatever they are inside of.
MARKS = f"""(element, kind) => {{
  const inside = mark => mark.items.flatMap(item => item.items).reduce((sum, each) => sum + count(each), 0);
  const alone = mark => kind !== 'line' ? mark.items.length : mark.items.length > 1 ? 1 : 0;
  const count = mark => mark.marktype === 'group' ? inside(mark) : mark.marktype === kind ? alone(mark) : 0;
  return count(({VEGA})(element).scenegraph().root);
}}"""
HAS_MARKS = f"([element, kind, count]) => ({MARKS})(element, kind) === count"
# The points inside of what was dragged over are chosen, and the kernel has said so.
ARE_CHOSEN = f"""element => {{
  const view = ({VEGA})(element);
  const ranges = Object.entries(view.signal('brush') ?? {{}});
  const isInside = row => ranges.every(
    ([name, ends]) => row[name] >= Math.min(...ends) && row[name] <= Math.max(...ends));
  const inside = view.data('points').filter(isInside).length;
  return ranges.length > 0 && inside > 0 && view.data('chosen').length === inside;
}}"""
FITS = """element => element.querySelector('canvas')?.getBoundingClientRect().width
  <= element.querySelector('.mt-chart').getBoundingClientRect().width + 1"""
NARROW = 480


@pytest.fixture(scope="module")
def shown(lab: Lab) -> Iterator[str]:
    name = lab.write_notebook("panels.ipynb", CELLS)
    lab.open(name)
    lab.forget_runs()
    for index in (0, CURVES, SCATTER, PARALLEL, IMPORTANCE, EMPTY):
        lab.run_cell(index)
    assert lab.failures() == []
    for index in (CURVES, SCATTER, PARALLEL, IMPORTANCE):
        panel(lab, index)  # what is drawn later moves what is below
    yield name
    lab.set_width(WIDE[0])
    lab.set_theme("JupyterLab Light")


def panel(lab: Lab, index: int) -> Locator:
    """The panel of a cell, once it is drawn."""
    found = lab.cell_output(index).locator(".mt-panel")
    found.locator("canvas").wait_for()
    return found


def box(lab: Lab, index: int) -> dict[str, Any]:
    place = panel(lab, index).locator("canvas").bounding_box()
    assert place
    return dict(place)


def drawings(lab: Lab, index: int) -> int:
    return int(panel(lab, index).get_attribute("data-drawn") or 0)


def wait_for_drawing(lab: Lab, index: int, after: int) -> None:
    found = panel(lab, index).element_handle()
    lab.page.wait_for_function("([element, after]) => Number(element.dataset.drawn) > after", arg=[found, after])


def wait_for_marks(lab: Lab, index: int, kind: str, count: int) -> None:
    """Wait until a chart draws so many marks of a kind."""
    found = panel(lab, index).element_handle()
    lab.page.wait_for_function(HAS_MARKS, arg=[found, kind, count])


def drag(lab: Lab, start: tuple[float, float], end: tuple[float, float]) -> None:
    mouse = lab.page.mouse
    mouse.move(*start)
    mouse.down()
    mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    mouse.move(*end)
    mouse.up()


def test_curves_are_drawn(lab: Lab, shown: str) -> None:
    found = panel(lab, CURVES)
    wait_for_marks(lab, CURVES, "line", 24)
    rows = found.evaluate(ROWS, "points_1")
    assert {row["run"] for row in rows} == set(range(12))
    assert next(row["value"] for row in rows if row["run"] == 0) == pytest.approx(1.55)
    assert found.locator(".mt-words").inner_text().startswith("2 metrics of 12 runs in panels")
    assert "and 2 more" in found.locator(".mt-legend").inner_text()
    canvas = found.locator("canvas")
    assert canvas.get_attribute("role") == "img"
    assert (canvas.get_attribute("aria-label") or "").startswith("2 metrics")


def test_the_values_of_all_runs_at_the_pointer(lab: Lab, shown: str) -> None:
    place = box(lab, CURVES)
    left = panel(lab, CURVES).evaluate(f"element => ({ORIGIN})(element)[0]")
    lab.page.mouse.move(place["x"] + left + 2, place["y"] + 100)
    tip = lab.page.locator(".mt-tip:not([hidden])")
    tip.wait_for()
    assert tip.locator("tr").count() == 12
    assert tip.locator(".mt-tip-head").inner_text().startswith("step ")
    assert "<img src=x" in tip.inner_text()
    assert lab.page.evaluate("() => document.querySelectorAll('.mt-tip img').length + (window.__xss ?? 0)") == 0
    lab.page.mouse.move(place["x"] + left + 2, place["y"] - 40)
    tip.wait_for(state="hidden")


def test_zooming_in_gets_more_of_the_part(lab: Lab, shown: str) -> None:
    def between(low: int, high: int) -> int:
        rows = panel(lab, CURVES).evaluate(ROWS, "points_0")
        return len({row["x"] for row in rows if row["run"] == 0 and low <= row["x"] <= high})

    before, drawn, place = between(2_050, 2_250), drawings(lab, CURVES), box(lab, CURVES)
    plot = panel(lab, CURVES).evaluate(f"element => ({VEGA})(element).scale('concat_0_x').range()")
    left = panel(lab, CURVES).evaluate(f"element => ({ORIGIN})(element)[0]")
    x = [place["x"] + left + plot[1] * step / 5_000 for step in (2_000, 2_300)]
    drag(lab, (x[0], place["y"] + 80), (x[1], place["y"] + 120))
    domain = panel(lab, CURVES).evaluate(f"element => ({VEGA})(element).scale('concat_1_x').domain()")
    assert 1_900 < domain[0] < 2_050  # at once, with what is there
    wait_for_drawing(lab, CURVES, drawn)
    assert before < 60
    assert between(2_050, 2_250) == 201
    drawn = drawings(lab, CURVES)
    lab.page.mouse.dblclick(x[0], place["y"] + 80)
    wait_for_drawing(lab, CURVES, drawn)
    assert between(0, 5_000) > 300


def test_controls_change_what_is_drawn(lab: Lab, shown: str) -> None:
    found = panel(lab, CURVES)
    found.get_by_label("smoothing", exact=True).fill("0.6")
    wait_for_marks(lab, CURVES, "line", 48)
    drawn = drawings(lab, CURVES)
    found.get_by_label("x", exact=True).select_option("wall time")
    wait_for_drawing(lab, CURVES, drawn)
    assert found.evaluate(ROWS, "trend_0")[0]["x"] > 1.6e12
    found.locator("summary").press("Enter")
    found.get_by_label("score").check()
    wait_for_marks(lab, CURVES, "rect", 12)
    found.locator("summary").press("Escape")
    assert not found.locator("details").evaluate("details => details.open")
    found.get_by_label("smoothing", exact=True).fill("0")
    wait_for_marks(lab, CURVES, "line", 24)
    lab.screenshot("curves-smoothed", lab.cell(CURVES))


def test_dragging_over_points_chooses_runs(lab: Lab, shown: str) -> None:
    found, place = panel(lab, SCATTER), box(lab, SCATTER)
    assert found.evaluate(MARKS, "symbol") >= 12
    drag(lab, (place["x"] + 60, place["y"] + 40), (place["x"] + 200, place["y"] + 330))
    lab.page.wait_for_function(ARE_CHOSEN, arg=found.element_handle())
    chosen = len(found.evaluate(ROWS, "chosen"))
    assert 0 < chosen < 12
    found.locator(".mt-words", has_text=f"{chosen} runs selected:").wait_for()
    drawn = drawings(lab, PARALLEL)
    place = box(lab, PARALLEL)
    origin = panel(lab, PARALLEL).evaluate(ORIGIN)
    x, y = place["x"] + origin[0], place["y"] + origin[1]
    drag(lab, (x, y + 5), (x, y + 100))
    wait_for_drawing(lab, PARALLEL, drawn)
    lab.run_cell(CHOSEN)
    numbers = lab.cell_text(CHOSEN).split()[-3:]
    assert numbers[1] == str(chosen)
    assert numbers[2] == str(len(panel(lab, PARALLEL).evaluate(ROWS, "chosen"))) != "0"


def test_what_a_point_is_is_read_as_text(lab: Lab, shown: str) -> None:
    place = box(lab, SCATTER)
    spot = panel(lab, SCATTER).evaluate(
        f"""element => {{ const view = ({VEGA})(element), row = view.data('points')[5], [x, y] = ({ORIGIN})(element);
        return [x + view.scale('x')(row.x), y + view.scale('y')(row.y)]; }}"""
    )
    lab.page.mouse.move(place["x"] + spot[0], place["y"] + spot[1])
    tip = lab.page.locator(".mt-tip:not([hidden])")
    tip.wait_for()
    assert "<img src=x" in tip.inner_text()
    assert "image" in tip.inner_text()
    assert lab.page.evaluate("() => document.querySelectorAll('.mt-tip img').length + (window.__xss ?? 0)") == 0
    lab.page.mouse.move(5, 5)


def test_what_to_do_when_there_is_nothing(lab: Lab, shown: str) -> None:
    words = lab.cell_output(EMPTY).locator(".mt-words")
    words.wait_for()
    assert words.inner_text().startswith("No run matches metrics.score > 7.")


@pytest.mark.parametrize("theme", ["Light", "Dark"])
@pytest.mark.parametrize("width", [WIDE[0], NARROW])
def test_pictures(lab: Lab, shown: str, theme: str, width: int) -> None:
    lab.set_width(width)
    lab.set_theme(f"JupyterLab {theme}")
    look = "element => getComputedStyle(element.querySelector('.mt-panel')).color"
    for index, name in ((CURVES, "curves"), (SCATTER, "scatter"), (PARALLEL, "parallel"), (IMPORTANCE, "importance")):
        found = panel(lab, index)
        colour = lab.cell_output(index).evaluate(look)
        assert found.evaluate(f"element => ({VEGA})(element) !== undefined")
        assert colour
        if index != PARALLEL:
            lab.page.wait_for_function(FITS, arg=found.element_handle())
        assert overlapping_texts(found) == []
        lab.screenshot(f"{name}-{theme.lower()}-{width}", lab.cell(index))


def test_a_busy_kernel_is_said_to_be_busy(lab: Lab, shown: str) -> None:
    lab.set_width(WIDE[0])
    found = panel(lab, CURVES)
    drawn = drawings(lab, CURVES)
    lab.begin_cell(BUSY)
    lab.cell_output(BUSY).get_by_text("begun").wait_for()
    panel(lab, CURVES)  # JupyterLab has scrolled to the cell that runs, and may have taken the others out of sight
    choice = found.get_by_label("log y")
    choice.select_option("on")
    found.get_by_text("Waiting for the kernel").wait_for()
    lab.release("waiting-is-seen")
    found.get_by_text("told meanwhile").wait_for()
    assert choice.evaluate("select => select.selectedOptions[0].text") == "on", "what was chosen stays"
    lab.release("choice-is-seen")
    wait_for_drawing(lab, CURVES, drawn)
    found.get_by_text("Waiting for the kernel").wait_for(state="hidden")
    lab.wait_until_done(BUSY)


def test_the_same_panel_again_and_one_vega_for_all(lab: Lab, shown: str) -> None:
    wait_until_still(panel(lab, CURVES))
    drawn = drawings(lab, CURVES)
    lab.run_cell(AGAIN)
    wait_for_marks(lab, AGAIN, "line", 24)
    assert drawings(lab, AGAIN) - drawn <= 1  # it was moved there
    panel(lab, AGAIN).get_by_label("smoothing", exact=True).fill("0.3")
    wait_for_marks(lab, AGAIN, "line", 48)
    assert lab.page.evaluate("() => Object.keys(globalThis.__mltrackVega).length") == 1


def test_nothing_went_wrong_and_nothing_was_fetched(lab: Lab, shown: str) -> None:
    assert lab.console_errors == []
    assert lab.foreign_requests == []
    assert lab.page.evaluate("() => window.__xss") is None


def test_the_picture_stays_when_the_kernel_is_gone(lab: Lab, shown: str) -> None:
    lab.save()
    lab.shutdown_kernel()
    lab.reload(shown)
    for index, words in (
        (CURVES, "of 12 runs in panels"),
        (SCATTER, "over 12 runs"),
        (PARALLEL, "12 runs"),
        (IMPORTANCE, "From 12 runs"),
    ):
        output = lab.cell_output(index)
        assert words in output.inner_text()
        picture = output.locator("img")
        assert width_of_picture(picture) > 200
        assert output.locator("table tr").count() > 2
        lab.screenshot(f"saved-{index}", lab.cell(index))
    assert lab.page.evaluate("() => window.__xss") is None
    assert lab.foreign_requests == []
