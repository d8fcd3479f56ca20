"""The lists at the root of an archive: its feeds, and what was taken out of it."""

from newsreel.archive.tree import SOURCES, TOMBSTONES, Tree
from newsreel.errors import ArchiveError
from newsreel.formats.archive_sources import is_own_sources, read_sources, sources_of
from newsreel.formats.archive_tombstones import read_tombstone, tombstone_line
from newsreel.model.feed import Feed, FeedStatus
from newsreel.store.protocols import Store, TombstoneRecord


async def write_lists(store: Store, tree: Tree) -> list[str]:
    """Write ``sources.json`` and ``tombstones.jsonl``; return what moved aside for them."""
    feeds = [
        feed
        for feed in await store.feeds(statuses=FeedStatus)
        if feed.is_private == tree.is_private
    ]
    aside = _write_sources(tree, feeds)
    records = [
        record for record in await store.tombstones() if record.is_private == tree.is_private
    ]
    _write_tombstones(tree, records)
    return aside


def _write_sources(tree: Tree, feeds: list[Feed]) -> list[str]:
    """The old archive's list, and one that another database wrote, are kept under another name."""
    found = tree.read(SOURCES)
    if found is None and not feeds:
        return []
    keeps = found is not None and (tree.is_anothers or not is_own_sources(found))
    is_written = tree.write(SOURCES, sources_of(feeds), keeps_found=keeps)
    return [SOURCES] if keeps and is_written else []


def _write_tombstones(tree: Tree, records: list[TombstoneRecord]) -> None:
    """What was taken out stays out: lines are only ever added."""
    found = (tree.read(TOMBSTONES) or b"").splitlines()
    there = set(found)
    lines = (
        tombstone_line(
            public_id=record.public_id,
            ids=record.ids,
            kind=record.kind,
            at=record.at,
            reason=record.reason,
        )
        for record in records
    )
    if new := [line for line in lines if line not in there]:
        tree.write(TOMBSTONES, b"".join(line + b"\n" for line in [*found, *new]))


def read_feeds(tree: Tree) -> list[Feed]:
    """Return the feeds of ``sources.json``; raise ArchiveError where it is damaged or absent."""
    body = tree.read(SOURCES)
    if body is None:
        raise ArchiveError("not there")
    return read_sources(body, is_private=tree.is_private)


def read_tombstones(tree: Tree) -> tuple[list[TombstoneRecord], list[int]]:
    """Return what was taken out, and the numbers of the lines that can't be read."""
    found, damaged = [], []
    for number, line in enumerate((tree.read(TOMBSTONES) or b"").splitlines(), 1):
        try:
            public_id, ids, kind, at, reason = read_tombstone(line)
        except ArchiveError:
            damaged.append(number)
            continue
        found.append(
            TombstoneRecord(
                public_id=public_id,
                ids=ids,
                kind=kind,
                at=at,
                reason=reason,
                is_private=tree.is_private,
            )
        )
    return found, damaged
