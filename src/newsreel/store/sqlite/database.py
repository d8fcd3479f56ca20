"""Connections to one SQLite file: a writer thread that groups commits, and readers beside it.

Theory of operation. Writes are stored in groups (:mod:`newsreel.store.groups`). In WAL mode
readers see the last commit and never wait. A database that is opened for reading only has no
writer: nothing is made, brought up to date or locked.
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from newsreel.errors import StoreBusy, StoreError
from newsreel.store.groups import Groups, Job
from newsreel.store.sqlite.migrate import check, check_current, check_whole, migrate
from newsreel.store.sqlite.search_staged import Connection, begin_staging, write_staged
from newsreel.store.sqlite.turn import Turn

BUSY_SECONDS = 10.0
READERS = 2
T = TypeVar("T")


class Database:
    """One SQLite file, opened and at the newest schema.

    Raises :class:`~newsreel.errors.StoreError` where it can't be opened, ``SchemaTooNew`` where a
    newer Newsreel wrote it, and ``SchemaTooOld`` where it would have to be brought up to date but
    is opened for reading only.
    """

    def __init__(
        self,
        path: Path,
        *,
        busy_seconds: float = BUSY_SECONDS,
        is_read_only: bool = False,
    ) -> None:
        self.path = path
        self._busy_seconds = busy_seconds
        self._is_read_only = is_read_only
        if is_read_only and not path.is_file():
            raise StoreError(
                f"there is no database: {path}", hint="name one that 'newsreel poll' has filled"
            )
        with translated(path):
            if not is_read_only:
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.exists():
                    path.touch(0o600)  # it holds secrets
            self._connection = self._open()
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="newsreel-read")
        if not is_read_only:
            with translated(path):
                self._turn = Turn(path)
            self._writer = Groups(self._write_together)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` on a connection that can't write; it sees the last commit."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in the writer's next transaction and return after its commit."""
        if self._is_read_only:
            raise StoreError(f"the database was opened for reading only: {self.path}")
        return await self._writer.write(work)

    async def checkpoint(self) -> None:
        """Move the log into the database and empty it, so that what was deleted is nowhere."""

        def empty(connection: sqlite3.Connection) -> None:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        await asyncio.get_running_loop().run_in_executor(self._readers, self._maintain, empty)

    def close(self) -> None:
        """Finish what is queued and close every connection."""
        if not self._is_read_only:
            self._writer.close()
            self._turn.close()
        self._readers.shutdown()
        for connection in (*self._opened, self._connection):
            connection.close()

    def _open(self) -> Connection:
        with closing(self._bare()) as connection:
            check(connection)  # before anything is written to a file that is not ours
            check_whole(connection)
            if self._is_read_only:
                check_current(connection)
        connection = self._connect()
        if self._is_read_only:
            return connection
        try:
            migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _bare(self) -> Connection:
        place: Path | str = self.path
        if self._is_read_only:
            place = f"{self.path.absolute().as_uri()}?{read_only_mode(self.path)}"
        return sqlite3.connect(
            place,
            timeout=self._busy_seconds,
            isolation_level=None,
            check_same_thread=False,
            factory=Connection,
            uri=self._is_read_only,
        )

    def _connect(self) -> Connection:
        connection = self._bare()
        try:
            if not self._is_read_only:
                connection.execute("PRAGMA journal_mode = WAL")
            _set_up(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with translated(self.path):
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = self._connect()
                connection.execute("PRAGMA query_only = ON")
                self._opened.append(connection)
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                connection.execute("COMMIT")

    def _maintain(self, work: Callable[[sqlite3.Connection], None]) -> None:
        with translated(self.path):
            connection = self._connect()
            try:
                work(connection)
            finally:
                connection.close()

    def _write_together(self, jobs: Sequence[Job[sqlite3.Connection]]) -> None:
        with translated(self.path), self._turn.taken(), transaction(self._connection):
            begin_staging(self._connection)
            for job in jobs:
                job.result = job.work(self._connection)
            write_staged(self._connection)


def read_only_mode(path: Path) -> str:
    """Even a reader needs a file beside the database; where none can be made, nobody writes."""
    log = path.with_name(f"{path.name}-wal")
    is_shared = os.access(path.parent, os.W_OK) or log.exists()
    return "mode=ro" if is_shared else "immutable=1"


def _set_up(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # what is erased leaves no bytes behind
    connection.execute("PRAGMA cache_size = -8192")
    connection.execute("PRAGMA temp_store = MEMORY")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run a block in one immediate transaction: committed wholly, or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's and the disk's errors into ours, with the way out."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "locked" in text or "busy" in text:
            raise StoreBusy(
                f"the database is locked by another process: {path}",
                hint="wait until it is done, or stop it; nothing was lost",
            ) from error
        hint = "check that the folder exists, may be written, and has space left"
        if "full" in text:
            hint = "free some space and run the command again; nothing that was stored is lost"
        raise StoreError(f"the database can't be used: {path}: {text}", hint=hint) from error
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"this is no Newsreel database, or it is damaged: {path}: {error}",
            hint="name another file with --db, "
            "or make it anew from the archive with 'newsreel rebuild'",
        ) from error
    except OSError as error:
        raise StoreError(
            f"the database can't be opened: {path}: {error.strerror or error}",
            hint="name a file in a folder of yours with --db",
        ) from error
