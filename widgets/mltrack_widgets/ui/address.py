"""The addresses of the pages: which page one names, and what links to others say.

A page is named by the query of the server's own address: nothing for the overview, ``experiment=ID``, ``run=ID``,
``compare=ID,ID`` (with ``baseline=ID``), ``model=NAME``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = ("experiment", "run", "compare", "model")
MOST_LETTERS = 8_000  # of a query


@dataclass(frozen=True, slots=True)
class Address:
    """A page: ``base`` is the address of the overview, ``kind`` one of ``KINDS`` or empty, ``value`` what it is of."""

    base: str
    kind: str = ""
    value: str = ""
    baseline: str = ""
    filter_string: str = ""

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The runs that are compared."""
        return tuple(filter(None, self.value.split(",")))

    def of_experiment(self, experiment_id: str, filter_string: str = "") -> str:
        """Give the address of an experiment's page, perhaps of those of its runs that match a search."""
        return self._with(experiment=experiment_id, filter=filter_string)

    def of_run(self, run_id: str) -> str:
        """Give the address of a run's page."""
        return self._with(run=run_id)

    def of_comparison(self, run_ids: Sequence[str], baseline: str | None = None) -> str:
        """Give the address of the page that compares runs."""
        return self._with(compare=",".join(run_ids), baseline=baseline or "")

    def of_model(self, name: str) -> str:
        """Give the address of a registered model's page."""
        return self._with(model=name)

    def _with(self, **values: str) -> str:
        return f"{self.base}?{urlencode({name: value for name, value in values.items() if value})}"


def read_address(url: str) -> Address:
    """Read which page an address names.

    Raises
    ------
    InvalidParameterError
        When it names several pages, or is too long.
    """
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}{parts.path or '/'}"
    if len(parts.query) > MOST_LETTERS:
        raise InvalidParameterError(f"The address has over {MOST_LETTERS} characters behind the question mark.")
    said = {name: values[-1] for name, values in parse_qs(parts.query, max_num_fields=50).items()}
    named = [kind for kind in KINDS if said.get(kind)]
    if len(named) > 1:
        raise InvalidParameterError(f"The address names {' and '.join(named)}; give one of them.")
    kind = named[0] if named else ""
    return Address(base, kind, said.get(kind, ""), said.get("baseline", ""), said.get("filter", ""))
