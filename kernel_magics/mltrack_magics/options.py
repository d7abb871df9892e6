"""The options of ``%%track_run`` and of the verbs of ``%mltrack``: one table for parsing, help and completion."""

from __future__ import annotations

import argparse
import difflib
import shlex
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Option:
    """One option or positional word: its spellings, what it is, and how argparse takes it."""

    names: tuple[str, ...]
    meaning: str
    settings: Mapping[str, Any]


def flag(*names: str, meaning: str) -> Option:
    """Make an option without a value."""
    return Option(names, meaning, {"action": "store_true"})


def value(*names: str, meaning: str, metavar: str, many: bool = False) -> Option:
    """Make an option with a value, which ``many`` allows to be given again and again."""
    extra: dict[str, Any] = {"action": "append", "default": []} if many else {}
    return Option(names, meaning, {"metavar": metavar, **extra})


def several(*names: str, meaning: str, metavar: str) -> Option:
    """Make an option that takes all the words up to the next option."""
    return Option(names, meaning, {"metavar": metavar, "nargs": "+", "default": []})


def words(name: str, *, meaning: str, count: str | int) -> Option:
    """Make positional words; ``count`` is argparse's ``nargs``."""
    extra: dict[str, Any] = {"default": []} if count == "*" else {}  # without one argparse says that they are required
    return Option((name,), meaning, {"nargs": count, "metavar": name.upper(), **extra})


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.usage = None  # argparse has put one there for the time it parses, and would take a magic's % for a format
        raise UsageError(f"{self.prog}: {message}. Usage: {usage(self)}")


def usage(parser: argparse.ArgumentParser) -> str:
    """Give a parser's usage on one line."""
    return " ".join(parser.format_usage().removeprefix("usage:").split())


class Command:
    """A magic or a verb: a name, its options, and one sentence on what it does."""

    def __init__(self, name: str, meaning: str, *options: Option) -> None:
        self.name = name
        self.meaning = meaning
        self.options = options
        self._parser = _Parser(prog=name, add_help=False, allow_abbrev=False, exit_on_error=False)
        for option in options:
            self._parser.add_argument(*option.names, **option.settings)

    @property
    def spellings(self) -> list[str]:
        """All spellings of all options."""
        return [name for option in self.options for name in option.names if name.startswith("-")]

    @property
    def usage(self) -> str:
        """The usage on one line."""
        return usage(self._parser)

    def parse(self, text: str) -> argparse.Namespace:
        """Read the words of a line; UsageError names the right options when one is wrong."""
        try:
            split = split_words(text)
        except ValueError as error:
            raise UsageError(f"{self.name}: {error} in {text!r}. Usage: {self.usage}") from None
        try:
            found, unknown = self._parser.parse_known_intermixed_args(split)
        except argparse.ArgumentError as error:
            raise UsageError(f"{self.name}: {error}. Usage: {self.usage}") from None
        if unknown:
            raise UsageError(self._unknown(unknown[0]))
        return found

    def _unknown(self, word: str) -> str:
        close = difflib.get_close_matches(word.partition("=")[0], self.spellings, n=1, cutoff=0.5)
        hint = f"Did you mean {close[0]}? " if close else ""
        known = ", ".join(self.spellings) or "no options"
        return f"{self.name} does not know {word!r}. {hint}It takes {known}. Usage: {self.usage}"

    def help(self) -> str:
        """Give the help text: usage, sentence, and a line for each option."""
        lines = [self.usage, "", self.meaning, ""]
        for option in self.options:
            names = ", ".join(option.names) if option.names[0].startswith("-") else option.names[0].upper()
            metavar = option.settings.get("metavar", "") if option.names[0].startswith("-") else ""
            lines.append(f"  {f'{names} {metavar}'.strip():28} {option.meaning}")
        return "\n".join(lines)


class Word(str):
    """A word of a line as a shell would read it; ``typed`` has its quotes too."""

    __slots__ = ("typed",)
    typed: str


def split_words(text: str) -> list[Word]:
    """Split a line as a shell does; ValueError when a quote is open."""
    stream = StringIO(text)
    reader = shlex.shlex(stream, posix=True, punctuation_chars=False)
    reader.whitespace_split = True
    reader.commenters = ""
    found: list[Word] = []
    start = 0
    while (token := reader.get_token()) is not None:
        word = Word(token)
        word.typed = text[start : stream.tell()].strip()
        start = stream.tell()
        found.append(word)
    return found


