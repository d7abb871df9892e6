"""Leave out the passengers who paid too little, fill in the ages that are missing, and turn words into numbers."""

import argparse
import csv
import os
import statistics
import tempfile

import mlflow


def go(arguments):
    with mlflow.start_run():
        mlflow.set_tag("step", "clean")
        with open(arguments.data, newline="") as file:
            rows = [row for row in csv.DictReader(file) if float(row["Fare"]) >= arguments.min_fare]
        age = statistics.median(float(row["Age"]) for row in rows if row["Age"])
        target = os.path.join(tempfile.mkdtemp(), "clean.csv")
        with open(target, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["Survived", "Pclass", "Female", "Age", "Fare"])
            for row in rows:
                female = int(row["Sex"] == "female")
                writer.writerow([row["Survived"], row["Pclass"], female, row["Age"] or age, row["Fare"]])
        mlflow.log_metrics({"rows": len(rows), "filled": sum(not row["Age"] for row in rows), "median_age": age})
        mlflow.log_artifact(target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--min_fare", type=float, default=0)
    go(parser.parse_args())
