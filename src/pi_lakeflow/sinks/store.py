"""The files of one table, wherever they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileSelector, FileSystem, LocalFileSystem, PyFileSystem, SubTreeFileSystem


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
