"""Subscriptions at hubs, and what they push, in SQLite."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from newsreel.errors import LeaseLost
from newsreel.model.feed import Feed, FeedStatus
from newsreel.model.hub import HubStatus, HubSubscription
from newsreel.model.poll import Poll
from newsreel.store.hub_rows import COLUMNS, REPLACED, subscription_of, subscription_row
from newsreel.store.rows import dumps, feed_of, micros
from newsreel.store.sqlite.changes import save_changes
from newsreel.store.sqlite.database import Database
from newsreel.store.sqlite.feeds import SELECT, feed_by_id
from newsreel.store.sqlite.holder import Holder

ALL = f"SELECT {COLUMNS} FROM hub_subscriptions "  # noqa: S608 - constants only
SAVE = f"""
    INSERT INTO hub_subscriptions ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (feed_id) DO UPDATE SET {REPLACED}
"""  # noqa: S608 - constants only
# A word of its own in the JSON of hints: most feeds name no hub, and their hints are not read.
ANNOUNCING = SELECT + (
    """WHERE h.feed_id IS NOT NULL OR (f.status = 'active' AND s.hints LIKE '%"hub":%') """
    "ORDER BY f.id"
)
LEASE = """
    UPDATE feed_state SET lease_holder = ?, lease_until = ?
    WHERE feed_id = ? AND (lease_holder IS NULL OR lease_until <= ?)
"""
SAVE_PUSHED = """
    UPDATE feed_state SET lease_holder = NULL, lease_until = NULL, last_change_at = ?, hints = ?
    WHERE feed_id = ? AND lease_holder = ?
"""
COUNT_PUSH = """
    UPDATE hub_subscriptions SET last_push_at = ?, pushes = pushes + 1, fault = NULL
    WHERE feed_id = ?
"""
UNPUSHED = """
    UPDATE feed_state SET next_poll_at = min(next_poll_at, h.due_at) FROM hub_subscriptions h
    WHERE feed_state.feed_id = ?1 AND h.feed_id = ?1 AND h.due_at IS NOT NULL
"""


class Hubs:
    """The :class:`~newsreel.store.protocols.HubStore` of SQLite."""

    _db: Database
    _holder: Holder

    async def hub_subscriptions(self) -> list[HubSubscription]:
        return await self._db.read(
            lambda connection: list(
                map(subscription_of, connection.execute(ALL + "ORDER BY feed_id"))
            )
        )

    async def hub_subscription(self, token: str) -> HubSubscription | None:
        def find(connection: sqlite3.Connection) -> HubSubscription | None:
            row = connection.execute(ALL + "WHERE token = ?", (token,)).fetchone()
            return subscription_of(row) if row else None

        return await self._db.read(find)

    async def hub_feeds(self) -> list[tuple[Feed, HubSubscription | None]]:
        def found(connection: sqlite3.Connection) -> list[tuple[Feed, HubSubscription | None]]:
            known = {row[0]: subscription_of(row) for row in connection.execute(ALL)}
            feeds = [feed_of(row) for row in connection.execute(ANNOUNCING)]
            return [(feed, known.get(feed.id)) for feed in feeds]

        return await self._db.read(found)

    async def change_hub(
        self, feed_id: int, change: Callable[[HubSubscription | None], HubSubscription | None]
    ) -> HubSubscription | None:
        return await self._db.write(lambda connection: _change(connection, feed_id, change))

    async def lease_pushed(self, feed_id: int, *, now: datetime, term: timedelta) -> Feed | None:
        row = (self._holder.name, micros(now + term), feed_id, micros(now))

        def lease(connection: sqlite3.Connection) -> Feed | None:
            feed = feed_by_id(connection, feed_id)
            if feed is None or feed.status is not FeedStatus.ACTIVE:
                return None
            return feed if connection.execute(LEASE, row).rowcount else None

        return await self._db.write(lease)


def save_pushed(connection: sqlite3.Connection, poll: Poll, holder: str) -> None:
    """Store what was pushed and end the lease; when its feed is polled stays as it was."""
    feed = poll.feed
    row = (micros(feed.last_change_at), dumps(dict(feed.hints)), feed.id, holder)
    if connection.execute(SAVE_PUSHED, row).rowcount != 1:
        raise LeaseLost(
            f"the lease of feed {feed.id} ran out, and another worker has it",
            hint="nothing is lost: the hub sends it again, and the other worker polls the feed",
        )
    connection.execute(COUNT_PUSH, (micros(poll.at), feed.id))
    at_push = replace(feed, last_poll_at=poll.at)
    digest = poll.reading.capture.digest
    save_changes(connection, at_push, poll.changes, capture=digest, is_push=True)


def note_unpushed(connection: sqlite3.Connection, feed_id: int, at: datetime | None) -> None:
    """Remember when a feed would be polled if no hub pushed it."""
    connection.execute(
        "UPDATE hub_subscriptions SET due_at = ? WHERE feed_id = ?", (micros(at), feed_id)
    )


def _change(
    connection: sqlite3.Connection,
    feed_id: int,
    change: Callable[[HubSubscription | None], HubSubscription | None],
) -> HubSubscription | None:
    if feed_by_id(connection, feed_id) is None:  # deleted meanwhile
        return None
    row = connection.execute(ALL + "WHERE feed_id = ?", (feed_id,)).fetchone()
    after = change(subscription_of(row) if row else None)
    if after is None or after.status is not HubStatus.VERIFIED:
        connection.execute(UNPUSHED, (feed_id,))
        note_unpushed(connection, feed_id, None)
    if after is None:
        connection.execute("DELETE FROM hub_subscriptions WHERE feed_id = ?", (feed_id,))
    else:
        connection.execute(SAVE, subscription_row(after))
    return after
