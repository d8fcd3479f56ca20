"""Leases, known-then-save, and the poll log, in SQLite."""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from newsreel.core.schedule import LONGEST_RETRY
from newsreel.errors import LeaseLost
from newsreel.model.day import WriteReason
from newsreel.model.entry import Sighting
from newsreel.model.feed import Feed
from newsreel.model.host import HostState
from newsreel.model.poll import Gap, Known, Outcome, Poll, PollRecord
from newsreel.store.sqlite.changes import save_changes
from newsreel.store.sqlite.database import Database
from newsreel.store.sqlite.dirt import mark_dirty, mark_feed_dirty, mark_span
from newsreel.store.sqlite.feeds import SELECT, note_title
from newsreel.store.sqlite.holder import Holder
from newsreel.store.sqlite.known import known_of
from newsreel.store.sqlite.rows import dumps, feed_of, known_moment, micros, moment

CLOCK_SLACK = timedelta(minutes=5)

# Polled in the future: the clock was set back, and times after that poll mean nothing. Once polled
# again, a feed has its next time from the clock as it is, which stands before that poll.
LEASABLE = """
    f.status = 'active' AND (s.lease_holder IS NULL OR s.lease_until <= :now)
    AND (s.held_until IS NULL OR s.held_until <= :now
         OR (s.last_poll_at > :ahead AND s.held_until >= s.last_poll_at))
    AND NOT EXISTS (SELECT 1 FROM hosts h WHERE h.host = f.host
                    AND h.not_before > :now AND h.not_before <= :horizon)
"""
DUE = """
    (s.next_poll_at <= :now OR (s.last_poll_at > :ahead AND s.next_poll_at >= s.last_poll_at))
"""
POLLED_SINCE = "(coalesce(s.last_poll_at, 0) > :since AND s.last_poll_at <= :now)"
ANY_TOMBSTONE = "SELECT EXISTS (SELECT 1 FROM tombstones)"
LEASE = "UPDATE feed_state SET lease_holder = ?, lease_until = ? WHERE feed_id = ?"

SAVE_STATE = """
    UPDATE feed_state SET
        next_poll_at = ?, held_until = ?, lease_holder = NULL, lease_until = NULL, etag = ?,
        last_modified = ?, body_digest = ?, last_poll_at = ?, last_ok_at = ?, last_change_at = ?,
        failures = ?, fault = ?, moved_to = ?, moved_count = ?, hints = coalesce(?, hints)
    WHERE feed_id = ? AND lease_holder = ?
"""
SAVE_POLL = """
    INSERT INTO polls (feed_id, polled_at, outcome, status, reason, detail, new, revised,
                       unchanged, reread, overlap, left_out, bytes, elapsed_ms, capture, lost,
                       next_poll_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
SAVE_DAY = """
    INSERT INTO poll_days (day, feed_id, expected, made) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET expected = expected + excluded.expected, made = made + excluded.made
"""
SAVE_FEED = """
    UPDATE feeds SET url = ?, host = ?, title = ?, site_url = ?, language = ?, status = ?,
                     policy = ?, is_private = ? WHERE id = ?
