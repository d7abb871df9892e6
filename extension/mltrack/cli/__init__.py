"""The command line: parse, call one function, print. One noun a file; ``mltrack`` is ``mltrack.cli:main``."""

from mltrack.cli.program import main as main
