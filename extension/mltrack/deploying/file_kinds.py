"""The kinds of files that predictions are made from and written to."""

from __future__ import annotations

from pathlib import Path

KINDS = ("csv", "json", "jsonl", "parquet")
"""``json`` is one body of ``/invocations``, or the answer to one; ``jsonl`` is a record or prediction a line."""
_SUFFIXES = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}


def kind_of(path: str | None, default: str = "json") -> str:
    """Give the kind of a file by how its name ends.

    >>> kind_of("rows.CSV"), kind_of("rows.ndjson"), kind_of("rows"), kind_of(None)
    ('csv', 'jsonl', 'json', 'json')
    """
    return _SUFFIXES.get(Path(path).suffix.lower(), default) if path else default
