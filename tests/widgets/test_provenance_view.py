"""What a run depends on, drawn: the findings, the cells that are needed, and those that are not; all of it as text."""

from __future__ import annotations

import pytest
from tests.widgets.test_run_card import HOSTILE, Structure

from mltrack.provenance.observed import Observed
from mltrack.provenance.slice import FileUse, Finding, Slice, Step
from mltrack_widgets.provenance_view import Provenance, provenance_view

RUN_ID = "8f3a91c2d4e5f60718293a4b5c6d7e8f"


def a_slice(text: str = "x", *, findings: bool = True) -> Slice:
    steps = (
        Step(1, "a", f"import {text}", "", reasons=(f"defines {text}",)),
        Step(4, "b", f"d = {text}\nd", "", "error", observed=Observed()),
        Step(5, "t", f"%%track_run\n{text}", "", reasons=()),
    )
    finding = Finding("order", f"Cell 4 stands below {text}.", 4, "b", (text,))
    return Slice(
        RUN_ID,
        steps,
        left_out=(2, 3),
        findings=(finding,) if findings else (),
        imports=(text, "numpy"),
        files=(FileUse(text, f"/w/{text}", written=False, size=2048, digest="ab" * 32),),
    )


def drawn(text: str = "x", *, findings: bool = True) -> Provenance:
    left_out = {2: f"\n\n{text} = 1\nmore", 3: ""}
    return Provenance(a_slice(text, findings=findings), text, counts={1: 1, 2: 2, 4: 7, 5: 8}, left_out=left_out)


def test_the_text_form_says_it_all() -> None:
    assert provenance_view(drawn()).text.splitlines() == [
        "x depends on 3 of 5 executed cells · not reproducible: 1 reason",
        "  order: Cell 4 stands below x.",
        "",
        "[1]  defines x",
        "import x",
        "",
        "[7]  ended with error · order",
        "d = x",
        "d",
        "",
        "[8]  the run's own cell",
        "%%track_run",
        "x",
        "",
        "not needed: 2 cells",
        "  [2] x = 1",
        "  [ ] ",
        "imports x, numpy",
        "reads x (2.0 kB, sha256 abababab)",
    ]


def test_the_html_form_says_the_same() -> None:
    text = Structure(provenance_view(drawn()).html.html).text
    for said in (
        *("depends on 3 of 5 executed cells · not reproducible: 1 reason", "Cell 4 stands below x.", "[7]"),
        *("ended with error · order", "d = x\nd", "2 cells not needed", "x = 1", "imports x, numpy", "sha256 abababab"),
    ):
        assert said in text


def test_a_result_that_can_be_had_again_has_no_list_of_reasons() -> None:
    bundle = provenance_view(drawn(findings=False))
    assert bundle.text.splitlines()[0] == "x depends on 3 of 5 executed cells · reproducible"
    assert "dl" not in Structure(bundle.html.html).names


def test_without_numbers_and_names_it_still_shows() -> None:
    bundle = provenance_view(Provenance(a_slice(), "", counts={}, left_out={}))
    assert bundle.text.startswith("run 8f3a91c2 depends on 3 of 5")
    assert "[ ]  defines x" in bundle.text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_becomes_anything_but_text(text: str) -> None:
    structure = Structure(provenance_view(drawn(text)).html.html)
    plain = Structure(provenance_view(drawn("x" * len(text))).html.html)
    assert structure.elements == plain.elements
    assert "\x1b" not in provenance_view(drawn(text)).text


def test_an_endless_notebook_is_cut() -> None:
    steps = tuple(Step(number, None, "x" * 50_000, "") for number in range(1, 4))
    found = Slice(RUN_ID, steps, left_out=tuple(range(1000, 3000)))
    bundle = provenance_view(Provenance(found, "r", counts={}, left_out=dict.fromkeys(found.left_out, "y = 1")))
    assert len(bundle.html.html) < 200_000
