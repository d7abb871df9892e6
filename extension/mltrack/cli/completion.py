"""Shell completion: the scripts, and the names and ids of the store, fast and silent.

Runs and experiments are read through a connection that cannot write, without opening the store as other commands do:
completing a word makes no store, migrates none, and says nothing when there is none to read.
"""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class, get_completion_class

from mltrack import config, settings
from mltrack.plain_text import printable

if TYPE_CHECKING:
    from mltrack.store.glance import Glance

SHELLS = ("bash", "zsh", "fish")
COMPLETE_VARIABLE = "_MLTRACK_COMPLETE"
# A shell puts what it is offered into the command line: anything it would read as code, a pattern or a separator
# is left out. Such an experiment can still be typed, or named by its id.
_SAFE = re.compile(r"[\w.@+/][\w.@+/ -]*")


class _QuotingBash(BashComplete):
    """Bash takes an offered word as it is, so that one with spaces must come quoted."""

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.type},{shlex.quote(item.value)}"


add_completion_class(_QuotingBash)


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    r"""Print what makes a shell complete mltrack's words.

    Commands, options, and the experiments and runs of the store are completed.

    \b
    bash:  eval "$(mltrack completion bash)"            in ~/.bashrc
    zsh:   eval "$(mltrack completion zsh)"             in ~/.zshrc
    fish:  mltrack completion fish > ~/.config/fish/completions/mltrack.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(kind(context.find_root().command, {}, "mltrack", COMPLETE_VARIABLE).source())


def experiment_names(context: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
    """Offer the names of active experiments that begin so."""
    return [
        CompletionItem(name) for _id, name in _glance(context).experiments if name.startswith(typed) and _safe(name)
    ]


def experiment_ids(context: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
    """Offer the ids of experiments that begin so, with their names beside them."""
    found = _glance(context).experiments
    return [CompletionItem(number, help=_beside(name)) for number, name in found if number.startswith(typed)]


def run_ids(context: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
    """Offer the ids of the newest runs whose ids begin so, with their names beside them."""
    found = _glance(context, typed).runs
    return [CompletionItem(run_id, help=_beside(name)) for run_id, name in found if _safe(run_id)]


def _glance(context: click.Context, run_prefix: str = "") -> Glance:
    # The driver is loaded when a word of the store's is asked for, not when the commands are named.
    from mltrack.store.glance import Glance, glance

    with suppress(Exception):  # there is no place for a message between two words that are being typed
        uri = context.find_root().params.get("store")
        return glance(config.store_path(uri or settings.get_tracking_uri()), run_prefix)
    return Glance((), ())


def _safe(text: str) -> bool:
    return _SAFE.fullmatch(text) is not None


def _beside(name: str) -> str:
    return printable(name) or " "
