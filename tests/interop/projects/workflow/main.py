"""Run the steps one after the other; one that has run with the same parameters and code is not run again."""

import os

import click

import mlflow
from mlflow.entities import RunStatus
from mlflow.tracking import MlflowClient
from mlflow.tracking.fluent import _get_experiment_id
from mlflow.utils import mlflow_tags
from mlflow.utils.logging_utils import eprint


def _already_ran(entry_point_name, parameters, git_commit, experiment_id=None):
    """Look for a run of this entry point that finished with these parameters at this commit."""
    experiment_id = experiment_id if experiment_id is not None else _get_experiment_id()
    client = MlflowClient()
    for run in reversed(client.search_runs([experiment_id])):
        tags = run.data.tags
        if tags.get(mlflow_tags.MLFLOW_PROJECT_ENTRY_POINT, None) != entry_point_name:
            continue
        if any(run.data.params.get(key) != str(value) for key, value in parameters.items()):
            continue
        if run.info.to_proto().status != RunStatus.FINISHED:
            eprint(f"Run matched, but is not FINISHED, so skipping (run_id={run.info.run_id})")
            continue
        if git_commit != tags.get(mlflow_tags.MLFLOW_GIT_COMMIT, None):
            eprint(f"Run matched, but has a different source version, so skipping (run_id={run.info.run_id})")
            continue
        return client.get_run(run.info.run_id)
    eprint("No matching run has been found.")
    return None


def _get_or_run(entrypoint, parameters, git_commit, use_cache=True):
    existing_run = _already_ran(entrypoint, parameters, git_commit)
    if use_cache and existing_run:
        print(f"Found existing run for entrypoint={entrypoint} and parameters={parameters}")
        return existing_run
    print(f"Launching new run for entrypoint={entrypoint} and parameters={parameters}")
    submitted_run = mlflow.run(".", entrypoint, parameters=parameters, env_manager="local")
    return MlflowClient().get_run(submitted_run.run_id)


@click.command()
@click.option("--max-row-limit", default=200, type=int)
@click.option("--reg-param", default=0.1, type=float)
def workflow(max_row_limit, reg_param):
    with mlflow.start_run() as active_run:
        git_commit = active_run.data.tags.get(mlflow_tags.MLFLOW_GIT_COMMIT)
        load_raw_data_run = _get_or_run("load_raw_data", {}, git_commit)
        ratings_csv_uri = os.path.join(load_raw_data_run.info.artifact_uri, "ratings-csv-dir")
        etl_data_run = _get_or_run(
            "etl_data", {"ratings_csv": ratings_csv_uri, "max_row_limit": max_row_limit}, git_commit
        )
        ratings_uri = os.path.join(etl_data_run.info.artifact_uri, "ratings-dir")
        _get_or_run("train", {"ratings_data": ratings_uri, "reg_param": reg_param}, git_commit)


if __name__ == "__main__":
    workflow()
