"""Keep some rows of the ratings."""

import os
import tempfile

import click

import mlflow


@click.command(help="Given a folder with ratings.csv, keeps its first rows and logs them in ratings-dir.")
@click.option("--ratings-csv")
@click.option("--max-row-limit", default=100000)
def etl_data(ratings_csv, max_row_limit):
    with mlflow.start_run():
        with open(os.path.join(ratings_csv, "ratings.csv")) as file:
            lines = file.readlines()[: max_row_limit + 1]
        folder = tempfile.mkdtemp()
        name = os.path.join(folder, "kept.csv")
        with open(name, "w") as file:
            file.writelines(lines)
        print(f"Uploading {len(lines) - 1} ratings")
        mlflow.log_metric("rows", len(lines) - 1)
        mlflow.log_artifacts(folder, "ratings-dir")


if __name__ == "__main__":
    etl_data()
