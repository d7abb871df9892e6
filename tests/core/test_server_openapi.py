"""What a server says of its routes, and what schemathesis makes of that."""

from __future__ import annotations

import itertools
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from tests.core.server_routes import BODIES, READERS, WRITERS, known_things, name_of
from tests.core.tracking_servers import RunningServer, running_server

from mltrack.server.openapi import describe, statuses
from mltrack.server.table import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = {"positive": 6, "negative": 3}
QUIET = settings(deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture(scope="module")
def known(server: RunningServer) -> dict[str, Any]:
    return known_things(server)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return describe(ROUTES, prefix="/lab", has_users=True)


def operations(document: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{method.upper()} {path.removeprefix('/lab')}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


@pytest.mark.slow
def test_every_route_is_described_and_nothing_else(document: dict[str, Any]) -> None:
    found = operations(document)
    assert set(found) == {name_of(route).replace(":path}", "}") for route in ROUTES}
    for route in ROUTES:
        operation = found[name_of(route).replace(":path}", "}")]
        assert operation["summary"] or operation["description"]
        assert set(operation["responses"]) == {"200", *map(str, statuses(route))}
        assert operation["security"] == ([] if route.need.is_open else [{"basic": []}, {"bearer": []}])
        fields = set(route.request.model_fields)
        said = {each["name"] for each in operation.get("parameters", ())}
        if route in READERS:
            assert said == fields | {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
        elif route in BODIES and fields - said:
            assert "requestBody" in operation, name_of(route)
    assert len(READERS) + len(WRITERS) == len(found)


@pytest.mark.slow
def test_without_users_nobody_is_asked_who_that_is() -> None:
    document = describe(ROUTES[:2], prefix="", has_users=False)
    assert "securitySchemes" not in document.get("components", {})
    assert not any("security" in each for each in operations(document).values())
    assert json.dumps(document, allow_nan=False)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_schemathesis_finds_no_fault(server: RunningServer, known: dict[str, Any], mode: str) -> None:
    """What is made of the description, and what is made to break it, is answered without a fault of the server's.

    Every second request names things that are there.
    """
    schemathesis = pytest.importorskip("schemathesis")
    no_fault = pytest.importorskip("schemathesis.checks").not_a_server_error
    generation = schemathesis.GenerationMode[mode.upper()]
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    seen = []
    for found in schema.get_all_operations():
        with suppress(Unsatisfiable):  # what asks for nothing cannot be asked wrongly
            ask_and_look(server, found.ok(), mode=generation, known=known, no_fault=no_fault)
        seen.append(found.ok().label)
    assert len(seen) == len(ROUTES) - 1  # it leaves out the description itself
    assert server.log.read_text() == ""


def ask_and_look(server: RunningServer, operation: Any, *, mode: Any, known: dict[str, Any], no_fault: Any) -> None:
    turn = itertools.count()

    @seed(7)
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(QUIET, max_examples=EXAMPLES[mode.value])
    def check(case: Any) -> None:
        if next(turn) % 2 and not any(word in operation.label.lower() for word in ("delete", "rename")):
            for values in (case.body, case.query, case.path_parameters):
                if isinstance(values, dict):
                    values.update({name: known[name] for name in known.keys() & values.keys()})
        answer = case.call(base_url=server.url, timeout=60)
        if answer.status_code != 501:  # MLflow's word for what a server does not do; its clients then do without
            case.validate_response(answer, checks=[no_fault])

    check()
