"""The requests that come to a model, read by its signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from mltrack.models.enforcement import enforce_params
from mltrack.serving.bodies import CSV, PARQUET, Body, read_body
from mltrack.serving.files import read_csv, read_parquet
from mltrack.serving.parts import Part, key_of, rows_of
from mltrack.serving.strict_json import BodyError
from mltrack.serving.tables import NESTED, Columns
from mltrack.serving.tensors import Tensors
from mltrack.serving.unsigned import read_unsigned

if TYPE_CHECKING:
    from mltrack.pyfunc.model import PyFuncModel
    from mltrack.serving.messages import Request


class Reader:
    """Reads what requests ask of one model.

    Parameters
    ----------
    model
        A ``PyFuncModel``; its signature is what bodies are read by, and its ``enforce`` what frames are held against.
    """

    def __init__(self, model: PyFuncModel) -> None:
        signature = model.metadata.signature
        self._model = model
        self.schema = signature.inputs if signature else None
        self._params = signature.params if signature else None
        self._hinted = model.metadata.is_signature_from_type_hint
        arrays = self.schema is not None and self.schema.is_tensor_spec()
        self.columns = Columns(self.schema) if self.schema is not None and not arrays else None
        self._tensors = Tensors(self.schema) if self.schema is not None and arrays else None
        self._names = frozenset(self.schema.input_names() if self.schema is not None else ())

    def read(self, request: Request) -> Part:
        """Read a request, and hold it against the signature.

        Raises
        ------
        MltrackError
            What was sent is not JSON, CSV or Parquet, not in one of the forms, or does not fit the signature; the
            message names the column. ``MediaTypeError`` for another Content-Type.
        """
        body = read_body(request, self._names)
        if body.form == "whole":
            body = self._with_params(body)
        data = self._data(body)
        params = None if self._params is None else enforce_params(body.params, self._params)
        return Part(data, params, body.bare, rows_of(data), self._key(data, params))

    def _with_params(self, body: Body) -> Body:
        """In a body for a language model the params stand beside the rest."""
        names = {each.name for each in self._params or ()}
        data = {name: value for name, value in body.data.items() if name not in names}
        return body._replace(data=data, params={name: body.data[name] for name in body.data.keys() & names})

    def _data(self, body: Body) -> Any:
        if body.form in (CSV, PARQUET):
            return self._from_file(body)
        if body.form == "whole" or self._hinted:
            return self._enforced(self._hinted_data(body))
        reader = self.columns or self._tensors
        if reader is None:
            return read_unsigned(body)
        if body.form == "dataframe_split":
            data = reader.from_split(body.data)
        elif body.form == "dataframe_records":
            data = reader.from_records(body.data)
        else:
            data = reader.from_values(body.data, body.form)
        if self.columns is not None and NESTED in self.columns.kinds:
            return self._enforced(self.columns.frame([data]))
        return data

    @staticmethod
    def _hinted_data(body: Body) -> Any:
        """A model whose signature comes from a type hint takes ``inputs`` as it stands."""
        if body.form not in ("whole", "inputs"):
            message = "The model's signature comes from a type hint: a JSON body must be an object with 'inputs'."
            raise BodyError(message, error_code="INVALID_PARAMETER_VALUE")
        return body.data

    def _from_file(self, body: Body) -> Any:
        frame = read_csv(body.data, self.columns) if body.form == CSV else read_parquet(body.data)
        if not len(frame):
            raise BodyError("The body has no rows; send at least one.")
        if self._tensors is not None:
            return self._tensors.from_frame(frame)
        if self.columns is not None and self.columns.named and not self._hinted:
            frame = frame[[name for name in frame.columns if name in self._names]]  # the others are not warned of
        return self._enforced(frame)

    def _enforced(self, data: Any) -> Any:
        return self._model.enforce(data)[0]

    def _key(self, data: Any, params: Any) -> Any:
        if self._tensors is not None and not self._tensors.joinable:
            return None
        if self.schema is None and not isinstance(data, pd.DataFrame):
            return None
        return key_of(data, params)
