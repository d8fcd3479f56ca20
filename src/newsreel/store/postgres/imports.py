"""What came in from files, in PostgreSQL."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from newsreel.core.normalize import observed_of
from newsreel.core.searchable import Searchable
from newsreel.model.entry import Entry
from newsreel.model.feed import Feed
from newsreel.model.legacy import Import, LegacyFile, LegacyKind, LegacyRow, StoredLegacyRow
from newsreel.model.poll import Changes, Tombstone
from newsreel.store.postgres.additions import (
    ENTRIES,
    ENTRY_IDS,
    LOCK_TOMBSTONES,
    NEXT_IDS,
    REVISION_IDS,
    TOMBSTONES,
    WORDINGS,
    Target,
    add_identities,
    add_rows,
    lock_feeds,
    note_added,
)
from newsreel.store.postgres.changes import save_changes, searchable_in
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.database import Database
from newsreel.store.postgres.feeds import feed_by_id, note_title
from newsreel.store.postgres.legacy_rows import places_of, stored_row_of, stored_rows
from newsreel.store.postgres.partitions import ensure_months
from newsreel.store.postgres.rows import identity_digest
from newsreel.store.postgres.search_index import index_entries
from newsreel.store.rows import dumps, micros, revision_row

FILE = """
    INSERT INTO legacy_files (day, name, kind, form) VALUES (%s, %s, %s, %s)
    ON CONFLICT (day, name, kind) DO UPDATE SET form = excluded.form RETURNING id
"""
FORGET_ROWS = """
    DELETE FROM legacy_rows WHERE file_id = (
        SELECT id FROM legacy_files WHERE day = %s AND name = %s AND kind = %s)
"""
ROWS = Target("legacy_rows", ("file_id", "ordinal", "revision_id", "leftover", "entry_id", "day"))


class Imports:
    """The :class:`~newsreel.store.protocols.ImportStore` of PostgreSQL."""

    _db: Database

    async def save_import(self, imported: Import) -> None:
        searchable = [searchable_in(group.feed, group.changes) for group in imported.groups]
        await self._db.write(lambda connection: _save(connection, imported, searchable))

    async def save_reading(self, feed: Feed, changes: Changes, *, capture: bytes | None) -> None:
        searchable = searchable_in(feed, changes)

        def save(connection: Connection) -> None:
            lock_feeds(connection, [feed.id])
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
        query = "SELECT 1 FROM legacy_files WHERE day = %s AND name = %s AND kind = %s"
        values = (day.isoformat(), name, kind)
        return await self._db.read(
            lambda connection: connection.execute(query, values).fetchone() is not None
        )


def _save(
    connection: Connection, imported: Import, searchable: Sequence[Mapping[str, Searchable]]
) -> None:
    # All at once, in order: two imports that wait for each other would both fail.
    lock_feeds(connection, [group.feed.id for group in imported.groups])
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
    if imported.file is not None:
        _save_file(connection, imported.file, imported.rows)


def _save_file(connection: Connection, file: LegacyFile, records: Sequence[LegacyRow]) -> None:
    """Store the form of a file, whose row is locked by that, and then which wordings it shows."""
    key = (file.day.isoformat(), file.name, file.kind)
    with connection.pipeline():
        found = connection.execute(FILE, (*key, dumps(dict(file.form))))
        connection.execute(FORGET_ROWS, key)
    (file_id,) = found.fetchone() or (0,)
    places = places_of(connection, records)
    rows = [
        (file_id, ordinal, place[1], dumps(dict(record.leftover)), place[0], place[2])
        for ordinal, (record, place) in enumerate(zip(records, places, strict=True))
        if place is not None
    ]
    add_rows(connection, ROWS, rows)


def _restore(connection: Connection, feed: Feed, entries: Sequence[Entry]) -> int:
    if not entries:
        return 0
    lock_feeds(connection, [feed.id])
    wordings = sum(len(entry.revisions) for entry in entries)
    with connection.pipeline():
        connection.execute(LOCK_TOMBSTONES)
        # Its own id alone: what was written out was visible, whatever had its link before.
        buried = connection.execute(TOMBSTONES, ([entry.public_id for entry in entries],))
        entry_ids = connection.execute(NEXT_IDS, (ENTRY_IDS, len(entries)))
        revision_ids = connection.execute(NEXT_IDS, (REVISION_IDS, wordings))
    tombstones = {row[0]: row[1:] for row in buried}
    wanted = {row[0]: entry for row, entry in zip(entry_ids, entries, strict=True)}
    added = add_identities(
        connection,
        [
            _identity(feed, entry_id, entry)
            for entry_id, entry in wanted.items()
            if tombstones.get(entry.public_id, ("",))[0] != Tombstone.ERASED
        ],
    )
    new = {entry_id: wanted[entry_id] for entry_id in sorted(added)}
    sealed = {key: at for key, (_, at) in tombstones.items()}
    ensure_months(connection, {entry.day for entry in new.values()})
    rows = [_row(feed, key, entry, sealed.get(entry.public_id)) for key, entry in new.items()]
    add_rows(connection, ENTRIES, rows)
    told = [
        (entry.day.isoformat(), *revision_row(entry_id, revision))
        for entry_id, entry in new.items()
        for revision in entry.revisions
    ]
    ids = (row[0] for row in revision_ids)
    add_rows(connection, WORDINGS, [(key, *row) for key, row in zip(ids, told, strict=False)])
    index_entries(connection, list(new))
    note_added(connection, feed.id, len(new))
    return len(new)


def _identity(feed: Feed, entry_id: int, entry: Entry) -> tuple[Any, ...]:
    digest = identity_digest(entry.identity)
    return entry_id, feed.id, digest, entry.public_id, entry.day.isoformat()


def _row(feed: Feed, entry_id: int, entry: Entry, withheld_at: int | None) -> tuple[Any, ...]:
    newest = entry.latest
    return (
        entry_id,
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
        withheld_at,
    )


def _files(connection: Connection, day: date) -> list[tuple[LegacyFile, list[StoredLegacyRow]]]:
    query = "SELECT id, name, kind, form FROM legacy_files WHERE day = %s ORDER BY name, kind"
    found = []
    feeds: dict[int, Feed] = {}
    for file_id, name, kind, form in connection.execute(query, (day.isoformat(),)).fetchall():
        file = LegacyFile(day=day, name=name, kind=LegacyKind(kind), form=json.loads(form))
        rows = stored_rows(connection, file_id)
        for feed_id in {row[0] for row in rows} - feeds.keys():
            feed = feed_by_id(connection, feed_id)
            if feed is None:
                raise LookupError(feed_id)
            feeds[feed_id] = feed
        found.append((file, [stored_row_of(row, feeds) for row in rows]))
    return found
