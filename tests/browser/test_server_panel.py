"""A model's server under its cell in JupyterLab: tried out, watched, stopped and started by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.browser.axe import serious_faults
from tests.browser.holding import held
from tests.browser.lab import WIDE, overlapping_texts
from tests.browser.scripts import WITHOUT_SUBSHELLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator
    from tests.browser.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]
pytest.importorskip("sklearn")
pytest.importorskip("uvicorn")
TALL = 1_400
FOLDS = ("Try it", "Use it from", "Log")
TOKEN = "a-secret-of-many-letters"
TRAIN = """%load_ext mltrack
import numpy as np, pandas as pd, mltrack
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
random = np.random.default_rng(0)
rows = pd.DataFrame({"age": random.integers(18, 90, 300), "income": random.normal(3000, 800, 300).round(2),
                     "city": random.choice(["Oslo", "Lima", "Pune"], 300), "member": random.random(300) > 0.5})
target = (rows["income"] / 100 + rows["age"] > 80).map({True: "yes", False: "no"})
encoder = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["city"]), remainder="passthrough")
model = make_pipeline(encoder, LogisticRegression(max_iter=2000)).fit(rows, target)
version = mltrack.sklearn.log_model(model, name="model", input_example=rows.head(3), registered_model_name="loans")
client = mltrack.MltrackClient()
client.set_registered_model_alias("loans", "champion", "1")"""
CELLS = [
    TRAIN,
    "server = mltrack.serve('models:/loans@champion')\nserver",
    f"locked = mltrack.serve('models:/loans/1', name='locked', token={TOKEN!r})\nlocked",
    "for _ in range(40):\n    server.predict(rows.head(2))",
    f"print('begun')\n{held('training-goes-on')}",
    "server",
    "print([each.name for each in mltrack.servers()])",
]
# A number that falls again once there are no more requests.
HAS_MOVED = """(panel, name) => [...panel.querySelectorAll('dt')]
  .some(each => each.textContent === name && Number(each.nextSibling.textContent) > 1)"""
HAS_TEXT = "(element, text) => element.textContent === text"
SHOWN, LOCKED, CALLS, WAITS, AGAIN, LIST = 1, 2, 3, 4, 5, 6


@pytest.fixture(scope="module")
def served(lab: Lab) -> Iterator[str]:
    name = lab.write_notebook("server.ipynb", CELLS)
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.open(name)
    lab.page.evaluate(WITHOUT_SUBSHELLS)
    lab.forget_runs()
    lab.set_size(WIDE[0], TALL)
    for cell in (0, SHOWN, LOCKED):
        lab.run_cell(cell)
    assert lab.failures() == []
    yield name
    lab.set_theme("JupyterLab Light")
    lab.set_width(WIDE[0])


@pytest.fixture
def panel(lab: Lab, served: str) -> Iterator[Locator]:
    yield panel_of(lab, SHOWN)
    assert (lab.console_errors, lab.foreign_requests) == ([], [])


def panel_of(lab: Lab, cell: int) -> Locator:
    """Scroll to a panel: JupyterLab 4.4 hides the cells that are out of sight."""
    shown = lab.cell_output(cell).locator(".mt-server")
    shown.wait_for()
    return shown


def unfold(panel: Locator, title: str) -> Locator:
    return set_fold(panel, title, is_open=True)


def set_fold(panel: Locator, title: str, *, is_open: bool) -> Locator:
    fold = panel.locator("details", has=panel.page.locator("summary", has_text=title))
    if (fold.get_attribute("open") is not None) != is_open:
        fold.locator("summary").click()
    return fold


def is_in_state(panel: Locator, state: str) -> None:
    panel.locator(f".mt-server-state:text-is('{state}')").wait_for()


def send(form: Locator) -> str:
    form.locator(".mt-server-answered").evaluate("each => { each.textContent = ''; }")
    form.get_by_role("button", name="Send").click()
    answered = form.locator(".mt-server-answered", has_text="ms")
    answered.wait_for()
    return answered.inner_text()


def test_what_is_served_is_said(lab: Lab, panel: Locator) -> None:
    is_in_state(panel, "ready")
    text = panel.inner_text()
    assert "models:/loans/1 behind models:/loans@champion" in text
    assert "http://127.0.0.1:5" in text
    assert "requests/s" in text
    panel.locator(".mt-server-end", has_text="up ").wait_for()


def test_the_form_is_the_signature_and_sends_the_example(lab: Lab, panel: Locator) -> None:
    form = unfold(panel, "Try it")
    form.locator("label").nth(3).wait_for()
    assert form.locator("label").all_inner_texts() == ["age", "income", "city", "member"]
    assert send(form).startswith("200 OK · ")
    assert json.loads(form.get_by_label("Answer").inner_text())["predictions"] in (["yes"], ["no"])
    form.get_by_label("age").fill("18")
    form.get_by_label("income").fill("1.5")
    form.get_by_label("income").press("Enter")
    form.get_by_text('{"predictions": ["no"]}').wait_for()


def test_what_is_wrong_stands_beside_its_column(lab: Lab, panel: Locator) -> None:
    form = unfold(panel, "Try it")
    age = form.get_by_label("age")
    age.fill("")
    assert send(form).startswith("400 ")
    assert age.get_attribute("aria-invalid") == "true"
    assert "'age'" in form.locator(f"[id='{age.get_attribute('aria-describedby')}']").inner_text().replace('"', "'")
    lab.screenshot("server-error", panel)
    age.fill("forty")
    form.get_by_role("button", name="Send").click()
    form.get_by_text("This is not a whole number.").wait_for()
    age.fill("40")
    assert send(form).startswith("200 ")
    assert age.get_attribute("aria-invalid") is None


def test_a_body_can_be_written_as_json(lab: Lab, panel: Locator) -> None:
    form = unfold(panel, "Try it")
    form.get_by_role("button", name="As JSON").click()
    body = form.get_by_label("Body of the request, as JSON")
    document = json.loads(body.input_value())
    document["dataframe_split"]["data"] *= 2
    body.fill(json.dumps(document))
    assert send(form).startswith("200 ")
    assert len(json.loads(form.get_by_label("Answer").inner_text())["predictions"]) == 2
    body.fill("{")
    form.get_by_role("button", name="Send").click()
    form.get_by_text("This is not JSON").wait_for()
    form.get_by_role("button", name="As JSON").click()


def test_lines_are_copied(lab: Lab, panel: Locator) -> None:
    button = panel.get_by_role("button", name="Copy the address")
    with lab.seen(HAS_TEXT, button, "Copied"):
        button.click()
    address = lab.page.evaluate("() => navigator.clipboard.readText()")
    assert address == panel.locator(".mt-server-url").inner_text()
    uses = unfold(panel, "Use it from")
    for what, part in (("curl", f"curl {address}/invocations"), ("Python", "from urllib.request import")):
        uses.get_by_role("button", name=f"Copy the lines for {what}").click()
        lab.wait_for_clipboard(part)


def test_numbers_and_log_follow(lab: Lab, panel: Locator) -> None:
    log = unfold(panel, "Log").get_by_role("region", name="Log")
    log.get_by_text("Nothing was printed yet.").wait_for()
    form = unfold(panel, "Try it")
    form.get_by_label("income").fill("")
    assert send(form).startswith("500 ")
    log.get_by_text("contains NaN").first.wait_for()
    form.get_by_label("income").fill("3000")
    with lab.seen(HAS_MOVED, panel, "requests/s"):
        lab.run_cell(CALLS)
    panel.locator(".mt-server-spark:not([data-empty])").wait_for()
    assert panel.locator("dd", has_text="ms").count() == 2


def test_every_panel_of_a_server_says_the_same(lab: Lab, panel: Locator) -> None:
    lab.run_cell(AGAIN)
    panel_of(lab, SHOWN).get_by_role("button", name="Stop").press("Enter")
    is_in_state(panel, "stopped")
    assert panel.get_by_role("button", name="Stop").get_attribute("aria-disabled") == "true"
    lab.page.wait_for_function("() => document.activeElement.textContent === 'Stop'")
    lab.screenshot("server-stopped", panel)
    lab.run_cell(LIST)
    assert lab.cell_text(LIST).strip() == "['locked']"
    other = panel_of(lab, AGAIN)
    is_in_state(other, "stopped")
    other.get_by_role("button", name="Start").click()
    is_in_state(other, "ready")
    is_in_state(panel_of(lab, SHOWN), "ready")
    assert send(unfold(panel, "Try it")).startswith("200 ")


def test_buttons_wait_for_a_running_cell_and_say_so(lab: Lab, panel: Locator) -> None:
    lab.begin_cell(WAITS)
    lab.cell_output(WAITS).get_by_text("begun").wait_for()  # the kernel may be busy with what it was asked before
    panel_of(lab, SHOWN).get_by_role("button", name="Reload").click()
    panel.get_by_text("Waits until the running cell has ended.").wait_for()
    lab.screenshot("server-waits", panel)
    lab.release("training-goes-on")
    lab.wait_until_done(WAITS)
    panel.get_by_text("Waits until the running cell has ended.").wait_for(state="detached")
    panel.locator(".mt-server-button[aria-disabled=false]", has_text="Reload").wait_for()
    is_in_state(panel, "ready")


def test_its_look(lab: Lab, panel: Locator, theme: str) -> None:
    with lab.seen(HAS_MOVED, panel, "requests/s"):
        lab.run_cell(CALLS)
    for width, name in ((WIDE[0], f"server-{theme}"), (480, f"server-narrow-{theme}")):
        lab.set_size(width, TALL)
        for title in FOLDS:
            set_fold(panel, title, is_open=title == "Try it")
        send(unfold(panel, "Try it"))
        lab.screenshot(name, panel)
        for title in FOLDS:
            unfold(panel, title)
        assert overlapping_texts(panel) == []
        assert serious_faults(panel) == []
        assert panel.evaluate("each => each.scrollWidth <= each.clientWidth")
        lab.screenshot(f"{name}-open", panel)
    lab.set_size(WIDE[0], TALL)


def test_what_is_saved_has_no_secret_and_needs_no_kernel(lab: Lab, panel: Locator, served: str) -> None:
    lab.save()
    text = (lab.folder / served).read_text()
    assert TOKEN not in "".join(json.dumps(cell["outputs"]) for cell in json.loads(text)["cells"])
    lab.shutdown_kernel()
    lab.page.locator(".mt-server[data-stale]").first.wait_for()
    lab.reload(served)
    output = lab.cell_output(LOCKED)
    assert "as of " in output.inner_text()
    output.locator("summary").click()
    assert "$(cat " in output.inner_text()
    assert lab.page.locator(".mt-server").count() == 0
    lab.screenshot("server-kept", output)
