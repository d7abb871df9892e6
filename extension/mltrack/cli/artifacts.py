"""``mltrack artifacts``: put files into a run, list them, and get them back."""

from __future__ import annotations

import sys

import click

from mltrack.cli.completion import run_ids
from mltrack.cli.options import run_id_option
from mltrack.cli.output import json_option, print_json, print_table, report, say
from mltrack.cli.stores import existing_client, require_store
from mltrack.lookup import whole_run_id
from mltrack.sizes import human_size

_into_option = click.option("-a", "--artifact-path", metavar="FOLDER", help="The folder of the run to put it into.")


@click.group()
def artifacts() -> None:
    """Put files into a run, list them, and get them back."""


@artifacts.command("log-artifact")
@click.option("-l", "--local-file", required=True, type=click.Path(), metavar="FILE", help="The file.")
@run_id_option
@_into_option
@json_option
def log_artifact(local_file: str, run_id: str, *, artifact_path: str | None, as_json: bool) -> None:
    """Put a file into a run."""
    client = existing_client()
    run_id = whole_run_id(run_id)
    client.log_artifact(run_id, local_file, artifact_path)
    text = f"Logged artifact from local file {local_file} to artifact_path={artifact_path}"
    report(text, lambda: client.list_artifacts(run_id, artifact_path), as_json=as_json)


@artifacts.command("log-artifacts")
@click.option("-l", "--local-dir", required=True, type=click.Path(), metavar="FOLDER", help="The folder.")
@run_id_option
@_into_option
@json_option
def log_artifacts(local_dir: str, run_id: str, *, artifact_path: str | None, as_json: bool) -> None:
    """Put the files of a folder into a run, with their subfolders."""
    client = existing_client()
    run_id = whole_run_id(run_id)
    client.log_artifacts(run_id, local_dir, artifact_path)
    text = f"Logged artifact from local dir {local_dir} to artifact_path={artifact_path}"
    report(text, lambda: client.list_artifacts(run_id, artifact_path), as_json=as_json)


@artifacts.command("list")
@run_id_option
@click.option("-a", "--artifact-path", metavar="FOLDER", help="The folder of the run to list; default: its root.")
@json_option
def list_artifacts(run_id: str, artifact_path: str | None, *, as_json: bool) -> None:
    """List the files and folders in a run, or in one of its folders: a table in a terminal, else JSON."""
    client = existing_client()
    files = client.list_artifacts(whole_run_id(run_id), artifact_path)
    if as_json or not sys.stdout.isatty():  # MLflow's prints JSON, which scripts read
        print_json(files)
        return
    rows = [(f"{each.path}/" if each.is_dir else each.path, _size(each.file_size)) for each in files]
    print_table(("Path", "Size"), rows, whole=("Size",))


@artifacts.command()
@click.option("-r", "--run-id", metavar="ID", shell_complete=run_ids, help="The run.")
@click.option("-a", "--artifact-path", metavar="PATH", help="With --run-id: the file or folder; default: all of it.")
@click.option("-u", "--artifact-uri", metavar="URI", help="Where it lies, instead of --run-id and --artifact-path.")
@click.option("-d", "--dst-path", metavar="FOLDER", type=click.Path(), help="The folder to write to, made if need be.")
@json_option
def download(run_id: str | None, artifact_path: str | None, *, as_json: bool, **place: str | None) -> None:
    """Get a file or folder of a run, and print where it is now."""
    if run_id is None and place["artifact_uri"] is None:
        raise click.UsageError("Give --run-id or --artifact-uri.")
    require_store()
    if place["artifact_uri"]:  # MLflow's lets it win over the others
        from mltrack.artifacts import download_artifacts  # brings fsspec along

        path = download_artifacts(artifact_uri=place["artifact_uri"], dst_path=place["dst_path"])
    else:
        path = existing_client().download_artifacts(whole_run_id(str(run_id)), artifact_path or "", place["dst_path"])
    if as_json:
        print_json({"path": str(path)})
    else:
        say(str(path))


def _size(count: int | None) -> str:
    return "" if count is None else human_size(count)
