"""The store for many workers, put together."""

import asyncio
from datetime import datetime

from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.database import Database
from newsreel.store.postgres.feeds import Feeds
from newsreel.store.postgres.migrate import schema_version
from newsreel.store.postgres.sites import Sites
from newsreel.store.protocols import StoreCounts
from newsreel.store.rows import micros

COUNTS = """
    SELECT (SELECT count(*) FROM feeds WHERE status != 'removed'),
           (SELECT count(*) FROM feeds WHERE status = 'active'),
           (SELECT count(*) FROM feeds f JOIN feed_state s ON s.feed_id = f.id
            WHERE f.status = 'active' AND s.failures > 0),
           (SELECT count(*) FROM feeds f JOIN feed_state s ON s.feed_id = f.id
            WHERE f.status = 'active' AND s.next_poll_at <= %(now)s),
           (SELECT count(*) FROM entries),
           (SELECT count(*) FROM revisions WHERE reread = 0),
           (SELECT count(DISTINCT day) FROM dirty),
           (SELECT count(*) FROM gaps WHERE to_at IS NULL),
           (SELECT count(*) FROM polls),
           pg_database_size(current_database())
"""


class PostgresStore(Feeds, Sites):
    """Everything in one PostgreSQL database."""

    def __init__(
        self, address: str, *, read_address: str | None = None, is_read_only: bool = False
    ) -> None:
        self._db = Database(address, read_address=read_address, is_read_only=is_read_only)
        self._is_read_only = is_read_only

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
                entries=row[4],
                revisions=row[5],
                dirty_days=row[6],
                open_gaps=row[7],
                polls=row[8],
                schema=schema_version(connection),
                size_bytes=row[9],
            )

        return await self._db.read(count)

    async def close(self) -> None:
        """Finish what is queued and let go of the database."""
        await asyncio.to_thread(self._db.close)


def open_store(address: str, *, is_read_only: bool = False) -> PostgresStore:
    """Open the database at ``postgresql://…``, brought to the newest schema.

    ``is_read_only``: it must be there, at the newest schema, and nothing is written; methods that
    would write raise. Raises :class:`~newsreel.errors.StoreError` where that can't be done.
    """
    return PostgresStore(address, is_read_only=is_read_only)
