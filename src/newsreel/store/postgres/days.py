"""Days in PostgreSQL: what they hold, what is to be written of them."""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, timedelta

from newsreel.model.day import DayCount, DayFeed, DayPage, DirtyPage, WriteReason
from newsreel.model.entry import Entry
from newsreel.model.feed import Feed
from newsreel.model.poll import Gap
from newsreel.store.postgres.additions import lock_feeds, run_each
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.database import Database
from newsreel.store.postgres.dirt import mark_dirty
from newsreel.store.postgres.feeds import SELECT, note_title
from newsreel.store.postgres.rows import entries_of
from newsreel.store.protocols import WrittenFile
from newsreel.store.rows import feed_of, gap_of, micros

DAYS = """
    WITH counted AS (
        SELECT day, count(*) AS entries, count(DISTINCT feed_id) AS feeds,
               count(*) FILTER (WHERE revision_count > 1) AS revised
        FROM entries WHERE day BETWEEN %(first)s AND %(last)s GROUP BY day),
    every AS (
        SELECT day FROM counted UNION SELECT day FROM poll_days UNION SELECT day FROM dirty)
    SELECT every.day, coalesce(counted.feeds, 0), coalesce(counted.entries, 0),
           coalesce(counted.revised, 0),
           (SELECT count(*) FROM gaps g
            WHERE g.from_at < (every.day::date + 1 - DATE '1970-01-01') * 86400000000
              AND (g.to_at IS NULL
                   OR g.to_at >= (every.day::date - DATE '1970-01-01') * 86400000000)),
           EXISTS (SELECT 1 FROM dirty d WHERE d.day = every.day)
    FROM every LEFT JOIN counted ON counted.day = every.day
    WHERE every.day BETWEEN %(first)s AND %(last)s ORDER BY every.day
"""
COUNTS = """
    SELECT feed_id, count(*), sum(revision_count - 1) FROM entries
    WHERE day = %s AND withheld_at IS NULL GROUP BY feed_id
"""
TITLES = """
    SELECT DISTINCT ON (feed_id) feed_id, title FROM feed_titles WHERE feed_id = ANY(%(ids)s)
    ORDER BY feed_id, day > %(day)s, CASE WHEN day <= %(day)s THEN day END DESC, day
"""
OF_DAY = "e.day = %(day)s AND r.day = %(day)s AND e.withheld_at IS NULL"
WRITE = """
    INSERT INTO written (day, is_private, path, version, sha256) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (day, is_private, path)
    DO UPDATE SET version = excluded.version, sha256 = excluded.sha256
"""
CLEAN = "DELETE FROM dirty WHERE day = %s AND feed_id = %s AND mark = %s"
RESTORE_POLLS = """
    INSERT INTO poll_days (day, feed_id, expected, made) VALUES (%s, %s, %s, %s)
    ON CONFLICT (day, feed_id) DO UPDATE SET expected = excluded.expected, made = excluded.made
"""
RESTORE_GAP = """
    INSERT INTO gaps AS g (feed_id, from_at, to_at, reason) VALUES (%s, %s, %s, %s)
    ON CONFLICT (feed_id, from_at, reason)
    DO UPDATE SET to_at = coalesce(g.to_at, excluded.to_at)
"""


class Days:
    """The :class:`~newsreel.store.protocols.DayStore` of PostgreSQL."""

    _db: Database

    async def days(self, *, first: date | None = None, last: date | None = None) -> list[DayCount]:
        span = {
            "first": (first or date.min).isoformat(),
            "last": (last or date.max).isoformat(),
        }
        return await self._db.read(
            lambda connection: [
                DayCount(
                    day=date.fromisoformat(row[0]),
                    feeds=row[1],
                    entries=row[2],
                    revised=row[3],
                    gaps=row[4],
                    is_dirty=row[5],
                )
                for row in connection.execute(DAYS, span)
            ]
        )

    async def dirty(self) -> list[DirtyPage]:
        query = "SELECT day, feed_id, reason, mark FROM dirty ORDER BY day, feed_id"
        return await self._db.read(
            lambda connection: [
                DirtyPage(
                    day=date.fromisoformat(row[0]),
                    feed_id=row[1],
                    reason=WriteReason(row[2]),
                    mark=row[3],
                )
                for row in connection.execute(query)
            ]
        )

    async def pages(
        self, day: date, *, is_private: bool, feed_ids: Iterable[int] | None = None
    ) -> list[DayPage]:
        wanted = None if feed_ids is None else sorted(feed_ids)
        return await self._db.read(
            lambda connection: _pages(connection, day, wanted, is_private=is_private)
        )

    async def day_feeds(self, day: date, *, is_private: bool) -> list[DayFeed]:
        return await self._db.read(
            lambda connection: _day_feeds(connection, day, is_private=is_private)
        )

    async def written(self, day: date, *, is_private: bool) -> dict[str, WrittenFile]:
        query = (
            "SELECT path, version, sha256 FROM written WHERE day = %s AND is_private = %s "
            "ORDER BY path"
        )
        values = (day.isoformat(), int(is_private))
        return await self._db.read(
            lambda connection: {
                row[0]: WrittenFile(path=row[0], version=row[1], sha256=row[2])
                for row in connection.execute(query, values)
            }
        )

    async def save_written(
        self,
        files: Iterable[WrittenFile],
        *,
        day: date,
        is_private: bool,
        done: Iterable[DirtyPage] = (),
    ) -> None:
        rows = sorted(
            (day.isoformat(), int(is_private), file.path, file.version, file.sha256)
            for file in files
        )
        clean = sorted((page.day.isoformat(), page.feed_id, page.mark) for page in done)

        def save(connection: Connection) -> None:
            run_each(connection, WRITE, rows)
            run_each(connection, CLEAN, clean)

        await self._db.write(save)

    async def make_dirty(self, day: date, feed_id: int, reason: WriteReason) -> None:
        await self._db.write(lambda connection: mark_dirty(connection, day, feed_id, reason))

    async def restore_day_feeds(self, day: date, feeds: Iterable[DayFeed]) -> None:
        wanted = list(feeds)
        await self._db.write(lambda connection: _restore(connection, day, wanted))


