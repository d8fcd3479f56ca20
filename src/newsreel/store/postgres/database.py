"""Connections to one PostgreSQL database: a writer thread that groups commits, and readers.

Theory of operation. Writes are stored in groups (:mod:`newsreel.store.groups`), each a transaction
of READ COMMITTED; a reader's transaction sees one moment. Where a connection is lost, another one
is made, and what was under way is done again. A group must not be stored twice, though, and the
answer to its commit may have been lost: so each group begins by writing its number into the
writer's own row of ``writers``. Who asks for that row afterwards waits until the lost transaction
is over, and sees whether the number is there.
"""

import asyncio
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TypeVar

import psycopg
from psycopg import errors

from newsreel.errors import StoreBusy, StoreError
from newsreel.store.groups import Groups, Job
from newsreel.store.postgres.address import Address, parse_address
from newsreel.store.postgres.connection import (
    BEGIN_READ,
    BEGIN_WRITE,
    Connection,
    end,
    told,
    translated,
)
from newsreel.store.postgres.dirt import write_dirt
from newsreel.store.postgres.migrate import check, check_current, check_whole, migrate

READERS = 4
PATIENCE_SECONDS = 90.0
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 2.0
ATTEMPTS = 5
FORGOTTEN_DAYS = 30
NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
"""The database's clock, in microseconds since 1970."""
NOTE_GROUP = f"""
    INSERT INTO writers (name, last_group, written_at) VALUES ('{{name}}', {{number}}, {NOW})
    ON CONFLICT (name) DO UPDATE SET last_group = excluded.last_group,
                                     written_at = excluded.written_at
"""  # noqa: S608 - a name of our own, and a number
LAST_GROUP = f"""
    INSERT INTO writers (name, last_group, written_at) VALUES (%s, 0, {NOW})
    ON CONFLICT (name) DO UPDATE SET written_at = excluded.written_at RETURNING last_group
"""  # noqa: S608 - constants only
CONFLICTS = (errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation)
"""What another worker had a hand in: the next time, its work is there."""
SHUT = (
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.ConnectionException,
    errors.IdleInTransactionSessionTimeout,
)
"""The server's last words to a connection."""
T = TypeVar("T")


class _Lost(Exception):
    """A connection that was lost, or could not be made; the next may hold."""

    def __init__(self, error: psycopg.Error) -> None:
        super().__init__(str(error))
        self.error = error


