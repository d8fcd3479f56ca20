"""One writer at a time in an archive."""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from newsreel.archive.trouble import archive_trouble

LOCK = ".lock"
_WAIT_SECONDS = 0.1


@asynccontextmanager
async def locked(root: Path, notify: Callable[[str], None]) -> AsyncIterator[None]:
    """Hold the archive's lock; while another process has it, say so and wait.

    The system drops the lock when its holder dies, so no stale one is ever left behind.
    """
    with archive_trouble(root):
        file = (root / LOCK).open("ab")
    with file:
        if not _is_taken(file.fileno(), root):
            notify(f"waiting: another process writes the archive {root}")
            while not _is_taken(file.fileno(), root):  # noqa: ASYNC110 (no event tells of it)
                await asyncio.sleep(_WAIT_SECONDS)
        yield


def _is_taken(descriptor: int, root: Path) -> bool:
    with archive_trouble(root):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