def _pages(
    connection: Connection, day: date, feed_ids: list[int] | None, *, is_private: bool
) -> list[DayPage]:
    where = OF_DAY if feed_ids is None else OF_DAY + " AND e.feed_id = ANY(%(feed_ids)s)"
    by_feed: dict[int, list[Entry]] = {feed_id: [] for feed_id in feed_ids or ()}
    values = {"day": day.isoformat(), "feed_ids": feed_ids}
    for entry in entries_of(connection, where, values):
        by_feed.setdefault(entry.feed_id, []).append(entry)
    feeds = _feeds(connection, by_feed, is_private=is_private)
    titles = _titles(connection, feeds, day)
    return [
        DayPage(
            day=day,
            feed=feed,
            title=titles.get(feed.id, feed.title),
            entries=tuple(by_feed[feed.id]),
        )
        for feed in feeds
    ]


def _feeds(connection: Connection, feed_ids: Collection[int], *, is_private: bool) -> list[Feed]:
    query = SELECT + "WHERE f.id = ANY(%s) AND f.is_private = %s ORDER BY lower(f.file_name)"
    rows = connection.execute(query.encode(), (list(feed_ids), int(is_private)))
    return [feed_of(row) for row in rows]


def _titles(connection: Connection, feeds: Iterable[Feed], day: date) -> dict[int, str]:
    """What feeds were called on a day, where that is known."""
    values = {"ids": [feed.id for feed in feeds], "day": day.isoformat()}
    return dict(connection.execute(TITLES, values).fetchall())


def _day_feeds(connection: Connection, day: date, *, is_private: bool) -> list[DayFeed]:
    entries = {row[0]: row[1:] for row in connection.execute(COUNTS, (day.isoformat(),))}
    query = "SELECT feed_id, expected, made FROM poll_days WHERE day = %s"
    polls = {row[0]: row[1:] for row in connection.execute(query, (day.isoformat(),))}
    gaps = _gaps(connection, day)
    feeds = _feeds(connection, {*entries, *polls, *gaps}, is_private=is_private)
    titles = _titles(connection, feeds, day)
    found = []
    for feed in feeds:
        count, revised = entries.get(feed.id, (0, 0))
        expected, made = polls.get(feed.id, (0, 0))
        found.append(
            DayFeed(
                feed=feed,
                title=titles.get(feed.id, feed.title),
                entries=count,
                revisions=revised,
                md_digest=None,
                json_digest=None,
                polls_expected=expected,
                polls_made=made,
                gaps=tuple(gaps.get(feed.id, ())),
            )
        )
    return found


def _gaps(connection: Connection, day: date) -> dict[int, list[Gap]]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    query = (
        "SELECT feed_id, from_at, to_at, reason FROM gaps "
        "WHERE from_at < %s AND (to_at >= %s OR to_at IS NULL) ORDER BY from_at, reason"
    )
    found: dict[int, list[Gap]] = {}
    for row in connection.execute(query, (micros(start + timedelta(days=1)), micros(start))):
        found.setdefault(row[0], []).append(gap_of(row))
    return found


def _restore(connection: Connection, day: date, feeds: Collection[DayFeed]) -> None:
    lock_feeds(connection, [found.feed.id for found in feeds])
    polls = [
        (day.isoformat(), found.feed.id, found.polls_expected, found.polls_made)
        for found in feeds
        if found.polls_expected or found.polls_made
    ]
    gaps = [
        (found.feed.id, micros(gap.from_at), micros(gap.to_at), gap.reason)
        for found in feeds
        for gap in found.gaps
    ]
    run_each(connection, RESTORE_POLLS, polls)
    run_each(connection, RESTORE_GAP, gaps)
    for found in feeds:
        if found.title:
            note_title(connection, found.feed.id, found.title, day)
