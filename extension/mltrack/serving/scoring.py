"""The worker's side of ``/invocations``: requests in, answers out, with one ``predict`` for as many as go together.

A request that is wrong is answered 400 (415 for a Content-Type that is not read) and does not reach the model. What the
model itself raises is 500 with an id; the traceback is written to standard error, which is the worker's log, under
that id, and never goes to the client.
"""

from __future__ import annotations

import secrets
import sys
import traceback
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import MltrackError
from mltrack.serving.answers import plain, write_json
from mltrack.serving.bodies import MediaTypeError
from mltrack.serving.messages import Answer
from mltrack.serving.parts import joined
from mltrack.serving.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mltrack.pyfunc.model import PyFuncModel
    from mltrack.serving.messages import Request
    from mltrack.serving.parts import Part

JSON, TEXT = "application/json", "text/plain; charset=utf-8"
_TRIES = 3  # joined predicts that failed one after the other, when each alone would have been well


class Scorer:
    """Answers the requests that come to one model.

    Parameters
    ----------
    model
        What ``mltrack.pyfunc.load_model`` gave.
    batching
        Whether the rows of several requests may go to the model in one ``predict``. By default they do when the model
        is a library's, whose predictions for a row depend on that row alone; not for a class or function of the
        user's, which may look at all rows at once. ``metadata={"batching": True}`` or False, given when a model is
        logged, says it for that model.
    """

    def __init__(self, model: PyFuncModel, *, batching: bool | None = None) -> None:
        self._predict = model.predict_enforced
        self._reader = Reader(model)
        self.batches = takes_batches(model.metadata) if batching is None else batching
        self._failed_joins = 0

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Answer the requests, in their order; one that is wrong, or fails, does not touch the others."""
        answers: dict[int, Answer] = {}
        groups: dict[Any, list[tuple[int, Part]]] = defaultdict(list)
        for number, request in enumerate(requests):
            try:
                part = self._reader.read(request)
            except MltrackError as error:
                answers[number] = _refusal(error)
            except MemoryError as error:
                answers[number] = _failure(error, "The request could not be read")
            except Exception as error:  # only what was sent is looked at so far: it is at fault, whatever comes of it
                answers[number] = _failure(error, "The request could not be read", status=400)
            else:
                alone = part.key is None or not self.batches
                groups[number if alone else ("joined", part.key)].append((number, part))
        for group in groups.values():
            answers.update(
                zip([number for number, _ in group], self._answers([part for _, part in group]), strict=True)
            )
        return [answers[number] for number in range(len(requests))]

    def _answers(self, parts: Sequence[Part]) -> Iterable[Answer]:
        found = self._together(parts) if len(parts) > 1 and self._failed_joins < _TRIES else None
        if found is not None:
            self._failed_joins = 0
            return found
        alone = [self._alone(part) for part in parts]
        if len(parts) > 1 and all(answer.status == 200 for answer in alone):
            self._failed_joins += 1
        return alone

    def _together(self, parts: Sequence[Part]) -> list[Answer] | None:
        """Answer by one predict, or give None if the model does not give a prediction for each row."""
        try:
            rows = plain(self._predict(joined(parts, self._reader.columns), parts[0].params))
            if type(rows) is not list or len(rows) != sum(part.rows for part in parts):
                return None
            answers, begin = [], 0
            for part in parts:
                answers.append(_answer(rows[begin : begin + part.rows], bare=part.bare))
                begin += part.rows
        except BaseException:  # whatever the model raises is its answer to these requests, and no end of the worker
            return None  # each will say for itself
        return answers

    def _alone(self, part: Part) -> Answer:
        try:
            predictions = self._predict(joined([part], self._reader.columns), part.params)
            return _answer(plain(predictions), bare=part.bare)
        except BaseException as error:  # as above
            unsigned = "" if self._reader.schema is not None else "; it has no signature to hold requests against"
            return _failure(error, f"The model failed on this request{unsigned}")


def takes_batches(metadata: Any) -> bool:
    """Tell whether the rows of several requests may be joined for this model; see ``Scorer``."""
    said = (getattr(metadata, "metadata", None) or {}).get("batching")
    if isinstance(said, bool):
        return said
    flavor = (getattr(metadata, "flavors", None) or {}).get("python_function") or {}
    loader, method = str(flavor.get("loader_module", "")), str(flavor.get("predict_fn", ""))
    return loader.startswith("mlflow.") and not loader.startswith("mlflow.pyfunc") and not method.startswith("fit")


def _answer(predictions: Any, *, bare: bool) -> Answer:
    body = write_json(predictions)
    return Answer(200, JSON, body if bare else b'{"predictions": %b}' % body)


def _refusal(error: MltrackError) -> Answer:
    if isinstance(error, MediaTypeError):
        return Answer(415, TEXT, error.message.encode())
    status = error.get_http_status_code()
    return Answer(status if status < 500 else 400, JSON, error.serialize_as_json().encode())


def _failure(error: BaseException, what: str, *, status: int = 500) -> Answer:
    """Write the traceback to the log, and answer with the id under which it is there."""
    number = secrets.token_hex(6)
    text = "".join(traceback.format_exception(error))
    with suppress(Exception):  # a model may have closed it
        sys.stderr.write(f"[{number}] {what}:\n{text}")
    message = f"{what} ({type(error).__name__}). The reason is in the server's log under the id {number}."
    code = "INTERNAL_ERROR" if status == 500 else "BAD_REQUEST"
    return Answer(status, JSON, MltrackError(message, code).serialize_as_json().encode())
