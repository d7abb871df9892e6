from __future__ import annotations

import base64
import hashlib
import json
import re
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from tests.core.scoring_bodies import BAD, GOOD, JSON, Case
from tests.core.scoring_models import SIGNATURES
from tests.core.test_scoring import SCORERS, model_of

from mltrack.models.mlmodel import Model
from mltrack.models.signature import ModelSignature, infer_signature
from mltrack.serving.docs_page import page, policy
from mltrack.serving.messages import Request
from mltrack.serving.openapi import describe, openapi

DOCUMENTS = {name: openapi(model_of(name).metadata) for name in SIGNATURES}
# Kindnesses of the server: other orders, columns too many, numbers that become texts, missing values that are left out.
BEYOND = {
    "split, columns in another order",
    "split, a column too many",
    "split, a number for a text",
    "records, a double absent from one",
    "a boolean for a double",
}


def body_schema(name: str) -> dict[str, Any]:
    post = DOCUMENTS[name]["paths"]["/invocations"]["post"]
    schema: dict[str, Any] = post["requestBody"]["content"][JSON]["schema"]
    return schema


def is_described(case: Case) -> bool:
    return bool(Draft202012Validator(body_schema(case.model)).is_valid(json.loads(case.content)))


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_document_is_json_and_its_schemas_are_schemas(name: str) -> None:
    document = json.loads(json.dumps(DOCUMENTS[name], allow_nan=False))
    assert document["openapi"].startswith("3.1")
    assert [*document["paths"]] == ["/ping", "/health", "/version", "/invocations"]
    Draft202012Validator.check_schema(body_schema(name))


JSON_GOOD = [case for case in GOOD if case.content_type == JSON]


@pytest.mark.parametrize("case", JSON_GOOD, ids=lambda case: case.name)
def test_good_bodies_are_described(case: Case) -> None:
    assert is_described(case) is (case.name not in BEYOND)


SHAPES = ("exactly one", "a list", "'data'", "no rows", "row 0 has", "'size'", "'rooms'", "'params'", "[-1, 2]")
JSON_BAD = [case for case in BAD if case.content_type == JSON and case.says in SHAPES and case.mlflow != 500]


@pytest.mark.parametrize("case", JSON_BAD, ids=lambda case: case.name)
def test_bad_bodies_are_not_described(case: Case) -> None:
    assert not is_described(case)


def test_columns_have_their_types_and_params_their_defaults() -> None:
    split, records, *_ = body_schema("row")["oneOf"]
    columns = records["properties"]["dataframe_records"]["items"]
    assert {name: each["type"] for name, each in columns["properties"].items()} == {
        "size": ["number", "null"],
        "rooms": "integer",
        "street": ["string", "null"],
        "garden": "boolean",
        "noise": ["number", "null"],
    }
    assert columns["required"] == ["size", "rooms", "street", "garden"]
    assert split["properties"]["params"]["properties"]["factor"]["default"] == 1.0
    assert split["properties"]["instances"] is False


def test_names_are_shown_as_they_may_be() -> None:
    signature = infer_signature(pd.DataFrame({"a\u202eb<script>": [1.0]}))
    document = openapi(Model(signature=signature), title="m\u202e")
    assert "\u202e" not in json.dumps(document["info"], ensure_ascii=False)
    assert document["info"]["title"] == r"m\u202e"


def test_a_model_is_described_with_its_example() -> None:
    frame = pd.DataFrame({"x": [1.5], "y": [2.0]})
    signature = ModelSignature.from_dict(SIGNATURES["numbers"] or {})
    model = SimpleNamespace(metadata=Model(signature=signature, artifact_path="cancer"), input_example=frame)
    document = describe(model)
    content = document["paths"]["/invocations"]["post"]["requestBody"]["content"][JSON]
    assert document["info"]["title"] == "cancer"
    [answer] = SCORERS["numbers"].answer([Request(JSON, json.dumps(content["example"]).encode())])
    assert answer.status == 200
    assert Draft202012Validator(content["schema"]).is_valid(content["example"])


def test_an_example_that_cannot_be_read_is_left_out() -> None:
    class Broken:
        metadata = Model()

        @property
        def input_example(self) -> Any:
            raise OSError("gone")

    assert "example" not in json.dumps(describe(Broken()))


def test_the_page_loads_nothing_and_writes_no_markup() -> None:
    text = page().decode()
    assert not re.search(r"https?:|//[a-z]|src=|@import|url\(", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(|\son\w+=", text)
    assert not re.search(r"style=", text)


def test_the_policy_allows_the_page_and_nothing_else() -> None:
    for element in ("script", "style"):
        [content] = re.findall(rf"<{element}>(.*?)</{element}>", page().decode(), re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}';" in policy()
    assert "default-src 'none'" in policy()
    assert "unsafe" not in policy()
