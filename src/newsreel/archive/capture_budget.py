"""What raw captures may cost: the oldest files go first, and a line says of each that it went.

``dropped.jsonl`` lies beside the files and is only ever appended to; its line is on disk before
the file goes.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from newsreel.archive.captures import WARC, CaptureTree

DROPPED = "dropped.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A file that went, and what was in it."""

    file: str
    size_bytes: int
    captures: int
    is_private: bool


def keep_within(trees: Sequence[CaptureTree], most_bytes: int, *, at: datetime) -> list[Dropped]:
    """Remove the oldest closed files until the rest fits, and return what went."""
    found = [(name, tree, size) for tree in trees for name, size in tree.sizes().items()]
    found.sort(key=lambda entry: _age(entry[1], entry[0]))
    total = sum(size for _, _, size in found)
    dropped = []
    for name, tree, size in found:
        if total <= most_bytes:
            break
        with tree.locked():
            if tree.is_open(name):
                continue
            count = sum(1 for _ in tree.lines_of(name))
            gone = Dropped(
                file=name + WARC, size_bytes=size, captures=count, is_private=tree.is_private
            )
            note_dropped(
                tree, name, size_bytes=size, captures=count, at=at, reason="captures_budget"
            )
            tree.remove(name)
        dropped.append(gone)
        total -= size
    return dropped


def _age(tree: CaptureTree, name: str) -> tuple[str, int]:
    """Return when a file was begun, to the second, and within it when it was last written."""
    try:
        written_at = (tree.root / (name + WARC)).stat().st_mtime_ns
    except FileNotFoundError:
        written_at = 0
    return name[: len("2026-03-04-080000")], written_at


def note_dropped(
    tree: CaptureTree,
    name: str,
    *,
    size_bytes: int,
    captures: int,
    at: datetime,
    reason: str,
) -> None:
    """Note, on disk, that captures of a file go, or all of it, and why."""
    row = {
        "at": at.isoformat(),
        "file": name + WARC,
        "bytes": size_bytes,
        "captures": captures,
        "reason": reason,
    }
    with (tree.root / DROPPED).open("ab") as file:
        file.write(json.dumps(row).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
