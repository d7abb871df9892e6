"""Many callers at a time: each gets the answer to its own request, and the server grows no larger."""

from __future__ import annotations

import http.client
import json
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from tests.core.serving_models import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.serving.handles import Server

CLIENTS = 64


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("load")) as found:
        yield found


def hammer(server: Server, requests: int) -> None:
    """Send so many requests from 64 clients, and check every answer; one in ten is wrong, and is told so."""

    def client(number: int) -> int:
        chance = random.Random(number)
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
            for _ in range(requests // CLIENTS):
                count = chance.randint(1, 4)
                values = [chance.uniform(-1e6, 1e6) for _ in range(count)]
                is_wrong = chance.random() < 0.1
                records = [{"x": "no" if is_wrong else value, "act": ""} for value in values]
                body = json.dumps({"dataframe_records": records}).encode()
                connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                found = json.loads(answer.read())
                assert answer.status == (400 if is_wrong else 200), found
                assert is_wrong or found == {"predictions": [value * 2 for value in values]}
        return number

    with ThreadPoolExecutor(CLIENTS) as pool:
        assert sum(pool.map(client, range(CLIENTS))) == sum(range(CLIENTS))


def memory(server: Server) -> int:
    front = psutil.Process(server.pid)
    return sum(each.memory_info().rss for each in (front, *front.children()))


def test_a_thousand_requests_from_64_clients(server: Server) -> None:
    before = server.stats()["requests"]
    hammer(server, 1024)
    assert server.stats()["requests"] == before + 1024
    assert server.stats()["in_flight"] == 0


@pytest.mark.slow
def test_ten_thousand_requests_and_no_growth(server: Server) -> None:
    hammer(server, 1024)
    before = memory(server)
    hammer(server, 10_240)
    assert memory(server) <= before * 1.05
    assert server.stats()["restarts"] == 0


@pytest.mark.slow
def test_schemathesis_finds_nothing(server: Server) -> None:
    """What is made of the server's own description is answered as that says, and never with a fault of its own."""
    schemathesis = pytest.importorskip("schemathesis")
    # A schema cannot say that an index is as long as the data, nor what a CSV file is.
    cannot_be_said = pytest.importorskip("schemathesis.specs.openapi.checks").positive_data_acceptance
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    seen = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy())
        @settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def check(case: Any) -> None:
            case.call_and_validate(base_url=server.url, timeout=60, excluded_checks=[cannot_be_said])

        check()
        seen.append(operation.path)
    assert set(seen) == {"/ping", "/health", "/version", "/invocations"}
    assert server.stats()["restarts"] == 0
