"""Subscriptions at hubs, and what they push, in PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from newsreel.errors import LeaseLost
from newsreel.model.feed import Feed
from newsreel.model.hub import HubStatus, HubSubscription
from newsreel.model.poll import Poll
from newsreel.store.hub_rows import COLUMNS, REPLACED, subscription_of, subscription_row
from newsreel.store.postgres.changes import save_changes
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.database import Database
from newsreel.store.postgres.feeds import SELECT, feed_by_id
from newsreel.store.postgres.life import Lease, Life
from newsreel.store.rows import dumps, feed_of, known_micros, micros

ALL = f"SELECT {COLUMNS} FROM hub_subscriptions "  # noqa: S608 - constants only
SAVE = f"""
    INSERT INTO hub_subscriptions ({COLUMNS})
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (feed_id) DO UPDATE SET {REPLACED}
"""  # noqa: S608 - constants only
# A word of its own in the JSON of hints: most feeds name no hub, and their hints are not read.
ANNOUNCING = SELECT + (
    """WHERE h.feed_id IS NOT NULL OR (f.status = 'active' AND s.hints LIKE '%"hub":%') """
    "ORDER BY f.id"
)
LOCK = "SELECT 1 FROM feed_state WHERE feed_id = %s FOR UPDATE"
LEASE = """
    UPDATE feed_state SET lease_holder = %(holder)s, lease_until = %(until)s,
                          lease_token = nextval('lease_tokens')
    WHERE feed_id = %(feed_id)s
      AND EXISTS (SELECT 1 FROM feeds WHERE id = %(feed_id)s AND status = 'active')
      AND (lease_holder IS NULL OR lease_until <= %(now)s
           OR lease_holder IN (SELECT name FROM workers WHERE ended_at IS NOT NULL))
    RETURNING lease_token
"""
SAVE_PUSHED = """
    UPDATE feed_state SET lease_holder = NULL, lease_until = NULL, lease_token = NULL,
                          last_change_at = %s, hints = %s
    WHERE feed_id = %s AND lease_token = %s
"""
COUNT_PUSH = """
    UPDATE hub_subscriptions SET last_push_at = %s, pushes = pushes + 1, fault = NULL
    WHERE feed_id = %s
"""
UNPUSHED = """
    UPDATE feed_state SET next_poll_at = least(next_poll_at, h.due_at) FROM hub_subscriptions h
    WHERE feed_state.feed_id = %(feed_id)s AND h.feed_id = %(feed_id)s
      AND h.due_at IS NOT NULL AND next_poll_at IS NOT NULL
"""


class Hubs:
    """The :class:`~newsreel.store.protocols.HubStore` of PostgreSQL."""

    _db: Database
    _life: Life

    async def hub_subscriptions(self) -> list[HubSubscription]:
        query = ALL + "ORDER BY feed_id"
        return await self._db.read(
            lambda connection: list(map(subscription_of, connection.execute(query)))
        )

    async def hub_subscription(self, token: str) -> HubSubscription | None:
        def find(connection: Connection) -> HubSubscription | None:
            row = connection.execute(ALL + "WHERE token = %s", (token,)).fetchone()
            return subscription_of(row) if row else None

        return await self._db.read(find)

    async def hub_feeds(self) -> list[tuple[Feed, HubSubscription | None]]:
        def found(connection: Connection) -> list[tuple[Feed, HubSubscription | None]]:
            known = {row[0]: subscription_of(row) for row in connection.execute(ALL)}
            feeds = [feed_of(row) for row in connection.execute(ANNOUNCING)]
            return [(feed, known.get(feed.id)) for feed in feeds]

        return await self._db.read(found)

    async def change_hub(
        self, feed_id: int, change: Callable[[HubSubscription | None], HubSubscription | None]
    ) -> HubSubscription | None:
        return await self._db.write(lambda connection: _change(connection, feed_id, change))

    async def lease_pushed(self, feed_id: int, *, now: datetime, term: timedelta) -> Feed | None:
        until = known_micros(now + term)

        def lease(connection: Connection) -> tuple[Feed | None, int, str, float]:
            name, sent_at = self._life.enter(connection)
            values = {"holder": name, "until": until, "feed_id": feed_id, "now": micros(now)}
            row = connection.execute(LEASE, values).fetchone()
            if row is None:
                return None, 0, name, sent_at
            return feed_by_id(connection, feed_id), row[0], name, sent_at

        feed, token, name, sent_at = await self._db.write(lease)
        if feed is not None:  # its host is not asked, and so not leased
            leases = {feed_id: Lease("", token, until)}
            self._life.take(name, leases, now=known_micros(now))
        self._life.entered(name, sent_at)
        return feed


def save_pushed(connection: Connection, poll: Poll, token: int) -> None:
    """Store what was pushed and end the lease; when its feed is polled stays as it was."""
    feed = poll.feed
    row = (micros(feed.last_change_at), dumps(dict(feed.hints)), feed.id, token)
    if connection.execute(SAVE_PUSHED, row).rowcount != 1:
        raise LeaseLost(
            f"the lease of feed {feed.id} ran out, and another worker has it",
            hint="nothing is lost: the hub sends it again, and the other worker polls the feed",
        )
    connection.execute(COUNT_PUSH, (micros(poll.at), feed.id))
    at_push = replace(feed, last_poll_at=poll.at)
    digest = poll.reading.capture.digest
    save_changes(connection, at_push, poll.changes, capture=digest, is_push=True)


def note_unpushed(connection: Connection, feed_id: int, at: datetime | None) -> None:
    """Remember when a feed would be polled if no hub pushed it."""
    connection.execute(
        "UPDATE hub_subscriptions SET due_at = %s WHERE feed_id = %s", (micros(at), feed_id)
    )


def _change(
    connection: Connection,
    feed_id: int,
    change: Callable[[HubSubscription | None], HubSubscription | None],
) -> HubSubscription | None:
    if connection.execute(LOCK, (feed_id,)).fetchone() is None:  # deleted meanwhile
        return None
    row = connection.execute(ALL + "WHERE feed_id = %s", (feed_id,)).fetchone()
    after = change(subscription_of(row) if row else None)
    if after is None or after.status is not HubStatus.VERIFIED:
        connection.execute(UNPUSHED, {"feed_id": feed_id})
        note_unpushed(connection, feed_id, None)
    if after is None:
        connection.execute("DELETE FROM hub_subscriptions WHERE feed_id = %s", (feed_id,))
    else:
        connection.execute(SAVE, subscription_row(after))
    return after
