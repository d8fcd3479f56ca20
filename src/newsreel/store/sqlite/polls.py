"""Leases, known-then-save, and the poll log, in SQLite."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from newsreel.core.schedule import LONGEST_RETRY
from newsreel.core.searchable import Searchable
from newsreel.errors import LeaseLost
from newsreel.model.day import WriteReason
from newsreel.model.entry import Sighting
from newsreel.model.feed import Feed
from newsreel.model.host import HostState
from newsreel.model.poll import Gap, Known, Outcome, Poll, PollRecord
from newsreel.store.poll_rows import (
    CLOCK_SLACK,
    RECORD_COLUMNS,
    log_row,
    record_of,
    shared_out,
    state_row,
)
from newsreel.store.protocols import HOST_SHARE
from newsreel.store.rows import (
    dumps,
    feed_of,
    gap_of,
    known_moment,
    micros,
    moment,
    request_options_text,
)
from newsreel.store.sqlite.changes import save_changes, searchable_in
from newsreel.store.sqlite.database import Database
from newsreel.store.sqlite.dirt import mark_dirty, mark_feed_dirty, mark_span
from newsreel.store.sqlite.feeds import SELECT, note_title
from newsreel.store.sqlite.holder import Holder
from newsreel.store.sqlite.hubs import note_unpushed, save_pushed
from newsreel.store.sqlite.known import known_of

# Polled in the future: the clock was set back, and times after that poll mean nothing. Once polled
# again, a feed has its next time from the clock as it is, which stands before that poll.
LEASABLE = """
    f.status = 'active' AND (s.lease_holder IS NULL OR s.lease_until <= :now)
    AND (s.held_until IS NULL OR s.held_until <= :now
         OR (s.last_poll_at > :ahead AND s.held_until >= s.last_poll_at))
    AND NOT EXISTS (SELECT 1 FROM hosts h WHERE h.host = f.host
                    AND h.not_before > :now AND h.not_before <= :horizon)
"""
# One worker at a time asks a host; what has no host is asked by nobody else.
FREE_HOST = """
    f.host NOT IN (SELECT h.host FROM feed_state l JOIN feeds h ON h.id = l.feed_id
                   WHERE l.lease_holder != :holder AND l.lease_until > :now AND h.host != '')
    AND f.host NOT IN (SELECT value FROM json_each(:but_hosts))
"""
DUE = """
    (s.next_poll_at <= :now OR (s.last_poll_at > :ahead AND s.next_poll_at >= s.last_poll_at))
"""
POLLED_SINCE = """
    EXISTS (SELECT 1 FROM polls p
            WHERE p.feed_id = f.id AND p.polled_at = s.last_poll_at AND p.id > :since
              AND p.outcome != 'pushed')
"""
ANY_TOMBSTONE = "SELECT EXISTS (SELECT 1 FROM tombstones)"
BY_IDS = SELECT + "WHERE f.id IN (SELECT value FROM json_each(?))"  # noqa: S608 - constants only
LEASE = "UPDATE feed_state SET lease_holder = ?, lease_until = ? WHERE feed_id = ?"

ALL_HOSTS = "SELECT host, not_before, gap_us, NULL FROM hosts ORDER BY host"
HOSTS = """
    SELECT n.value, h.not_before, coalesce(h.gap_us, 0),
           nullif(max(max(coalesce(s.last_poll_at, 0)), coalesce(h.asked_at, 0)), 0)
    FROM json_each(?) n
    LEFT JOIN hosts h ON h.host = n.value
    LEFT JOIN feeds f ON f.host = n.value LEFT JOIN feed_state s ON s.feed_id = f.id
    GROUP BY n.value HAVING coalesce(max(f.id), max(h.host)) IS NOT NULL ORDER BY n.value
"""
NOTE_ASKED = """
    INSERT INTO hosts (host, asked_at)
    SELECT DISTINCT f.host, ? FROM feed_state s JOIN feeds f ON f.id = s.feed_id
    WHERE s.lease_holder = ? AND f.host != ''
    ON CONFLICT DO UPDATE SET asked_at = excluded.asked_at
