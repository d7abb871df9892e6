"""A first script: params, metrics over steps, a folder of files."""

import os

import mlflow

if __name__ == "__main__":
    mlflow.log_param("param1", 5)
    for value in (0.25, 1.25, 2.25):
        mlflow.log_metric("foo", value)
    os.makedirs("outputs", exist_ok=True)
    with open("outputs/test.txt", "w") as f:
        f.write("hello world!")
    mlflow.log_artifacts("outputs")
    run = mlflow.active_run()
    print("run:", mlflow.get_run(run.info.run_id).data.params)
    print("files:", [file.path for file in mlflow.MlflowClient().list_artifacts(run.info.run_id)])
    print("text:", mlflow.artifacts.load_text(f"{run.info.artifact_uri}/test.txt"))
    mlflow.end_run()
    print("status:", mlflow.get_run(run.info.run_id).info.status)
