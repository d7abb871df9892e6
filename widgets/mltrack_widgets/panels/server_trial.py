"""Trying a server out from its panel: what was filled in is sent, and what came back is put into words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import MltrackError
from mltrack.plain_text import visible
from mltrack_widgets.format import number
from mltrack_widgets.panels.server_call import call
from mltrack_widgets.panels.server_form import FieldError, Form, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.serving.handles import Server

_MOST_TEXT = 20_000


def try_out(server: Server, form: Form, given: Mapping[str, Any]) -> dict[str, Any]:
    """Send what was filled in, ``values`` of the fields or a whole body as ``json``, and give what the page shows.

    Returns
    -------
    dict
        ``words`` (the status and how long it took, or why nothing was sent), ``is_error``, ``text`` of the answer,
        ``key`` of the field that is at fault.
    """
    try:
        body = _body(form, given)
    except FieldError as error:
        return _shown("Not sent.", error.message, key=error.key, is_error=True)
    try:
        found = call(server, "/invocations", body)
    except MltrackError as error:
        return _shown("No answer.", error.message, is_error=True)
    words = f"{found.status} {found.reason} · {number(float(f'{found.milliseconds:.3g}'))} ms"
    if found.status < 400:
        return _shown(words, found.text)
    message = found.message or found.text
    return _shown(words, message, key=form.named_in(message), is_error=True)


def _body(form: Form, given: Mapping[str, Any]) -> bytes:
    text = given.get("json")
    if not isinstance(text, str):
        values = given.get("values")
        return json.dumps(form.body(values if isinstance(values, dict) else {})).encode()
    try:
        read_json(text)
    except ValueError as error:
        raise FieldError("json", f"This is not JSON: {error}.") from None
    return text.encode(errors="replace")


def _shown(words: str, text: str, *, key: str = "", is_error: bool = False) -> dict[str, Any]:
    cut = text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}… ({len(text):,} characters)"
    return {"words": words, "text": visible(cut), "key": key, "is_error": is_error}
