"""Entries and tombstones in PostgreSQL."""

import json
from collections.abc import Collection, Iterable
from datetime import datetime

from newsreel.core.normalize import public_id_of
from newsreel.errors import UsageError
from newsreel.model.day import WriteReason
from newsreel.model.entry import Entry
from newsreel.model.poll import Tombstone
from newsreel.store.postgres.additions import LOCK_FEEDS, run_each
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.database import Database
from newsreel.store.postgres.dirt import mark_dirty
from newsreel.store.postgres.rows import entries_of
from newsreel.store.postgres.search_index import forget, index_entries, unindex_entries
from newsreel.store.protocols import TombstoneRecord
from newsreel.store.rows import dumps, known_moment, micros, moment

SHORTEST_ID = 6
# What stands in the feed was seen at its last poll, what does not at the last before it was lost.
LAST_SEEN = """
    WITH gone AS (
        SELECT max(l.id) AS id FROM polls l
        WHERE l.feed_id = %(feed_id)s AND l.lost IS NOT NULL
        AND l.lost::jsonb @> to_jsonb(%(id)s::bigint))
    SELECT max(p.polled_at) FROM polls p JOIN feed_state s ON s.feed_id = p.feed_id
    CROSS JOIN gone
    WHERE p.feed_id = %(feed_id)s AND p.outcome NOT IN ('failed', 'pushed')
      AND p.polled_at >= %(first_seen_at)s  -- what a hub pushed may never have stood in a poll
      AND (p.id < gone.id OR s."window"::jsonb @> to_jsonb(%(id)s::bigint))
"""
NEWEST = """
    SELECT entry_id, day FROM identities WHERE feed_id = %s
    ORDER BY day DESC FETCH FIRST %s ROWS WITH TIES
"""
BY_BEGINNING = "SELECT entry_id, day FROM identities WHERE public_id >= %s AND public_id < %s"
BY_PUBLIC_IDS = "SELECT entry_id, day, feed_id FROM identities WHERE public_id = ANY(%s)"
PLACED = """
    e.id = ANY(%(ids)s) AND e.day = ANY(%(days)s)
    AND r.entry_id = ANY(%(ids)s) AND r.day = ANY(%(days)s)
"""
LOCK_TOMBSTONES = "LOCK TABLE tombstones IN EXCLUSIVE MODE"
"""Waits for every save that may add what is buried, and keeps the next ones waiting."""
BURY = """
    INSERT INTO tombstones (id, public_id, kind, at, reason, is_private)
    VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE
    SET kind = excluded.kind, at = excluded.at, reason = excluded.reason
    WHERE tombstones.kind != 'erased'
"""
TOMBSTONES = """
    SELECT public_id, array_agg(id ORDER BY id), (array_agg(kind ORDER BY at DESC, id))[1],
           max(at), (array_agg(reason ORDER BY at DESC, id))[1],
           (array_agg(is_private ORDER BY at DESC, id))[1]
    FROM tombstones GROUP BY public_id ORDER BY max(at), public_id
"""
ERASE = (
    "DELETE FROM legacy_rows WHERE entry_id = %(id)s",
    "DELETE FROM observations WHERE entry_id = %(id)s",
    "DELETE FROM revisions WHERE entry_id = %(id)s AND day = %(day)s",
    "DELETE FROM entries WHERE id = %(id)s AND day = %(day)s",
    "DELETE FROM identities WHERE entry_id = %(id)s",
)
"""What is deleted of an entry, in this order."""
OTHERS_WITH_LINK = """
    SELECT 1 FROM identities i JOIN revisions r ON r.entry_id = i.entry_id AND r.day = i.day
    WHERE i.feed_id = %(feed_id)s AND i.entry_id != %(id)s AND r.day = ANY(%(days)s)
      AND r.permalink = %(link)s LIMIT 1
"""


class Entries:
    """The :class:`~newsreel.store.protocols.EntryStore` of PostgreSQL."""

    _db: Database

    async def entry(self, public_id: str) -> Entry | None:
        return await self._db.read(lambda connection: entry_by_id(connection, public_id))

    async def entries_of(self, feed_id: int, *, limit: int = 50) -> list[Entry]:
        def newest(connection: Connection) -> list[Entry]:
            places = connection.execute(NEWEST, (feed_id, limit)).fetchall()
            found = entries_at(connection, places)
            found.sort(key=lambda entry: (entry.day, entry.first_seen_at, entry.id), reverse=True)
            return found[:limit]

        return await self._db.read(newest)

    async def last_seen_at(self, entry: Entry) -> datetime | None:
        values = {
            "feed_id": entry.feed_id,
            "id": entry.id,
            "first_seen_at": micros(entry.first_seen_at),
        }

        def seen_at(connection: Connection) -> datetime | None:
            row = connection.execute(LAST_SEEN, values).fetchone()
            return moment(row[0]) if row else None

        return await self._db.read(seen_at)

    async def tombstone(
        self, public_id: str, kind: Tombstone, *, reason: str, now: datetime
    ) -> bool:
        def bury(connection: Connection) -> bool:
            entry = entry_by_id(connection, public_id)
            if entry is None:
                return False
            # Who saves something of its feed waits, or is done: what that adds is in the record.
            connection.execute(LOCK_FEEDS, ([entry.feed_id],))
            entry = entry_by_id(connection, entry.public_id)
            if entry is None:
                return False
            _bury(connection, _record(connection, entry, kind, reason, now), [entry])
            return True

        done = await self._db.write(bury)
        if done and kind is Tombstone.ERASED:
            await forget(self._db)
        return done

    async def tombstones(self) -> list[TombstoneRecord]:
        return await self._db.read(
            lambda connection: [
                TombstoneRecord(
                    public_id=row[0],
                    ids=tuple(row[1]),
                    kind=Tombstone(row[2]),
                    at=known_moment(row[3]),
                    reason=row[4],
                    is_private=bool(row[5]),
                )
                for row in connection.execute(TOMBSTONES)
            ]
        )

    async def restore_tombstones(self, records: Iterable[TombstoneRecord]) -> None:
        wanted = list(records)

        def restore(connection: Connection) -> None:
            ids = sorted({key for record in wanted for key in (record.public_id, *record.ids)})
            rows = connection.execute(BY_PUBLIC_IDS, (ids,)).fetchall()
            connection.execute(LOCK_FEEDS, (sorted({row[2] for row in rows}),))
            connection.execute(LOCK_TOMBSTONES)
            for record in wanted:
                named = [record.public_id, *record.ids]
                rows = connection.execute(BY_PUBLIC_IDS, (named,)).fetchall()
                _bury(connection, record, entries_at(connection, [row[:2] for row in rows]))

        if wanted:
            await self._db.write(restore)
        if any(record.kind is Tombstone.ERASED for record in wanted):
            await forget(self._db)


