"""Run by the Python that has the real mlflow: sends bodies to its scoring application, and says what it answered."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import mlflow
from mlflow.models import ModelSignature
from mlflow.pyfunc import scoring_server

sys.path.insert(0, sys.argv[1])
import scoring_models  # type: ignore[import-not-found]


class Teller(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:  # noqa: ARG002 - MLflow's names
        return sys.modules["scoring_models"].tell(model_input, params)


async def post(app: Any, content_type: str, body: bytes) -> tuple[int, str]:
    """Be the server of one request, without a socket."""
    sent: list[dict[str, Any]] = []
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    scope: dict[str, Any] = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST"}
    scope |= {"scheme": "http", "path": "/invocations", "raw_path": b"/invocations", "query_string": b""}
    scope |= {"root_path": "", "headers": [(b"content-type", content_type.encode())] if content_type else []}

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    try:
        await app(scope, receive, send)
    except Exception as error:  # what a server answers 500
        return 500, repr(error)[:300]
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]).decode()


def application(name: str, signature: Any) -> Any:
    folder = Path.cwd() / name
    # mlflow takes no None for "there is no signature"
    given = {"signature": ModelSignature.from_dict(signature)} if signature else {}
    mlflow.pyfunc.save_model(folder, python_model=Teller(), pip_requirements=[], **given)
    return scoring_server.init(mlflow.pyfunc.load_model(str(folder)))


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    apps = {name: application(name, signature) for name, signature in scoring_models.SIGNATURES.items()}
    answers = [
        asyncio.run(post(apps[case["model"]], case["content_type"], base64.b64decode(case["body"])))
        for case in json.load(sys.stdin)
    ]
    json.dump(answers, sys.stdout)


main()
