"""What must be the same in every database that an archive is copied to."""

import os
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

import whole_archive
from newsreel.app.checking import check_archive
from newsreel.app.copying import CopyAccount, copy_archive
from newsreel.errors import StoreError, UsageError
from newsreel.store import open_store
from newsreel.store.contents import ARCHIVE, BATCH_ROWS, BATCH_SIZE, in_batches
from newsreel.store.sqlite.transfer import INDEX
from polled_world import DAY, MORNING, PRESS, World, item
from postgres_server import Server

KINDS = ("sqlite", "postgres")
WAYS = [(one, two) for one in KINDS for two in KINDS]
NOT_COPIED = {
    "sqlite": {"search"} | {table.name for table in INDEX},
    "postgres": {
        "host_leases", "identities", "newsreel_schema", "search_pending", "search_rows",
        "search_state", "tasks", "workers", "writers",
    },
}  # fmt: skip
OF_LEASES = {"lease_holder", "lease_until", "lease_token"}
"""Columns of feed_state that belong to who polls."""
MakeAddress = Callable[[str], str]


@pytest.fixture
def new_address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeAddress]:
    """Makes addresses of empty databases of a kind."""
    made: list[str] = []

    def make(kind: str) -> str:
        if kind == "sqlite":
            return str(tmp_path / f"{uuid.uuid4().hex}.sqlite")
        server: Server = request.getfixturevalue("postgres")
        made.append(f"test_{uuid.uuid4().hex}")
        return server.make_database(made[-1])

    yield make
    for name in made:
        request.getfixturevalue("postgres").drop_database(name)


@pytest.fixture
async def archive(new_address: MakeAddress) -> str:
    """An archive in SQLite with rows in every table."""
    address = new_address("sqlite")
    await whole_archive.fill(address)
    return address


def ask(address: str, query: str) -> list[tuple[Any, ...]]:
    """Ask a database as anybody could."""
    if address.startswith("postgresql:"):
        with psycopg.connect(address) as server:
            done = server.execute(query.encode())
            return done.fetchall() if done.description else []
    with closing(sqlite3.connect(address)) as file, file:
        return file.execute(query).fetchall()


