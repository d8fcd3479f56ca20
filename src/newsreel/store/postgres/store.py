"""The store for many workers, put together."""

import asyncio
from datetime import datetime

from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.database import Database
from newsreel.store.postgres.days import Days
from newsreel.store.postgres.entries import Entries
from newsreel.store.postgres.feeds import Feeds
from newsreel.store.postgres.hubs import Hubs
from newsreel.store.postgres.imports import Imports
from newsreel.store.postgres.life import Life
from newsreel.store.postgres.migrate import schema_version
from newsreel.store.postgres.polls import Polls
from newsreel.store.postgres.search import Searches
from newsreel.store.postgres.sites import Sites
from newsreel.store.postgres.tables import Tables
from newsreel.store.postgres.workers import Workers
from newsreel.store.protocols import StoreCounts
from newsreel.store.rows import micros

COUNTS = """
    SELECT (SELECT count(*) FROM feeds WHERE status != 'removed'),
           (SELECT count(*) FROM feeds WHERE status = 'active'),
           (SELECT count(*) FROM feeds f JOIN feed_state s ON s.feed_id = f.id
            WHERE f.status = 'active' AND s.failures > 0),
           (SELECT count(*) FROM feeds f JOIN feed_state s ON s.feed_id = f.id
            WHERE f.status = 'active' AND s.next_poll_at <= %(now)s),
           (SELECT coalesce(sum(entry_count), 0) FROM feed_state),
           (SELECT count(DISTINCT day) FROM dirty),
           (SELECT count(*) FROM gaps WHERE to_at IS NULL),
           pg_database_size(current_database())
"""
# As the server's own statistics say; of a table without any: -1.
ABOUT = """
    SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint
    FROM pg_partition_tree(%s::regclass) t JOIN pg_class c ON c.oid = t.relid WHERE t.isleaf
"""
COUNTABLE = 10_000_000
"""Rows that are counted within seconds; of more it is told how many they are about."""


class PostgresStore(Feeds, Polls, Workers, Hubs, Entries, Days, Imports, Sites, Searches, Tables):
    """Everything in one PostgreSQL database."""

    def __init__(
        self, address: str, *, read_address: str | None = None, is_read_only: bool = False
    ) -> None:
        self._db = Database(address, read_address=read_address, is_read_only=is_read_only)
        self._life = Life(self._db.address)

    async def counts(self, *, now: datetime) -> StoreCounts:
        """Return the archive in numbers."""

        def count(connection: Connection) -> StoreCounts:
            row = connection.execute(COUNTS, {"now": micros(now)}).fetchone()
            assert row is not None
            return StoreCounts(
                feeds=row[0],
                active=row[1],
                failing=row[2],
                due=row[3],
                entries=int(row[4]),
                revisions=_count(connection, "revisions", "reread = 0"),
                dirty_days=row[5],
                open_gaps=row[6],
                polls=_count(connection, "polls", "true"),
                schema=schema_version(connection),
                size_bytes=row[7],
            )

        return await self._db.read(count)

    async def close(self) -> None:
        """Finish what is queued and let go of the database."""
        await asyncio.to_thread(self._db.close)
        await asyncio.to_thread(self._life.close)


def _count(connection: Connection, table: str, where: str) -> int:
    row = connection.execute(ABOUT, (table,)).fetchone()
    if row is not None and row[0] <= COUNTABLE:
        row = connection.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()  # noqa: S608 - constants only
    assert row is not None
    return int(row[0])


def open_store(address: str, *, is_read_only: bool = False) -> PostgresStore:
    """Open the database at ``postgresql://…``, brought to the newest schema.

    ``is_read_only``: it must be there, at the newest schema, and nothing is written; methods that
    would write raise. Raises :class:`~newsreel.errors.StoreError` where that can't be done.
    """
    return PostgresStore(address, is_read_only=is_read_only)
