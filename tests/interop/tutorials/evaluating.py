"""Measure models as the tutorials of evaluation do: by URI, as a function, of predictions, with own metrics."""

import logging
import warnings

import mlflow
import pandas as pd
from mlflow.models import MetricThreshold, infer_signature, make_metric
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
QUIET = {"log_model_explainability": False}


def rounded(result):
    return {key: round(float(value), 4) for key, value in sorted(result.metrics.items())}


X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
tree = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X_train, y_train)
data = X_test.copy()
data["label"] = y_test
with mlflow.start_run() as run:
    signature = infer_signature(X_train, tree.predict(X_train))
    info = mlflow.sklearn.log_model(
        tree, "model", signature=signature, serialization_format="cloudpickle", pip_requirements=[]
    )
    result = mlflow.evaluate(
        info.model_uri,
        data,
        targets="label",
        model_type="classifier",
        evaluators=["default"],
        evaluator_config={"default": QUIET},
    )
    print(rounded(result))
    print(sorted(mlflow.get_run(run.info.run_id).data.metrics) == sorted(result.metrics))
    print({"confusion_matrix"} <= set(result.artifacts))
with mlflow.start_run():
    result = mlflow.models.evaluate(
        model=info.model_uri,
        data=data,
        targets="label",
        model_type="classifier",
        evaluators="default",
        evaluator_config=QUIET,
    )
for least in (0.5, 0.999):
    thresholds = {"accuracy_score": MetricThreshold(threshold=least, greater_is_better=True)}
    try:
        mlflow.validate_evaluation_results(validation_thresholds=thresholds, candidate_result=result)
        print("reached", least)
    except mlflow.exceptions.MlflowException:
        print("missed", least)

D, target = load_diabetes(return_X_y=True, as_frame=True)
line = LinearRegression().fit(D, target)
with mlflow.start_run():
    dataset = mlflow.data.from_pandas(D.assign(target=target), targets="target", name="diabetes")
    info = mlflow.sklearn.log_model(line, name="line", input_example=D[:3], pip_requirements=[])
    print(rounded(mlflow.evaluate(info.model_uri, dataset, model_type="regressor", evaluator_config=QUIET)))
with mlflow.start_run():
    known = pd.DataFrame({"p": [1.0, 2.0, 3.0], "t": [1.0, 2.5, 3.0]})
    print(rounded(mlflow.evaluate(data=known, predictions="p", targets="t", model_type="regressor")))


def squared(predictions, targets, metrics):
    return float(((predictions - targets) ** 2).sum())


with mlflow.start_run():
    own = make_metric(eval_fn=squared, greater_is_better=False)
    result = mlflow.evaluate(
        line.predict, D.assign(target=target), targets="target", model_type="regressor", extra_metrics=[own]
    )
    print(rounded(result))
