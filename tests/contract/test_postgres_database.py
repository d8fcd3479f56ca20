"""How a database of PostgreSQL is made, brought up to date, and kept in order."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial

import psycopg
import pytest

from newsreel.errors import SchemaTooNew, SchemaTooOld, StoreError
from newsreel.model.day import WriteReason
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.database import Database
from newsreel.store.postgres.dirt import WEIGHTS, mark_dirty, mark_span, write_dirt
from newsreel.store.postgres.migrate import schema_version
from newsreel.store.postgres.partitions import ensure_months
from postgres_server import Server

WEIGHTIEST, LIGHTEST = min(WEIGHTS, key=WEIGHTS.__getitem__), max(WEIGHTS, key=WEIGHTS.__getitem__)


@pytest.fixture
def bare_address(postgres: Server) -> Iterator[str]:
    """A database without any table."""
    name = f"bare_{uuid.uuid4().hex}"
    yield postgres.make_database(name, template="template0")
    postgres.drop_database(name)


@pytest.fixture
async def database(postgres_address: str) -> AsyncIterator[Database]:
    database = Database(postgres_address)
    yield database
    await asyncio.to_thread(database.close)


def run(address: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(address, autocommit=True) as connection:
        done = connection.execute(statement)
        return done.fetchall() if done.description else []


async def months(database: Database) -> list[str]:
    query = (
        "SELECT inhrelid::regclass::text FROM pg_inherits "
        "WHERE inhparent IN ('entries'::regclass, 'revisions'::regclass) ORDER BY 1"
    )
    return await database.read(lambda connection: [row[0] for row in connection.execute(query)])


async def dirt(database: Database) -> dict[tuple[str, int], str]:
    query = "SELECT day, feed_id, reason FROM dirty"
    return await database.read(
        lambda connection: {(row[0], row[1]): row[2] for row in connection.execute(query)}
    )


def test_many_who_open_an_empty_database_make_it_once(bare_address: str) -> None:
    def open_and_close(_: int) -> str:
        database = Database(bare_address)
        database.close()
        return database.writer_name

    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(open_and_close, range(8)))

    assert len(names) == 8
    assert run(bare_address, "SELECT count(*) FROM newsreel_schema") == [(1,)]
    assert run(bare_address, "SELECT * FROM writers") == []


def test_a_database_with_another_programs_tables_is_left_alone(bare_address: str) -> None:
    run(bare_address, "CREATE TABLE orders (id BIGINT)")

    with pytest.raises(StoreError, match="another program's tables") as caught:
        Database(bare_address)

    assert "createdb" in caught.value.hint
    assert run(bare_address, "SELECT relname FROM pg_class WHERE relname = 'feeds'") == []


def test_a_database_of_a_newer_schema_is_not_opened(postgres_address: str) -> None:
    run(postgres_address, "UPDATE newsreel_schema SET version = 99, works_from = 99")

    with pytest.raises(SchemaTooNew, match="schema 99"):
        Database(postgres_address)


def test_a_newer_schema_that_only_adds_can_be_used(postgres_address: str) -> None:
    run(postgres_address, "UPDATE newsreel_schema SET version = 99, works_from = 1")

    for is_read_only in (False, True):
        Database(postgres_address, is_read_only=is_read_only).close()

    assert run(postgres_address, "SELECT version FROM newsreel_schema") == [(99,)]


def test_an_older_schema_is_not_read_by_who_may_not_write(postgres_address: str) -> None:
    run(postgres_address, "UPDATE newsreel_schema SET version = -1")

    with pytest.raises(SchemaTooOld, match="an older schema"):
        Database(postgres_address, is_read_only=True)


def test_an_empty_database_is_not_filled_by_who_may_not_write(bare_address: str) -> None:
    with pytest.raises(StoreError, match="there is no Newsreel database"):
        Database(bare_address, is_read_only=True)

    assert run(bare_address, "SELECT to_regclass('feeds')") == [(None,)]


async def test_who_may_not_write_writes_nothing(postgres_address: str) -> None:
    database = Database(postgres_address, is_read_only=True)

    with pytest.raises(StoreError, match="for reading only"):
        await database.write(schema_version)
    with pytest.raises(StoreError, match="lets nothing be written"):
        await database.read(lambda connection: connection.execute("DELETE FROM feeds"))

    assert await database.read(schema_version) == 1
    assert await database.read(lambda c: c.execute("SELECT * FROM writers").fetchall()) == []
    await asyncio.to_thread(database.close)


async def test_a_reader_sees_one_moment(database: Database) -> None:
    loop = asyncio.get_running_loop()

    def add(connection: Connection) -> None:
        connection.execute("INSERT INTO hosts (host) VALUES ('a.example')")

    def count_twice(connection: Connection) -> list[object]:
        query = "SELECT count(*) FROM hosts"
        first = connection.execute(query).fetchone()
        asyncio.run_coroutine_threadsafe(database.write(add), loop).result()
        return [first, connection.execute(query).fetchone()]

    assert await database.read(count_twice) == [(0,), (0,)]
    assert await database.read(lambda c: c.execute("SELECT * FROM hosts").rowcount) == 1


async def test_nothing_is_kept_in_a_session(database: Database) -> None:
    """So that a pooler may give each transaction another connection of the server."""
    asked = (
        "SELECT (SELECT count(*) FROM pg_prepared_statements), current_setting('lock_timeout'), "
        "current_setting('statement_timeout'), (SELECT count(*) FROM pg_locks "
        "WHERE locktype = 'advisory' AND pid = pg_backend_pid()), current_setting('search_path')"
    )

    def repeat(connection: Connection) -> tuple[object, ...]:
        ensure_months(connection, ["2026-03-04"])
        for number in range(20):
            connection.execute("INSERT INTO hosts (host) VALUES (%s)", (f"{number}.example",))
        row = connection.execute(asked).fetchone()
        assert row is not None
        return row

    inside = await database.write(repeat)
    connection = database._connection
    outside = await asyncio.to_thread(lambda: connection.execute(asked).fetchone())

    assert inside == (0, "10s", "1min", 1, '"$user", public')
    assert outside == (0, "0", "0", 0, '"$user", public')


async def test_a_statement_that_takes_too_long_is_ended(database: Database) -> None:
    def dawdle(connection: Connection) -> None:
        connection.execute("SET LOCAL statement_timeout = '1ms'")
        connection.execute("SELECT pg_sleep(60)")

    with pytest.raises(StoreError, match="took too long"):
        await database.read(dawdle)

    assert await database.read(schema_version) == 1


async def test_months_are_made_before_they_are_needed(database: Database) -> None:
    await database.write(partial(_ensure, [date(2026, 12, 31), "2026-12-01"]))
    await database.write(partial(_ensure, [date(2027, 1, 1)]))

    assert await months(database) == [
        f"{table}_{month}"
        for table in ("entries", "revisions")
        for month in ("2026_12", "2027_01")
    ]


async def test_a_feed_can_not_make_a_partition_of_any_day_it_claims(database: Database) -> None:
    days = ["0001-01-01", "1066-10-14", "1989-12-31", "2099-12-31", "2100-01-01", "9999-12-31"]
    add = "INSERT INTO revisions VALUES (1, %s, %s, 1, 0, 0, NULL, NULL, '', 1, 1)"

    def write(connection: Connection) -> None:
        ensure_months(connection, days)
        for number, day in enumerate(days):
            connection.execute(add, (number, day))

    await database.write(write)

    assert await months(database) == [
        f"{table}_{month}"
        for table in ("entries", "revisions")
        for month in ("0000_00", "2099_12", "9999_99")
    ]


async def test_months_that_were_rolled_back_are_made_again(database: Database) -> None:
    def fail(connection: Connection) -> None:
        ensure_months(connection, ["2026-03-04"])
        ensure_months(connection, ["2026-08-04"])  # looks at what there is once more
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(fail)
    await database.write(partial(_ensure, ["2026-03-04"]))

    assert "entries_2026_03" in await months(database)


async def test_two_who_need_a_month_at_once_both_have_it(
    database: Database, postgres_address: str
) -> None:
    other = Database(postgres_address)

    days = [f"{year}-{number:02}-01" for year in (2025, 2026) for number in (1, 6)]
    both = [one.write(partial(_ensure, [day])) for day in days for one in (database, other)]
    await asyncio.gather(*both)

    await asyncio.to_thread(other.close)
    assert len(await months(database)) == 2 * 4 * 2


async def test_of_several_reasons_the_weightiest_stays(database: Database) -> None:
    day = date(2026, 3, 4)
    await database.write(partial(_mark, [day], LIGHTEST))
    await asyncio.gather(
        database.write(partial(_mark, [day], WEIGHTIEST)),
        database.write(partial(_mark, [day], LIGHTEST)),
    )
    await database.write(partial(_mark, [day], LIGHTEST))

    assert await dirt(database) == {("2026-03-04", 0): str(WEIGHTIEST)}


async def test_what_a_failed_write_marked_is_not_dirty(database: Database) -> None:
    def fail(connection: Connection) -> None:
        mark_dirty(connection, "2026-03-04", 1, LIGHTEST)
        raise LookupError

    failed, done = await asyncio.gather(
        database.write(fail),
        database.write(partial(_mark, [date(2026, 3, 5)], LIGHTEST)),
        return_exceptions=True,
    )

    assert isinstance(failed, LookupError)
    assert done is None
    assert set(await dirt(database)) == {("2026-03-05", 0)}


async def test_a_page_that_was_cleaned_and_marked_again_has_a_new_mark(
    database: Database,
) -> None:
    def mark(connection: Connection) -> int:
        mark_dirty(connection, "2026-03-04", 1, LIGHTEST)
        write_dirt(connection)
        row = connection.execute("DELETE FROM dirty RETURNING mark").fetchone()
        assert row is not None
        return int(row[0])

    marks = [await database.write(mark) for _ in range(3)]

    assert len(set(marks)) == 3


async def test_workers_that_mark_the_same_days_in_any_order_do_not_block_each_other(
    database: Database, postgres_address: str
) -> None:
    other = Database(postgres_address)
    days = [date(2026, 3, number) for number in range(1, 31)]

    for _ in range(20):
        await asyncio.gather(
            database.write(partial(_mark, days, LIGHTEST)),
            other.write(partial(_mark, days[::-1], LIGHTEST)),
        )

    await asyncio.to_thread(other.close)
    assert len(await dirt(database)) == 30


async def test_a_long_gap_marks_its_days_and_its_last(database: Database) -> None:
    await database.write(lambda c: mark_span(c, date(2020, 1, 1), date(2026, 1, 1)))

    found = sorted(day for day, _ in await dirt(database))
    assert (len(found), found[0], found[-1]) == (402, "2020-01-01", "2026-01-01")


def _ensure(days: list[date | str], connection: Connection) -> None:
    ensure_months(connection, days)


def _mark(days: list[date], reason: WriteReason, connection: Connection) -> None:
    for day in days:
        mark_dirty(connection, day, 0, reason)
