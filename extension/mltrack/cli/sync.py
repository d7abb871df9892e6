"""``mltrack sync``: send what could not be sent to a server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from mltrack.cli.output import count, json_option, print_json, say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mltrack.rest.syncing import Synced, Waiting


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what waits.")
@json_option
def sync(*, dry_run: bool, as_json: bool) -> None:
    """Send what could not be sent to a tracking server.

    What was logged, what runs read, their ends, and runs themselves wait in the user's folder when their server could
    not be reached until their process ended. With --store, or a server in the environment, only what waits for that
    server is sent. The exit code is 1 if something was not sent, was refused, or is damaged.
    """
    from mltrack.rest import syncing  # needs what talks to servers
    from mltrack.rest.transport import Transport

    waiting: Iterable[Synced] = (syncing.Synced(each) for each in syncing.spool_status())
    found = waiting if dry_run else syncing.sync(Transport)
    shown, is_good = [], True
    for each in found:
        is_good = is_good and (dry_run or each.is_good)
        shown.append(_plain(each))
        if not as_json:
            _tell(each, dry_run=dry_run)
    if as_json:
        print_json(shown)
    elif not shown:
        say("Nothing waits for a server.")
    if not is_good:
        sys.exit(1)


def _tell(found: Synced, *, dry_run: bool) -> None:
    file = found.file
    if found.sent:
        say(f"{file.server}: sent {found.sent}")
    for each in found.refused:
        kept = f"; kept in {each.kept}" if each.kept else ""
        say(f"{file.server}: refused {each.amount} of run {each.run_id}: {each.reason}{kept}")
    if found.left:
        why = _why(found, dry_run=dry_run)
        say(f"{file.server}: {found.left} of {count(len(file.runs), 'run')} {why}")
    for place in file.damaged:
        size = place.end - place.start
        say(f"{file.path}: {count(size, 'byte')} at {place.start} are damaged; what they held is lost")
    if file.refused:
        say(f"{file.refused_path}: {file.refused} that the server refused before; delete it when you like")


def _why(found: Synced, *, dry_run: bool) -> str:
    if found.file.process is not None:
        return f"are being sent by process {found.file.process}"
    return "wait" if dry_run or not found.problem else f"wait: {found.problem}"


def _plain(found: Synced) -> dict[str, Any]:
    file: Waiting = found.file
    return {
        "file": str(file.path),
        "server": file.server,
        "process": file.process,
        "runs": sorted(file.runs),
        "waited": file.amount,
        "sent": found.sent,
        "left": found.left,
        "refused": [
            {"run_id": each.run_id, "amount": each.amount, "reason": each.reason, "kept": each.kept and str(each.kept)}
            for each in found.refused
        ],
        "refused_before": file.refused,
        "damaged": [{"start": each.start, "bytes": each.end - each.start} for each in file.damaged],
        "problem": found.problem,
    }
