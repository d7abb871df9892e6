"""Voilà with the package's own notebook: one page a kernel, for one store.

Who looks runs no code of their own: Voilà passes on what widgets say and nothing else. Addresses with another Host than
this machine's are refused, as a page elsewhere could point a name of its own here (DNS rebinding).
"""

from __future__ import annotations

import secrets
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from traitlets.config import Config
from voila.app import Voila
from voila.tornado.handler import TornadoVoilaHandler

from mltrack import config
from mltrack.exceptions import MltrackError
from mltrack.serving.ports import listen

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

LOOPBACK = ("127.0.0.1", "localhost", "::1")
IDLE_SECONDS = 600
"""A page's kernel ends when nobody has looked at it for so long."""
_CULL_SECONDS = 30


EXTENSIONS = ("@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget")
"""What of JupyterLab's extensions the pages need; what else the user has installed stays out."""
_NO_MATHJAX = (
    "data:text/javascript,window.MathJax={Hub:{Config(){},Configured(){},Queue(){},Register:{StartupHook(){}}}}//"
)


def without_formulas(page_config: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Leave out what sets formulas, which Voilà would have from a CDN."""
    return {**page_config, "fullMathjaxUrl": _NO_MATHJAX}


class Page(TornadoVoilaHandler):  # type: ignore[misc]
    """A page, which with the cookie of its answer may end its kernel when it is closed."""

    async def get(self, path: str | None = None) -> None:
        """Answer with the page."""
        _ = self.xsrf_token  # asking for it sets the cookie
        await super().get(path)


class ThisPython(KernelSpecManager):
    """Starts kernels with the Python that runs this, whatever kernels the user has."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Give the only kernel there is."""
        words = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=ERROR"]
        return KernelSpec(argv=words, display_name=kernel_name, language="python", resource_dir="")

    def find_kernel_specs(self) -> dict[str, str]:
        """Give the only kernel there is."""
        return {"python3": ""}


class Pages(Voila):  # type: ignore[misc]
    """Voilà that reads no files of settings, since such a file can name code, and asks nobody."""

    place: socket.socket
    """What has listened since a port was looked for: another program could take it until Voilà is ready."""

    def load_config_file(self, *arguments: Any, **options: Any) -> None:
        """Read none."""

    def setup_template_dirs(self) -> None:
        """Look for templates in the package first."""
        super().setup_template_dirs()
        self.template_paths.insert(0, str(notebook_path().parent / "templates"))

    def init_handlers(self) -> list[Any]:
        """Give Voilà's handlers, with ours for the page."""
        return [
            (each[0], Page, *each[2:]) if each[1] is TornadoVoilaHandler else each for each in super().init_handlers()
        ]

    def listen(self) -> None:
        """Answer at the place that was found."""
        self.app.listen = lambda *_: HTTPServer(self.app).add_socket(self.place)
        super().listen()

    def init_settings(self) -> dict[str, Any]:
        """Give Voilà's settings, but refuse other Hosts where only this machine may look."""
        found: dict[str, Any] = super().init_settings()
        return {**found, "allow_remote_access": self.ip not in LOOPBACK}


def notebook_path() -> Path:
    """Give the notebook that ships with the package."""
    found = find_spec("mltrack_widgets")
    if found is None or found.origin is None:
        raise MltrackError("mltrack_widgets is not installed; reinstall jupyter-mltrack.")
    return Path(found.origin).parent / "ui" / "page.ipynb"


def run(store_uri: str, *, host: str, port: int | None, on_ready: Callable[[str], object]) -> None:
    """Serve the pages of a store until a signal; ``on_ready`` is given the address.

    Raises
    ------
    AlreadyExistsError
        When the port is taken.
    """
    place = listen(host, port)
    place.settimeout(0)  # Tornado asks it for callers that are there
    chosen = place.getsockname()[1]
    token = "" if host in LOOPBACK else secrets.token_urlsafe(24)
    config.TRACKING_URI.set(store_uri)
    config.WIDGETS.set("always")
    app = Pages.instance(config=_settings(host, chosen, token))
    app.place = place
    app.initialize([])
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{chosen}/" + (f"?token={token}" if token else "")
    IOLoop.current().add_callback(on_ready, url)  # done when the loop runs, which is after Voilà listens
    app.start()


def _settings(host: str, port: int, token: str) -> Config:
    return Config(
        Voila={
            "notebook_path": str(notebook_path()),
            "ip": host,
            "port": port,
            "port_retries": 0,
            "open_browser": False,
            "token": token,
            "log_level": "ERROR",
        },
        VoilaConfiguration={
            "strip_sources": True,
            "show_tracebacks": False,
            "file_allowlist": [],
            "kernel_spec_manager_class": ThisPython,
            "allow_theme_override": "YES",
            "allow_template_override": "NO",
            "extension_allowlist": list(EXTENSIONS),
            "page_config_hook": without_formulas,
        },
        MappingKernelManager={
            "cull_idle_timeout": IDLE_SECONDS,
            "cull_interval": _CULL_SECONDS,
            "cull_connected": False,
        },
    )
