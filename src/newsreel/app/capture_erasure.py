"""What is erased leaves the raw captures too: each one that shows an entry goes, whole."""

import asyncio
from dataclasses import replace
from pathlib import Path

from newsreel.app.captures import trees_in
from newsreel.app.clock import Clock
from newsreel.archive.capture_removal import purge, take_out
from newsreel.archive.captures import CaptureTree, close_left
from newsreel.core.reading import read
from newsreel.formats.warc import feed_key
from newsreel.model.capture import KeptAs, KeptCapture
from newsreel.model.entry import Entry
from newsreel.model.feed import Feed

ERASED = "erased"


async def erase_from_captures(captures: Path, feed: Feed, entry: Entry, *, clock: Clock) -> int:
    """Remove the captures of a feed that show an entry, and return how many there were.

    Raises :class:`~newsreel.errors.ArchiveError` where they are being written at this moment.
    """
    shows = _Shows(feed, entry)
    count = 0
    for tree in trees_in(captures):
        if tree.root.is_dir():
            count += await asyncio.to_thread(_erase, tree, shows, clock)
    return count


async def purge_from_captures(captures: Path, feed: Feed, *, clock: Clock) -> int:
    """Remove all captures of a feed, and return how many there were.

    Raises :class:`~newsreel.errors.ArchiveError` where they are being written at this moment.
    """
    key, count = feed_key(feed.first_url), 0
    for tree in trees_in(captures):
        if tree.root.is_dir():
            count += await asyncio.to_thread(_purge, tree, key, clock)
    return count


def _purge(tree: CaptureTree, key: str, clock: Clock) -> int:
    close_left(tree)
    return purge(tree, [key], at=clock())


def _erase(tree: CaptureTree, shows: "_Shows", clock: Clock) -> int:
    close_left(tree)
    names = [
        name
        for name in tree.names()
        if any(
            line.feed == shows.key and line.kind is KeptAs.RESPONSE for line in tree.lines_of(name)
        )
    ]
    return take_out(tree, names, shows, at=clock(), reason=ERASED)


class _Shows:
    """Tells whether a capture shows an entry: as read today, or, unreadable, in its bytes."""

    def __init__(self, feed: Feed, entry: Entry) -> None:
        self.key = feed_key(feed.first_url)
        self._feed = replace(feed, body_digest=None)  # so that the newest body is read too
        contents = [revision.content for revision in entry.revisions]
        names = {entry.guid, entry.identity}
        names |= {name for content in contents for name in (content.permalink, content.link)}
        self._names = {name for name in names if name}

    def __call__(self, kept: KeptCapture) -> bool:
        if kept.feed != self.key or kept.kind is not KeptAs.RESPONSE:
            return False
        reading = read(self._feed, kept.capture)
        if not reading.is_read:
            body = kept.capture.body or b""
            return any(name.encode("utf-8", "replace") in body for name in self._names)
        return any(
            {found.identity, found.guid, found.content.permalink} & self._names
            for found in reading.sightings
        )
