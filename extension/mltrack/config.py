"""Every environment variable mltrack reads, and how a tracking URI becomes a place."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import platformdirs

from mltrack.exceptions import InvalidParameterError
from mltrack.masking import mask_text

STORE_FILE = "mltrack.db"
SERVERS = ("http://", "https://")
POSTGRES = ("postgresql://", "postgres://", "postgresql+psycopg://", "postgresql+psycopg2://")
_SQLITE, _OURS = "sqlite:///", "mltrack+"
_PASSWORD = re.compile(r"^(\w[\w+.-]*://[^/:@]*:)[^/]*@")
ARTIFACT_FOLDER = "mlartifacts"


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable: its name, what it does, and MLflow's name for it, which is read where it is unset."""

    name: str
    meaning: str
    mlflow_name: str | None = None
    is_secret: bool = field(default=False, kw_only=True)

    def get(self) -> str | None:
        """Give its value, or None when it is unset or empty."""
        return os.environ.get(self.name) or (os.environ.get(self.mlflow_name) if self.mlflow_name else None) or None

    def set(self, value: str | None) -> None:
        """Set it for this process and those that it starts, or with None unset it."""
        os.environ.pop(self.name, None)
        if value is not None:
            os.environ[self.name] = value


TRACKING_URI = Variable(
    "MLTRACK_TRACKING_URI", "the store: sqlite:///path/to/mltrack.db, a path, http://SERVER, or postgresql://…"
)
USERNAME = Variable("MLTRACK_TRACKING_USERNAME", "the name that a server is told", "MLFLOW_TRACKING_USERNAME")
PASSWORD = Variable(
    "MLTRACK_TRACKING_PASSWORD", "the password of that name", "MLFLOW_TRACKING_PASSWORD", is_secret=True
)
TOKEN = Variable(
    "MLTRACK_TRACKING_TOKEN",
    "the token that a server is told, where no name is",
    "MLFLOW_TRACKING_TOKEN",
    is_secret=True,
)
INSECURE_TLS = Variable(
    "MLTRACK_TRACKING_INSECURE_TLS",
    "true: the certificates of https:// servers are not checked",
    "MLFLOW_TRACKING_INSECURE_TLS",
)
SERVER_CERTIFICATE = Variable(
    "MLTRACK_TRACKING_SERVER_CERT_PATH",
    "the file or folder of certificates that https:// servers are checked by",
    "MLFLOW_TRACKING_SERVER_CERT_PATH",
)
OTHERS_CERTIFICATES = Variable(
    "REQUESTS_CA_BUNDLE",
    "the same for all that speaks https:// with requests, and for mltrack where its own is unset; or CURL_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)
CLIENT_CERTIFICATE = Variable(
    "MLTRACK_TRACKING_CLIENT_CERT_PATH",
    "the file of the certificate and key that https:// servers are shown",
    "MLFLOW_TRACKING_CLIENT_CERT_PATH",
)
KEY_PASSWORD = Variable(
    "MLTRACK_SSL_KEYFILE_PASSWORD",
    "the password of the key that `mltrack server --ssl-keyfile` names",
    is_secret=True,
)
REQUEST_SECONDS = Variable(
    "MLTRACK_HTTP_REQUEST_TIMEOUT",
    "the seconds that a server's answer may take; default: 120",
    "MLFLOW_HTTP_REQUEST_TIMEOUT",
)
REQUEST_RETRIES = Variable(
    "MLTRACK_HTTP_REQUEST_MAX_RETRIES",
    "how often a server that cannot answer is asked again; default: 4",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
)
EXPERIMENT_NAME = Variable("MLTRACK_EXPERIMENT_NAME", "the experiment of runs that name none")
EXPERIMENT_ID = Variable(
    "MLTRACK_EXPERIMENT_ID",
    "the experiment of runs that name none, by its id; set for what a project runs, and before the name",
    "MLFLOW_EXPERIMENT_ID",
)
RUN_ID = Variable(
    "MLTRACK_RUN_ID",
    "the run that this process is part of, set for what a project runs: the first start_run() takes it up",
    "MLFLOW_RUN_ID",
)
PARENT_RUN_ID = Variable(
    "MLTRACK_PARENT_RUN_ID",
    "the run whose children are the projects and tracked cells of this process; set once MLTRACK_RUN_ID is taken up",
)
TEST_MODE = Variable("MLTRACK_TEST_MODE", "1: a fault inside tracking is raised instead of warned about")
SYSTEM_METRICS = Variable(
    "MLTRACK_SYSTEM_METRICS",
    "true: sample the use of CPU, memory, disk, network and GPU during every run",
    "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING",
)
SYSTEM_METRICS_INTERVAL = Variable(
    "MLTRACK_SYSTEM_METRICS_SAMPLING_INTERVAL",
    "the seconds between two samples of system metrics; default: 10",
    "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL",
)
SYSTEM_METRICS_SAMPLES = Variable(
    "MLTRACK_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING",
    "how many samples make one point of a system metric; default: 1",
    "MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING",
)
SYSTEM_METRICS_NODE = Variable(
    "MLTRACK_SYSTEM_METRICS_NODE_ID",
    "this machine's name in its system metrics, among several of one run",
    "MLFLOW_SYSTEM_METRICS_NODE_ID",
)
WIDGETS = Variable(
    "MLTRACK_WIDGETS",
    "always or never: show panels as widgets; default: where a front end runs the cell, not nbclient or papermill",
)
DATA_DIR = Variable(
    "MLTRACK_DATA_DIR",
    "the folder of what is this user's own: the key and the signatures of trusted models and projects, "
    "environments, the servers that run, what waits for tracking servers",
)
ALLOW_PICKLE = Variable(
    "MLTRACK_ALLOW_PICKLE",
    "true: models may be unpickled whoever made them; false: none, not even one's own; default: one's own",
)
AUTOLOG_MODEL_MEGABYTES = Variable(
    "MLTRACK_AUTOLOG_MODEL_MEGABYTES",
    "models over this size in MB are not logged automatically; default: 200",
)
KUBERNETES_URI = Variable(
    "MLTRACK_KUBE_TRACKING_URI",
    "the store as the pods of the backend kubernetes see it; default: the run's own",
    "KUBE_MLFLOW_TRACKING_URI",
)
STAND_IN = Variable(
    "MLTRACK_STAND_IN",
    "false: in a project's children `import mlflow` is the mlflow that is installed, not this mltrack",
)
VARIABLES = (
    *(TRACKING_URI, EXPERIMENT_NAME, EXPERIMENT_ID, RUN_ID, PARENT_RUN_ID, TEST_MODE, WIDGETS),
    *(DATA_DIR, ALLOW_PICKLE, AUTOLOG_MODEL_MEGABYTES),
    *(STAND_IN, KUBERNETES_URI),
    *(USERNAME, PASSWORD, TOKEN, INSECURE_TLS),
    *(SERVER_CERTIFICATE, CLIENT_CERTIFICATE, KEY_PASSWORD),
    *(REQUEST_SECONDS, REQUEST_RETRIES),
    *(SYSTEM_METRICS, SYSTEM_METRICS_INTERVAL, SYSTEM_METRICS_SAMPLES, SYSTEM_METRICS_NODE),
)


def is_server(uri: str) -> bool:
    """Tell whether a tracking URI names a tracking server."""
    return uri.lower().startswith(SERVERS)


def is_database(uri: str) -> bool:
    """Tell whether a tracking URI names a PostgreSQL database."""
    return uri.lower().startswith(POSTGRES)


def is_file(uri: str) -> bool:
    """Tell whether a tracking URI names a file of SQLite's."""
    return not is_server(uri) and not is_database(uri)


def tracking_uri(said: str) -> str:
    """Give the one spelling of a tracking URI, for all that name the same store; it keeps its password.

    Raises
    ------
    InvalidParameterError
        When no store can have that URI.
    """
    if is_server(said):
        return server_uri(said)
    uri = said.removeprefix(_OURS)
    return store_uri(store_path(uri)) if is_file(uri) else uri


def server_uri(uri: str) -> str:
    """Give the one spelling of a server's URI: no slash at its end, scheme and host in small letters.

    Raises
    ------
    InvalidParameterError
        When it has no host, a port that is none, a query or a fragment, spaces or control characters.
    """
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:  # a port that is no number, brackets that do not close
        parts, port = urlsplit("http:"), None
    odd = any(letter <= " " or letter in "\x7f\\" for letter in uri)
    if not parts.hostname or odd or parts.query or parts.fragment or "?" in uri or "#" in uri:
        raise InvalidParameterError(
            f"Tracking URI {shown_uri(uri)!r} is no address of a server; give http://HOST:PORT or https://HOST, "
            "with the server's prefix as its path where it has one. A name and password in it are percent-encoded."
        )
    user, at, _ = parts.netloc.rpartition("@")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    given = "" if port is None else f":{port}"
    return f"{parts.scheme.lower()}://{user}{at}{host}{given}{parts.path.rstrip('/')}"


def without_user(uri: str) -> str:
    """Give a URI without the user and password that it may have."""
    scheme, separator, rest = uri.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}" if separator else uri


