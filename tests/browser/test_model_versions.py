"""The models' panel in a real JupyterLab: versions promoted, named and compared, by mouse and by keyboard."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.browser.axe import serious_faults
from tests.browser.lab import WIDE, overlapping_texts, wait_until_still
from tests.browser.run_tables import RunTablePage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator
    from tests.browser.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]
pytest.importorskip("sklearn")
pytest.importorskip("skops")
HOSTILE = "<img src=x onerror='window.__xss = 1'>"
TRAIN = """%load_ext mltrack
import mltrack
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
mltrack.set_experiment("cancer")
for C in (0.001, 0.01, 1.0):
    with mltrack.start_run(run_name=f"C {C}"):
        model = LogisticRegression(C=C, max_iter=5000).fit(X[:400], y[:400])
        mltrack.log_params({"C": C, "max_iter": 5000})
        for step in range(5):
            mltrack.log_metric("train_loss", log_loss(y[:400], model.predict_proba(X[:400])) / (step + 1), step=step)
        mltrack.log_metric("accuracy", accuracy_score(y[400:], model.predict(X[400:])))
        mltrack.log_metric("log_loss", log_loss(y[400:], model.predict_proba(X[400:])))
        info = mltrack.sklearn.log_model(model, name="clf", input_example=X[:5])
        mltrack.register_model(info.model_uri, "cancer")
client = mltrack.MltrackClient()
client.update_registered_model("cancer", "Tells benign from malignant tumours by thirty measurements of their cells.")
client.set_registered_model_alias("cancer", "champion", "2")
client.transition_model_version_stage("cancer", "2", "Production")"""
ONE = "panel = mltrack.model_versions('cancer')\npanel"
ALL = "%mltrack models"
MANY = f"""client.create_registered_model("churn", description={HOSTILE!r})
for place in range(30):
    version = client.create_model_version("churn", info.model_uri, tags={{"place": place}})
