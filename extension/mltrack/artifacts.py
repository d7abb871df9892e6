"""Files of a run: ``log_text``, ``log_figure``, ``log_artifact`` and their like, with MLflow's names and arguments.

Each file is written under a temporary name and moved into place; its size and SHA-256 go to the store.
"""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.keys import check_key, check_run_id
from mltrack.settings import get_store
from mltrack.store.artifacts import SafePath, copy_file, files_below, open_artifact, safe_path, write_bytes
from mltrack.tracking import target_run
from mltrack.values import make_metric

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.store.protocol import Store


def _target(run_id: str | None) -> tuple[Store, str]:
    return target_run() if run_id is None else (get_store(), check_run_id(run_id))


def _put(content: bytes, artifact_file: str, run_id: str | None) -> None:
    path = safe_path(artifact_file)
    store, run_id = _target(run_id)
    store.record_artifacts(run_id, {path: write_bytes(store.artifact_root(run_id), path, content)})


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Log text as a UTF-8 file at ``artifact_file`` (such as ``"notes/readme.txt"``) of the run."""
    if not isinstance(text, str):
        raise InvalidParameterError(f"log_text needs text for {artifact_file!r}; got a {type(text).__name__}.")
    _put(_utf8(text), artifact_file, run_id)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")  # a lone surrogate is in no file


def log_dict(dictionary: Mapping[str, Any] | list[Any], artifact_file: str, run_id: str | None = None) -> None:
    """Log a dictionary or list as YAML where ``artifact_file`` ends in .yml or .yaml, else as JSON.

    What JSON does not know is written as its text.
    """
    if PurePosixPath(artifact_file).suffix in (".yml", ".yaml"):
        import yaml  # only for YAML files

        text = yaml.safe_dump(json.loads(_json(dictionary)), sort_keys=False, allow_unicode=True)
    else:
        text = _json(dictionary, indent=2)
    _put(_utf8(text), artifact_file, run_id)


def _json(value: object, *, indent: int | None = None) -> str:
    try:
        return json.dumps(value, default=_plain, indent=indent, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidParameterError(f"A {type(value).__name__} could not be written as JSON: {error}.") from error


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def log_figure(figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None) -> None:
    """Log a matplotlib, plotly or Altair figure; the ending of ``artifact_file`` (.png, .svg, .html…) is its format."""
    kind = PurePosixPath(safe_path(artifact_file).text).suffix.lstrip(".").lower()
    options = dict(save_kwargs or {})
    if not kind:
        raise InvalidParameterError(f"log_figure needs a file ending for {artifact_file!r}, such as .png.")
    library = type(figure).__module__.partition(".")[0]
    if library == "plotly":
        text = figure.to_html(include_plotlyjs=True, **options) if kind == "html" else None
        content = text.encode() if text is not None else figure.to_image(format=kind, **options)
    elif library == "altair":
        content = _saved(figure.save, kind, {"format": kind, **options})
    elif hasattr(figure, "savefig"):
        content = _saved(figure.savefig, kind, {"format": kind, **options})
    else:
        raise InvalidParameterError(
            f"log_figure takes matplotlib, plotly and Altair figures, no {type(figure).__name__} ({artifact_file!r})."
        )
    _put(content, artifact_file, None)


def _saved(save: Any, kind: str, options: Mapping[str, Any]) -> bytes:
    is_altair = "altair" in type(getattr(save, "__self__", save)).__module__
    is_text = kind in ("html", "json") or (kind == "svg" and is_altair)
    target: Any = io.StringIO() if is_text else io.BytesIO()
    save(target, **options)
    content = target.getvalue()
    return content.encode() if isinstance(content, str) else bytes(content)


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = None,  # noqa: ARG001, FBT001 - MLflow's signature; here every call is synchronous
) -> None:
    """Log an image: a PIL image, or a numpy array (H×W, H×W×1, ×3 or ×4; ints and bools 0 to 255, floats 0 to 1).

    Give ``artifact_file``, or a ``key`` with a ``step`` for one of a series (``images/KEY%step%STEP%….png``).
    """
    if (artifact_file is None) == (key is None):
        raise InvalidParameterError("Give log_image either an artifact_file or a key, not both and not none.")
    if key is not None:
        point = make_metric(check_key(key, "image"), 0.0, step, timestamp)
        name = key.replace("/", "#")
        artifact_file = f"images/{name}%step%{point.step}%timestamp%{point.timestamp}%{token_hex(8)}.png"
    path = safe_path(str(artifact_file)).text
    kind = PurePosixPath(path).suffix.lstrip(".").lower() or "png"
    picture = _picture(image)
    target = io.BytesIO()
    try:
        picture.save(target, format={"jpg": "jpeg"}.get(kind, kind))
    except (KeyError, OSError, ValueError) as error:  # an unknown format, or one that cannot hold these pixels
        raise InvalidParameterError(f"log_image cannot write {path!r} as {kind}: {error}. Try .png.") from error
    _put(target.getvalue(), path, None)


def _picture(image: Any) -> Any:
    if hasattr(image, "save") and hasattr(image, "mode"):
        return image
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(image, numpy.ndarray):
        raise InvalidParameterError(f"log_image needs a PIL image or a numpy array; got a {type(image).__name__}.")
    try:
        from PIL import Image  # an optional library, needed for arrays only
    except ImportError:
        raise InvalidParameterError("log_image needs Pillow for numpy arrays: `pip install pillow`.") from None
    return Image.fromarray(_pixels(numpy, image))


def _pixels(numpy: Any, array: Any) -> Any:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)) or array.size == 0:
        raise InvalidParameterError(f"log_image needs H×W, H×W×1, H×W×3 or H×W×4; got the shape {array.shape}.")
    if array.dtype.kind == "b":
        return array.astype("uint8") * 255
    if array.dtype.kind not in "iuf":
        raise InvalidParameterError(f"log_image needs numbers; got an array of {array.dtype}.")
    top = 1 if array.dtype.kind == "f" else 255
    if not numpy.isfinite(array).all() or array.min() < 0 or array.max() > top:
        raise InvalidParameterError(
            f"log_image needs values from 0 to {top} for {array.dtype}; got {array.min()} to {array.max()}."
        )
    return (array * 255).round().astype("uint8") if top == 1 else array.astype("uint8")


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Log a pandas DataFrame, or a dictionary of columns, as JSON (``{"columns": […], "data": […]}``) or .parquet.

    Logging to a file that is there adds the rows.
    """
    import pandas as pd  # heavy, needed for tables only

    kind = PurePosixPath(artifact_file).suffix
    if kind not in (".json", ".parquet"):
        raise InvalidParameterError(f"log_table writes .json and .parquet files; got {artifact_file!r}.")
    if not isinstance(data, (dict, pd.DataFrame)):
        raise InvalidParameterError(f"log_table needs a DataFrame or a dictionary; got a {type(data).__name__}.")
    try:
        frame = data if isinstance(data, pd.DataFrame) else pd.DataFrame(data)
    except ValueError:  # all values are scalars: one row
        frame = pd.DataFrame([data])
    path = safe_path(artifact_file)
    store, run_id = _target(run_id)
    try:
        earlier = open_artifact(store.artifact_root(run_id), path)
    except NotFoundError:
        pass
    else:
        before = pd.read_parquet(earlier) if kind == ".parquet" else _read_split(pd, earlier)
        frame = pd.concat([before, frame], ignore_index=True)
    if kind == ".parquet":
        target = io.BytesIO()
        frame.to_parquet(target)
        content = target.getvalue()
    else:
        content = frame.to_json(orient="split", index=False, double_precision=15, force_ascii=False).encode()
    store.record_artifacts(run_id, {path: write_bytes(store.artifact_root(run_id), path, content)})


