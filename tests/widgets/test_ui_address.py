"""The addresses of the pages of ``mltrack ui``: read, and written for links."""

from __future__ import annotations

import pytest

from mltrack.exceptions import InvalidParameterError
from mltrack_widgets.ui.address import Address, read_address

BASE = "http://127.0.0.1:5000/"
NAMES = ["iris", "a b", "a&b=c", "é/ü?#", "<script>", '"x"']


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", Address(BASE)),
        ("?theme=dark", Address(BASE)),
        ("?experiment=1", Address(BASE, "experiment", "1")),
        ("?experiment=1&filter=metrics.a+%3E+1", Address(BASE, "experiment", "1", filter_string="metrics.a > 1")),
        ("?run=ab", Address(BASE, "run", "ab")),
        ("?run=", Address(BASE)),
        ("?run=a&run=b", Address(BASE, "run", "b")),
        ("?compare=a,b&baseline=b", Address(BASE, "compare", "a,b", baseline="b")),
        ("?model=a%20b", Address(BASE, "model", "a b")),
    ],
)
def test_a_page_is_named_by_the_query(query: str, expected: Address) -> None:
    assert read_address(BASE + query) == expected


@pytest.mark.parametrize("name", NAMES)
def test_what_links_say_is_read_back(name: str) -> None:
    address = Address(BASE)
    assert read_address(address.of_model(name)) == Address(BASE, "model", name)
    assert read_address(address.of_experiment("3", name)) == Address(BASE, "experiment", "3", filter_string=name)
    compared = read_address(address.of_comparison(["a", "b"], "a"))
    assert (compared.run_ids, compared.baseline) == (("a", "b"), "a")


@pytest.mark.parametrize(
    ("query", "message"), [("?run=a&model=b", "names run and model"), ("?run=" + "a" * 9000, "over 8000 characters")]
)
def test_what_names_no_page_is_said(query: str, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        read_address(BASE + query)
