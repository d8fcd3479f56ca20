"""Which wordings the records of imported files show, and what they are read back as."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from newsreel.core.normalize import public_id_of
from newsreel.model.feed import Feed
from newsreel.model.legacy import LegacyRow, StoredLegacyRow
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.rows import identity_digest
from newsreel.store.rows import CONTENT_COLUMNS, content_of

BY_IDENTITY = """
    SELECT i.feed_id, i.identity_digest, i.entry_id, i.day
    FROM unnest(%b::bigint[], %b::bytea[]) w (feed_id, digest)
    JOIN identities i ON i.feed_id = w.feed_id AND i.identity_digest = w.digest
"""
BY_PUBLIC_ID = "SELECT public_id, entry_id, day FROM identities WHERE public_id = ANY(%b)"
WORDINGS = """
    SELECT entry_id, digest, id, day FROM revisions
    WHERE entry_id = ANY(%(ids)b) AND day = ANY(%(days)b) ORDER BY number DESC, reread DESC
"""
DAYS_OF_FEEDS = "SELECT DISTINCT day FROM identities WHERE feed_id = ANY(%b)"
BY_LINK = """
    SELECT i.feed_id, r.permalink, r.digest, r.entry_id, r.id, r.day
    FROM identities i JOIN revisions r ON r.entry_id = i.entry_id AND r.day = i.day
    WHERE i.feed_id = ANY(%(feed_ids)b) AND r.day = ANY(%(days)b)
      AND r.permalink = ANY(%(links)b) AND r.digest = ANY(%(digests)b)
    ORDER BY r.number DESC, r.reread DESC, r.entry_id DESC
"""
FIRST_URLS = "SELECT id, first_url FROM feeds WHERE id = ANY(%b)"
STORED = f"""
    SELECT e.feed_id, l.leftover, {CONTENT_COLUMNS} FROM legacy_rows l
    JOIN revisions r ON r.entry_id = l.entry_id AND r.day = l.day AND r.id = l.revision_id
    JOIN entries e ON e.id = l.entry_id AND e.day = l.day
    WHERE l.file_id = %(file_id)s AND e.withheld_at IS NULL
      AND r.day = ANY(%(days)s) AND e.day = ANY(%(days)s)
    ORDER BY l.ordinal
"""  # noqa: S608 - constants only
Place = tuple[int, int, str]
"""Where a wording lies: its entry, its own id, its day."""
_Home = tuple[int, str]
"""An entry and its day."""


def places_of(connection: Connection, records: Sequence[LegacyRow]) -> list[Place | None]:
    """Return where the wordings lie that records show; None where an entry was erased.

    An entry is found by its identity. If that has become a guid since, it has kept its public id;
    or an entry of a guid has the link.
    """
    if not records:
        return []
    places = _at(connection, records, _by_identity(connection, records))
    lost = [index for index, place in enumerate(places) if place is None]
    for find in (_by_public_id, _by_link):
        wanted = [records[index] for index in lost]
        if not wanted:
            break
        found = find(connection, wanted)
        for index, place in zip(lost, found, strict=True):
            places[index] = place
        lost = [index for index in lost if places[index] is None]
    return places


def _by_identity(connection: Connection, records: Sequence[LegacyRow]) -> list[_Home | None]:
    keys = [(record.feed_id, identity_digest(record.identity)) for record in records]
    columns = [list(column) for column in zip(*dict.fromkeys(keys), strict=True)]
    found = {row[:2]: row[2:] for row in connection.execute(BY_IDENTITY, columns)}
    return [found.get(key) for key in keys]


def _by_public_id(connection: Connection, records: Sequence[LegacyRow]) -> list[Place | None]:
    feed_ids = sorted({record.feed_id for record in records})
    first_urls = dict(connection.execute(FIRST_URLS, (feed_ids,)).fetchall())
    keys = [public_id_of(first_urls[record.feed_id], record.identity) for record in records]
    found = {row[0]: row[1:] for row in connection.execute(BY_PUBLIC_ID, (keys,))}
    return _at(connection, records, [found.get(key) for key in keys])


def _by_link(connection: Connection, records: Sequence[LegacyRow]) -> list[Place | None]:
    feed_ids = sorted({record.feed_id for record in records})
    days = [row[0] for row in connection.execute(DAYS_OF_FEEDS, (feed_ids,))]
    if not days:
        return [None] * len(records)
    values = {
        "feed_ids": feed_ids,
        "days": days,
        "links": sorted({record.identity for record in records}),
        "digests": sorted({record.digest for record in records}),
    }
    found = {row[:3]: row[3:] for row in connection.execute(BY_LINK, values)}
    return [found.get((record.feed_id, record.identity, record.digest)) for record in records]


def _at(
    connection: Connection, records: Sequence[LegacyRow], homes: Sequence[_Home | None]
) -> list[Place | None]:
    """Return where the wordings of these entries lie that records show."""
    known = {home[0]: home[1] for home in homes if home is not None}
    if not known:
        return [None] * len(records)
    values = {"ids": list(known), "days": sorted(set(known.values()))}
    found = {
        (entry_id, digest): (entry_id, revision_id, day)
        for entry_id, digest, revision_id, day in connection.execute(WORDINGS, values)
    }
    return [
        found.get((home[0], record.digest)) if home is not None else None
        for record, home in zip(records, homes, strict=True)
    ]


def stored_rows(connection: Connection, file_id: int) -> list[tuple[Any, ...]]:
    """Return a file's records: the feed's id, what is left over, and the wording."""
    query = "SELECT DISTINCT day FROM legacy_rows WHERE file_id = %s"
    days = [row[0] for row in connection.execute(query, (file_id,))]
    if not days:
        return []
    return connection.execute(STORED, {"file_id": file_id, "days": days}).fetchall()


def stored_row_of(row: tuple[Any, ...], feeds: Mapping[int, Feed]) -> StoredLegacyRow:
    """Return a record of a row of ``stored_rows``."""
    return StoredLegacyRow(
        feed=feeds[row[0]], content=content_of(row[2:]), leftover=json.loads(row[1])
    )
