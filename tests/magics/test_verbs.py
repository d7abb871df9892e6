"""``%mltrack VERB``: what each verb shows, how it refuses, and that no stored text becomes markup."""

from __future__ import annotations

import json
from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import nbformat
import pytest
from tests.magics.kernels import running_kernel

from mltrack_magics.options import VERBS, split_words, typed_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.magics.kernels import Kernel, Outcome


RUNS = (
    "%%track_run alpha -p C=0.5 -t stage=dev\naccuracy = len('abc') / 4",
    "%%track_run beta -p C=1.0 -e churn\naccuracy = len('ab') / 4",
    "%%track_run 'two words' -p C=0.5\n1 / 0",
)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running_kernel(tmp_path_factory.mktemp("verbs")) as started:
        for cell in RUNS:
            started.run(cell)
        started.settle()
        yield started


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running_kernel(tmp_path_factory.mktemp("empty")) as started:
        yield started


def shown(outcome: Outcome) -> str:
    """The text of what a verb showed."""
    assert outcome.status == "ok", outcome.error
    texts = [content["data"]["text/plain"] for kind, content in outcome.messages if kind == "display_data"]
    return outcome.stream() + "\n".join(texts)


SAID: dict[str, tuple[str, list[str], list[str]]] = {
    "nothing": ("", ["%mltrack VERB", "runs", "notebook", "%%track_run"], []),
    "runs": ("runs", ["alpha", "beta", "two words"], []),
    "runs filtered": ("runs \"metrics.accuracy > 0.6 and params.C = '0.5'\"", ["alpha"], ["beta", "two words"]),
    "runs filtered without outer quotes": ("runs params.C = '1.0'", ["beta"], ["alpha", "two words"]),
    "runs filtered in double quotes": ('runs params.C = "1.0"', ["beta"], ["alpha"]),
    "runs filtered without spaces": ("runs params.C='1.0'", ["beta"], ["alpha"]),
    "runs filtered by name": ("runs attributes.run_name = 'two words' -n 3", ["two words"], ["alpha", "beta"]),
    "runs of an experiment": ("runs -e churn", ["beta"], ["alpha"]),
    "one run": ("runs -n 1", ["two words"], ["alpha"]),
    "runs ordered": ("runs -o 'metrics.accuracy DESC' -n 1", ["alpha"], ["beta"]),
    "show": ("show", ["two words", "ZeroDivisionError"], ["alpha"]),
    "show by name": ("show alpha", ["alpha", "0.75"], ["beta"]),
    "show by a quoted name": ("show 'two words'", ["two words"], []),
    "show last": ("show last", ["two words"], []),
    "notebook": ("notebook alpha", ["accuracy = len('abc') / 4"], ["1 / 0"]),
    "notebook in order": ("notebook last --executions", ["1 / 0"], []),
    "experiments": ("experiment", ["→ Default · 2 runs", "churn · 1 runs"], []),
    "status": (
        "status",
        ["mltrack.db", "runs         3", "active run   none", "notebook     not known", "messages"],
        [],
    ),
    "help": ("help", ["%mltrack VERB", "--save PATH"], []),
    "help of a verb": ("help runs", ["-o, --order O", "-n, --limit N"], ["--save"]),
    "help of the cell magic": ("help track_run", ["--no-snapshot", "-p C=0.5"], []),
    "extra spaces": ("   show    alpha  ", ["alpha"], ["beta"]),
}


@pytest.mark.parametrize(("line", "there", "not_there"), SAID.values(), ids=SAID)
def test_what_a_verb_shows(kernel: Kernel, line: str, there: list[str], not_there: list[str]) -> None:
    text = shown(kernel.run(f"%mltrack {line}"))
    assert [word for word in there if word not in text] == [], text
    assert [word for word in not_there if word in text] == [], text


REFUSED = {
    "an unknown verb": ("rnus", "does not know 'rnus'. It knows runs, show"),
    "an unknown option": ("runs --limits 3", "does not know '--limits'. Did you mean --limit?"),
    "an option without its value": ("runs -e", "expected one argument"),
    "an open quote": ("runs 'params", "No closing quotation"),
    "a limit that is no number": ("runs -n many", "needs a whole number from 1; got 'many'"),
    "a limit of none": ("runs -n 0", "needs a whole number from 1"),
    "a huge limit": ("runs -n 99999999", "max_results"),
    "a broken filter": ("runs metrics.accuracy >", "metrics.accuracy"),
    "a broken order": ("runs -o 'nonsense up'", "nonsense"),
    "no such run": ("show nothing", "There is no run named 'nothing'"),
    "no such notebook": ("notebook nothing", "There is no run named 'nothing'"),
    "too many words": ("show alpha beta", "does not know 'beta'"),
    "help of nothing": ("help nothing", "does not know 'nothing'"),
    "a bad experiment name": ("experiment ''", "experiment"),
}


@pytest.mark.parametrize(("line", "words"), REFUSED.values(), ids=REFUSED)
def test_a_verb_refuses_without_a_traceback(kernel: Kernel, line: str, words: str) -> None:
    outcome = kernel.run(f"%mltrack {line}")
    assert outcome.error is not None
    assert outcome.error.startswith("UsageError: ")
    assert words in outcome.error
    assert "\n" not in outcome.error or outcome.error.endswith("^")  # which shows the place in the user's text
    visible = outcome.stream("stderr") + "".join(str(content) for kind, content in outcome.messages if kind == "error")
    assert "Traceback" not in visible


