"""Which days have changed since their files were written.

Every poll marks its day, so its row is what all workers want. What a transaction marks is written
at its end, in order: it is held no longer than the commit takes, and no two wait for each other
in a ring. Marks come from a sequence, so that a page that was cleaned and marked again has a new
one.
"""

from datetime import date, timedelta

from newsreel.model.day import WriteReason
from newsreel.store.postgres.connection import Connection

WEIGHTS = {reason: weight for weight, reason in enumerate(WriteReason)}
"""The lighter a reason, the higher its number: the weightier of two stays."""

LONGEST_GAP_DAYS = 400
_LIGHTER = " ".join(f"WHEN '{reason}' THEN {weight}" for reason, weight in WEIGHTS.items())
MARK = f"""
    INSERT INTO dirty AS d (day, feed_id, reason, mark)
    SELECT m.day, m.feed_id, m.reason, nextval('dirty_marks')
    FROM unnest(%s::text[], %s::bigint[], %s::text[])
        WITH ORDINALITY AS m (day, feed_id, reason, place)
    ORDER BY m.place
    ON CONFLICT (day, feed_id) DO UPDATE SET
        mark = excluded.mark,
        reason = CASE WHEN CASE d.reason {_LIGHTER} END < CASE excluded.reason {_LIGHTER} END
                      THEN d.reason ELSE excluded.reason END
"""  # noqa: S608 - constants only

# Where it has entries or polls, where its files may lie, and where a manifest may tell its gaps.
DAYS_OF_FEED = """
    SELECT day FROM identities WHERE feed_id = %(feed_id)s
    UNION SELECT day FROM poll_days WHERE feed_id = %(feed_id)s
    UNION SELECT day FROM dirty WHERE feed_id = %(feed_id)s
    UNION SELECT w.day FROM written w JOIN feeds f ON f.id = %(feed_id)s
    WHERE w.sha256 != '' AND strpos(w.path, '/' || f.file_name || '_entries.') > 0
    UNION SELECT w.day FROM (SELECT DISTINCT day FROM written) w
    JOIN gaps g ON g.feed_id = %(feed_id)s
    WHERE g.from_at < extract(epoch FROM w.day::date + 1)::bigint * 1000000
      AND (g.to_at IS NULL OR g.to_at >= extract(epoch FROM w.day::date)::bigint * 1000000)
"""


def mark_dirty(connection: Connection, day: date | str, feed_id: int, reason: WriteReason) -> None:
    """Note that a page must be written again; of several reasons the weightiest stays."""
    key = (day if isinstance(day, str) else day.isoformat(), feed_id)
    former = connection.dirt.get(key)
    if former is None or WEIGHTS[reason] < WEIGHTS[former]:
        connection.dirt[key] = reason


def mark_feed_dirty(connection: Connection, feed_id: int, reason: WriteReason) -> None:
    """Note that every page of a feed, and every manifest that names it, must be written again."""
    for day in days_of_feed(connection, feed_id):
        mark_dirty(connection, day, feed_id, reason)


def mark_span(connection: Connection, first: date, last: date) -> None:
    """Note that the manifests of days change, as a gap spans them; of a very long one the ends."""
    days = (last - first).days
    for offset in range(min(days, LONGEST_GAP_DAYS) + 1):
        mark_dirty(connection, first + timedelta(days=offset), 0, WriteReason.POLLS)
    if days > LONGEST_GAP_DAYS:
        mark_dirty(connection, last, 0, WriteReason.POLLS)


def days_of_feed(connection: Connection, feed_id: int) -> list[str]:
    """Return the days whose files tell of a feed."""
    write_dirt(connection)
    return [row[0] for row in connection.execute(DAYS_OF_FEED, {"feed_id": feed_id})]


def forget_dirt(connection: Connection, feed_id: int) -> None:
    """Forget what is dirty of a feed that is purged."""
    write_dirt(connection)
    connection.execute("DELETE FROM dirty WHERE feed_id = %s", (feed_id,))


def write_dirt(connection: Connection) -> None:
    """Write what this transaction marked, for the end of it or for who reads or deletes marks."""
    if not connection.dirt:
        return
    rows = sorted((day, feed_id, reason) for (day, feed_id), reason in connection.dirt.items())
    days, feed_ids, reasons = zip(*rows, strict=True)
    connection.execute(MARK, (list(days), list(feed_ids), list(reasons)))
    connection.dirt.clear()
