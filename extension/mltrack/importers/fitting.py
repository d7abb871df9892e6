"""Makes what another store holds fit this one: keys and names within the rules, secrets masked, long texts cut.

Nothing is lost silently: what was changed or left out is counted in the summary.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from mltrack.entities import DatasetInput, InputTag, LifecycleStage, RunStatus
from mltrack.exceptions import InvalidParameterError
from mltrack.keys import MAX_EXPERIMENT_TAG_VALUE, MAX_KEY, MAX_NAME, RUN_NAME_TAG, check_key, check_run_id
from mltrack.masking import MASK, is_secret_name, mask_text
from mltrack.values import make_experiment_tag, make_param, make_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mltrack.entities import ExperimentTag, Param, RunTag
    from mltrack.importers.summary import ImportSummary
    from mltrack.store.foreign import ForeignExperiment, ForeignRun, Pair, Point

    Maker = Callable[[str, str], Param | RunTag | ExperimentTag]

INT64 = 2**63
_LONGEST = MAX_EXPERIMENT_TAG_VALUE
_PLAIN = re.compile(r"[\w.+\-]{0,16}|[\d.+\-e]{0,32}")  # too short or too simple for a secret of any known format


class Fitting:
    """Fits records, counting in a summary what it changed."""

    def __init__(self, summary: ImportSummary) -> None:
        self._summary = summary
        self._metric_keys: dict[str, str | None] = {}

    def experiment(self, foreign: ForeignExperiment) -> ForeignExperiment:
        """Fit an experiment's name and tags."""
        name = self.text(foreign.name, MAX_NAME) or f"experiment {foreign.experiment_id}"
        return replace(foreign, name=name, tags=self.pairs(foreign.tags, make_experiment_tag))

    def run(self, foreign: ForeignRun) -> ForeignRun | None:
        """Fit a run; None when its id is none that a run may have."""
        try:
            check_run_id(foreign.run_id)
        except InvalidParameterError:
            self._summary.skip("runs with an id that is none")
            self._summary.note(f"the run {foreign.run_id[:60]!r} was left out: such an id cannot be kept")
            return None
        tags = dict(self.pairs(foreign.tags, make_tag))
        name = self.text(foreign.name, MAX_NAME) or tags.get(RUN_NAME_TAG, "").strip()[:MAX_NAME] or foreign.run_id[:8]
        tags[RUN_NAME_TAG] = name
        return replace(
            foreign,
            name=name,
            user_id=self.text(foreign.user_id, MAX_NAME),
            status=foreign.status if foreign.status in RunStatus.__members__ else RunStatus.FAILED.value,
            lifecycle_stage=stage(foreign.lifecycle_stage),
            started_at=_time(foreign.started_at),
            ended_at=_time(foreign.ended_at),
            deleted_at=_deleted_at(foreign),
            params=self.pairs(foreign.params, make_param),
            tags=list(tags.items()),
            datasets=[self._dataset(each) for each in foreign.datasets],
            points=self.points(foreign.points),
        )

    def pairs(self, pairs: Iterable[Pair], make: Maker) -> Sequence[Pair]:
        """Fit params or tags: keys within the rules, secrets masked, values cut to the limit."""
        fitted = []
        for key, value in pairs:
            name = self.key(key)
            if name is None:
                continue
            if _PLAIN.fullmatch(value) and not is_secret_name(name):
                fitted.append((name, value))
                continue
            made = _made(make, name, value) if len(value) <= 200 else make(name, value[:_LONGEST]).value
            if made != value:
                self._count_change(value, made)
            fitted.append((name, made))
        return fitted

    def points(self, points: Iterable[Point]) -> Iterator[Point]:
        """Fit points as they come: the metric's name within the rules, numbers that the store can hold."""
        keys = self._metric_keys
        for key, value, timestamp, step in points:
            name = keys[key] if key in keys else keys.setdefault(key, self.key(key))
            if name is not None:
                yield name, value, timestamp, step

    def _dataset(self, each: DatasetInput) -> DatasetInput:
        data = each.dataset
        source = mask_text(data.source)
        if source != data.source:
            self._summary.masked += 1
        tags = self.pairs([(tag.key, tag.value) for tag in each.tags], make_tag)
        kept = replace(data, name=(data.name or "dataset")[:MAX_NAME], digest=(data.digest or "")[:36], source=source)
        return DatasetInput(kept, tuple(InputTag(*tag) for tag in tags))

    def key(self, key: str) -> str | None:
        """Fit a key; None when nothing is left of it that may be one."""
        fitted = fitting_key(key)
        if fitted is None:
            self._summary.skip("values with a name that cannot be kept")
        elif fitted != key:
            self._summary.note(
                f"{key[:60]!r} is kept as {fitted[:60]!r}: names have letters, digits, _ - . / : and spaces"
            )
        return fitted

    def text(self, text: str, limit: int) -> str:
        """Mask secrets in a name or description, and cut it."""
        masked = mask_text(text.replace("\0", ""))
        if masked != text:
            self._summary.masked += 1
        return masked.strip()[:limit]

    def _count_change(self, value: str, made: str) -> None:
        if made.count(MASK) > value.count(MASK):
            self._summary.masked += 1
        else:
            self._summary.skip("texts cut to the length that the store keeps")


@lru_cache(maxsize=65_536)  # the same params and tags come with every run
def _made(make: Maker, key: str, value: str) -> str:
    return make(key, value).value


def fitting_key(key: str) -> str | None:
    """Give the key, or the nearest one that may name a metric, param or tag; None when nothing is left of it."""
    try:
        return check_key(key, "value")
    except InvalidParameterError:
        pass
    allowed = re.sub(r"[^/\w.\- :]", "_", key[: 4 * MAX_KEY])
    plain = posixpath.normpath(re.sub(r"\.\.+", ".", allowed)).strip("/")[:MAX_KEY].rstrip("/")
    try:
        return check_key(plain, "value")
    except InvalidParameterError:
        return None


def stage(text: str) -> str:
    """Give a lifecycle stage: deleted where the other store says so, else active."""
    return (LifecycleStage.DELETED if text == LifecycleStage.DELETED else LifecycleStage.ACTIVE).value


def _deleted_at(run: ForeignRun) -> int | None:
    """Give when a deleted run was deleted: where no one noted it, when it ended."""
    if stage(run.lifecycle_stage) == LifecycleStage.ACTIVE:
        return None
    times = (run.deleted_at, run.ended_at, run.started_at, 0)
    return _time(next(time for time in times if time is not None))


def _time(value: int | None) -> int | None:
    return None if value is None else min(max(value, 0), INT64 - 1)