def rows_of(address: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every value of every table that is copied, in an order of their own."""
    return {
        table.name: sorted(
            ask(
                address,
                "SELECT "
                + ", ".join(f'"{n}"' for n in table.columns if n not in table.derived)
                + f" FROM {table.name}",
            ),
            key=repr,
        )
        for table in ARCHIVE
    }


def columns_of(address: str) -> dict[str, set[str]]:
    if address.startswith("postgresql:"):
        query = (
            "SELECT c.relname, a.attname FROM pg_class c "
            "JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 "
            "AND NOT a.attisdropped AND c.relnamespace = 'public'::regnamespace"
        )
    else:
        query = (
            "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c "
            "WHERE t.type = 'table'"
        )
    found: dict[str, set[str]] = {}
    for table, column in ask(address, query):
        found.setdefault(table, set()).add(column)
    return found


# --- what is copied


@pytest.mark.parametrize("kind", KINDS)
async def test_every_table_and_column_is_copied_or_known_not_to_be(
    new_address: MakeAddress, kind: str
) -> None:
    address = new_address(kind)
    await open_store(address).close()

    columns = columns_of(address)

    assert set(columns) - NOT_COPIED[kind] == {table.name for table in ARCHIVE}
    for table in ARCHIVE:
        wanted = set(table.columns) - (table.derived if kind == "sqlite" else frozenset())
        found = columns[table.name] - (OF_LEASES if table.name == "feed_state" else set())
        assert found == wanted, table.name


async def test_the_archive_of_these_tests_has_rows_in_every_table(archive: str) -> None:
    assert [name for name, rows in rows_of(archive).items() if not rows] == []


@pytest.mark.parametrize(("kind", "other"), WAYS, ids=str)
async def test_every_value_of_every_table_comes_over_and_back(
    new_address: MakeAddress, archive: str, kind: str, other: str
) -> None:
    first, second, third = new_address(kind), new_address(other), new_address("sqlite")

    digests = [
        copy_archive(source, target).digest
        for source, target in ((archive, first), (first, second), (second, third))
    ]

    assert rows_of(third) == rows_of(second) == rows_of(first) == rows_of(archive)
    assert len(set(digests)) == 1


async def test_a_copy_says_what_it_did(new_address: MakeAddress, archive: str) -> None:
    source, target = new_address("postgres"), new_address("sqlite")
    first = copy_archive(archive, source)

    account = copy_archive(source, target)

    assert account == replace(first, source=first.target, target=target)
    assert (account.rows_before, account.entries, account.has_index) == (0, 7, False)
    assert account.rows == sum(map(len, rows_of(archive).values()))


async def test_who_polls_is_not_copied(new_address: MakeAddress, archive: str) -> None:
    ask(archive, "UPDATE feed_state SET lease_holder = '1-dead', lease_until = 9000000000000000")
    target = new_address("postgres")

    copy_archive(archive, target)

    assert set(ask(target, "SELECT lease_holder, lease_until FROM feed_state")) == {(None, None)}


async def test_ids_go_on_behind_those_that_were_copied(
    new_address: MakeAddress, archive: str
) -> None:
    target = new_address("postgres")
    copy_archive(archive, target)

    for table in ("feeds", "polls", "gaps", "observations", "revisions", "legacy_files"):
        (greatest,) = ask(target, f"SELECT max(id) FROM {table}")[0]
        sequence = f"nextval(pg_get_serial_sequence('{table}', 'id'))"
        assert ask(target, f"SELECT {sequence}") == [(greatest + 1,)]
    (greatest,) = ask(target, "SELECT max(entry_id) FROM identities")[0]
    sequence = "nextval(pg_get_serial_sequence('identities', 'entry_id'))"
    assert ask(target, f"SELECT {sequence}") == [(greatest + 1,)]


PENDING = {
    "sqlite": "SELECT count(*) FROM entries WHERE id <= (SELECT pending FROM search_state)",
    "postgres": "SELECT coalesce(sum(entries), 0)::bigint FROM search_pending",
}
"""How many entries are not in the index."""


@pytest.mark.parametrize(("kind", "other"), WAYS, ids=str)
async def test_an_index_of_the_same_kind_is_copied_and_another_is_to_be_made(
    new_address: MakeAddress, archive: str, kind: str, other: str
) -> None:
    source, target = new_address(kind), new_address(other)
    copy_archive(archive, source)

    account = copy_archive(source, target)

    assert account.has_index == (kind == other)
    pending = ask(target, PENDING[other])
    if kind == other:
        assert pending == ask(source, PENDING[kind])
    else:
        assert pending == ask(source, "SELECT count(*) FROM entries")


async def test_what_was_found_before_is_found_in_a_copy_of_the_index(
    new_address: MakeAddress, archive: str
) -> None:
    target = new_address("sqlite")
    copy_archive(archive, target)

    store = open_store(target)
    state = await store.index_state()
    await store.close()

    assert (state.is_current, state.pending) == (True, 0)
    found = "SELECT count(*) FROM search WHERE search MATCH 'ferry'"
    assert ask(target, found) == ask(archive, found) == [(1,)]


@pytest.mark.parametrize(("kind", "other"), WAYS, ids=str)
async def test_a_copy_is_polled_on_and_copied_again(
    new_address: MakeAddress, archive: str, kind: str, other: str
) -> None:
    first, second = new_address(kind), new_address(other)
    copy_archive(archive, first)
    store = open_store(first)
    world = World(store, now=MORNING + 50 * DAY)
    press = await store.find_feed(PRESS)
    assert press is not None

    await world.poll(press, item("dawn"), item("late", summary="Later."), title="The Press")
    entries = await store.entries_of(press.id)
    await store.close()
    copy_archive(first, second)

    assert {entry.guid for entry in entries} >= {"press-dawn", "press-late", "press-bridge"}
    assert check_archive(first).findings == check_archive(second).findings == []
    assert rows_of(second) == rows_of(first)


# --- killed


KILLED = """
import os, signal, sys
from newsreel.app import copying
from newsreel.store import contents
from newsreel.store.postgres import transfer as postgres
from newsreel.store.sqlite import transfer as sqlite

contents.BATCH_ROWS = 3
left = int(sys.argv[3])
for name, module in (("SqliteWriter", sqlite), ("PostgresWriter", postgres)):
    writer = getattr(module, name)

    def write(self, *args, real=writer.write, **kwargs):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        real(self, *args, **kwargs)

    writer.write = write
real_add = postgres._add


def add(connection, name, columns, rows):
    real_add(connection, name, columns, rows)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)  # before the commit


