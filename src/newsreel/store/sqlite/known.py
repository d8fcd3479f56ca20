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
from newsreel.store.rows import CONTENT_COLUMNS, content_of, dumps, known_moment

COLUMNS = """
    id, identity, guid, revision_count, number, reread, digest, digest_version, parser_version,
    observed, seen_at
"""
BY_IDENTITY = f"""
    SELECT {COLUMNS} FROM entries
    WHERE feed_id = ? AND identity IN (SELECT value FROM json_each(?))
"""  # noqa: S608 - constants only
BY_PUBLIC_ID = f"""
    SELECT {COLUMNS}, public_id FROM entries
    WHERE feed_id = ? AND public_id IN (SELECT value FROM json_each(?))
"""  # noqa: S608 - constants only
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
    query = "SELECT window FROM feed_state WHERE feed_id = ?"
    window = connection.execute(query, (feed.id,)).fetchone()
    keys = dumps(_identities(feed, sightings))
    rows = {row[0]: row for row in connection.execute(BY_IDENTITY, (feed.id, keys))}
    stored = {row[1] for row in rows.values()}
    former = _former(connection, feed, [s for s in sightings if s.identity not in stored])
    rows |= {row[0]: row for row in former.values()}
    is_by_link = any(map(_is_by_link, sightings))
    stale = [
        row[0]
        for row in rows.values()
        if (row[7], row[8]) != (DIGEST_VERSION, PARSER_VERSION) or is_by_link
    ]
    contents = _newest(connection, stale) if stale else {}
    wordings = _wordings(connection, list(rows)) if has_wordings and rows else {}
    entries = {key: _entry_of(row, contents, wordings) for key, row in rows.items()}
    by_permalink = {}
    for entry in entries.values():
        if entry.guid is None:
            by_permalink[entry.identity] = entry
        elif is_by_link and entry.content and entry.content.permalink:
            by_permalink[entry.content.permalink] = entry
    return Known(
        by_identity={identity: entries[row[0]] for identity, row in former.items()}
        | {entry.identity: entry for entry in entries.values()},
        by_permalink=by_permalink,
        erased=_erased(connection, feed, [s for s in sightings if s.identity not in stored]),
        window=tuple(json.loads(window[0])) if window else (),
    )


def _is_by_link(sighting: Sighting) -> bool:
    """Tell whether the link is its identity although it has a guid."""
    return sighting.guid is not None and sighting.identity == sighting.content.permalink != (
        sighting.guid
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


def _former(
    connection: sqlite3.Connection, feed: Feed, sightings: Iterable[Sighting]
) -> dict[str, tuple[Any, ...]]:
    """The entries that had these identities and took another: they kept their public ids."""
    ids = {public_id_of(feed.first_url, found.identity): found.identity for found in sightings}
    if not ids:
        return {}
    found = connection.execute(BY_PUBLIC_ID, (feed.id, dumps(list(ids))))
    return {ids[row[-1]]: row[:-1] for row in found}


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
    ids: dict[str, list[str]] = {}
    for sighting in sightings:
        for key in (sighting.identity, sighting.content.permalink):
            if key:
                ids.setdefault(public_id_of(feed.first_url, key), []).append(sighting.identity)
    query = (
        "SELECT id FROM tombstones "
        "WHERE kind = 'erased' AND id IN (SELECT value FROM json_each(?))"
    )
    rows = connection.execute(query, (dumps(list(ids)),))
    return frozenset(identity for row in rows for identity in ids[row[0]])
