"""What MLflow's asynchronous logging gives back. Here every call has written when it returns, so nothing is awaited."""

from __future__ import annotations


class RunOperations:
    """The writes of one call with ``synchronous=False``: they are done."""

    def wait(self) -> None:
        """Return at once: what was logged is in the store, or was refused by the call itself."""


DONE = RunOperations()


def flush_async_logging() -> None:
    """Return at once: nothing waits to be written."""
