"""The card of a run: what its lines say, and that no text in it becomes anything but text."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.quickness import count_calls

from mltrack.entities import FileInfo, Run, RunData, RunInfo
from mltrack_widgets.run_card import CardData, run_card

if TYPE_CHECKING:
    from mltrack_widgets.bundle import Bundle

RUN_ID = "8f3a91c2d4e5f60718293a4b5c6d7e8f"
NOW = 1_795_237_705_000
PARAMS = {"C": "0.5", "solver": "lbfgs", "max_iter": "100", **{f"option_{index}": "1" for index in range(11)}}
HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</textarea></pre></details><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{7*7}} {0.__class__} %(x)s",
    "\x1b[31m\x00\u202eevil\n\r\ud800",
    "x" * 5_000 + "<b>",
)


class Structure(HTMLParser):
    """Counts the elements with their attribute names, and keeps the text of each."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.text = ""
        self.within: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements[name, tuple(sorted(key for key, _ in attributes))] += 1
        self.within.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self.within.pop() == name, "elements are nested"

    def handle_data(self, data: str) -> None:
        if "style" not in self.within:
            self.text += data

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.elements}


def a_run(
    *, params: dict[str, str] | None = None, metrics: dict[str, float] | None = None, status: str = "FINISHED"
) -> Run:
    end = None if status == "RUNNING" else NOW - 2_000
    info = RunInfo(RUN_ID, "1", "baseline", "ada", status, NOW - 3_240, end, "file:///lab/mlartifacts")
    tags = {"mlflow.source.name": "cancer.ipynb", "mlflow.note.content": "hidden", "team": "blue"}
    return Run(info, RunData(metrics=metrics or {}, params=params or {}, tags=tags))


def card(run: Run, **changes: object) -> CardData:
    data = CardData(
        run=run,
        experiment_name="cancer",
        series={},
        series_counts={},
        previous=None,
        changed_cells=0,
        own_params=("C", "solver", "max_iter"),
        error=None,
        traceback=None,
        environment={"python": "3.11.9"},
        artifacts=(FileInfo("model", is_dir=True), FileInfo("model/model.skops", is_dir=False, file_size=18_234)),
        note=None,
        now_ms=NOW,
    )
    return replace(data, **changes)  # type: ignore[arg-type]


def usual() -> CardData:
    return card(
        a_run(params=PARAMS, metrics={"accuracy": 111 / 114, "loss": 0.0812}),
        series={"loss": (0.1, 0.2, 0.4, 0.6, 0.8)},
        series_counts={"loss": 20},
        previous=a_run(params={**PARAMS, "C": "1.0"}, metrics={"accuracy": 110 / 114}),
        changed_cells=1,
    )


def read(bundle: Bundle) -> Structure:
    return Structure(bundle.html.html)


def test_the_text_form_is_the_one_in_the_look() -> None:
    assert run_card(usual()).text.splitlines() == [
        "● finished  baseline   cancer · 8f3a91c2 · 1.2 s · just now",
        "params   C 0.5   solver lbfgs   max_iter 100   +11",
        "metrics  accuracy 0.9737  ↑ 0.0088   loss 0.0812 ▁▂▄▆█ (20)",
        "since the last run of this cell:  C 1.0 → 0.5 · 1 cell changed",
    ]


def test_the_html_form_says_the_same() -> None:
    text = re.sub(r"\s+", " ", read(run_card(usual())).text)
    for said in (
        "● finished",
        "baseline",
        "cancer · 1.2 s · just now",
        "C 0.5solver lbfgsmax_iter 100+11",
        "accuracy 0.9737 ↑ 0.0088loss 0.0812 ▁▂▄▆█ (20)",
        "since the last run of this cell: C 1.0 → 0.5 · 1 cell changed",
    ):
        assert said in text


def test_it_opens_to_everything_without_scripts() -> None:
    structure = read(run_card(replace(usual(), traceback="Traceback\n  \x1b[31mline\x1b[0m")))
    body = structure.text.split("since the last run of this cell")[1]
    for said in (
        *PARAMS,
        "0.9736842105263158",
        "cancer.ipynb",
        "team",
        "3.11.9",
        "model/model.skops",
        "18.2 kB",
        RUN_ID,
    ):
        assert said in body
    assert "Traceback\n  line" in body
    assert "mlflow." not in structure.text
    assert {"details", "summary", "pre"} <= structure.names
    assert "script" not in structure.names


def test_the_whole_id_can_be_selected_outside_the_summary() -> None:
    html = run_card(usual()).html.html
    after = html[html.index("</details>") :]
    assert f">{RUN_ID}</code>" in after
    assert "user-select:all" in html.replace(" ", "")


def test_params_that_differ_come_first() -> None:
    previous = a_run(params={**PARAMS, "option_7": "2"})
    line = run_card(card(a_run(params=PARAMS), previous=previous)).text.splitlines()[1]
    assert line == "params   option_7 1   C 0.5   solver lbfgs   max_iter 100   +10"


def test_params_are_shown_when_none_was_set_in_the_cell() -> None:
    assert "params   C 0.5   solver lbfgs" in run_card(card(a_run(params=PARAMS), own_params=())).text


def test_thirty_params_take_one_line() -> None:
    params = {f"param_{index}": str(index / 7) for index in range(30)}
    line = run_card(card(a_run(params=params), own_params=tuple(params))).text.splitlines()[1]
    assert len(line) < 90
    assert line.endswith("+26")