def entry_by_id(connection: Connection, public_id: str) -> Entry | None:
    """Return one entry by its public id, or an unambiguous beginning."""
    wanted = public_id.strip().lower()
    if len(wanted) < SHORTEST_ID or not set(wanted) <= set("0123456789abcdef"):
        return None
    places = connection.execute(BY_BEGINNING, (wanted, wanted + "g")).fetchall()
    if len(places) > 1:
        raise UsageError(
            f"{len(places)} entries begin with {public_id!r}",
            hint="give more digits of the entry's id",
        )
    found = entries_at(connection, places)
    return found[0] if found else None


def entries_at(connection: Connection, places: Collection[tuple[int, str]]) -> list[Entry]:
    """Return entries by their ids and days."""
    if not places:
        return []
    ids, days = zip(*places, strict=True)
    values = {"ids": list(ids), "days": sorted(set(days))}
    return entries_of(connection, PLACED, values)


def _record(
    connection: Connection, entry: Entry, kind: Tombstone, reason: str, now: datetime
) -> TombstoneRecord:
    query = "SELECT first_url, is_private FROM feeds WHERE id = %s"
    row = connection.execute(query, (entry.feed_id,)).fetchone()
    if row is None:
        raise LookupError(entry.feed_id)
    links = {revision.content.permalink for revision in entry.revisions}
    keys = [entry.identity, *(link for link in links if link and _is_own(connection, entry, link))]
    return TombstoneRecord(
        public_id=entry.public_id,
        ids=tuple(sorted({entry.public_id, *(public_id_of(row[0], key) for key in keys)})),
        kind=kind,
        at=now,
        reason=reason,
        is_private=bool(row[1]),
    )


def _is_own(connection: Connection, entry: Entry, link: str) -> bool:
    """Tell whether no other entry of the feed has this link, which would go with this one."""
    query = "SELECT DISTINCT day FROM identities WHERE feed_id = %s"
    days = [row[0] for row in connection.execute(query, (entry.feed_id,))]
    values = {"feed_id": entry.feed_id, "id": entry.id, "days": days, "link": link}
    return connection.execute(OTHERS_WITH_LINK, values).fetchone() is None


def _bury(connection: Connection, record: TombstoneRecord, entries: Iterable[Entry]) -> None:
    """Write a tombstone and carry it out; an erasure is never weakened to a withholding."""
    rows = [
        (
            key,
            record.public_id,
            record.kind,
            micros(record.at),
            record.reason,
            int(record.is_private),
        )
        for key in sorted({record.public_id, *record.ids})
    ]
    run_each(connection, BURY, rows)
    is_erased = record.kind is Tombstone.ERASED
    for entry in entries:
        if is_erased:
            _erase(connection, entry)
        else:
            _withhold(connection, entry, micros(record.at))
        reason = WriteReason.ERASED if is_erased else WriteReason.WITHHELD
        mark_dirty(connection, entry.day, entry.feed_id, reason)


def _erase(connection: Connection, entry: Entry) -> None:
    unindex_entries(connection, [entry.id])
    values = {"id": entry.id, "day": entry.day.isoformat()}
    for statement in ERASE:
        connection.execute(statement, values)
    query = 'SELECT "window" FROM feed_state WHERE feed_id = %s'
    row = connection.execute(query, (entry.feed_id,)).fetchone() or ("[]",)
    window = [entry_id for entry_id in json.loads(row[0]) if entry_id != entry.id]
    connection.execute(
        'UPDATE feed_state SET entry_count = entry_count - 1, "window" = %s WHERE feed_id = %s',
        (dumps(window), entry.feed_id),
    )


def _withhold(connection: Connection, entry: Entry, at: int | None) -> None:
    connection.execute(
        "UPDATE entries SET withheld_at = %s WHERE id = %s AND day = %s",
        (at, entry.id, entry.day.isoformat()),
    )
    index_entries(connection, [entry.id])
