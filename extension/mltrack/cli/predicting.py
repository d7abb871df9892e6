"""``mltrack models predict``: a file of rows in, a file of predictions out."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from mltrack.cli.model_options import env_manager_option, model_uri_option
from mltrack.cli.output import count, json_option, report
from mltrack.config import TRACKING_URI
from mltrack.deploying.file_kinds import KINDS, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@click.command()
@model_uri_option
@click.option("-i", "--input-path", type=click.Path(dir_okay=False), metavar="FILE", help="Default: standard input.")
@click.option("-o", "--output-path", type=click.Path(dir_okay=False), metavar="FILE", help="Default: standard output.")
@click.option("-t", "--content-type", type=click.Choice(KINDS), help="Of the input; default: by its name, else json.")
@click.option("--whole/--chunks", default=None, help="Predict from all rows at once, or from some 4 MiB at a time.")
@env_manager_option
@json_option
@click.pass_context
def predict(context: click.Context, /, model_uri: str, *, env_manager: str, as_json: bool, **given: Any) -> None:
    """Write a model's predictions for the rows of a file.

    FILE may be larger than the memory. The output's kind is told by its name: .csv, .jsonl, .parquet, else JSON as a
    model server answers. It is there once it is whole. Columns are read by the model's signature.
    """
    if env_manager != "local":
        context.exit(_elsewhere(model_uri, env_manager, as_json=as_json, **given))
    # heavy, and only those who predict need it
    from mltrack.deploying.batch import Batch, predict_file
    from mltrack.pyfunc import load_model

    source, target = given["input_path"], given["output_path"]
    kind = given["content_type"] or kind_of(source)
    batch = Batch(source or "standard input", kind, kind_of(target), given["whole"])
    with _reading(source) as reader:
        model = load_model(model_uri)
        with _writing(target) as writer, _bar(_size(reader)) as on_progress:
            rows = predict_file(model, reader, writer, batch=batch, on_progress=on_progress)
    if target:
        said = {"rows": rows, "output_path": target}
        report(f"{count(rows, 'prediction')} in {target}", lambda: said, as_json=as_json)


def _elsewhere(model_uri: str, env_manager: str, *, as_json: bool, **given: Any) -> int:
    """Do the same in the model's own environment; gives the exit code."""
    from mltrack.deploying.environments import prepare  # only those who ask for one need it
    from mltrack.settings import get_tracking_uri

    python = prepare(model_uri, env_manager)
    words = ["--input-path", given["input_path"]] if given["input_path"] else []
    words += ["--output-path", given["output_path"]] if given["output_path"] else []
    words += ["--content-type", given["content_type"]] if given["content_type"] else []
    words += [] if given["whole"] is None else ["--whole" if given["whole"] else "--chunks"]
    words += ["--json"] if as_json else []
    command = [str(python), "-P", "-m", "mltrack", "models", "predict", "-m", model_uri]
    variables = {**os.environ, TRACKING_URI.name: get_tracking_uri()}  # others can read a command, and it may be secret
    return subprocess.run([*command, *words], env=variables, check=False).returncode


@contextmanager
def _reading(path: str | None) -> Iterator[BinaryIO]:
    if path is not None:
        with Path(path).open("rb") as reader:
            yield reader
    else:
        with tempfile.TemporaryFile() as reader:  # Parquet is not read from front to back
            copyfileobj(sys.stdin.buffer, reader)
            reader.seek(0)
            yield reader


@contextmanager
def _writing(path: str | None) -> Iterator[BinaryIO]:
    if path is not None:
        from mltrack.deploying.whole_outputs import whole_file  # only those who write one need it

        with whole_file(path) as writer:
            yield writer
    else:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()


def _size(reader: BinaryIO) -> int:
    return os.fstat(reader.fileno()).st_size


@contextmanager
def _bar(size: int) -> Iterator[Callable[[int], None]]:
    """Show in a terminal how much of the input has been read."""
    # Heavy, and needed in terminals only.
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("Predicting"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("Predicting", total=size)
        yield lambda done: progress.update(task, completed=done)
