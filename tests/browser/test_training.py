"""Training in a notebook without one logging call: the card, the data it read, and the charts of what it left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.browser.lab import overlapping_texts

if TYPE_CHECKING:
    from tests.browser.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SETUP = """from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)"""
TRAINING = """%%track_run logistic --system-metrics
model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5))
model.fit(X_train, y_train)
accuracy_score(y_test, model.predict(X_test))"""
CELLS = ["%load_ext mltrack", SETUP, TRAINING, "%mltrack charts", "%mltrack autolog"]
CHARTS = ".vega-embed"


@pytest.fixture(scope="module")
def trained(lab: Lab) -> str:
    name = lab.write_notebook("training.ipynb", CELLS)
    lab.open(name)
    lab.forget_runs()
    lab.run_all()
    lab.settle()  # the last word on the card draws it anew, and folds it up
    lab.cell_output(3).locator(CHARTS).wait_for()  # their drawing moves the cells about
    return name


def test_the_card_has_what_the_fit_left(lab: Lab, trained: str) -> None:
    card = lab.cell_output(2).locator(".mltrack .mt-card")
    card.wait_for()
    text = " ".join(card.inner_text().split())
    assert "accuracy_score_X_test 0.979" in text
    assert "logisticregression__C 0.5" in text
    lab.cell_output(2).locator("details > summary").first.click()
    opened = " ".join(lab.cell_output(2).inner_text().split())
    assert "training_accuracy_score" in opened
    assert "X_train" in opened
    assert "training_confusion_matrix.json" in opened


def test_the_charts_are_drawn(lab: Lab, trained: str) -> None:
    output = lab.cell_output(3)
    output.locator(CHARTS).wait_for()
    assert output.locator(".vega-embed canvas").count() == 1
    specification = lab.page.evaluate(
        "() => notebookPanel().content.widgets[3].model.outputs.get(0).data['application/vnd.vegalite.v5+json']"
    )
    names = [part.get("title") for part in specification["concat"]]
    assert len(names) == len(specification["concat"]) >= 3
    assert lab.console_errors == []
    assert lab.foreign_requests == []


def test_what_is_switched_on_is_listed(lab: Lab, trained: str) -> None:
    assert "sklearn      in tracked cells" in lab.cell_text(4)


def test_pictures_in_both_themes(lab: Lab, trained: str, theme: str) -> None:
    lab.screenshot(f"training-{theme}", lab.cell(2))
    assert overlapping_texts(lab.cell_output(2)) == []
    lab.screenshot(f"charts-{theme}", lab.cell(3))
