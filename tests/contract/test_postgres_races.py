"""Two writers at once on PostgreSQL, made to meet: nothing is stored twice, nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from newsreel.core.normalize import public_id_of, sighting_of
from newsreel.core.revise import revise_import
from newsreel.errors import StoreError
from newsreel.model.day import WriteReason
from newsreel.model.entry import Content, Doubt
from newsreel.model.feed import Feed
from newsreel.model.legacy import FeedChanges, Import, LegacyFile, LegacyKind, LegacyRow
from newsreel.model.poll import Tombstone
from newsreel.store import Store
from newsreel.store.protocols import TombstoneRecord
from polled_world import MORNING, PRESS, World, item, titles_of

MARCH_1 = date(2026, 3, 1)
THEN = datetime(2026, 3, 1, 8, tzinfo=UTC)
WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
LOCK_FEED = "SELECT 1 FROM feed_state WHERE feed_id = %s FOR UPDATE"


@pytest.fixture
def address(postgres_address: str) -> str:
    return postgres_address


def old(name: str, title: str | None = None) -> Content:
    link = f"https://press.example/{name}"
    return Content(title=title or name.title(), link=link, permalink=link)


async def drafted(
    store: Store, *feeds: Feed, contents: Iterable[Content], name: str = "press"
) -> Import:
    """An import of one file into each of some feeds, as it is worked out now."""
    sightings = [
        sighting_of(content, guid=None, doubts=frozenset({Doubt.IMPORTED})) for content in contents
    ]
    groups, rows = [], []
    for feed in feeds:
        known = await store.known(feed, sightings, has_wordings=True)
        seen = [(found, THEN) for found in sightings]
        groups.append(
            FeedChanges(feed=feed, changes=revise_import(feed, seen, known, day=MARCH_1))
        )
        rows += [
            LegacyRow(feed_id=feed.id, identity=found.identity, digest=found.digest, leftover={})
            for found in sightings
        ]
    file = LegacyFile(day=MARCH_1, name=name, kind=LegacyKind.JSON, form={})
    return Import(groups=tuple(groups), file=file, rows=tuple(rows))


class Gate:
    """A lock that others wait for, until it is opened."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], watch: Any) -> None:
        self._connection, self._watch = connection, watch
        self._tasks: list[asyncio.Future[Any]] = []

    async def arrives(self, work: Awaitable[object]) -> None:
        """Start something and return when it waits for a lock."""
        self._tasks.append(asyncio.ensure_future(work))
        while (await self._count()) < len(self._tasks):
            assert not any(task.done() for task in self._tasks)

    async def open(self) -> list[Any]:
        """Let all go on, and return what each came to."""
        await self._connection.rollback()
        return await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _count(self) -> int:
        row = await (await self._watch.execute(WAITING)).fetchone()
        return int(row[0])


@asynccontextmanager
async def gate(address: str, query: str, *values: object) -> AsyncIterator[Gate]:
    """Hold what a statement locks."""
    connect = psycopg.AsyncConnection.connect
    async with await connect(address) as holder, await connect(address, autocommit=True) as watch:
        await holder.execute(query.encode(), values)
        yield Gate(holder, watch)


async def count(address: str, query: str) -> int:
    async with await psycopg.AsyncConnection.connect(address) as connection:
        row = await (await connection.execute(query.encode())).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_file_that_two_import_at_once_is_there_once(
    world: World, other: Store, address: str
) -> None:
    feed = await world.feed()
    contents = [old(f"n{number}") for number in range(20)]
    imports = [await drafted(store, feed, contents=contents) for store in (world.store, other)]

    async with gate(address, LOCK_FEED, feed.id) as held:
        await held.arrives(world.store.save_import(imports[0]))
        await held.arrives(other.save_import(imports[1]))
        assert await held.open() == [None, None]

    ((_, rows),) = await world.store.legacy_files(MARCH_1)
    assert sorted(filter(None, titles_of(await world.entries(feed)))) == sorted(
        f"N{number}" for number in range(20)
    )
    assert [row.content.title for row in rows] == [f"N{number}" for number in range(20)]
    assert (await world.again(feed)).entry_count == 20
    assert await count(address, "SELECT count(*) FROM revisions") == 20