postgres._add = add
copying.copy_archive(sys.argv[1], sys.argv[2])
"""


def copy_until_killed(source: str, target: str, *, batches: int) -> bool:
    """Copy in a process that is killed after so many batches; tell whether it was."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, source, target, str(batches)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.returncode != 0


@pytest.mark.parametrize("kind", KINDS)
async def test_a_copy_that_is_killed_again_and_again_comes_to_its_end(
    new_address: MakeAddress, archive: str, kind: str
) -> None:
    target = new_address(kind)
    kills = 0

    while copy_until_killed(archive, target, batches=9):
        kills += 1
        with pytest.raises(StoreError, match="a copy into this database is not finished"):
            open_store(target)

    assert kills > 3
    assert rows_of(target) == rows_of(archive)
    with pytest.raises(UsageError, match="holds an archive already"):
        copy_archive(archive, target)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_copy_goes_on_where_it_stopped(
    new_address: MakeAddress, archive: str, kind: str
) -> None:
    target = new_address(kind)
    assert copy_until_killed(archive, target, batches=20)
    (before,) = ask(target, "SELECT sum(rows) FROM copying")[0]

    account = copy_archive(archive, target)

    assert 20 < account.rows_before == before < account.rows
    assert rows_of(target) == rows_of(archive)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_row_that_came_over_wrong_is_found(
    new_address: MakeAddress, archive: str, kind: str
) -> None:
    target = new_address(kind)
    assert copy_until_killed(archive, target, batches=40)
    ask(target, "UPDATE revisions SET summary = 'Forged.' WHERE entry_id = 2")
    ask(target, "DELETE FROM hosts")

    for _ in range(2):
        with pytest.raises(StoreError) as raised:
            copy_archive(archive, target)

        assert "hosts in 1 rows, such as press.example" in str(raised.value)
        assert "revisions in 1 rows, such as 2 1 0" in str(raised.value)
        with pytest.raises(StoreError, match="a copy into this database is not finished"):
            open_store(target)


async def test_a_row_that_was_added_is_found(new_address: MakeAddress, archive: str) -> None:
    target = new_address("sqlite")
    assert copy_until_killed(archive, target, batches=40)
    ask(target, "INSERT INTO hosts (host) VALUES ('another.example'), ('press.example.org')")

    with pytest.raises(StoreError, match="hosts in 2 rows, such as another"):
        copy_archive(archive, target)


# --- refused


async def test_a_database_that_is_in_use_is_not_copied(
    new_address: MakeAddress, archive: str
) -> None:
    store = open_store(archive)
    try:
        with pytest.raises(UsageError, match=f"in use: {archive}, by {os.getpid()}-"):
            copy_archive(archive, new_address("sqlite"))
    finally:
        await store.close()


