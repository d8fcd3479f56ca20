"""Polls as they are stored: many with one set of statements.

What a poll says of its feed's state, its line of the log, its days and its host go in for all
polls of a transaction at once. What few polls bring (a move, gaps, a push, entries) follows for
each.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from newsreel.core.searchable import Searchable
from newsreel.errors import LeaseLost
from newsreel.model.day import WriteReason
from newsreel.model.feed import Feed
from newsreel.model.poll import Outcome, Poll
from newsreel.store.poll_rows import log_row, state_row
from newsreel.store.postgres.changes import save_changes
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.dirt import mark_dirty, mark_feed_dirty, mark_span
from newsreel.store.postgres.feeds import note_title
from newsreel.store.postgres.hubs import note_unpushed, save_pushed
from newsreel.store.postgres.life import Lease
from newsreel.store.rows import known_moment, micros, request_options_text

FEEDS = """
    SELECT id, url, title, own_title, status, is_private, request_options FROM feeds
    WHERE id = ANY (%s) ORDER BY id FOR NO KEY UPDATE
"""
# Paused or removed by the operator while it was polled: it is never due.
SAVE_STATES = """
    UPDATE feed_state s SET
        next_poll_at = CASE WHEN f.status = 'active' THEN v.next_poll_at END,
        held_until = v.held_until, lease_holder = NULL, lease_until = NULL, lease_token = NULL,
        etag = v.etag, last_modified = v.last_modified, body_digest = v.body_digest,
        last_poll_at = v.last_poll_at, last_ok_at = v.last_ok_at,
        last_change_at = v.last_change_at, failures = v.failures, fault = v.fault,
        moved_to = v.moved_to, moved_count = v.moved_count, hints = coalesce(v.hints, s.hints)
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[],
                %s::bytea[], %s::bigint[], %s::bigint[], %s::bigint[], %s::integer[], %s::text[],
                %s::text[], %s::integer[], %s::text[])
        AS v (feed_id, token, next_poll_at, held_until, etag, last_modified, body_digest,
              last_poll_at, last_ok_at, last_change_at, failures, fault, moved_to, moved_count,
              hints)
    JOIN feeds f ON f.id = v.feed_id
    WHERE s.feed_id = v.feed_id AND s.lease_token = v.token RETURNING s.feed_id
"""
SAVE_LOG = """
    INSERT INTO polls (feed_id, polled_at, outcome, status, reason, detail, new, revised,
                       unchanged, reread, overlap, left_out, bytes, elapsed_ms, capture, lost,
                       next_poll_at)
    SELECT * FROM unnest(
        %s::bigint[], %s::bigint[], %s::text[], %s::integer[], %s::text[], %s::text[],
        %s::integer[], %s::integer[], %s::integer[], %s::integer[], %s::integer[], %s::integer[],
        %s::bigint[], %s::bigint[], %s::bytea[], %s::text[], %s::bigint[])
"""
SAVE_DAYS = """
    INSERT INTO poll_days AS d (day, feed_id, expected, made)
    SELECT * FROM unnest(%s::text[], %s::bigint[], %s::integer[], %s::integer[])
    ON CONFLICT (day, feed_id) DO UPDATE SET
        expected = d.expected + excluded.expected, made = d.made + excluded.made
"""
SAVE_HOSTS = """
    UPDATE host_leases h SET
        asked_at = greatest(h.asked_at, v.asked_at),
        holder = CASE WHEN h.token = v.token THEN NULL ELSE h.holder END,
        until = CASE WHEN h.token = v.token THEN NULL ELSE h.until END
    FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS v (host, asked_at, token)
    WHERE h.host = v.host
"""
SAVE_FEED = """
    UPDATE feeds SET url = %s, host = %s, title = %s, site_url = %s, language = %s, status = %s,
                     policy = %s, is_private = %s WHERE id = %s
"""
IS_TAKEN = """
    SELECT EXISTS (SELECT 1 FROM feeds WHERE md5(url) = md5(%s) AND url = %s AND id != %s)
"""
SAVE_GAP = """
    INSERT INTO gaps (feed_id, from_at, to_at, reason) VALUES (%s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""
CLOSE_GAP = "UPDATE gaps SET to_at = %s WHERE feed_id = %s AND to_at IS NULL RETURNING from_at"


@dataclass(frozen=True, slots=True)
class Save:
    """A poll on its way into the database, under a lease."""

    poll: Poll
    lease: Lease
    searchable: Mapping[str, Searchable]


def save_polls(connection: Connection, saves: Sequence[Save]) -> None:
    """Store polls and end their leases.

    Raises :class:`~newsreel.errors.LeaseLost` where one of the leases is no longer what it was.
    """
    saves = sorted(saves, key=lambda save: save.poll.feed.id)
    polled = [save for save in saves if save.poll.pushed_at is None]
    _save_feeds(connection, [save.poll for save in saves if save.poll.is_feed_changed])
    if polled:
        _save_states(connection, polled)
        _save_days(connection, [save.poll for save in polled])
    for save in saves:
        if save.poll.pushed_at is not None:
            save_pushed(connection, save.poll, save.lease.token)
    connection.execute(SAVE_LOG, _columns(log_row(save.poll, save.poll.at) for save in saves))
    for save in polled:
        _save_rest(connection, save)
    _save_hosts(connection, saves)


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[str]:
    """Return the columns of rows as PostgreSQL writes arrays, in a tenth of the driver's time."""
    return [f"{{{','.join(map(_element, column))}}}" for column in zip(*rows, strict=True)]


def _element(value: object) -> str:
    return _WRITTEN.get(type(value), _quoted)(value)


def _quoted(value: object) -> str:
    return '"' + str(value).replace("\\", r"\\").replace('"', r"\"") + '"'


_WRITTEN: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "NULL",
    int: str,
    bytes: lambda value: f'"\\\\x{value.hex()}"',
}


