"""Tokens: what a program shows instead of a name and a password. The store has only their digests."""

from __future__ import annotations

import hashlib
import re
import secrets

PREFIX = "mlt_"
"""By which people, programs that look for secrets, and ``mltrack.masking`` know one."""
BYTES = 32
_SHAPE = re.compile(rf"{PREFIX}[0-9a-f]{{{2 * BYTES}}}")


def new_token() -> str:
    """Make a token of 256 random bits."""
    return PREFIX + secrets.token_hex(BYTES)


def is_token(text: str) -> bool:
    """Tell whether a text has the shape of a token."""
    return _SHAPE.fullmatch(text) is not None


def digest_of(token: str) -> bytes:
    """Give what the store keeps of a token, its SHA-256; a token is random, so that nobody guesses it from that."""
    return hashlib.sha256(token.encode()).digest()
