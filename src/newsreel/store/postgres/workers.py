"""The workers on a PostgreSQL database: who they are and hold, and what one does for all."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime

from newsreel.model.feed import Feed
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.database import Database
from newsreel.store.postgres.life import Life
from newsreel.store.protocols import WorkerState
from newsreel.store.rows import known_moment

TAKE_TASK = """
    INSERT INTO tasks AS t (name, holder) VALUES (%(name)s, %(holder)s)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder
    WHERE t.holder = excluded.holder
       OR t.holder IN (SELECT w.name FROM workers w WHERE w.ended_at IS NOT NULL)
    RETURNING name
"""
WORKERS = """
    WITH held AS (
        SELECT holder, array_agg(host ORDER BY host) AS hosts FROM host_leases
        WHERE holder IS NOT NULL GROUP BY holder)
    SELECT w.name, w.machine, w.pid, w.started_at, w.beat_at, w.feeds,
           coalesce(held.hosts, '{}'), w.polls, w.rate,
           ARRAY(SELECT t.name FROM tasks t WHERE t.holder = w.name ORDER BY t.name)
    FROM workers w LEFT JOIN held ON held.holder = w.name
    WHERE w.ended_at IS NULL ORDER BY w.name
"""


class Workers:
    """The :class:`~newsreel.store.protocols.FleetStore` of PostgreSQL."""

    _db: Database
    _life: Life

    def clock(self) -> datetime:
        return self._life.clock()

    def holding(self, feed: Feed, seconds: float) -> AbstractAsyncContextManager[None]:
        return self._life.holding(feed, seconds)

    def assure(self) -> None:
        self._life.assure()

    async def take_task(self, name: str) -> bool:
        def take(connection: Connection) -> tuple[bool, str, float]:
            holder, sent_at = self._life.enter(connection)
            values = {"name": name, "holder": holder}
            return bool(connection.execute(TAKE_TASK, values).fetchone()), holder, sent_at

        is_ours, holder, sent_at = await self._db.write(take)
        self._life.entered(holder, sent_at)
        return is_ours

    async def workers(self) -> list[WorkerState]:
        return await self._db.read(
            lambda connection: [
                WorkerState(
                    name=row[0],
                    machine=row[1],
                    pid=row[2],
                    started_at=known_moment(row[3]),
                    beat_at=known_moment(row[4]),
                    feeds=row[5],
                    hosts=tuple(row[6]),
                    polls=row[7],
                    rate=row[8],
                    tasks=tuple(row[9]),
                )
                for row in connection.execute(WORKERS)
            ]
        )