EMPTY = {
    "runs": ("runs", "no runs"),
    "experiment": ("experiment", "Default · 0 runs"),
    "status": ("status", "runs         0"),
    "help": ("help", "VERB"),
}


@pytest.mark.parametrize(("line", "words"), EMPTY.values(), ids=EMPTY)
def test_an_empty_store(empty: Kernel, line: str, words: str) -> None:
    assert words in shown(empty.run(f"%mltrack {line}")).lower() + shown(empty.run(f"%mltrack {line}"))


@pytest.mark.parametrize("line", ["show", "notebook", "notebook --save x"])
def test_there_is_nothing_to_show_in_an_empty_store(empty: Kernel, line: str) -> None:
    error = empty.run(f"%mltrack {line}").error
    assert error is not None
    assert error.startswith("UsageError: There are no runs in this store yet")


def test_choosing_an_experiment(kernel: Kernel) -> None:
    assert "'my churn'" in shown(kernel.run("%mltrack experiment my churn"))
    _, run = kernel.track("pass", "chosen")
    names = {each.experiment_id: each.name for each in kernel.store.list_experiments()}
    assert names[run.info.experiment_id] == "my churn"
    assert "→ my churn · 1 runs" in shown(kernel.run("%mltrack experiment"))
    kernel.run("%mltrack experiment Default")


def test_the_active_run_is_in_the_status(kernel: Kernel) -> None:
    kernel.run("import mltrack\nmltrack.start_run(run_name='underway')")
    assert "active run   underway (" in shown(kernel.run("%mltrack status"))
    kernel.run("mltrack.end_run()")


def test_saving_a_notebook(kernel: Kernel, tmp_path: Path) -> None:
    path = tmp_path / "kept"
    assert "kept.ipynb" in shown(kernel.run(f"%mltrack notebook alpha --save {path}"))
    document = nbformat.read(path.with_name("kept.ipynb"), as_version=4)
    nbformat.validate(document)
    assert "alpha" in document.cells[-1].source
    left = path.with_name("kept.ipynb").read_bytes()
    refused = kernel.run(f"%mltrack notebook beta --save {path}.ipynb").error
    assert refused is not None
    assert "is there already and was left as it is" in refused
    assert path.with_name("kept.ipynb").read_bytes() == left
    missing = kernel.run(f"%mltrack notebook alpha --save {tmp_path}/no/such/folder").error
    assert missing is not None
    assert "could not be written: No such file or directory" in missing


def test_every_verb_has_help_and_is_in_the_table() -> None:
    for name, command in VERBS.items():
        assert command.name == f"%mltrack {name}"
        assert command.meaning in command.help()
        assert all(spelling in command.help() for spelling in command.spellings)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("params.C = '0.5'", "params.C = '0.5'"),
        ("\"params.C = '0.5'\"", "params.C = '0.5'"),
        ("'metrics.m > 1'", "metrics.m > 1"),
        ('params.`a b` = "it\'s"', 'params.`a b` = "it\'s"'),
        ("  a   =  1 ", "a = 1"),
        ("", ""),
    ],
)
def test_a_filter_keeps_its_quotes(line: str, text: str) -> None:
    assert typed_text(split_words(line)) == text


# Hostile text (hardening.md H39)

HOSTILE = (
    "<script>window.__xss = 1</script>",
    '"><img src=x onerror=alert(1)>',
    "</textarea></style></td></table><b>x</b>",
    "<svg onload=alert(1)>",
    "&lt;b&gt;<!--",
)


class Elements(HTMLParser):
    """Counts elements and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: Counter[tuple[str, ...]] = Counter()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[(tag, *sorted(name for name, _ in attrs))] += 1


def cell_with(text: str) -> str:
    return (
        f"import json, mltrack\ntext = json.loads({json.dumps(json.dumps(text))})\n"
        f"mltrack.set_experiment(text[:200])\n"
        "run = mltrack.start_run(run_name=text, description=text)\n"
        "mltrack.log_param('p', text); mltrack.set_tag('t', text); mltrack.set_tag('mlflow.source.name', text)\n"
        "mltrack.set_tag('mlflow.user', text); mltrack.log_metric('m', 1)\nmltrack.end_run()\n"
        "mltrack.set_experiment('Default')"
    )


def html_of(kernel: Kernel, text: str) -> list[str]:
    """Everything mltrack draws of a run whose every field is this text."""
    assert kernel.run(cell_with(text)).status == "ok"
    quoted = json.dumps(text)
    tracked = kernel.run(f"%%track_run\nprint({quoted})\nvalue = {quoted}\nraise ValueError({quoted})")
    kernel.settle()  # what is drawn says whether the result can be had again, once that is known
    outcomes = [
        kernel.run("get_ipython().run_line_magic('mltrack', 'show ' + run.info.run_id)"),
        kernel.run("%mltrack runs -n 2"),
        kernel.run("%mltrack notebook"),
        kernel.run("%mltrack show"),
        kernel.run("run"),
    ]
    bundles = [content["data"] for outcome in outcomes for _, content in outcome.messages if "data" in content]
    assert len(bundles) == len(outcomes)
    assert tracked.cards
    return [bundle["text/html"] for bundle in (*tracked.cards, *bundles)]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_stored_text_becomes_an_element(tmp_path: Path, text: str) -> None:
    found = []
    for number, each in enumerate((text, "x" * len(text))):
        (tmp_path / str(number)).mkdir()
        with running_kernel(tmp_path / str(number)) as kernel:
            found.append([Elements(html).found for html in html_of(kernel, each)])
    assert found[0] == found[1]
