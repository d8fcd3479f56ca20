"""A store that is polled with invented captures, on a clock of its own."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from xml.sax.saxutils import escape

from newsreel.app.poll import take_in
from newsreel.model.capture import Capture, Fault, FaultKind
from newsreel.model.entry import Entry
from newsreel.model.feed import Feed, NewFeed
from newsreel.model.poll import Poll
from newsreel.store import Store

MORNING = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
PRESS = "https://press.example/feed"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One item of an RSS feed; None leaves the element out."""

    guid: str | None = None
    link: str | None = None
    title: str | None = "A title"
    summary: str | None = "A summary."
    author: str | None = None
    date: str | None = "Wed, 04 Mar 2026 07:00:00 +0000"
    category: str | None = None

    @property
    def xml(self) -> str:
        told = {
            "guid": self.guid,
            "link": self.link,
            "title": self.title,
            "description": self.summary,
            "author": self.author,
            "pubDate": self.date,
            "category": self.category,
        }
        return "".join(f"<{name}>{escape(text)}</{name}>" for name, text in told.items() if text)


def item(name: str, **told: Any) -> Item:
    """An item with the guid and the link of a name."""
    fields: dict[str, Any] = {"guid": f"press-{name}", "link": f"https://press.example/{name}"}
    return Item(**{**fields, "title": name.title(), **told})


def rss(items: Iterable[Item], *, title: str = "The Press") -> bytes:
    body = "".join(f"<item>{found.xml}</item>" for found in items)
    text = f'<rss version="2.0"><channel><title>{escape(title)}</title>{body}</channel></rss>'
    return text.encode()


@dataclass
class World:
    """A store, and what time it is."""

    store: Store
    now: datetime = MORNING
    polls: list[Poll] = field(default_factory=list)

    def clock(self) -> datetime:
        return self.now

    def later(self, span: timedelta = HOUR) -> datetime:
        self.now += span
        return self.now

    async def feed(self, url: str = PRESS, **fields: Any) -> Feed:
        return (await self.store.add_feeds([NewFeed(url=url, **fields)], now=self.now))[0].feed

    async def lease(
        self, *feeds: Feed, is_forced: bool = False, store: Store | None = None
    ) -> list[Feed]:
        return await (store or self.store).lease(
            now=self.now,
            term=15 * MINUTE,
            limit=100,
            feed_ids=[feed.id for feed in feeds] if feeds else None,
            is_forced=is_forced,
        )

    async def poll(self, feed: Feed, *items: Item, **told: Any) -> Poll:
        """Poll a feed that says this now."""
        title = told.pop("title", "The Press")
        return await self.take(feed, rss(items, title=title), **told)

    async def take(self, feed: Feed, body: bytes, **told: Any) -> Poll:
        """Poll a feed that answers with these bytes."""
        return await self._take(feed, status=200, body=body, digest=sha256(body).digest(), **told)

    async def unmodified(self, feed: Feed, **told: Any) -> Poll:
        return await self._take(feed, status=304, **told)

    async def fail(self, feed: Feed, status: int = 500, **told: Any) -> Poll:
        fault = Fault(FaultKind.HTTP, "no", status)
        return await self._take(feed, status=status, fault=fault, **told)

    async def entries(self, feed: Feed) -> list[Entry]:
        return await self.store.entries_of(feed.id)

    async def entry(self, feed: Feed, guid: str | None = None) -> Entry:
        """The feed's only entry, or that of a guid."""
        found = [e for e in await self.entries(feed) if guid is None or e.guid == guid]
        assert len(found) == 1
        return found[0]

    async def again(self, feed: Feed) -> Feed:
        """The feed as it stands now."""
        found = await self.store.feed(feed.id)
        assert found is not None
        return found

    async def _take(self, feed: Feed, **told: Any) -> Poll:
        (leased,) = await self.lease(feed, is_forced=True)
        usual = Capture(url=leased.url, final_url=leased.url, fetched_at=self.now)
        capture = replace(usual, **told)
        poll = await take_in(leased, capture, self.store, clock=self.clock)
        self.polls.append(poll)
        return poll


def titles_of(entries: Iterable[Entry]) -> list[str | None]:
    return [entry.content.title for entry in entries]


def with_title(found: Item, title: str) -> Item:
    return replace(found, title=title)
