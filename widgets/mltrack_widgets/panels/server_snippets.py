"""Lines to copy that call a server from elsewhere; a token is read from its file, and is in none of them."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.serving.handles import Server

LONGEST_BODY = 4_000
"""Characters of a body that the lines hold; a longer one, as of an image, is read from a file."""

_FILE = "body.json"


def curl(server: Server, body: Mapping[str, Any]) -> str:
    """Write a call as a line of a POSIX shell."""
    words = [f"curl {server.url}/invocations", "-H 'Content-Type: application/json'"]
    if server.token_file is not None:
        words.append(f'-H "Authorization: Bearer $(cat {shlex.quote(server.token_file)})"')
    text = json.dumps(body)
    data = shlex.quote(text) if len(text) <= LONGEST_BODY else f"@{_FILE}"
    return " \\\n  ".join([*words, f"-d {data}"])


def python(server: Server, body: Mapping[str, Any]) -> str:
    """Write a call in Python, which needs no library."""
    imports = ["import json", "from urllib.request import Request, urlopen"]
    headers = ['headers = {"Content-Type": "application/json"}']
    if server.token_file is not None:
        imports.insert(1, "from pathlib import Path")
        headers += [
            f"token = Path({server.token_file!r}).read_text().strip()",
            'headers["Authorization"] = f"Bearer {token}"',
        ]
    text = repr(dict(body))
    given = text if len(text) <= LONGEST_BODY else f"json.load(open({_FILE!r}))"
    lines = [
        f"address = {f'{server.url}/invocations'!r}",
        f"body = {given}",
        *headers,
        "request = Request(address, json.dumps(body).encode(), headers)",
        "print(json.load(urlopen(request)))",
    ]
    return "\n".join([*imports, "", *lines])
