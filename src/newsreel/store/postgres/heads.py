"""How stored entries stand: what is there when something is added to them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from newsreel.core.normalize import DIGEST_VERSION
from newsreel.model.poll import Adoption, NewEntry
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.rows import identity_digest

DAYS = "SELECT entry_id, day FROM identities WHERE entry_id = ANY(%b)"
HEADS = """
    SELECT id, day, revision_count, number, reread, seen_at, digest, digest_version,
           parser_version, observed
    FROM entries WHERE id = ANY(%(ids)b) AND day = ANY(%(days)b)
"""
DIGESTS = """
    SELECT entry_id, digest FROM revisions
    WHERE entry_id = ANY(%(ids)b) AND day = ANY(%(days)b) AND digest_version = %(version)s
"""
MET = """
    SELECT entry_id, day, identity_digest, public_id FROM identities
    WHERE feed_id = %s AND (identity_digest = ANY(%b) OR public_id = ANY(%b))
"""
RENEW = """
    UPDATE entries SET revision_count = %s, number = %s, reread = %s, seen_at = %s, digest = %s,
                       digest_version = %s, parser_version = %s, observed = %s
    WHERE id = %s AND day = %s
"""
ADOPT = """
    WITH taken AS (
        UPDATE identities SET identity_digest = %(digest)s
        WHERE entry_id = %(entry_id)s AND NOT EXISTS (
            SELECT 1 FROM identities o WHERE o.feed_id = %(feed_id)s
            AND o.identity_digest = %(digest)s AND o.entry_id != %(entry_id)s)
        RETURNING entry_id)
    UPDATE entries SET identity = %(identity)s, guid = %(guid)s
    WHERE id = %(entry_id)s AND day = %(day)s AND EXISTS (SELECT 1 FROM taken)
"""
"""Gives an entry another identity, unless another entry has it."""


@dataclass(slots=True)
class Head:
    """An entry's newest wording as it was last read; ``is_changed``: it is to be written."""

    entry_id: int
    day: str
    count: int
    number: int
    reread: int
    seen_at: int
    digest: bytes
    digest_version: int
    parser_version: int
    observed: bytes
    is_changed: bool = False

    @property
    def renewal(self) -> tuple[Any, ...]:
        """The parameters of ``RENEW``."""
        return (
            self.count,
            self.number,
            self.reread,
            self.seen_at,
            self.digest,
            self.digest_version,
            self.parser_version,
            self.observed,
            self.entry_id,
            self.day,
        )


def heads_of(connection: Connection, days: Mapping[int, str]) -> dict[int, Head]:
    """Return how entries stand, by id; ``days`` gives the day of each."""
    if not days:
        return {}
    values = {"ids": list(days), "days": sorted(set(days.values()))}
    return {row[0]: Head(*row) for row in connection.execute(HEADS, values)}


def digests_of(connection: Connection, heads: Iterable[Head]) -> dict[int, set[bytes]]:
    """Return the digests of all wordings of entries."""
    days = {head.entry_id: head.day for head in heads}
    found: dict[int, set[bytes]] = {entry_id: set() for entry_id in days}
    if days:
        values = {
            "ids": list(days),
            "days": sorted(set(days.values())),
            "version": DIGEST_VERSION,
        }
        for entry_id, digest in connection.execute(DIGESTS, values):
            found[entry_id].add(digest)
    return found


def met_by(
    connection: Connection, feed_id: int, entries: Sequence[NewEntry]
) -> tuple[dict[int, NewEntry], dict[int, str]]:
    """Return the stored entries that these would be, by id, and their days."""
    by_digest = {identity_digest(new.sighting.identity): new for new in entries}
    by_public_id = {new.public_id: new for new in entries}
    values = (feed_id, list(by_digest), list(by_public_id))
    rows = connection.execute(MET, values).fetchall()
    found = {row[0]: by_digest.get(row[2]) or by_public_id[row[3]] for row in rows}
    return found, {row[0]: row[1] for row in rows}


def adopted(
    adoptions: Iterable[Adoption], feed_id: int, heads: Mapping[int, Head]
) -> list[dict[str, Any]]:
    """Return the parameters of ``ADOPT``, for those entries that are there."""
    return [
        {
            "feed_id": feed_id,
            "entry_id": adoption.entry_id,
            "day": heads[adoption.entry_id].day,
            "digest": identity_digest(adoption.identity),
            "identity": adoption.identity,
            "guid": adoption.guid,
        }
        for adoption in adoptions
        if adoption.entry_id in heads
    ]
