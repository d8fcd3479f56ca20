"""Who holds a lease, and whether that process still lives.

Each store locks a small file beside the database for as long as it is open; the kernel lets go of
it when the process dies, however it dies. A holder whose file can be locked is dead.
"""

import fcntl
import glob
import os
import secrets
from pathlib import Path


class Holder:
    """One process's name in the leases of a database."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self.name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._path = self._path_of(self.name)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def is_alive(self, name: str) -> bool:
        """Tell whether the holder of that name lives; a dead one's file is removed."""
        if name == self.name:
            return True
        path = self._path_of(name)
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            path.unlink(missing_ok=True)
            return False
        finally:
            os.close(file)

    def close(self) -> None:
        """Let go."""
        self._path.unlink(missing_ok=True)
        os.close(self._file)

    def _path_of(self, name: str) -> Path:
        return self._database.with_name(f"{self._database.name}.{name}.lease")


def living_holders(database: Path) -> list[str]:
    """Return the names of those who have the database open and may write to it."""
    pattern = f"{glob.escape(database.name)}.*.lease"
    paths = sorted(database.parent.glob(pattern))
    return [path.name[len(database.name) + 1 : -6] for path in paths if _is_locked(path)]


def _is_locked(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(file)
