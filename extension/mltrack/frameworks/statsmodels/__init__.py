"""What is logged of statsmodels: each model's ``fit``, with the criteria, the coefficients and the summary it gives."""

from __future__ import annotations

import functools
import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mltrack.autologging import switch
from mltrack.autologging.calls import Call, watched
from mltrack.autologging.safety import safely
from mltrack.frameworks.arguments import Arguments, log_estimator, shown

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from types import ModuleType

    from mltrack.autologging.fits import Fit
    from mltrack.autologging.patches import Patches
    from mltrack.frameworks.statsmodels.flavor import load_model as load_model
    from mltrack.frameworks.statsmodels.flavor import log_model as log_model
    from mltrack.frameworks.statsmodels.flavor import save_model as save_model

Options = switch.Options

_NAME = "statsmodels"
_OF_FLAVOR = ("load_model", "log_model", "save_model")
_METRICS = (
    # MLflow's
    "aic", "bic", "centered_tss", "condition_number", "df_model", "df_resid", "ess", "f_pvalue", "fvalue", "llf",
    "mse_model", "mse_resid", "mse_total", "rsquared", "rsquared_adj", "scale", "ssr", "uncentered_tss",
    # and those of models that have no sums of squares
    "aicc", "bic_llf", "deviance", "fpe", "hqic", "llnull", "llr", "llr_pvalue", "mae", "mse", "null_deviance",
    "pearson_chi2", "prsquared", "sse",
)  # fmt: skip
_MODEL = ("formula", "order", "seasonal_order", "trend", "lags", "endog_names", "exog_names")
_COLUMNS = {"params": "coefficient", "bse": "standard_error", "tvalues": "statistic", "pvalues": "p_value"}
_UNLOGGED = frozenset({"self", "callback", "disp", "start_params", "cov_kwds", "kwargs", "kwds"})


def __getattr__(name: str) -> Any:
    if name not in _OF_FLAVOR:
        raise AttributeError(f"module 'mltrack.statsmodels' has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.flavor"), name)
    globals()[name] = value  # found at once from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_OF_FLAVOR})


def autolog(
    log_models: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    log_datasets: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    disable: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    exclusive: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    disable_for_unsupported_versions: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    silent: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    registered_model_name: str | None = None,
    extra_tags: Mapping[str, str] | None = None,
) -> None:
    """Log the fits of statsmodels' models automatically, or with ``disable`` no longer; see ``mltrack.autolog``."""
    switch.choose(_NAME, on=not disable, options=Options.of(locals()))


def patch(module_name: str, module: ModuleType, patches: Patches) -> None:
    """Patch ``fit`` of the models that a module of statsmodels defines."""
    base: Any = getattr(sys.modules.get("statsmodels.base.model"), "Model", ())
    for kind in list(vars(module).values()):
        is_model = isinstance(kind, type) and issubclass(kind, base) and kind.__module__ == module_name
        if is_model and "fit" in vars(kind):
            patches.wrap(kind, "fit", _called_by_user)


def _called_by_user(original: Any) -> Any:
    """Watch the fits that users call, and not the dozens by which statsmodels' own tests and searches come about."""
    watched_fit = watched(_NAME, lambda call: _watch_fit(call, original))(original)

    @functools.wraps(original)
    def fit(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if str(caller).partition(".")[0] == _NAME:
            return original(*args, **kwargs)
        return watched_fit(*args, **kwargs)

    return fit


def _watch_fit(call: Call, original: Any) -> Generator[None, Any, None]:
    fit, model = call.begin_fit(), call.args[0]
    safely(_NAME, "the model", log_estimator, fit, model)
    safely(_NAME, "the params of fit", _log_params, fit, model, Arguments(original, call).named())
    safely(_NAME, "the data", _log_data, fit, model)
    results = yield
    seen = _unfilled(results)
    safely(_NAME, "the metrics", _log_metrics, fit, seen)
    safely(_NAME, "the coefficients", _log_coefficients, fit, seen)
    safely(_NAME, "the summary", _log_summary, fit, seen)
    fit.log_model(results)


def _log_params(fit: Fit, model: Any, named: Mapping[str, Any]) -> None:
    """Log the arguments of ``fit``, and of the model what it is made of: formula or order, names, family, rows."""
    found = {name: shown(value) for name, value in named.items() if name not in _UNLOGGED}
    of_model = {name: getattr(model, name, None) for name in _MODEL}
    family, endog = getattr(model, "family", None), getattr(model, "endog", None)
    of_model["family"] = None if family is None else type(family).__name__
    of_model["nobs"] = None if endog is None else len(endog)
    fit.log_params({**found, **{name: value for name, value in of_model.items() if value is not None}})


def _log_data(fit: Fit, model: Any) -> None:
    exog, endog = _given(model, "exog"), _given(model, "endog")
    if switch.options_of(_NAME).log_datasets:
        fit.log_dataset(endog if exog is None else exog, None if exog is None else endog)


def _given(model: Any, name: str) -> Any:
    """Give the data as the user had it, as a frame with its names."""
    original = getattr(getattr(model, "data", None), f"orig_{name}", None)
    return original if original is not None else getattr(model, name, None)


def _unfilled(results: Any) -> Any:
    """Give a twin of the results to ask, so that what they compute and keep when asked is not kept in the user's."""
    inner = getattr(results, "_results", results)
    twin = object.__new__(type(inner))
    vars(twin).update(vars(inner))
    if isinstance(vars(twin).get("_cache"), dict):
        twin._cache = dict(twin._cache)
    return twin


def _log_metrics(fit: Fit, results: Any) -> None:
    fit.log_metrics({name: value for name in _METRICS if (value := _asked(results, name)) is not None})
    converged = _asked(results, "converged")
    if converged is None:
        converged = (_asked(results, "mle_retvals") or {}).get("converged")
    if converged is not None:
        fit.set_tags({"converged": bool(converged)})


def _asked(results: Any, name: str) -> Any:
    """Give an attribute of results; None where there is none, or it cannot be computed for this model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = getattr(results, name, None)
        except Exception:  # any: statsmodels raises what numpy, scipy and it happen to raise there
            return None
    return None if callable(found) else found


def _log_coefficients(fit: Fit, results: Any) -> None:
    """Log ``coefficients.json``: each with its standard error, its statistic and its p-value, where there are any."""
    columns = {column: _asked(results, name) for name, column in _COLUMNS.items()}
    found = {name: values for name, values in columns.items() if getattr(values, "ndim", 0) == 1}
    coefficients = found.get("coefficient")
    names = getattr(getattr(results, "model", None), "param_names", None) or getattr(results.model, "exog_names", None)
    if coefficients is None or not isinstance(names, (list, tuple)) or len(names) != len(coefficients):
        return
    same = {name: values.tolist() for name, values in found.items() if len(values) == len(names)}
    fit.log_tables({"coefficients": {"name": list(names), **same}})


def _log_summary(fit: Fit, results: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as that there are too few rows for a test of the summary
        try:
            summary = results.summary()
        except (AttributeError, NotImplementedError):  # a model without one
            return
        text = summary.as_text() if hasattr(summary, "as_text") else str(summary)
    fit.log_text(f"{fit.key('model_summary')}.txt", text)
