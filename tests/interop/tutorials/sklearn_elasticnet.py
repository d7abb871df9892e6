"""Train an ElasticNet with manual logging, in an experiment of its own."""

import sys

import numpy as np
import pandas as pd
from sklearn.datasets import make_regression
from sklearn.linear_model import ElasticNet
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from sklearn.model_selection import train_test_split

import mlflow


def eval_metrics(actual, pred):
    rmse = np.sqrt(mean_squared_error(actual, pred))
    mae = mean_absolute_error(actual, pred)
    r2 = r2_score(actual, pred)
    return rmse, mae, r2


if __name__ == "__main__":
    np.random.seed(40)
    features, target = make_regression(n_samples=300, n_features=8, noise=4.0, random_state=1)
    data = pd.DataFrame(features, columns=[f"f{i}" for i in range(8)])
    data["quality"] = target
    train, test = train_test_split(data, random_state=3)
    train_x, test_x = train.drop(["quality"], axis=1), test.drop(["quality"], axis=1)
    train_y, test_y = train[["quality"]], test[["quality"]]

    alpha = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
    l1_ratio = float(sys.argv[2]) if len(sys.argv) > 2 else 0.5

    mlflow.set_experiment("elasticnet")
    with mlflow.start_run(description="one model") as run:
        lr = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, random_state=42)
        lr.fit(train_x, train_y)
        (rmse, mae, r2) = eval_metrics(test_y, lr.predict(test_x))
        mlflow.log_param("alpha", alpha)
        mlflow.log_param("l1_ratio", l1_ratio)
        mlflow.log_metric("rmse", rmse)
        mlflow.log_metric("r2", r2)
        mlflow.log_metric("mae", mae)
        mlflow.log_input(mlflow.data.from_pandas(train, name="wine", targets="quality"), context="training")
        mlflow.log_dict({"alpha": alpha}, "config.yaml")
        mlflow.set_tag("release.version", "2.2.0")

    logged = mlflow.get_run(run.info.run_id)
    print("params:", dict(sorted(logged.data.params.items())))
    print("metrics:", {name: round(value, 6) for name, value in sorted(logged.data.metrics.items())})
    print("note:", logged.data.tags["mlflow.note.content"])
    (dataset_input,) = logged.inputs.dataset_inputs
    print("dataset:", dataset_input.dataset.name, [(tag.key, tag.value) for tag in dataset_input.tags])
