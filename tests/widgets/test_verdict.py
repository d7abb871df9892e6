"""What a card says of whether a run's result can be had again: read off tags that anyone may have written."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from tests.widgets.test_run_card import HOSTILE, Structure, a_run, card

from mltrack_widgets.run_card import run_card
from mltrack_widgets.verdict import Verdict, verdict_of

REASONS = json.dumps(
    [
        {"kind": "edited", "text": "Cell 3 was edited after it ran.", "seq": 3, "cell_id": "a"},
        {"kind": "unseeded", "text": "Cell 5 takes random numbers of numpy.", "seq": 5, "cell_id": None},
    ]
)
NOT = {"mltrack.reproducible": "false", "mltrack.reproducible.reasons": REASONS}
TWO = (("edited cell", "Cell 3 was edited after it ran."), ("randomness", "Cell 5 takes random numbers of numpy."))


@pytest.mark.parametrize(
    ("tags", "verdict"),
    [
        ({}, None),
        ({"mltrack.reproducible": "true"}, Verdict("reproducible", is_good=True)),
        (NOT, Verdict("not reproducible: 2 reasons", is_good=False, reasons=TWO)),
        ({"mltrack.reproducible": "false"}, Verdict("not reproducible", is_good=False)),
        ({"mltrack.reproducible": "maybe"}, None),
        ({"mltrack.verified": "true"}, Verdict("verified", is_good=True)),
        ({**NOT, "mltrack.verified": "true"}, Verdict("verified", is_good=True, reasons=TWO)),
        (
            {"mltrack.reproducible": "true", "mltrack.verified": "false"},
            Verdict("run again, it gave other metrics", is_good=False),
        ),
        *(
            ({**NOT, "mltrack.reproducible.reasons": text}, Verdict("not reproducible", is_good=False))
            for text in ("", "{", "[1, null]", "{}", "5", "[" * 100_000)
        ),
    ],
)
def test_tags_become_a_word(tags: dict[str, str], verdict: Verdict | None) -> None:
    assert verdict_of(tags) == verdict


def tagged(tags: dict[str, str]) -> str:
    run = a_run(params={"C": "0.5"})
    return run_card(card(replace(run, data=replace(run.data, tags={**run.data.tags, **tags})))).html.html


def test_the_card_says_it_in_its_line_of_who_and_the_reasons_behind_the_fold() -> None:
    text = re.sub(r"\s+", " ", Structure(tagged(NOT)).text)
    who, _, rest = text.partition("params")
    assert "not reproducible: 2 reasons" in who
    assert "Cell 3 was edited" not in who
    assert "edited cell" in rest
    assert "Cell 3 was edited after it ran." in rest
    assert "mltrack.reproducible" not in text, "the tags are not listed once more"


def test_a_card_of_a_run_that_was_not_judged_says_nothing() -> None:
    text = Structure(tagged({})).text
    assert "reproducible" not in text
    assert "verified" not in text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_reasons_are_text(text: str) -> None:
    def with_reason(words: str) -> Structure:
        reasons = json.dumps([{"kind": words, "text": words}])
        return Structure(tagged({"mltrack.reproducible": "false", "mltrack.reproducible.reasons": reasons}))

    assert with_reason(text).elements == with_reason("x" * len(text)).elements
