"""The address of a PostgreSQL database, as a tracking URI gives it."""

from __future__ import annotations

import re

from mltrack.exceptions import InvalidParameterError
from mltrack.masking import MASK

_START = re.compile(r"postgres(?:ql)?(?:\+[a-z0-9_]+)?://", re.IGNORECASE)
_PASSWORD = re.compile(r"(?P<before>//[^/?#@:]*:)[^@/?#]*(?P<after>@)")
_SECRETS = re.compile(r"(?P<before>[?&](?:password|sslpassword)=)[^&#]*", re.IGNORECASE)


def is_postgres(uri: str) -> bool:
    """Say whether a tracking URI names a PostgreSQL database."""
    return _START.match(uri) is not None


def libpq_uri(uri: str) -> str:
    """Give the URI as PostgreSQL's library reads it: ``postgresql+psycopg2://`` and the like are SQLAlchemy's."""
    if not is_postgres(uri) or "\0" in uri:
        raise InvalidParameterError(
            f"{masked(uri)[:120]!r} names no PostgreSQL database; give postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
        )
    return _START.sub("postgresql://", uri, count=1)


def masked(uri: str) -> str:
    """Give the URI without its passwords."""
    text = _PASSWORD.sub(rf"\g<before>{MASK}\g<after>", uri)
    return _SECRETS.sub(rf"\g<before>{MASK}", text)
