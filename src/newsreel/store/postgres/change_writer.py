"""One feed's changes: worked out by what is there now, then written with a few statements."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from newsreel.core.normalize import DIGEST_VERSION, public_id_of
from newsreel.core.revise import IMPORT_PARSER
from newsreel.core.searchable import Searchable, moment_of
from newsreel.formats.document import PARSER_VERSION
from newsreel.model.day import WriteReason
from newsreel.model.entry import Sighting
from newsreel.model.feed import Feed
from newsreel.model.poll import Adoption, Changes, NewEntry, NewRevision, Reread, Tombstone
from newsreel.store.postgres.additions import (
    ENTRIES,
    ENTRY_IDS,
    LOCK_TOMBSTONES,
    NEXT_IDS,
    REVISION_IDS,
    TOMBSTONES,
    WORDINGS,
    add_identities,
    add_rows,
    run_each,
    together,
)
from newsreel.store.postgres.connection import Connection
from newsreel.store.postgres.dirt import mark_dirty
from newsreel.store.postgres.heads import (
    ADOPT,
    DAYS,
    RENEW,
    Head,
    adopted,
    digests_of,
    heads_of,
    met_by,
)
from newsreel.store.postgres.partitions import ensure_months
from newsreel.store.postgres.rows import identity_digest
from newsreel.store.postgres.search_index import EntryRows
from newsreel.store.rows import known_micros, micros, observed_text, sighting_row

OBSERVE = "INSERT INTO observations (entry_id, seen_at, observed) VALUES (%s, %s, %s)"


class ChangeWriter:
    """Works out one feed's changes, writes them, and collects which days they touch.

    Since they were worked out first, an entry may have been erased, or an import may have added to
    it: what is gone stays so, and numbers go on from those that are there. What an import has
    brought in meanwhile is not brought in twice, and nothing that it lacks is lost.
    """

    def __init__(
        self, connection: Connection, feed: Feed, capture: bytes | None, *, is_import: bool
    ) -> None:
        self._connection = connection
        self._feed = feed
        self._capture = capture
        self._is_import = is_import
        self._parser_version = IMPORT_PARSER if is_import else PARSER_VERSION
        self._days: dict[tuple[str, WriteReason], None] = {}
        self._buried: dict[str, tuple[str, int]] = {}
        self._new: dict[int, NewEntry] = {}
        self._heads: dict[int, Head] = {}
        self._met: dict[str, int] = {}
        self._digests: dict[int, set[bytes]] = {}
        self._revision_ids: list[int] = []
        self._wordings: list[tuple[Any, ...]] = []
        self._observations: list[tuple[Any, ...]] = []
        self.ids: dict[str, int] = {}
        self.reworded: set[int] = set()
        self.indexed: set[int] = set()

    def look_up(self, changes: Changes) -> None:
        """Find out how all stands that changes, and take ids; what was erased stays away."""
        groups = changes.revised, changes.rereads, changes.observations, changes.adoptions
        stored = {change.entry_id for group in groups for change in group} - {0}
        wordings = len(changes.new) + len(changes.revised) + len(changes.rereads)
        public_ids = sorted(set().union(*map(self._public_ids, changes.new)))
        execute = self._connection.execute
        with self._connection.pipeline():
            execute(LOCK_TOMBSTONES)
            buried = execute(TOMBSTONES, (public_ids,))
            entry_ids = execute(NEXT_IDS, (ENTRY_IDS, len(changes.new)))
            revision_ids = execute(NEXT_IDS, (REVISION_IDS, wordings))
            days = execute(DAYS, (sorted(stored),))
        self._buried = {row[0]: (row[1], row[2]) for row in buried}
        self._revision_ids = [row[0] for row in reversed(revision_ids.fetchall())]
        self._heads = heads_of(self._connection, dict(days.fetchall()))
        if self._is_import:
            self._digests = digests_of(self._connection, self._heads.values())
        self._add(changes.new, [row[0] for row in entry_ids])

    def _add(self, entries: Sequence[NewEntry], entry_ids: Sequence[int]) -> None:
        erased = {key for key, (kind, _) in self._buried.items() if kind == Tombstone.ERASED}
        wanted = {
            entry_id: new
            for entry_id, new in zip(entry_ids, entries, strict=True)
            if not erased or not erased & self._public_ids(new)
        }
        identities = [
            (
                entry_id,
                self._feed.id,
                identity_digest(new.sighting.identity),
                new.public_id,
                new.day.isoformat(),
            )
            for entry_id, new in wanted.items()
        ]
        added = add_identities(self._connection, identities)
        for entry_id in sorted(added):
            self._add_one(entry_id, wanted[entry_id])
        if len(added) < len(wanted):
            self._meet([new for entry_id, new in wanted.items() if entry_id not in added])

    def _add_one(self, entry_id: int, new: NewEntry) -> None:
        sighting = new.sighting
        self._new[entry_id] = new
        self.ids[sighting.identity] = entry_id
        self._heads[entry_id] = head = Head(
            entry_id=entry_id,
            day=new.day.isoformat(),
            count=1,
            number=1,
            reread=0,
            seen_at=known_micros(new.first_seen_at),
            digest=sighting.digest,
            digest_version=DIGEST_VERSION,
            parser_version=self._parser_version,
            observed=sighting.observed,
        )
        self._digests[entry_id] = {sighting.digest}
        self._add_wording(head, 1, 0, sighting, new.first_seen_at, new.absent_at)
        is_late = new.day < new.first_seen_at.date()
        self._days[head.day, WriteReason.LATE_ENTRIES if is_late else WriteReason.NEW] = None

    def _meet(self, entries: Sequence[NewEntry]) -> None:
        """Another was faster with these entries: what is said of them here joins them."""
        met, days = met_by(self._connection, self._feed.id, entries)
        heads = heads_of(self._connection, days)
        self._heads |= heads
        self._digests |= digests_of(self._connection, heads.values())
        for entry_id, new in sorted(met.items()):
            self._met[new.sighting.identity] = entry_id
            self.revise(
                NewRevision(
                    entry_id=entry_id,
                    number=0,
                    sighting=new.sighting,
                    seen_at=new.first_seen_at,
                    absent_at=new.absent_at,
                    is_latest=known_micros(new.first_seen_at) >= heads[entry_id].seen_at,
                )
            )

    def _public_ids(self, new: NewEntry) -> set[str]:
        link = new.sighting.content.permalink
        return (
            {new.public_id, public_id_of(self._feed.first_url, link)} if link else {new.public_id}
        )

    def revise(self, new: NewRevision) -> None:
        """Add a wording to an entry; a file adds none that the entry has had."""
        identity, digest = new.sighting.identity, new.sighting.digest
        entry_id = new.entry_id or self.ids.get(identity) or self._met.get(identity, 0)
        head = self._heads.get(entry_id)
        is_from_file = self._is_import or entry_id in self._met.values()
        if head is None or (is_from_file and digest in self._digests[entry_id]):
            return
        self._digests.setdefault(entry_id, set()).add(digest)
        number = max(new.number, head.count + 1)
        self._reword(head, number, 0, new.sighting, new.seen_at, new.absent_at)
        head.count, head.is_changed = number, True
        if new.is_latest:
            self._renew(head, number, 0, new.sighting, known_micros(new.seen_at))
        self._days[head.day, WriteReason.REVISION] = None

    def reread(self, new: Reread) -> None:
        """Add another reading of an entry's newest wording, unless it got one meanwhile."""
        head = self._heads.get(new.entry_id)
        if head is None or (head.number, head.reread) != (new.number, new.reread - 1):
            return
        if new.is_same:
            self._renew(head, head.number, head.reread, new.sighting, head.seen_at)
            return
        self._reword(head, new.number, new.reread, new.sighting, new.seen_at, None)
        self._renew(head, new.number, new.reread, new.sighting, known_micros(new.seen_at))
        self._days[head.day, WriteReason.REREAD] = None

    def observe(self, entry_id: int, sighting: Sighting) -> None:
        """Note what changed without making a revision."""
        head = self._heads.get(entry_id)
        if head is None:
            return
        head.observed, head.is_changed = sighting.observed, True
        self._observations.append(
            (entry_id, micros(self._feed.last_poll_at), observed_text(sighting))
        )

    def write(self, adoptions: Iterable[Adoption]) -> None:
        """Write all that was worked out."""
        entries = [self._row(entry_id, new) for entry_id, new in self._new.items()]
        renewed = [
            head.renewal
            for head in self._heads.values()
            if head.is_changed and head.entry_id not in self._new
        ]
        ensure_months(self._connection, {row[1] for row in self._wordings})
        with together(self._connection, len(self._wordings)):
            add_rows(self._connection, ENTRIES, entries)
            add_rows(self._connection, WORDINGS, self._wordings)
            run_each(self._connection, RENEW, renewed)
            run_each(self._connection, OBSERVE, self._observations)
            run_each(self._connection, ADOPT, adopted(adoptions, self._feed.id, self._heads))

    def _row(self, entry_id: int, new: NewEntry) -> tuple[Any, ...]:
        sighting, head = new.sighting, self._heads[entry_id]
        sealed = [self._buried[key][1] for key in self._public_ids(new) if key in self._buried]
        return (
            entry_id,
            self._feed.id,
            sighting.identity,
            sighting.guid,
            new.public_id,
            head.day,
            micros(new.first_seen_at),
            head.count,
            head.number,
            head.reread,
            head.seen_at,
            head.digest,
            head.digest_version,
            head.parser_version,
            head.observed,
            max(sealed, default=None),
        )

    def found(self, searchable: Mapping[str, Searchable]) -> list[EntryRows]:
        """Return the rows of new entries of one wording, as far as it is known what they hold."""
        if self._buried:
            return []
        found = []
        for revision_id, _, entry_id, *_ in self._wordings:
            new = self._new.get(entry_id)
            if new is None or entry_id in self.reworded:
                continue
            reading = searchable.get(new.sighting.identity)
            if reading is None:
                continue
            self.indexed.add(entry_id)
            moment = moment_of(
                new.day,
                published_at=new.sighting.content.published_at,
                first_seen_at=new.first_seen_at,
            )
            found.append(
                EntryRows(
                    entry_id=entry_id,
                    feed_id=self._feed.id,
                    moment=moment,
                    day=new.day,
                    wanted=[revision_id],
                    readings={revision_id: reading},
                )
            )
        return found

    def mark(self) -> None:
        """Let the days that changed be dirty."""
        for day, reason in self._days:
            mark_dirty(self._connection, day, self._feed.id, reason)

    def _reword(
        self,
        head: Head,
        number: int,
        reread: int,
        sighting: Sighting,
        seen_at: datetime,
        absent_at: datetime | None,
    ) -> None:
        self._add_wording(head, number, reread, sighting, seen_at, absent_at)
        self.reworded.add(head.entry_id)

    def _add_wording(
        self,
        head: Head,
        number: int,
        reread: int,
        sighting: Sighting,
        seen_at: datetime,
        absent_at: datetime | None,
    ) -> None:
        row = sighting_row(
            head.entry_id,
            sighting,
            number=number,
            reread=reread,
            seen_at=seen_at,
            absent_at=absent_at,
            capture=self._capture,
            parser_version=self._parser_version,
        )
        self._wordings.append((self._revision_ids.pop(), head.day, *row))

    def _renew(
        self, head: Head, number: int, reread: int, sighting: Sighting, seen_at: int
    ) -> None:
        head.count = max(head.count, number)
        head.number, head.reread, head.seen_at = number, reread, seen_at
        head.digest, head.observed = sighting.digest, sighting.observed
        head.digest_version, head.parser_version = DIGEST_VERSION, self._parser_version
        head.is_changed = True
