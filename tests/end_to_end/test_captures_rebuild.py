from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from newsreel.app.captures import Captures
from newsreel.app.export import Roots, export_days
from newsreel.app.languages import detector
from newsreel.app.poll import Wanted, poll_feeds
from newsreel.app.rebuild_captures import CapturesAccount, rebuild_from_captures
from newsreel.app.reparse import ReparseAccount, reparse
from newsreel.errors import UsageError
from newsreel.fetch.client import Client, FetchPolicy
from newsreel.formats.document import PARSER_VERSION
from newsreel.model.entry import Content, Entry, Revision
from newsreel.model.feed import FeedStatus, NewFeed
from newsreel.model.poll import Tombstone
from newsreel.store import Store, open_store
from polled_world import HOUR, MINUTE, MORNING, Item, item, rss
from publisher import Publisher, fail, redirect, truncated

POLICY = FetchPolicy(allow_private=("127.0.0.0/8",))
SECRET = "/s.xml?token=4f9d8a7b6c5e4d3c2b1a"


@dataclass
class Station:
    """A store that polls a publisher and keeps captures, an hour after the other."""

    home: Path
    store: Store
    publisher: Publisher
    now: datetime = MORNING
    told: list[str] = field(default_factory=list)

    @property
    def captures(self) -> Path:
        return self.home / "captures"

    @property
    def roots(self) -> Roots:
        return Roots(self.home / "archive", self.home / "private")

    def clock(self) -> datetime:
        return self.now

    async def add(self, path: str, *items: Item, **fields: Any) -> str:
        url = self.put(path, *items)
        await self.store.add_feeds([NewFeed(url=url, **fields)], now=self.now)
        return url

    def put(self, path: str, *items: Item, etag: str | None = "") -> str:
        return self.publisher.put(path, rss(items), etag=etag)

    async def poll(self) -> None:
        self.now += HOUR
        captures = Captures(self.captures, budget=10**9, clock=self.clock, notify=self.told.append)
        async with Client(POLICY, clock=self.clock) as client:
            polls = poll_feeds(
                self.store,
                client,
                clock=self.clock,
                wanted=Wanted(is_forced=True),
                keep=captures.keep,
            )
            async for _ in polls:
                self.now += MINUTE
        await captures.close()

    async def rebuilt(self) -> tuple[Store, CapturesAccount]:
        store = open_store(f"sqlite:{self.home / 'new.sqlite'}")
        account = await rebuild_from_captures(store, self.captures, self.roots, clock=self.clock)
        return store, account

    async def take(self, store: Store) -> None:
        """Go on with another database."""
        await self.store.close()
        self.store = store

    async def reparsed(self, *, is_applied: bool = True) -> ReparseAccount:
        return await reparse(self.store, self.captures, is_applied=is_applied)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as found:
        yield found


@pytest.fixture
async def station(tmp_path: Path, publisher: Publisher) -> AsyncIterator[Station]:
    store = open_store(f"sqlite:{tmp_path / 'newsreel.sqlite'}")
    station = Station(tmp_path, store, publisher)
    yield station
    await station.store.close()


async def entries(store: Store) -> dict[str, Entry]:
    """All entries by public id, without what is local to a database."""
    return {
        entry.public_id: replace(entry, id=0, feed_id=0)
        for feed in await store.feeds(statuses=FeedStatus)
        for entry in await store.entries_of(feed.id, limit=1000)
    }


async def last_polls(store: Store) -> dict[str, datetime | None]:
    """When each feed was last read, by its path."""
    return {urlsplit(feed.first_url).path: feed.last_ok_at for feed in await store.feeds()}


async def live_through_a_day(station: Station) -> None:
    """Feeds of all kinds: revised, unchanged, failing, moved, cut, secret; over midnight."""
    a, b, c = item("a"), item("b"), item("c")
    await station.add("/press.xml", a, b)
    await station.add("/moved.xml", a)
    await station.add("/cut.xml", c)
    await station.add("/links.xml", Item(guid="x", link="https://press.example/1", title="One"))
    await station.add(SECRET, item("hush"))
    await station.poll()
    await station.poll()
    station.put("/press.xml", replace(a, title="Another"), b, etag=None)
    two = [Item(guid="x", link=f"https://press.example/{n}", title=f"No. {n}") for n in (1, 2)]
    station.put("/links.xml", *two)
    station.put("/new.xml", a, c)
    station.publisher.answer("/moved.xml", redirect("/new.xml"))
    station.publisher.answer("/cut.xml", truncated(rss([c, item("d")]), 400))
    await station.poll()
    await station.poll()
    station.publisher.answer("/press.xml", fail(500))
    await station.poll()
    station.publisher.put("/press.xml", "<html>log in</html>")
    await station.poll()
    station.now += timedelta(hours=12)
    station.put("/press.xml", a, c, item("late"))
    station.put("/cut.xml", item("e"))
    await station.poll()
    station.put("/press.xml", replace(a, category="News"), c)
    await station.poll()


async def test_captures_alone_give_back_the_same_entries_and_revisions(station: Station) -> None:
    await live_through_a_day(station)

    store, account = await station.rebuilt()

    found = await entries(store)
    await store.close()
    assert found == await entries(station.store)
    assert len(found) == account.entries > 8
    assert max(len(entry.revisions) for entry in found.values()) == 3
    assert account.damaged == []


