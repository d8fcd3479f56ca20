"""Captures taken out of files that are closed: a file is written anew without them.

The new file is complete before the old one goes; ``dropped.jsonl`` says what was done. Killed in
between, both are there, and doing it again comes to the same end.
"""

import os
import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from newsreel.archive.capture_budget import note_dropped
from newsreel.archive.captures import INDEX, OPEN, WARC, CaptureTree, members_of, settle
from newsreel.errors import ArchiveError
from newsreel.formats.cdxj import line_of
from newsreel.formats.warc import read_record
from newsreel.model.capture import KeptCapture

PURGED = "purged"


def purge(tree: CaptureTree, feeds: Collection[str], *, at: datetime) -> int:
    """Remove all captures of feeds (their keys), and return how many there were.

    Raises:
        ArchiveError: one of the files that hold some is being written.
    """
    names = [
        name for name in tree.names() if any(line.feed in feeds for line in tree.lines_of(name))
    ]
    return take_out(tree, names, lambda kept: kept.feed in feeds, at=at, reason=PURGED)


def take_out(
    tree: CaptureTree,
    names: Sequence[str],
    is_out: Callable[[KeptCapture], bool],
    *,
    at: datetime,
    reason: str,
) -> int:
    """Write files without the captures of which ``is_out`` is true; return how many those are.

    Raises:
        ArchiveError: one of the files is being written.
    """
    with tree.locked():
        for name in names:
            if tree.is_open(name):
                raise ArchiveError(
                    f"captures are being written: {name}{WARC}",
                    hint="stop 'newsreel run' for a moment, and try again",
                )
        return sum(_without(tree, name, is_out, at=at, reason=reason) for name in names)


def _without(
    tree: CaptureTree,
    name: str,
    is_out: Callable[[KeptCapture], bool],
    *,
    at: datetime,
    reason: str,
) -> int:
    other = f"{name[:18]}{secrets.token_hex(3)}"
    path = tree.root / (name + WARC)
    lines, gone = [], 0
    with (tree.root / (other + WARC + OPEN)).open("xb") as target:
        question = b""
        for member, record in members_of(path):
            kept = read_record(record, is_private=tree.is_private)
            if kept is None and b"WARC-Type: request" in record[:200]:
                question = member
            elif kept is None:
                target.write(member)
            elif is_out(kept):
                gone, question = gone + 1, b""
            else:
                target.write(question)
                place = target.tell()
                target.write(member)
                lines.append(line_of(kept, file=other + WARC, offset=place, length=len(member)))
                question = b""
        target.flush()
        os.fsync(target.fileno())
    (tree.root / (other + INDEX + OPEN)).write_bytes(b"".join(lines))
    if gone:
        size = path.stat().st_size
        note_dropped(tree, name, size_bytes=size, captures=gone, at=at, reason=reason)
    if gone and lines:
        settle(tree, other)
    else:
        for ending in (WARC, INDEX):
            (tree.root / (other + ending + OPEN)).unlink()
    if gone:
        tree.remove(name)
    return gone
