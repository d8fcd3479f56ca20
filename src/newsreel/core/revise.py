"""What is known + what was seen → what changes.

Law: revising the same sightings twice changes nothing. Only title, permalink, author, summary and
body make a revision (A→B→A: three); a wording that differs only because today's parser, digest
or rules for a page differ is a reread; all else is an observation.
"""

from collections.abc import Iterable
from datetime import date, datetime

from newsreel.core.days import day_of
from newsreel.core.normalize import DIGEST_IDENTITY, DIGEST_VERSION, digest_of, public_id_of
from newsreel.formats.document import PARSER_VERSION
from newsreel.model.entry import Sighting
from newsreel.model.feed import Feed
from newsreel.model.poll import (
    Adoption,
    Changes,
    Known,
    KnownEntry,
    NewEntry,
    NewRevision,
    Observation,
    Reread,
)

IMPORT_PARSER = 0
"""The parser version of wordings that the old system read."""


class _Draft:
    """Changes in the making."""

    def __init__(self) -> None:
        self.new: list[NewEntry] = []
        self.revised: list[NewRevision] = []
        self.rereads: list[Reread] = []
        self.observations: list[Observation] = []
        self.adoptions: list[Adoption] = []
        self.seen: list[int] = []
        self.unchanged = 0
        self.left_out = 0

    def done(self, overlap: int | None) -> Changes:
        return Changes(
            new=tuple(self.new),
            revised=tuple(self.revised),
            rereads=tuple(self.rereads),
            observations=tuple(self.observations),
            adoptions=tuple(self.adoptions),
            unchanged=self.unchanged,
            seen=tuple(self.seen),
            overlap=overlap,
            left_out=self.left_out,
        )


def revise(
    feed: Feed, sightings: Iterable[Sighting], known: Known, *, seen_at: datetime
) -> Changes:
    """Return what a poll's sightings change. ``seen_at`` is when they were seen."""
    draft = _Draft()
    wanted = []
    for found in sightings:
        if found.identity in known.erased:
            draft.left_out += 1
        else:
            wanted.append(found)
    matched, doubles = _matched(wanted, known)
    for sighting in wanted:
        if sighting.identity in doubles:
            continue
        entry = matched.get(sighting.identity)
        if entry is None:
            draft.new.append(_new_entry(feed, sighting, seen_at))
            continue
        draft.seen.append(entry.entry_id)
        if sighting.identity not in known.by_identity:
            draft.adoptions.append(
                Adoption(entry_id=entry.entry_id, identity=sighting.identity, guid=sighting.guid)
            )
        _compare(draft, feed, entry, sighting, seen_at)
    window = set(known.window)
    overlap = sum(1 for entry_id in draft.seen if entry_id in window) if window else None
    return draft.done(overlap)


def revise_import(
    feed: Feed,
    sightings: Iterable[tuple[Sighting, datetime]],
    known: Known,
    *,
    day: date,
) -> Changes:
    """Return what an imported file's sightings, each with when it was seen, change.

    A wording that the entry had at any time is nothing new. ``known`` must hold the ``wordings``.
    An entry's day is that of the file's directory. The same link with another wording in one file
    makes a further revision.
    """
    draft = _Draft()
    wordings: dict[str, set[bytes]] = {}
    numbers: dict[str, int] = {}
    for sighting, seen_at in sightings:
        identity = sighting.identity
        if identity in known.erased:
            draft.left_out += 1
            continue
        entry = known.by_identity.get(identity) or known.by_permalink.get(identity)
        had = wordings.setdefault(identity, set(entry.wordings) if entry else set())
        if sighting.digest in had:
            draft.unchanged += 1
        elif entry is None and not had:
            draft.new.append(
                NewEntry(
                    sighting=sighting,
                    public_id=public_id_of(feed.first_url, identity),
                    day=day,
                    first_seen_at=seen_at,
                    absent_at=None,
                )
            )
        else:
            number = numbers.get(identity, entry.count if entry else 1) + 1
            numbers[identity] = number
            draft.revised.append(
                NewRevision(
                    entry_id=entry.entry_id if entry else 0,
                    number=number,
                    sighting=sighting,
                    seen_at=seen_at,
                    absent_at=None,
                    is_latest=entry is None or seen_at >= entry.seen_at,
                )
            )
        had.add(sighting.digest)
    return draft.done(None)


