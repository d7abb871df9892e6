"""``mltrack environments``: see the environments that were made for models and projects, and remove old ones."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mltrack.cli.output import count, json_option, local_time, print_json, print_table, say
from mltrack.sizes import human_size

if TYPE_CHECKING:
    from mltrack.deploying.kept_environments import KeptEnvironment


@click.group()
def environments() -> None:
    """List and remove the environments of models and projects."""


@environments.command("list")
@json_option
def list_environments(*, as_json: bool) -> None:
    """List them with their sizes and when they were last used."""
    from mltrack.deploying.kept_environments import kept_environments  # looks at all that runs here

    found = kept_environments()
    if as_json:
        print_json([_plain(each) for each in found])
        return
    rows = [
        (each.name, human_size(each.size), local_time(each.last_used), "yes" if each.is_running else "no")
        for each in found
    ]
    print_table(("Name", "Size", "Last used", "Running"), rows, whole=("Name",))


@environments.command()
@click.option(
    *("--unused-for", "days"),
    type=click.FloatRange(min=0),
    metavar="DAYS",
    default=30.0,
    show_default=True,
    help="Only those that were not used for so long.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask in a terminal.")
@json_option
def remove(days: float, *, yes: bool, as_json: bool) -> None:
    """Remove old environments; what needs one again makes it again.

    One in which a program runs stays.
    """
    from mltrack.deploying.kept_environments import remove_environments  # looks at all that runs here

    if not yes and sys.stdin.isatty():
        click.confirm(f"Remove the environments that were not used for {days:g} days?", abort=True, err=True)
    found = remove_environments(days * 24 * 3600)
    if as_json:
        print_json([_plain(each) for each in found])
    else:
        say(f"Removed {count(len(found), 'environment')}, {human_size(sum(each.size for each in found))}.")


def _plain(environment: KeptEnvironment) -> dict[str, object]:
    return {**asdict(environment), "folder": str(environment.folder)}
