"""Fetch a file and log it."""

import argparse
import os
import tempfile
import urllib.request

import mlflow


def go(arguments):
    with mlflow.start_run():
        mlflow.set_tag("step", "download")
        target = os.path.join(tempfile.mkdtemp(), arguments.name)
        with urllib.request.urlopen(arguments.data_url) as answer, open(target, "wb") as file:
            file.write(answer.read())
        mlflow.log_metric("bytes", os.path.getsize(target))
        mlflow.log_artifact(target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_url", required=True)
    parser.add_argument("--name", default="raw.csv")
    go(parser.parse_args())
