"""What a poll or an import changes, written in one transaction with it."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from newsreel.core.normalize import DIGEST_VERSION, public_id_of
from newsreel.core.revise import IMPORT_PARSER
from newsreel.core.searchable import Searchable, moment_of, searchable_of
from newsreel.formats.document import PARSER_VERSION
from newsreel.model.day import WriteReason
from newsreel.model.entry import Sighting
from newsreel.model.feed import Feed
from newsreel.model.poll import Changes, NewEntry, NewRevision, Reread, Tombstone
from newsreel.store.rows import dumps, known_micros, micros, observed_text, sighting_row
from newsreel.store.sqlite.bulk import insert_rows
from newsreel.store.sqlite.dirt import mark_all_dirty
from newsreel.store.sqlite.rows import INSERT_WORDING
from newsreel.store.sqlite.search_index import EntryRows, index_entries, index_new

INSERT_ENTRY = """
    INSERT INTO entries (id, feed_id, identity, guid, public_id, day, first_seen_at, seen_at,
                         digest, digest_version, parser_version, observed, withheld_at)
    VALUES {}
    ON CONFLICT (feed_id, identity) DO NOTHING
"""
ANY_TOMBSTONE = "SELECT 1 FROM tombstones LIMIT 1"
TOMBSTONES = "SELECT id, kind, at FROM tombstones WHERE id IN (SELECT value FROM json_each(?))"
RENEW = """
    UPDATE entries SET revision_count = max(revision_count, :number), number = :number,
                       reread = :reread, seen_at = :seen_at, digest = :digest,
                       digest_version = :digest_version, parser_version = :parser_version,
                       observed = :observed
    WHERE id = :id