def shown_uri(uri: str) -> str:
    """Give a tracking URI as it may be shown: its password is masked."""
    return mask_text(_PASSWORD.sub(r"\1[masked]@", uri))


def store_path(uri: str) -> Path:
    """Give the file that a tracking URI names.

    ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``file:///path``, ``file:path`` and plain paths are
    understood, and what ``uri_for_mlflow`` gives; a folder stands for the ``mltrack.db`` in it.

    Raises
    ------
    InvalidParameterError
        For any other scheme, also a server's or database's, and for a path with a NUL character.
    """
    path = Path(_path_text(uri)).expanduser()
    if path.is_dir():
        path = path / STORE_FILE
    return Path(os.path.abspath(path))


def store_uri(path: Path) -> str:
    """Give the tracking URI that names a file; ``store_path`` gives the file back."""
    return f"{_SQLITE}{quote(str(path))}"


def uri_for_mlflow(uri: str) -> str:
    """Give a tracking URI as MLflow's own variable may have it: a server's is as it is, for MLflow can log there.

    A store's own is one that MLflow refuses and ``tracking_uri`` takes: it would make tables of its own in there.
    """
    return f"{_OURS}{uri}" if uri.startswith(_SQLITE) or is_database(uri) else uri


def _path_text(uri: str) -> str:
    if not uri or "\0" in uri:
        raise InvalidParameterError(f"Tracking URI {uri!r} is empty or holds a NUL character; give sqlite:///PATH.")
    if not is_file(uri):
        kind = "a server" if is_server(uri) else "a database"
        raise InvalidParameterError(f"{shown_uri(uri)} is {kind}, and a store in a file is needed here.")
    if uri.startswith((_SQLITE, f"{_OURS}{_SQLITE}")):
        return unquote(uri.partition(_SQLITE)[2])
    if uri.startswith("file://"):
        return unquote(uri.removeprefix("file://"))
    scheme, separator, _ = uri.partition("://")
    if separator:
        raise InvalidParameterError(
            f"Tracking URI {mask_text(uri)!r} has the scheme {scheme!r}, which this version cannot open; "
            "give sqlite:///PATH, a path to a file or folder, http://HOST:PORT of a server, or postgresql://…"
        )
    if uri == "databricks":  # MLflow's name for a server, not a file's
        raise InvalidParameterError("Tracking URI 'databricks' is a server of its own kind, which mltrack cannot open.")
    return unquote(uri.removeprefix("file:")) if uri.startswith("file:") else uri


