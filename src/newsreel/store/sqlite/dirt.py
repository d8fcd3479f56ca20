"""Which days have changed since their files were written."""

import sqlite3
from datetime import date, timedelta

from newsreel.model.day import WriteReason

WEIGHTS = {reason: weight for weight, reason in enumerate(WriteReason)}
"""The lighter a reason, the higher its number: the weightier of two stays."""

LIGHTEST = list(WriteReason)[-1]
LONGEST_GAP_DAYS = 400
MARK = """
    INSERT INTO dirty (day, feed_id, reason, mark) VALUES (?, ?, ?, 1)
    ON CONFLICT DO UPDATE SET mark = mark + 1
"""

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
    key = (day if isinstance(day, str) else day.isoformat(), feed_id)
    if reason is LIGHTEST:
        connection.execute(MARK, (*key, reason))
        return
    row = connection.execute(
        "SELECT reason FROM dirty WHERE day = ? AND feed_id = ?", key
    ).fetchone()
    if row and WEIGHTS[WriteReason(row[0])] < WEIGHTS[reason]:
        reason = WriteReason(row[0])
    connection.execute(
        "INSERT INTO dirty (day, feed_id, reason, mark) VALUES (?, ?, ?, 1) "
        "ON CONFLICT DO UPDATE SET reason = excluded.reason, mark = mark + 1",
        (*key, reason),
    )


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