async def test_two_files_with_two_wordings_at_once_leave_both(
    world: World, other: Store, address: str
) -> None:
    feed = await world.feed()
    one = await drafted(world.store, feed, contents=[old("a", "One")])
    two = await drafted(other, feed, contents=[old("a", "Two"), old("b")], name="two")

    async with gate(address, LOCK_FEED, feed.id) as held:
        await held.arrives(world.store.save_import(one))
        await held.arrives(other.save_import(two))
        assert await held.open() == [None, None]

    by_link = {entry.identity[-1]: entry for entry in await world.entries(feed)}
    assert [r.content.title for r in by_link["a"].revisions] == ["One", "Two"]
    assert [r.number for r in by_link["a"].revisions] == [1, 2]
    assert by_link["a"].content.title == "Two"
    assert (await world.again(feed)).entry_count == 2
    assert {
        file.name: rows[0].content.title for file, rows in await other.legacy_files(MARCH_1)
    } == {
        "press": "One",
        "two": "Two",
    }


async def test_a_revision_that_two_bring_at_once_is_one(
    world: World, other: Store, address: str
) -> None:
    feed = await world.feed()
    await world.store.save_import(await drafted(world.store, feed, contents=[old("a")]))
    again = [old("a", "Changed")]
    imports = [await drafted(store, feed, contents=again) for store in (world.store, other)]

    async with gate(address, LOCK_FEED, feed.id) as held:
        await held.arrives(world.store.save_import(imports[0]))
        await held.arrives(other.save_import(imports[1]))
        assert await held.open() == [None, None]

    (entry,) = await world.entries(feed)
    assert [(r.number, r.content.title) for r in entry.revisions] == [(1, "A"), (2, "Changed")]


async def test_imports_of_the_same_feeds_in_any_order_do_not_wait_for_each_other(
    world: World, other: Store, address: str
) -> None:
    one, two = await world.feed(), await world.feed("https://other.example/feed")
    contents = [old("a"), old("b")]
    forth = await drafted(world.store, one, two, contents=contents)
    back = await drafted(other, two, one, contents=contents, name="back")

    async with gate(address, LOCK_FEED, one.id) as held:
        await held.arrives(world.store.save_import(forth))
        await held.arrives(other.save_import(back))
        assert await held.open() == [None, None]

    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert [len(await world.entries(feed)) for feed in (one, two)] == [2, 2]
    assert await count(address, deadlocks) == 0


@pytest.mark.parametrize("is_erased_first", [True, False])
@pytest.mark.parametrize("kind", Tombstone)
async def test_what_is_taken_out_while_an_import_has_it_in_hand_stays_out(
    world: World, other: Store, address: str, kind: Tombstone, *, is_erased_first: bool
) -> None:
    feed = await world.feed()
    stale = await drafted(other, feed, contents=[old("a"), old("b")])
    await world.store.save_import(await drafted(world.store, feed, contents=[old("a")]))
    public_id = public_id_of(PRESS, "https://press.example/a")

    works = [
        world.store.tombstone(public_id, kind, reason="asked", now=world.now),
        other.save_import(stale),
    ]
    async with gate(address, LOCK_FEED, feed.id) as held:
        for work in works if is_erased_first else reversed(works):
            await held.arrives(work)
        assert set(await held.open()) == {None, True}

    (page,) = await world.store.pages(MARCH_1, is_private=False)
    assert titles_of(page.entries) == ["B"]
    assert (await world.again(feed)).entry_count == (1 if kind is Tombstone.ERASED else 2)
    assert len(await world.entries(feed)) == (1 if kind is Tombstone.ERASED else 2)


async def test_tombstones_that_come_back_before_an_import_is_stored_keep_it_out(
    world: World, other: Store, address: str
) -> None:
    feed = await world.feed()
    stale = await drafted(other, feed, contents=[old("a"), old("b")])

    async with gate(address, LOCK_FEED, feed.id) as held:
        await held.arrives(other.save_import(stale))
        await world.store.restore_tombstones([record_of("a")])
        assert await held.open() == [None]

    assert titles_of(await world.entries(feed)) == ["B"]


