"""``mltrack runs``: the runs as a table, by itself; and commands that list, describe, make, delete and restore them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

import mltrack
from mltrack.cli import completion
from mltrack.cli.groups import CommandGroup
from mltrack.cli.options import VIEWS, run_id_option, view_option
from mltrack.cli.output import json_option, local_time, print_json, print_table, report
from mltrack.cli.stores import existing_client, new_client, require_store
from mltrack.entities import LifecycleStage
from mltrack.exceptions import InvalidParameterError
from mltrack.keys import NOTE_TAG, PARENT_TAG
from mltrack.lookup import find_experiment, whole_run_id

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LISTED = 1000


@click.group(cls=CommandGroup)
def runs() -> None:
    """Show runs as a table, or list, describe, delete, restore.

    By itself it finds runs, such as `mltrack runs "metrics.accuracy > 0.9"`.
    """


@runs.own_command
@click.argument("filter_words", metavar="[FILTER]", nargs=-1)
@click.option(
    "-e",
    "--experiment",
    metavar="E",
    shell_complete=completion.experiment_names,
    help="The experiment's name; default: all.",
)
@click.option("-o", "--order", metavar="O", multiple=True, help="Such as 'metrics.accuracy DESC'; may be given again.")
@click.option("-n", "--limit", default=50, type=click.IntRange(min=1), show_default=True, help="At most so many rows.")
@json_option
def find(
    filter_words: Sequence[str], experiment: str | None, *, order: Sequence[str], limit: int, as_json: bool
) -> None:
    """Show runs as a table, such as `mltrack runs "metrics.accuracy > 0.9"`."""
    require_store()
    words = " ".join(filter_words)
    if as_json:
        print_json(_matching(words, experiment, order=order, limit=limit))
    else:
        click.echo(mltrack.runs(words, experiment=experiment, order_by=list(order), max_results=limit).text)


@runs.command("list")
@click.option(
    "-x",
    "--experiment-id",
    required=True,
    metavar="ID",
    shell_complete=completion.experiment_ids,
    help="The experiment's id.",
)
@view_option
@click.option(
    "--max-results", type=click.IntRange(min=1), metavar="N", default=MOST_LISTED, show_default=True, help="At most."
)
@json_option
def list_runs(experiment_id: str, view: str, *, max_results: int, as_json: bool) -> None:
    """List the runs of an experiment, the last started first."""
    client = existing_client()
    client.get_experiment(experiment_id)  # searching in one that is not there finds nothing, silently
    page = client.search_runs([experiment_id], run_view_type=VIEWS[view], max_results=max_results)
    if as_json:
        print_json(page)
        return
    infos = [run.info for run in page]
    rows = [(local_time(each.start_time), each.run_name, each.status, each.run_id) for each in infos]
    print_table(("Date", "Name", "Status", "ID"), rows, whole=("Date", "Status", "ID"))
    if page.token:
        click.echo(f"There are more than {max_results}; --max-results shows more.", err=True)


@runs.command()
@run_id_option
@click.option("--json", is_flag=True, expose_value=False, help="Print JSON, which it does anyway.")
def describe(run_id: str) -> None:
    """Print all of a run as JSON; `mltrack show` shows its card."""
    client = existing_client()
    print_json(client.get_run(whole_run_id(run_id)))


@runs.command()
@run_id_option
@json_option
def delete(run_id: str, *, as_json: bool) -> None:
    """Delete a run.

    "restore" brings it back, until `mltrack gc` removes it for good.
    """
    client = existing_client()
    run_id = whole_run_id(run_id)
    client.delete_run(run_id)
    report(f"Run with ID {run_id} has been deleted.", lambda: client.get_run(run_id), as_json=as_json)


@runs.command()
@run_id_option
@json_option
def restore(run_id: str, *, as_json: bool) -> None:
    """Bring a deleted run back."""
    client = existing_client()
    run_id = whole_run_id(run_id, stage=LifecycleStage.DELETED)
    client.restore_run(run_id)
    report(f"Run with id {run_id} has been restored.", lambda: client.get_run(run_id), as_json=as_json)


@runs.command()
@click.option("-x", "--experiment-id", metavar="ID", shell_complete=completion.experiment_ids, help="Its experiment.")
@click.option(
    "-n",
    "--experiment-name",
    metavar="NAME",
    shell_complete=completion.experiment_names,
    help="The same by name; made when there is none.",
)
@click.option("--run-name", metavar="NAME", help="Its name; default: one is made up.")
@click.option("--description", metavar="TEXT", help="What it is.")
@click.option("-t", "--tags", metavar="K=V", multiple=True, help="A tag; may be given again.")
@click.option(
    "--status",
    type=click.Choice(["FINISHED", "FAILED", "KILLED"], case_sensitive=False),
    default="FINISHED",
    show_default=True,
    help="How it ended.",
)
@click.option("--parent-run-id", metavar="ID", shell_complete=completion.run_ids, help="The run it is a child of.")
@click.option("--json", is_flag=True, expose_value=False, help="Print JSON, which it does anyway.")
def create(experiment_id: str | None, experiment_name: str | None, *, status: str, **described: Any) -> None:
    """Make a run that has ended already, and print its id.

    For what was done elsewhere; its metrics and params can be added by Python.
    """
    if (experiment_id is None) == (experiment_name is None):
        raise click.UsageError("Give exactly one of --experiment-id and --experiment-name.")
    tags = _tags(described["tags"])
    client = new_client()
    if described["description"]:
        tags[NOTE_TAG] = described["description"]
    if parent := described["parent_run_id"]:
        tags[PARENT_TAG] = client.get_run(parent).info.run_id
    place = experiment_id or mltrack.set_experiment(experiment_name).experiment_id
    info = client.create_run(place, tags=tags, run_name=described["run_name"]).info
    client.set_terminated(info.run_id, status.upper())
    print_json(
        {
            "run_id": info.run_id,
            "experiment_id": info.experiment_id,
            "status": status.upper(),
            "run_name": info.run_name,
        }
    )


def _matching(words: str, experiment: str | None, *, order: Sequence[str], limit: int) -> object:
    from mltrack.frames import search_runs  # reads the store, which other commands may not need

    places = None if experiment is None else [find_experiment(experiment).experiment_id]
    return search_runs(
        filter_string=words,
        max_results=limit,
        order_by=list(order),
        output_format="list",
        search_all_experiments=experiment is None,
        experiment_ids=places,
    )


def _tags(words: Sequence[str]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for word in words:
        key, separator, value = word.partition("=")
        if not separator:
            raise InvalidParameterError(f"The tag {word!r} has no '='; write it as key=value.")
        if key in tags:
            raise InvalidParameterError(f"The tag {key!r} is given twice; a run has one value of each.")
        tags[key] = value
    return tags