@pytest.mark.parametrize(
    ("before", "after", "cells", "said"),
    [
        ({"a": "1"}, {"a": "1"}, 0, None),
        ({"a": "1"}, {"a": "1"}, 2, "2 cells changed"),
        ({"a": "1"}, {"a": "2"}, 0, "a 1 → 2"),
        ({}, {"a": "2"}, 0, "a 2 added"),
        ({"a": ""}, {"a": "2"}, 0, "a  → 2"),
        ({"a": "1", "b": "2"}, {"a": "1"}, 0, "b 2 removed"),
    ],
)
def test_what_changed(before: dict[str, str], after: dict[str, str], cells: int, said: str | None) -> None:
    text = run_card(card(a_run(params=after), previous=a_run(params=before), changed_cells=cells)).text
    start = "since the last run of this cell:  "
    assert [line.removeprefix(start) for line in text.splitlines() if line.startswith(start)] == (
        [said] if said else []
    )


def test_a_first_run_has_nothing_to_compare_with() -> None:
    data = card(a_run(params=PARAMS, metrics={"accuracy": 0.9}), changed_cells=3)
    assert "since" not in run_card(data).text
    assert "↑" not in run_card(data).text


def test_many_changes_are_counted() -> None:
    params = {f"param_{index}": "new" for index in range(30)}
    text = run_card(card(a_run(params=params), previous=a_run(params=dict.fromkeys(params, "old")))).text
    assert "param_0 old → new · " in text
    assert re.search(r"· 2\d more params$", text)


def test_a_failed_run_has_its_exceptions_last_line() -> None:
    data = card(a_run(status="FAILED"), error="ValueError: \x1b[31mno\x1b[0m\nsuch thing")
    assert "● failed" in run_card(data).text
    assert "error    ValueError: no\\nsuch thing" in run_card(data).text
    assert "ValueError: no\\nsuch thing" in read(run_card(data)).text


def test_a_run_that_goes_on_lacks_nothing_yet() -> None:
    data = card(a_run(status="RUNNING"), previous=a_run(params={"a": "1"}))
    assert run_card(data).text == "● running  baseline   cancer · 8f3a91c2 · 3.2 s so far"


def test_special_numbers_are_written() -> None:
    metrics = {"loss": math.nan, "norm": math.inf, "rate": -math.inf}
    data = card(a_run(metrics=metrics), previous=a_run(metrics=metrics), series={"loss": (1.0, math.nan)})
    text = run_card(replace(data, series_counts={"loss": 2})).text
    assert "metrics  loss nan ▄· (2)   norm inf   rate -inf" in text


@pytest.mark.parametrize("status", ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED", "<odd>"])
def test_a_status_is_a_dot_and_a_word(status: str) -> None:
    assert status.lower() in read(run_card(card(a_run(status=status)))).text


def with_text(text: str) -> CardData:
    """Return a card with the text in every field that is text."""
    values = {text: text, **PARAMS}
    info = RunInfo(text, text, text, text, "FAILED", NOW - 9_000, NOW, text, text)
    tags = {text: text, "mlflow.source.name": text, "mlflow.user": text, "mlflow.source.git.commit": text}
    run = Run(info, RunData(metrics={text: 0.5, "loss": 0.25}, params=values, tags=tags))
    before = Run(
        replace(info, run_id="0"), RunData(metrics={text: 0.25}, params={**values, text: f"{text}!", "C": text})
    )
    return card(
        run,
        experiment_name=text,
        series={text: (0.1, 0.5)},
        series_counts={text: 2},
        previous=before,
        changed_cells=2,
        own_params=(text,),
        error=text,
        traceback=text,
        environment={text: text},
        artifacts=(FileInfo(text, is_dir=False, file_size=1),),
        note=text,
    )


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:24])
def test_hostile_text_makes_no_element(text: str) -> None:
    hostile, benign = run_card(with_text(text)), run_card(with_text("x" * len(text)))
    assert read(hostile).elements == read(benign).elements
    assert "script" not in read(hostile).names
    assert_terminal_safe(hostile.text)


@given(st.text(min_size=1, max_size=60))
def test_any_text_makes_no_element(text: str) -> None:
    # after a prefix, so that it is no number, no name that the card has already and none of MLflow's own tags
    hostile, benign = with_text(f"n:{text}"), with_text(f"n:{'x' * len(text)}")
    assert read(run_card(hostile)).elements == read(run_card(benign)).elements


def assert_terminal_safe(text: str) -> None:
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)


def test_a_card_is_drawn_with_little_work() -> None:
    """It takes less than a millisecond."""
    data = usual()
    run_card(data)
    assert count_calls(lambda: run_card(data)) < 5_000  # a third of that


def test_a_bundle_always_has_text() -> None:
    bundle = run_card(usual())
    assert bundle._repr_mimebundle_() == {"text/html": bundle.html.html, "text/plain": bundle.text}
    assert bundle._repr_mimebundle_(include=["text/html"]) == bundle._repr_mimebundle_()
    assert bundle._repr_mimebundle_(exclude=["text/html"]) == {"text/plain": bundle.text}
    assert bundle._repr_mimebundle_(include=["image/png"]) == {"text/plain": bundle.text}
    assert repr(bundle) == str(bundle) == bundle.text
    data, metadata = replace(bundle, metadata={"mltrack": {"run_id": RUN_ID}})._repr_mimebundle_()
    assert (data, metadata) == (bundle._repr_mimebundle_(), {"mltrack": {"run_id": RUN_ID}})


@pytest.mark.parametrize("length", [200, 5_000])
def test_a_saved_card_stays_small(length: int) -> None:
    assert len(run_card(usual()).html.html) < 14_000
    assert len(run_card(with_text("x" * length)).html.html) < 60_000
