"""A poll: a capture understood, what was known before, and what follows from both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from newsreel.model.capture import Capture, Fault
from newsreel.model.entry import Content, Json, Sighting
from newsreel.model.feed import Feed, IdentityPolicy


class Outcome(StrEnum):
    """How a poll ended."""

    OK = "ok"
    NOT_MODIFIED = "not-modified"
    FAILED = "failed"
    PUSHED = "pushed"  # no poll of ours: a hub sent what is new


class GapReason(StrEnum):
    """Why nothing was observed, where no fault says it."""

    NOT_POLLED = "not-polled"
    NO_OVERLAP = "no-overlap"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True)
class Gap:
    """A span of time in which a feed was not observed; ``to_at`` None while it lasts.

    ``reason`` is a :class:`GapReason` or the reason of a :class:`~newsreel.model.capture.Fault`.
    """

    feed_id: int
    from_at: datetime
    to_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFacts:
    """What a reading says about the feed itself; None: not said."""

    title: str | None = None
    site_url: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A capture understood.

    ``sightings`` is empty, and ``hints`` None, unless the outcome is ok or pushed.
    """

    capture: Capture
    outcome: Outcome
    fault: Fault | None = None
    facts: FeedFacts = FeedFacts()
    sightings: tuple[Sighting, ...] = ()
    identity_policy: IdentityPolicy = IdentityPolicy.GUID
    hints: Mapping[str, Json] | None = None
    is_truncated: bool = False

    @property
    def is_read(self) -> bool:
        """Whether a feed was read, whoever brought it."""
        return self.outcome in {Outcome.OK, Outcome.PUSHED}


class Tombstone(StrEnum):
    """How an entry was taken out by the operator."""

    WITHHELD = "withheld"
    ERASED = "erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEntry:
    """What the store knows of an entry that was seen again.

    ``count`` is how many revisions it has, ``number`` and ``reread`` name the newest wording;
    ``digest`` with its versions is that of the newest wording as last read; ``content`` is filled
    where the versions differ from today's, so that it can be digested again. ``wordings`` holds
    the digests of all its revisions, where they were asked for.
    """

    entry_id: int
    identity: str
    guid: str | None
    count: int
    number: int
    reread: int
    digest: bytes
    digest_version: int
    parser_version: int
    observed: bytes
    seen_at: datetime
    content: Content | None = None
    wordings: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the store knows of the keys of one reading.

    ``by_identity`` holds the entries by the identity that they have or had, ``by_permalink`` those
    without a guid, and all where the link has become a feed's identity; ``erased`` the identities
    that must not come back; ``window`` the ids of the entries that stood in the feed at its last
    poll that brought a body.
    """

    by_identity: Mapping[str, KnownEntry]
    by_permalink: Mapping[str, KnownEntry]
    erased: frozenset[str] = frozenset()
    window: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """An entry to be stored for the first time, with its first wording."""

    sighting: Sighting
    public_id: str
    day: date
    first_seen_at: datetime
    absent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRevision:
    """A wording to be added to a stored entry.

    ``is_latest``: it is newer than all that are known.
    """

    entry_id: int
    number: int
    sighting: Sighting
    seen_at: datetime
    absent_at: datetime | None
    is_latest: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """The newest wording as it is read today, by a newer parser or digest."""

    entry_id: int
    number: int
    reread: int
    sighting: Sighting
    seen_at: datetime
    is_same: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Something that changed without making a revision: dates, images, categories, enclosures."""

    entry_id: int
    sighting: Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """An entry known by its link only turned up with a guid, which it takes for its identity."""

    entry_id: int
    identity: str
    guid: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a reading changes in what is known: nothing, where it was revised before.

    ``seen`` are the ids of stored entries that stand in the feed, in its order; ``overlap`` counts
    how many stood there before (None: nothing to compare with). ``left_out`` counts the sightings
    that were passed over because the operator erased what they show.
    """

    new: tuple[NewEntry, ...] = ()
    revised: tuple[NewRevision, ...] = ()
    rereads: tuple[Reread, ...] = ()
    observations: tuple[Observation, ...] = ()
    adoptions: tuple[Adoption, ...] = ()
    unchanged: int = 0
    seen: tuple[int, ...] = ()
    overlap: int | None = None
    left_out: int = 0

    @property
    def is_any(self) -> bool:
        """Whether anything changes."""
        return bool(
            self.new or self.revised or self.rereads or self.observations or self.adoptions
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """An attempt with all its consequences: what one transaction stores.

    ``feed`` is the feed's state after the poll. ``gaps`` are to be added, ``closes_gap`` ends the
    one that is open; ``lost`` are the ids that stood in the feed before and do no longer.
    ``expected`` counts the polls that were due since the last one, this one included, by day.
    ``held_until`` is the publisher's Retry-After; ``is_feed_changed`` says that more than the
    polling state of the feed changed. ``unpushed_at`` is when the feed would be polled next if no
    hub pushed it; ``pushed_at`` is set where this is no poll but such a push.
    """

    feed: Feed
    reading: Reading
    changes: Changes
    gaps: tuple[Gap, ...] = ()
    closes_gap: bool = False
    lost: tuple[int, ...] = ()
    expected: Mapping[date, int] = field(default_factory=dict)
    held_until: datetime | None = None
    is_feed_changed: bool = False
    unpushed_at: datetime | None = None
    pushed_at: datetime | None = None

    @property
    def at(self) -> datetime:
        """When it counts as made: what it brought bears that time."""
        return self.pushed_at or self.feed.last_poll_at or self.reading.capture.fetched_at


@dataclass(frozen=True, slots=True, kw_only=True)
class PollRecord:
    """One line of the poll log."""

    feed_id: int
    polled_at: datetime
    outcome: Outcome
    status: int | None
    reason: str | None
    detail: str | None
    new: int
    revised: int
    unchanged: int
    reread: int
    overlap: int | None
    left_out: int
    body_bytes: int
    elapsed_ms: int
    capture: bytes | None
    next_poll_at: datetime | None
