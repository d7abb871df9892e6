"""Reads YAML that others wrote: only what ``yaml.safe_load`` knows, within bounds; and writes plain YAML.

Aliases are refused, since a few lines of them stand for more than a machine holds, and so are depth and length beyond
what any file of ours needs.
"""

from __future__ import annotations

from typing import Any

import yaml

from mltrack.exceptions import InvalidParameterError

MAX_LENGTH = 16 << 20
MAX_DEPTH = 32
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPENING = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSING = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def read_yaml(text: str, name: object) -> Any:
    """Give what a YAML text says; ``name`` is the file's, for the message.

    Raises
    ------
    InvalidParameterError
        When it is no YAML, names a Python object, has an alias, is over 16 MiB long or nests over 32 levels.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidParameterError(f"The YAML file {name} has {len(text)} characters; at most {MAX_LENGTH} go.")
    try:
        _check(text, name)
        loader = _LOADER(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date such as 2020-13-99 is a ValueError
        raise InvalidParameterError(f"{name} is no YAML that can be read: {str(error)[:200]}.") from error


def write_yaml(document: Any) -> str:
    """Give a document of plain dicts, lists, texts and numbers as YAML, its keys sorted and no anchors in it.

    Raises
    ------
    InvalidParameterError
        When it holds anything else.
    """
    try:
        return yaml.dump(document, Dumper=_Plain, default_flow_style=False, allow_unicode=True, sort_keys=True)
    except (yaml.representer.RepresenterError, TypeError, RecursionError) as error:  # TypeError: keys without an order
        named = error.args[1] if isinstance(error, yaml.representer.RepresenterError) else error
        raise InvalidParameterError(
            f"{named!r:.120} cannot be written as YAML; make it plain dicts, lists, texts and numbers."
        ) from error


class _Plain(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes a thing that is there twice two times."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _check(text: str, name: object) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise InvalidParameterError(f"The YAML file {name} has an alias (*{event.anchor}), which is not followed.")
        depth += isinstance(event, _OPENING) - isinstance(event, _CLOSING)
        if depth > MAX_DEPTH:
            raise InvalidParameterError(f"The YAML file {name} nests over {MAX_DEPTH} levels.")
