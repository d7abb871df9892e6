"""What datasets made of frames have in common, whichever library the frame is of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from mltrack.data.dataset import Dataset
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Container

    from mltrack.data.dataset_source import DatasetSource


class _HasColumns(Protocol):
    @property
    def columns(self) -> Container[Any]: ...


Frame = TypeVar("Frame", bound=_HasColumns)


class FrameDataset(Dataset, Generic[Frame]):
    """A DataFrame as a dataset; the subclasses know its library.

    Raises
    ------
    InvalidParameterError
        When the frame has no column of the name that ``targets`` or ``predictions`` gives.
    """

    def __init__(
        self,
        df: Frame,
        source: DatasetSource,
        targets: str | None = None,
        name: str | None = None,
        digest: str | None = None,
        predictions: str | None = None,
    ) -> None:
        for role, wanted in (("targets", targets), ("predictions", predictions)):
            if wanted is not None and wanted not in df.columns:
                raise InvalidParameterError(f"The DataFrame has no column {wanted!r}, named as its {role}.")
        self._df = df
        self._targets = targets
        self._predictions = predictions
        super().__init__(source, name, digest)

    @property
    def df(self) -> Frame:
        """The DataFrame itself."""
        return self._df

    @property
    def targets(self) -> str | None:
        """The name of the column of targets, or None."""
        return self._targets

    @property
    def predictions(self) -> str | None:
        """The name of the column of predictions, or None."""
        return self._predictions
