"""Requests to a tracking server: asked again where that is safe, bounded in size and time, never sent elsewhere."""

from __future__ import annotations

import json
import random
import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    SSLError,
)

from mltrack import config
from mltrack.exceptions import UNREACHED, InvalidParameterError, MltrackError, ServerUnavailableError
from mltrack.rest.address import Address
from mltrack.rest.answers import MOST_OF_ERROR, error_of, read_body, read_object, redirected
from mltrack.rest.connections import Connections

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mltrack.wire.shapes import Json

API = "/api/2.0/mlflow"
INFO = "/api/3.0/mlflow/server-info"
CONNECT_SECONDS = 5.0
DEFAULT_SECONDS, DEFAULT_RETRIES = 120.0, 4
_MOST_VERSION = 1000
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 10.0
_NO_TLS = "WRONG_VERSION_NUMBER"
_UNSENT = (NewConnectionError, ConnectTimeoutError, NameResolutionError)


class CallOptions(TypedDict, total=False):
    """What may be said of a call.

    ``query`` are its parameters: lists are repeated, None is left out. ``body`` is sent as JSON. ``timeout`` is the
    time in seconds for all tries together. ``retry=False``: the server must not do it twice, so that it is only asked
    again where it cannot have begun; ``once=True``: not even there, for who tries again later by himself.
    """

    query: Mapping[str, Any] | None
    body: Mapping[str, Any] | None
    timeout: float | None
    retry: bool
    once: bool


