"""The program ``kubectl``, as lists of arguments."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

from mltrack.exceptions import ExecutionError
from mltrack.plain_text import visible

_MOST_SHOWN = 1000
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Kubectl:
    """The program's path, and which cluster and name space it is to speak of."""

    program: str
    context: str | None = None
    namespace: str | None = None

    def apply(self, manifest: str) -> None:
        """Have the cluster make what a manifest says."""
        self._run("apply", "-f", "-", text=manifest)

    def job(self, name: str) -> dict[str, Any]:
        """Give a Job as the cluster has it."""
        found = json.loads(self._run("get", "job", name, "-o", "json"))
        return found if isinstance(found, dict) else {}

    def delete_job(self, name: str) -> None:
        """Delete a Job with its pods, and wait until it is gone."""
        self._run("delete", "job", name, "--ignore-not-found=true", "--wait=true", "--cascade=foreground")

    def logs(self, name: str) -> str:
        """Give what the pods of a Job printed; nothing while there is none."""
        try:
            return self._run("logs", f"job/{name}", "--tail=-1")
        except ExecutionError:  # no pod yet, or one that waits for its image
            return ""

    def words(self, *arguments: str) -> list[str]:
        """Give the whole call with these arguments."""
        chosen = [f"--context={self.context}"] if self.context else []
        chosen += [f"--namespace={self.namespace}"] if self.namespace else []
        return [self.program, *chosen, *arguments]

    def _run(self, *arguments: str, text: str | None = None) -> str:
        given = (text or "").encode()  # an empty text is an empty standard input
        try:
            done = subprocess.run(
                self.words(*arguments), input=given, capture_output=True, check=False, timeout=_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise ExecutionError(f"kubectl {arguments[0]} did not answer within {_SECONDS} seconds.") from error
        if done.returncode:
            said = visible(done.stderr.decode("utf-8", errors="replace")).strip()[-_MOST_SHOWN:]
            raise ExecutionError(f"kubectl {arguments[0]} failed (exit code {done.returncode}): {said}")
        return done.stdout.decode("utf-8", errors="replace")
