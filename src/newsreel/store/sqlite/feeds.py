"""Feeds in SQLite."""

import sqlite3
from collections.abc import Callable, Iterable
from datetime import date, datetime

from newsreel.formats.file_names import distinct_file_name
from newsreel.formats.urls import asked_host_of, is_born_private, is_mailbox
from newsreel.model.day import WriteReason
from newsreel.model.feed import Feed, FeedStatus, NewFeed
from newsreel.store.protocols import AddedFeed
from newsreel.store.rows import (
    FEED_TABLES,
    MICROSECOND,
    dumps,
    feed_of,
    micros,
    page_rules_text,
    request_options_text,
)
from newsreel.store.sqlite.database import Database
from newsreel.store.sqlite.dirt import DAYS_OF_FEED, mark_dirty, mark_feed_dirty
from newsreel.store.sqlite.rows import FEED_COLUMNS
from newsreel.store.sqlite.search_index import forget, unindex_entries

SELECT = f"SELECT {FEED_COLUMNS} FROM {FEED_TABLES} "  # noqa: S608 - constants only
SLEEPING = (FeedStatus.REMOVED, FeedStatus.ARCHIVED)

INSERT = """
    INSERT INTO feeds (url, first_url, file_name, host, title, own_title, site_url, language,
                       folder, tags, is_private, is_crawled, status, policy, interval_us, added_at,
                       request_options, page_rules)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
"""
FILL = """
    UPDATE feeds SET title = coalesce(title, :title), site_url = coalesce(site_url, :site_url),
                     language = coalesce(language, :language), folder = coalesce(folder, :folder),
                     tags = iif(tags = '[]', :tags, tags),
                     interval_us = coalesce(interval_us, :interval_us), status = :status
    WHERE id = :id
"""
SOONER = """
    UPDATE feed_state SET next_poll_at = min(next_poll_at, last_poll_at + :interval)
    WHERE feed_id = :feed_id AND last_poll_at IS NOT NULL
"""


class Feeds:
    """The :class:`~newsreel.store.protocols.FeedStore` of SQLite."""

    _db: Database

    async def add_feeds(self, feeds: Iterable[NewFeed], *, now: datetime) -> list[AddedFeed]:
        wanted = list(feeds)
        return await self._db.write(
            lambda connection: [_add(connection, new, now) for new in wanted]
        )

    async def restore_feeds(self, feeds: Iterable[Feed]) -> list[Feed]:
        wanted = list(feeds)
        return await self._db.write(
            lambda connection: [_restore(connection, feed) for feed in wanted]
        )

    async def feeds(self, *, statuses: Iterable[FeedStatus] | None = None) -> list[Feed]:
        if statuses is None:
            statuses = (status for status in FeedStatus if status is not FeedStatus.REMOVED)
        query = SELECT + (  # noqa: S608 - constants only
            "WHERE f.status IN (SELECT value FROM json_each(?)) "
            "ORDER BY f.folder IS NULL, f.folder, lower(coalesce(f.title, f.url)), f.id"
        )
        words = dumps(list(statuses))
        return await self._db.read(
            lambda connection: [feed_of(row) for row in connection.execute(query, (words,))]
        )

    async def active_ids(self) -> list[int]:
        query = (
            "SELECT f.id FROM feeds f JOIN feed_state s ON s.feed_id = f.id "
            "WHERE f.status = 'active' ORDER BY s.next_poll_at, f.id"
        )
        return await self._db.read(
            lambda connection: [row[0] for row in connection.execute(query)]
        )

    async def feed(self, feed_id: int) -> Feed | None:
        return await self._db.read(lambda connection: feed_by_id(connection, feed_id))

    async def find_feed(self, address: str) -> Feed | None:
        return await self._db.read(lambda connection: _find(connection, address))

    async def save_feed(self, feed: Feed) -> Feed:
        return await self._db.write(lambda connection: _save(connection, feed))

    async def purge_feed(self, feed_id: int) -> int:
        count = await self._db.write(lambda connection: _purge(connection, feed_id))
        await forget(self._db)
        return count


def feed_by_id(connection: sqlite3.Connection, feed_id: int) -> Feed | None:
    """Return one feed."""
    row = connection.execute(SELECT + "WHERE f.id = ?", (feed_id,)).fetchone()
    return feed_of(row) if row else None


def _present(connection: sqlite3.Connection, feed_id: int) -> Feed:
    feed = feed_by_id(connection, feed_id)
    if feed is None:
        raise LookupError(feed_id)
    return feed


def _find(connection: sqlite3.Connection, address: str) -> Feed | None:
    row = connection.execute(
        SELECT  # noqa: S608 - constants only
        + "WHERE f.url = ?1 OR f.first_url = ?1 "
        + "OR f.id = (SELECT feed_id FROM feed_aliases WHERE url = ?1) "
        + "ORDER BY f.url = ?1 DESC LIMIT 1",
        (address,),
    ).fetchone()
    return feed_of(row) if row else None