def typed_text(found: Iterable[str]) -> str:
    """Join words with the quotes they were typed with; those around a single whole text go."""
    parts = list(found)
    typed = [getattr(part, "typed", part) for part in parts]
    if len(parts) == 1 and typed[0][:1] in "'\"" and typed[0][-1:] == typed[0][:1]:
        return str(parts[0])
    return " ".join(typed)


def parse_assignments(texts: Iterable[str], option: str, *, form: str = "key=value") -> dict[str, str]:
    """Read ``key=value`` words; UsageError names one that is not, with the command and its option, and the form."""
    found = {}
    for text in texts:
        key, separator, content = text.partition("=")
        if not separator or not key.strip():
            raise UsageError(f"{option} needs {form}; got {text!r}.")
        found[key.strip()] = content
    return found


def parse_jobs(text: str | None, verb: str) -> int | None:
    """Read the number after a verb's ``--jobs``; None when it was not given, UsageError when it is none from 1."""
    if text is None:
        return None
    if not text.isdigit() or not int(text):
        raise UsageError(f"%mltrack {verb} --jobs needs a whole number from 1; got {text!r}.")
    return int(text)


_RUN = words("run", meaning="an id, the first digits of one, a name, or 'last' (the default)", count="?")
_ONE_RUN = words("run", meaning="an id, the first digits of one, a name, or 'last'", count=1)
_EXPERIMENT = value("-e", "--experiment", meaning="the experiment's name", metavar="E")
_FILTER = value("-f", "--filter", meaning="only runs that match, such as 'metrics.accuracy > 0.9'", metavar="F")

