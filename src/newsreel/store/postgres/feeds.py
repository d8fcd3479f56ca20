"""Feeds in PostgreSQL."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from newsreel.formats.file_names import distinct_file_name, file_name_of
from newsreel.formats.urls import asked_host_of, is_born_private, is_mailbox
from newsreel.model.day import WriteReason
from newsreel.model.feed import Feed, FeedStatus, NewFeed
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.database import Database
from newsreel.store.postgres.dirt import days_of_feed, forget_dirt, mark_dirty, mark_feed_dirty
from newsreel.store.postgres.rows import FEED_COLUMNS, FEED_TABLES
from newsreel.store.postgres.search_index import forget, unindex_entries
from newsreel.store.protocols import AddedFeed
from newsreel.store.rows import (
    MICROSECOND,
    dumps,
    feed_of,
    micros,
    page_rules_text,
    request_options_text,
)

SELECT = f"SELECT {FEED_COLUMNS} FROM {FEED_TABLES} "  # noqa: S608 - constants only
SLEEPING = (FeedStatus.REMOVED, FeedStatus.ARCHIVED)
LOCK = 0x4E657775
"""Who adds feeds is alone with that: two might choose one file name, or add one feed twice."""

# By its address, before those that had it once.
FIND = """
    SELECT DISTINCT ON (u.url) u.url, found.id
    FROM (SELECT unnest(%s::text[]) COLLATE "C" AS url) u CROSS JOIN LATERAL (
        SELECT id, 0 AS place FROM feeds WHERE md5(url) = md5(u.url) AND url = u.url
        UNION ALL
        SELECT id, 1 FROM feeds WHERE md5(first_url) = md5(u.url) AND first_url = u.url
        UNION ALL
        SELECT feed_id, 1 FROM feed_aliases WHERE md5(url) = md5(u.url) AND url = u.url) found
    ORDER BY u.url, found.place, found.id
"""
TAKEN = """
    SELECT n.name FROM (SELECT unnest(%s::text[]) COLLATE "C" AS name) n
    WHERE EXISTS (SELECT 1 FROM feeds WHERE lower(file_name) = lower(n.name))
"""
IDS = "SELECT nextval(pg_get_serial_sequence('feeds', 'id')) FROM generate_series(1, %s)"
INSERT = """
    INSERT INTO feeds (id, url, first_url, file_name, host, title, own_title, site_url, language,
                       folder, tags, is_private, is_crawled, status, policy, interval_us, added_at,
                       request_options, page_rules)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
INSERT_STATE = "INSERT INTO feed_state (feed_id, next_poll_at) VALUES (%s, %s)"
FILL = """
    UPDATE feeds SET title = coalesce(title, %(title)s),
                     site_url = coalesce(site_url, %(site_url)s),
                     language = coalesce(language, %(language)s),
                     folder = coalesce(folder, %(folder)s),
                     tags = CASE WHEN tags = '[]' THEN %(tags)s ELSE tags END,
                     interval_us = coalesce(interval_us, %(interval_us)s), status = %(status)s
    WHERE id = %(id)s
"""
SAVE = """
    UPDATE feeds SET title = %s, own_title = %s, folder = %s, tags = %s, interval_us = %s,
                     is_private = %s, status = %s, request_options = %s, page_rules = %s
    WHERE id = %s
"""
SOONER = """
    UPDATE feed_state SET next_poll_at = least(next_poll_at, last_poll_at + %(interval)s)
    WHERE feed_id = %(feed_id)s AND last_poll_at IS NOT NULL AND next_poll_at IS NOT NULL
"""
NOTE_TITLE = """
    INSERT INTO feed_titles (feed_id, day, title) VALUES (%s, %s, %s)
    ON CONFLICT (feed_id, day) DO UPDATE SET title = excluded.title
"""
ENTRIES = "SELECT entry_id, day FROM identities WHERE feed_id = %s"
PURGES = (
    "DELETE FROM revisions WHERE day = ANY(%(days)s) AND entry_id = ANY(%(ids)s)",
    "DELETE FROM entries WHERE day = ANY(%(days)s) AND feed_id = %(feed_id)s",
    "DELETE FROM observations WHERE entry_id = ANY(%(ids)s)",
    "DELETE FROM legacy_rows WHERE entry_id = ANY(%(ids)s)",
    "DELETE FROM identities WHERE feed_id = %(feed_id)s",
    "DELETE FROM polls WHERE feed_id = %(feed_id)s",
    "DELETE FROM poll_days WHERE feed_id = %(feed_id)s",
    "DELETE FROM gaps WHERE feed_id = %(feed_id)s",
    "DELETE FROM feeds WHERE id = %(feed_id)s",
)


