"""Entries and tombstones in SQLite."""

import json
import sqlite3
from collections.abc import Iterable
from datetime import datetime

from newsreel.core.normalize import public_id_of
from newsreel.errors import UsageError
from newsreel.model.day import WriteReason
from newsreel.model.entry import Entry
from newsreel.model.poll import Tombstone
from newsreel.store.protocols import TombstoneRecord
from newsreel.store.rows import dumps, known_moment, micros, moment
from newsreel.store.sqlite.database import Database
from newsreel.store.sqlite.dirt import mark_dirty
from newsreel.store.sqlite.rows import entries_of
from newsreel.store.sqlite.search_index import forget, index_entries, unindex_entries

SHORTEST_ID = 6
# What stands in the feed was seen at its last poll, what does not at the last before it was lost.
LAST_SEEN = """
    WITH gone AS (
        SELECT max(l.id) AS id FROM polls l WHERE l.feed_id = :feed_id AND l.lost IS NOT NULL
        AND :id IN (SELECT value FROM json_each(l.lost)))
    SELECT max(p.polled_at) FROM polls p JOIN feed_state s ON s.feed_id = p.feed_id JOIN gone
    WHERE p.feed_id = :feed_id AND p.outcome NOT IN ('failed', 'pushed')
      AND p.polled_at >= :first_seen_at  -- what a hub pushed may never have stood in a poll
      AND (p.id < gone.id OR :id IN (SELECT value FROM json_each(s.window)))
"""


class Entries:
    """The :class:`~newsreel.store.protocols.EntryStore` of SQLite."""

    _db: Database

    async def entry(self, public_id: str) -> Entry | None:
        return await self._db.read(lambda connection: entry_by_id(connection, public_id))

    async def entries_of(self, feed_id: int, *, limit: int = 50) -> list[Entry]:
        where = (
            "e.id IN (SELECT id FROM entries WHERE feed_id = ? "
            "ORDER BY day DESC, first_seen_at DESC, id DESC LIMIT ?)"
        )

        def newest(connection: sqlite3.Connection) -> list[Entry]:
            found = entries_of(connection, where, (feed_id, limit))
            return sorted(
                found, key=lambda entry: (entry.day, entry.first_seen_at, entry.id), reverse=True
            )

        return await self._db.read(newest)

    async def last_seen_at(self, entry: Entry) -> datetime | None:
        values = {
            "feed_id": entry.feed_id,
            "id": entry.id,
            "first_seen_at": micros(entry.first_seen_at),
        }
        return await self._db.read(
            lambda connection: moment(connection.execute(LAST_SEEN, values).fetchone()[0])
        )

    async def tombstone(
        self, public_id: str, kind: Tombstone, *, reason: str, now: datetime
    ) -> bool:
        def bury(connection: sqlite3.Connection) -> bool:
            entry = entry_by_id(connection, public_id)
            if entry is None:
                return False
            _bury(connection, _record(connection, entry, kind, reason, now), entry)
            return True

        done = await self._db.write(bury)
        if done and kind is Tombstone.ERASED:
            await forget(self._db)
        return done

    async def tombstones(self) -> list[TombstoneRecord]:
        query = (
            "SELECT public_id, json_group_array(id), kind, max(at), reason, is_private FROM "
            "(SELECT * FROM tombstones ORDER BY id) GROUP BY public_id ORDER BY max(at), public_id"
        )
        return await self._db.read(
            lambda connection: [
                TombstoneRecord(
                    public_id=row[0],
                    ids=tuple(_loads(row[1])),
                    kind=Tombstone(row[2]),
                    at=known_moment(row[3]),
                    reason=row[4],
                    is_private=bool(row[5]),
                )
                for row in connection.execute(query)
            ]
        )

    async def restore_tombstones(self, records: Iterable[TombstoneRecord]) -> None:
        wanted = list(records)

        def restore(connection: sqlite3.Connection) -> None:
            for record in wanted:
                where = "e.public_id IN (SELECT value FROM json_each(?))"
                found = entries_of(connection, where, (dumps([record.public_id, *record.ids]),))
                _bury(connection, record, *found)

        await self._db.write(restore)
        if any(record.kind is Tombstone.ERASED for record in wanted):
            await forget(self._db)


def entry_by_id(connection: sqlite3.Connection, public_id: str) -> Entry | None:
    """Return one entry by its public id, or an unambiguous beginning."""
    wanted = public_id.strip().lower()
    if len(wanted) < SHORTEST_ID or not set(wanted) <= set("0123456789abcdef"):
        return None
    found = entries_of(connection, "e.public_id >= ? AND e.public_id < ?", (wanted, wanted + "g"))
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} entries begin with {public_id!r}",
            hint="give more digits of the entry's id",
        )
    return found[0] if found else None


def _record(
    connection: sqlite3.Connection, entry: Entry, kind: Tombstone, reason: str, now: datetime
) -> TombstoneRecord:
    query = "SELECT first_url, is_private FROM feeds WHERE id = ?"
    first_url, is_private = connection.execute(query, (entry.feed_id,)).fetchone()
    links = {revision.content.permalink for revision in entry.revisions}
    keys = [entry.identity, *(link for link in links if link and _is_own(connection, entry, link))]
    return TombstoneRecord(
        public_id=entry.public_id,
        ids=tuple(sorted({entry.public_id, *(public_id_of(first_url, key) for key in keys)})),
        kind=kind,
        at=now,
        reason=reason,
        is_private=bool(is_private),
    )


def _is_own(connection: sqlite3.Connection, entry: Entry, link: str) -> bool:
    """Tell whether no other entry of the feed has this link, which would go with this one."""
    query = (
        "SELECT 1 FROM entries e JOIN revisions r ON r.entry_id = e.id "
        "WHERE e.feed_id = ? AND e.id != ? AND r.permalink = ? LIMIT 1"
    )
    return connection.execute(query, (entry.feed_id, entry.id, link)).fetchone() is None


def _bury(connection: sqlite3.Connection, record: TombstoneRecord, *entries: Entry) -> None:
    """Write a tombstone and carry it out; an erasure is never weakened to a withholding."""
    query = (
        "INSERT INTO tombstones (id, public_id, kind, at, reason, is_private) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE "
        "SET kind = excluded.kind, at = excluded.at, reason = excluded.reason "
        "WHERE tombstones.kind != 'erased'"
    )
    rows = [
        (
            key,
            record.public_id,
            record.kind,
            micros(record.at),
            record.reason,
            int(record.is_private),
        )
        for key in {record.public_id, *record.ids}
    ]
    connection.executemany(query, rows)
    reason = WriteReason.ERASED if record.kind is Tombstone.ERASED else WriteReason.WITHHELD
    for entry in entries:
        if record.kind is Tombstone.ERASED:
            unindex_entries(connection, [entry.id])
            connection.execute("DELETE FROM entries WHERE id = ?", (entry.id,))
            connection.execute(
                "UPDATE feed_state SET entry_count = entry_count - 1, window = "
                "(SELECT json_group_array(value) FROM json_each(window) WHERE value != ?) "
                "WHERE feed_id = ?",
                (entry.id, entry.feed_id),
            )
        else:
            connection.execute(
                "UPDATE entries SET withheld_at = ? WHERE id = ?", (micros(record.at), entry.id)
            )
            index_entries(connection, [entry.id])
        mark_dirty(connection, entry.day, entry.feed_id, reason)


def _loads(text: str) -> list[str]:
    return [str(value) for value in json.loads(text)]