def _matched(
    sightings: Iterable[Sighting], known: Known
) -> tuple[dict[str, KnownEntry], frozenset[str]]:
    """Return which entry each sighting shows, and the identities that show one a second time.

    An entry is shown by the sighting of its own identity, else by one of an identity that it had,
    or by one of its link (an entry stored without a guid, or whose guid proved none). What else
    has that link is another entry.
    """
    found: dict[str, KnownEntry] = {}
    others = []
    for sighting in sightings:
        entry = known.by_identity.get(sighting.identity)
        if entry is not None and entry.identity == sighting.identity:
            found[sighting.identity] = entry
        else:
            others.append(sighting)
    taken = {entry.entry_id for entry in found.values()}
    doubles = set()
    for sighting in sorted(others, key=lambda sighting: sighting.identity):
        former = known.by_identity.get(sighting.identity)
        entry = former or _by_other_keys(sighting, known)
        if entry is not None and entry.entry_id not in taken:
            found[sighting.identity] = entry
            taken.add(entry.entry_id)
        elif former is not None:
            doubles.add(sighting.identity)
    return found, frozenset(doubles)


def _by_other_keys(sighting: Sighting, known: Known) -> KnownEntry | None:
    """What a wording is to be an entry of its own of must be that very wording."""
    entry = known.by_permalink.get(sighting.content.permalink or "")
    if not sighting.identity.startswith(DIGEST_IDENTITY):
        return entry
    candidates = (entry, known.by_identity.get(sighting.guid or ""))
    return next((one for one in candidates if one and one.digest == sighting.digest), None)


def _new_entry(feed: Feed, sighting: Sighting, seen_at: datetime) -> NewEntry:
    return NewEntry(
        sighting=sighting,
        public_id=public_id_of(feed.first_url, sighting.identity),
        day=day_of(sighting.content.published_at, sighting.doubts, first_seen_at=seen_at),
        first_seen_at=seen_at,
        absent_at=feed.last_ok_at,
    )


def _compare(
    draft: _Draft, feed: Feed, entry: KnownEntry, sighting: Sighting, seen_at: datetime
) -> None:
    is_todays = (entry.digest_version, entry.parser_version) == (DIGEST_VERSION, PARSER_VERSION)
    if sighting.digest == entry.digest and is_todays:
        draft.unchanged += 1
        if sighting.observed != entry.observed:
            draft.observations.append(Observation(entry_id=entry.entry_id, sighting=sighting))
    elif sighting.digest in entry.wordings and sighting.digest != entry.digest:
        draft.unchanged += 1  # a hub may send what is old, late or twice; an answer is of now
    elif (is_todays and not feed.is_read_anew) or _is_edit_of_import(entry, sighting):
        draft.revised.append(
            NewRevision(
                entry_id=entry.entry_id,
                number=entry.count + 1,
                sighting=sighting,
                seen_at=seen_at,
                absent_at=feed.last_ok_at,
            )
        )
    else:
        draft.unchanged += 1
        draft.rereads.append(
            Reread(
                entry_id=entry.entry_id,
                number=entry.number,
                reread=entry.reread + 1,
                sighting=sighting,
                seen_at=seen_at,
                is_same=entry.content is not None and digest_of(entry.content) == sighting.digest,
            )
        )


def _is_edit_of_import(entry: KnownEntry, sighting: Sighting) -> bool:
    """The old system cut texts and dropped fields; its titles are the publisher's own."""
    if entry.parser_version != IMPORT_PARSER or entry.content is None:
        return False
    return _folded(entry.content.title) != _folded(sighting.content.title)


def _folded(title: str | None) -> str:
    return "".join((title or "").split()).casefold()
