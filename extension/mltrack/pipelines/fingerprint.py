"""What a step's result depends on, and what changed between two such states."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
_LONGEST_VALUE = 40
_MOST_REASONS = 2


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a step's result depends on: digests by path, parameters and the command as text.

    ``inputs`` are relative to the pipeline's folder and ``code`` to the step's, so that a copy of the folder elsewhere
    has the same. ``needs`` are the runs of steps that are needed without a file between. Secrets are masked.
    """

    command: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Equal for equal ones: 64 hex digits."""
        text = json.dumps([FORMAT, self.as_dict()], sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain dicts, to be written as JSON."""
        return {name: dict(value) if not isinstance(value, str) else value for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Record:
    """What a step left when it had run: its fingerprint, its outputs' digests, and files that it left beside them."""

    fingerprint: Fingerprint
    outputs: Mapping[str, str]
    left_behind: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Write it as JSON."""
        said = {"format": FORMAT, **self.fingerprint.as_dict(), "outputs": dict(self.outputs)}
        return json.dumps({**said, "left_behind": list(self.left_behind)}, indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Read what ``to_json`` wrote; InvalidParameterError when it is something else."""
        try:
            said = json.loads(text)
            maps = {name: _texts(said[name]) for name in ("parameters", "inputs", "code", "environment", "needs")}
            left = tuple(str(each) for each in said["left_behind"])
            return cls(Fingerprint(str(said["command"]), **maps), _texts(said["outputs"]), left)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise InvalidParameterError(f"What a run of a step left cannot be read: {str(error)[:80]}.") from error


def changes(old: Fingerprint, new: Fingerprint) -> str:
    """Say what is different, the two things that matter most; empty when nothing is."""
    found = [
        *_of_files("input", old.inputs, new.inputs),
        *_of_files("code", old.code, new.code),
        *_of_parameters(old.parameters, new.parameters),
        *(["the command changed"] if old.command != new.command else []),
        *_of_files("environment", old.environment, new.environment),
        *(f"step {name} ran again" for name in new.needs if old.needs.get(name) != new.needs[name]),
        *(f"step {name} is needed no more" for name in old.needs if name not in new.needs),
    ]
    more = len(found) - _MOST_REASONS
    return ", ".join(found[:_MOST_REASONS]) + (f" and {more} more" if more > 0 else "")


def _of_files(kind: str, old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    changed = [f"{kind} {name} changed" for name in new if name in old and old[name] != new[name]]
    added = [f"{kind} {name} is new" for name in new if name not in old]
    return [*changed, *added, *(f"{kind} {name} is gone" for name in old if name not in new)]


def _of_parameters(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    changed = [
        f"parameter {name} changed: {_short(old[name])} → {_short(new[name])}"
        for name in new
        if name in old and old[name] != new[name]
    ]
    added = [f"parameter {name} is new: {_short(new[name])}" for name in new if name not in old]
    return [*changed, *added, *(f"parameter {name} is gone" for name in old if name not in new)]


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST_VALUE else f"{value[: _LONGEST_VALUE - 1]}…"


def _texts(said: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in said.items()}