class Transport:
    """The way to one server; usable from any thread, and in a forked child.

    Parameters
    ----------
    uri
        ``http://HOST:PORT`` or ``https://…``, with the server's prefix as its path; it may have ``USER:PASSWORD@``.
    """

    def __init__(self, uri: str) -> None:
        self._address = Address.of(uri)
        self._connections = Connections(self._address)
        self._info: Json | None = None
        self.renamed: dict[str, str] = {}  # runs that an MLflow server gave another id than the one chosen here

    @property
    def uri(self) -> str:
        """The server's address, without credentials."""
        return self._address.uri

    @property
    def address(self) -> Address:
        """The server's address."""
        return self._address

    def info(self, timeout: float | None = None) -> Json:
        """Give what the server says of itself, asked once; nothing from a server that does not know the question."""
        if self._info is None:
            try:
                self._info = self.call("GET", INFO, timeout=timeout)
            except MltrackError as error:
                if error.error_code not in ("ENDPOINT_NOT_FOUND", "RESOURCE_DOES_NOT_EXIST"):
                    raise
                self._info = {}
        return self._info

    def is_ours(self, timeout: float | None = None) -> bool:
        """Tell whether it is mltrack's server, which can do more than MLflow's."""
        return isinstance(self.info(timeout).get("mltrack"), dict)

    def describe(self, timeout: float) -> str:
        """Say what server it is, and of which version."""
        ours = self.info().get("mltrack")
        if isinstance(ours, dict):
            return f"mltrack {ours.get('version', '')}"
        try:
            with self.stream("/version", timeout=timeout) as response:
                found = read_body(response, deadline=time.monotonic() + timeout, most=_MOST_VERSION)
        except MltrackError:
            return "an MLflow server that does not say its version"
        return f"MLflow {found.decode('utf-8', 'replace').strip()}"

    def prepare(self) -> None:
        """Look whether a server can be asked at all; InvalidParameterError for what the environment says wrongly."""
        self._connections.pool()
        _ = self._connections.headers, default_retries()

    def call(self, method: str, path: str, **options: Unpack[CallOptions]) -> Json:
        """Ask for something of JSON, and give the answer's object.

        ``path`` is below ``/api/2.0/mlflow``, or whole when it begins with a slash (the server's prefix is put
        before it). For ``options``, see ``CallOptions``.

        Raises
        ------
        ServerUnavailableError
            When the server cannot be reached, or cannot answer, after some tries.
        MltrackError
            What the server refused: NotFoundError, AlreadyExistsError, InvalidParameterError, PermissionDeniedError,
            UnauthenticatedError…
        """
        url = self._url(path, self._named(options.get("query")))
        body = self._named(options.get("body"))
        headers = self._connections.headers
        content = None
        if body is not None:
            content = json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
            headers["Content-Type"] = "application/json"
        seconds = options.get("timeout")
        deadline = time.monotonic() + (default_seconds() if seconds is None else seconds)
        may_repeat, tries = options.get("retry", True), 0
        most = 0 if options.get("once") else default_retries()
        while True:
            tries += 1
            try:
                return self._try(method, url, headers=headers, content=content, deadline=deadline)
            except _PassingError as failed:
                wait = failed.wait_before(tries)
                is_last = tries > most or time.monotonic() + wait > deadline
                if is_last or not (may_repeat or failed.unsent):
                    raise failed.error from None
                time.sleep(wait)

    def put(
        self, path: str, blocks: Iterable[bytes], *, size: int | None = None, timeout: float | None = None
    ) -> bytes:
        """Send a body as it is read, once: ``size`` is its length in bytes where that is known.

        ``timeout`` is the time in seconds that may go by without a byte. Gives the answer's body.
        """
        headers = {**self._connections.headers, "Content-Type": "application/octet-stream"}
        if size is not None:
            headers["Content-Length"] = str(size)
        pause = default_seconds() if timeout is None else timeout
        with self._opened("PUT", self._url(path, None), headers=headers, body=blocks, pause=pause) as response:
            return read_body(response, deadline=time.monotonic() + pause, most=MOST_OF_ERROR)

    @contextmanager
    def stream(
        self, path: str, *, query: Mapping[str, Any] | None = None, timeout: float | None = None
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """Ask for a file, whose bytes are then read from what this gives, of any number.

        Raises as ``call`` does; errors while reading are urllib3's (``translated`` turns them into ours).
        """
        pause = default_seconds() if timeout is None else timeout
        url = self._url(path, query)
        with self._opened("GET", url, headers=self._connections.headers, body=None, pause=pause) as response:
            yield response

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what urllib3 raises into a ServerUnavailableError."""
        try:
            yield
        except (HTTPError, OSError) as error:
            raise self._unavailable(error) from None

    def check(self, timeout: float) -> None:
        """Ask for little, to see whether the server answers; what it refuses is an answer.

        Raises
        ------
        ServerUnavailableError, UnauthenticatedError
            When it does not, or not to this user.
        """
        try:
            self.call("GET", "experiments/get", query={"experiment_id": "0"}, timeout=timeout)
        except UNREACHED:
            raise
        except MltrackError:
            pass

    def _named(self, said: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """Give what is asked with the server's own id of the run."""
        real = self.renamed.get(str(said.get("run_id"))) if said and self.renamed else None
        return {**said, "run_id": real} if said and real else said

    def _url(self, path: str, query: Mapping[str, Any] | None) -> str:
        whole = path if path.startswith("/") else f"{API}/{path}"
        pairs = _pairs(query) if query else []
        return f"{self._address.uri}{whole}" + (f"?{urlencode(pairs)}" if pairs else "")

    def _try(self, method: str, url: str, *, headers: dict[str, str], content: bytes | None, deadline: float) -> Json:
        left = max(deadline - time.monotonic(), 0.001)
        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, left), read=left)
        try:
            response = self._connections.pool().urlopen(
                method,
                url,
                body=content,
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except (HTTPError, OSError) as error:
            raise _PassingError(self._unavailable(error), unsent=isinstance(error, _UNSENT)) from None
        with _released(response):
            return self._answer(response, deadline)

    def _answer(self, response: urllib3.BaseHTTPResponse, deadline: float) -> Json:
        try:
            most = {} if response.status == 200 else {"most": MOST_OF_ERROR}
            content = read_body(response, deadline=deadline, **most)
        except (HTTPError, OSError) as error:
            raise _PassingError(self._unavailable(error)) from None
        if 200 <= response.status < 300:
            return read_object(content, self.uri)
        told = self._error(response, content)
        if isinstance(told, ServerUnavailableError):
            unsent = response.status in (429, 503)  # the server says that it has not begun
            raise _PassingError(told, unsent=unsent, wait=_seconds(response.headers.get("Retry-After")))
        raise told

    def _error(self, response: urllib3.BaseHTTPResponse, content: bytes) -> MltrackError:
        if 300 <= response.status < 400:
            return redirected(self.uri, response.headers.get("Location"))
        return error_of(response.status, content, self.uri, is_named=self._address.authorization is not None)

    @contextmanager
    def _opened(
        self, method: str, url: str, *, headers: dict[str, str], body: Iterable[bytes] | None, pause: float
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        with self.translated():
            response = self._connections.pool().urlopen(
                method,
                url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=pause),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        with _released(response):
            if not 200 <= response.status < 300:
                with self.translated():
                    content = read_body(response, deadline=time.monotonic() + pause, most=MOST_OF_ERROR)
                raise self._error(response, content)
            yield response

    def _unavailable(self, error: BaseException) -> MltrackError:
        if isinstance(error, MltrackError):
            return error
        if isinstance(error, SSLError) and _NO_TLS in str(error):
            return ServerUnavailableError(f"{self.uri} does not speak TLS: is it http://{self.uri[8:]}?")
        if isinstance(error, SSLError):
            return ServerUnavailableError(f"{self.uri} could not be trusted: {_reason(error)}. {_trusted_by()}")
        through = "The proxy on the way to" if isinstance(error, ProxyError) else "The tracking server"
        may_be_tls = isinstance(error, ProtocolError) and self.uri.startswith("http://")  # hung up on our plain text
        address = f"the address (does it speak TLS: https://{self.uri[7:]}?)" if may_be_tls else "the address"
        return ServerUnavailableError(
            f"{through} {self.uri} cannot be reached ({_reason(error)}); check {address}, or try again later."
        )


def _trusted_by() -> str:
    for variable in (config.SERVER_CERTIFICATE, config.OTHERS_CERTIFICATES):
        if named := variable.get():
            return f"Look at the certificates in {named!r}, which {variable.name} names."
    return f"Where its certificate is one of your own, name that file in {config.SERVER_CERTIFICATE.name}."


class _PassingError(Exception):
    """A try that may go well another time."""

    def __init__(self, error: MltrackError, *, unsent: bool = False, wait: float = 0.0) -> None:
        super().__init__()
        self.error, self.unsent, self._wait = error, unsent, wait

    def wait_before(self, tries: int) -> float:
        """Give the seconds to wait: twice as long each time, and not all callers at once."""
        backoff = min(_FIRST_WAIT * 2.0 ** (tries - 1), _LONGEST_WAIT) * random.uniform(0.8, 1.2)  # noqa: S311
        return float(max(backoff, self._wait))


def default_seconds() -> float:
    """Give the time that a call may take, as the environment says it."""
    return _number(config.REQUEST_SECONDS, DEFAULT_SECONDS)


def default_retries() -> int:
    """Give how often a call that failed is tried again, as the environment says it."""
    return int(_number(config.REQUEST_RETRIES, DEFAULT_RETRIES))


def _number(variable: config.Variable, default: float) -> float:
    said = variable.get()
    try:
        found = float(said) if said else default
    except ValueError:
        found = -1.0
    if not 0 <= found < 1e6:
        raise InvalidParameterError(f"{variable.name} must be a number from 0; got {said!r:.80}.")
    return found


def _pairs(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    for name, value in query.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        found += [(name, _text(each)) for each in values if each is not None]
    return found


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _seconds(said: str | None) -> float:
    return min(float(said), _LONGEST_WAIT) if said and said.isascii() and said.isdecimal() and len(said) < 6 else 0.0


def _reason(error: BaseException) -> str:
    """Say what urllib3 met, without the addresses of objects that its texts begin with."""
    last = error.args[-1] if isinstance(error, ProtocolError) and error.args else error
    text = str(last).rpartition(": ")[2] or str(last)
    text = re.sub(r"^\w+\] ", "", text)  # the end of a code in brackets, of which the ": " was within
    return f"{type(error).__name__}: {text}"[:200]


@contextmanager
def _released(response: urllib3.BaseHTTPResponse) -> Iterator[None]:
    """Give a connection back when its answer was read whole; else close it, for the rest would be read as another's."""
    try:
        yield
    finally:
        if not response.closed:
            response.close()
        response.release_conn()
