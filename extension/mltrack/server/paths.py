"""Finds the route of a path: whole paths at once, and those with named parts in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_to_bytes

from starlette.routing import compile_path

from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping, MutableMapping

    from mltrack.server.route import Route


_UNREADABLE = "\ufffd"
"""What is put in the place of bytes that are no letter; it may also be said."""


class Place(NamedTuple):
    """What answers a method of a path."""

    route: Route
    endpoint: Any


class _Pattern(NamedTuple):
    expression: re.Pattern[str]
    convertors: Mapping[str, Any]
    methods: dict[str, Place]


class Paths:
    """All paths of a server."""

    def __init__(self) -> None:
        self._exact: dict[str, dict[str, Place]] = {}
        self._patterns: dict[str, _Pattern] = {}

    def add(self, route: Route, endpoint: Any) -> None:
        """Let an endpoint answer a route, under all of its paths."""
        for path in route.paths:
            if "{" not in path:
                self._exact.setdefault(path, {})[route.method] = Place(route, endpoint)
                continue
            if path not in self._patterns:
                expression, _, convertors = compile_path(path)
                self._patterns[path] = _Pattern(expression, convertors, {})
            self._patterns[path].methods[route.method] = Place(route, endpoint)

    def find(self, path: str) -> tuple[Mapping[str, Place], dict[str, Any]]:
        """Give what answers a path by method, which is empty for a path that is none, and the path's named parts."""
        found = self._exact.get(path)
        if found is not None:
            return found, {}
        for expression, convertors, methods in self._patterns.values():
            if match := expression.fullmatch(
                path
            ):  # a $ would let a line's end go by, and the name without it is another
                return methods, {name: convertors[name].convert(part) for name, part in match.groupdict().items()}
        return {}, {}


def check_letters(scope: MutableMapping[str, Any]) -> None:
    """Raise InvalidParameterError for a path that is no UTF-8: what is read of it would be that of others, too."""
    if _UNREADABLE in scope["path"]:
        try:
            unquote_to_bytes(scope["raw_path"]).decode()
        except UnicodeDecodeError:
            raise InvalidParameterError("The path is not UTF-8.") from None


def allowed(methods: Mapping[str, Place]) -> list[str]:
    """Give the methods that a path takes, with those that every path takes."""
    return sorted({*methods, "OPTIONS", *(["HEAD"] if "GET" in methods else [])})
