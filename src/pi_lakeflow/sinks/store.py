"""The files of one table, wherever they are stored, and what goes wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileSelector, FileSystem, LocalFileSystem, PyFileSystem, SubTreeFileSystem

from pi_lakeflow.errors import SinkUnavailable

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def rooted(path: str, options: Mapping[str, str]) -> FileSystem:
    """A file system whose root is the table's folder."""
    if "://" in path:
        return PyFileSystem(DeltaStorageHandler(path, dict(options)))
    return SubTreeFileSystem(str(Path(path).absolute()), LocalFileSystem())


def empty(path: str, options: Mapping[str, str]) -> None:
    """Delete all objects below a URL; an object store has no folders: what has no objects is not there."""
    files = rooted(path, options)
    found = files.get_file_info(FileSelector("", recursive=True))
    remove(files, [each.path for each in found if each.is_file])


def remove(files: FileSystem, paths: Iterable[str]) -> None:
    """Delete files; one that is not there is no error."""
    for path in paths:
        try:
            files.delete_file(path)
        except FileNotFoundError:
            continue


def discard(files: FileSystem, paths: Iterable[str]) -> None:
    """Delete what can be deleted, for files that nobody names: what went before is the news, good or bad, and
    ``optimize`` removes what is left.
    """
    for path in paths:
        with suppress(OSError):
            files.delete_file(path)


@contextmanager
def translated(path: str) -> Iterator[None]:
    """The border where delta-rs and file system errors become ours."""
    try:
        yield
    except TableNotFoundError as error:
        raise SinkUnavailable(
            "the table is not there", subject=path, hint="run `pi-lakeflow run` first"
        ) from error
    except PermissionError as error:
        raise SinkUnavailable(
            "the lake cannot be written",
            subject=path,
            hint="choose another `lake`, or grant write permission",
        ) from error
    except (DeltaError, OSError) as error:
        raise SinkUnavailable(
            f"the lake cannot be read or written: {_one_line(error)}",
            subject=path,
            hint="check `lake` (path, permissions, free space) and `lake.storage_options`",
        ) from error


def _one_line(error: Exception) -> str:
    """delta-rs draws its causes as a coloured tree of lines."""
    return ": ".join(
        part for line in _COLOUR.sub("", str(error)).splitlines() if (part := line.strip(" ↳\t"))
    )
