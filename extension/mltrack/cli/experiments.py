"""``mltrack experiments``: make, find, rename, delete and restore experiments, and export their runs as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mltrack.cli import completion
from mltrack.cli.options import VIEWS, experiment_id_option, view_option
from mltrack.cli.output import json_option, local_time, print_json, print_table, report, say
from mltrack.cli.stores import existing_client, new_client
from mltrack.exceptions import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.client import MltrackClient
    from mltrack.entities import Experiment, ViewType

PAGE = 1000


@click.group()
def experiments() -> None:
    """Make, find, rename, delete and restore experiments."""


@experiments.command()
@click.option("-n", "--experiment-name", required=True, metavar="NAME", help="The new experiment's name.")
@click.option("-l", "--artifact-location", metavar="PLACE", help="Where its artifacts go; default: beside the store.")
@json_option
def create(experiment_name: str, artifact_location: str | None, *, as_json: bool) -> None:
    """Make an experiment; the store, too, when there is none."""
    client = new_client()
    experiment_id = client.create_experiment(experiment_name, artifact_location)
    text = f"Created experiment '{experiment_name}' with id {experiment_id}"
    report(text, lambda: client.get_experiment(experiment_id), as_json=as_json)


@experiments.command()
@view_option
@click.option("--max-results", type=click.IntRange(min=1), metavar="N", help="At most so many; default: all.")
@json_option
def search(view: str, max_results: int | None, *, as_json: bool) -> None:
    """Show the experiments."""
    found = list(_all(existing_client(), VIEWS[view]))
    found = sorted(found, key=lambda each: int(each.experiment_id))[:max_results]
    if as_json:
        print_json(found)
        return
    rows = [(each.experiment_id, each.name, each.artifact_location, each.lifecycle_stage) for each in found]
    titles = ("Experiment Id", "Name", "Artifact Location", "Stage")
    kept = len(titles) if view != "active_only" else len(titles) - 1
    print_table(titles[:kept], [row[:kept] for row in rows], whole=("Experiment Id", "Stage"))


experiments.add_command(search, "list")


@experiments.command()
@click.option("-x", "--experiment-id", metavar="ID", shell_complete=completion.experiment_ids, help="Its id.")
@click.option("-n", "--experiment-name", metavar="NAME", shell_complete=completion.experiment_names, help="Its name.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", help="The form; json is --json.")
@json_option
def get(experiment_id: str | None, experiment_name: str | None, *, output: str, as_json: bool) -> None:
    """Show one experiment, found by its id or by its name."""
    if (experiment_id is None) == (experiment_name is None):
        raise click.UsageError("Give exactly one of --experiment-id and --experiment-name.")
    client = existing_client()
    found = (
        client.get_experiment(experiment_id) if experiment_id else client.get_experiment_by_name(experiment_name or "")
    )
    if found is None:
        raise NotFoundError(
            f"There is no experiment named {experiment_name!r}; `mltrack experiments search` lists them."
        )
    if as_json or output == "json":
        print_json(found)
        return
    for title, value in _fields(found):
        say(f"{title:18}: {value}")


@experiments.command()
@experiment_id_option
@click.option("--new-name", required=True, metavar="NAME", help="The new name.")
@json_option
def rename(experiment_id: str, new_name: str, *, as_json: bool) -> None:
    """Give an active experiment another name."""
    client = existing_client()
    client.rename_experiment(experiment_id, new_name)
    text = f"Experiment with id {experiment_id} has been renamed to '{new_name}'."
    report(text, lambda: client.get_experiment(experiment_id), as_json=as_json)


@experiments.command()
@experiment_id_option
@json_option
def delete(experiment_id: str, *, as_json: bool) -> None:
    """Delete an experiment and its runs.

    "restore" brings them back, until `mltrack gc` removes them for good.
    """
    client = existing_client()
    client.delete_experiment(experiment_id)
    text = f"Experiment with ID {experiment_id} has been deleted."
    report(text, lambda: client.get_experiment(experiment_id), as_json=as_json)


@experiments.command()
@experiment_id_option
@json_option
def restore(experiment_id: str, *, as_json: bool) -> None:
    """Bring a deleted experiment and its runs back."""
    client = existing_client()
    client.restore_experiment(experiment_id)
    text = f"Experiment with id {experiment_id} has been restored."
    report(text, lambda: client.get_experiment(experiment_id), as_json=as_json)


@experiments.command()
@experiment_id_option
@click.option("-o", "--filename", metavar="FILE", type=click.Path(dir_okay=False), help="A file; default: print it.")
def csv(experiment_id: str, filename: str | None) -> None:
    """Write an experiment's runs as CSV, a run a line.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    existing_client().get_experiment(experiment_id)  # searching in one that is not there finds nothing, silently
    from mltrack.cli.spreadsheet import runs_csv, write_whole  # brings pandas along

    text = runs_csv(experiment_id)
    if filename is None:
        click.echo(text, nl=False)
        return
    write_whole(filename, text)
    say(f"Experiment with ID {experiment_id} has been exported as a CSV to file: {filename}.")


def _all(client: MltrackClient, view: ViewType) -> Iterator[Experiment]:
    token = None
    while True:
        page = client.search_experiments(view_type=view, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _fields(found: Experiment) -> list[tuple[str, str]]:
    return [
        ("Experiment ID", found.experiment_id),
        ("Name", found.name),
        ("Artifact Location", found.artifact_location),
        ("Lifecycle Stage", found.lifecycle_stage),
        ("Creation Time", local_time(found.creation_time)),
        ("Last Update Time", local_time(found.last_update_time)),
        ("Tags", ", ".join(f"{key}={value}" for key, value in found.tags.items())),
    ]
