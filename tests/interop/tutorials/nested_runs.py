"""A parent run with children, and finding them again."""

import mlflow

experiment_id = mlflow.create_experiment("experiment1", tags={"version": "v1", "priority": "P1"})
with mlflow.start_run(
    run_name="PARENT_RUN",
    experiment_id=experiment_id,
    tags={"version": "v1", "priority": "P1"},
    description="parent",
) as parent_run:
    mlflow.log_param("parent", "yes")
    for number in range(3):
        with mlflow.start_run(
            run_name=f"CHILD_RUN_{number}",
            experiment_id=experiment_id,
            description="child",
            nested=True,
        ) as child_run:
            mlflow.log_param("child", "yes")
            for step in range(5):
                mlflow.log_metric("score", number * 10 + step, step=step)

print("parent run:")
print("description:", parent_run.data.tags.get("mlflow.note.content"))
print("version tag value:", parent_run.data.tags.get("version"))
print("same parent:", mlflow.get_parent_run(child_run.info.run_id).info.run_id == parent_run.info.run_id)

query = f"tags.mlflow.parentRunId = '{parent_run.info.run_id}'"
results = mlflow.search_runs(experiment_ids=[experiment_id], filter_string=query, order_by=["metrics.score DESC"])
print(results[["metrics.score", "params.child", "tags.mlflow.runName"]].to_string())

mlflow.set_experiment(experiment_id=experiment_id)
with mlflow.start_run() as run:
    mlflow.log_metric("extra", 1)
    print("active:", mlflow.active_run().info.run_id == run.info.run_id)
print("none active:", mlflow.active_run() is None)
with mlflow.start_run(run_id=run.info.run_id):
    mlflow.log_metric("later", 2)
print("taken up:", sorted(mlflow.get_run(run.info.run_id).data.metrics))
mlflow.delete_run(run.info.run_id)
print("left:", len(mlflow.search_runs(experiment_names=["experiment1"])))
