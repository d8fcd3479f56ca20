"""What came in from files, in SQLite."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from newsreel.core.normalize import observed_of, public_id_of
from newsreel.core.searchable import Searchable
from newsreel.model.entry import Entry
from newsreel.model.feed import Feed
from newsreel.model.legacy import Import, LegacyFile, LegacyKind, LegacyRow, StoredLegacyRow
from newsreel.model.poll import Changes
from newsreel.store.rows import CONTENT_COLUMNS, content_of, dumps, micros, revision_row
from newsreel.store.sqlite.bulk import insert_rows
from newsreel.store.sqlite.changes import save_changes, searchable_in
from newsreel.store.sqlite.database import Database
from newsreel.store.sqlite.feeds import feed_by_id, note_title
from newsreel.store.sqlite.rows import INSERT_WORDING
from newsreel.store.sqlite.search_index import index_entries

FILE = """
    INSERT INTO legacy_files (day, name, kind, form) VALUES (?, ?, ?, ?)
    ON CONFLICT (day, name, kind) DO UPDATE SET form = excluded.form RETURNING id
"""
WORDING = """
    SELECT r.id FROM revisions r JOIN entries e ON e.id = r.entry_id
    WHERE e.feed_id = ? AND e.identity = ? AND r.digest = ? ORDER BY r.number, r.reread LIMIT 1
"""
WORDING_BY_ID = """
    SELECT r.id FROM revisions r JOIN entries e ON e.id = r.entry_id
    WHERE e.public_id = ? AND r.digest = ? ORDER BY r.number, r.reread LIMIT 1
"""
WORDING_BY_LINK = """
    SELECT r.id FROM revisions r JOIN entries e ON e.id = r.entry_id
    WHERE e.feed_id = ? AND r.permalink = ? AND r.digest = ? ORDER BY r.number, r.reread LIMIT 1
"""
ERASED = "SELECT 1 FROM tombstones WHERE id = ? AND kind = 'erased'"
INSERT_ENTRY = """
    INSERT INTO entries (feed_id, identity, guid, public_id, day, first_seen_at, revision_count,
                         number, reread, seen_at, digest, digest_version, parser_version, observed,
                         withheld_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
            (SELECT at FROM tombstones WHERE id = ? AND kind = 'withheld'))
    ON CONFLICT DO NOTHING RETURNING id
