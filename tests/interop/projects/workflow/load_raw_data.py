"""Make ratings of films by people, and log them as an artifact."""

import csv
import os
import random
import tempfile

import click

import mlflow


@click.command(help="Makes ratings and logs them as a csv file in the folder ratings-csv-dir.")
@click.option("--rows", default=300)
def load_raw_data(rows):
    with mlflow.start_run():
        random.seed(7)
        folder = tempfile.mkdtemp()
        name = os.path.join(folder, "ratings.csv")
        with open(name, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["userId", "movieId", "rating"])
            for _ in range(rows):
                user, movie = random.randrange(20), random.randrange(30)
                writer.writerow([user, movie, round(user / 10 + movie / 15 + random.random(), 3)])
        print(f"Uploading ratings: {name}")
        mlflow.log_artifact(name, "ratings-csv-dir")


if __name__ == "__main__":
    load_raw_data()
