"""Register, version, promote and load a model of scikit-learn, as the registry's tutorials do."""

import os

import mlflow
import mlflow.sklearn
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.entities.model_registry.model_version_status import ModelVersionStatus
from mlflow.models import Model, infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

NEEDS = ["scikit-learn"]
mlflow.set_experiment("MLflow Quickstart")
X, y = load_iris(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)
params = {"solver": "lbfgs", "max_iter": 1000, "random_state": 8888}
with mlflow.start_run() as run:
    mlflow.log_params(params)
    lr = LogisticRegression(**params)
    lr.fit(X_train, y_train)
    mlflow.log_metric("accuracy", accuracy_score(y_test, lr.predict(X_test)))
    signature = infer_signature(X_train, lr.predict(X_train))
    model_info = mlflow.sklearn.log_model(
        sk_model=lr,
        name="iris_model",
        signature=signature,
        input_example=X_train,
        registered_model_name="tracking-quickstart",
        pip_requirements=NEEDS,
    )
run_id = run.info.run_id
loaded = mlflow.pyfunc.load_model(model_info.model_uri)
print("predictions:", loaded.predict(X_test)[:4], loaded.metadata.signature, loaded.input_example[:1])
print("info:", model_info.registered_model_version, model_info.name, sorted(model_info.flavors), model_info.signature)
last = mlflow.last_logged_model()
print("last:", last.name, last.model_id == model_info.model_id, last.status, last.source_run_id == run_id, last.params)
print("outputs:", [each.model_id == last.model_id for each in mlflow.get_run(run_id).outputs.model_outputs])
print("columns:", list(mlflow.search_logged_models().columns))
print(
    "found:",
    [m.name for m in mlflow.search_logged_models(filter_string="metrics.accuracy > 0.5", output_format="list")],
)

client = MlflowClient()
client.set_registered_model_alias("tracking-quickstart", "champion", "1")
version = client.get_model_version_by_alias("tracking-quickstart", "champion")
print("version:", isinstance(version, ModelVersion), version.version, list(version.aliases), version.current_stage)
print("ready:", ModelVersionStatus.from_string(version.status) == ModelVersionStatus.READY, version.run_id == run_id)
print("native:", type(mlflow.sklearn.load_model("models:/tracking-quickstart@champion")).__name__)
promoted = client.transition_model_version_stage(name="tracking-quickstart", version=1, stage="Production")
print("stage:", promoted.current_stage)
for uri in (
    "models:/tracking-quickstart/1",
    "models:/tracking-quickstart/latest",
    "models:/tracking-quickstart/Production",
):
    print(uri, mlflow.pyfunc.load_model(model_uri=uri).predict(X_test)[:3])
client.transition_model_version_stage("tracking-quickstart", 1, "Archived", archive_existing_versions=False)
for found in client.search_model_versions("name='tracking-quickstart'"):
    fields = dict(found)
    print("search:", fields["name"], fields["version"], fields["current_stage"])
for registered in client.search_registered_models(filter_string="name LIKE 'tracking%'"):
    print("models:", registered.name, [str(each.version) for each in registered.latest_versions])
client.update_model_version(name="tracking-quickstart", version=1, description="a logistic regression")
client.update_registered_model("tracking-quickstart", description="of irises")
print("words:", client.get_model_version("tracking-quickstart", "1").description)
copied = client.copy_model_version(src_model_uri="models:/tracking-quickstart@champion", dst_name="prod.model")
print("copy:", copied.name, copied.version, mlflow.pyfunc.load_model("models:/prod.model/1").predict(X_test)[:3])
client.rename_registered_model("prod.model", "production")
client.set_model_version_tag("tracking-quickstart", "1", "validation_status", "approved")
print("tags:", client.get_model_version("tracking-quickstart", "1").tags)
client.delete_model_version_tag("tracking-quickstart", "1", "validation_status")
print("latest:", client.get_latest_versions("tracking-quickstart", stages=["Archived"])[0].version)
result = mlflow.register_model(f"runs:/{run_id}/iris_model", "second")
print("again:", result.name, result.version)
result = mlflow.register_model(model_info.model_uri, "second", tags={"a": "b"})
print("again:", result.version, result.tags)
client.delete_model_version("second", "1")
client.delete_registered_model("second")
client.delete_registered_model_alias("tracking-quickstart", "champion")
print("names:", [each.name for each in mlflow.search_registered_models()])
for missing in ("models:/nothing/1", "models:/tracking-quickstart/9", "models:/tracking-quickstart@nobody"):
    try:
        mlflow.pyfunc.load_model(missing)
    except mlflow.MlflowException as error:
        print("missing:", missing, error.error_code)

OWN = {"registered_model_meta"}  # a file of MLflow's own
for uri in (model_info.model_uri, "models:/tracking-quickstart/1", f"runs:/{run_id}/iris_model"):
    names = {os.path.basename(each.path) for each in mlflow.artifacts.list_artifacts(uri)}
    print("files:", sorted(names - OWN))
    print("here:", sorted(set(os.listdir(mlflow.artifacts.download_artifacts(uri))) - OWN))
    if uri != model_info.model_uri:  # which takes no path with MLflow
        print("needs:", mlflow.artifacts.load_text(f"{uri}/requirements.txt").split()[-1])
print("of the run:", [each.path for each in client.list_artifacts(run_id)])
needs = mlflow.pyfunc.get_model_dependencies(model_info.model_uri)
print("dependencies:", os.path.basename(needs), open(needs).read().split()[-1])
info = mlflow.models.get_model_info(model_info.model_uri)
print("about:", info.run_id == run_id, sorted(info.flavors), info.saved_input_example_info["type"], info.signature)
print("file:", Model.load(mlflow.artifacts.download_artifacts("models:/tracking-quickstart/1")).get_input_schema())
