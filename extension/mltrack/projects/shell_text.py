"""Where in a shell's command a value is put, and whether it can stand there without the shell reading it as code.

Between blanks every value goes, quoted. A command that has quotes of its own around the place takes fewer: there
MLflow's quotes would not hold, and ``"{name}"`` would run the ``$(…)`` in a value. Arithmetic, subscripts of arrays and
``eval`` read what was quoted a second time, and ``$`` in front of a value makes other quotes of it.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

_READ_IN_DOUBLE_QUOTES = frozenset("$`\"\\'")  # the last one, as quoting it takes double quotes
_ENDS_OF_WORDS = frozenset(" \t\n;&|()<>")
_NESTED_CASE = re.compile(r"\bcase\b")
# Patterns that few commands need; re keeps them once they are compiled.
_DOLLAR = r"(?<!\\)(?:\\\\)*\$(?:\\\n)*\Z"
_ARITHMETIC = r"\(\(|\$\["
_SUBSCRIPT = r"\w\[|\[(?![\[\s])"
# Bash takes a value for the name of a variable, or for a number, and then runs what stands in its subscript: a[$(…)].
_NAMES = r"\[\[|-[pv]\b|\b(?:declare|export|getopts|let|local|mapfile|read|readarray|readonly|typeset|unset)\b"
# Builtins that read their words as code, where a command can begin.
_READ_AGAIN = (
    r"(?:^|[\n;&|(){}`!]|\b(?:then|do|else|elif|if|while|until|time|builtin|command)\s)"
    r"\s*(?:(?:\$|\w+=)(?:[^\s'\"]|'[^']*'|\"[^\"]*\")*\s+)*[\\'\"]*(?:eval|trap)['\"]*\s"
)


@dataclass(slots=True)
class ShellText:
    """A command of bash as far as it was put together, and what is open at its end.

    ``open`` holds the opening marks: a quote, a backtick, ``#``, ``(`` for ``$(`` and ``{`` for ``${``. ``template`` is
    the whole command before values are put into it.
    """

    template: str = ""
    text: str = ""
    open: list[str] = field(default_factory=list)
    _is_unsure: bool = False
    _is_escaping: bool = False  # it ends with a backslash, which would take the quote of a value

    def add_code(self, code: str) -> None:
        """Add what the project's author wrote."""
        if code:
            _Reader(self, code).read()
        self.text += code

    def takes(self, value: str) -> bool:
        """Say whether a value can stand at the end as text, and nothing but text."""
        inner = self.open[-1] if self.open else ""
        if inner not in ("'", "#") and "$" in self.text and re.search(_DOLLAR, self.text):
            return False  # $'…', and $name
        if shlex.quote(value) == value:
            return True
        if self._is_unsure or self._is_escaping or "`" in self.open or self._reads_again(value):
            return False
        return inner in ("", "(") or (inner == '"' and _READ_IN_DOUBLE_QUOTES.isdisjoint(value))

    def _reads_again(self, value: str) -> bool:
        """Say whether the command reads this value a second time, in which its quotes are gone."""
        if re.search(_READ_AGAIN, self.template):
            return True
        if "$" not in value and "`" not in value:
            return False
        if re.search(_ARITHMETIC, self.template) or re.search(_SUBSCRIPT, self.text.rpartition("]")[2]):
            return True
        return "[" in value and re.search(_NAMES, self.template) is not None

    def add_value(self, value: str) -> None:
        """Add a value, in quotes if it needs them; ask ``takes`` first."""
        self.text += shlex.quote(value)
        self._is_escaping = False


class _Reader:
    """Reads code as bash does, as far as quotes, substitutions and comments go."""

    def __init__(self, shell: ShellText, code: str) -> None:
        self.shell = shell
        self.open = shell.open
        self.code = code
        self.at = 0

    def read(self) -> None:
        self.shell._is_escaping = False
        while self.at < len(self.code):
            mark = self.open[-1] if self.open else ""
            if mark in ("'", "#"):
                self._until("'" if mark == "'" else "\n")
            elif self.code[self.at] == "\\":
                self.at += 2
                self.shell._is_escaping = self.at > len(self.code)
            elif mark == '"':
                self._double()
            else:
                self._plain(mark)
        whole = self.shell.text + self.code
        if "$(" in whole and _NESTED_CASE.search(whole):
            self.shell._is_unsure = True  # its patterns end with a bracket that nothing opened

    def _until(self, last: str) -> None:
        """Pass what is read as it stands: text in single quotes, or a comment."""
        end = self.code.find(last, self.at)
        if end >= 0:
            self.open.pop()
        self.at = end + 1 if end >= 0 else len(self.code)

    def _double(self) -> None:
        if self.code[self.at] == '"':
            self.open.pop()
            self.at += 1
        else:
            self._substitution()

    def _plain(self, mark: str) -> None:
        letter = self.code[self.at]
        if letter in "\"'":
            if letter == "'" and self._before()[-1:] == "$":
                self.shell._is_unsure = True  # $'…' ends elsewhere than '…'
            self.open.append(letter)
            self.at += 1
        elif (letter == ")" and mark == "(") or (letter == "}" and mark == "{"):
            self.open.pop()
            self.at += 1
        elif letter == "(" and mark == "(":
            self.open.append("(")
            self.at += 1
        elif letter == "#" and mark != "{" and self._before()[-1:] in _ENDS_OF_WORDS:
            self._comment()
        elif self.code.startswith("<<<", self.at):
            self.at += 3
        elif self.code.startswith("<<", self.at):
            self.shell._is_unsure = True  # what a here-document holds is read after it
            self.at += 2
        else:
            self._substitution()

    def _comment(self) -> None:
        if self._before()[:1] == "\\":
            self.shell._is_unsure = True  # the blank may belong to a word, and so this
        self.open.append("#")
        self.at += 1

    def _substitution(self) -> None:
        """Pass one letter, or the beginning or end of a substitution."""
        two = self.code[self.at : self.at + 2]
        if two in ("$(", "${"):
            self.open.append(two[1])
            self.at += 2
            return
        if two[0] == "`":
            if "`" in self.open:
                del self.open[self.open.index("`") :]
            else:
                self.open.append("`")
        self.at += 1

    def _before(self) -> str:
        """Give the last two letters."""
        return f"  {self.shell.text}{self.code[: self.at]}"[-2:]