def _read_split(pd: Any, path: Path) -> Any:
    document = json.loads(path.read_text())
    return pd.DataFrame(document["data"], columns=document["columns"])


def log_artifact(local_path: str | Path, artifact_path: str | None = None, run_id: str | None = None) -> None:
    """Log a file, or a folder with all in it, into the folder ``artifact_path`` (default: the root) of the run."""
    source = Path(local_path)
    if source.is_dir():
        name = source.name if source.name not in ("", "..") else source.resolve().name
        folder = f"{artifact_path}/{name}" if artifact_path else name
        log_artifacts(source, folder, run_id)
        return
    if not source.exists():
        raise NotFoundError(f"There is no file {str(local_path)!r} to log.")
    name = f"{artifact_path}/{source.name}" if artifact_path else source.name
    path = safe_path(name)
    store, run_id = _target(run_id)
    store.record_artifacts(run_id, {path: copy_file(store.artifact_root(run_id), path, source)})


def log_artifacts(local_dir: str | Path, artifact_path: str | None = None, run_id: str | None = None) -> None:
    """Log all regular files below a folder, keeping its shape; links, pipes and devices are left out."""
    folder = Path(local_dir)
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {str(local_dir)!r} to log.")
    sources = files_below(folder)
    paths = [_below(artifact_path, source.relative_to(folder)) for source in sources]
    store, run_id = _target(run_id)
    root = store.artifact_root(run_id)
    started = time.monotonic()
    files: dict[SafePath, tuple[int, str]] = {}
    for source, path in zip(sources, paths, strict=True):
        files[path] = copy_file(root, path, source)
        if time.monotonic() - started > 1:  # a long copy that is interrupted keeps what is in place
            store.record_artifacts(run_id, files)
            files, started = {}, time.monotonic()
    store.record_artifacts(run_id, files)


def _below(folder: str | None, path: Path) -> SafePath:
    return safe_path(f"{folder}/{path.as_posix()}" if folder else path.as_posix())