"""

# Paused or removed by the operator while it was polled: it is never due.
SAVE_STATE = """
    UPDATE feed_state SET
        next_poll_at = iif((SELECT status FROM feeds WHERE id = feed_id) = 'active', ?, NULL),
        held_until = ?, lease_holder = NULL, lease_until = NULL, etag = ?, last_modified = ?,
        body_digest = ?, last_poll_at = ?, last_ok_at = ?, last_change_at = ?,
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
        since: int | None = None,
        after: int = 0,
        but_hosts: Iterable[str] = (),
    ) -> list[Feed]:
        query = (
            "SELECT f.id, f.host FROM feed_state s CROSS JOIN feeds f ON f.id = s.feed_id "  # noqa: S608 - constants only
            f"WHERE {LEASABLE} AND {FREE_HOST}"
        )
        query += " AND s.feed_id > :after" if is_forced else f" AND {DUE}"
        if since is not None:
            query += f" AND NOT {POLLED_SINCE}"
        if feed_ids is not None:
            query += " AND f.id IN (SELECT value FROM json_each(:ids))"
        query += " ORDER BY s.feed_id" if is_forced else " ORDER BY s.next_poll_at, s.feed_id"
        values = {
            "holder": self._holder.name,
            "but_hosts": dumps(list(but_hosts)),
            "now": micros(now),
            "since": since,
            "after": after,
            "ahead": micros(now + CLOCK_SLACK),
            "horizon": micros(now + LONGEST_RETRY),
            "ids": dumps(list(feed_ids or ())),
        }

        def lease(connection: sqlite3.Connection) -> tuple[list[Feed], bool]:
            self._free_dead_leases(connection, now)
            rows = connection.execute(query, values)
            share = HOST_SHARE if feed_ids is None else limit
            ids = [feed_id for feed_id, _ in shared_out(rows, limit, share)]
            until = micros(now + term)
            connection.executemany(LEASE, [(self._holder.name, until, one) for one in ids])
            leased = connection.execute(BY_IDS, (dumps(ids),))
            feeds = {feed.id: feed for feed in map(feed_of, leased)}
            has_tombstones = bool(connection.execute(ANY_TOMBSTONE).fetchone()[0])
            return [feeds[one] for one in ids], has_tombstones

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
        searchable = searchable_in(poll.feed, poll.changes)
        await self._db.write(
            lambda connection: _save(connection, poll, self._holder.name, searchable)
        )

    async def polls(self, *, feed_id: int | None = None, limit: int = 100) -> list[PollRecord]:
        query = f"SELECT {RECORD_COLUMNS} FROM polls "  # noqa: S608 - constants only
        order = (
            "ORDER BY polled_at DESC, id DESC LIMIT :limit"
            if feed_id is not None
            else "ORDER BY id DESC LIMIT :limit"
        )
        where = "WHERE feed_id = :feed_id " if feed_id is not None else ""
        values = {"feed_id": feed_id, "limit": limit}
        return await self._db.read(
            lambda connection: [
                record_of(row) for row in connection.execute(query + where + order, values)
            ]
        )

    async def poll_mark(self) -> int:
        query = "SELECT coalesce(max(id), 0) FROM polls"
        return await self._db.read(lambda connection: int(connection.execute(query).fetchone()[0]))

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

    async def hosts(self, names: Iterable[str] | None = None) -> list[HostState]:
        query, values = (ALL_HOSTS, ()) if names is None else (HOSTS, (dumps(list(names)),))
        return await self._db.read(
            lambda connection: [
                HostState(host, moment(not_before), timedelta(microseconds=gap), moment(asked_at))
                for host, not_before, gap, asked_at in connection.execute(query, values)
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

    def _free_dead_leases(self, connection: sqlite3.Connection, now: datetime) -> None:
        """A holder whose process died holds nothing any more; until now it may have."""
        query = "SELECT DISTINCT lease_holder FROM feed_state WHERE lease_holder IS NOT NULL"
        for (name,) in connection.execute(query).fetchall():
            if not self._holder.is_alive(name):
                connection.execute(NOTE_ASKED, (micros(now), name))
                connection.execute(
                    "UPDATE feed_state SET lease_holder = NULL, lease_until = NULL "
                    "WHERE lease_holder = ?",
                    (name,),
                )


def _save(
    connection: sqlite3.Connection, poll: Poll, holder: str, searchable: Mapping[str, Searchable]
) -> None:
    feed, capture, polled_at = poll.feed, poll.reading.capture, poll.at
    if poll.pushed_at is not None:
        save_pushed(connection, poll, holder)
        connection.execute(SAVE_POLL, log_row(poll, polled_at))
        if poll.is_feed_changed:
            _save_feed(connection, poll)
        return
    _save_state(connection, poll, holder)
    connection.execute(SAVE_POLL, log_row(poll, polled_at))
    is_ok = poll.reading.outcome is not Outcome.FAILED
    today = polled_at.astimezone(UTC).date()
    for day in {today, *poll.expected}:
        made = int(is_ok and day == today)
        connection.execute(SAVE_DAY, (day.isoformat(), feed.id, poll.expected.get(day, 0), made))
        mark_dirty(connection, day, 0, WriteReason.POLLS)
    _save_gaps(connection, poll, polled_at)
    if feed.pushed_until is not None:
        note_unpushed(connection, feed.id, poll.unpushed_at)
    if poll.reading.outcome is Outcome.OK:
        save_changes(connection, feed, poll.changes, capture=capture.digest, searchable=searchable)


def _save_state(connection: sqlite3.Connection, poll: Poll, holder: str) -> None:
    feed = poll.feed
    row = (*state_row(poll), feed.id, holder)
    if connection.execute(SAVE_STATE, row).rowcount != 1:
        raise LeaseLost(
            f"the lease of feed {feed.id} ran out, and another worker has it",
            hint="nothing is lost: the other worker polls it",
        )
    if poll.is_feed_changed:
        _save_feed(connection, poll)


def _save_feed(connection: sqlite3.Connection, poll: Poll) -> None:
    """Store what a poll changed in its feed; what the operator changed meanwhile stays."""
    feed = poll.feed
    query = (
        "SELECT url, title, own_title, status, is_private, request_options FROM feeds WHERE id = ?"
    )
    found = connection.execute(query, (feed.id,)).fetchone()
    url, title, has_own_title, status, was_private, options = found
    is_private = was_private
    if url != feed.url:
        is_private = was_private or int(feed.is_private)
        _check_move(connection, feed, options)
        connection.execute(
            "INSERT OR IGNORE INTO feed_aliases (url, feed_id) VALUES (?, ?)", (url, feed.id)
        )
    new_title = title if has_own_title else feed.title
    if new_title != title and new_title and feed.last_poll_at:
        note_title(connection, feed.id, new_title, feed.last_poll_at.date())
    if is_private and not was_private:
        mark_feed_dirty(connection, feed.id, WriteReason.WITHHELD)
    now_status = feed.status if status == "active" else status
    row = (
        feed.url,
        feed.host,
        new_title,
        feed.site_url,
        feed.language,
        now_status,
        int(feed.identity_policy),
        is_private,
        feed.id,
    )
    connection.execute(SAVE_FEED, row)


def _check_move(connection: sqlite3.Connection, feed: Feed, options: str) -> None:
    """See that a feed may still have its new address, and that its credentials may go there.

    Raises :class:`~newsreel.errors.LeaseLost` where that changed while it was polled.
    """
    query = "SELECT EXISTS (SELECT 1 FROM feeds WHERE url = ? AND id != ?)"
    is_taken = connection.execute(query, (feed.url, feed.id)).fetchone()[0]
    if is_taken or options != request_options_text(feed.request_options):
        raise LeaseLost(
            f"feed {feed.id} was to move, and was edited meanwhile, or another took its place",
            hint="nothing is lost: it is polled again",
        )


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
