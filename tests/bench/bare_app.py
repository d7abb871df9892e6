"""A bare Starlette application that keeps one file: what streams through a tracking server is measured beside it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import FileResponse, PlainTextResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def put(request: Request) -> Response:
    """Write the body to the file as it comes."""
    with open(os.environ["BARE_FILE"], "wb") as file:  # as such applications are written
        async for chunk in request.stream():
            file.write(chunk)
    return PlainTextResponse("")


async def get(request: Request) -> Response:
    """Send the file."""
    del request
    return FileResponse(os.environ["BARE_FILE"])


app = Starlette(routes=[Route("/file", put, methods=["PUT"]), Route("/file", get)])
