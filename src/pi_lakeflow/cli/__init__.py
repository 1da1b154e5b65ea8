"""The command ``pi-lakeflow``: renders what the use cases in ``app`` return."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the command: runs it and exits with its code."""
    from pi_lakeflow.cli.program import run

    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))