"""
HEAD = "SELECT day, revision_count, number, reread, seen_at FROM entries WHERE id = ?"
STANDING = "SELECT id, seen_at FROM entries WHERE feed_id = ? AND identity = ?"
HAS_HAD = "SELECT 1 FROM revisions WHERE entry_id = ? AND digest = ?"
COUNT = "UPDATE entries SET revision_count = max(revision_count, ?) WHERE id = ?"
NOTHING_READ: Mapping[str, Searchable] = MappingProxyType({})


def searchable_in(feed: Feed, changes: Changes) -> dict[str, Searchable]:
    """Return what is searched of new entries: it takes longer to find out than to store."""
    return {
        new.sighting.identity: searchable_of(
            new.sighting.content, url=feed.url, language=feed.language
        )
        for new in changes.new
    }


def save_changes(
    connection: sqlite3.Connection,
    feed: Feed,
    changes: Changes,
    *,
    capture: bytes | None,
    is_import: bool = False,
    is_poll: bool = True,
    is_push: bool = False,
    searchable: Mapping[str, Searchable] = NOTHING_READ,
) -> None:
    """Write what changed; ``searchable`` is what is searched of new entries, by identity.

    A poll leaves a new window and makes days dirty; an import does neither, a capture that is read
    again (``is_poll`` False) leaves the window alone, and what is new in a push joins it.
    """
    writer = _Writer(connection, feed, capture, IMPORT_PARSER if is_import else PARSER_VERSION)
    writer.add(changes.new)
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
    index_new(connection, writer.found(searchable))
    index_entries(connection, {*writer.ids.values(), *writer.reworded} - writer.indexed)
    if writer.ids:
        query = "UPDATE feed_state SET entry_count = entry_count + ? WHERE feed_id = ?"
        connection.execute(query, (len(writer.ids), feed.id))
    if is_poll and not is_import:
        window = [*writer.ids.values(), *changes.seen]
        if is_push:
            query = "SELECT window FROM feed_state WHERE feed_id = ?"
            former = json.loads(connection.execute(query, (feed.id,)).fetchone()[0])
            window = [*writer.ids.values(), *former]  # the rest may have left the feed long ago
        query = "UPDATE feed_state SET window = ? WHERE feed_id = ?"
        connection.execute(query, (dumps(window), feed.id))
    if not is_import:
        writer.mark()


class _Writer:
    """Writes one feed's changes and collects which days they touch.

    Since these were worked out, an entry may have been erased, or an import may have added to it:
    what is gone stays so, and numbers go on from those that are there.
    """

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
        self.reworded: set[int] = set()
        self.indexed: set[int] = set()
        self._new: dict[int, NewEntry] = {}
        self._met: dict[str, int] = {}

    def add(self, entries: Sequence[NewEntry]) -> None:
        """Add entries, all at once; one that was erased stays away."""
        buried = self._buried(entries)
        erased = {key for key, (kind, _) in buried.items() if kind == Tombstone.ERASED}
        wanted = (
            [new for new in entries if not erased & self._public_ids(new)] if erased else entries
        )
        if not wanted:
            return
        first = self._connection.execute(
            "SELECT coalesce(max(id), 0) + 1 FROM entries"
        ).fetchone()[0]
        rows = [self._row(first + offset, new, buried) for offset, new in enumerate(wanted)]
        count = insert_rows(self._connection, INSERT_ENTRY, rows)
        added = dict(enumerate(wanted, first))
        met: list[NewEntry] = []
        if count < len(rows):  # an import was faster with some
            query = "SELECT id FROM entries WHERE id >= ?"
            kept = {row[0] for row in self._connection.execute(query, (first,))}
            met = [new for entry_id, new in added.items() if entry_id not in kept]
            added = {entry_id: new for entry_id, new in added.items() if entry_id in kept}
        wordings = [self._first_wording(entry_id, new) for entry_id, new in added.items()]
        insert_rows(self._connection, INSERT_WORDING, wordings)
        if not buried:
            self._new = added
        for entry_id, new in added.items():
            self.ids[new.sighting.identity] = entry_id
            is_late = new.day < new.first_seen_at.date()
            reason = WriteReason.LATE_ENTRIES if is_late else WriteReason.NEW
            self._days[new.day.isoformat(), reason] = None
        for new in met:
            self._meet(new)

    def _meet(self, new: NewEntry) -> None:
        """Another was faster with this entry: what it lacks joins it."""
        found = self._connection.execute(STANDING, (self._feed.id, new.sighting.identity))
        for entry_id, seen_at in found.fetchall():  # else its public id is another's
            self._met[new.sighting.identity] = entry_id
            self.revise(
                NewRevision(
                    entry_id=entry_id,
                    number=0,
                    sighting=new.sighting,
                    seen_at=new.first_seen_at,
                    absent_at=new.absent_at,
                    is_latest=known_micros(new.first_seen_at) >= seen_at,
                )
            )

    def found(self, searchable: Mapping[str, Searchable]) -> list[EntryRows]:
        """Return the rows of new entries of one wording, as far as it is known what they hold."""
        known = {
            entry_id: new
            for entry_id, new in self._new.items()
            if new.sighting.identity in searchable and entry_id not in self.reworded
        }
        if not known:
            return []
        self.indexed.update(known)
        query = "SELECT entry_id, id FROM revisions WHERE entry_id BETWEEN ? AND ?"
        revisions = self._connection.execute(query, (min(known), max(known)))
        return [
            EntryRows(
                entry_id=entry_id,
                feed_id=self._feed.id,
                moment=moment_of(
                    new.day,
                    published_at=new.sighting.content.published_at,
                    first_seen_at=new.first_seen_at,
                ),
                day=new.day,
                wanted=[revision_id],
                readings={revision_id: searchable[new.sighting.identity]},
            )
            for entry_id, revision_id in revisions
            if (new := known.get(entry_id)) is not None
        ]

    def _row(
        self, entry_id: int, new: NewEntry, buried: Mapping[str, tuple[str, int]]
    ) -> tuple[Any, ...]:
        sighting, seen_at = new.sighting, micros(new.first_seen_at)
        sealed = (
            [buried[key][1] for key in self._public_ids(new) if key in buried] if buried else []
        )
        return (
            entry_id,
            self._feed.id,
            sighting.identity,
            sighting.guid,
            new.public_id,
            new.day.isoformat(),
            seen_at,
            seen_at,
            sighting.digest,
            DIGEST_VERSION,
            self._parser_version,
            sighting.observed,
            max(sealed, default=None),
        )

    def _first_wording(self, entry_id: int, new: NewEntry) -> tuple[Any, ...]:
        return self._wording(entry_id, 1, 0, new.sighting, new.first_seen_at, new.absent_at)

    def _buried(self, entries: Sequence[NewEntry]) -> dict[str, tuple[str, int]]:
        """The tombstones that these entries might lie under; mostly there is none at all."""
        if not entries or not self._connection.execute(ANY_TOMBSTONE).fetchone():
            return {}
        ids = sorted(set().union(*map(self._public_ids, entries)))
        rows = self._connection.execute(TOMBSTONES, (dumps(ids),))
        return {row[0]: (row[1], row[2]) for row in rows}

    def _public_ids(self, new: NewEntry) -> set[str]:
        link = new.sighting.content.permalink
        return (
            {new.public_id, public_id_of(self._feed.first_url, link)} if link else {new.public_id}
        )

    def revise(self, new: NewRevision) -> None:
        """Add a wording to an entry; a file brings none that the entry has had."""
        identity, digest = new.sighting.identity, new.sighting.digest
        entry_id = new.entry_id or self.ids.get(identity) or self._met.get(identity, 0)
        found = self._connection.execute(HEAD, (entry_id,)).fetchone()
        if found is None:
            return
        is_from_file = self._parser_version == IMPORT_PARSER or entry_id in self._met.values()
        if is_from_file and self._connection.execute(HAS_HAD, (entry_id, digest)).fetchone():
            return
        number = max(new.number, found[1] + 1)
        self._add_wording(entry_id, number, 0, new.sighting, new.seen_at, new.absent_at)
        if new.is_latest:
            self._renew(entry_id, number, 0, new.sighting, new.seen_at)
        else:
            self._connection.execute(COUNT, (number, entry_id))
        self._days[found[0], WriteReason.REVISION] = None

    def reread(self, new: Reread) -> None:
        found = self._connection.execute(HEAD, (new.entry_id,)).fetchone()
        if found is None or found[2:4] != (new.number, new.reread - 1):
            return
        if new.is_same:
            self._renew(new.entry_id, new.number, new.reread - 1, new.sighting, found[4])
            return
        self._add_wording(new.entry_id, new.number, new.reread, new.sighting, new.seen_at, None)
        self._renew(new.entry_id, new.number, new.reread, new.sighting, new.seen_at)
        self._days[found[0], WriteReason.REREAD] = None

    def observe(self, entry_id: int, sighting: Sighting) -> None:
        query = "UPDATE entries SET observed = ? WHERE id = ?"
        if not self._connection.execute(query, (sighting.observed, entry_id)).rowcount:
            return
        self._connection.execute(
            "INSERT INTO observations (entry_id, seen_at, observed) VALUES (?, ?, ?)",
            (entry_id, micros(self._feed.last_poll_at), observed_text(sighting)),
        )

    def mark(self) -> None:
        mark_all_dirty(self._connection, self._feed.id, self._days)

    def _add_wording(
        self,
        entry_id: int,
        number: int,
        reread: int,
        sighting: Sighting,
        seen_at: datetime,
        absent_at: datetime | None,
    ) -> None:
        row = self._wording(entry_id, number, reread, sighting, seen_at, absent_at)
        insert_rows(self._connection, INSERT_WORDING, [row])
        self.reworded.add(entry_id)

    def _wording(
        self,
        entry_id: int,
        number: int,
        reread: int,
        sighting: Sighting,
        seen_at: datetime,
        absent_at: datetime | None,
    ) -> tuple[Any, ...]:
        return sighting_row(
            entry_id,
            sighting,
            number=number,
            reread=reread,
            seen_at=seen_at,
            absent_at=absent_at,
            capture=self._capture,
            parser_version=self._parser_version,
        )

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