async def test_tombstones_that_come_back_wait_for_an_import_that_has_looked_for_them(
    world: World, other: Store, address: str
) -> None:
    feed = await world.feed()
    stale = await drafted(other, feed, contents=[old("a"), old("b")])
    in_the_way = "INSERT INTO legacy_files (day, name, kind, form) VALUES (%s, %s, %s, '{}')"

    async with gate(address, in_the_way, MARCH_1.isoformat(), "press", "json") as held:
        await held.arrives(other.save_import(stale))
        await held.arrives(world.store.restore_tombstones([record_of("a")]))
        assert await held.open() == [None, None]

    assert titles_of(await world.entries(feed)) == ["B"]
    assert (await world.again(feed)).entry_count == 1
    assert await count(address, "SELECT count(*) FROM revisions") == 1


async def test_a_feed_that_is_purged_while_an_import_waits_leaves_nothing(
    world: World, other: Store, address: str
) -> None:
    feed = await world.feed()
    stale = await drafted(other, feed, contents=[old("a")])

    async with gate(address, LOCK_FEED, feed.id) as held:
        await held.arrives(world.store.purge_feed(feed.id))
        await held.arrives(other.save_import(stale))
        purged, failed = await held.open()

    assert purged == 0
    assert isinstance(failed, StoreError)
    for table in ("identities", "entries", "revisions", "legacy_files"):
        assert await count(address, f"SELECT count(*) FROM {table}") == 0


async def test_an_entry_restored_by_two_is_there_once(
    world: World, other: Store, address: str
) -> None:
    feed = await world.feed()
    await world.poll(feed, item("a"), item("b"))
    entries = await world.entries(feed)
    await world.store.purge_feed(feed.id)
    feed = await world.feed()

    async with gate(address, LOCK_FEED, feed.id) as held:
        await held.arrives(world.store.restore_entries(feed, entries))
        await held.arrives(other.restore_entries(feed, entries))
        assert await held.open() == [2, 0]

    assert (await world.again(feed)).entry_count == 2
    assert await count(address, "SELECT count(*) FROM revisions") == 2


async def test_workers_that_poll_different_feeds_at_once_lose_no_count(
    world: World, other: Store, address: str
) -> None:
    feeds = [await world.feed(f"https://press{n}.example/feed") for n in range(4)]
    worlds = [World(world.store), World(other)] * 2

    for round_ in range(5):
        now = MORNING + timedelta(hours=round_)
        for one in worlds:
            one.now = now
        items = [item(f"{round_}-{number}", date=None) for number in range(3)]
        await asyncio.gather(
            *(one.poll(feed, *items) for one, feed in zip(worlds, feeds, strict=True))
        )

    made = "SELECT sum(made) FROM poll_days"
    assert await count(address, made) == 20
    assert [(await world.again(feed)).entry_count for feed in feeds] == [15] * 4
    dirty = {page.feed_id: page.reason for page in await world.store.dirty()}
    assert dirty == {0: WriteReason.POLLS} | {feed.id: WriteReason.NEW for feed in feeds}


async def test_a_page_that_changes_while_it_is_written_stays_dirty(
    world: World, other: Store, address: str
) -> None:
    feed = await world.feed()
    await world.store.make_dirty(MARCH_1, feed.id, WriteReason.NEW)
    pages = await other.dirty()
    row = "SELECT 1 FROM dirty WHERE feed_id = %s FOR UPDATE"

    async with gate(address, row, feed.id) as held:
        await held.arrives(world.store.make_dirty(MARCH_1, feed.id, WriteReason.REVISION))
        await held.arrives(other.save_written([], day=MARCH_1, is_private=False, done=pages))
        assert await held.open() == [None, None]

    assert [page.feed_id for page in await world.store.dirty()] == [feed.id]


def record_of(name: str) -> TombstoneRecord:
    """The tombstone of an erased entry, as it was written out."""
    public_id = public_id_of(PRESS, f"https://press.example/{name}")
    return TombstoneRecord(
        public_id=public_id,
        ids=(public_id,),
        kind=Tombstone.ERASED,
        at=MORNING,
        reason="asked",
        is_private=False,
    )
