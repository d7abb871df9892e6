"""What servers answer, and the words that tests ask them with."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

API = "/api/2.0/mlflow"


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        """The body as JSON has it."""
        return json.loads(self.body)


class Asked:
    """A server that can be asked, by short words."""

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request; a body that is no bytes goes as JSON."""
        raise NotImplementedError

    def post(self, path: str, **fields: Any) -> Any:
        """Send a POST below MLflow's first base; it must be answered 200."""
        answer = self.ask("POST", f"{API}/{path}", fields)
        assert answer.status == 200, answer
        return answer.value

    def get(self, path: str) -> Any:
        """Send a GET below MLflow's first base; it must be answered 200."""
        answer = self.ask("GET", f"{API}/{path}")
        assert answer.status == 200, answer
        return answer.value
