"""The runs of a server, and what is logged to them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from mltrack.entities import LifecycleStage, Run, RunInfo, RunStatus
from mltrack.exceptions import UNREACHED, NotFoundError
from mltrack.keys import is_run_id
from mltrack.rest import creation
from mltrack.rest.part import RestPart
from mltrack.store.batches import RunBatch, check_batch
from mltrack.wire.runs import read_info, read_metric, read_run, write_dataset_input
from mltrack.wire.shapes import items, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.entities import (
        DatasetInput,
        LoggedModelInput,
        LoggedModelOutput,
        Metric,
        Param,
        RunTag,
    )
    from mltrack.exceptions import MltrackError
    from mltrack.store.protocol import NewRun, RunChange
    from mltrack.wire.shapes import Json

BEGIN_SECONDS = 10.0
"""So long a server has for the making of a run that need not be made at once."""
_POINTS_AT_ONCE = 25_000


class RestRuns(RestPart):
    """Runs: made, read, written to, deleted, restored."""

    def create_run(self, new: NewRun) -> RunInfo:
        """Make a run.

        A request whose answer was lost makes no second one: mltrack's server is told the run's id, and an MLflow
        server, which chooses ids itself, is asked for the tag that says which one was wanted.
        """
        made = creation.make(self._transport, creation.body_of(new), new.run_id or uuid4().hex)
        return self._begun(made)

    def _begun(self, made: Json) -> RunInfo:
        info = read_info((made.get("run") or {}).get("info") or {})
        self._infos.put(info.run_id, info)
        self._changed()
        return info

    def begin_run(self, new: NewRun, *, experiment: str | None = None) -> RunInfo:
        """Make a run as ``create_run`` does; where the server cannot be reached, say so and let it be made later.

        Then it has the id that was chosen here, and what is logged to it is sent after it. ``experiment`` is the name
        of its experiment, made when there is none, in the place of an id.
        """
        run_id = new.run_id or uuid4().hex
        body = creation.body_of(new)
        if experiment is not None:
            body["experiment"] = experiment
        problem: MltrackError | None = None
        if not self._sender.is_failing:
            try:
                return self._begun(creation.make(self._transport, body, run_id, timeout=BEGIN_SECONDS))
            except UNREACHED as error:
                problem = error
        self._sender.create(run_id, body, problem)
        status = str(RunStatus.RUNNING)
        return RunInfo(run_id, new.experiment_id, new.run_name, new.user_id, status, new.start_time, None, "")

    def get_run(self, run_id: str) -> Run:
        """Give a run with its data; NotFoundError when there is none."""
        self._settle(run_id)
        return self._read_run(run_id)

    def _read_run(self, run_id: str) -> Run:
        if not is_run_id(run_id):
            raise NotFoundError(f"There is no run {run_id[:80]!r} on {self.uri}.")
        try:
            found = self._transport.call("GET", "runs/get", query={"run_id": run_id}).get("run")
        except NotFoundError:
            found = creation.chosen_before(self._transport, run_id)
            if found is None:
                raise
        run = read_run(found or {})
        self._infos.put(run.info.run_id, run.info)
        return run

    def _info(self, run_id: str) -> RunInfo:
        """Give a run's info, which may be older where only what never changes is wanted of it."""
        found = self._infos.get(run_id)
        if found is None:
            self._made(run_id)
            found = self._read_run(run_id).info
        return found

    def update_run(self, run_id: str, change: RunChange) -> RunInfo:
        """Change a run's status, end or name.

        A run's end goes behind all that was logged to it. When the server cannot be reached, it is sent later.
        """
        body: Json = {}
        if change.run_name is not None:
            body["run_name"] = change.run_name
        if change.status is not None:
            body["status"] = str(RunStatus(change.status))
        if change.end_time is not None:
            body["end_time"] = change.end_time
        if change.status is None or not RunStatus(change.status).is_final:
            self._settle(run_id)
            answer = self._transport.call("POST", "runs/update", body={"run_id": run_id, **body})
        else:
            body.setdefault("end_time", time.time_ns() // 1_000_000)
            answer = self._sender.end(run_id, body) or {}
        info = self._info_after(run_id, body, answer)
        if answer:
            self._infos.put(run_id, info)
        self._changed(run_id)
        return info

    def _info_after(self, run_id: str, body: Json, answer: Json) -> RunInfo:
        if answer:
            return read_info(answer.get("run_info") or {})
        known = self._infos.get(run_id) or RunInfo(run_id, "", "", "", "", 0, None, "")
        return replace(known, **body)

    def set_run_lifecycle(self, run_id: str, stage: str) -> None:
        """Delete a run (softly) or restore it; a run that is in that stage already stays as it is."""
        self._settle(run_id)
        verb = "delete" if LifecycleStage(stage) is LifecycleStage.DELETED else "restore"
        self._transport.call("POST", f"runs/{verb}", body={"run_id": run_id})
        self._changed(run_id)

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """Send all of it: points in the background, params and tags at once, in their order."""
        check_batch(RunBatch(run_id, metrics, params, tags))
        self._sender.send(run_id, metrics, params, tags)
        self._changed(run_id)

    def delete_tag(self, run_id: str, key: str) -> None:
        """Take a tag off a run; NotFoundError when it has none of that key."""
        self._settle(run_id)
        self._transport.call("POST", "runs/delete-tag", body={"run_id": run_id, "key": key}, retry=False)
        self._changed(run_id)

    def log_inputs(
        self, run_id: str, datasets: Sequence[DatasetInput] = (), *, models: Sequence[LoggedModelInput] = ()
    ) -> None:
        """Note which datasets and logged models a run read; each is kept once."""
        if not datasets and not models:
            return
        body: Json = {"datasets": [write_dataset_input(each) for each in datasets]}
        if models:
            body["models"] = [{"model_id": each.model_id} for each in models]
        self._sender.log_inputs(run_id, body)
        self._changed(run_id)

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Note which logged models a run made."""
        made = [{"model_id": each.model_id, "step": each.step} for each in models]
        if made:
            self._made(run_id)
            self._transport.call("POST", "runs/outputs", body={"run_id": run_id, "models": made})
            self._changed(run_id)

    def metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Give every point of a metric by time, step and value."""
        self._settle(run_id)
        found: list[Metric] = []
        token: str | None = None
        while True:
            query = {"run_id": run_id, "metric_key": key, "max_results": _POINTS_AT_ONCE, "page_token": token}
            answer = self._transport.call("GET", "metrics/get-history", query=query)
            found += [read_metric(each) for each in items(answer.get("metrics"))]
            last, token = token, text(answer, "next_page_token") or None
            if token is None or token == last:
                return found
