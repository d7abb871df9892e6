"""Options that several commands take, under MLflow's names."""

from __future__ import annotations

import click

from mltrack.cli import completion
from mltrack.entities import ViewType

VIEWS = {
    "active_only": ViewType.ACTIVE_ONLY,
    "deleted_only": ViewType.DELETED_ONLY,
    "all": ViewType.ALL,
}

experiment_id_option = click.option(
    "-x",
    "--experiment-id",
    required=True,
    metavar="ID",
    shell_complete=completion.experiment_ids,
    help="The experiment's id.",
)

run_id_option = click.option(
    *("-r", "--run-id"),
    required=True,
    metavar="ID",
    shell_complete=completion.run_ids,
    help="The run's id, or its first digits.",
)
view_option = click.option(
    "-v",
    "--view",
    type=click.Choice(list(VIEWS), case_sensitive=False),
    default="active_only",
    show_default=True,
    help="Which ones: those in use, those deleted, or all.",
)
