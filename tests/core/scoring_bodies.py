"""Bodies for the scoring tests, good and bad: what is answered, and what the real mlflow answers where it differs."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
A = {"size": 70.5, "rooms": 3, "street": "Oak", "garden": True}
NAMES, VALUES = [*A], [*A.values()]
SIZE, ROOMS, STREET, GARDEN = ["float64", 70.5], ["int64", 3], ["text", "Oak"], ["bool", True]
TOLD = {"factor": 1.0, "size": SIZE, "rooms": ROOMS, "street": STREET, "garden": GARDEN}


class Case(NamedTuple):
    """A body for a model of ``scoring_models``.

    Attributes
    ----------
    says
        For a good one the predictions, for a bad one words of the message.
    mlflow
        The status of the real mlflow's answer where it is another, or ``"other"`` where only the predictions differ.
    """

    name: str
    model: str
    body: Any
    status: int
    says: Any
    content_type: str = JSON
    mlflow: int | str | None = None

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


def split(data: Any, columns: Any = NAMES, **more: Any) -> dict[str, Any]:
    return {"dataframe_split": {"columns": columns, "data": data, **more}}


def row(**changes: Any) -> dict[str, Any]:
    changed = {**A, **changes}
    return split([[*changed.values()]], [*changed])


def told(**changes: Any) -> list[Any]:
    return [{**TOLD, **changes}]


GOOD = [
    Case("split", "row", split([VALUES]), 200, told()),
    Case("split with the plain index", "row", split([VALUES], index=[0]), 200, told()),
    Case("split with labels", "row", split([VALUES], index=["x"]), 200, told()),
    Case("split, columns in another order", "row", split([VALUES[::-1]], NAMES[::-1]), 200, told()),
    Case("split, a column too many", "row", split([[*VALUES, {"any": []}]], [*NAMES, "z"]), 200, told()),
    Case("split, an optional column", "row", row(noise=1), 200, told(noise=["float64", 1])),
    Case("a boolean for a double", "row", row(size=True), 200, told(size=["float64", 1.0])),
    Case("split, null in an optional double", "row", row(noise=None), 200, told(noise=["float64", None])),
    Case("split, null in a double", "row", row(size=None), 200, told(size=["float64", None])),
    Case("split, an int for a double", "row", row(size=70), 200, told(size=["float64", 70.0])),
    Case("split, a whole float for a long", "row", row(rooms=3.0), 200, told()),
    Case("split, a number for a text", "row", row(street=5), 200, told(street=["text", "5"]), mlflow="other"),
    Case("split, null for a text", "row", row(street=None), 200, told(street=["text", None])),
    Case("split, text beyond ASCII", "row", row(street="Straße 日本 😀"), 200, told(street=["text", "Straße 日本 😀"])),
    Case("records", "row", {"dataframe_records": [A]}, 200, told()),
    Case("two records", "row", {"dataframe_records": [A, {**A, "rooms": 4}]}, 200, told() + told(rooms=["int64", 4])),
    Case(
        *("records, a double absent from one", "numbers", {"dataframe_records": [{"x": 1, "y": 2}, {"x": 3}]}, 200),
        [{"x": ["float64", 1.0], "y": ["float64", 2.0]}, {"x": ["float64", 3.0], "y": ["float64", None]}],
    ),
    Case("instances", "row", {"instances": [A]}, 200, told()),
    Case("inputs, records", "row", {"inputs": [A]}, 200, told()),
    Case("inputs, columns", "row", {"inputs": {name: [value] for name, value in A.items()}}, 200, told()),
    Case("inputs, one row of values", "row", {"inputs": A}, 200, told()),
    Case("other keys are ignored", "row", {**split([VALUES]), "id": 7}, 200, told()),
    Case("params", "row", {**split([VALUES]), "params": {"factor": 2.5}}, 200, told(factor=2.5)),
    Case("an int for a double param", "row", {**split([VALUES]), "params": {"factor": 2}}, 200, told(factor=2.0)),
    Case("no params", "row", {**split([VALUES]), "params": None}, 200, told()),
    Case(
        "params of a model that has none",
        "numbers",
        {**split([[1, 2]], ["x", "y"]), "params": {"k": 1}},
        200,
        [{"x": ["float64", 1.0], "y": ["float64", 2.0]}],
    ),
    Case("charset", "row", split([VALUES]), 200, told(), f"{JSON}; charset=utf-8"),
    Case("charset in capitals", "row", split([VALUES]), 200, told(), f"{JSON};charset=UTF-8"),
    Case("the type in capitals", "row", split([VALUES]), 200, told(), "Application/JSON", 415),
    Case("white space around", "row", b" \r\n" + json.dumps(split([VALUES])).encode() + b"\n", 200, told()),
    Case(
        *(
            "the other types",
            "others",
            split([[2, 0.5, "2020-01-02T03:04:05", "aGk="]], ["floor", "share", "built", "plan"]),
        ),
        *(
            200,
            [
                {
                    "floor": ["int32", 2],
                    "share": ["float32", 0.5],
                    "built": ["datetime64", "2020-01-02T03:04:05"],
                    "plan": ["text", [104, 105]],
                }
            ],
        ),
    ),
    Case(
        "one column as a list", "one", {"inputs": ["a", "b"]}, 200, [{"text": ["text", "a"]}, {"text": ["text", "b"]}]
    ),
    Case("one column as instances", "one", {"instances": ["a"]}, 200, [{"text": ["text", "a"]}]),
    Case(
        "unnamed columns",
        "unnamed",
        {"inputs": [[1, 2]]},
        200,
        [{"0": ["float64", 1.0], "1": ["int64", 2]}],
        mlflow=400,
    ),
    Case(
        "unnamed split",
        "unnamed",
        {"dataframe_split": {"data": [[1, 2]]}},
        200,
        [{"0": ["float64", 1.0], "1": ["int64", 2]}],
    ),
    Case(
        "a list in a column",
        "nested",
        {"dataframe_records": [{"id": 1, "vector": [1.5, 2.0]}]},
        200,
        [{"id": ["int64", 1], "vector": ["text", [1.5, 2.0]]}],
    ),
    Case(
        "a list in inputs",
        "nested",
        {"inputs": {"id": 1, "vector": [1.5]}},
        200,
        [{"id": ["int64", 1], "vector": ["text", [1.5]]}],
    ),
    Case(
        "tensor as instances",
        "tensor",
        {"instances": [[1, 2], [3, 4.5]]},
        200,
        [["float64", [1.0, 2.0]], ["float64", [3.0, 4.5]]],
    ),
    Case("tensor as inputs", "tensor", {"inputs": [[1, 2]]}, 200, [["float64", [1.0, 2.0]]]),
    Case("tensor as rows", "tensor", split([[1, 2]], ["p", "q"]), 200, [["float64", [1.0, 2.0]]]),
    Case(
        "tensors by name",
        "tensors",
        {"inputs": {"image": [[[1, 2], [3, 4]]], "label": [5]}},
        200,
        {"image": ["float32", [[[1.0, 2.0], [3.0, 4.0]]]], "label": ["int64", [5]]},
    ),
    Case(
        "tensors as records",
        "tensors",
        {"instances": [{"image": [[1, 2], [3, 4]], "label": 5}]},
        200,
        {"image": ["float32", [[[1.0, 2.0], [3.0, 4.0]]]], "label": ["int64", [5]]},
    ),
    Case(
        "no signature, split", "unsigned", split([[1, "x"]], ["a", "b"]), 200, [{"a": ["int64", 1], "b": ["text", "x"]}]
    ),
    Case("no signature, records", "unsigned", {"dataframe_records": [{"a": 1.5}]}, 200, [{"a": ["float64", 1.5]}]),
    Case("no signature, instances", "unsigned", {"instances": [{"a": 1}, {"a": 2}]}, 200, {"a": ["int64", [1, 2]]}),
    Case("no signature, an array", "unsigned", {"inputs": [1, 2]}, 200, [["int64", 1], ["int64", 2]]),
    Case("no signature, arrays", "unsigned", {"inputs": {"a": [1.5]}}, 200, {"a": ["float64", [1.5]]}),
    Case("csv", "row", "size,rooms,street,garden\n70.5,3,Oak,True\n", 200, told(), CSV),
    Case("csv, charset", "row", "size,rooms,street,garden\r\n70.5,3,Oak,true", 200, told(), f"{CSV}; charset=utf-8"),
    Case("csv, a column too many", "row", "z,size,rooms,street,garden\n9,70.5,3,Oak,True\n", 200, told(), CSV),
    Case(
        "csv, digits for a text",
        "row",
        "size,rooms,street,garden\n70,3,007,True\n",
        200,
        told(size=["float64", 70.0], street=["text", "007"]),
        CSV,
    ),
    Case(
        "csv, nothing for a double",
        "row",
        "size,rooms,street,garden\n,3,Oak,True\n",
        200,
        told(size=["float64", None]),
        CSV,
    ),
    Case("csv without a signature", "unsigned", "a,b\n1,x\n", 200, [{"a": ["int64", 1], "b": ["text", "x"]}], CSV),
]

_SPLIT = f"{JSON}; format=pandas-split"
_RECORDS = f"{JSON}; format=pandas-records"
OLD = [
    Case("1.x split", "row", {"columns": NAMES, "data": [VALUES]}, 200, told(), JSON, 400),
    Case("1.x split with an index", "row", {"columns": NAMES, "index": [0], "data": [VALUES]}, 200, told(), JSON, 400),
    Case("1.x format split", "row", {"columns": NAMES, "data": [VALUES]}, 200, told(), _SPLIT, 415),
    Case(
        "1.x format split, charset",
        "row",
        {"columns": NAMES, "data": [VALUES]},
        200,
        told(),
        f"{_SPLIT}; charset=utf-8",
        415,
    ),
    Case("1.x format records", "row", [A], 200, told(), _RECORDS, 415),
]
"""Bodies of MLflow 1, answered by a bare list."""

BAD = [
    Case("no field", "row", {}, 400, "exactly one"),
    Case("an unknown field", "row", {"rows": [VALUES]}, 400, "'rows'"),
    Case("two fields", "row", {**split([VALUES]), "instances": [A]}, 400, "exactly one"),
    Case("only params", "row", {"params": {}}, 400, "exactly one"),
    Case("a list", "row", [A], 400, "a list"),
    Case("a text", "row", '"x"', 400, "a text"),
    Case("a number", "row", "5", 400, "a number"),
    Case("null", "row", "null", 400, "null"),
    Case("nothing", "row", b"", 400, "empty"),
    Case("white space", "row", b" \n", 400, "empty"),
    Case("no JSON", "row", b"{'a': 1}", 400, "line 1 column 2"),
    Case("cut JSON", "row", b'{"dataframe_split": {', 400, "line 1 column"),
    Case("text after the end", "row", b'{"inputs": []} x', 400, "column 16"),
    Case("bad UTF-8", "row", b'{"inputs": ["\xff"]}', 400, "byte 13"),
    Case("UTF-16", "row", '{"inputs": []}'.encode("utf-16"), 400, "UTF-8"),
    Case("a byte order mark", "row", b'\xef\xbb\xbf{"inputs": []}', 400, "byte order mark"),
    Case(
        "NaN",
        "numbers",
        b'{"dataframe_split": {"columns": ["x", "y"], "data": [[1, NaN]]}}',
        400,
        "NaN at line 1",
        JSON,
        200,
    ),
    Case("Infinity", "numbers", b'{"inputs": [{"x": 1, "y": -Infinity}]}', 400, "-Infinity at", JSON, 200),
    Case("1e999", "numbers", b'{"inputs": [{"x": 1, "y": 1e999}]}', 400, "1e999", JSON, 200),
    Case("a name twice", "numbers", b'{"inputs": [{"x": 1, "y": 2, "y": 3}]}', 400, "'y' twice", JSON, 200),
    Case("half a surrogate", "one", b'{"inputs": ["\\ud800"]}', 400, "surrogate"),
    Case("65 levels", "unsigned", b'{"inputs": ' + b"[" * 64 + b"]" * 64 + b"}", 400, "64 levels", JSON, 200),
    Case("100,000 levels", "row", b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "64 levels", JSON, 500),
    Case("an int of 5,000 digits", "row", b'{"inputs": [' + b"9" * 5_000 + b"]}", 400, "4,300 digits", JSON, 500),
    Case("params that are a list", "row", {**split([VALUES]), "params": [1]}, 400, "'params'"),
    Case("a param of another type", "row", {**split([VALUES]), "params": {"factor": "x"}}, 400, "factor"),
    Case("split is a list", "row", {"dataframe_split": [VALUES]}, 400, "an object"),
    Case("split without data", "row", {"dataframe_split": {"columns": NAMES}}, 400, "'data'"),
    Case("split with another key", "row", split([VALUES], rows=1), 400, "'rows'"),
    Case("split without columns", "row", {"dataframe_split": {"data": [VALUES]}}, 400, "'size'"),
    Case("split without rows", "row", split([]), 400, "no rows", JSON, 200),
    Case("split, columns that are a text", "row", split([VALUES], "size"), 400, "'columns'"),
    Case("split, columns that are lists", "row", split([VALUES], [["size"]]), 400, "'columns'"),
    Case("split, a column twice", "numbers", split([[1, 2, 3]], ["x", "y", "y"]), 400, "'y' twice"),
    Case("split, an index of another length", "row", split([VALUES], index=[1, 2]), 400, "'index'", JSON, 200),
    Case("ragged rows", "numbers", split([[1, 2], [3]], ["x", "y"]), 400, "Row 1", JSON, 200),
    Case("a row too long", "numbers", split([[1, 2, 3]], ["x", "y"]), 400, "Row 0"),
    Case("a row that is no list", "numbers", split([5], ["x", "y"]), 400, "Row 0"),
    Case("a missing column", "row", split([VALUES[1:]], NAMES[1:]), 400, "'size'"),
    Case("two missing columns", "row", {"inputs": [{"size": 1, "rooms": 2}]}, 400, "'street', 'garden'"),
    Case("a text for a double", "row", row(size="70"), 400, "'size'", JSON, 200),
    Case("a word for a double", "row", row(size="big"), 400, "row 0 has 'big'"),
    Case("a list for a double", "row", row(size=[1]), 400, "'size'"),
    Case("an object for a double", "row", row(size={"a": 1}), 400, "'size'"),
    Case("an int beyond any double", "row", row(size=10**400), 400, "'size'"),
    Case("a float for a long", "row", row(rooms=3.5), 400, "row 0 has 3.5", JSON, 200),
    Case("a text for a long", "row", row(rooms="three"), 400, "'rooms'"),
    Case("a boolean for a long", "row", row(rooms=True), 400, "'rooms'", JSON, 200),
    Case("null for a long", "row", row(rooms=None), 400, "row 0 has null"),
    Case("an int of 64 bits and more", "row", row(rooms=2**63), 400, "'rooms'", JSON, 200),
    Case("a number for a boolean", "row", row(garden=1), 400, "'garden'", JSON, 200),
    Case("null for a boolean", "row", row(garden=None), 400, "'garden'", JSON, 200),
    Case("a list for a text", "row", row(street=["Oak"]), 400, "'street'", JSON, 200),
    Case(
        "32 bits are not enough",
        "others",
        split([[2**31, 0, "2020-01-01", ""]], ["floor", "share", "built", "plan"]),
        400,
        "'floor'",
        JSON,
        200,
    ),
    Case(
        "too large for a float",
        "others",
        split([[2, 1e300, "2020-01-01", ""]], ["floor", "share", "built", "plan"]),
        400,
        "'share'",
        JSON,
        200,
    ),
    Case("no time", "others", split([[2, 1, "soon", ""]], ["floor", "share", "built", "plan"]), 400, "'built'"),
    Case(
        "no base64",
        "others",
        split([[2, 1, "2020-01-01", "ä"]], ["floor", "share", "built", "plan"]),
        400,
        "'plan'",
        JSON,
        200,
    ),
    Case("records are an object", "row", {"dataframe_records": A}, 400, "a list of records"),
    Case("records of lists", "row", {"dataframe_records": [VALUES]}, 400, "Row 0"),
    Case("no records", "row", {"dataframe_records": []}, 400, "no rows"),
    Case("a record that is none", "numbers", {"dataframe_records": [{"x": 1, "y": 2}, 5]}, 400, "Row 1"),
    Case("instances are a text", "row", {"instances": "x"}, 400, "'instances'"),
    Case("instances of rows", "row", {"instances": [VALUES]}, 400, "records"),
    Case("no instances", "row", {"instances": []}, 400, "no rows"),
    Case("columns of two lengths", "numbers", {"inputs": {"x": [1, 2], "y": [1]}}, 400, "'y'"),
    Case("a column too few", "unnamed", {"dataframe_split": {"data": [[1]]}}, 400, "2 columns"),
    Case("a list that holds no numbers", "nested", {"dataframe_records": [{"id": 1, "vector": ["a"]}]}, 400, "vector"),
    Case("tensor of another shape", "tensor", {"inputs": [[1, 2, 3]]}, 400, "[-1, 2]"),
    Case("tensor, ragged", "tensor", {"inputs": [[1, 2], [3]]}, 400, "equal lengths"),
    Case("tensor of texts", "tensor", {"inputs": [["a", "b"]]}, 400, "float64"),
    Case("tensor of objects", "tensor", {"inputs": {"a": [1, 2]}}, 400, "no name"),
    Case("tensor, empty", "tensor", {"inputs": []}, 400, "[-1, 2]"),
    Case("tensors, one missing", "tensors", {"inputs": {"image": [[[1, 2], [3, 4]]]}}, 400, "'label'"),
    Case(
        "tensors, a float for an int",
        "tensors",
        {"inputs": {"image": [[[1, 2], [3, 4]]], "label": [1.5]}},
        400,
        "'label'",
        JSON,
        200,
    ),
    Case("csv, a text for a double", "row", "size,rooms,street,garden\nbig,3,Oak,True\n", 400, "'size'", CSV),
    Case(
        "csv, a float for a long",
        "row",
        "size,rooms,street,garden\n1,3,Oak,True\n1,3.5,Oak,True\n",
        400,
        "row 1 has '3.5'",
        CSV,
    ),
    Case("csv, nothing for a long", "row", "size,rooms,street,garden\n1,,Oak,True\n", 400, "'rooms'", CSV),
    Case("csv, no boolean", "row", "size,rooms,street,garden\n1,3,Oak,maybe\n", 400, "'garden'", CSV),
    Case("csv, a column missing", "row", "size,rooms,street\n1,3,Oak\n", 400, "garden", CSV),
    Case("csv, rows too long", "row", "size,rooms,street,garden\n1,2,3,4,5\n", 400, "more values", CSV),
    Case("csv, a row too long", "row", "size,rooms,street,garden\n1,2,3,True\n1,2,3,True,5\n", 400, "line 3", CSV),
    Case("csv, an open quote", "row", 'size,rooms,street,garden\n1,2,"Oak,True\n', 400, "CSV", CSV),
    Case("csv, nothing", "row", b"", 400, "CSV", CSV),
    Case("csv, a header alone", "row", "size,rooms,street,garden\n", 400, "no rows", CSV, 200),
    Case("csv, bad UTF-8", "row", b"size,rooms,street,garden\n1,2,\xff,True\n", 400, "UTF-8", CSV),
    Case("no Parquet", "row", b"PAR1 not really PAR1", 400, "Parquet", PARQUET),
    Case("nothing as Parquet", "row", b"", 400, "Parquet", PARQUET),
]

UNREAD = [
    Case("no type", "row", split([VALUES]), 415, "Content-Type", "", 500),
    Case("plain text", "row", split([VALUES]), 415, "Content-Type", "text/plain"),
    Case("a form", "row", b"a=1", 415, "Content-Type", "application/x-www-form-urlencoded"),
    Case("bytes", "row", b"\x80\x04", 415, "Content-Type", "application/octet-stream"),
    Case("a pickle", "row", b"\x80\x04N.", 415, "Content-Type", "application/x-pickle"),
    Case("another charset", "row", split([VALUES]), 415, "utf-8", f"{JSON}; charset=latin-1"),
    Case("an unknown parameter", "row", split([VALUES]), 415, "nothing else", f"{JSON}; version=1"),
    Case("an unknown format", "row", split([VALUES]), 415, "nothing else", f"{JSON}; format=numpy"),
    Case("a format of csv", "row", b"a\n1", 415, "nothing else", f"{CSV}; format=pandas-split"),
]
"""What is no type, charset or parameter that is read."""
