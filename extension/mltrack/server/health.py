"""Routes that say how the server is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mltrack
from mltrack.server import figures
from mltrack.server.message import Message, Nothing
from mltrack.server.need import OPEN, USER
from mltrack.server.route import PLAIN, QUICK, Route
from mltrack.server.texts import PlainText

if TYPE_CHECKING:
    from mltrack.server.call import Call

API_3 = ("/api/3.0/mlflow", "/ajax-api/3.0/mlflow")


class ServerInfo(Message):
    """What the server can do; ``mltrack`` says that it is one of mltrack's, and of which version."""

    store_type: str
    workspaces_enabled: bool
    trace_archival_enabled: bool
    multipart_uploads_enabled: bool
    multipart_downloads_enabled: bool
    presigned_upload_run_id_supported: bool
    presigned_upload_model_id_supported: bool
    features_enabled: dict[str, bool]
    mltrack: dict[str, str]


class Figures(PlainText):
    """Counts as Prometheus reads them."""

    content_type = figures.CONTENT_TYPE


class Document(Message):
    """A description of the server as OpenAPI has it."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]


def health(call: Call) -> bytes:
    """Say that this process answers."""
    del call
    return b"OK"


def version(call: Call) -> bytes:
    """Say which mltrack this is."""
    del call
    return mltrack.__version__.encode()


def counts(call: Call) -> bytes:
    """Give the counts of all processes."""
    return call.service.figures.text()


def document(call: Call) -> dict[str, Any]:
    """Describe all routes."""
    return call.service.openapi()


def server_info(call: Call) -> dict[str, Any]:
    """Say what the server can do, as MLflow's clients ask before they move files."""
    del call
    names = ("workspaces", "trace_archival", "multipart_uploads", "multipart_downloads")
    return {
        "store_type": "SqlStore",
        **{f"{name}_enabled": False for name in names},
        "presigned_upload_run_id_supported": False,
        "presigned_upload_model_id_supported": False,
        "features_enabled": {},
        "mltrack": {"version": mltrack.__version__},
    }


ROUTES = (
    Route("GET", "/health", Nothing, PlainText, OPEN, health, 0, QUICK, PLAIN),
    Route("GET", "/version", Nothing, PlainText, USER, version, 0, QUICK, PLAIN),
    Route("GET", "/metrics", Nothing, Figures, USER, counts, 0, QUICK, PLAIN),
    Route("GET", "/openapi.json", Nothing, Document, USER, document, 0, QUICK, PLAIN),
    Route("GET", "server-info", Nothing, ServerInfo, USER, server_info, 0, QUICK, API_3),
)
