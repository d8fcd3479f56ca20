"""Fill an empty database from raw captures alone: each is polled again, at the time it was.

Feeds come from the archive's ``sources.json``, where there is one, else from the captures
themselves; tombstones too, so that what was erased stays away. Each capture goes the straight line
of a poll, with its own time for the clock, so that first sights, revisions and the last polls
without them come out as they were.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from newsreel.app.archive_lists import read_feeds, read_tombstones
from newsreel.app.captures import Found, captures_of, days_of, sound, trees_in
from newsreel.app.clock import Clock
from newsreel.app.export import Progress, Roots, silent
from newsreel.app.poll import take_in
from newsreel.app.rebuild import Damage, check_empty
from newsreel.archive.tree import SOURCES
from newsreel.errors import ArchiveError, UsageError
from newsreel.formats.warc import feed_key
from newsreel.model.capture import KeptAs
from newsreel.model.feed import Feed, FeedStatus, IdentityPolicy, NewFeed, PageRules
from newsreel.model.poll import Poll
from newsreel.store.protocols import Store

TERM = timedelta(hours=1)
AT_ONCE = 200
"""Captures that are in memory together."""


@dataclass(slots=True, kw_only=True)
class CapturesAccount:
    """What was read back; ``unnamed`` feeds had a user in their address, which is not kept."""

    captures: int = 0
    feeds: int = 0
    entries: int = 0
    revisions: int = 0
    unnamed: int = 0
    damaged: list[Damage] = field(default_factory=list)


async def rebuild_from_captures(
    store: Store,
    captures: Path,
    roots: Roots,
    *,
    clock: Clock,
    progress: Progress = silent,
) -> CapturesAccount:
    """Fill an empty database from captures, and return what was read.

    Raises :class:`~newsreel.errors.UsageError` where the database holds something, or nothing was
    captured.
    """
    await check_empty(store, clock=clock)
    trees = trees_in(captures)
    days = days_of(trees)
    if not days:
        raise UsageError(
            f"no captures there: {captures}", hint="name their directory with --captures"
        )
    rebuilding = _Rebuilding(store)
    await rebuilding.restore_feeds(roots)
    for index, day in enumerate(days):
        progress(index, len(days))
        for wave in _waves(captures_of(trees, day)):
            await rebuilding.replay(wave)
    progress(len(days), len(days))
    await rebuilding.settle()
    return rebuilding.account


def _waves(found: Iterable[Found]) -> Iterator[list[Found]]:
    """Yield captures in the order of their polls, each feed at most once at a time."""
    by_feed: dict[str, list[Found]] = {}
    for one in found:
        by_feed.setdefault(one.line.feed, []).append(one)
    for turn in range(max(map(len, by_feed.values()), default=0)):
        wave = [of_feed[turn] for of_feed in by_feed.values() if len(of_feed) > turn]
        for start in range(0, len(wave), AT_ONCE):
            yield wave[start : start + AT_ONCE]


class _Rebuilding:
    """A database being filled."""

    def __init__(self, store: Store) -> None:
        self.account = CapturesAccount()
        self._store = store
        self._ids: dict[str, int] = {}
        self._status: dict[int, FeedStatus] = {}
        self._rules: dict[int, PageRules | None] = {}

    async def restore_feeds(self, roots: Roots) -> None:
        """Take feeds and tombstones from an archive, where there is one.

        All feeds are active until the end, and learn again how entries are told apart.
        """
        for tree in roots.trees():
            await self._store.restore_tombstones(read_tombstones(tree)[0])
            try:
                found = read_feeds(tree) if tree.read(SOURCES) is not None else []
            except ArchiveError as error:
                self.account.damaged.append(Damage(SOURCES, str(error)))
                continue
            statuses = {feed.first_url: feed.status for feed in found}
            awake = [
                replace(feed, status=FeedStatus.ACTIVE, identity_policy=IdentityPolicy.GUID)
                for feed in found
            ]
            for feed in await self._store.restore_feeds(awake):
                self._ids[feed_key(feed.first_url)] = feed.id
                self._status[feed.id] = statuses[feed.first_url]

    async def replay(self, wave: Sequence[Found]) -> None:
        """Poll each feed of these captures once more."""
        for one in wave:
            if one.line.feed not in self._ids:
                await self._add(one)
        by_id = {self._ids[one.line.feed]: one for one in wave}
        leased = await self._store.lease(
            now=max(one.line.polled_at for one in wave),
            term=TERM,
            limit=len(by_id),
            feed_ids=list(by_id),
            is_forced=True,
        )
        polls = await asyncio.gather(*(self._poll(feed, by_id[feed.id]) for feed in leased))
        if unread := [feed.id for feed, poll in zip(leased, polls, strict=True) if poll is None]:
            await self._store.release(unread)

    async def settle(self) -> None:
        """Give feeds their states back, and count what there is."""
        for feed_id, status in self._status.items():
            feed = await self._store.feed(feed_id)
            if feed is not None and status is not feed.status:
                await self._store.save_feed(replace(feed, status=status))
        for feed_id, rules in self._rules.items():
            feed = None if feed_id in self._status else await self._store.feed(feed_id)
            if feed is not None and rules != feed.page_rules:
                await self._store.save_feed(replace(feed, page_rules=rules))
        self.account.feeds = len(self._ids)

    async def _add(self, one: Found) -> None:
        is_unnamed = one.line.feed.startswith("sha256:")
        new = NewFeed(
            url=one.line.url if is_unnamed else one.line.feed, is_private=one.tree.is_private
        )
        added = (await self._store.add_feeds([new], now=one.line.polled_at))[0]
        self._ids[one.line.feed] = added.feed.id
        self.account.unnamed += is_unnamed

    async def _poll(self, feed: Feed, one: Found) -> Poll | None:
        try:
            kept = await asyncio.to_thread(sound, one)
        except ArchiveError as error:
            self.account.damaged.append(Damage(one.line.file, str(error)))
            return None
        at = kept.polled_at
        # No poll was due that is not here: only those that brought something are kept.
        known = replace(feed, next_poll_at=None, added_at=min(feed.added_at, at))
        if kept.kind is KeptAs.RESPONSE:
            self._rules[feed.id] = PageRules.of(kept.selectors)
            known = replace(known, page_rules=self._rules[feed.id])
        poll = await take_in(known, kept.capture, self._store, clock=lambda: at)
        self.account.captures += 1
        self.account.entries += len(poll.changes.new)
        self.account.revisions += len(poll.changes.new) + len(poll.changes.revised)
        return poll
