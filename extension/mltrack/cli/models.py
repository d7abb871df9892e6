"""``mltrack models``: look at models, trust, register, predict with, serve and deploy them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mltrack.cli.deploying import build_docker, export, generate_dockerfile
from mltrack.cli.model_environments import prepare_env, verify
from mltrack.cli.output import count, json_option, local_time, print_json, print_table, report, say
from mltrack.cli.predicting import predict
from mltrack.cli.serving import serve
from mltrack.exceptions import StateError
from mltrack.plain_text import printable
from mltrack.sizes import human_size

if TYPE_CHECKING:
    from mltrack.models.contents import Content
    from mltrack.models.folder import ModelFolder

uri_argument = click.argument("model_uri", metavar="URI")
_MOST_NAMES = 12


@click.group()
def models() -> None:
    """Look at models, trust, register, serve and deploy them.

    URI is models:/NAME/VERSION, models:/NAME@ALIAS, models:/MODEL_ID, runs:/RUN_ID/NAME, or a path.
    """


@models.command("list")
@json_option
def list_models(*, as_json: bool) -> None:
    """List the registered models with their newest versions and their aliases."""
    from mltrack.cli.stores import existing_client  # what reads no store does without

    found: list[Any] = existing_client().search_registered_models(max_results=1000)
    if as_json:
        print_json(found)
        return
    rows = [(each.name, _newest(each), _aliases(each), local_time(each.last_updated_timestamp)) for each in found]
    print_table(("Name", "Version", "Aliases", "Changed"), rows, whole=("Version",))


def _newest(model: Any) -> str:
    return str(max((int(each.version) for each in model.latest_versions), default="-"))


def _aliases(model: Any) -> str:
    return ", ".join(f"{alias}: {version}" for alias, version in sorted(model.aliases.items()))


@models.command()
@uri_argument
@json_option
def show(model_uri: str, *, as_json: bool) -> None:
    """Show what a model says of itself, what it needs, and whether it runs code and is trusted."""
    folder = _opened(model_uri)
    found = _description(folder)
    if as_json:
        print_json(found)
        return
    say(f"{model_uri}: {', '.join(found['flavors'])}, {human_size(found['size'])}")
    for name in ("model_id", "run_id", "utc_time_created", "digest"):
        if found[name]:
            say(f"{name}: {found[name]}")
    for part, schema in (found["signature"] or {}).items():
        say(f"{part}: {schema}")
    say(f"requirements: {', '.join(found['requirements']) or 'none'}")
    say(f"code: {_trust_line(found)}")


def _description(folder: ModelFolder) -> dict[str, Any]:
    # reads the folder's files, which other commands may not need
    from mltrack.models import trust
    from mltrack.models.contents import code_in
    from mltrack.models.manifest import digest_of, manifest

    files = manifest(folder.path)
    digest = digest_of(files)
    model = folder.model
    requirements = folder.path / "requirements.txt"
    return {
        "uri": folder.uri,
        "flavors": sorted(model.flavors),
        "model_id": model.model_id,
        "run_id": model.run_id,
        "utc_time_created": model.utc_time_created,
        "signature": model.signature.to_dict() if model.signature else None,
        "requirements": requirements.read_text(encoding="utf-8").splitlines() if requirements.is_file() else [],
        "size": sum(each.size for each in files.values()),
        "digest": digest,
        "code": code_in(folder),
        "trusted": trust.is_signed(digest),
    }


def _trust_line(found: dict[str, Any]) -> str:
    if not found["code"]:
        return "none, it is data alone"
    state = "trusted" if found["trusted"] else "not trusted"
    return f"{', '.join(each.path for each in found['code'])} ({state})"


@models.command()
@uri_argument
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
def trust(model_uri: str, *, yes: bool, as_json: bool) -> None:
    """Show what of a model runs code when it is loaded, and trust it if you say so.

    Trust is in the files as they are: when one changes it is gone. What a pickle names helps to decide and proves
    nothing; it is who made the model that counts.
    """
    # reads the folder's files, which other commands may not need
    from mltrack.models.contents import code_in
    from mltrack.models.trust import sign

    folder = _opened(model_uri)
    digest = folder.digest()
    found = code_in(folder)
    if not as_json:
        _show_code(model_uri, found)
    if not yes:
        click.confirm("Trust it?", abort=True, err=True)
    if folder.digest() != digest:
        raise StateError(f"The files of {model_uri} changed while you looked at them; look again.")
    sign(digest)  # whatever was found: what hides its code from a list has to be trusted as well
    text = f"You trust {model_uri}, SHA-256 {digest}."
    report(text, lambda: {"uri": model_uri, "digest": digest, "code": found, "trusted": True}, as_json=as_json)


def _show_code(uri: str, found: list[Content]) -> None:
    if not found:
        say(f"Nothing in {uri} is known to run code when it is loaded.")
        return
    say(f"Loading {uri} runs code:")
    for each in found:
        click.echo(f"  {printable(each.path)}: {printable(each.what)}")
        for name in each.names[:_MOST_NAMES]:
            click.echo(f"      {printable(name)}")
        if len(each.names) > _MOST_NAMES:
            click.echo(f"      and {count(len(each.names) - _MOST_NAMES, 'name')} more")


@models.command()
@uri_argument
@click.argument("name")
@json_option
def register(model_uri: str, name: str, *, as_json: bool) -> None:
    """Register a model as the next version of NAME, which is made if need be."""
    from mltrack.registry import register_model  # reads the store, which other commands may not need

    version = register_model(model_uri, name)
    report(f"{model_uri} is version {version.version} of {name}.", lambda: version, as_json=as_json)


def _opened(uri: str) -> ModelFolder:
    from mltrack.models.sources import find_model  # reads the store, which other commands may not need

    return find_model(uri).open()


for command in (predict, serve, prepare_env, verify, generate_dockerfile, build_docker, export):
    models.add_command(command)
