"""The files that a server speaks TLS by: looked at before it starts, so that what is wrong with them is said."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from mltrack import config
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from mltrack.server.settings import ServerSettings


def check_files(settings: ServerSettings) -> None:
    """Look whether a server can speak TLS as it is told to.

    Raises
    ------
    InvalidParameterError
        When a file cannot be read or is of another kind, the key is of another certificate, or its password, which
        nobody is there to be asked for, is wrong or not known.
    """
    certificate, key = settings.ssl_certfile, settings.ssl_keyfile
    if certificate is None or key is None:
        return
    for name in (certificate, key):
        _check_readable(name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(certificate)
    except ssl.SSLError:
        raise _fault(f"{certificate!r} has no certificate as PEM") from None
    asked: list[str] = []
    try:
        context.load_cert_chain(certificate, key, password=lambda: _password(key, asked))
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise _fault(f"the key {key!r} is of another certificate than {certificate!r}") from None
        wrong = f"the password of the key {key!r}, in {config.KEY_PASSWORD.name}, is not right"
        raise _fault(wrong if asked else f"{key!r} has no private key as PEM") from None


def _check_readable(name: str) -> None:
    try:
        with open(name, "rb"):
            pass
    except OSError as error:
        raise _fault(f"{name!r} cannot be read: {error.strerror}") from None


def _password(key: str, asked: list[str]) -> str:
    asked.append(key)
    password = config.KEY_PASSWORD.get()
    if password is None:
        raise _fault(f"the key {key!r} has a password; say it in {config.KEY_PASSWORD.name}")
    return password


def _fault(what: str) -> InvalidParameterError:
    return InvalidParameterError(
        f"TLS cannot be used: {what}. --ssl-certfile is a certificate with those that vouch for it, --ssl-keyfile its "
        "key, both as PEM."
    )