def _save_states(connection: Connection, saves: Sequence[Save]) -> None:
    rows = [(save.poll.feed.id, save.lease.token, *state_row(save.poll)) for save in saves]
    saved = connection.execute(SAVE_STATES, _columns(rows)).fetchall()
    if len(saved) < len(saves):
        lost = {save.poll.feed.id for save in saves} - {row[0] for row in saved}
        raise LeaseLost(
            f"the lease of feed {min(lost)} ran out, and another worker has it",
            hint="nothing is lost: the other worker polls it",
        )


def _save_days(connection: Connection, polls: Sequence[Poll]) -> None:
    rows = []
    for poll in polls:
        today = poll.at.astimezone(UTC).date()
        is_ok = poll.reading.outcome is not Outcome.FAILED
        for day in {today, *poll.expected}:
            made = int(is_ok and day == today)
            rows.append((day.isoformat(), poll.feed.id, poll.expected.get(day, 0), made))
            mark_dirty(connection, day, 0, WriteReason.POLLS)
    connection.execute(SAVE_DAYS, _columns(sorted(rows)))


def _save_rest(connection: Connection, save: Save) -> None:
    poll, feed = save.poll, save.poll.feed
    _save_gaps(connection, poll)
    if feed.pushed_until is not None:
        note_unpushed(connection, feed.id, poll.unpushed_at)
    if poll.reading.outcome is Outcome.OK:
        digest = poll.reading.capture.digest
        save_changes(connection, feed, poll.changes, capture=digest, searchable=save.searchable)


def _save_hosts(connection: Connection, saves: Sequence[Save]) -> None:
    """Note when hosts were asked, and let go of those of which no feed is held any more."""
    asked: dict[str, int] = {}
    tokens: dict[str, int] = {}
    for save in saves:
        if save.lease.host and save.lease.host_token is not None:
            tokens[save.lease.host] = save.lease.host_token
        if save.poll.pushed_at is None:
            at = micros(save.poll.at) or 0
            for host in {save.lease.host, save.poll.feed.host} - {""}:
                asked[host] = max(asked.get(host, 0), at)
    rows = [(host, asked.get(host), tokens.get(host)) for host in sorted({*asked, *tokens})]
    if rows:
        connection.execute(SAVE_HOSTS, _columns(rows))


def _save_feeds(connection: Connection, polls: Sequence[Poll]) -> None:
    """Store what polls changed in their feeds; what the operator changed meanwhile stays."""
    if not polls:
        return
    ids = [poll.feed.id for poll in polls]
    rows = {row[0]: row[1:] for row in connection.execute(FEEDS, (ids,))}
    for poll in polls:
        if (row := rows.get(poll.feed.id)) is not None:  # else it was deleted, and its lease too
            _save_feed(connection, poll.feed, row)


def _save_feed(connection: Connection, feed: Feed, row: tuple[Any, ...]) -> None:
    url, title, has_own_title, status, was_private, options = row
    is_private = was_private
    if url != feed.url:
        is_private = was_private or int(feed.is_private)
        _check_move(connection, feed, options)
        connection.execute(
            "INSERT INTO feed_aliases (url, feed_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (url, feed.id),
        )
    new_title = title if has_own_title else feed.title
    if new_title != title and new_title and feed.last_poll_at:
        note_title(connection, feed.id, new_title, feed.last_poll_at.date())
    if is_private and not was_private:
        mark_feed_dirty(connection, feed.id, WriteReason.WITHHELD)
    values = (
        feed.url,
        feed.host,
        new_title,
        feed.site_url,
        feed.language,
        feed.status if status == "active" else status,
        int(feed.identity_policy),
        is_private,
        feed.id,
    )
    connection.execute(SAVE_FEED, values)


def _check_move(connection: Connection, feed: Feed, options: str) -> None:
    """See that a feed may still have its new address, and that its credentials may go there.

    Raises :class:`~newsreel.errors.LeaseLost` where that changed while it was polled.
    """
    row = connection.execute(IS_TAKEN, (feed.url, feed.url, feed.id)).fetchone()
    is_taken = row is not None and row[0]
    if is_taken or options != request_options_text(feed.request_options):
        raise LeaseLost(
            f"feed {feed.id} was to move, and was edited meanwhile, or another took its place",
            hint="nothing is lost: it is polled again",
        )


def _save_gaps(connection: Connection, poll: Poll) -> None:
    today = poll.at.astimezone(UTC).date()
    if poll.closes_gap:
        for (from_at,) in connection.execute(CLOSE_GAP, (micros(poll.at), poll.feed.id)):
            mark_span(connection, known_moment(from_at).date(), today)
    for gap in poll.gaps:
        row = (gap.feed_id, micros(gap.from_at), micros(gap.to_at), gap.reason)
        connection.execute(SAVE_GAP, row)
        mark_span(connection, gap.from_at.astimezone(UTC).date(), today)
