"""Polls to rows and back, and how leases are shared out: the same in every database."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from newsreel.model.poll import Outcome, Poll, PollRecord
from newsreel.store.rows import dumps, known_moment, micros, moment

CLOCK_SLACK = timedelta(minutes=5)
RECORD_COLUMNS = (
    "feed_id, polled_at, outcome, status, reason, detail, new, revised, unchanged, reread, "
    "overlap, left_out, bytes, elapsed_ms, capture, next_poll_at"
)


def shared_out(rows: Iterable[tuple[Any, ...]], limit: int, share: int) -> list[tuple[int, str]]:
    """Take feeds, id and host, as they come: up to the limit, and not too many of one host."""
    chosen: list[tuple[int, str]] = []
    shares: Counter[str] = Counter()
    for feed_id, host in rows:
        if len(chosen) >= limit:
            break
        if host and shares[host] >= share:
            continue
        shares[host] += 1
        chosen.append((feed_id, host))
    return chosen


def state_row(poll: Poll) -> tuple[Any, ...]:
    """Return what a poll leaves in its feed's state: next_poll_at, held_until, etag … hints."""
    feed = poll.feed
    return (
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
    )


def log_row(poll: Poll, polled_at: datetime) -> tuple[Any, ...]:
    """Return the line of the poll log: feed_id, polled_at … capture, lost, next_poll_at."""
    reading, changes, capture = poll.reading, poll.changes, poll.reading.capture
    return (
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


def record_of(row: tuple[Any, ...]) -> PollRecord:
    """Return the line of the poll log of a row of RECORD_COLUMNS."""
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