"""


class Polls:
    """The :class:`~newsreel.store.protocols.PollStore` of SQLite."""

    _db: Database
    _holder: Holder
    _has_tombstones = True
    """Whether there may be any; known anew with each lease."""

    async def lease(
        self,
        *,
        now: datetime,
        term: timedelta,
        limit: int,
        feed_ids: Sequence[int] | None = None,
        is_forced: bool = False,
        since: datetime | None = None,
    ) -> list[Feed]:
        query = f"{SELECT} WHERE {LEASABLE}"
        if not is_forced:
            query += f" AND {DUE}"
        if since is not None:
            query += f" AND NOT {POLLED_SINCE}"
        if feed_ids is not None:
            query += " AND f.id IN (SELECT value FROM json_each(:ids))"
        query += " ORDER BY s.next_poll_at, f.id LIMIT :limit"
        values = {
            "now": micros(now),
            "since": micros(since),
            "ahead": micros(now + CLOCK_SLACK),
            "horizon": micros(now + LONGEST_RETRY),
            "ids": dumps(list(feed_ids or ())),
            "limit": limit,
        }

        def lease(connection: sqlite3.Connection) -> tuple[list[Feed], bool]:
            self._free_dead_leases(connection)
            feeds = [feed_of(row) for row in connection.execute(query, values)]
            until = micros(now + term)
            rows = [(self._holder.name, until, feed.id) for feed in feeds]
            connection.executemany(LEASE, rows)
            return feeds, bool(connection.execute(ANY_TOMBSTONE).fetchone()[0])

        feeds, self._has_tombstones = await self._db.write(lease)
        return feeds

    async def release(self, feed_ids: Iterable[int]) -> None:
        rows = [(feed_id, self._holder.name) for feed_id in feed_ids]
        query = (
            "UPDATE feed_state SET lease_holder = NULL, lease_until = NULL "
            "WHERE feed_id = ? AND lease_holder = ?"
        )
        await self._db.write(lambda connection: connection.executemany(query, rows))

    async def known(
        self, feed: Feed, sightings: Sequence[Sighting], *, has_wordings: bool = False
    ) -> Known:
        if not feed.entry_count and not has_wordings and not self._has_tombstones:
            return Known(by_identity={}, by_permalink={})  # saves a cold round a hop for each feed
        return await self._db.read(
            lambda connection: known_of(connection, feed, sightings, has_wordings=has_wordings)
        )

    async def save(self, poll: Poll) -> None:
        await self._db.write(lambda connection: _save(connection, poll, self._holder.name))

    async def polls(self, *, feed_id: int | None = None, limit: int = 100) -> list[PollRecord]:
        query = (
            "SELECT feed_id, polled_at, outcome, status, reason, detail, new, revised, unchanged, "
            "reread, overlap, left_out, bytes, elapsed_ms, capture, next_poll_at FROM polls "
        )
        order = (
            "ORDER BY polled_at DESC, id DESC LIMIT :limit"
            if feed_id is not None
            else "ORDER BY id DESC LIMIT :limit"
        )
        where = "WHERE feed_id = :feed_id " if feed_id is not None else ""
        values = {"feed_id": feed_id, "limit": limit}
        return await self._db.read(
            lambda connection: [
                _record_of(row) for row in connection.execute(query + where + order, values)
            ]
        )

    async def gaps(self, *, feed_id: int | None = None, limit: int = 1000) -> list[Gap]:
        where = "WHERE feed_id = :feed_id " if feed_id is not None else ""
        query = (
            f"SELECT feed_id, from_at, to_at, reason FROM gaps {where}"  # noqa: S608 - constants only
            "ORDER BY from_at DESC, id DESC LIMIT :limit"
        )
        values = {"feed_id": feed_id, "limit": limit}
        return await self._db.read(
            lambda connection: [gap_of(row) for row in connection.execute(query, values)]
        )

    async def hosts(self) -> list[HostState]:
        query = "SELECT host, not_before, gap_us FROM hosts ORDER BY host"
        return await self._db.read(
            lambda connection: [
                HostState(host, moment(not_before), timedelta(microseconds=gap))
                for host, not_before, gap in connection.execute(query)
            ]
        )

    async def save_hosts(self, hosts: Iterable[HostState]) -> None:
        rows = [
            (host.host, micros(host.not_before), host.gap // timedelta(microseconds=1))
            for host in hosts
        ]
        query = (
            "INSERT INTO hosts (host, not_before, gap_us) VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET not_before = "
            "nullif(max(coalesce(not_before, 0), coalesce(excluded.not_before, 0)), 0), "
            "gap_us = excluded.gap_us"
        )
        await self._db.write(lambda connection: connection.executemany(query, rows))

    def _free_dead_leases(self, connection: sqlite3.Connection) -> None:
        """A holder whose process died holds nothing any more."""
        query = "SELECT DISTINCT lease_holder FROM feed_state WHERE lease_holder IS NOT NULL"
        for (name,) in connection.execute(query).fetchall():
            if not self._holder.is_alive(name):
                connection.execute(
                    "UPDATE feed_state SET lease_holder = NULL, lease_until = NULL "
                    "WHERE lease_holder = ?",
                    (name,),
                )


def gap_of(row: tuple[Any, ...]) -> Gap:
    """Return the gap of a row: feed_id, from_at, to_at, reason."""
    return Gap(row[0], known_moment(row[1]), moment(row[2]), row[3])


def _save(connection: sqlite3.Connection, poll: Poll, holder: str) -> None:
    feed, capture = poll.feed, poll.reading.capture
    polled_at = feed.last_poll_at or capture.fetched_at
    _save_state(connection, poll, holder)
    _save_log(connection, poll, polled_at)
    is_ok = poll.reading.outcome is not Outcome.FAILED
    today = polled_at.astimezone(UTC).date()
    for day in {today, *poll.expected}:
        made = int(is_ok and day == today)
        connection.execute(SAVE_DAY, (day.isoformat(), feed.id, poll.expected.get(day, 0), made))
        mark_dirty(connection, day, 0, WriteReason.POLLS)
    _save_gaps(connection, poll, polled_at)
    if poll.reading.outcome is Outcome.OK:
        save_changes(connection, feed, poll.changes, capture=capture.digest)


def _save_state(connection: sqlite3.Connection, poll: Poll, holder: str) -> None:
    feed = poll.feed
    row = (
        micros(feed.next_poll_at),
        micros(poll.held_until),
        feed.validators.etag,
        feed.validators.last_modified,
        feed.body_digest,
        micros(feed.last_poll_at),
        micros(feed.last_ok_at),
        micros(feed.last_change_at),
        feed.failures,
        feed.fault,
        feed.moved_to,
        feed.moved_count,
        dumps(dict(feed.hints)) if poll.reading.outcome is Outcome.OK else None,
        feed.id,
        holder,
    )
    if connection.execute(SAVE_STATE, row).rowcount != 1:
        raise LeaseLost(
            f"the lease of feed {feed.id} ran out, and another worker has it",
            hint="nothing is lost: the other worker polls it",
        )
    if poll.is_feed_changed:
        _save_feed(connection, poll)


def _save_feed(connection: sqlite3.Connection, poll: Poll) -> None:
    feed = poll.feed
    query = "SELECT url, title, status, is_private FROM feeds WHERE id = ?"
    url, title, status, was_private = connection.execute(query, (feed.id,)).fetchone()
    if url != feed.url:
        connection.execute(
            "INSERT OR IGNORE INTO feed_aliases (url, feed_id) VALUES (?, ?)", (url, feed.id)
        )
    if title != feed.title and feed.title and feed.last_poll_at:
        note_title(connection, feed.id, feed.title, feed.last_poll_at.date())
    if feed.is_private and not was_private:
        mark_feed_dirty(connection, feed.id, WriteReason.WITHHELD)
    # paused or removed by the operator while it was polled: that stays
    now_status = feed.status if status == "active" else status
    row = (
        feed.url,
        feed.host,
        feed.title,
        feed.site_url,
        feed.language,
        now_status,
        int(feed.identity_policy),
        int(feed.is_private),
        feed.id,
    )
    connection.execute(SAVE_FEED, row)


def _save_log(connection: sqlite3.Connection, poll: Poll, polled_at: datetime) -> None:
    reading, changes, capture = poll.reading, poll.changes, poll.reading.capture
    row = (
        poll.feed.id,
        micros(polled_at),
        reading.outcome,
        capture.status,
        reading.fault.reason if reading.fault else None,
        reading.fault.detail if reading.fault else None,
        len(changes.new),
        len(changes.revised),
        changes.unchanged,
        len(changes.rereads),
        changes.overlap,
        changes.left_out,
        len(capture.body or b""),
        capture.elapsed // timedelta(milliseconds=1),
        capture.digest,
        dumps(list(poll.lost)) if poll.lost else None,
        micros(poll.feed.next_poll_at),
    )
    connection.execute(SAVE_POLL, row)


def _save_gaps(connection: sqlite3.Connection, poll: Poll, polled_at: datetime) -> None:
    today = polled_at.astimezone(UTC).date()
    if poll.closes_gap:
        query = "UPDATE gaps SET to_at = ? WHERE feed_id = ? AND to_at IS NULL RETURNING from_at"
        for (from_at,) in connection.execute(query, (micros(polled_at), poll.feed.id)).fetchall():
            mark_span(connection, known_moment(from_at).date(), today)
    for gap in poll.gaps:
        connection.execute(
            "INSERT OR IGNORE INTO gaps (feed_id, from_at, to_at, reason) VALUES (?, ?, ?, ?)",
            (gap.feed_id, micros(gap.from_at), micros(gap.to_at), gap.reason),
        )
        mark_span(connection, gap.from_at.astimezone(UTC).date(), today)


def _record_of(row: tuple[Any, ...]) -> PollRecord:
    return PollRecord(
        feed_id=row[0],
        polled_at=known_moment(row[1]),
        outcome=Outcome(row[2]),
        status=row[3],
        reason=row[4],
        detail=row[5],
        new=row[6],
        revised=row[7],
        unchanged=row[8],
        reread=row[9],
        overlap=row[10],
        left_out=row[11],
        body_bytes=row[12],
        elapsed_ms=row[13],
        capture=row[14],
        next_poll_at=moment(row[15]),
    )
