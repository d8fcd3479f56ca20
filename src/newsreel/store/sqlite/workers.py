"""The workers on a SQLite file: processes of one machine, proven alive by their lease files."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from newsreel.errors import LeaseLost
from newsreel.model.feed import Feed
from newsreel.store.protocols import WorkerState
from newsreel.store.sqlite.database import Database
from newsreel.store.sqlite.holder import Holder, living_holders

HELD = """
    SELECT s.lease_holder, count(*), json_group_array(DISTINCT f.host) FILTER (WHERE f.host != '')
    FROM feed_state s JOIN feeds f ON f.id = s.feed_id WHERE s.lease_holder IS NOT NULL
    GROUP BY s.lease_holder
"""


class Workers:
    """The :class:`~newsreel.store.protocols.FleetStore` of SQLite."""

    _db: Database
    _holder: Holder

    def clock(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - the database's clock

    @asynccontextmanager
    async def holding(self, feed: Feed, seconds: float) -> AsyncIterator[None]:
        timeout = asyncio.timeout(seconds)
        try:
            async with timeout:
                yield
        except TimeoutError:
            if timeout.expired():
                raise LeaseLost(f"the lease of feed {feed.id} runs out") from None
            raise

    def assure(self) -> None:
        return  # a lease lasts for as long as the process and its term do

    async def take_task(self, name: str) -> bool:  # noqa: ARG002 - the archive's lock is enough
        return True

    async def workers(self) -> list[WorkerState]:
        own = getattr(self, "_holder", None)  # who reads only has none
        names = await asyncio.to_thread(living_holders, self._db.path)

        def find(connection: sqlite3.Connection) -> list[WorkerState]:
            held = {row[0]: row[1:] for row in connection.execute(HELD)}
            return [
                _state_of(name, *held.get(name, (0, "[]")))
                for name in sorted(names)
                if name in held or own is None or name != own.name
            ]

        return await self._db.read(find)


def _state_of(name: str, feeds: int, hosts: str) -> WorkerState:
    return WorkerState(
        name=name,
        machine=None,
        pid=int(name.partition("-")[0]),
        started_at=None,
        beat_at=None,
        feeds=feeds,
        hosts=tuple(sorted(json.loads(hosts))),
        polls=None,
        rate=None,
        tasks=(),
    )
