"""``mlflow.version``: which mlflow this stands in for."""

from mltrack.projects.stand_in import finder

VERSION = finder.VERSION
