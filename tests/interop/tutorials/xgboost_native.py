"""Train with xgboost's own API and autolog."""

import xgboost as xgb
from sklearn import datasets
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

import mlflow

mlflow.xgboost.autolog(log_models=False, log_datasets=False)


def main():
    iris = datasets.load_iris()
    X_train, X_test, y_train, y_test = train_test_split(iris.data, iris.target, test_size=0.2, random_state=42)
    dtrain = xgb.DMatrix(X_train, label=y_train)
    dtest = xgb.DMatrix(X_test, label=y_test)

    with mlflow.start_run() as run:
        params = {
            "objective": "multi:softprob",
            "num_class": 3,
            "learning_rate": 0.3,
            "eval_metric": "mlogloss",
            "seed": 42,
        }
        model = xgb.train(params, dtrain, num_boost_round=12, evals=[(dtrain, "train")])
        y_proba = model.predict(dtest)
        loss = log_loss(y_test, y_proba)
        acc = accuracy_score(y_test, y_proba.argmax(axis=1))
        mlflow.log_metrics({"log_loss": loss, "accuracy": acc})

    client = mlflow.MlflowClient()
    data = client.get_run(run.info.run_id).data
    print("params:", {name: data.params[name] for name in ("objective", "num_class", "num_boost_round", "seed")})
    print("metrics:", {name: round(value, 5) for name, value in sorted(data.metrics.items())})
    history = client.get_metric_history(run.info.run_id, "train-mlogloss")
    print("history:", [(point.step, round(point.value, 5)) for point in history])
    files = [file.path for file in client.list_artifacts(run.info.run_id)]
    print("importance:", "feature_importance_weight.json" in files)


if __name__ == "__main__":
    main()