TRACK_RUN = Command(
    "%%track_run",
    "Make the cell a run: its params, metrics, outputs and the notebook as executed go into the store.",
    words("name", meaning="the run's name; default: an invented one", count="*"),
    value("-e", "--experiment", meaning="the experiment, made when there is none", metavar="E"),
    value("-t", "--tag", meaning="a tag, as -t stage=dev; may be given again", metavar="K=V", many=True),
    value("-p", "--param", meaning="a param, as -p C=0.5; may be given again", metavar="K=V", many=True),
    flag("--nested", meaning="make it a child of the active run"),
    flag("--system-metrics", meaning="sample the use of CPU, memory, disk, network and GPU while the cell runs"),
    flag("--no-capture", meaning="take no params, metrics and data from the cell's names"),
    flag("--no-autolog", meaning="log no training automatically"),
    flag("--no-snapshot", meaning="keep no notebook"),
    flag("--cache", meaning="offer a finished run of the same code, params, data and environment instead of a new one"),
    flag("--live", meaning="draw the metrics while the cell runs"),
    flag("--quiet", meaning="show no card"),
)
VERBS = {
    "runs": Command(
        "%mltrack runs",
        "Show the runs as a table, the last started first.",
        words("filter", meaning="such as \"metrics.accuracy > 0.9 and params.C = '0.5'\"", count="*"),
        _EXPERIMENT,
        value("-o", "--order", meaning="such as 'metrics.accuracy DESC'; may be given again", metavar="O", many=True),
        value("-n", "--limit", meaning="at most so many rows; default 50", metavar="N"),
    ),
    "show": Command("%mltrack show", "Show a run's card.", _RUN),
    "notebook": Command(
        "%mltrack notebook",
        "Show the notebook as a run had executed it.",
        _RUN,
        value("--save", meaning="write it as a new .ipynb file", metavar="PATH"),
        flag("--executions", meaning="cells in the order they ran, also where the file's order is known"),
    ),
    "charts": Command(
        "%mltrack charts", "Draw what a run's training left: confusion matrix, ROC and other curves, importances.", _RUN
    ),
    "curves": Command(
        "%mltrack curves",
        "Draw metrics of several runs by step or time.",
        words("metric", meaning="a metric's name; default: those that say most", count="*"),
        several("-r", "--runs", meaning="runs by name, id or first digits; default: the last started", metavar="RUN"),
        _FILTER,
        _EXPERIMENT,
    ),
    "scatter": Command(
        "%mltrack scatter",
        "Draw a metric against a param, a point for each run.",
        words("param", meaning="the param's name", count=1),
        words("metric", meaning="the metric's name", count=1),
        value("-c", "--color", meaning="a param or metric that colours the points", metavar="P"),
        _FILTER,
        _EXPERIMENT,
    ),
    "parallel": Command(
        "%mltrack parallel",
        "Draw each run as a line across its params and a metric.",
        words("name", meaning="params, the metric last; params default to those that matter most", count="+"),
        _FILTER,
        _EXPERIMENT,
    ),
    "importance": Command(
        "%mltrack importance",
        "Show which params explain a metric: a random forest's importance, and correlation.",
        words("metric", meaning="the metric's name", count=1),
        _FILTER,
        _EXPERIMENT,
    ),
    "compare": Command(
        "%mltrack compare",
        "Show runs side by side: what differs in params, metrics, data, environment, files and the notebook.",
        words("run", meaning="runs by name, id or first digits; the first is the baseline", count="+"),
    ),
    "dashboard": Command(
        "%mltrack dashboard",
        "Show table, curves, scatter and comparison in one, linked.",
        words("filter", meaning="such as \"metrics.accuracy > 0.9 and params.C = '0.5'\"", count="*"),
        _EXPERIMENT,
    ),
    "models": Command(
        "%mltrack models",
        "Show the registered models with their versions, stages, aliases and metrics.",
        words("name", meaning="one of them; default: all", count="?"),
    ),
    "serve": Command(
        "%mltrack serve",
        "Serve a model from this machine: its URL, a form to try it, and how it goes.",
        words("model", meaning="a model's URI, a run, or a variable that holds a fitted model", count=1),
        value("-p", "--port", meaning="default: the first free one from 5000 on", metavar="P"),
        value("-w", "--workers", meaning="processes that hold the model; default 1", metavar="N"),
        value("-n", "--name", meaning="the server's name; default: the model's", metavar="NAME"),
        flag("--detach", meaning="let it outlive this kernel"),
    ),
    "servers": Command(
        "%mltrack servers",
        "Show the servers that run, or one of them.",
        words("name", meaning="a server's name; default: all", count="?"),
    ),
    "provenance": Command(
        "%mltrack provenance",
        "Show which cells made a run's result, and what stands in the way of having it again.",
        _RUN,
    ),
    "export": Command(
        "%mltrack export",
        "Write a run as a project that others can run: its cells, params, environment, data and metrics.",
        _ONE_RUN,
        words("dir", meaning="the folder, which is made", count=1),
        flag("--whole", meaning="every cell that ran, not only those the result depends on"),
        value("--as", meaning="notebook, script or both; default: both", metavar="FORM"),
        flag("--with-data", meaning="copy the files that were read, where they are small"),
        flag("--verify", meaning="run it in a fresh environment and compare the metrics"),
        flag("--zip", meaning="write DIR.zip too"),
        value("--tolerance", meaning="how far a metric may be off, as 0.01 or loss=0.1", metavar="T", many=True),
        flag("--trust", meaning="verify it though somebody else recorded its notebook"),
    ),
    "rerun": Command(
        "%mltrack rerun",
        "Run what a run depends on again in a clean kernel, with other values; several make a sweep.",
        _ONE_RUN,
        words("values", meaning="such as C=0.1, C=0.01,0.1,1 or depth=3..8", count="*"),
        flag("--here", meaning="in this kernel"),
        value("-j", "--jobs", meaning="processes of a sweep at once; default 1", metavar="N"),
        flag("--wait", meaning="stay in the cell until the end; an interrupt stops it"),
        flag("--trust", meaning="run the cells though somebody else recorded them"),
    ),
    "restore": Command(
        "%mltrack restore",
        "Write the notebook as a run had executed it as a new file.",
        _ONE_RUN,
        words("path", meaning="the file; default: the notebook's name and the run's", count="?"),
    ),
    "pipeline": Command(
        "%mltrack pipeline",
        "Run a project's steps, those whose inputs, code and parameters changed, and show their graph.",
        words("dir", meaning="the project's folder", count=1),
        value("-P", "--param", meaning="a parameter, as -P url=…; may be given again", metavar="K=V", many=True),
        value("-j", "--jobs", meaning="steps at once; default: as many as there are processors", metavar="N"),
        flag("--force", meaning="run every step, changed or not"),
    ),
    "experiment": Command(
        "%mltrack experiment",
        "Choose the experiment of the runs to come; without a name, list the experiments.",
        words("name", meaning="the experiment's name; made when there is none", count="*"),
    ),
    "autolog": Command(
        "%mltrack autolog",
        "Log the training of models automatically in every cell (on), in none (off) or in tracked ones (cells).",
        words("switch", meaning="on, off or cells (as it is after loading); without one, show what is on", count="?"),
        words("library", meaning="only these, such as sklearn xgboost; default: all", count="*"),
    ),
    "status": Command("%mltrack status", "Show the store, the experiment, the active run and what is listened to."),
    "help": Command(
        "%mltrack help", "Show what mltrack can do here.", words("verb", meaning="one of the verbs", count="?")
    ),
}
