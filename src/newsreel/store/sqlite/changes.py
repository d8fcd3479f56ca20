"""What a poll or an import changes, written in one transaction with it."""

import sqlite3
from datetime import datetime

from newsreel.core.normalize import DIGEST_VERSION, public_id_of
from newsreel.core.revise import IMPORT_PARSER
from newsreel.formats.document import PARSER_VERSION
from newsreel.model.day import WriteReason
from newsreel.model.entry import Revision, Sighting
from newsreel.model.feed import Feed
from newsreel.model.poll import Changes, NewEntry, NewRevision, Reread
from newsreel.store.sqlite.dirt import mark_dirty
from newsreel.store.sqlite.rows import INSERT_WORDING, dumps, micros, observed_text, revision_row

INSERT_ENTRY = """
    INSERT INTO entries (feed_id, identity, guid, public_id, day, first_seen_at, seen_at, digest,
                         digest_version, parser_version, observed, withheld_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
            (SELECT max(at) FROM tombstones WHERE id IN (?, ?) AND kind = 'withheld'))
    ON CONFLICT (feed_id, identity) DO NOTHING RETURNING id
"""
RENEW = """
    UPDATE entries SET revision_count = max(revision_count, :number), number = :number,
                       reread = :reread, seen_at = :seen_at, digest = :digest,
                       digest_version = :digest_version, parser_version = :parser_version,
                       observed = :observed
    WHERE id = :id
"""
COUNT = "UPDATE entries SET revision_count = max(revision_count, ?) WHERE id = ?"


def save_changes(
    connection: sqlite3.Connection,
    feed: Feed,
    changes: Changes,
    *,
    capture: bytes | None,
    is_import: bool = False,
) -> None:
    """Write what changed. A poll leaves a new window and makes days dirty, an import does not."""
    writer = _Writer(connection, feed, capture, IMPORT_PARSER if is_import else PARSER_VERSION)
    for new in changes.new:
        writer.add(new)
    for revision in changes.revised:
        writer.revise(revision)
    for reread in changes.rereads:
        writer.reread(reread)
    for observation in changes.observations:
        writer.observe(observation.entry_id, observation.sighting)
    for adoption in changes.adoptions:
        connection.execute(
            "UPDATE OR IGNORE entries SET identity = ?, guid = ? WHERE id = ?",
            (adoption.identity, adoption.guid, adoption.entry_id),
        )
    query = "UPDATE feed_state SET entry_count = entry_count + ? WHERE feed_id = ?"
    connection.execute(query, (len(writer.ids), feed.id))
    if not is_import:
        window = dumps([*writer.ids.values(), *changes.seen])
        query = "UPDATE feed_state SET window = ? WHERE feed_id = ?"
        connection.execute(query, (window, feed.id))
        writer.mark()


class _Writer:
    """Writes one feed's changes and collects which days they touch."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        feed: Feed,
        capture: bytes | None,
        parser_version: int,
    ) -> None:
        self._connection = connection
        self._feed = feed
        self._capture = capture
        self._parser_version = parser_version
        self._days: dict[tuple[str, WriteReason], None] = {}
        self.ids: dict[str, int] = {}

    def add(self, new: NewEntry) -> None:
        sighting, day = new.sighting, new.day.isoformat()
        row = (
            self._feed.id,
            sighting.identity,
            sighting.guid,
            new.public_id,
            day,
            micros(new.first_seen_at),
            micros(new.first_seen_at),
            sighting.digest,
            DIGEST_VERSION,
            self._parser_version,
            sighting.observed,
            new.public_id,
            public_id_of(self._feed.first_url, sighting.content.permalink or ""),
        )
        found = self._connection.execute(INSERT_ENTRY, row).fetchone()
        if found is None:
            return
        self.ids[sighting.identity] = found[0]
        self._add_wording(found[0], 1, 0, sighting, new.first_seen_at, new.absent_at)
        is_late = day < new.first_seen_at.date().isoformat()
        self._days[day, WriteReason.LATE_ENTRIES if is_late else WriteReason.NEW] = None

    def revise(self, new: NewRevision) -> None:
        entry_id = new.entry_id or self.ids[new.sighting.identity]
        self._add_wording(entry_id, new.number, 0, new.sighting, new.seen_at, new.absent_at)
        if new.is_latest:
            self._renew(entry_id, new.number, 0, new.sighting, new.seen_at)
        else:
            self._connection.execute(COUNT, (new.number, entry_id))
        self._touch(entry_id, WriteReason.REVISION)

    def reread(self, new: Reread) -> None:
        number = new.reread if not new.is_same else new.reread - 1
        if not new.is_same:
            self._add_wording(new.entry_id, new.number, number, new.sighting, new.seen_at, None)
            self._touch(new.entry_id, WriteReason.REREAD)
        query = "SELECT seen_at FROM entries WHERE id = ?"
        seen_at = self._connection.execute(query, (new.entry_id,)).fetchone()[0]
        self._renew(
            new.entry_id, new.number, number, new.sighting, seen_at if new.is_same else new.seen_at
        )

    def observe(self, entry_id: int, sighting: Sighting) -> None:
        at = micros(self._feed.last_poll_at)
        self._connection.execute(
            "INSERT INTO observations (entry_id, seen_at, observed) VALUES (?, ?, ?)",
            (entry_id, at, observed_text(sighting)),
        )
        self._connection.execute(
            "UPDATE entries SET observed = ? WHERE id = ?", (sighting.observed, entry_id)
        )

    def mark(self) -> None:
        for day, reason in self._days:
            mark_dirty(self._connection, day, self._feed.id, reason)

    def _touch(self, entry_id: int, reason: WriteReason) -> None:
        query = "SELECT day FROM entries WHERE id = ?"
        self._days[self._connection.execute(query, (entry_id,)).fetchone()[0], reason] = None

    def _add_wording(
        self,
        entry_id: int,
        number: int,
        reread: int,
        sighting: Sighting,
        seen_at: datetime,
        absent_at: datetime | None,
    ) -> None:
        revision = Revision(
            number=number,
            reread=reread,
            seen_at=seen_at,
            absent_at=absent_at,
            capture=self._capture,
            content=sighting.content,
            digest=sighting.digest,
            digest_version=DIGEST_VERSION,
            parser_version=self._parser_version,
            doubts=sighting.doubts,
        )
        self._connection.execute(INSERT_WORDING, revision_row(entry_id, revision))

    def _renew(
        self, entry_id: int, number: int, reread: int, sighting: Sighting, seen_at: datetime | int
    ) -> None:
        self._connection.execute(
            RENEW,
            {
                "id": entry_id,
                "number": number,
                "reread": reread,
                "seen_at": seen_at if isinstance(seen_at, int) else micros(seen_at),
                "digest": sighting.digest,
                "digest_version": DIGEST_VERSION,
                "parser_version": self._parser_version,
                "observed": sighting.observed,
            },
        )
