"""Subscriptions at hubs to rows, and back: the same columns and values in every database."""

from typing import Any

from newsreel.model.hub import Announcement, HubStatus, HubSubscription
from newsreel.store.rows import known_moment, micros, moment

COLUMNS = """
    feed_id, hub, topic, token, secret, status, is_pending, asked_at, next_at, attempts,
    lease_until, last_push_at, pushes, ignored, fault
"""
REPLACED = """
    hub = excluded.hub, topic = excluded.topic, token = excluded.token,
    secret = excluded.secret, status = excluded.status, is_pending = excluded.is_pending,
    asked_at = excluded.asked_at, next_at = excluded.next_at, attempts = excluded.attempts,
    lease_until = excluded.lease_until, last_push_at = excluded.last_push_at,
    pushes = excluded.pushes, ignored = excluded.ignored, fault = excluded.fault
"""
"""What takes the place of the row that is there."""


def subscription_of(row: tuple[Any, ...]) -> HubSubscription:
    """Return the subscription of a row of COLUMNS."""
    return HubSubscription(
        feed_id=row[0],
        announced=Announcement(row[1], row[2]),
        token=row[3],
        secret=row[4],
        status=HubStatus(row[5]),
        is_pending=bool(row[6]),
        asked_at=known_moment(row[7]),
        next_at=known_moment(row[8]),
        attempts=row[9],
        lease_until=moment(row[10]),
        last_push_at=moment(row[11]),
        pushes=row[12],
        ignored=row[13],
        fault=row[14],
    )


def subscription_row(found: HubSubscription) -> tuple[Any, ...]:
    """Return the values of COLUMNS."""
    return (
        found.feed_id,
        found.announced.hub,
        found.announced.topic,
        found.token,
        found.secret,
        found.status,
        int(found.is_pending),
        micros(found.asked_at),
        micros(found.next_at),
        found.attempts,
        micros(found.lease_until),
        micros(found.last_push_at),
        found.pushes,
        found.ignored,
        found.fault,
    )
