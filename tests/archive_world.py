"""A database with feeds and entries in it, and an archive beside it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from archive_values import DAY, NOON, SECOND, revision_of
from newsreel.app.export import DIRTY, ExportAccount, Roots, Selection, export_days
from newsreel.core.normalize import public_id_of
from newsreel.model.day import DayFeed, WriteReason
from newsreel.model.entry import Content, Entry
from newsreel.model.feed import Feed, NewFeed
from newsreel.store import Store, open_store


@dataclass
class World:
    """One store, the roots of its archive, and a clock that goes a second with each look at it."""

    store: Store
    roots: Roots
    now: datetime = NOON
    notes: list[str] = field(default_factory=list)

    def clock(self) -> datetime:
        self.now += SECOND
        return self.now

    async def feed(self, name: str, *, is_private: bool = False) -> Feed:
        new = NewFeed(
            url=f"https://{name}.example/feed", title=name.title(), is_private=is_private
        )
        return (await self.store.add_feeds([new], now=self.now))[0].feed

    async def entries(
        self,
        feed: Feed,
        *titles: str,
        day: date = DAY,
        reason: WriteReason | None = WriteReason.NEW,
    ) -> list[Entry]:
        """Store an entry for each title; a reason makes the day dirty."""
        found = [_entry(feed, title, day, self.now) for title in titles]
        await self.store.restore_entries(feed, found)
        if reason is not None:
            await self.store.make_dirty(day, feed.id, reason)
        return found

    async def polled(self, feed: Feed, *, day: date = DAY, made: int = 1) -> None:
        """Note polls of a day, which changes its manifest only."""
        line = DayFeed(
            feed=feed,
            title=feed.title,
            entries=0,
            revisions=0,
            md_digest=None,
            json_digest=None,
            polls_expected=24,
            polls_made=made,
            gaps=(),
        )
        await self.store.restore_day_feeds(day, [line])
        await self.store.make_dirty(day, 0, WriteReason.POLLS)

    async def export(self, selection: Selection = DIRTY) -> ExportAccount:
        return await export_days(
            self.store, self.roots, selection, clock=self.clock, notify=self.notes.append
        )


def _entry(feed: Feed, title: str, day: date, now: datetime) -> Entry:
    link = f"https://{feed.host}/{title.replace(' ', '-')}"
    content = Content(title=title, link=link, permalink=link, summary=f"About {title}.")
    return Entry(
        id=0,
        public_id=public_id_of(feed.first_url, link),
        feed_id=feed.id,
        identity=link,
        guid=None,
        day=day,
        first_seen_at=now,
        revisions=(revision_of(content, now),),
    )


@asynccontextmanager
async def world_in(
    path: Path,
    *,
    db: str = "db.sqlite",
    address: str | None = None,
    archive: str = "archive",
    private: str | None = None,
) -> AsyncIterator[World]:
    """Open a world in a folder; its database is ``db`` there, or stands at an ``address``."""
    store = open_store(address or str(path / db))
    try:
        yield World(store, Roots(path / archive, path / private if private else None))
    finally:
        await store.close()


def tree_of(root: Path) -> dict[str, bytes]:
    """Every file of a tree but its lock."""
    return {
        file.relative_to(root).as_posix(): file.read_bytes()
        for file in sorted(root.rglob("*"))
        if file.is_file() and file.name != ".lock"
    }
