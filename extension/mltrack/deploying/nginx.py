"""The configuration of nginx in front of a model server: it takes slow and large requests off its hands."""

from __future__ import annotations

from dataclasses import dataclass

from mltrack.deploying.templates import fill


@dataclass(frozen=True, slots=True)
class Proxy:
    """Ports, bytes and seconds of nginx; the limits are the model server's own.

    Parameters
    ----------
    port
        Where it listens.
    behind
        The port on this machine where the model server does.
    folder
        Where it may write: its process number, and bodies that are too large for its memory.
    """

    port: int = 8080
    behind: int = 8081
    max_body: int = 16 << 20
    timeout: float = 30.0
    folder: str = "/tmp"  # noqa: S108 - the container's own


def nginx_config(proxy: Proxy) -> str:
    """Give the text of the configuration file, for ``nginx -c FILE`` as any user."""
    values = {
        "port": proxy.port,
        "behind": f"127.0.0.1:{proxy.behind}",
        "max_body": proxy.max_body,
        "timeout": int(proxy.timeout) + 5,  # the server behind says first that it took too long
        "folder": proxy.folder,
    }
    (text,) = fill("image", {name: str(value) for name, value in values.items()}).values()
    return text