async def test_a_database_of_postgresql_is_in_use_until_its_workers_end(
    new_address: MakeAddress, archive: str
) -> None:
    source = new_address("postgres")
    copy_archive(archive, source)
    store = open_store(source)
    assert await World(store, now=MORNING + 50 * DAY).lease()

    try:
        with pytest.raises(UsageError, match=rf"in use: postgresql:.*, by .* {os.getpid()} "):
            copy_archive(source, new_address("sqlite"))
    finally:
        await store.close()

    target = new_address("sqlite")
    copy_archive(source, target)
    leases = "SELECT count(*) FROM feed_state WHERE lease_holder IS NOT NULL"
    assert ask(target, leases) == [(0,)]


async def test_nothing_is_copied_into_a_database_that_is_in_use(
    new_address: MakeAddress, archive: str
) -> None:
    target = new_address("sqlite")
    store = open_store(target)
    try:
        with pytest.raises(UsageError, match=f"in use: {target}, by {os.getpid()}-"):
            copy_archive(archive, target)
    finally:
        await store.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_archives_are_not_mixed(new_address: MakeAddress, archive: str, kind: str) -> None:
    target = new_address(kind)
    copy_archive(archive, target)
    before = rows_of(target)

    with pytest.raises(UsageError, match="holds an archive already"):
        copy_archive(archive, target)

    assert rows_of(target) == before


@pytest.mark.parametrize("kind", KINDS)
async def test_a_copy_does_not_go_on_from_an_archive_that_changed(
    new_address: MakeAddress, archive: str, kind: str
) -> None:
    target = new_address(kind)
    assert copy_until_killed(archive, target, batches=20)
    ask(archive, "DELETE FROM hosts")

    with pytest.raises(UsageError, match="from this one before it changed"):
        copy_archive(archive, target)


def test_what_is_not_there_is_not_copied(new_address: MakeAddress) -> None:
    source, target = new_address("sqlite"), new_address("sqlite")

    with pytest.raises(StoreError, match="there is no database"):
        copy_archive(source, target)

    assert not Path(target).exists()


async def test_an_archive_that_changes_meanwhile_is_not_said_to_be_copied(
    new_address: MakeAddress, archive: str
) -> None:
    def forget(what: str, done: int, total: int) -> None:
        if (what, done) == ("comparing", total):
            ask(archive, "DELETE FROM hosts")

    target = new_address("sqlite")

    with pytest.raises(StoreError, match="was written to while it was copied"):
        copy_archive(archive, target, progress=forget)

    with pytest.raises(StoreError, match="a copy into this database is not finished"):
        open_store(target)


async def test_two_copies_into_one_database_are_told_apart(
    new_address: MakeAddress, archive: str
) -> None:
    target = new_address("sqlite")
    begun: list[CopyAccount] = []

    def copy_too(_: str, done: int, __: int) -> None:
        if done and not begun:
            begun.append(copy_archive(archive, target))

    with pytest.raises(StoreError):
        copy_archive(archive, target, progress=copy_too)

    assert rows_of(target) == rows_of(archive)


async def test_text_that_postgresql_cannot_hold_is_named(
    new_address: MakeAddress, archive: str
) -> None:
    ask(archive, "UPDATE polls SET detail = 'no' || char(0) || 'pe' WHERE id = 2")

    with pytest.raises(StoreError, match="polls 2 holds a NUL"):
        copy_archive(archive, new_address("postgres"))


# --- batches


@given(st.lists(st.integers(0, BATCH_SIZE), max_size=30))
def test_batches_are_all_rows_in_their_order(sizes: list[int]) -> None:
    rows = [(number, "x" * (size % 7)) for number, size in enumerate(sizes)]

    assert [row for batch in in_batches(rows) for row in batch] == rows


def test_batches_are_neither_long_nor_heavy() -> None:
    light = [len(batch) for batch in in_batches([(1,)] * (2 * BATCH_ROWS + 1))]
    heavy = [len(batch) for batch in in_batches([("x" * BATCH_SIZE,)] * 3)]

    assert (light, heavy) == ([BATCH_ROWS, BATCH_ROWS, 1], [1, 1, 1])
