"""What the embedded store does when its file is not to be had."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from newsreel.errors import SchemaTooNew, StoreBusy, StoreError, UsageError
from newsreel.model.feed import NewFeed
from newsreel.model.poll import Tombstone
from newsreel.store import open_store
from newsreel.store.sqlite import SqliteStore
from newsreel.store.sqlite import open_store as open_sqlite
from newsreel.store.sqlite.migrate import APPLICATION_ID
from polled_world import MORNING, World, item

SHORT = 0.05


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "newsreel.sqlite"


@pytest.fixture
async def sqlite_store(path: Path) -> AsyncIterator[SqliteStore]:
    store = open_sqlite(path, busy_seconds=SHORT)
    yield store
    await store.close()


async def test_a_locked_database_is_said_to_be_locked_and_loses_nothing(
    path: Path, sqlite_store: SqliteStore
) -> None:
    world = World(sqlite_store)
    feed = await world.feed()
    await world.poll(feed, item("a"))
    locker = sqlite3.connect(path, isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreBusy, match="locked by another process") as caught:
        await world.feed("https://second.example/")
    read = await world.entries(feed)
    locker.execute("ROLLBACK")
    locker.close()
    second = await world.feed("https://second.example/")

    assert "nothing was lost" in caught.value.hint
    assert len(read) == 1
    assert second.url == "https://second.example/"


async def test_all_who_wait_for_a_locked_database_learn_it_together(
    path: Path, sqlite_store: SqliteStore
) -> None:
    locker = sqlite3.connect(path, isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    loop = asyncio.get_running_loop()
    begun = loop.time()

    added = [
        sqlite_store.add_feeds([NewFeed(url=f"https://{number}.example/")], now=MORNING)
        for number in range(100)
    ]
    results = await asyncio.gather(*added, return_exceptions=True)

    locker.close()
    assert {type(result) for result in results} == {StoreBusy}
    assert loop.time() - begun < 50 * SHORT


def test_a_database_held_by_another_process_can_not_be_opened(path: Path) -> None:
    asyncio.run(open_sqlite(path).close())
    locker = sqlite3.connect(path, isolation_level=None)
    locker.execute("PRAGMA locking_mode = EXCLUSIVE")
    locker.execute("BEGIN EXCLUSIVE")

    with pytest.raises(StoreBusy):
        open_sqlite(path, busy_seconds=SHORT)

    locker.close()
    asyncio.run(open_sqlite(path).close())


def test_a_schema_of_a_newer_newsreel_is_left_alone(path: Path) -> None:
    asyncio.run(open_sqlite(path).close())
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(SchemaTooNew, match="schema 999") as caught:
        open_sqlite(path)

    assert "update Newsreel" in caught.value.hint
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [0, 1, 999])
def test_a_database_of_another_program_is_left_alone(path: Path, version: int) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match="of another program") as caught:
        open_sqlite(path)

    assert "--db" in caught.value.hint
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("body", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 5000])
def test_a_file_that_is_no_database_is_left_alone(path: Path, body: bytes) -> None:
    path.write_bytes(body)

    with pytest.raises(StoreError, match="no Newsreel database") as caught:
        open_sqlite(path)

    assert caught.value.hint
    assert path.read_bytes() == body


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        open_sqlite(tmp_path)

    assert caught.value.hint


def test_a_database_below_a_file_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="can't be opened") as caught:
        open_sqlite(tmp_path / "file" / "newsreel.sqlite")

    assert "--db" in caught.value.hint


async def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet" / "newsreel.sqlite"

    await open_store(str(path)).close()

    assert path.exists()


async def test_a_full_disk_stores_nothing_by_half_and_loses_nothing(
    sqlite_store: SqliteStore,
) -> None:
    world = World(sqlite_store)
    feed = await world.feed()
    await world.poll(feed, item("a"))
    await sqlite_store._db.write(
        lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchone()
    )
    world.later()

    with pytest.raises(StoreError, match="full") as caught:
        await world.poll(feed, item("a"), item("b", summary="x" * 1_000_000))
    held = (await world.entries(feed), await world.store.polls())
    await sqlite_store._db.write(
        lambda connection: connection.execute("PRAGMA max_page_count = 1000000").fetchone()
    )
    world.later()
    await world.poll(feed, item("a"), item("b", summary="x" * 1_000_000))

    assert "free some space" in caught.value.hint
    assert [len(found) for found in held] == [1, 1]
    assert len(await world.entries(feed)) == 2


async def test_what_fails_in_a_group_of_commits_spoils_no_other(
    sqlite_store: SqliteStore,
) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO feeds (url) VALUES ('half')")

    work = [
        sqlite_store.add_feeds([NewFeed(url="https://1.example/")], now=MORNING),
        sqlite_store._db.write(fail),
        sqlite_store.add_feeds([NewFeed(url="https://2.example/")], now=MORNING),
    ]
    first, failed, second = await asyncio.gather(*work, return_exceptions=True)

    assert isinstance(failed, StoreError)
    assert not isinstance(first, BaseException)
    assert not isinstance(second, BaseException)
    assert len(await sqlite_store.feeds()) == 2


async def test_what_was_erased_leaves_no_bytes_behind(
    path: Path, sqlite_store: SqliteStore
) -> None:
    world = World(sqlite_store)
    feed, purged = await world.feed(), await world.feed("https://purged.example/feed")
    await world.poll(feed, item("a", summary="The-erased-words"), item("b"))
    await world.poll(purged, item("a", summary="The-purged-words"))
    entry = await world.entry(feed, "press-a")

    await world.store.tombstone(entry.public_id, Tombstone.ERASED, reason="asked", now=world.now)
    await world.store.purge_feed(purged.id)

    held = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"The-erased-words" not in held
    assert b"The-purged-words" not in held


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("mysql://db/newsreel", "no such database scheme: 'mysql'"),
        ("sqlite:", "the database has no path"),
        ("", "the database has no path"),
    ],
)
def test_an_address_of_no_store_is_refused(address: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        open_store(address)

    assert "sqlite:PATH" in caught.value.hint


def test_the_file_says_whose_it_is(path: Path) -> None:
    asyncio.run(open_sqlite(path).close())

    with sqlite3.connect(path) as connection:
        found = connection.execute("PRAGMA application_id").fetchone()
    connection.close()

    assert found == (APPLICATION_ID,)
    assert list(path.parent.iterdir()) == [path]