def _add(connection: sqlite3.Connection, new: NewFeed, now: datetime) -> AddedFeed:
    found = _find(connection, new.url)
    if found is not None:
        status = found.status
        if status in SLEEPING and new.status not in SLEEPING:
            status = new.status
        fields = {
            "title": new.title,
            "site_url": new.site_url,
            "language": new.language,
            "folder": new.folder,
            "tags": dumps(list(new.tags)),
            "interval_us": new.interval // MICROSECOND if new.interval else None,
            "status": status,
            "id": found.id,
        }
        connection.execute(FILL, fields)
        _note_title(connection, found.id, new.title if found.title is None else None, now.date())
        _wake(connection, found.id, status)
        return AddedFeed(_present(connection, found.id), is_new=False)
    row = (
        new.url,
        new.url,
        distinct_file_name(new.url, _is_taken(connection)),
        asked_host_of(new.url),
        new.title,
        0,
        new.site_url,
        new.language,
        new.folder,
        dumps(list(new.tags)),
        int(new.is_private or is_born_private(new.url) or new.request_options.has_credential),
        int(new.is_crawled),
        new.status,
        1,
        new.interval // MICROSECOND if new.interval else None,
        micros(now),
        request_options_text(new.request_options),
        page_rules_text(new.page_rules),
    )
    feed_id = connection.execute(INSERT, row).fetchone()[0]
    connection.execute("INSERT INTO feed_state (feed_id) VALUES (?)", (feed_id,))
    _note_title(connection, feed_id, new.title, now.date())
    _wake(connection, feed_id, new.status)
    return AddedFeed(_present(connection, feed_id), is_new=True)


def _restore(connection: sqlite3.Connection, feed: Feed) -> Feed:
    found = _find(connection, feed.first_url)
    if found is not None:
        return found
    row = (
        feed.url,
        feed.first_url,
        feed.file_name,
        asked_host_of(feed.url),
        feed.title,
        int(feed.has_own_title),
        feed.site_url,
        feed.language,
        feed.folder,
        dumps(list(feed.tags)),
        int(feed.is_private),
        int(feed.is_crawled),
        feed.status,
        int(feed.identity_policy),
        feed.interval // MICROSECOND if feed.interval else None,
        micros(feed.added_at),
        request_options_text(feed.request_options),
        page_rules_text(feed.page_rules),
    )
    feed_id = connection.execute(INSERT, row).fetchone()[0]
    connection.execute("INSERT INTO feed_state (feed_id) VALUES (?)", (feed_id,))
    connection.executemany(
        "INSERT OR IGNORE INTO feed_aliases (url, feed_id) VALUES (?, ?)",
        [(alias, feed_id) for alias in feed.aliases],
    )
    _wake(connection, feed_id, feed.status)
    return _present(connection, feed_id)


def _save(connection: sqlite3.Connection, feed: Feed) -> Feed:
    former = _present(connection, feed.id)
    connection.execute(
        "UPDATE feeds SET title = ?, own_title = ?, folder = ?, tags = ?, interval_us = ?, "
        "is_private = ?, status = ?, request_options = ?, page_rules = ? WHERE id = ?",
        (
            feed.title,
            int(feed.has_own_title),
            feed.folder,
            dumps(list(feed.tags)),
            feed.interval // MICROSECOND if feed.interval else None,
            int(feed.is_private or is_mailbox(feed.url)),
            feed.status,
            request_options_text(feed.request_options),
            page_rules_text(feed.page_rules),
            feed.id,
        ),
    )
    if former.is_private != feed.is_private:
        reason = WriteReason.WITHHELD if feed.is_private else WriteReason.NEW
        mark_feed_dirty(connection, feed.id, reason)
    if former.status != feed.status:
        _wake(connection, feed.id, feed.status)
    if feed.interval is not None and former.interval != feed.interval:
        interval = feed.interval // MICROSECOND
        connection.execute(SOONER, {"feed_id": feed.id, "interval": interval})
    return _present(connection, feed.id)


def _purge(connection: sqlite3.Connection, feed_id: int) -> int:
    rows = connection.execute(DAYS_OF_FEED, (feed_id,)).fetchall()
    query = "SELECT id FROM entries WHERE feed_id = ?"
    entry_ids = [row[0] for row in connection.execute(query, (feed_id,))]
    unindex_entries(connection, entry_ids)
    connection.execute("DELETE FROM feeds WHERE id = ?", (feed_id,))
    connection.execute("DELETE FROM dirty WHERE feed_id = ?", (feed_id,))
    for (day,) in rows:
        mark_dirty(connection, day, 0, WriteReason.ERASED)
    return len(entry_ids)


def _wake(connection: sqlite3.Connection, feed_id: int, status: FeedStatus) -> None:
    """Let an active feed without a time to poll be due at once; the others are never due."""
    if status is FeedStatus.ACTIVE:
        connection.execute(
            "UPDATE feed_state SET next_poll_at = coalesce(next_poll_at, 0) WHERE feed_id = ?",
            (feed_id,),
        )
    else:
        connection.execute(
            "UPDATE feed_state SET next_poll_at = NULL WHERE feed_id = ?", (feed_id,)
        )


def _note_title(
    connection: sqlite3.Connection, feed_id: int, title: str | None, day: date
) -> None:
    if title:
        note_title(connection, feed_id, title, day)


def note_title(connection: sqlite3.Connection, feed_id: int, title: str, day: date) -> None:
    """Remember what a feed is called from this day on."""
    connection.execute(
        "INSERT INTO feed_titles (feed_id, day, title) VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET title = excluded.title",
        (feed_id, day.isoformat(), title),
    )


def _is_taken(connection: sqlite3.Connection) -> Callable[[str], bool]:
    def is_taken(name: str) -> bool:
        query = "SELECT 1 FROM feeds WHERE file_name = ?"
        return connection.execute(query, (name,)).fetchone() is not None

    return is_taken
