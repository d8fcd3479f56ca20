"""What the disk refuses, as an error with a way out."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsreel.errors import ArchiveError

_HINTS = {
    errno.ENOSPC: "free some space and export again; nothing is lost",
    errno.EDQUOT: "free some space and export again; nothing is lost",
    errno.EACCES: "give this user the right to write there, or name another with --archive",
    errno.EPERM: "give this user the right to write there, or name another with --archive",
    errno.EROFS: "name another directory with --archive",
    errno.ENOTDIR: "a file is in the way; name another directory with --archive",
    errno.EEXIST: "a file is in the way; name another directory with --archive",
}


@contextmanager
def archive_trouble(root: Path) -> Iterator[None]:
    """Turn an OSError into an :class:`~newsreel.errors.ArchiveError` that names the archive."""
    try:
        yield
    except OSError as error:
        what = (error.strerror or str(error)).lower()
        where = error.filename or root
        hint = _HINTS.get(error.errno or 0, "")
        raise ArchiveError(f"archive {root}: {what}: {where}", hint=hint) from error
