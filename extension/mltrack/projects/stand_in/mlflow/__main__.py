"""``python -m mlflow``: the command line of mltrack."""

from mltrack.cli import main

if __name__ == "__main__":
    main(prog_name="mlflow")
