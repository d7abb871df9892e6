"""``python -m mltrack.projects.backends.ray_head``: ``ray start --head`` that ends when its standard input does."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_FOLDER = "--temp-dir="


def main() -> None:
    """Start Ray with the options of the command line and stay until the other end of standard input is closed.

    Its folder goes with it: who started it may have been killed, and clear up nothing.
    """
    from ray.scripts.scripts import main as ray  # slow, and this is all that the process is for

    for word in sys.argv:
        if word.startswith(_FOLDER):
            atexit.register(shutil.rmtree, word.removeprefix(_FOLDER), ignore_errors=True)
    threading.Thread(target=_end_with_input, name="mltrack-input", daemon=True).start()
    sys.argv = ["ray", "start", "--head", "--block", *sys.argv[1:]]
    start: Callable[[], None] = ray
    start()


def _end_with_input() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)  # Ray ends what it started, then itself


if __name__ == "__main__":
    main()
