"""The border to Spark, which shows an error's text and notes, and knows no hints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pi_lakeflow.errors import PiLakeflowError


@contextmanager
def told() -> Iterator[None]:
    """Errors of ours get their hint as a note."""
    try:
        yield
    except PiLakeflowError as error:
        note = f"hint: {error.hint}"
        if error.hint and note not in getattr(error, "__notes__", ()):
            error.add_note(note)
        raise
