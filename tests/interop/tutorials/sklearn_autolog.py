"""Let autolog record a LinearRegression and a Pipeline, and fetch what it logged."""

import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import mlflow


def fetch_logged_data(run_id):
    client = mlflow.MlflowClient()
    data = client.get_run(run_id).data
    tags = {k: v for k, v in data.tags.items() if k.startswith("estimator")}
    artifacts = [f.path for f in client.list_artifacts(run_id, "model")]
    return data.params, data.metrics, tags, artifacts


def main():
    mlflow.sklearn.autolog(log_models=False)
    X = np.array([[1, 1], [1, 2], [2, 2], [2, 3]])
    y = np.dot(X, np.array([1, 2])) + 3

    model = LinearRegression()
    with mlflow.start_run() as run:
        model.fit(X, y)
    params, metrics, tags, artifacts = fetch_logged_data(run.info.run_id)
    print("params:", sorted(params))
    print("fit_intercept:", params["fit_intercept"])
    print("metrics:", {name: round(value, 6) for name, value in sorted(metrics.items())})
    print("tags:", sorted(tags.items()))
    print("models:", artifacts)

    pipe = Pipeline([("scaler", StandardScaler()), ("lr", LogisticRegression(C=0.5))])
    pipe.fit(X, [0, 0, 1, 1])
    params, metrics, tags, _ = fetch_logged_data(mlflow.last_active_run().info.run_id)
    training = sorted(name for name in metrics if name.startswith("training_"))
    print("pipeline:", params["lr__C"], training, tags["estimator_name"])


if __name__ == "__main__":
    main()
