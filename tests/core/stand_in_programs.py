"""Programs that stand in for ``docker`` and ``kubectl``, which no test machine has an engine or a cluster for.

They write down what they were called with; docker's runs the container's command here, with no container around it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.projects import stand_in

if TYPE_CHECKING:
    import pytest

_HEAD = f"""#!{sys.executable}
import json, os, subprocess, sys
folder = os.path.dirname(os.path.abspath(__file__))
words = sys.argv[1:]
text = sys.stdin.read() if {{"login", "apply"}} & set(words) else ""
with open(os.path.join(folder, "calls.jsonl"), "a") as log:
    log.write(json.dumps({{"program": os.path.basename(__file__), "words": words, "text": text}}) + "\\n")
"""
_DOCKER = """
if words[0] == "build":
    recipe = words[words.index("--file") + 1]
    print("Step 1/3 : " + open(recipe).read().splitlines()[0])
    with open(os.path.join(folder, "Dockerfile"), "w") as kept:
        kept.write(open(recipe).read())
if words[:2] == ["image", "inspect"]:
    digests = ["other/name@sha256:" + "0" * 64, words[-1].partition(":")[0] + "@sha256:" + "a" * 64]
    print(json.dumps(digests) if "Digests" in words[3] else "sha256:" + "b" * 64)
if words[0] == "run":
    named = [word[6:] for word in words if word.startswith("--env=")]
    environment = {name: os.environ[name] for name in (*named, "PATH") if "=" not in name}
    environment.update(name.split("=", 1) for name in named if "=" in name)
    environment["PYTHONPATH"] = environment.get("PYTHONPATH", "").replace("/mlflow/stand_in", STAND_IN)
    sys.exit(subprocess.run(words[words.index("sh"):], env=environment, cwd=folder).returncode)
sys.exit(1 if words[0] in FAILS else 0)
"""
_KUBECTL = """
verb = next(word for word in words if not word.startswith("--"))
state = os.path.join(folder, "states.json")
if verb in FAILS:
    print("error: the server refused", file=sys.stderr)
    sys.exit(1)
if verb == "get":
    states = json.load(open(state))
    with open(state, "w") as left:
        json.dump(states[1:] or states, left)
    print(json.dumps({"kind": "Job", "status": states[0]}))
if verb == "logs":
    print("the pod's words")
"""


class Programs:
    """A folder that is first on the PATH, with the programs that were asked for and what they were called with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add_docker(self, *fails: str) -> None:
        """Let there be a Docker engine, whose verbs of these names fail."""
        self._add("docker", f"STAND_IN = {str(stand_in.FOLDER)!r}\nFAILS = {fails!r}\n{_DOCKER}")

    def add_kubectl(self, *states: dict[str, Any], fails: tuple[str, ...] = ()) -> None:
        """Let there be a cluster that says this of a Job, one after the other, and the last one from then on."""
        (self.folder / "states.json").write_text(json.dumps(states))
        self._add("kubectl", f"FAILS = {fails!r}\n{_KUBECTL}")

    def calls(self, program: str) -> list[list[str]]:
        """Give what a program was called with."""
        return [each["words"] for each in self.log() if each["program"] == program]

    def log(self) -> list[dict[str, Any]]:
        """Give all calls with the text that they were given."""
        path = self.folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def _add(self, name: str, code: str) -> None:
        path = self.folder / name
        path.write_text(_HEAD + code)
        path.chmod(0o755)


def make_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """A PATH with neither docker nor kubectl, until a test adds them."""
    folder = tmp_path / "programs"
    folder.mkdir()
    places = [str(folder), str(Path(sys.executable).parent), "/usr/bin", "/bin"]
    hidden = tmp_path / "tools"
    hidden.mkdir()
    for place in os.environ["PATH"].split(os.pathsep) + places[2:]:
        for name in ("bash", "sh", "git", "env", "echo", "cat", "sleep", "touch"):
            found = Path(place) / name
            if found.exists() and not (hidden / name).exists():
                (hidden / name).symlink_to(found.resolve())
    monkeypatch.setenv("PATH", os.pathsep.join([*places[:2], str(hidden)]))
    return Programs(folder)
