"""``mltrack models prepare-env`` and ``verify``: a model in an environment of its own."""

from __future__ import annotations

import sys

import click

from mltrack.cli.model_options import model_uri_option
from mltrack.cli.output import json_option, print_json, say

_manager_option = click.option(
    "--env-manager",
    type=click.Choice(("virtualenv", "uv", "conda")),
    default="uv",
    show_default=True,
    help="What makes the environment; virtualenv is MLflow's name for what uv makes here.",
)


@click.command("prepare-env")
@model_uri_option
@_manager_option
@json_option
def prepare_env(model_uri: str, env_manager: str, *, as_json: bool) -> None:
    """Make the environment of a model's own and print its Python.

    It has what the model's requirements.txt says and this very mltrack, and is kept: predict, verify and serve with
    the same --env-manager take it as it is.
    """
    from mltrack.deploying.environments import prepare  # reads the store, which other commands may not need

    python = str(prepare(model_uri, env_manager))
    print_json({"python": python}) if as_json else say(python)


@click.command()
@model_uri_option
@_manager_option
@json_option
def verify(model_uri: str, env_manager: str, *, as_json: bool) -> None:
    """Check that a model works from what it says it needs.

    In an environment made from its requirements it is loaded and predicts its input example; the predictions are held
    against its signature and against those of this environment. The exit code is 1 if a check failed.
    """
    from mltrack.deploying.verifying import verify as steps  # reads the store, which other commands may not need

    found = []
    for step in steps(model_uri, env_manager):
        found.append(step)
        if not as_json:
            say(f"{'ok  ' if step.good else 'note' if step.good is None else 'BAD '} {step.name}: {step.text}")
    if as_json:
        print_json(found)
    if any(step.good is False for step in found):
        sys.exit(1)
