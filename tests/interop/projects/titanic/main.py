"""Download, clean and train, each a project of its own; ``--steps download,clean`` runs some of them."""

import argparse
import os

import mlflow

STEPS = ("download", "clean", "train")
ROOT = os.path.dirname(os.path.abspath(__file__))


def latest(step, name):
    """Give the artifact of the last run of a step that finished."""
    client = mlflow.tracking.MlflowClient()
    experiment = mlflow.active_run().info.experiment_id
    query = f"tags.step = '{step}' and attributes.status = 'FINISHED'"
    runs = client.search_runs([experiment], query, order_by=["attributes.start_time DESC"], max_results=1)
    if not runs:
        raise SystemExit(f"The step {step!r} has not run yet.")
    return f"runs:/{runs[0].info.run_id}/{name}"


def go(arguments):
    steps = STEPS if arguments.steps == "all" else [each.strip() for each in arguments.steps.split(",")]

    def run(step, parameters):
        where = os.path.join(ROOT, step)
        return mlflow.run(where, "main", parameters=parameters, env_manager=arguments.env_manager, run_name=step)

    with mlflow.start_run():
        mlflow.set_tag("step", "main")
        if "download" in steps:
            run("download", {"data_url": arguments.data_url, "name": "raw.csv"})
        if "clean" in steps:
            run("clean", {"data": latest("download", "raw.csv"), "min_fare": 1})
        if "train" in steps:
            run("train", {"data": latest("clean", "clean.csv"), "C": arguments.C})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", default="all")
    parser.add_argument("--data_url", required=True)
    parser.add_argument("--C", type=float, default=1.0)
    parser.add_argument("--env_manager", default="local")
    go(parser.parse_args())
