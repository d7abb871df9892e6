"""The function that folds letters' cases in PostgreSQL as Python's ``str.casefold`` does, in every database.

PostgreSQL makes letters small by a collation, quickly, and that is the most of it; what folding does beyond (ß is ss)
is written out. A text of ASCII, as most are, needs neither.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mltrack.store.dialect import CASEFOLD_FUNCTION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.store.postgres.connection import Raw

_COLLATION = "und-x-icu"
_HAS_COLLATION = "SELECT 1 FROM pg_collation WHERE collname = %s AND collnamespace = 'pg_catalog'::regnamespace"
_LOWER = (
    f'SELECT lower(c COLLATE "{_COLLATION}") FROM unnest(%s::text[]) WITH ORDINALITY AS u (c, place) ORDER BY place'
)


def casefold_function(raw: Raw) -> str:
    """Write the statement that makes the function, for the collations that the server has."""
    letters = [letter for letter in map(chr, range(128, sys.maxunicode + 1)) if letter.casefold() != letter]
    if raw.execute(_HAS_COLLATION, (_COLLATION,)).fetchone():
        small, lower = [str(row[0]) for row in raw.execute(_LOWER, (letters,))], _COLLATION
    else:
        small, lower = letters, "C"
    wanted = {each: letter.casefold() for letter, each in zip(letters, small, strict=True)}
    beyond = {each: folded for each, folded in wanted.items() if each != folded}
    text = f'(lower(given COLLATE "{lower}") COLLATE "C")'
    return (
        f"CREATE FUNCTION {CASEFOLD_FUNCTION}(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$"
        ' SELECT CASE WHEN octet_length(given) = char_length(given) THEN lower(given COLLATE "C")'
        f" WHEN {text} !~ '[{''.join(each for each in beyond if len(each) == 1)}]' THEN {text}"
        f" ELSE {_folding(text, beyond)} END $body$"
    )


def _folding(text: str, beyond: Mapping[str, str]) -> str:
    single = {letter: folded for letter, folded in beyond.items() if len(letter) == len(folded) == 1}
    for letter, folded in beyond.items():
        if letter not in single:
            text = f"replace({text}, '{letter}', '{folded}')"
    return f"translate({text}, '{''.join(single)}', '{''.join(single.values())}')"
