"""Images of PIL and numpy as bytes of a file, and how a series of them is named."""

from __future__ import annotations

import io
import sys
from secrets import token_hex
from typing import Any

from mltrack.exceptions import InvalidParameterError
from mltrack.keys import check_key
from mltrack.store.artifacts import SafePath, safe_path
from mltrack.values import make_metric


def image_path(
    artifact_file: str | None, key: str | None, *, step: int | None = None, timestamp: int | None = None
) -> SafePath:
    """Give the place of an image: the one that was named, or one in the series of a key.

    The names in a series are those of MLflow 3: ``images/KEY+step+STEP+timestamp+MS+UNIQUE.png``, with ``~`` for
    each slash of the key.
    """
    if (artifact_file is None) == (key is None):
        raise InvalidParameterError("Give log_image either an artifact_file or a key, not both and not none.")
    if key is None:
        return safe_path(str(artifact_file))
    point = make_metric(check_key(key, "image"), 0.0, step, timestamp)
    name = key.replace("/", "~")
    return safe_path(f"images/{name}+step+{point.step}+timestamp+{point.timestamp}+{token_hex(8)}.png")


def image_bytes(image: Any, path: SafePath) -> bytes:
    """Write an image in the format that the path's ending names, default PNG.

    Raises
    ------
    InvalidParameterError
        For what is no image, and for a format that is not known or cannot hold these pixels.
    """
    kind = path.ending or "png"
    picture = _picture(image)
    target = io.BytesIO()
    try:
        picture.save(target, format={"jpg": "jpeg"}.get(kind, kind))
    except (KeyError, OSError, ValueError) as error:
        raise InvalidParameterError(f"log_image cannot write {path.text!r} as {kind}: {error}. Try .png.") from error
    return target.getvalue()


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
