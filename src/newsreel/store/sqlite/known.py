"""What the store knows of the keys of one reading."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from newsreel.core.normalize import DIGEST_VERSION, digest_of, public_id_of
from newsreel.formats.document import PARSER_VERSION
from newsreel.model.entry import Content, Sighting
from newsreel.model.feed import Feed, IdentityPolicy
from newsreel.model.poll import Known, KnownEntry
from newsreel.store.sqlite.rows import CONTENT_COLUMNS, content_of, dumps, known_moment

BY_IDENTITY = """
    SELECT id, identity, guid, revision_count, number, reread, digest, digest_version,
           parser_version, observed, seen_at
    FROM entries WHERE feed_id = ? AND identity IN (SELECT value FROM json_each(?))
"""
NEWEST = f"""
    SELECT r.entry_id, {CONTENT_COLUMNS} FROM revisions r JOIN entries e
    ON e.id = r.entry_id AND e.number = r.number AND e.reread = r.reread
    WHERE e.id IN (SELECT value FROM json_each(?))
"""  # noqa: S608 - constants only
WORDINGS = f"""
    SELECT r.entry_id, r.digest, r.digest_version, {CONTENT_COLUMNS} FROM revisions r
    WHERE r.entry_id IN (SELECT value FROM json_each(?))
"""  # noqa: S608 - constants only


def known_of(
    connection: sqlite3.Connection,
    feed: Feed,
    sightings: Sequence[Sighting],
    *,
    has_wordings: bool,
) -> Known:
    """Return what is known of the sightings' keys; one read transaction."""
    row = connection.execute(
        "SELECT window FROM feed_state WHERE feed_id = ?", (feed.id,)
    ).fetchone()
    identities = _identities(feed, sightings)
    rows = connection.execute(BY_IDENTITY, (feed.id, dumps(identities))).fetchall()
    is_by_link = any(
        sighting.identity == sighting.content.permalink and sighting.guid for sighting in sightings
    )
    stale = [
        row[0]
        for row in rows
        if (row[7], row[8]) != (DIGEST_VERSION, PARSER_VERSION) or is_by_link
    ]
    contents = _newest(connection, stale) if stale else {}
    wordings = _wordings(connection, [row[0] for row in rows]) if has_wordings and rows else {}
    entries = [_entry_of(row, contents, wordings) for row in rows]
    by_permalink = {}
    for entry in entries:
        if entry.guid is None:
            by_permalink[entry.identity] = entry
        elif is_by_link and entry.content and entry.content.permalink:
            by_permalink[entry.content.permalink] = entry
    return Known(
        by_identity={entry.identity: entry for entry in entries},
        by_permalink=by_permalink,
        erased=_erased(connection, feed, sightings),
        window=tuple(json.loads(row[0])) if row else (),
    )


def _identities(feed: Feed, sightings: Iterable[Sighting]) -> list[str]:
    """The keys, and what else the same entry may be stored under."""
    keys: dict[str, None] = {}
    for sighting in sightings:
        keys[sighting.identity] = None
        if sighting.content.permalink:
            keys[sighting.content.permalink] = None
        if sighting.guid and (
            feed.identity_policy is IdentityPolicy.LINK or sighting.identity != sighting.guid
        ):
            keys[sighting.guid] = None
    return list(keys)


def _newest(connection: sqlite3.Connection, entry_ids: list[int]) -> dict[int, Content]:
    return {row[0]: content_of(row[1:]) for row in connection.execute(NEWEST, (dumps(entry_ids),))}


def _wordings(connection: sqlite3.Connection, entry_ids: list[int]) -> dict[int, set[bytes]]:
    found: dict[int, set[bytes]] = {}
    for row in connection.execute(WORDINGS, (dumps(entry_ids),)):
        digest = row[1] if row[2] == DIGEST_VERSION else digest_of(content_of(row[3:]))
        found.setdefault(row[0], set()).add(digest)
    return found


def _entry_of(
    row: tuple[Any, ...], contents: dict[int, Content], wordings: dict[int, set[bytes]]
) -> KnownEntry:
    return KnownEntry(
        entry_id=row[0],
        identity=row[1],
        guid=row[2],
        count=row[3],
        number=row[4],
        reread=row[5],
        digest=row[6],
        digest_version=row[7],
        parser_version=row[8],
        observed=row[9],
        seen_at=known_moment(row[10]),
        content=contents.get(row[0]),
        wordings=frozenset(wordings.get(row[0], ())),
    )


def _erased(
    connection: sqlite3.Connection, feed: Feed, sightings: Sequence[Sighting]
) -> frozenset[str]:
    """The identities that must not come back, known by the public ids they would have."""
    query = "SELECT 1 FROM tombstones WHERE kind = 'erased' LIMIT 1"
    if connection.execute(query).fetchone() is None:
        return frozenset()
    ids: dict[str, str] = {}
    for sighting in sightings:
        for key in (sighting.identity, sighting.content.permalink):
            if key:
                ids[public_id_of(feed.first_url, key)] = sighting.identity
    query = (
        "SELECT id FROM tombstones "
        "WHERE kind = 'erased' AND id IN (SELECT value FROM json_each(?))"
    )
    return frozenset(ids[row[0]] for row in connection.execute(query, (dumps(list(ids)),)))
