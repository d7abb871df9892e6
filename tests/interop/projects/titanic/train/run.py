"""Fit a logistic regression and log how well it does."""

import argparse

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mlflow
import mlflow.sklearn


def go(arguments):
    with mlflow.start_run():
        mlflow.set_tag("step", "train")
        table = pd.read_csv(arguments.data)
        parts = train_test_split(table.drop(columns="Survived"), table["Survived"], test_size=0.25, random_state=3)
        features, unseen, survived, truth = parts
        model = make_pipeline(StandardScaler(), LogisticRegression(C=arguments.C)).fit(features, survived)
        mlflow.log_metric("accuracy", accuracy_score(truth, model.predict(unseen)))
        mlflow.log_metric("log_loss", log_loss(truth, model.predict_proba(unseen)))
        mlflow.sklearn.log_model(model, name="model")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--C", type=float, default=1.0)
    go(parser.parse_args())
