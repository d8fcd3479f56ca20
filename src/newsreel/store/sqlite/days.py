"""Days in SQLite: what they hold, what is to be written of them."""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from newsreel.model.day import DayCount, DayFeed, DayPage, DirtyPage, WriteReason
from newsreel.model.entry import Entry
from newsreel.model.feed import Feed
from newsreel.model.poll import Gap
from newsreel.store.protocols import WrittenFile
from newsreel.store.rows import dumps, feed_of, gap_of, micros
from newsreel.store.sqlite.database import Database
from newsreel.store.sqlite.dirt import mark_dirty
from newsreel.store.sqlite.feeds import SELECT, note_title
from newsreel.store.sqlite.rows import entries_of

DAYS = """
    WITH counted AS (
        SELECT day, count(*) AS entries, count(DISTINCT feed_id) AS feeds,
               sum(revision_count > 1) AS revised
        FROM entries GROUP BY day),
    every AS (SELECT day FROM counted UNION SELECT day FROM poll_days UNION SELECT day FROM dirty)
    SELECT every.day, coalesce(counted.feeds, 0), coalesce(counted.entries, 0),
           coalesce(counted.revised, 0),
           (SELECT count(*) FROM gaps g WHERE g.from_at < unixepoch(every.day, '+1 day') * 1000000
            AND (g.to_at IS NULL OR g.to_at >= unixepoch(every.day) * 1000000)),
           EXISTS (SELECT 1 FROM dirty d WHERE d.day = every.day)
    FROM every LEFT JOIN counted ON counted.day = every.day
    WHERE every.day BETWEEN ? AND ? ORDER BY every.day
"""
COUNTS = """
    SELECT feed_id, count(*), sum(revision_count - 1) FROM entries
    WHERE day = ? AND withheld_at IS NULL GROUP BY feed_id
"""
TITLE = """
    SELECT title FROM feed_titles WHERE feed_id = :feed_id
    ORDER BY day > :day, CASE WHEN day <= :day THEN day END DESC, day LIMIT 1
"""


class Days:
    """The :class:`~newsreel.store.protocols.DayStore` of SQLite."""

    _db: Database

    async def days(self, *, first: date | None = None, last: date | None = None) -> list[DayCount]:
        span = (first.isoformat() if first else "0000", last.isoformat() if last else "9999-99")
        return await self._db.read(
            lambda connection: [
                DayCount(
                    day=date.fromisoformat(row[0]),
                    feeds=row[1],
                    entries=row[2],
                    revised=row[3],
                    gaps=row[4],
                    is_dirty=bool(row[5]),
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
            "SELECT path, version, sha256 FROM written WHERE day = ? AND is_private = ? "
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
        rows = [
            (day.isoformat(), int(is_private), file.path, file.version, file.sha256)
            for file in files
        ]
        clean = [(page.day.isoformat(), page.feed_id, page.mark) for page in done]
        query = (
            "INSERT INTO written (day, is_private, path, version, sha256) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET version = excluded.version, sha256 = excluded.sha256"
        )

        def save(connection: sqlite3.Connection) -> None:
            connection.executemany(query, rows)
            connection.executemany(
                "DELETE FROM dirty WHERE day = ? AND feed_id = ? AND mark = ?", clean
            )

        await self._db.write(save)

    async def make_dirty(self, day: date, feed_id: int, reason: WriteReason) -> None:
        await self._db.write(lambda connection: mark_dirty(connection, day, feed_id, reason))

    async def restore_day_feeds(self, day: date, feeds: Iterable[DayFeed]) -> None:
        wanted = list(feeds)

        def restore(connection: sqlite3.Connection) -> None:
            for found in wanted:
                _restore(connection, day, found)

        await self._db.write(restore)


def _pages(
    connection: sqlite3.Connection, day: date, feed_ids: list[int] | None, *, is_private: bool
) -> list[DayPage]:
    where = "e.day = ? AND e.withheld_at IS NULL"
    values: list[Any] = [day.isoformat()]
    if feed_ids is not None:
        where += " AND e.feed_id IN (SELECT value FROM json_each(?))"
        values.append(dumps(feed_ids))
    by_feed: dict[int, list[Entry]] = {feed_id: [] for feed_id in feed_ids or ()}
    for entry in entries_of(connection, where, values):
        by_feed.setdefault(entry.feed_id, []).append(entry)
    return [
        DayPage(
            day=day,
            feed=feed,
            title=_title(connection, feed, day),
            entries=tuple(by_feed[feed.id]),
        )
        for feed in _feeds(connection, by_feed, is_private=is_private)
    ]


def _feeds(
    connection: sqlite3.Connection, feed_ids: Iterable[int], *, is_private: bool
) -> list[Feed]:
    query = SELECT + (  # noqa: S608 - constants only
        "WHERE f.id IN (SELECT value FROM json_each(?)) AND f.is_private = ? ORDER BY f.file_name"
    )
    return [
        feed_of(row) for row in connection.execute(query, (dumps(list(feed_ids)), int(is_private)))
    ]


def _title(connection: sqlite3.Connection, feed: Feed, day: date) -> str | None:
    row = connection.execute(TITLE, {"feed_id": feed.id, "day": day.isoformat()}).fetchone()
    return row[0] if row else feed.title


def _day_feeds(connection: sqlite3.Connection, day: date, *, is_private: bool) -> list[DayFeed]:
    entries = {row[0]: row[1:] for row in connection.execute(COUNTS, (day.isoformat(),))}
    polls = {
        row[0]: row[1:]
        for row in connection.execute(
            "SELECT feed_id, expected, made FROM poll_days WHERE day = ?", (day.isoformat(),)
        )
    }
    gaps = _gaps(connection, day)
    found = []
    for feed in _feeds(connection, {*entries, *polls, *gaps}, is_private=is_private):
        count, revised = entries.get(feed.id, (0, 0))
        expected, made = polls.get(feed.id, (0, 0))
        found.append(
            DayFeed(
                feed=feed,
                title=_title(connection, feed, day),
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


def _gaps(connection: sqlite3.Connection, day: date) -> dict[int, list[Gap]]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    query = (
        "SELECT feed_id, from_at, to_at, reason FROM gaps "
        "WHERE from_at < ? AND (to_at >= ? OR to_at IS NULL) ORDER BY from_at, reason"
    )
    found: dict[int, list[Gap]] = {}
    for row in connection.execute(query, (micros(start + timedelta(days=1)), micros(start))):
        found.setdefault(row[0], []).append(gap_of(row))
    return found


def _restore(connection: sqlite3.Connection, day: date, found: DayFeed) -> None:
    if found.polls_expected or found.polls_made:
        connection.execute(
            "INSERT OR REPLACE INTO poll_days (day, feed_id, expected, made) VALUES (?, ?, ?, ?)",
            (day.isoformat(), found.feed.id, found.polls_expected, found.polls_made),
        )
    if found.title:
        note_title(connection, found.feed.id, found.title, day)
    connection.executemany(
        "INSERT INTO gaps (feed_id, from_at, to_at, reason) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET to_at = coalesce(to_at, excluded.to_at)",
        [
            (found.feed.id, micros(gap.from_at), micros(gap.to_at), gap.reason)
            for gap in found.gaps
        ],
    )
