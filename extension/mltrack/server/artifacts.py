"""Routes of artifacts: MLflow's proxy, and what its user interface and clients of other languages ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mltrack.entities import FileInfo
from mltrack.exceptions import MltrackError
from mltrack.server.artifact_paths import artifact_path, optional_path, read_proxied
from mltrack.server.downloads import Download
from mltrack.server.message import Message, Nothing, RunMessage, Shape, Text
from mltrack.server.need import LOGGED_MODEL, RUN, Thing, edits, reads
from mltrack.server.owned_files import files_of, proxied_files, refuse_deleted, refuse_unserved
from mltrack.server.removals import Removal
from mltrack.server.route import AJAX, MEBIBYTE, MLFLOW, PLAIN, QUICK, SLOW, SMALL, Route
from mltrack.server.things import experiment_of_file, experiment_of_model, experiment_of_run
from mltrack.server.uploads import Upload
from mltrack.serving.refusals import refuse
from mltrack.wire.runs import write_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.server.call import Call
    from mltrack.server.streams import Stream
    from mltrack.store.artifacts import SafePath

PROXY = ("/api/2.0/mlflow-artifacts", "/ajax-api/2.0/mlflow-artifacts")
MOST_FROM_PAGES = 10 * MEBIBYTE
"""Bytes of a file that a page sends; MLflow's limit."""
_OF_FORMS = (b"text/plain", b"multipart/form-data", b"application/x-www-form-urlencoded")


class FilePath(Message):
    """A path of the proxy."""

    path: str = ""


class RunFile(RunMessage):
    """A file of a run, or a folder; without a path all of its files."""

    path: str = ""


class UploadedFile(RunFile):
    """A file of a run that a page sends."""

    other_names: ClassVar[Mapping[str, str]] = {"run_uuid": "run_id"}
    path: Text


class ModelFolder(Message):
    """A folder of a logged model's files; without a path all of them."""

    model_id: Text
    artifact_directory_path: str = ""


class Files(Message):
    """Files and folders."""

    files: list[Shape]


class RootedFiles(Files):
    """Files and folders, and where they lie."""

    root_uri: str


def put(call: Call) -> Stream:
    """Keep a file that is sent."""
    files, path = proxied_files(call, call.request.path)
    refuse_deleted(call, files.owner)
    return Upload(files, path)


def get(call: Call) -> Stream:
    """Send a file."""
    return Download(*proxied_files(call, call.request.path))


def delete(call: Call) -> Stream:
    """Remove a file, or a folder and all in it."""
    files, path = proxied_files(call, call.request.path)
    return Removal(files, path)


def list_proxied(call: Call) -> Shape:
    """List one level by names; what is no folder has nothing in it."""
    refuse_unserved(call)
    found = read_proxied(call.request.path) if call.request.path else None
    if found is None:
        return {}
    files = files_of(call, found.owner, experiment_id=found.experiment_id)
    return _listed([_named(each) for each in files.folder.entries(found.path)])


def refuse_parts(call: Call) -> None:
    """Say that files are sent and fetched whole, so that clients do that."""
    proxied_files(call, call.request.path)
    raise MltrackError(
        "This server takes files whole: send them by one PUT, and get them by one GET.", "NOT_IMPLEMENTED"
    )


def list_of_run(call: Call) -> Shape:
    """List one level of a run's files by path below their root."""
    path = optional_path(call.request.path)
    info = call.store.get_run(call.request.run_id).info
    is_own = call.service.places.is_own(info.artifact_uri)
    found = _entries(call, Thing(RUN, info.run_id), path) if is_own else _recorded(call, path)
    return {"root_uri": call.service.places.of_info(info).artifact_uri} | _listed([write_file(each) for each in found])


def list_of_model(call: Call) -> Shape:
    """List one level of a logged model's files by path below their root."""
    path = optional_path(call.request.artifact_directory_path)
    model = call.store.get_logged_model(call.request.model_id)
    is_own = call.service.places.is_own(model.artifact_location)
    found = _entries(call, Thing(LOGGED_MODEL, model.model_id), path) if is_own else []
    root = call.service.places.of_model(model).artifact_location
    return {"root_uri": root} | _listed([write_file(each) for each in found])


def get_of_run(call: Call) -> Stream:
    """Send a file of a run."""
    path = artifact_path(call.request.path)
    return Download(files_of(call, Thing(RUN, call.request.run_id)), path)


def upload(call: Call) -> Stream:
    """Keep a file that a page sends, but no form of another site: those need no leave to be sent."""
    kind = call.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind in _OF_FORMS:
        raise refuse(415, "BAD_REQUEST", "Send the file as application/octet-stream, not as a form.")
    path = artifact_path(call.request.path)
    files = files_of(call, Thing(RUN, call.request.run_id))
    refuse_deleted(call, files.owner)
    return Upload(files, path)


def _entries(call: Call, owner: Thing, path: SafePath | None) -> list[FileInfo]:
    return files_of(call, owner).folder.entries(path)


def _recorded(call: Call, path: SafePath | None) -> list[FileInfo]:
    """List one level of what was recorded of a run's files that lie where only the callers look."""
    start = f"{path.text}/" if path else ""
    found: dict[str, FileInfo] = {}
    for each in call.store.list_artifacts(call.request.run_id):
        if each.path.startswith(start):
            name, slash, _ = each.path.removeprefix(start).partition("/")
            found[start + name] = FileInfo(start + name, is_dir=True) if slash else each
    return list(found.values())


def _named(file: FileInfo) -> Shape:
    return write_file(file) | {"path": file.path.rpartition("/")[2]}


def _listed(files: list[Shape]) -> Shape:
    return {"files": files} if files else {}


_FILE = experiment_of_file()
_RUN, _MODEL = reads(experiment_of_run()), reads(experiment_of_model())
_PART = (FilePath, Nothing, edits(_FILE), refuse_parts, SMALL, QUICK, PROXY)
ROUTES = (
    Route("GET", "artifacts", FilePath, Files, reads(_FILE), list_proxied, 0, SLOW, PROXY, opens_files=True),
    Route("GET", "artifacts/{path:path}", FilePath, None, reads(_FILE), get, 0, None, PROXY),
    Route("PUT", "artifacts/{path:path}", FilePath, None, edits(_FILE), put, None, None, PROXY),
    Route("DELETE", "artifacts/{path:path}", FilePath, None, edits(_FILE), delete, SMALL, None, PROXY),
    *(Route("POST", f"mpu/{verb}/{{path:path}}", *_PART) for verb in ("create", "complete", "abort")),
    Route("GET", "presigned/{path:path}", FilePath, Nothing, reads(_FILE), refuse_parts, 0, QUICK, PROXY),
    Route("GET", "artifacts/list", RunFile, RootedFiles, _RUN, list_of_run, 0, SLOW, opens_files=True),
    Route("GET", "/get-artifact", RunFile, None, _RUN, get_of_run, 0, None, (*PLAIN, AJAX)),
    Route(
        "POST",
        "upload-artifact",
        UploadedFile,
        None,
        edits(experiment_of_run()),
        upload,
        MOST_FROM_PAGES,
        None,
        (AJAX,),
    ),
    Route(
        "GET",
        "logged-models/{model_id}/artifacts/directories",
        *(ModelFolder, RootedFiles, _MODEL, list_of_model, 0, SLOW, MLFLOW),
        opens_files=True,
    ),
)
