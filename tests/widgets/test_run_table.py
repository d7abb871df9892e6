"""The table of runs: which columns it has, what it says in words, and that no text in it becomes anything else."""

from __future__ import annotations

import math
import re
from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from tests.quickness import count_calls

from mltrack.entities import Run, RunData, RunInfo
from mltrack_widgets.run_table import run_table

if TYPE_CHECKING:
    from mltrack_widgets.bundle import Bundle

NOW = 1_795_237_705_000
HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</td></table><svg onload=alert(1)>",
    "{{7*7}} {0.__class__}",
    "\x1b[31m\x00\u202eevil\n\ud800",
    "x" * 3_000 + "<b>",
)


class Table(HTMLParser):
    """Reads a table: its caption, its header and its rows; counts all elements with their attribute names."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.caption = ""
        self.rows: list[list[str]] = []
        self.within: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements[name, tuple(sorted(key for key, _ in attributes))] += 1
        self.within.append(name)
        if name == "tr":
            self.rows.append([])
        if name in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, name: str) -> None:
        assert self.within.pop() == name, "elements are nested"

    def handle_data(self, data: str) -> None:
        if "style" in self.within:
            return
        self.text += data
        if "caption" in self.within:
            self.caption += data
        if self.within[-1:] and {"th", "td"} & set(self.within):
            self.rows[-1][-1] += data

    @property
    def header(self) -> list[str]:
        return self.rows[0]

    def column(self, name: str) -> list[str]:
        return [row[self.header.index(name)] for row in self.rows[1:]]


def a_run(
    number: int = 0,
    *,
    params: dict[str, str] | None = None,
    metrics: dict[str, float] | None = None,
    experiment_id: str = "1",
) -> Run:
    start = NOW - 3_600_000 * number - 2_000
    info = RunInfo(
        f"{number:08x}{'0' * 24}", experiment_id, f"run-{number}", "ada", "FINISHED", start, start + 1_240, ""
    )
    return Run(info, RunData(metrics=metrics or {}, params=params or {}))


def draw(runs: list[Run], *, total: int = 340, filter_text: str = "", names: dict[str, str] | None = None) -> Bundle:
    return run_table(
        runs,
        experiment_names={"1": "digits"} if names is None else names,
        total=total,
        filter_text=filter_text,
        now_ms=NOW,
    )


def read(bundle: Bundle) -> Table:
    return Table(bundle.html.html)


def some_runs() -> list[Run]:
    return [
        a_run(0, params={"C": "0.5", "solver": "lbfgs"}, metrics={"accuracy": 0.97368421}),
        a_run(
            1, params={"C": "1.0", "solver": "lbfgs", "penalty": "l1"}, metrics={"accuracy": math.nan, "loss": 12345.6}
        ),
    ]


def test_params_that_vary_have_columns_and_the_others_a_line() -> None:
    table = read(draw(some_runs()))
    assert table.header == ["status", "name", "id", "started", "duration", "C", "penalty", "accuracy", "loss"]
    assert table.rows[1] == ["● finished", "run-0", "00000000", "just now", "1.2 s", "0.5", "", "0.9737", ""]
    assert table.column("accuracy") == ["0.9737", "nan"]
    assert table.column("loss") == ["", "12350"]
    assert table.caption == "2 of 340 runs of digits, newest firstsame in all: solver lbfgs"


def test_a_single_runs_params_are_columns() -> None:
    assert "solver" in read(draw(some_runs()[:1])).header


def test_a_filter_is_named() -> None:
    assert read(draw(some_runs(), filter_text="metrics.a > 0")).caption.startswith(
        "2 of 340 runs of digits matching metrics.a > 0, newest first"
    )


def test_another_order_is_not_called_newest_first() -> None:
    assert read(draw(some_runs()[::-1])).caption.startswith("2 of 340 runs of digitssame in all")


def test_runs_of_several_experiments_say_which() -> None:
    runs = [a_run(0), a_run(1, experiment_id="2"), a_run(2, experiment_id="3")]
    table = read(draw(runs, names={"1": "digits", "2": "cancer"}))
    assert table.column("experiment") == ["digits", "cancer", "3"]
    assert table.caption == "3 of 340 runs of 2 experiments, newest first"


def test_columns_beyond_twelve_are_named() -> None:
    params, metrics = ({f"{kind}_{index}": index for index in range(15)} for kind in ("p", "m"))
    runs = [a_run(n, params={k: str(v * n) + "x" for k, v in params.items()}, metrics=dict(metrics)) for n in (1, 2)]
    table = read(draw(runs))
    assert len([name for name in table.header if name.startswith("m_")]) == 12
    assert len([name for name in table.header if name.startswith("p_")]) == 12
    assert "3 more metrics: m_12, m_13, m_14" in table.caption
    assert "same in all: p_0 0x" in table.caption
    assert "2 more params: p_13, p_14" in table.caption


def test_it_is_a_real_table() -> None:
    bundle = draw(some_runs())
    elements = read(bundle).elements
    assert elements["th", ("scope",)] + elements["th", ("class", "scope")] + sum(
        elements["th", names] for names in [("scope", "title"), ("class", "scope", "title")]
    ) == len(read(bundle).header)
    assert elements["caption", ()] == 1
    assert 'tabindex="0"' in bundle.html.html  # its own scroll bar can be reached with the keyboard
    assert "position:sticky" in bundle.html.html.replace(" ", "")


def test_numbers_are_aligned_right_and_exact_on_hover() -> None:
    assert '<td class="mt-n" title="0.97368421">0.9737</td>' in draw(some_runs()).html.html


@pytest.mark.parametrize(
    ("total", "filter_text", "said"),
    [
        (0, "", "No runs of digits yet. A cell becomes a run with this as its first line:\n\n    %%track_run"),
        (0, "a > 1", "No runs of digits yet. A cell becomes a run with this as its first line:\n\n    %%track_run"),
        (340, "a > 1", "None of 340 runs of digits matches a > 1"),
    ],
)
def test_an_empty_table_says_what_would_fill_it(total: int, filter_text: str, said: str) -> None:
    bundle = draw([], total=total, filter_text=filter_text)
    assert bundle.text == said
    assert read(bundle).text == re.sub(r"\n\n {4}", "", said)


def test_the_text_form_is_aligned_and_fits_a_terminal() -> None:
    assert draw(some_runs()).text.splitlines() == [
        "2 of 340 runs of digits, newest first",
        "status    name   id        started   duration    C  penalty  accuracy   loss",
        "finished  run-0  00000000  just now     1.2 s  0.5             0.9737",
        "finished  run-1  00000001  1 h ago      1.2 s  1.0  l1            nan  12350",
        "same in all: solver lbfgs",
    ]


def test_wide_tables_are_cut_to_the_terminal() -> None:
    runs = [
        a_run(n, params={f"p{i}": f"{n}数{'x' * 50}" for i in range(9)}, metrics={f"m{i}": n / 7 for i in range(9)})
        for n in range(3)
    ]
    lines = draw(runs).text.splitlines()
    assert max(map(len, lines[1:5])) <= 120
    assert {"p0", "m0"} <= set(lines[1].split())
    assert re.fullmatch(r"\d+ more columns not shown here", lines[-1])


def with_text(text: str) -> Bundle:
    """Return a table with the text in every field that is text."""
    info = RunInfo(text, text, text, text, "FAILED", NOW, NOW, text, text)
    runs = [
        Run(info, RunData(metrics={text: 0.5}, params={text: text, "solver": text, "same": text})),
        Run(info, RunData(metrics={text: 0.7}, params={text: f"{text}!", "same": text})),
        a_run(1, params={"same": text}),
    ]
    return draw(runs, filter_text=text, names={text: text})


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:24])
def test_hostile_text_makes_no_element(text: str) -> None:
    hostile, benign = with_text(text), with_text("x" * len(text))
    assert read(hostile).elements == read(benign).elements
    assert "script" not in {name for name, _ in read(hostile).elements}
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", hostile.text)
    empty = draw([], filter_text=text, names={"1": text})
    assert read(empty).elements == read(draw([], filter_text="x" * len(text), names={"1": "x" * len(text)})).elements


def test_a_hundred_runs_are_drawn_with_little_work() -> None:
    runs = [
        a_run(n, params={f"p{i}": str(n * i) for i in range(12)}, metrics={f"m{i}": n / (i + 1) for i in range(12)})
        for n in range(100)
    ]
    assert count_calls(lambda: draw(runs)) < 200_000  # a third of that, which takes ten milliseconds
    assert len(draw(runs).html.html) < 200_000
