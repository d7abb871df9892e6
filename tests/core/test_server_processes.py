"""The processes of a server: started again, also where that is refused for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.core.scripts import run_script

if TYPE_CHECKING:
    from pathlib import Path

# The only process is killed; the system refuses another three times, as one that has no memory left; the next ends all.
SCRIPT = """
import os, signal
from mltrack.server.processes import Processes

fork, refused = os.fork, []

def work(place, ready):
    ready()
    if os.path.exists("first"):
        print("again", flush=True)
        os.kill(os.getppid(), signal.SIGTERM)
        signal.pause()
    open("first", "w").close()
    os.kill(os.getpid(), signal.SIGKILL)

def fork_later():
    if len(refused) < 3:
        refused.append(1)
        raise OSError(12, "Cannot allocate memory")
    return fork()

def forbid(*death):
    os.fork = fork_later

processes = Processes(1, work)
processes.on_death = forbid
processes.run(lambda: print("ready", flush=True))
print(len(refused))
"""


def test_where_none_is_left_and_none_can_be_started_it_is_tried_again(tmp_path: Path) -> None:
    assert run_script(SCRIPT, folder=tmp_path).stdout.split() == ["ready", "again", "3"]
