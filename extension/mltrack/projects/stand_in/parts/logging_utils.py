"""``mlflow.utils.logging_utils``: printing to standard error."""

import sys
from typing import Any


def eprint(*values: Any, **options: Any) -> None:
    """Print to standard error."""
    print(*values, file=sys.stderr, **options)
