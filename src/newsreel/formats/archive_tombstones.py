"""``tombstones.jsonl`` of an archive: what was taken out, when and why; never what it said."""

import json
from collections.abc import Iterable
from datetime import datetime

from newsreel.errors import ArchiveError
from newsreel.formats.json_values import (
    UNREADABLE,
    moment_of,
    needed_text,
    object_in,
    texts_of,
)
from newsreel.model.poll import Tombstone


def tombstone_line(
    *, public_id: str, ids: Iterable[str], kind: Tombstone, at: datetime, reason: str
) -> bytes:
    """Return a line, without its newline."""
    row = {
        "at": at.isoformat(),
        "id": public_id,
        "ids": sorted(ids),
        "kind": str(kind),
        "reason": reason,
    }
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace")


def read_tombstone(line: bytes) -> tuple[str, tuple[str, ...], Tombstone, datetime, str]:
    """Return public id, ids, kind, time and reason.

    Raises :class:`~newsreel.errors.ArchiveError` where this is no such line.
    """
    try:
        row = object_in(json.loads(line))
        return (
            needed_text(row, "id"),
            tuple(texts_of(row, "ids")),
            Tombstone(needed_text(row, "kind")),
            moment_of(needed_text(row, "at")),
            needed_text(row, "reason"),
        )
    except UNREADABLE as error:
        raise ArchiveError(f"not a tombstone: {type(error).__name__}: {error}") from error