class Database:
    """One PostgreSQL database, opened and at the newest schema.

    ``read_address`` is that of a replica, where reads go that may be a little late. Raises
    :class:`~newsreel.errors.StoreError` where it can't be opened, ``SchemaTooNew`` where a newer
    Newsreel wrote it, and ``SchemaTooOld`` where it would have to be brought up to date but is
    opened for reading only.
    """

    def __init__(
        self,
        address: str,
        *,
        read_address: str | None = None,
        is_read_only: bool = False,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.address = parse_address(address)
        self.writer_name = f"{os.getpid()}-{secrets.token_hex(8)}"
        self._read_address = parse_address(read_address) if read_address else self.address
        self._is_read_only = is_read_only
        self._patience = patience
        self._closing = threading.Event()
        self._local = threading.local()
        self._opened: list[Connection] = []
        self._group = 0
        with translated(self.address):
            self._connection = self._open()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="newsreel-read")
        if not is_read_only:
            self._writer = Groups(self._store)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction that can't write; it sees one moment."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in the writer's next transaction and return after its commit."""
        if self._is_read_only:
            raise StoreError(f"the database was opened for reading only: {self.address.shown}")
        return await self._writer.write(work)

    def close(self) -> None:
        """Finish what is queued and close every connection."""
        self._closing.set()
        if not self._is_read_only:
            self._writer.close()
        self._readers.shutdown()
        if not self._is_read_only and not self._connection.is_lost:
            with suppress(psycopg.Error):
                self._connection.execute(
                    "DELETE FROM writers WHERE name = %s", (self.writer_name,)
                )
        for connection in (*self._opened, self._connection):
            connection.close()

    def _open(self) -> Connection:
        connection = Connection.to(self.address)
        try:
            check(connection)
            check_whole(connection)
            if self._is_read_only:
                check_current(connection)
                connection.close()  # readers have their own
            else:
                migrate(connection)
                self._register(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _register(self, connection: Connection) -> None:
        connection.execute(
            "INSERT INTO writers (name, last_group, written_at) "  # noqa: S608 - constants only
            f"VALUES (%s, 0, {NOW})",
            (self.writer_name,),
        )
        connection.execute(
            f"DELETE FROM writers WHERE written_at < {NOW} - %s::bigint",  # noqa: S608
            (FORGOTTEN_DAYS * 86_400_000_000,),
        )

    def _read(self, work: Callable[[Connection], T]) -> T:
        return self._persist(lambda: self._read_once(work), self._read_address)

    def _read_once(self, work: Callable[[Connection], T]) -> T:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None or connection.is_lost:
            if connection is not None:
                self._opened.remove(connection)
                connection.close()
                self._local.connection = None
            connection = self._local.connection = self._connect(self._read_address)
            self._opened.append(connection)
        with _kept(connection):
            connection.execute(BEGIN_READ)
            result = work(connection)
            end(connection, "COMMIT")
        return result

    def _store(self, jobs: Sequence[Job[Connection]]) -> None:
        doubtful: int | None = None

        def store() -> None:
            nonlocal doubtful
            try:
                if self._connection.is_lost:
                    self._connection = self._connect(self.address)
                if doubtful is not None and self._is_stored(doubtful):
                    return
            except psycopg.Error as error:
                if doubtful is None:
                    raise
                raise _Lost(error) from error
            doubtful = None
            connection, number = self._connection, self._group + 1
            self._group = number
            with _kept(connection):
                self._run(jobs, number)
                doubtful = number
                end(connection, "COMMIT")

        try:
            self._persist(store, self.address)
        except StoreError as error:
            if doubtful is None or not isinstance(error.__cause__, _Lost):
                raise
            raise StoreBusy(  # so that nothing of it is run again
                f"nobody knows whether the last writes were stored: {error}",
                hint=error.hint,
            ) from error

    def _run(self, jobs: Sequence[Job[Connection]], number: int) -> None:
        connection = self._connection
        connection.together.clear()
        connection.dirt.clear()
        connection.execute(BEGIN_WRITE + NOTE_GROUP.format(name=self.writer_name, number=number))
        for job in jobs:
            job.result = job.work(connection)
        while connection.together:  # one of them may bring another about
            write = next(iter(connection.together))
            write(connection, connection.together.pop(write))
        write_dirt(connection)

    def _is_stored(self, number: int) -> bool:
        """Tell whether a group was stored whose answer was lost; waits until it is over."""
        with _kept(self._connection) as connection:
            connection.execute(BEGIN_WRITE)
            try:
                row = connection.execute(LAST_GROUP, (self.writer_name,)).fetchone()
            except errors.LockNotAvailable as error:
                raise _Lost(error) from error
            end(connection, "COMMIT")
        assert row is not None
        return bool(row[0] == number)

    def _connect(self, address: Address) -> Connection:
        try:
            return Connection.to(address)
        except psycopg.Error as error:
            if isinstance(told(error, address), StoreBusy):
                raise _Lost(error) from error
            raise

    def _persist(self, work: Callable[[], T], address: Address) -> T:
        """Do something until it is done: after a lost connection, or where two were in the way."""
        began_at, pause, conflicts = time.monotonic(), SHORTEST_PAUSE_SECONDS, 0
        while True:
            try:
                with translated(address):
                    return work()
            except _Lost as lost:
                late = time.monotonic() - began_at > self._patience
                if late or self._closing.is_set():
                    raise told(lost.error, address) from lost
            except StoreError as error:
                conflicts += 1
                if not isinstance(error.__cause__, CONFLICTS) or conflicts >= ATTEMPTS:
                    raise
            self._closing.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


@contextmanager
def _kept(connection: Connection) -> Iterator[Connection]:
    """Roll back what fails, and tell a connection that was lost from one that stands."""
    try:
        yield connection
    except BaseException as error:
        connection.months.clear()  # some were made by what is rolled back
        if isinstance(error, SHUT):
            connection.close()
        with suppress(psycopg.Error):
            if not connection.is_lost and connection.info.transaction_status:
                end(connection, "ROLLBACK")
        if connection.is_lost and isinstance(error, psycopg.Error):
            raise _Lost(error) from error
        raise
