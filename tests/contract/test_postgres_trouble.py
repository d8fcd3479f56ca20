"""What the store of PostgreSQL does when its server is not to be had."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator

import psycopg
import pytest

from newsreel.errors import StoreBusy, StoreError, UsageError
from newsreel.store import open_store
from newsreel.store.postgres import database as database_module
from newsreel.store.postgres.address import Address
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.connection import end as end_transaction
from newsreel.store.postgres.database import Database
from postgres_server import PASSWORD, Server
from wire import Talk, Wire

SECRET = "Quill-7"


@pytest.fixture
async def database(postgres_address: str) -> AsyncIterator[Database]:
    database = Database(postgres_address)
    yield database
    await asyncio.to_thread(database.close)


@pytest.fixture
def wire(postgres: Server) -> Iterator[Wire]:
    wire = Wire(postgres.port)
    yield wire
    wire.close()


@pytest.fixture
async def wired(postgres: Server, postgres_address: str, wire: Wire) -> AsyncIterator[Database]:
    """A database at the other end of the wire."""
    name = postgres_address.partition("?")[0].rpartition("/")[2]
    database = Database(postgres.tcp_address(name, port=wire.port))
    yield database
    await asyncio.to_thread(database.close)


def adding(host: str, runs: list[str] | None = None) -> Callable[[Connection], None]:
    """A write that would be seen if it were stored twice."""

    def add(connection: Connection) -> None:
        if runs is not None:
            runs.append(host)
        connection.execute(
            "INSERT INTO hosts (host, gap_us) VALUES (%s, 1) "
            "ON CONFLICT (host) DO UPDATE SET gap_us = hosts.gap_us + 1",
            (host,),
        )

    return add


async def stored(database: Database) -> dict[str, int]:
    return await database.read(
        lambda connection: dict(connection.execute("SELECT host, gap_us FROM hosts").fetchall())
    )


async def test_a_connection_that_is_ended_before_the_commit_is_made_anew(
    database: Database,
) -> None:
    runs: list[str] = []

    def add(connection: Connection) -> None:
        adding("a.example", runs)(connection)
        if len(runs) == 1:
            with psycopg.connect(connection.info.dsn) as killer:
                killer.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
            connection.execute("SELECT 1")

    await database.write(add)

    assert runs == ["a.example"] * 2
    assert await stored(database) == {"a.example": 1}


async def test_readers_whose_connections_are_ended_read_again(database: Database) -> None:
    await database.write(adding("a.example"))
    await asyncio.gather(*(stored(database) for _ in range(8)))

    def end_all(connection: Connection) -> None:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid != pg_backend_pid()"
        )

    await database.write(end_all)
    found = await asyncio.gather(*(stored(database) for _ in range(8)))

    assert found == [{"a.example": 1}] * 8


async def test_a_group_whose_commit_never_came_is_stored_once(wired: Database, wire: Wire) -> None:
    runs: list[str] = []
    wire.at_commit = Talk.cut

    await wired.write(adding("a.example", runs))

    assert runs == ["a.example"] * 2
    assert await stored(wired) == {"a.example": 1}


async def test_a_group_whose_answer_was_lost_is_stored_once(wired: Database, wire: Wire) -> None:
    runs: list[str] = []
    wire.at_commit = Talk.cut_client

    await asyncio.gather(
        wired.write(adding("a.example", runs)), wired.write(adding("b.example", runs))
    )

    assert sorted(runs) == ["a.example", "b.example"]
    assert await stored(wired) == {"a.example": 1, "b.example": 1}


async def test_a_commit_that_arrives_after_it_was_given_up_is_waited_for(
    wired: Database, wire: Wire, postgres: Server
) -> None:
    runs: list[str] = []
    blocked = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = %s AND wait_event_type = 'Lock' AND query LIKE '%%RETURNING last_group%%'"
    )
    name = wired.address.shown.rpartition("/")[2]

    def hold(talk: Talk) -> None:
        """Pass the commit on when the store asks what has become of it."""
        talk.cut_client()
        with psycopg.connect(postgres.address("postgres"), autocommit=True) as watcher:
            while watcher.execute(blocked, (name,)).fetchone() == (0,):
                pass

    wire.at_commit = hold
    await wired.write(adding("a.example", runs))

    assert runs == ["a.example"]
    assert await stored(wired) == {"a.example": 1}


async def test_nothing_is_lost_or_doubled_while_connections_are_cut_again_and_again(
    wired: Database, wire: Wire
) -> None:
    hosts = ("a.example", "b.example", "c.example")
    for cut in [Talk.cut, Talk.cut_client] * 10:
        wire.at_commit = cut
        await asyncio.gather(*(wired.write(adding(host)) for host in hosts))

    assert await stored(wired) == dict.fromkeys(hosts, 20)


async def test_a_server_that_restarts_costs_time_and_nothing_else() -> None:
    server = Server(uuid.uuid4().hex)
    try:
        database = Database(server.make_database("restarted"))
        written = 0
        for mode in ("fast", "immediate"):
            restart = asyncio.create_task(asyncio.to_thread(server.restart, mode=mode))
            while not restart.done():
                await database.write(adding("a.example"))
                written += 1
                assert await stored(database) == {"a.example": written}
            await restart
        await database.write(adding("a.example"))
        assert await stored(database) == {"a.example": written + 1}
        await asyncio.to_thread(database.close)
    finally:
        server.close()


async def test_a_server_that_stays_away_is_said_to_be_away(
    postgres: Server, postgres_address: str, wire: Wire
) -> None:
    name = postgres_address.partition("?")[0].rpartition("/")[2]
    database = Database(postgres.tcp_address(name, port=wire.port), patience=0.2)
    wire.close()

    results = await asyncio.gather(
        *(database.write(adding(f"{number}.example")) for number in range(20)),
        stored(database),
        return_exceptions=True,
    )

    await asyncio.to_thread(database.close)
    assert {type(result) for result in results} == {StoreBusy}
    assert "can't be reached" in str(results[0])
    assert PASSWORD not in f"{results[0]!r} {results[-1]!r}"


async def test_who_closes_does_not_wait_for_a_server_that_is_away(
    postgres: Server, postgres_address: str, wire: Wire
) -> None:
    name = postgres_address.partition("?")[0].rpartition("/")[2]
    database = Database(postgres.tcp_address(name, port=wire.port), patience=1000)
    wire.close()
    waiting = asyncio.create_task(database.write(adding("a.example")))
    await asyncio.sleep(0)

    await asyncio.to_thread(database.close)

    with pytest.raises(StoreBusy):
        await waiting


def test_a_wrong_password_is_said_to_be_wrong_and_not_shown(postgres: Server) -> None:
    with pytest.raises(StoreError, match="does not let us in") as caught:
        open_store(postgres.tcp_address("postgres", password=SECRET))

    assert "PGPASSFILE" in caught.value.hint
    assert SECRET not in f"{caught.value!r} {caught.value.hint}"


def test_a_database_that_is_not_there_is_said_to_be_missing(postgres: Server) -> None:
    with pytest.raises(StoreError, match="there is no such database") as caught:
        open_store(postgres.tcp_address("nowhere"))

    assert "createdb" in caught.value.hint


def test_a_server_that_is_not_there_is_said_so(wire: Wire) -> None:
    wire.close()

    with pytest.raises(StoreBusy, match="can't be reached") as caught:
        open_store(f"postgresql://ada:{SECRET}@127.0.0.1:{wire.port}/archive")

    assert "postgresql://ada@127.0.0.1:" in str(caught.value)
    assert SECRET not in f"{caught.value!r} {caught.value.hint}"


@pytest.mark.parametrize(
    "unreadable",
    [
        f"postgresql://ada:{SECRET}%zz@h.example/archive",
        f"postgresql://ada:{SECRET}@[::1/archive",
        f"postgresql://ada:{SECRET}@h.example/archive?unheard=of",
    ],
)
def test_an_address_that_can_not_be_read_is_not_shown(unreadable: str) -> None:
    with pytest.raises(UsageError, match="can't be read") as caught:
        open_store(unreadable)

    assert caught.value.__cause__ is None
    assert SECRET not in f"{caught.value!r} {caught.value.hint}"


async def test_a_write_that_fails_is_its_callers_alone(database: Database) -> None:
    def fail(connection: Connection) -> None:
        adding("b.example")(connection)
        raise LookupError("mine")

    def stumble(connection: Connection) -> None:
        connection.execute("SELECT 1 / 0")

    results = await asyncio.gather(
        database.write(adding("a.example")),
        database.write(fail),
        database.write(stumble),
        database.write(adding("c.example")),
        return_exceptions=True,
    )

    assert [type(result) for result in results] == [
        type(None),
        LookupError,
        StoreError,
        type(None),
    ]
    assert await stored(database) == {"a.example": 1, "c.example": 1}


async def test_an_error_that_is_swallowed_does_not_pass_for_a_commit(database: Database) -> None:
    def swallow(connection: Connection) -> None:
        adding("a.example")(connection)
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("SELECT 1 / 0")

    with pytest.raises(StoreError):
        await database.write(swallow)

    assert await stored(database) == {}


async def test_what_stands_in_a_row_is_not_told_by_its_error(database: Database) -> None:
    def add(connection: Connection) -> None:
        connection.execute(
            "INSERT INTO feeds (url, first_url, file_name) VALUES (%s, '', '')",
            (f"https://ada:{SECRET}@press.example/",),
        )

    with pytest.raises(StoreError, match='null value in column "host"') as caught:
        await database.write(add)

    assert SECRET in str(caught.value.__cause__)
    assert SECRET not in str(caught.value)


async def test_writers_who_stand_in_each_others_way_get_through(
    database: Database, postgres_address: str
) -> None:
    other = Database(postgres_address)
    await database.write(adding("a.example"))
    await database.write(adding("b.example"))
    met = asyncio.Event()
    loop = asyncio.get_running_loop()

    def one_then_the_other(first: str, second: str) -> Callable[[Connection], None]:
        def write(connection: Connection) -> None:
            adding(first)(connection)
            loop.call_soon_threadsafe(came.append, first)
            asyncio.run_coroutine_threadsafe(both(), loop).result()
            adding(second)(connection)

        return write

    async def both() -> None:
        if len(set(came)) == 2:
            met.set()
        await met.wait()

    came: list[str] = []
    await asyncio.gather(
        database.write(one_then_the_other("a.example", "b.example")),
        other.write(one_then_the_other("b.example", "a.example")),
    )

    await asyncio.to_thread(other.close)
    assert await stored(database) == {"a.example": 3, "b.example": 3}


@pytest.mark.parametrize("refusals", [1, 1_000_000])
async def test_nothing_is_stored_twice_by_who_is_not_let_in_after_a_commit(
    postgres_address: str, monkeypatch: pytest.MonkeyPatch, refusals: int
) -> None:
    ours = Database(postgres_address, patience=0.5)
    left = iter(range(refusals))
    is_lost = False
    connect, end = Connection.to, end_transaction

    def refuse(address: Address) -> Connection:
        if is_lost and next(left, None) is not None:
            raise psycopg.OperationalError('FATAL:  role "nobody" is not permitted to log in')
        return connect(address)

    def lose(connection: Connection, statement: str) -> None:
        nonlocal is_lost
        end(connection, statement)
        if statement == "COMMIT" and not is_lost:
            is_lost = True
            connection.close()
            raise psycopg.OperationalError("the answer was lost")

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "to", refuse)
        patched.setattr(database_module, "end", lose)
        done = await asyncio.gather(
            *(ours.write(adding(name)) for name in ("a.example", "b.example")),
            return_exceptions=True,
        )
    gained = await stored(ours)
    await asyncio.to_thread(ours.close)

    assert set(gained.values()) == {1}
    assert all(one is None or isinstance(one, StoreBusy) for one in done)
    assert (done[0] is None) == (refusals == 1)
