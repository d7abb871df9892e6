"""``mltrack server users``: who may use a server, their tokens, and what each may do with which object."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from mltrack import settings
from mltrack.cli.output import count, json_option, local_time, print_json, print_table, report
from mltrack.cli.stores import choose, require_store
from mltrack.exceptions import InvalidParameterError
from mltrack.extra_libraries import need_libraries

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.store.access_protocol import AccessStore, StoredToken, StoredUser

ROLES = ("none", "read", "edit", "manage")
_store_option = click.option(
    "--backend-store-uri",
    metavar="URI",
    callback=choose,
    expose_value=False,
    envvar="MLFLOW_BACKEND_STORE_URI",
    help="The server's store; default: the one of this folder.",
)
_experiment_option = click.option("-x", "--experiment-id", metavar="ID", help="Of this experiment.")
_model_option = click.option("-m", "--model", metavar="NAME", help="Of this registered model.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def users() -> None:
    """Look after a server's users, their tokens and roles.

    The first user is an administrator, who may do all. A server that runs learns of a change within a second; one that
    was started before there were any users asks nobody who they are until it is started again.
    """
    need_libraries("A server's user", ("argon2",), extra="server")


def _command(name: str) -> Callable[[Callable[..., None]], click.Command]:
    """Make a command of the group, with the options that all have."""
    return lambda function: users.command(name)(_store_option(json_option(function)))


@_command("add")
@click.argument("name")
@click.option("--admin", is_flag=True, help="An administrator, as the first user is.")
def add(name: str, *, admin: bool, as_json: bool) -> None:
    """Make the user NAME.

    The password is asked for, or is the first line of what is piped in. It has at least 12 characters.
    """
    from mltrack.server.accounts import add_user, check_user_name  # brings argon2 along
    from mltrack.server.passwords import Passwords  # as above

    check_user_name(name)
    store = _new_store()
    made = add_user(store, Passwords(), name=name, password=_password(name), is_admin=admin)
    kind = "administrator" if made.is_admin else "user"
    report(f"Made the {kind} {made.name!r}.", lambda: _shape(made), as_json=as_json)
    if len(store.list_users()) == 1:
        click.echo("A server of this store that runs must be started again to ask who its callers are.", err=True)


@_command("list")
def list_users(*, as_json: bool) -> None:
    """Show the users."""
    found = _store().list_users()
    if as_json:
        print_json([_shape(each) for each in found])
        return
    rows = [(each.name, "yes" if each.is_admin else "-", local_time(each.created_at)) for each in found]
    print_table(("User", "Admin", "Made"), rows, whole=("User",))


@_command("remove")
@click.argument("name")
def remove(name: str, *, as_json: bool) -> None:
    """Remove the user NAME, whose tokens and roles go as well."""
    store = _store()
    store.remove_user(name)
    report(f"Removed the user {name!r}.", lambda: [_shape(each) for each in store.list_users()], as_json=as_json)


@_command("password")
@click.argument("name")
def password(name: str, *, as_json: bool) -> None:
    """Give the user NAME another password; tokens stay."""
    from mltrack.server.accounts import set_password  # brings argon2 along
    from mltrack.server.passwords import Passwords  # as above

    store = _store()
    user = store.get_user(name)
    set_password(store, Passwords(), name=name, password=_password(name))
    tokens = len(store.list_tokens(name))
    hint = f" {count(tokens, 'token')} of that user still let in: `mltrack server users tokens`." if tokens else ""
    report(f"Changed the password of {name!r}.{hint}", lambda: _shape(user), as_json=as_json)


@_command("admin")
@click.argument("name")
@click.option("--off", is_flag=True, help="No administrator any more.")
def admin(name: str, *, off: bool, as_json: bool) -> None:
    """Make the user NAME an administrator, or none with --off."""
    store = _store()
    store.set_admin(name, is_admin=not off)
    kind = "an ordinary user" if off else "an administrator"
    report(f"Made {name!r} {kind}.", lambda: _shape(store.get_user(name)), as_json=as_json)


@_command("token")
@click.argument("name")
@click.option("--label", metavar="TEXT", default="", help="What it is for.")
@click.option("--days", type=float, metavar="N", help="It ends after so many days; default: never.")
def token(name: str, *, label: str, days: float | None, as_json: bool) -> None:
    """Make a token of the user NAME and print it, this once.

    Programs show it instead of a password: MLTRACK_TRACKING_TOKEN, or MLflow's MLFLOW_TRACKING_TOKEN.
    """
    from mltrack.server.accounts import add_token  # the server's parts are for its commands

    made = add_token(_store(), name, label=label, days=days)
    if as_json:
        print_json({"token": made.text, **_token_shape(made.stored)})
    else:
        click.echo(made.text)
        click.echo(f"Token {made.stored.id} of {name!r}. It is not shown again.", err=True)


@_command("tokens")
@click.argument("name")
def tokens(name: str, *, as_json: bool) -> None:
    """Show the tokens of the user NAME, by their numbers."""
    found = _store().list_tokens(name)
    if as_json:
        print_json([_token_shape(each) for each in found])
        return
    rows = [(str(each.id), each.label, local_time(each.created_at), local_time(each.expires_at)) for each in found]
    print_table(("Token", "Label", "Made", "Ends"), rows, whole=("Token",))


@_command("revoke-token")
@click.argument("name")
@click.argument("number", type=int)
def revoke_token(name: str, number: int, *, as_json: bool) -> None:
    """Take the token NUMBER of the user NAME away."""
    store = _store()
    store.revoke_token(name, number)
    text = f"Took token {number} of {name!r} away."
    report(text, lambda: [_token_shape(each) for each in store.list_tokens(name)], as_json=as_json)


@_command("grant")
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@_experiment_option
@_model_option
def grant(name: str, role: str, *, experiment_id: str | None, model: str | None, as_json: bool) -> None:
    """Give the user NAME a role of an object.

    That is an experiment or a registered model. Each role has what those before it have: none, read, edit, manage. What
    is given counts instead of the server's default role.
    """
    thing = _thing(experiment_id, model)
    store = _store()
    store.give_role(name, *thing, ROLES.index(role))
    text = f"{name!r} has the role {role} of the {thing[0].replace('_', ' ')} {thing[1]!r}."
    report(text, lambda: _roles(store, name), as_json=as_json)


@_command("revoke")
@click.argument("name")
@_experiment_option
@_model_option
def revoke(name: str, *, experiment_id: str | None, model: str | None, as_json: bool) -> None:
    """Take back what the user NAME was given of an object.

    The server's default role counts again.
    """
    thing = _thing(experiment_id, model)
    store = _store()
    store.give_role(name, *thing, None)
    text = f"{name!r} has the default role of the {thing[0].replace('_', ' ')} {thing[1]!r}."
    report(text, lambda: _roles(store, name), as_json=as_json)


@_command("roles")
@click.argument("name", required=False)
def roles(name: str | None, *, as_json: bool) -> None:
    """Show what was given to the user NAME, or to all users."""
    store = _store()
    if name is not None:
        store.get_user(name)
    found = _roles(store, name)
    if as_json:
        print_json(found)
        return
    print_table(
        ("User", "Role", "Kind", "Id or name"), [tuple(each.values()) for each in found], whole=("User", "Role")
    )


def _store() -> AccessStore:
    """Give the store, which must be there."""
    require_store()
    return _new_store()


def _new_store() -> AccessStore:
    from mltrack.server.gates import access_of  # the server's parts are for its commands
    from mltrack.store.open_uri import open_uri  # brings the driver along

    uri = settings.get_tracking_uri()
    return access_of(open_uri(uri), uri)


def _password(name: str) -> str:
    """Ask for a new password twice, or take the first line that is piped in."""
    if sys.stdin.isatty():
        return str(click.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=True, err=True))
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise InvalidParameterError("There is no password: type it in a terminal, or pipe one line in.")
    return line


def _thing(experiment_id: str | None, model: str | None) -> tuple[str, str]:
    if (experiment_id is None) == (model is None):
        raise click.UsageError("Give exactly one of --experiment-id and --model.")
    return ("registered_model", model) if model is not None else ("experiment", str(experiment_id))


def _roles(store: AccessStore, name: str | None) -> list[dict[str, str]]:
    return [
        {"username": each.user, "permission": ROLES[each.role], "resource_type": each.kind, "resource_id": each.key}
        for each in store.given_roles(user=name)
    ]


def _shape(user: StoredUser) -> dict[str, Any]:
    return {"id": user.id, "username": user.name, "is_admin": user.is_admin, "created_at": user.created_at}


def _token_shape(token: StoredToken) -> dict[str, Any]:
    return {"id": token.id, "label": token.label, "created_at": token.created_at, "expires_at": token.expires_at}
