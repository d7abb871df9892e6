"""The logged models of a server, and their files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mltrack.exceptions import NotFoundError
from mltrack.model_names import check_logged_model_name, is_model_id
from mltrack.rest.artifact_places import folder_at
from mltrack.rest.part import RestPart
from mltrack.run_names import new_run_name
from mltrack.wire.models import read_logged_model, write_status
from mltrack.wire.shapes import write_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.entities import LoggedModel
    from mltrack.store.artifact_folder import ArtifactFolder
    from mltrack.store.model_protocol import NewLoggedModel
    from mltrack.wire.shapes import Json


class RestModels(RestPart):
    """Logged models: made, read, finished, deleted, written to; where their files lie."""

    def create_logged_model(self, new: NewLoggedModel) -> LoggedModel:
        """Make a logged model, PENDING, without files; a server chooses its id."""
        name = new_run_name() if new.name is None else check_logged_model_name(new.name)
        place = new.experiment_id
        if new.source_run_id and not place:  # of a run that was begun when the server could not be reached
            place = self._info(new.source_run_id).experiment_id
        body: Json = {"experiment_id": place, "name": name, "model_type": new.model_type}
        if new.source_run_id:
            self._made(new.source_run_id)
            body["source_run_id"] = new.source_run_id
        body |= {"params": write_pairs(new.params), "tags": write_pairs(new.tags)}
        return self._model(self._transport.call("POST", "logged-models", body=body, retry=False))

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """Give a logged model; NotFoundError when there is none or it is deleted."""
        self._settle()
        return self._model(self._transport.call("GET", _path(model_id)))

    def finalize_logged_model(self, model_id: str, status: str) -> LoggedModel:
        """Say how the making of a logged model ended: READY or FAILED."""
        body = {"model_id": model_id, "status": write_status(status)}
        made = self._model(self._transport.call("PATCH", _path(model_id), body=body))
        self._changed(made.source_run_id)
        return made

    def delete_logged_model(self, model_id: str) -> None:
        """Mark a logged model deleted."""
        self._transport.call("DELETE", _path(model_id), body={}, retry=False)
        self._changed()

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of a logged model; earlier values are overwritten."""
        self._transport.call("PATCH", _path(model_id, "tags"), body={"tags": write_pairs(tags)})
        self._changed()

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Take a tag off a logged model; NotFoundError when it has none of that key."""
        self._transport.call("DELETE", _path(model_id, "tags", key), body={}, retry=False)
        self._changed()

    def log_logged_model_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """Log params of a logged model; one that is there with another value is refused."""
        if params:
            self._transport.call("POST", _path(model_id, "params"), body={"params": write_pairs(params)})
            self._changed()

    def logged_model_folder(self, model_id: str) -> ArtifactFolder:
        """Give the folder of a logged model's files; it need not be there yet."""
        place = self._model_places.get(model_id)
        if place is None:
            place = self._model(self._transport.call("GET", _path(model_id))).artifact_location
        return folder_at(self._transport, place, owner=model_id)

    def _model(self, answer: Mapping[str, Any]) -> LoggedModel:
        found = read_logged_model(answer.get("model") or {})
        self._model_places.put(found.model_id, found.artifact_location)
        return found


def _path(model_id: str, *parts: str) -> str:
    if not isinstance(model_id, str) or not is_model_id(model_id):
        raise NotFoundError(f"There is no logged model {str(model_id)[:80]!r}; its id begins with 'm-'.")
    return "/".join(("logged-models", model_id, *(quote(part, safe="") for part in parts)))