client.set_registered_model_alias("churn", "champion", "3")
client.update_model_version("churn", "30", {HOSTILE!r})"""
EMPTY = """here = mltrack.get_tracking_uri()
mltrack.set_tracking_uri("empty.db")
nothing = mltrack.model_versions()
display(nothing)
mltrack.set_tracking_uri(here)"""
CELLS = [TRAIN, ONE, ALL, MANY, EMPTY]
TALL = 1_400


class VersionsPage(RunTablePage):
    """The versions in the panel below one cell."""

    def find(self, selector: str, text: str | None = None) -> Locator:
        """Give parts of the versions by a selector, and by their text."""
        return self.output.locator(f".mtm section[aria-label=Versions] {selector}", has_text=text)


@pytest.fixture(scope="module")
def notebook(lab: Lab) -> Iterator[str]:
    name = lab.write_notebook("models.ipynb", CELLS)
    lab.open(name)
    lab.forget_runs()
    lab.run_cell(0)
    lab.run_cell(1)
    assert lab.failures() == []
    yield name
    lab.set_width(WIDE[0])
    lab.set_theme("JupyterLab Light")


@pytest.fixture
def one(lab: Lab, notebook: str) -> Iterator[VersionsPage]:
    """The versions of one model, as the tests before left them."""
    page = VersionsPage(lab, 1)
    page.wait_for_rows(3)
    yield page
    assert lab.console_errors == []
    assert lab.foreign_requests == []


def press(page: VersionsPage, name: str) -> None:
    """Press a button of the panel and wait until the kernel has answered."""
    with page.answered():
        page.output.get_by_role("button", name=name, exact=True).click()


def choose(page: VersionsPage, *versions: int) -> None:
    """Choose exactly these versions."""
    for row in page.rows.all():
        box = row.locator("input")
        if box.is_checked() != (box.get_attribute("aria-label") in [f"Choose version {each}" for each in versions]):
            with page.answered():
                box.click()


def said(page: VersionsPage) -> str:
    return page.find(".mtm-said").inner_text()


def form(page: VersionsPage, name: str) -> Locator:
    """Open the form of a button."""
    page.output.get_by_role("button", name=name, exact=True).click()
    return page.find(".mtm-form")


# In the order of a session: what is done stays done.


def test_versions_are_shown_with_what_their_runs_gave(one: VersionsPage) -> None:
    assert one.column("version") == ["3", "2", "1"]
    assert one.column("aliases") == ["", "champion", ""]
    assert one.column("stage") == ["", "Production", ""]
    assert one.column("run") == ["C 1.0", "C 0.01", "C 0.001"]
    assert one.row("version 3").inner_text().count("C 0.01 → 1.0") == 1
    assert one.row("version 2").get_attribute("data-baseline") == ""
    assert "Tells benign from malignant" in one.output.inner_text()


def test_a_version_is_promoted(lab: Lab, one: VersionsPage) -> None:
    choose(one, 3)
    opened = form(one, "Promote…")
    opened.get_by_label("Stage").select_option("Production")
    opened.get_by_label("archive the others in it").check()
    lab.screenshot("models-light", one.output)
    press(one, "Promote")
    assert said(one) == "Version 3 is in Production now; before: in no stage. Archived: version 2."
    assert one.column("stage") == ["Production", "Archived", ""]
    assert one.find(".mtm-form").is_hidden()


def test_an_alias_is_set_moved_refused_and_removed(one: VersionsPage) -> None:
    choose(one, 3)
    opened = form(one, "Set alias…")
    opened.get_by_label("Alias").fill("champion")
    assert "it names version 2 now" in opened.inner_text()
    press(one, "Set alias")
    assert said(one) == "champion now names version 3; before: version 2."
    assert one.column("aliases") == ["champion", "", ""]
    opened = form(one, "Set alias…")
    opened.get_by_label("Alias").fill("my alias")
    press(one, "Set alias")
    assert "'my alias' is no alias" in one.output.locator(".mtt-problem").inner_text()
    assert opened.is_visible(), "what was refused can be mended"
    opened.get_by_label("Alias").fill("candidate")
    press(one, "Set alias")
    assert one.find("tbody tr .mtm-chip").all_inner_texts() == ["candidate", "champion"]
    opened = form(one, "Remove alias…")
    opened.get_by_label("Alias").select_option("candidate")
    press(one, "Remove alias")
    assert said(one) == "candidate names no version now; before: version 3."


def test_two_versions_are_compared_and_the_comparison_follows(one: VersionsPage) -> None:
    choose(one, 2, 3)
    press(one, "Compare")
    compared = one.output.locator(".mt-compare")
    compared.locator("table").first.wait_for()
    assert [text.split("\n")[0].strip() for text in compared.locator("thead th").all_inner_texts()] == [
        "C 1.0",
        "C 0.01",
    ]
    one.output.locator("canvas").wait_for()
    choose(one, 1, 2, 3)
    one.output.locator(".mt-compare thead th").nth(2).wait_for()
    press(one, "Compare")
    compared.wait_for(state="detached")
    choose(one, 1)
    with one.answered():
        one.find("tbody .mtt-link", "C 0.01").click()
    compared.locator("table").first.wait_for()
    press(one, "Compare")


def test_files_are_checked_and_a_version_is_described_and_served(lab: Lab, one: VersionsPage) -> None:
    choose(one, 1, 2)
    press(one, "Check files")
    assert said(one) == "Versions 1 and 2: unchanged."
    choose(one, 1)
    opened = form(one, "Describe…")
    opened.get_by_label("Description").fill(HOSTILE)
    press(one, "Save")
    assert HOSTILE in one.row("version 1").inner_text()
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened = form(one, "Serve…")
    assert "%mltrack serve models:/cancer/1" in opened.inner_text()
    one.output.get_by_role("button", name="Copy", exact=True).click()
    one.output.locator("[aria-live]", has_text="Copied ").wait_for(state="attached")
    assert lab.page.evaluate("() => navigator.clipboard.readText()") == "%mltrack serve models:/cancer/1"
    one.output.get_by_role("button", name="Close", exact=True).click()
    assert lab.page.evaluate("() => window.__xss") is None


def test_all_of_it_by_keyboard(lab: Lab, one: VersionsPage) -> None:
    choose(one)
    keys = lab.page.keyboard
    one.header_of("version").focus()
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    with one.answered():
        keys.press("Space")
    assert one.row("version 2").get_attribute("aria-selected") == "true"
    for _ in range(30):
        keys.press("Shift+Tab")
        if lab.page.evaluate("() => document.activeElement.textContent") == "Promote…":
            break
    keys.press("Enter")
    assert lab.page.evaluate("() => document.activeElement.ariaLabel") == "Stage"
    keys.press("S")
    keys.press("Tab")
    keys.press("Tab")
    with one.answered():
        keys.press("Enter")
    assert said(one) == "Version 2 is in Staging now; before: in Archived."
    assert lab.page.evaluate("() => document.activeElement.textContent") == "Promote…", "the focus is where it was"
    keys.press("Enter")
    keys.press("Escape")
    assert one.find(".mtm-form").is_hidden()


def test_another_panel_follows(lab: Lab, one: VersionsPage) -> None:
    lab.run_cell(2)
    other = VersionsPage(lab, 2)
    other.output.locator(".mtm-models tbody tr").first.wait_for()
    choose(one, 1)
    opened = form(one, "Set alias…")
    opened.get_by_label("Alias").fill("oldest")
    press(one, "Set alias")
    other.output.get_by_text("oldest 1").first.wait_for()


def test_models_are_opened_and_their_versions_paged_and_filtered(lab: Lab, one: VersionsPage) -> None:
    lab.run_cell(3)
    lab.run_cell(2)
    every = VersionsPage(lab, 2)
    models = every.output.locator(".mtm-models")
    models.locator("tbody tr").nth(1).wait_for()
    wait_until_still(every.output)  # a table that is drawn anew takes the focus along
    models.locator("tbody td").first.press("ArrowDown")
    with every.answered():
        lab.page.keyboard.press("Enter")
    versions = every.output.locator("section[aria-label=Versions]")
    assert "versions 1 to 25, more follow" in versions.inner_text()
    with every.answered():
        versions.get_by_label("Next page").click()
    assert versions.locator("tbody tr").count() == 5
    search = versions.get_by_label("Filter versions")
    with every.answered():
        search.fill("tags.place = '7'")
        search.press("Enter")
    assert versions.locator("tbody tr").count() == 1
    with every.answered():
        search.fill("version_number >")
        search.press("Enter")
    assert "^" in versions.locator(".mtt-refusal").inner_text()
    assert serious_faults(every.output.locator(".mtm")) == []
    assert every.output.locator(".mtm img").count() == 0
    with every.answered():
        search.fill("")
        search.press("Enter")


@pytest.mark.parametrize("width", [WIDE[0], 480])
def test_how_it_looks(lab: Lab, one: VersionsPage, theme: str, width: int) -> None:
    lab.set_size(width, TALL)
    choose(one, 2, 3)
    every = VersionsPage(lab, 2)
    for page, name in ((one, "models-one"), (every, "models-all")):
        wait_until_still(page.output)
        assert overlapping_texts(page.output) == []
        assert serious_faults(page.output.locator(".mtm")) == []
        assert page.output.locator(".mtm").evaluate("each => each.scrollWidth - each.clientWidth") <= 1
        lab.screenshot(f"{name}-{theme}-{width}" if width != WIDE[0] else f"{name}-{theme}", page.output)
    form(one, "Promote…")
    assert overlapping_texts(one.output) == []
    assert serious_faults(one.output.locator(".mtm")) == []
    lab.screenshot(f"models-form-{theme}-{width}", one.output)
    form(one, "Promote…")
    press(one, "Compare")
    one.output.locator(".mt-compare table").first.wait_for()
    wait_until_still(one.output)
    lab.screenshot(f"models-compared-{theme}-{width}", one.output)
    press(one, "Compare")


def test_tables_stay_without_a_kernel(lab: Lab, notebook: str) -> None:
    lab.run_cell(4)
    assert 'mltrack.register_model(info.model_uri, "name")' in lab.cell_text(4)
    lab.run_cell(1)
    lab.save()
    document = json.loads((lab.folder / notebook).read_text())
    assert len(json.dumps(document["cells"][1]["outputs"])) < 60_000
    lab.shutdown_kernel()
    lab.reload(notebook)
    output = lab.cell_output(1)
    assert "champion" in output.inner_text()
    assert output.locator("button, input").count() == 0
    lab.screenshot("models-kept", output)
