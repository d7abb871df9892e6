"""The description of all routes as OpenAPI has it, which FastAPI makes of what the table of routes says."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Body, Path, Query, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, create_model

import mltrack
from mltrack.server.texts import PlainText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.server.message import Message
    from mltrack.server.route import Route

_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_SCHEMES = {
    "basic": {"type": "http", "scheme": "basic", "description": "A user's name and password."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "A user's token."},
}
_DESCRIPTION = (
    "The tracking server of mltrack, on MLflow's wire. What is below /api/2.0/mlflow is below /ajax-api/2.0/mlflow and "
    "/api/2.0/preview/mlflow as well. An error is an object with an error_code, one of MLflow's names, and a message."
)
_MEANINGS = {
    400: "The request is not allowed; the message says why.",
    401: "No credentials, or wrong ones.",
    403: "Not for this caller, or sent to a name or by a page that is not this server's.",
    404: "What was asked for is not there.",
    409: "Something of that name is there already, or another writer was first.",
    413: "The body is larger than it may be.",
    415: "The body is compressed, or of another type.",
    429: "Too many failed logins.",
    501: "Not done by this server.",
    503: "The server cannot now; ask again later.",
}


class Problem(BaseModel):
    """An error."""

    error_code: str
    message: str


def describe(routes: Sequence[Route], *, prefix: str, has_users: bool) -> dict[str, Any]:
    """Give the description; each route stands in it once, under the first of its paths."""
    pages = [_page(route, prefix, has_users=has_users) for route in routes]
    found = get_openapi(title="mltrack", version=mltrack.__version__, description=_DESCRIPTION, routes=pages)
    for operations in found["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)  # which FastAPI adds for its own reading of requests
    if has_users:
        found["components"]["securitySchemes"] = _SCHEMES
    return found


def _page(route: Route, prefix: str, *, has_users: bool) -> APIRoute:
    more: dict[str, Any] = {}
    summary, _, more_text = (inspect.getdoc(route.work) or route.path).partition("\n\n")
    if has_users:
        more["security"] = [] if route.need.is_open else [{"basic": []}, {"bearer": []}]
    if route.most is None:
        more["requestBody"] = {"content": _BINARY, "required": True}
    page = APIRoute(
        prefix + route.paths[0],
        _endpoint(route),
        methods=[route.method],
        operation_id=f"{route.method.lower()} {route.path}",
        summary=summary.rstrip("."),
        description=more_text or None,
        response_model=_answer(route),
        response_class=Response if _answer(route) is None else JSONResponse,
        responses=_answers(route),
        openapi_extra=more or None,
    )
    page.tags = [route.path.strip("/").partition("/")[0]]
    return page


def statuses(route: Route) -> list[int]:
    """Give the statuses of the errors that a route answers with."""
    found = {400, 403}
    if not route.need.is_open:
        found |= {401, 429, 503}
    if route.need.of is not None or "{" in route.path:
        found.add(404)
    if route.method != "GET":
        found |= {404, 409, 413, 415}
    if route.answer is None:
        found |= {404, 501}
    return sorted(found)


def _answer(route: Route) -> type[Message] | None:
    return None if route.answer is None or issubclass(route.answer, PlainText) else route.answer


def _answers(route: Route) -> dict[int | str, dict[str, Any]]:
    found: dict[int | str, dict[str, Any]] = {200: _plain(route)} if _answer(route) is None else {}
    return found | {each: {"model": Problem, "description": _MEANINGS[each]} for each in statuses(route)}


def _plain(route: Route) -> dict[str, Any]:
    """Describe an answer that is no JSON."""
    if route.answer is None:
        return {"content": _BINARY, "description": "The bytes."}
    return {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The text."}


def _endpoint(route: Route) -> Any:
    """Give a function whose signature says what FastAPI asks: the parts of the path, and the query or the body."""
    named = _named_parts(route.path)
    parameters = [_parameter(name, Annotated[str, Path()]) for name in named]
    fields = {name: field for name, field in route.request.model_fields.items() if name not in named}
    if fields and (route.method == "GET" or route.most in (0, None)):
        parameters.append(_parameter("asked", Annotated[_without(route.request, named), Query()]))
    elif fields:
        parameters.append(_parameter("asked", Annotated[_without(route.request, named), Body()]))

    def endpoint() -> None:
        """Stand for the route."""

    endpoint.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # which ``inspect`` reads
    return endpoint


def _named_parts(path: str) -> list[str]:
    return [part.partition("}")[0].partition(":")[0] for part in path.split("{")[1:]]


def _parameter(name: str, kind: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind)


def _without(model: type[Message], named: list[str]) -> Any:
    """Give a request without what is in the path."""
    if not set(named) & set(model.model_fields):
        return model
    fields: Any = {name: (each.annotation, each) for name, each in model.model_fields.items() if name not in named}
    return create_model(model.__name__, __doc__=model.__doc__, **fields)
