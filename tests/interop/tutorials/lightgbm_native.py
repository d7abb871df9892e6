"""Train with LightGBM's own API, its sklearn API, and autolog."""

import lightgbm as lgb
from sklearn import datasets
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

import mlflow


def main():
    iris = datasets.load_iris()
    X_train, X_test, y_train, y_test = train_test_split(iris.data, iris.target, test_size=0.2, random_state=42)
    mlflow.lightgbm.autolog(log_models=False, log_datasets=False)
    train_set = lgb.Dataset(X_train, label=y_train)

    with mlflow.start_run() as run:
        params = {
            "objective": "multiclass",
            "num_class": 3,
            "learning_rate": 0.1,
            "metric": "multi_logloss",
            "seed": 42,
        }
        params["verbose"] = -1
        model = lgb.train(params, train_set, num_boost_round=10, valid_sets=[train_set], valid_names=["train"])
        y_proba = model.predict(X_test)
        mlflow.log_metrics(
            {"log_loss": log_loss(y_test, y_proba), "accuracy": accuracy_score(y_test, y_proba.argmax(1))}
        )

    client = mlflow.MlflowClient()
    data = client.get_run(run.info.run_id).data
    print("params:", {name: data.params[name] for name in ("objective", "num_boost_round", "learning_rate")})
    print("metrics:", {name: round(value, 5) for name, value in sorted(data.metrics.items())})
    print("steps:", [point.step for point in client.get_metric_history(run.info.run_id, "train-multi_logloss")])

    clf = lgb.LGBMClassifier(n_estimators=5, verbose=-1)
    with mlflow.start_run(run_name="by sklearn's API") as run:
        clf.fit(X_train, y_train, eval_set=[(X_test, y_test)])
    data = client.get_run(run.info.run_id).data
    print("rounds:", data.params["num_boost_round"])
    print("eval:", [name for name in sorted(data.metrics) if "multi_logloss" in name])


if __name__ == "__main__":
    main()
