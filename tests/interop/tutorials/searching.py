"""Searches for runs and experiments, as the documentation shows them."""

import numpy as np

import mlflow
from mlflow.entities import ViewType

mlflow.set_experiment("search-run-guide")
np.random.seed(0)
accuracy = np.arange(0, 1, 0.1).round(1)
for number, value in enumerate(accuracy):
    with mlflow.start_run(run_name=f"run_{number}") as run:
        mlflow.log_params({"model": "a" if number % 2 else "b", "dataset": f"cifar-{number % 3}", "lr": 0.1 * number})
        mlflow.log_metrics({"accuracy": value, "f1": 1 - value, "bytes sent": number})
        mlflow.set_tags({"owner": "Jane Doe" if number < 5 else "John"})

queries = [
    "metrics.accuracy > 0.72",
    'metrics."bytes sent" <= 3',
    "params.model = 'a' AND metrics.f1 < 0.5",
    "params.dataset != 'cifar-1'",
    "params.dataset LIKE 'cifar-%'",
    "tags.owner ILIKE 'jane%'",
    "attributes.status = 'FINISHED'",
    "run_name = 'run_3'",
    "attributes.start_time > 0",
]
for query in queries:
    found = mlflow.search_runs(filter_string=query, order_by=["metrics.accuracy ASC"])
    print(query, "->", list(found["tags.mlflow.runName"]))

best = mlflow.search_runs(
    experiment_names=["search-run-guide"],
    run_view_type=ViewType.ACTIVE_ONLY,
    max_results=2,
    order_by=["metrics.accuracy DESC"],
    output_format="list",
)
print("best:", [(each.info.run_name, each.data.metrics["accuracy"]) for each in best])

client = mlflow.MlflowClient()
run_ids, token = [], None
while True:
    page = client.search_runs([run.info.experiment_id], max_results=3, page_token=token)
    run_ids += [each.info.run_id for each in page]
    token = page.token
    if not token:
        break
print("pages:", len(run_ids), len(set(run_ids)))

mlflow.create_experiment("a", tags={"k": "v"})
mlflow.create_experiment("b", tags={"k": "V"})
for query in ("name = 'a'", "name LIKE 'a%'", "tags.k = 'v'", "tags.k ILIKE 'v'", "name != 'a' AND tags.k = 'V'"):
    print(query, "->", [each.name for each in mlflow.search_experiments(filter_string=query, order_by=["name ASC"])])
try:
    mlflow.search_runs(filter_string="metrics.accuracy >> 1")
except mlflow.exceptions.MlflowException as error:
    print("refused:", error.error_code)
