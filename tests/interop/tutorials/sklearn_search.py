"""A grid search with autolog: the best as the run's, the candidates as children."""

from sklearn import datasets, svm
from sklearn.model_selection import GridSearchCV

import mlflow


def main():
    mlflow.sklearn.autolog(log_models=False, max_tuning_runs=3)
    iris = datasets.load_iris()
    clf = GridSearchCV(svm.SVC(), {"kernel": ("linear", "rbf"), "C": [1, 10]})
    with mlflow.start_run() as run:
        clf.fit(iris.data, iris.target)

    data = mlflow.get_run(run.info.run_id).data
    print("best:", {name: value for name, value in sorted(data.params.items()) if name.startswith("best_")})
    print("score:", round(data.metrics["best_cv_score"], 6))
    filter_child_runs = f"tags.mlflow.parentRunId = '{run.info.run_id}'"
    runs = mlflow.search_runs(filter_string=filter_child_runs)
    print("children:", len(runs))
    print(runs[["params.C", "params.kernel"]].sort_values(["params.C", "params.kernel"]).to_string(index=False))
    print("scores:", sorted(round(value, 6) for value in runs["metrics.mean_test_score"]))


if __name__ == "__main__":
    main()
