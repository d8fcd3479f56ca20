"""The embedded store, put together."""

import asyncio
import sqlite3
from datetime import datetime
from pathlib import Path

from newsreel.store.protocols import StoreCounts
from newsreel.store.rows import micros
from newsreel.store.sqlite.database import BUSY_SECONDS, Database, translated
from newsreel.store.sqlite.days import Days
from newsreel.store.sqlite.entries import Entries
from newsreel.store.sqlite.feeds import Feeds
from newsreel.store.sqlite.holder import Holder
from newsreel.store.sqlite.hubs import Hubs
from newsreel.store.sqlite.imports import Imports
from newsreel.store.sqlite.migrate import schema_version
from newsreel.store.sqlite.polls import Polls
from newsreel.store.sqlite.search import Searches
from newsreel.store.sqlite.sites import Sites
from newsreel.store.sqlite.tables import Tables
from newsreel.store.sqlite.workers import Workers

COUNTS = """
    SELECT (SELECT count(*) FROM feeds WHERE status != 'removed'),
           (SELECT count(*) FROM feeds WHERE status = 'active'),
           (SELECT count(*) FROM feeds f JOIN feed_state s ON s.feed_id = f.id
            WHERE f.status = 'active' AND s.failures > 0),
           (SELECT count(*) FROM feeds f JOIN feed_state s ON s.feed_id = f.id
            WHERE f.status = 'active' AND s.next_poll_at <= :now),
           (SELECT count(*) FROM entries),
           (SELECT count(*) FROM revisions WHERE reread = 0),
           (SELECT count(DISTINCT day) FROM dirty),
           (SELECT count(*) FROM gaps WHERE to_at IS NULL),
           (SELECT count(*) FROM polls)
"""


class SqliteStore(Feeds, Polls, Workers, Hubs, Entries, Days, Imports, Sites, Searches, Tables):
    """Everything in one SQLite file."""

    def __init__(
        self, path: Path, *, busy_seconds: float = BUSY_SECONDS, is_read_only: bool = False
    ) -> None:
        self._db = Database(path, busy_seconds=busy_seconds, is_read_only=is_read_only)
        self._is_read_only = is_read_only
        if is_read_only:
            return  # who can't write leases nothing
        try:
            with translated(path):
                self._holder = Holder(path)
        except BaseException:
            self._db.close()
            raise

    async def counts(self, *, now: datetime) -> StoreCounts:
        """Return the archive in numbers."""

        def count(connection: sqlite3.Connection) -> StoreCounts:
            row = connection.execute(COUNTS, {"now": micros(now)}).fetchone()
            return StoreCounts(
                feeds=row[0],
                active=row[1],
                failing=row[2],
                due=row[3],
                entries=row[4],
                revisions=row[5],
                dirty_days=row[6],
                open_gaps=row[7],
                polls=row[8],
                schema=schema_version(connection),
                size_bytes=self._db.path.stat().st_size,
            )

        return await self._db.read(count)

    async def close(self) -> None:
        """Finish what is queued and let go of the database."""
        await asyncio.to_thread(self._db.close)
        if not self._is_read_only:
            self._holder.close()


def open_store(
    path: Path, *, busy_seconds: float = BUSY_SECONDS, is_read_only: bool = False
) -> SqliteStore:
    """Open the database at ``path``, made where there is none, and brought to the newest schema.

    ``is_read_only``: it must be there, at the newest schema, and nothing is written; methods that
    would write raise. Raises :class:`~newsreel.errors.StoreError` where that can't be done.
    """
    return SqliteStore(path, busy_seconds=busy_seconds, is_read_only=is_read_only)
