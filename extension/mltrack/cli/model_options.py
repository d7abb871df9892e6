"""Options that the commands of ``mltrack models`` share, under MLflow's names."""

from __future__ import annotations

import click

model_uri_option = click.option(
    *("-m", "--model-uri"),
    required=True,
    metavar="URI",
    help="The model: models:/NAME/VERSION, models:/NAME@ALIAS, runs:/RUN_ID/NAME, or a path.",
)
env_manager_option = click.option(
    "--env-manager",
    type=click.Choice(("local", "virtualenv", "uv", "conda")),
    default="local",
    show_default=True,
    help="Where the model runs: in this environment, or in one of its own that is made first.",
)