def default_tracking_uri() -> str:
    """Give the URI of the store when none was named: the environment's, else that of ``default_store_path``."""
    said = TRACKING_URI.get()
    return tracking_uri(said) if said else store_uri(default_store_path())


def default_store_path(start: Path | None = None) -> Path:
    """Find the file of the store when none was named: the nearest ``mltrack.db``, else one here.

    The search goes from ``start`` (default: the working folder) through its parents, up to the repository or the
    user's home; where there is neither above, only ``start`` is looked at, so that a file that someone else left
    higher up is not taken.
    """
    here = (start or Path.cwd()).absolute()
    for folder in _own_folders(here):
        if (folder / STORE_FILE).is_file():
            return folder / STORE_FILE
    return here / STORE_FILE


def _own_folders(here: Path) -> list[Path]:
    home = Path.home()
    folders = []
    for folder in (here, *here.parents):
        folders.append(folder)
        if folder == home or (folder / ".git").exists():
            return folders
    return [here]


def user_folder() -> Path:
    """Give the folder of what is this user's own, which need not be there yet."""
    named = DATA_DIR.get()
    return Path(named).expanduser().absolute() if named else platformdirs.user_data_path("mltrack", appauthor=False)


def test_mode() -> bool:
    """Say whether faults inside tracking are raised, as this project's own tests want."""
    return TEST_MODE.get() == "1"