async def test_the_list_of_feeds_and_what_was_erased_come_from_the_archive(
    station: Station,
) -> None:
    await live_through_a_day(station)
    (paused, *_) = await station.store.feeds()
    await station.store.save_feed(replace(paused, status=FeedStatus.PAUSED, folder="Coast"))
    gone = next(iter(await entries(station.store)))
    await station.store.tombstone(gone, Tombstone.ERASED, reason="x", now=station.now)
    await export_days(station.store, station.roots, clock=station.clock)

    store, _ = await station.rebuilt()

    found = await entries(store)
    names = {feed.file_name: (feed.status, feed.folder) for feed in await store.feeds()}
    await store.close()
    assert gone not in found
    assert found == await entries(station.store)
    assert names[paused.file_name] == (FeedStatus.PAUSED, "Coast")


async def test_a_feed_with_a_password_is_known_again_by_the_list(station: Station) -> None:
    url = station.put("/user.xml", item("a")).replace("http://", "http://ada:quill-4711@")
    await station.store.add_feeds([NewFeed(url=url)], now=station.now)
    await station.poll()
    await export_days(station.store, station.roots, clock=station.clock)

    store, account = await station.rebuilt()

    found = await entries(store)
    await store.close()
    assert (account.unnamed, found) == (0, await entries(station.store))


async def test_polling_goes_on_after_a_rebuild(station: Station) -> None:
    await live_through_a_day(station)
    first = await last_polls(station.store)
    await station.take((await station.rebuilt())[0])
    rebuilt = await last_polls(station.store)
    station.put("/press.xml", item("a", title="Once more"))

    before = await entries(station.store)
    await station.poll()

    after = await entries(station.store)
    (changed,) = [entry for key, entry in after.items() if entry != before[key]]
    assert changed.content.title == "Once more"
    assert changed.latest.absent_at == rebuilt["/press.xml"] == first["/press.xml"]


async def test_only_an_empty_database_is_rebuilt(station: Station) -> None:
    await station.add("/press.xml", item("a"))

    with pytest.raises(UsageError, match="the database holds 1 feeds"):
        await rebuild_from_captures(
            station.store, station.captures, station.roots, clock=station.clock
        )


async def test_a_damaged_capture_is_named_and_the_rest_is_read(station: Station) -> None:
    await station.add("/one.xml", item("a"))
    await station.add("/two.xml", item("b"))
    await station.poll()
    (path,) = (station.captures / "public").glob("*.warc.gz")
    body = bytearray(path.read_bytes())
    body[-60] ^= 0xFF
    path.write_bytes(body)

    store, account = await station.rebuilt()

    await store.close()
    assert [damage.path for damage in account.damaged] == [path.name]
    assert account.entries == 1


async def test_reading_again_with_the_same_parser_changes_nothing(station: Station) -> None:
    await live_through_a_day(station)
    before = await entries(station.store)

    account = await station.reparsed()

    assert (account.changes, account.damaged) == ([], [])
    assert await entries(station.store) == before


async def test_what_an_older_parser_missed_is_added_at_its_capture_s_time(
    station: Station,
) -> None:
    await live_through_a_day(station)
    whole = await entries(station.store)
    old = open_store(f"sqlite:{station.home / 'old.sqlite'}")
    for feed in await station.store.feeds():
        (restored,) = await old.restore_feeds([feed])
        kept = [e for e in await station.store.entries_of(feed.id) if e.guid != "press-a"]
        await old.restore_entries(restored, kept)
    await station.take(old)

    told = await station.reparsed(is_applied=False)
    untouched = await entries(old)
    applied = await station.reparsed()

    missed = {key: entry for key, entry in whole.items() if key not in untouched}
    assert {entry.guid for entry in missed.values()} == {"press-a"}
    assert [change.what for change in told.changes].count("new") == len(missed)
    assert told.changes == applied.changes
    assert await entries(old) == whole
    assert {page.day for page in await old.dirty()} >= {entry.day for entry in missed.values()}
    assert (await station.reparsed()).changes == []


async def test_a_language_is_guessed_as_in_polls(station: Station) -> None:
    if detector() is None:
        pytest.skip("the extra 'languages' is not installed")
    sentence = "Rada miasta sprzedaje starą latarnię morską przy porcie"
    await station.add("/press.xml", item("a", title=sentence))
    await station.poll()
    whole = await entries(station.store)
    old = open_store(f"sqlite:{station.home / 'old.sqlite'}")
    await old.restore_feeds(await station.store.feeds())
    await station.take(old)

    await station.reparsed()

    assert await entries(old) == whole
    assert [entry.content.language for entry in whole.values()] == ["pl"]


async def test_a_wording_that_was_read_otherwise_becomes_a_reread(station: Station) -> None:
    await station.add("/press.xml", item("a"))
    await station.poll()
    await station.poll()
    (entry,) = (await entries(station.store)).values()
    (feed,) = await station.store.feeds()
    misread = Content(title="A", link=entry.content.link, permalink=entry.content.permalink)
    wording = replace(entry.latest, content=misread, digest=b"m" * 32)
    old = open_store(f"sqlite:{station.home / 'old.sqlite'}")
    (restored,) = await old.restore_feeds([feed])
    await old.restore_entries(restored, [replace(entry, revisions=(wording,))])
    await station.take(old)

    told = await station.reparsed(is_applied=False)
    await station.reparsed()

    assert [(change.what, change.fields) for change in told.changes] == [("reread", ("summary",))]
    (found,) = (await entries(old)).values()
    assert found.revision_count == 1
    assert _versions(found.revisions) == [(1, 0), (1, 1)]
    assert found.content == entry.content
    assert found.latest.seen_at == entry.first_seen_at
    assert (await station.reparsed()).changes == []


def _versions(revisions: tuple[Revision, ...]) -> list[tuple[int, int]]:
    assert all(found.parser_version == PARSER_VERSION for found in revisions)
    return [(found.number, found.reread) for found in revisions]
