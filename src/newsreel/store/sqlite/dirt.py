"""Which days have changed since their files were written."""

import sqlite3
from collections.abc import Iterable
from datetime import date, timedelta

from newsreel.model.day import WriteReason
from newsreel.store.sqlite.bulk import insert_rows

WEIGHTS = {reason: weight for weight, reason in enumerate(WriteReason)}
"""The lighter a reason, the higher its number: the weightier of two stays."""

LONGEST_GAP_DAYS = 400
HEAVINESS = " ".join(f"WHEN '{reason}' THEN {weight}" for reason, weight in WEIGHTS.items())
MARK = f"""
    INSERT INTO dirty (day, feed_id, reason, mark) VALUES {{}}
    ON CONFLICT DO UPDATE SET mark = mark + 1, reason =
        iif(CASE reason {HEAVINESS} END < CASE excluded.reason {HEAVINESS} END,
            reason, excluded.reason)
"""  # noqa: S608 - constants only

# Where it has entries or polls, where its files may lie, and where a manifest may tell its gaps.
DAYS_OF_FEED = """
    SELECT day FROM entries WHERE feed_id = ?1
    UNION SELECT day FROM poll_days WHERE feed_id = ?1
    UNION SELECT day FROM dirty WHERE feed_id = ?1
    UNION SELECT w.day FROM written w JOIN feeds f ON f.id = ?1
    WHERE w.sha256 != '' AND instr(w.path, '/' || f.file_name || '_entries.')
    UNION SELECT w.day FROM (SELECT DISTINCT day FROM written) w JOIN gaps g ON g.feed_id = ?1
    WHERE g.from_at < unixepoch(w.day, '+1 day') * 1000000
      AND (g.to_at IS NULL OR g.to_at >= unixepoch(w.day) * 1000000)
"""


def mark_dirty(
    connection: sqlite3.Connection, day: date | str, feed_id: int, reason: WriteReason
) -> None:
    """Note that a page must be written again; of several reasons the weightiest stays."""
    mark_all_dirty(
        connection, feed_id, [(day if isinstance(day, str) else day.isoformat(), reason)]
    )


def mark_all_dirty(
    connection: sqlite3.Connection, feed_id: int, days: Iterable[tuple[str, WriteReason]]
) -> None:
    """Note that pages of a feed must be written again."""
    insert_rows(connection, MARK, [(day, feed_id, reason, 1) for day, reason in days])


def mark_feed_dirty(connection: sqlite3.Connection, feed_id: int, reason: WriteReason) -> None:
    """Note that every page of a feed, and every manifest that names it, must be written again."""
    for (day,) in connection.execute(DAYS_OF_FEED, (feed_id,)).fetchall():
        mark_dirty(connection, day, feed_id, reason)


def mark_span(connection: sqlite3.Connection, first: date, last: date) -> None:
    """Note that the manifests of days change, as a gap spans them; of a very long one the ends."""
    days = (last - first).days
    for offset in range(min(days, LONGEST_GAP_DAYS) + 1):
        mark_dirty(connection, first + timedelta(days=offset), 0, WriteReason.POLLS)
    if days > LONGEST_GAP_DAYS:
        mark_dirty(connection, last, 0, WriteReason.POLLS)
