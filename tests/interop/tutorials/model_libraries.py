"""Log, load and search models of several libraries, in the forms of MLflow 1, 2 and 3."""

import os
import warnings

import lightgbm as lgb
import mlflow
import mlflow.lightgbm
import mlflow.statsmodels
import mlflow.xgboost
import numpy as np
import statsmodels.api as sm
import xgboost as xgb
from mlflow.models import infer_signature
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")
X, y = load_diabetes(return_X_y=True, as_frame=True)
mlflow.set_experiment("flavors")


def show(name, info, data, load):
    predicted = np.asarray(mlflow.pyfunc.load_model(info.model_uri).predict(data)).astype(float).ravel()
    kinds = type(load(info.model_uri)).__name__, type(load(model_uri=info.model_uri)).__name__
    print(name, sorted(info.flavors), np.round(predicted[:3], 4), info.signature is not None, *kinds)


with mlflow.start_run() as run:
    model = make_pipeline(StandardScaler(), ElasticNet(alpha=0.1)).fit(X, y)
    load = mlflow.sklearn.load_model
    info = mlflow.sklearn.log_model(model, "model", pip_requirements=[])
    show("1.x:", info, X, load)
    signature = infer_signature(X, model.predict(X))
    info = mlflow.sklearn.log_model(
        sk_model=model,
        artifact_path="model2",
        signature=signature,
        input_example=X.iloc[:2],
        registered_model_name="elastic",
        pip_requirements=["scikit-learn"],
    )
    show("2.x:", info, X, load)
    chosen = mlflow.sklearn.SERIALIZATION_FORMAT_CLOUDPICKLE
    info = mlflow.sklearn.log_model(
        model, name="pickled", serialization_format=chosen, await_registration_for=0, pip_requirements=[]
    )
    show("pickle:", info, X, load)
    print("of the run:", load(f"runs:/{run.info.run_id}/model2").steps[0][0])
    mlflow.sklearn.save_model(model, "saved", serialization_format="pickle", pip_requirements=[])
    print(
        "saved:", load("saved").predict(X)[:1], mlflow.pyfunc.load_model(f"file://{os.getcwd()}/saved").predict(X)[:1]
    )

with mlflow.start_run():
    load = mlflow.xgboost.load_model
    regressor = xgb.XGBRegressor(n_estimators=3, max_depth=2).fit(X, y)
    info = mlflow.xgboost.log_model(regressor, "x", input_example=X[:3], pip_requirements=[])
    show("xgboost:", info, X, load)
    booster = xgb.train({"max_depth": 2}, xgb.DMatrix(X, y), 3)
    info = mlflow.xgboost.log_model(xgb_model=booster, name="b", model_format="json", pip_requirements=[])
    show("booster:", info, X, load)

with mlflow.start_run():
    load = mlflow.lightgbm.load_model
    regressor = lgb.LGBMRegressor(n_estimators=3, verbose=-1).fit(X, y)
    info = mlflow.lightgbm.log_model(
        regressor, "x", input_example=X[:3], serialization_format="cloudpickle", pip_requirements=[]
    )
    show("lightgbm:", info, X, load)
    booster = lgb.train({"verbose": -1}, lgb.Dataset(X, y), 3)
    show("booster:", mlflow.lightgbm.log_model(lgb_model=booster, artifact_path="b", pip_requirements=[]), X, load)

with mlflow.start_run():
    data = sm.add_constant(X)
    fitted = sm.OLS(y, data).fit()
    info = mlflow.statsmodels.log_model(fitted, name="ols", input_example=data[:2], pip_requirements=[])
    show("statsmodels:", info, data, mlflow.statsmodels.load_model)

print(mlflow.search_logged_models()[["name", "status"]].sort_values("name").values.tolist())
named = mlflow.search_logged_models(filter_string="name = 'x'", output_format="list")
print("two of one name:", len(named))
by_name = [{"field_name": "name", "ascending": True}]
print([m.name for m in mlflow.search_logged_models(order_by=by_name, max_results=2, output_format="list")])
with mlflow.start_run():
    made = mlflow.initialize_logged_model(name="by-hand", model_type="agent", params={"a": "1"}, tags={"k": "v"})
    mlflow.log_metric("acc", 0.9, model_id=made.model_id)
    mlflow.log_model_params({"z": "1"}, model_id=made.model_id)
    mlflow.set_logged_model_tags(made.model_id, {"t": "2"})
    mlflow.delete_logged_model_tag(made.model_id, "t")
    mlflow.finalize_logged_model(made.model_id, "READY")
    got = mlflow.get_logged_model(made.model_id)
    print(got.name, got.status, got.params, got.tags["k"], [(each.key, each.value) for each in got.metrics])
print([m.name for m in mlflow.search_logged_models(filter_string="metrics.acc > 0.5", output_format="list")])
with mlflow.start_run() as run:
    info = mlflow.sklearn.log_model(
        model, name="more", params={"alpha": 0.1}, tags={"a": "b"}, model_type="regressor", step=3, pip_requirements=[]
    )
    print(info.params, info.tags["a"], [each.step for each in mlflow.get_run(run.info.run_id).outputs.model_outputs])
info = mlflow.sklearn.log_model(model, name="without a run", pip_requirements=[])
print(mlflow.active_run(), info.run_id)
