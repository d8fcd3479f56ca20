"""Read raw captures again with today's parser: say what would change, or change it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from newsreel.app.captures import Found, captures_of, days_of, sound, trees_in
from newsreel.app.export import Progress, silent
from newsreel.app.languages import detector
from newsreel.app.rebuild import Damage
from newsreel.core.reading import read
from newsreel.core.reread import reread
from newsreel.errors import ArchiveError
from newsreel.formats.warc import feed_key
from newsreel.model.capture import KeptAs
from newsreel.model.entry import Content, Sighting
from newsreel.model.feed import Feed, FeedStatus, PageRules
from newsreel.model.poll import Changes, Known, Outcome
from newsreel.store.protocols import Store

FIELDS = ("title", "permalink", "author", "summary", "body")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that today's parser reads otherwise: ``what`` is new, revised or reread."""

    feed: Feed
    what: str
    title: str | None
    seen_at: datetime
    fields: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class ReparseAccount:
    """What reading again found; ``strangers`` are captures of feeds that the database lacks."""

    captures: int = 0
    strangers: int = 0
    changes: list[Change] = field(default_factory=list)
    damaged: list[Damage] = field(default_factory=list)


async def reparse(
    store: Store,
    captures: Path,
    *,
    feed_id: int | None = None,
    is_applied: bool = False,
    progress: Progress = silent,
) -> ReparseAccount:
    """Read what is kept of a feed, or of all, in its order; store the changes if told to."""
    trees = trees_in(captures)
    feeds = {
        feed_key(feed.first_url): feed
        for feed in await store.feeds(statuses=FeedStatus)
        if feed_id in {None, feed.id}
    }
    reparsing = _Reparsing(store, feeds, is_applied=is_applied, has_all=feed_id is None)
    days = days_of(trees)
    for index, day in enumerate(days):
        progress(index, len(days))
        for found in captures_of(trees, day):
            await reparsing.take(found)
    progress(len(days), len(days))
    return reparsing.account


class _Reparsing:
    """Captures being read again, one after the other."""

    def __init__(
        self, store: Store, feeds: Mapping[str, Feed], *, is_applied: bool, has_all: bool
    ) -> None:
        self.account = ReparseAccount()
        self._store, self._feeds = store, feeds
        self._is_applied, self._has_all = is_applied, has_all
        self._ok_at: dict[int, datetime] = {}
        self._missed: dict[int, dict[str, bytes]] = {}

    async def take(self, found: Found) -> None:
        """Read one capture."""
        feed = self._feeds.get(found.line.feed)
        if feed is None:
            self.account.strangers += self._has_all
            return
        self.account.captures += 1
        if found.line.kind is KeptAs.RESPONSE:
            try:
                await self._reread(feed, found)
            except ArchiveError as error:
                self.account.damaged.append(Damage(found.line.file, str(error)))
        else:
            self._ok_at[feed.id] = found.line.polled_at

    async def _reread(self, feed: Feed, found: Found) -> None:
        kept = await asyncio.to_thread(sound, found)
        at = kept.polled_at
        # It may have been without entries before the first of these was stored.
        count = max(feed.entry_count, 1)
        ok_at = self._ok_at.get(feed.id)
        before = replace(feed, body_digest=None, last_ok_at=ok_at, entry_count=count)
        reading = read(before, kept.capture, detect=detector())
        if not reading.is_read and kept.selectors:  # the page had another dress then
            former = replace(before, page_rules=PageRules.of(kept.selectors))
            reading = read(former, kept.capture, detect=detector())
        if not reading.is_read:
            return
        known = await self._store.known(before, reading.sightings)
        missed = self._missed.setdefault(feed.id, {})
        changes = reread(before, reading.sightings, known, seen_at=at, missed=missed)
        changes = self._without_told(changes, missed, at, feed)
        await self._tell(feed, changes, known)
        if reading.outcome is Outcome.OK:
            self._ok_at[feed.id] = at
        if self._is_applied and (changes.new or changes.revised or changes.rereads):
            await self._store.save_reading(feed, changes, capture=kept.digest)

    def _without_told(
        self, changes: Changes, missed: dict[str, bytes], at: datetime, feed: Feed
    ) -> Changes:
        """Where nothing is stored, what was missed stays missing: it is told of once."""
        again = [found for found in changes.new if found.sighting.identity in missed]
        for found in again:
            if missed[found.sighting.identity] != found.sighting.digest:
                self._note(feed, "revised", found.sighting, at)
        told = [new.sighting for new in changes.new]
        told += [revision.sighting for revision in changes.revised]
        missed.update((sighting.identity, sighting.digest) for sighting in told)
        return replace(changes, new=tuple(new for new in changes.new if new not in again))

    async def _tell(self, feed: Feed, changes: Changes, known: Known) -> None:
        for new in changes.new:
            self._note(feed, "new", new.sighting, new.first_seen_at)
        for revision in changes.revised:
            self._note(feed, "revised", revision.sighting, revision.seen_at)
        if not any(not found.is_same for found in changes.rereads):
            return
        contents = await self._contents(feed, known)
        for found in changes.rereads:
            if not found.is_same:
                before = contents.get(found.entry_id)
                fields = _differing(before, found.sighting.content) if before else ()
                self._note(feed, "reread", found.sighting, found.seen_at, fields)

    async def _contents(self, feed: Feed, known: Known) -> dict[int, Content]:
        """Return the newest wordings of the entries of a reading."""
        wanted = {entry.entry_id for entry in known.by_identity.values()}
        return {
            entry.id: entry.content
            for entry in await self._store.entries_of(feed.id, limit=feed.entry_count + 1000)
            if entry.id in wanted
        }

    def _note(
        self,
        feed: Feed,
        what: str,
        sighting: Sighting,
        seen_at: datetime,
        fields: tuple[str, ...] = (),
    ) -> None:
        change = Change(
            feed=feed, what=what, title=sighting.content.title, seen_at=seen_at, fields=fields
        )
        self.account.changes.append(change)


def _differing(before: Content, after: Content) -> tuple[str, ...]:
    return tuple(name for name in FIELDS if getattr(before, name) != getattr(after, name))
