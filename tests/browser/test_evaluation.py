"""What ``evaluate`` gives in JupyterLab: tables and charts, two themes, a narrow window, and what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.browser.lab import WIDE, overlapping_texts, wait_until_still

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]
pytest.importorskip("sklearn")
TALL = 2_600
FITS = """chart => chart.querySelector('canvas')?.getBoundingClientRect().width
  <= chart.getBoundingClientRect().width + 1"""
CELLS = [
    """%load_ext mltrack
import numpy as np, pandas as pd
from sklearn.linear_model import LinearRegression, LogisticRegression
from mltrack.evaluation.evaluate import evaluate
random = np.random.default_rng(0)
rows = pd.DataFrame(random.normal(size=(300, 3)), columns=["a", "b", "c"])
kinds = np.array(["<b>one</b>", "two", "three"])[rows.to_numpy().argmax(axis=1)]
data = rows.assign(answer=kinds, part=np.where(rows["b"] > 1, "few", "many"))
data["number"] = rows["a"] + random.normal(size=300)
good = LogisticRegression().fit(rows, kinds)
poor = LogisticRegression(C=1e-4).fit(rows, kinds)""",
    "evaluate(good, data, targets='answer', model_type='classifier', slices=['part', 'a'], baseline=poor)",
    "evaluate(LinearRegression().fit(rows, data['number']), data, targets='number', model_type='regressor')",
]


@pytest.fixture(scope="module")
def shown(lab: Lab) -> Iterator[str]:
    name = lab.write_notebook("evaluation.ipynb", CELLS)
    lab.open(name)
    lab.forget_runs()
    for index in range(len(CELLS)):
        lab.run_cell(index)
    assert lab.failures() == []
    yield name
    lab.set_width(WIDE[0])
    lab.set_theme("JupyterLab Light")


@pytest.mark.parametrize("width", [pytest.param(WIDE[0], marks=pytest.mark.slow), 480])
def test_tables_and_charts_are_drawn(lab: Lab, shown: str, theme: str, width: int) -> None:
    lab.set_size(width, TALL)
    for index, rows in ((1, 14), (2, 0)):
        output = lab.cell_output(index)
        output.locator(".mt-panel[data-drawn] canvas").wait_for()
        lab.page.wait_for_function(FITS, arg=output.locator(".mt-chart").element_handle())
        wait_until_still(output)
        assert output.locator("tbody tr").count() == rows
        assert overlapping_texts(output) == []
        lab.screenshot(f"evaluation-{index}-{theme}-{width}", output)
    assert "<b>one</b>" not in lab.cell_output(1).inner_html()
    assert (lab.console_errors, lab.foreign_requests) == ([], [])


def test_it_is_there_without_a_kernel(lab: Lab, shown: str) -> None:
    lab.save()
    lab.reload(shown)
    assert "accuracy_score" in lab.cell_text(1)
    assert lab.cell_output(1).locator("img").count() == 1
    assert lab.cell_output(2).locator("img").count() == 1
