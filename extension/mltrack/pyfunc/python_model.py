"""Models of the user's own, as MLflow's ``PythonModel``.

This module is pickled by value with each model, so that a model can be loaded where mltrack is not: it imports nothing.
"""


class TypeHints:
    """The type hints of a ``predict``: of its data, and of what it gives; None where there are none."""

    def __init__(self, input=None, output=None):  # type: ignore[no-untyped-def]  # noqa: A002 - MLflow's names
        self.input = input
        self.output = output


class PythonModel:
    """A model of your own: give ``predict``, and ``load_context`` where files are needed.

    MLflow's tools, and ours, call both by keyword.
    """

    @property
    def predict_type_hints(self):  # type: ignore[no-untyped-def]
        """What MLflow's tools ask for before they call ``predict``."""
        import typing  # not at the top, so that nothing is looked up when this class is pickled by value

        function = getattr(self, "function", self.predict)
        try:
            hints = typing.get_type_hints(function)
        except (TypeError, NameError, AttributeError):
            hints = {}
        names = [name for name in hints if name not in ("context", "params", "return")]
        return TypeHints(hints[names[0]] if names else None, hints.get("return"))  # type: ignore[no-untyped-call]

    def load_context(self, context):  # type: ignore[no-untyped-def]
        """Load what ``predict`` needs, once, from ``context.artifacts``: paths by name."""

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Give the predictions for ``model_input``; ``context`` may be left out of your own definition."""
        raise NotImplementedError(
            "A PythonModel must define predict(self, model_input) or predict(self, context, model_input)."
        )


class PythonModelContext:
    """The files that a PythonModel was logged with, and its configuration."""

    def __init__(self, artifacts, model_config=None):  # type: ignore[no-untyped-def]
        self._artifacts = dict(artifacts)
        self._model_config = model_config or {}

    @property
    def artifacts(self):  # type: ignore[no-untyped-def]
        """Paths on this machine by the names that they were logged under."""
        return self._artifacts

    @property
    def model_config(self):  # type: ignore[no-untyped-def]
        """The configuration as a dict."""
        return self._model_config


class FunctionModel(PythonModel):
    """A plain function of the data as a PythonModel; MLflow's tools load it like one."""

    def __init__(self, function, *, takes_params=False):  # type: ignore[no-untyped-def]
        self.function = function
        self.takes_params = takes_params

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # noqa: ARG002 - as its base
        """Give what the function gives."""
        return self.function(model_input, params) if self.takes_params else self.function(model_input)