"""


class Imports:
    """The :class:`~newsreel.store.protocols.ImportStore` of SQLite."""

    _db: Database

    async def save_import(self, imported: Import) -> None:
        searchable = [searchable_in(group.feed, group.changes) for group in imported.groups]
        await self._db.write(lambda connection: _save(connection, imported, searchable))

    async def save_reading(self, feed: Feed, changes: Changes, *, capture: bytes | None) -> None:
        searchable = searchable_in(feed, changes)

        def save(connection: sqlite3.Connection) -> None:
            save_changes(
                connection, feed, changes, capture=capture, is_poll=False, searchable=searchable
            )

        await self._db.write(save)

    async def restore_entries(self, feed: Feed, entries: Iterable[Entry]) -> int:
        wanted = list(entries)
        return await self._db.write(lambda connection: _restore(connection, feed, wanted))

    async def legacy_days(self) -> list[date]:
        query = "SELECT DISTINCT day FROM legacy_files ORDER BY day"
        return await self._db.read(
            lambda connection: [date.fromisoformat(row[0]) for row in connection.execute(query)]
        )

    async def legacy_files(self, day: date) -> list[tuple[LegacyFile, list[StoredLegacyRow]]]:
        return await self._db.read(lambda connection: _files(connection, day))

    async def has_legacy_file(self, day: date, name: str, kind: LegacyKind) -> bool:
        query = "SELECT 1 FROM legacy_files WHERE day = ? AND name = ? AND kind = ?"
        values = (day.isoformat(), name, kind)
        return await self._db.read(
            lambda connection: connection.execute(query, values).fetchone() is not None
        )


def _save(
    connection: sqlite3.Connection,
    imported: Import,
    searchable: Sequence[Mapping[str, Searchable]],
) -> None:
    for group, found in zip(imported.groups, searchable, strict=True):
        save_changes(
            connection,
            group.feed,
            group.changes,
            capture=None,
            is_import=True,
            searchable=found,
        )
        if group.title and imported.file is not None:
            note_title(connection, group.feed.id, group.title, imported.file.day)
    if imported.file is None:
        return
    file = imported.file
    row = (file.day.isoformat(), file.name, file.kind, dumps(dict(file.form)))
    file_id = connection.execute(FILE, row).fetchone()[0]
    connection.execute("DELETE FROM legacy_rows WHERE file_id = ?", (file_id,))
    rows = []
    for ordinal, record in enumerate(imported.rows):
        revision_id = _wording(connection, record)
        if revision_id is not None:
            rows.append((file_id, ordinal, revision_id, dumps(dict(record.leftover))))
    connection.executemany(
        "INSERT INTO legacy_rows (file_id, ordinal, revision_id, leftover) VALUES (?, ?, ?, ?)",
        rows,
    )


def _wording(connection: sqlite3.Connection, row: LegacyRow) -> int | None:
    """The wording a record shows; None where its entry was erased."""
    found = connection.execute(WORDING, (row.feed_id, row.identity, row.digest)).fetchone()
    if found is None:  # the entry has taken a guid for its identity since, and kept its public id
        query = "SELECT first_url FROM feeds WHERE id = ?"
        first_url = connection.execute(query, (row.feed_id,)).fetchone()[0]
        public_id = public_id_of(first_url, row.identity)
        found = connection.execute(WORDING_BY_ID, (public_id, row.digest)).fetchone()
    if found is None:
        found = connection.execute(
            WORDING_BY_LINK, (row.feed_id, row.identity, row.digest)
        ).fetchone()
    return found[0] if found else None


def _restore(connection: sqlite3.Connection, feed: Feed, entries: list[Entry]) -> int:
    added = []
    for entry in entries:
        # Its own id alone: what was written out was visible, whatever had its link before.
        if connection.execute(ERASED, (entry.public_id,)).fetchone():
            continue
        newest = entry.latest
        row = (
            feed.id,
            entry.identity,
            entry.guid,
            entry.public_id,
            entry.day.isoformat(),
            micros(entry.first_seen_at),
            max(revision.number for revision in entry.revisions),
            newest.number,
            newest.reread,
            micros(newest.seen_at),
            newest.digest,
            newest.digest_version,
            newest.parser_version,
            observed_of(newest.content),
            entry.public_id,
        )
        found = connection.execute(INSERT_ENTRY, row).fetchone()
        if found is None:
            continue
        rows = [revision_row(found[0], revision) for revision in entry.revisions]
        insert_rows(connection, INSERT_WORDING, rows)
        added.append(found[0])
    index_entries(connection, added)
    query = "UPDATE feed_state SET entry_count = entry_count + ? WHERE feed_id = ?"
    connection.execute(query, (len(added), feed.id))
    return len(added)


def _files(
    connection: sqlite3.Connection, day: date
) -> list[tuple[LegacyFile, list[StoredLegacyRow]]]:
    query = "SELECT id, name, kind, form FROM legacy_files WHERE day = ? ORDER BY name, kind"
    feeds: dict[int, Feed] = {}
    found = []
    for file_id, name, kind, form in connection.execute(query, (day.isoformat(),)).fetchall():
        file = LegacyFile(day=day, name=name, kind=LegacyKind(kind), form=json.loads(form))
        rows = connection.execute(
            f"SELECT e.feed_id, l.leftover, {CONTENT_COLUMNS} FROM legacy_rows l "  # noqa: S608
            "JOIN revisions r ON r.id = l.revision_id JOIN entries e ON e.id = r.entry_id "
            "WHERE l.file_id = ? AND e.withheld_at IS NULL ORDER BY l.ordinal",
            (file_id,),
        )
        found.append((file, [_row_of(connection, row, feeds) for row in rows]))
    return found


def _row_of(
    connection: sqlite3.Connection, row: tuple[Any, ...], feeds: dict[int, Feed]
) -> StoredLegacyRow:
    feed = feeds.get(row[0])
    if feed is None:
        feed = feed_by_id(connection, row[0])
        if feed is None:
            raise LookupError(row[0])
        feeds[row[0]] = feed
    return StoredLegacyRow(feed=feed, content=content_of(row[2:]), leftover=json.loads(row[1]))