class Feeds:
    """The :class:`~newsreel.store.protocols.FeedStore` of PostgreSQL."""

    _db: Database

    async def add_feeds(self, feeds: Iterable[NewFeed], *, now: datetime) -> list[AddedFeed]:
        wanted = list(feeds)
        return await self._db.write(lambda connection: _add(connection, wanted, now))

    async def restore_feeds(self, feeds: Iterable[Feed]) -> list[Feed]:
        wanted = list(feeds)
        return await self._db.write(lambda connection: _restore(connection, wanted))

    async def feeds(self, *, statuses: Iterable[FeedStatus] | None = None) -> list[Feed]:
        if statuses is None:
            statuses = (status for status in FeedStatus if status is not FeedStatus.REMOVED)
        query = SELECT + (
            "WHERE f.status = ANY(%s) "
            "ORDER BY f.folder IS NULL, f.folder, lower(coalesce(f.title, f.url)), f.id"
        )
        words = list(map(str, statuses))
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
        def find(connection: Connection) -> Feed | None:
            feed_id = _find(connection, [address]).get(address)
            return None if feed_id is None else feed_by_id(connection, feed_id)

        return await self._db.read(find)

    async def save_feed(self, feed: Feed) -> Feed:
        return await self._db.write(lambda connection: _save(connection, feed))

    async def purge_feed(self, feed_id: int) -> int:
        count = await self._db.write(lambda connection: _purge(connection, feed_id))
        await forget(self._db)
        return count


def feed_by_id(connection: Connection, feed_id: int) -> Feed | None:
    """Return one feed."""
    row = connection.execute(SELECT + "WHERE f.id = %s", (feed_id,)).fetchone()
    return feed_of(row) if row else None


def feeds_by_ids(connection: Connection, feed_ids: Sequence[int]) -> dict[int, Feed]:
    """Return feeds by their ids."""
    rows = connection.execute(SELECT + "WHERE f.id = ANY(%s)", (list(feed_ids),))
    return {feed.id: feed for feed in map(feed_of, rows)}


def note_title(connection: Connection, feed_id: int, title: str, day: date) -> None:
    """Remember what a feed is called from this day on."""
    connection.execute(NOTE_TITLE, (feed_id, day.isoformat(), title))


def _find(connection: Connection, urls: Sequence[str]) -> dict[str, int]:
    """The feeds that have or had these addresses."""
    rows = connection.execute(FIND, (list(urls),))
    return {url: feed_id for url, feed_id in rows}  # noqa: C416 - rows are of any length


def _add(connection: Connection, feeds: Sequence[NewFeed], now: datetime) -> list[AddedFeed]:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    ids = _find(connection, [new.url for new in feeds])
    fresh = {new.url: new for new in reversed(feeds) if new.url not in ids}  # the first of each
    added = list(reversed(fresh.values()))
    name_of = _namer(connection, fresh)
    ids |= _insert(connection, [_new_row(new, name_of(new.url), now) for new in added])
    titles = [(ids[new.url], now.date().isoformat(), new.title) for new in added if new.title]
    with connection.cursor() as cursor:
        cursor.executemany(NOTE_TITLE, titles)
    are_new = []
    for new in feeds:
        is_new = fresh.get(new.url) is new
        if is_new:
            del fresh[new.url]  # what names it again fills in
        else:
            _fill(connection, ids[new.url], new, now)
        are_new.append(is_new)
    found = feeds_by_ids(connection, list(ids.values()))
    return [
        AddedFeed(found[ids[new.url]], is_new=is_new)
        for new, is_new in zip(feeds, are_new, strict=True)
    ]


def _new_row(new: NewFeed, file_name: str, now: datetime) -> tuple[Any, ...]:
    is_secret = is_born_private(new.url) or new.request_options.has_credential
    return (
        new.url,
        new.url,
        file_name,
        asked_host_of(new.url),
        new.title,
        0,
        new.site_url,
        new.language,
        new.folder,
        dumps(list(new.tags)),
        int(new.is_private or is_secret),
        int(new.is_crawled),
        new.status,
        1,
        new.interval // MICROSECOND if new.interval else None,
        micros(now),
        request_options_text(new.request_options),
        page_rules_text(new.page_rules),
    )


