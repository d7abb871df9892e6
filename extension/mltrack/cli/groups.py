"""The two kinds of groups: the program, which turns errors into exit codes, and a group that is a command as well."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import click

from mltrack.exceptions import MltrackError, StoreError
from mltrack.plain_text import visible

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

EXIT_CODES = (
    (0, "done"),
    (1, "refused, not found, or a check that failed"),
    (2, "wrong usage: no such command or option, or a value that is not allowed"),
    (3, "the store could not be opened, read or written"),
)
"""What the program's exit codes mean."""


class Program(click.Group):
    """The outermost group: an error is one message on stderr and an exit code, never a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of the core, or of the file system, is printed as it is."""
        try:
            return super().invoke(ctx)
        except MltrackError as error:
            failure = _StoreFailure if isinstance(error, StoreError) else _Refusal
            raise failure(visible(str(error))) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of a pipe has seen enough; click ends the program
                raise
            raise _Refusal(visible(str(error))) from error

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the exit codes mean below the commands."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in EXIT_CODES])
        super().format_epilog(ctx, formatter)


class _Refusal(click.ClickException):
    """What was asked for cannot be, or is not there."""

    exit_code = 1


class _StoreFailure(click.ClickException):
    """The store is there, and cannot be used."""

    exit_code = 3


class CommandGroup(click.Group):
    """A group that is a command as well: words that begin with no name of its commands go to ``own``.

    So that ``mltrack runs "metrics.a > 1"`` is a search, and ``mltrack runs delete --run-id …`` a command.
    """

    own: _Own

    def own_command(self, function: Any) -> None:
        """Take the function, and the options that click's decorators gave it, as what the bare group does."""
        self.own = click.command(cls=_Own, name=self.name)(function)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the own command's name before words that are its, unless a shell only asks what may follow."""
        if args and (args[0] in self.commands or args[0] in ctx.help_option_names):
            return super().parse_args(ctx, args)
        if not args and ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        return super().parse_args(ctx, [_OWN_NAME, *args])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give a command by its name; the own one has a name that nobody types."""
        return self.own if cmd_name == _OWN_NAME else super().get_command(ctx, cmd_name)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Give the own command's words for the usage line."""
        return self.own.collect_usage_pieces(ctx)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write both ways of calling."""
        super().format_usage(ctx, formatter)
        formatter.write_usage(ctx.command_path, "COMMAND [OPTIONS]", prefix="   or: ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the own command's options, then the commands."""
        click.Command.format_options(self.own, ctx, formatter)
        self.format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the commands and the own command's options."""
        return [*super().shell_complete(ctx, incomplete), *self.own.shell_complete(ctx, incomplete)]


_OWN_NAME = "\0own"  # no argument of a program can hold a NUL


class _Own(click.Command):
    """What a group does by itself: its context takes the group's place, so that usage and help name the group."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Make the context of the command as that of the group it stands for."""
        if parent is not None:
            info_name, parent = parent.info_name, parent.parent
        return super().make_context(info_name, args, parent, **extra)
