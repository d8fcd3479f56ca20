"""What the store knows of the keys of one reading.

Identities tell the days of their entries, so that only those partitions are read; what does not
hang on one another is asked for at once.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from newsreel.core.normalize import DIGEST_VERSION, digest_of, public_id_of
from newsreel.formats.document import PARSER_VERSION
from newsreel.model.entry import Content, Sighting
from newsreel.model.feed import Feed, IdentityPolicy
from newsreel.model.poll import Known, KnownEntry
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.rows import identity_digest
from newsreel.store.rows import CONTENT_COLUMNS, content_of, known_moment

WINDOW = 'SELECT "window" FROM feed_state WHERE feed_id = %s'
ANY_ERASED = "SELECT EXISTS (SELECT 1 FROM tombstones WHERE kind = 'erased')"
BY_IDENTITY = """
    SELECT entry_id, day FROM identities WHERE feed_id = %s AND identity_digest = ANY(%b)
"""
BY_PUBLIC_ID = """
    SELECT entry_id, day, public_id FROM identities
    WHERE public_id = ANY(%(public_ids)b) AND feed_id = %(feed_id)s
"""
ERASED = "SELECT id FROM tombstones WHERE kind = 'erased' AND id = ANY(%b)"
ENTRIES = """
    SELECT id, identity, guid, revision_count, number, reread, digest, digest_version,
           parser_version, observed, seen_at
    FROM entries WHERE id = ANY(%(ids)b) AND day = ANY(%(days)b) ORDER BY identity
"""
NEWEST = f"""
    SELECT r.entry_id, {CONTENT_COLUMNS} FROM revisions r JOIN entries e
    ON e.id = r.entry_id AND e.number = r.number AND e.reread = r.reread
    WHERE e.id = ANY(%(ids)b) AND e.day = ANY(%(days)b)
      AND r.entry_id = ANY(%(ids)b) AND r.day = ANY(%(days)b)
"""  # noqa: S608 - constants only
WORDINGS = f"""
    SELECT r.entry_id, r.digest, r.digest_version, {CONTENT_COLUMNS} FROM revisions r
    WHERE r.entry_id = ANY(%(ids)b) AND r.day = ANY(%(days)b) AND r.digest_version != %(version)s
"""  # noqa: S608 - constants only
DIGESTS = """
    SELECT r.entry_id, r.digest FROM revisions r
    WHERE r.entry_id = ANY(%(ids)b) AND r.day = ANY(%(days)b) AND r.digest_version = %(version)s
"""


def known_of(
    connection: Connection,
    feed: Feed,
    sightings: Sequence[Sighting],
    *,
    has_wordings: bool,
) -> Known:
    """Return what is known of the sightings' keys; one read transaction."""
    with connection.pipeline():
        window_rows = connection.execute(WINDOW, (feed.id,))
        any_erased = connection.execute(ANY_ERASED)
        digests = list(map(identity_digest, _identities(feed, sightings)))
        places = connection.execute(BY_IDENTITY, (feed.id, digests))
    window = window_rows.fetchone()
    days = dict(places.fetchall())
    rows = {row[0]: row for row in _entries(connection, days)}
    stored = {row[1] for row in rows.values()}
    strange = [found for found in sightings if found.identity not in stored]
    has_erased = (any_erased.fetchone() or (True,))[0]
    erased = _erased(connection, feed, strange) if has_erased else frozenset()
    former = _former(connection, feed, strange, days)
    rows |= {row[0]: row for row in former.values()}
    is_by_link = any(map(_is_by_link, sightings))
    stale = [
        row[0]
        for row in rows.values()
        if (row[7], row[8]) != (DIGEST_VERSION, PARSER_VERSION) or is_by_link
    ]
    contents = _newest(connection, stale, days) if stale else {}
    wordings = _wordings(connection, list(rows), days) if has_wordings and rows else {}
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
        erased=erased,
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


def _entries(connection: Connection, days: dict[int, str]) -> list[tuple[Any, ...]]:
    return connection.execute(ENTRIES, _places(days, days)).fetchall() if days else []


def _places(entry_ids: Iterable[int], days: dict[int, str]) -> dict[str, Any]:
    """The parameters that name entries and the days they lie in."""
    ids = list(entry_ids)
    return {"ids": ids, "days": sorted({days[entry_id] for entry_id in ids})}


def _former(
    connection: Connection, feed: Feed, sightings: Iterable[Sighting], days: dict[int, str]
) -> dict[str, tuple[Any, ...]]:
    """The entries that had these identities and took another: they kept their public ids."""
    ids = {public_id_of(feed.first_url, found.identity): found.identity for found in sightings}
    if not ids:
        return {}
    values = {"feed_id": feed.id, "public_ids": list(ids)}
    found = {row[0]: row[1:] for row in connection.execute(BY_PUBLIC_ID, values)}
    former = {entry_id: day for entry_id, (day, _) in found.items()}
    days |= former
    return {ids[found[row[0]][1]]: row for row in _entries(connection, former)}


def _newest(
    connection: Connection, entry_ids: list[int], days: dict[int, str]
) -> dict[int, Content]:
    rows = connection.execute(NEWEST, _places(entry_ids, days))
    return {row[0]: content_of(row[1:]) for row in rows}


def _wordings(
    connection: Connection, entry_ids: list[int], days: dict[int, str]
) -> dict[int, set[bytes]]:
    values = _places(entry_ids, days) | {"version": DIGEST_VERSION}
    with connection.pipeline():
        digests = connection.execute(DIGESTS, values)
        outdated = connection.execute(WORDINGS, values)
    found: dict[int, set[bytes]] = {}
    for entry_id, digest in digests:
        found.setdefault(entry_id, set()).add(digest)
    for row in outdated:
        found.setdefault(row[0], set()).add(digest_of(content_of(row[3:])))
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


def _erased(connection: Connection, feed: Feed, sightings: Iterable[Sighting]) -> frozenset[str]:
    """The identities that must not come back, known by the public ids they would have."""
    ids: dict[str, list[str]] = {}
    for sighting in sightings:
        for key in (sighting.identity, sighting.content.permalink):
            if key:
                ids.setdefault(public_id_of(feed.first_url, key), []).append(sighting.identity)
    rows = connection.execute(ERASED, (list(ids),))
    return frozenset(identity for row in rows for identity in ids[row[0]])
