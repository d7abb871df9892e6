"""A fitted model, logged at the end of its training: with its signature and a few rows, unless it is too large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mltrack import config
from mltrack.autologging.objects import Objects
from mltrack.autologging.safety import silenced, warn_once
from mltrack.exceptions import InvalidParameterError, MissingLibraryError
from mltrack.models.flavor import SaveOptions
from mltrack.models.flavors import flavor_of
from mltrack.models.logged import LogOptions, Target, check_size, log_with
from mltrack.models.pickles import NotKeptError
from mltrack.models.signature import ModelSignature
from mltrack.types.infer import schema_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.autologging.fits import Fit
    from mltrack.autologging.samples import Sample
    from mltrack.models.flavor import Flavor
    from mltrack.types.schema import Schema

MODEL = "model"
_MEGABYTES = 200
_logged = Objects()


class Logged(NamedTuple):
    """A logged model, and the way in which it is kept."""

    model_id: str
    flavor: Flavor


def logged_as(model: Any) -> Logged | None:
    """Give the logged model that a training of this process made of a model; it may have been changed since."""
    found: Logged | None = _logged.find(model)
    return found


def log_fitted(fit: Fit, model: Any, sample: Sample | None, *, name: str, flavor: Callable[[], Flavor] | None) -> None:
    """Log a fitted model; one that cannot be kept, or is too large, is left out with a line that says so.

    Parameters
    ----------
    sample
        Rows that it was fitted to; None leaves out signature and example.
    name
        The model's name; that of a second training of a run gets its number.
    flavor
        What gives the way it is kept; default: the way of the library that it is of.
    """
    options = fit.options
    try:
        chosen = flavor() if flavor is not None else flavor_of(model)
        most = most_bytes()
        check_size(chosen.size(model), most)
        example = sample.example if sample is not None and options.log_input_examples else None
        signature = _signature(chosen, model, sample) if options.log_model_signatures else None
        save = SaveOptions(signature=signature or False, input_example=example)
        registered = options.registered_model_name if name == MODEL else None
        log = LogOptions(fit.key(name), registered_model_name=registered, most_bytes=most)
        made = log_with(chosen, model, save, log, target=Target(fit.store, fit.experiment_id, fit.run_id))
        if made.model_id is not None:
            _logged.add(model, Logged(made.model_id, chosen))
    except (NotKeptError, MissingLibraryError) as error:
        if fit.library not in silenced:
            warn_once(f"{fit.library}: the {name} was not logged. {error}")


def most_bytes() -> int:
    """Give the size above which models are not logged automatically; InvalidParameterError for what is no number."""
    text = config.AUTOLOG_MODEL_MEGABYTES.get()
    try:
        return int(float(text or _MEGABYTES) * 1_000_000)
    except (ValueError, OverflowError):
        raise InvalidParameterError(
            f"{config.AUTOLOG_MODEL_MEGABYTES.name} must be a number of megabytes; got {str(text)[:40]!r}."
        ) from None


def _signature(flavor: Flavor, model: Any, sample: Sample | None) -> ModelSignature | None:
    """Give the types of the rows, and of what the model makes of the first ones, as far as both can be said."""
    inputs = _schema(sample.rows) if sample is not None else None
    if sample is None or inputs is None:
        return None
    try:
        outputs = _schema(flavor.wrap(model, {"predict_fn": "predict"}).predict(sample.first))
    except Exception:  # the user's own model, which may predict from nothing but what it was fitted to
        outputs = None
    return ModelSignature(inputs, outputs)


def _schema(data: Any) -> Schema | None:
    try:
        return schema_of(data)
    except InvalidParameterError:  # what no type of a signature says
        return None