def _insert(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> dict[str, int]:
    """Add rows of ``feeds`` with their state, and return the ids by what the addresses were."""
    ids = [row[0] for row in connection.execute(IDS, (len(rows),))]
    states = [
        (feed_id, 0 if row[12] == FeedStatus.ACTIVE else None)
        for feed_id, row in zip(ids, rows, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(INSERT, [(one, *row) for one, row in zip(ids, rows, strict=True)])
        cursor.executemany(INSERT_STATE, states)
    return {row[1]: feed_id for feed_id, row in zip(ids, rows, strict=True)}


def _fill(connection: Connection, feed_id: int, new: NewFeed, now: datetime) -> None:
    found = _present(connection, feed_id)
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
        "id": feed_id,
    }
    connection.execute(FILL, fields)
    if found.title is None and new.title:
        note_title(connection, feed_id, new.title, now.date())
    _wake(connection, feed_id, status)


def _restore(connection: Connection, feeds: Sequence[Feed]) -> list[Feed]:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    ids = _find(connection, [feed.first_url for feed in feeds])
    fresh = {feed.first_url: feed for feed in reversed(feeds) if feed.first_url not in ids}
    added = list(reversed(fresh.values()))
    ids |= _insert(connection, list(map(_row_of, added)))
    aliases = [(alias, ids[feed.first_url]) for feed in added for alias in feed.aliases]
    with connection.cursor() as cursor:
        query = "INSERT INTO feed_aliases (url, feed_id) VALUES (%s, %s) ON CONFLICT DO NOTHING"
        cursor.executemany(query, aliases)
    found = feeds_by_ids(connection, list(ids.values()))
    return [found[ids[feed.first_url]] for feed in feeds]


def _row_of(feed: Feed) -> tuple[Any, ...]:
    return (
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


def _save(connection: Connection, feed: Feed) -> Feed:
    former = _present(connection, feed.id)
    row = (
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
    )
    connection.execute(SAVE, row)
    if former.is_private != feed.is_private:
        reason = WriteReason.WITHHELD if feed.is_private else WriteReason.NEW
        mark_feed_dirty(connection, feed.id, reason)
    if former.status != feed.status:
        _wake(connection, feed.id, feed.status)
    if feed.interval is not None and former.interval != feed.interval:
        interval = feed.interval // MICROSECOND
        connection.execute(SOONER, {"feed_id": feed.id, "interval": interval})
    return _present(connection, feed.id)


def _present(connection: Connection, feed_id: int) -> Feed:
    feed = feed_by_id(connection, feed_id)
    if feed is None:
        raise LookupError(feed_id)
    return feed


def _purge(connection: Connection, feed_id: int) -> int:
    connection.execute("SELECT 1 FROM feed_state WHERE feed_id = %s FOR UPDATE", (feed_id,))
    days = days_of_feed(connection, feed_id)
    rows = connection.execute(ENTRIES, (feed_id,)).fetchall()
    values: dict[str, Any] = {
        "feed_id": feed_id,
        "ids": [row[0] for row in rows],
        "days": sorted({row[1] for row in rows}),
    }
    unindex_entries(connection, values["ids"])
    for query in PURGES:
        connection.execute(query, values)
    forget_dirt(connection, feed_id)
    for day in days:
        mark_dirty(connection, day, 0, WriteReason.ERASED)
    return len(rows)


def _wake(connection: Connection, feed_id: int, status: FeedStatus) -> None:
    """Let an active feed without a time to poll be due at once; the others are never due."""
    due = "coalesce(next_poll_at, 0)" if status is FeedStatus.ACTIVE else "NULL"
    query = f"UPDATE feed_state SET next_poll_at = {due} WHERE feed_id = %s"  # noqa: S608
    connection.execute(query, (feed_id,))


def _namer(connection: Connection, urls: Iterable[str]) -> Callable[[str], str]:
    """Return what gives new feeds their file names, none of them twice, whatever their case."""
    free = {file_name_of(url) for url in urls}
    taken = {row[0].encode().lower() for row in connection.execute(TAKEN, (list(free),))}

    def is_taken(name: str) -> bool:
        if name.encode().lower() in taken:
            return True
        return name not in free and bool(connection.execute(TAKEN, ([name],)).fetchone())

    def name_of(url: str) -> str:
        name = distinct_file_name(url, is_taken)
        taken.add(name.encode().lower())
        return name

    return name_of
