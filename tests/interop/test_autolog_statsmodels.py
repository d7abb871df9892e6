from __future__ import annotations

import copy
import inspect
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from tests.interop.autolog import check_identity, check_promise, logged_runs, needs, table, the_run

import mltrack
from mltrack.artifacts import load_text
from mltrack.autologging import switch

sm = needs("statsmodels.api")
smf = needs("statsmodels.formula.api")
pd = needs("pandas")
_random = np.random.default_rng(0)
X = _random.normal(size=(120, 2))
Y = X[:, 0] + _random.normal(size=120)
B = (Y > 0).astype(int)
FRAME = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": Y, "c": B})


@pytest.fixture
def watched() -> None:
    switch.autolog(libraries=["statsmodels"])


MODELS = [
    ("OLS", lambda: sm.OLS(Y, sm.add_constant(X)).fit(), {"rsquared", "rsquared_adj", "fvalue", "mse_resid", "aic"}),
    ("WLS", lambda: sm.WLS(Y, X, weights=np.arange(120) + 1).fit(), {"rsquared", "llf"}),
    ("GLM", lambda: sm.GLM(B, X, family=sm.families.Binomial()).fit(), {"deviance", "pearson_chi2", "aic", "llf"}),
    ("Logit", lambda: sm.Logit(B, X).fit(disp=0), {"prsquared", "llf", "aic", "bic"}),
    ("MNLogit", lambda: sm.MNLogit(np.arange(120) % 3, X).fit(disp=0), {"prsquared", "llf"}),
    ("Poisson", lambda: sm.Poisson(B, X).fit(disp=0), {"llf", "aic"}),
    ("RLM", lambda: sm.RLM(Y, X).fit(), {"df_model", "scale"}),
    ("QuantReg", lambda: sm.QuantReg(Y, X).fit(), {"prsquared"}),
    ("MixedLM", lambda: sm.MixedLM(Y, X, groups=np.arange(120) % 6).fit(), {"llf", "scale"}),
    ("ARIMA", lambda: sm.tsa.ARIMA(Y.cumsum(), order=(1, 1, 0)).fit(), {"aic", "aicc", "hqic", "mse"}),
    ("AutoReg", lambda: sm.tsa.AutoReg(Y, lags=2).fit(), {"aic", "llf"}),
    ("VAR", lambda: sm.tsa.VAR(X).fit(1), {"aic", "bic", "llf"}),
    ("ExponentialSmoothing", lambda: sm.tsa.ExponentialSmoothing(Y + 9).fit(), {"aic", "sse"}),
]


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(("name", "work", "metrics"), MODELS, ids=[row[0] for row in MODELS])
@pytest.mark.filterwarnings("ignore")
def test_each_kind_of_model_is_one_run_with_its_criteria_and_summary(name: str, work: Any, metrics: set[str]) -> None:
    results = work()
    run = the_run()
    assert run.info.status == "FINISHED"
    assert run.data.tags["estimator_name"] == name
    assert metrics <= set(run.data.metrics)
    assert {key: float(getattr(results, key)) for key in metrics} == {key: run.data.metrics[key] for key in metrics}
    assert load_text(f"runs:/{run.info.run_id}/model_summary.txt")
    assert run.data.params["nobs"] == "120"


@pytest.mark.usefixtures("watched")
def test_the_formula_the_names_and_the_coefficients_are_logged() -> None:
    results = smf.ols("y ~ a + b", FRAME).fit(cov_type="HC1")
    run = the_run()
    assert (
        run.data.params.items()
        >= {
            "formula": "y ~ a + b",
            "endog_names": "y",
            "exog_names": "['Intercept', 'a', 'b']",
            "cov_type": "HC1",
            "method": "pinv",
        }.items()
    )
    found = table(run, "coefficients.json")
    assert found["columns"] == ["name", "coefficient", "standard_error", "statistic", "p_value"]
    assert [row[1] for row in found["data"]] == results.params.tolist()
    assert [row[4] for row in found["data"]] == results.pvalues.tolist()
    assert run.inputs.dataset_inputs[0].tags[0].value == "train"


@pytest.mark.usefixtures("watched")
def test_what_a_model_is_made_of_is_logged() -> None:
    sm.GLM(B, X, family=sm.families.Binomial()).fit()
    assert the_run().data.params["family"] == "Binomial"


@pytest.mark.usefixtures("watched")
@pytest.mark.filterwarnings("ignore")
def test_the_fits_that_statsmodels_makes_itself_are_no_runs() -> None:
    sm.tsa.stattools.adfuller(Y)
    results = sm.OLS(Y, X).fit()
    sm.stats.diagnostic.het_breuschpagan(results.resid, sm.add_constant(X))
    results.get_influence().summary_frame()
    assert the_run().data.tags["estimator_name"] == "OLS"


@pytest.mark.usefixtures("watched")
def test_several_fits_of_a_run_keep_apart() -> None:
    with mltrack.start_run():
        sm.OLS(Y, X).fit()
        sm.OLS(Y, X[:, :1]).fit()
    metrics = the_run().data.metrics
    assert metrics["rsquared"] > metrics["rsquared_2"]


@pytest.mark.usefixtures("watched")
def test_the_users_results_keep_no_more_than_without() -> None:
    logged = sm.OLS(Y, X).fit()
    switch.reset()
    plain = sm.OLS(Y, X).fit()
    assert set(logged._results._cache) == set(plain._results._cache)
    assert set(vars(logged._results)) == set(vars(plain._results))


@pytest.mark.usefixtures("watched")
def test_no_warning_of_a_summary_reaches_the_user() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sm.OLS(Y[:7], X[:7]).fit()  # its summary warns of too few rows
    assert the_run().info.status == "FINISHED"


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(("error", "status"), [(ValueError("mine"), "FAILED"), (KeyboardInterrupt(), "KILLED")])
def test_what_stops_a_fit_passes(error: BaseException, status: str) -> None:
    def stop(_: Any) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        sm.Logit(B, X).fit(disp=0, callback=stop)
    assert caught.value is error
    assert the_run().info.status == status


def places() -> dict[str, Any]:
    kinds = (sm.OLS, sm.GLM, sm.Logit, sm.tsa.ARIMA, sm.tsa.VAR, sm.MixedLM)
    return {kind.__name__: vars(kind).get("fit") for kind in kinds}


def test_switching_on_and_off_leaves_the_very_same_functions() -> None:
    check_identity("statsmodels", places)


@pytest.mark.usefixtures("watched")
def test_patched_objects_pickle_copy_and_keep_their_signatures() -> None:
    results = sm.OLS(Y, X).fit()
    for twin in (pickle.loads(pickle.dumps(results)), copy.deepcopy(results)):
        assert twin.params.tobytes() == results.params.tobytes()
    assert "method" in inspect.signature(sm.Logit.fit).parameters
    assert len(logged_runs()) == 1


def work_of_ols() -> bytes:
    results = smf.ols("y ~ a + b", FRAME).fit()
    return bytes(results.params.to_numpy().tobytes()) + str(results.rsquared).encode()


def work_of_arima() -> bytes:
    results = sm.tsa.ARIMA(Y.cumsum(), order=(1, 1, 0)).fit()
    return bytes(results.params.tobytes() + results.forecast(3).tobytes())


@pytest.mark.parametrize("work", [work_of_ols, work_of_arima])
def test_a_fault_in_any_hook_changes_nothing(work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = check_promise("statsmodels", work, monkeypatch)
    assert len([hook for hook in hooks if "patching" not in hook]) > 6
