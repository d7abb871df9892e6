"""The text of a filter: cut into tokens, and shown with a caret under the place that is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from mltrack.exceptions import InvalidParameterError

MAX_CHARACTERS = 16_384
_SHOWN_CHARACTERS = 100


class TokenKind(StrEnum):
    """What a token can stand for."""

    WORD = "word"
    NUMBER = "number"
    STRING = "string"  # '…', always a value
    QUOTED = "quoted"  # "…", a key or a value, by where it stands
    NAME = "name"  # `…`, always a key
    OPERATOR = "operator"
    MARK = "mark"
    UNREADABLE = "unreadable"  # the rest of a text that no token can start
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a filter: its kind, its text, and where it begins."""

    kind: TokenKind
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where the token ends."""
        return self.start + len(self.text)

    @property
    def unquoted(self) -> str:
        """The text between a token's quotes."""
        return self.text[1:-1]

    def is_word(self, *words: str) -> bool:
        """Say whether it is one of these words, in any case."""
        return self.kind is TokenKind.WORD and self.text.upper() in words

    def __str__(self) -> str:
        return "the end" if self.kind is TokenKind.END else shortened(self.text)


_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<number>(?>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![\w.]))
    | (?P<word>[^\W\d][\w.]*)
    | (?P<string>'[^']*')
    | (?P<quoted>"[^"]*")
    | (?P<name>`[^`]*`)
    | (?P<operator>[<>=!]+)
    | (?P<mark>[(),;])
    """,
    re.VERBOSE,
)


def tokens_of(text: str) -> list[Token]:
    """Cut a text into tokens; the last one is UNREADABLE, or END, where the text ends but for white space."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return [*tokens, Token(TokenKind.UNREADABLE, text[position:], position)]
        if match.lastgroup != "space":
            tokens.append(Token(TokenKind(str(match.lastgroup)), match[0], position))
        position = match.end()
    return [*tokens, Token(TokenKind.END, "", len(text.rstrip()))]


def unreadable(text: str) -> str:
    """Say what is wrong with a text that no token can start."""
    if text[0] in "'\"`":
        return f"The quote {text[0]} is not closed; expected another {text[0]} after the text"
    if number := re.match(r"[+-]?\.?[0-9][\w.]*", text):
        return f"{shortened(number[0])} does not read as a number; expected one as 12, -0.5 or 1e-3"
    return (
        f"The character {text[0]!r} has no meaning here; expected a key, a comparator or a value "
        "(a key that holds such characters is quoted, as metrics.`val/loss`)"
    )


def checked(text: object, noun: str) -> str:
    """Refuse what is no text, is too long, or holds what no store can."""
    if not isinstance(text, str):
        raise InvalidParameterError(f"The {noun} is of type {type(text).__name__}; expected a text")
    if len(text) > MAX_CHARACTERS:
        problem = f"The {noun} has {len(text)} characters; expected at most {MAX_CHARACTERS}"
        raise refusal(text, MAX_CHARACTERS, problem)
    if bad := re.search("[\0\ud800-\udfff]", text):
        raise refusal(text, bad.start(), f"The {noun} holds the character {bad[0]!a}; expected readable text")
    return text


def shortened(text: str) -> str:
    """Give a piece of the user's text for a message: one line of at most 40 readable characters."""
    return _readable(text if len(text) <= 40 else f"{text[:39]}…")


def _readable(text: str) -> str:
    return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)


def refusal(text: str, position: int, problem: str) -> InvalidParameterError:
    """Show the line, or a window of it, with a caret under the position."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line, column = text[start : len(text) if end < 0 else end], position - start
    if len(line) > _SHOWN_CHARACTERS:
        first = min(max(column - _SHOWN_CHARACTERS // 2, 0), len(line) - _SHOWN_CHARACTERS)
        line, column = line[first : first + _SHOWN_CHARACTERS], column - first
    return InvalidParameterError(f"{problem}\n{_readable(line)}\n{' ' * column}^")
