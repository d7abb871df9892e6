"""The low-level client: experiments and runs by their ids."""

import time

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType


def print_run_info(r):
    print(f"name: {r.info.run_name} status: {r.info.status} stage: {r.info.lifecycle_stage}")
    print("tags:", {k: v for k, v in sorted(r.data.tags.items()) if not k.startswith("mlflow.")})


client = MlflowClient()
experiment_id = client.create_experiment("Social NLP Experiments", tags={"version": "v1"})
client.set_experiment_tag(experiment_id, "nlp.framework", "Spark NLP")
experiment = client.get_experiment(experiment_id)
print(f"Name: {experiment.name} Tags: {dict(sorted(experiment.tags.items()))} Stage: {experiment.lifecycle_stage}")

run = client.create_run(experiment_id, tags={"engineering": "ML Platform"}, run_name="platform-run-24")
print_run_info(run)
timestamp = int(time.time() * 1000)
metrics = [Metric("m", step / 2, timestamp + step, step) for step in range(4)]
params = [Param("p", "p")]
tags = [RunTag("t", "t")]
client.log_batch(run.info.run_id, metrics=metrics, params=params, tags=tags)
client.log_metric(run.info.run_id, "mse", 0.25)
client.log_param(run.info.run_id, "depth", 3)
client.set_tag(run.info.run_id, "nlp", "yes")
client.delete_tag(run.info.run_id, "t")
client.log_text(run.info.run_id, "text1", "file1.txt")
client.log_dict(run.info.run_id, {"k": "v"}, "dir/data.json")
print("root:", [(f.path, f.is_dir, f.file_size) for f in client.list_artifacts(run.info.run_id)])
print("dir:", [(f.path, f.is_dir) for f in client.list_artifacts(run.info.run_id, "dir")])
print("local:", open(client.download_artifacts(run.info.run_id, "file1.txt")).read())
client.set_terminated(run.info.run_id, status="KILLED")
print_run_info(client.get_run(run.info.run_id))
print("history:", [(m.value, m.step) for m in client.get_metric_history(run.info.run_id, "m")])
client.update_run(run.info.run_id, "FINISHED", "new-name")
print_run_info(client.get_run(run.info.run_id))

client.delete_run(run.info.run_id)
print("deleted:", len(client.search_runs([experiment_id], run_view_type=ViewType.DELETED_ONLY)))
client.restore_run(run.info.run_id)
print("restored:", len(client.search_runs([experiment_id], filter_string="metrics.m > 1")))
client.rename_experiment(experiment_id, "NLP")
client.delete_experiment(experiment_id)
print("experiments:", [e.name for e in client.search_experiments(view_type=ViewType.ALL, order_by=["name"])])
client.restore_experiment(experiment_id)
print("stage:", mlflow.get_experiment_by_name("NLP").lifecycle_stage)
