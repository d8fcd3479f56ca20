"""Whose turn it is to write, where several processes share a database."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Turn:
    """The turn to write, which processes take one after the other.

    SQLite itself lets those who wait look again now and then, so that a busy writer can keep
    another out until it gives up. A lock of the file system wakes whoever waits, and is free when
    its holder dies. It is the directory that is locked: to open and close the database's own file
    would undo SQLite's locks.
    """

    def __init__(self, database: Path) -> None:
        self._file = os.open(database.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the turn for the length of a block."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go."""
        os.close(self._file)
