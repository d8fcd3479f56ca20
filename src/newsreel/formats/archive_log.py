"""``log.jsonl`` of an archive: a line for every version of a file, bound to the one before.

``previous`` is the SHA-256 of the line before, without its newline; 64 zeros in the first line. A
line that is changed, taken out or put in breaks the chain after it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator

from newsreel.errors import ArchiveError
from newsreel.formats.json_values import (
    UNREADABLE,
    moment_of,
    needed_text,
    number_of,
    object_in,
)
from newsreel.model.day import LogLine, WriteReason

FIRST = "0" * 64


def log_line_of(line: LogLine) -> bytes:
    """Return a line of the log, without its newline."""
    row = {
        "at": line.at.isoformat(),
        "path": line.path,
        "version": line.version,
        "sha256": line.sha256,
        "reason": str(line.reason),
        "previous": line.previous,
    }
    return json.dumps(row, ensure_ascii=False).encode()


def digest_of_line(line: bytes) -> str:
    """Return what the next line's ``previous`` must be."""
    return hashlib.sha256(line).hexdigest()


def read_log_line(line: bytes) -> LogLine:
    """Return a line understood, or raise :class:`~newsreel.errors.ArchiveError`."""
    try:
        row = object_in(json.loads(line))
        return LogLine(
            at=moment_of(needed_text(row, "at")),
            path=needed_text(row, "path"),
            version=number_of(row, "version"),
            sha256=needed_text(row, "sha256"),
            reason=WriteReason(needed_text(row, "reason")),
            previous=needed_text(row, "previous"),
        )
    except UNREADABLE as error:
        raise ArchiveError(f"not a line of the log: {type(error).__name__}: {error}") from error


def broken_links(lines: Iterable[bytes]) -> Iterator[int]:
    """Yield the numbers (from 1) of lines that can't be read or aren't bound to the one before."""
    previous = FIRST
    for number, line in enumerate(lines, 1):
        try:
            is_bound = read_log_line(line).previous == previous
        except ArchiveError:
            is_bound = False
        if not is_bound:
            yield number
        previous = digest_of_line(line)
