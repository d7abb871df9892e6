"""Answers that the front gives by itself, in MLflow's shape of an error: ``{"error_code": …, "message": …}``."""

from __future__ import annotations

import json

from mltrack.serving.messages import Answer

JSON = "application/json"


class Refusal(Exception):  # noqa: N818 - no fault: what HTTP calls an error is an answer
    """A request gets this answer at once; ``close`` ends its connection with it."""

    def __init__(self, answer: Answer, *, close: bool = False) -> None:
        super().__init__(answer.status)
        self.answer = answer
        self.close = close


def refuse(status: int, code: str, message: str, *, close: bool = False) -> Refusal:
    """Make a refusal of an HTTP status, one of MLflow's error codes, and a text that repeats nothing of the request."""
    body = json.dumps({"error_code": code, "message": message}).encode()
    return Refusal(Answer(status, JSON, body), close=close)


def unavailable(message: str) -> Answer:
    """Make the answer of a server that cannot now: 503."""
    return refuse(503, "TEMPORARILY_UNAVAILABLE", message).answer


def timed_out(seconds: float) -> Answer:
    """Make the answer for a request that took longer than it may: 504."""
    return refuse(504, "DEADLINE_EXCEEDED", f"The model did not answer within {seconds:g} seconds.").answer
