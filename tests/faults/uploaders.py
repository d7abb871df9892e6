"""Processes that are killed in the middle of an upload: ``python uploaders.py local|s3 STORE PLACE``."""

from __future__ import annotations

import io
import sys
import time

import mltrack

SIZE = 40_000_000


class Endless(io.RawIOBase):
    """A file that has given 40 MB and is not at its end; it says so once."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int = -1, /) -> bytes:
        if self.given > SIZE:
            print("half", flush=True)
            time.sleep(60)
        self.given += size
        return bytes(size)


if __name__ == "__main__":
    _, task, store, place = sys.argv
    mltrack.set_tracking_uri(store)
    client = mltrack.MltrackClient()
    with mltrack.start_run(experiment_id=client.create_experiment("e", place)) as run:
        mltrack.log_text("whole", "d/before.txt")
        print(run.info.run_id, flush=True)
        mltrack.log_stream(Endless(), "d/big.bin")  # type: ignore[arg-type]
