"""Entries: as a publisher wrote them, as we understood them, and as the archive keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
NOTHING: Mapping[str, Json] = MappingProxyType({})


class Doubt(StrEnum):
    """What is doubtful about an entry, in words that stay the same (day files carry them)."""

    NO_DATE = "no-date"
    FUTURE_DATE = "future-date"
    FETCH_STAMPED = "fetch-stamped"
    NO_ZONE = "no-zone"
    RECODED = "recoded"
    TRUNCATED = "truncated"
    REREAD = "reread"
    IMPORTED = "imported"


class FeedFormat(StrEnum):
    """The format a feed was written in."""

    RSS = "rss"
    RSS_1 = "rss-1.0"
    ATOM = "atom"
    JSON_FEED = "json-feed"
    CDF = "cdf"
    SITEMAP_NEWS = "sitemap-news"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that comes with an entry; ``length`` in bytes, None where unknown."""

    url: str
    type: str | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Forgiven:
    """A fault that the parser read past: what, where (a line, an element), how it was read."""

    what: str
    where: str = ""
    read_as: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedEntry:
    """One entry as the publisher wrote it: links not resolved, dates as text, HTML raw.

    ``title`` is plain text (entities and tags undone); ``title_html`` stands only where the title
    held markup. ``base_url`` is what relative links of this entry are resolved against (xml:base,
    else the feed's).
    """

    guid: str | None = None
    guid_is_permalink: bool = False
    link: str | None = None
    links: tuple[str, ...] = ()
    title: str | None = None
    title_html: str | None = None
    summary: str | None = None
    body: str | None = None
    author: str | None = None
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    thumbnail: str | None = None
    language: str | None = None
    published: str | None = None
    updated: str | None = None
    base_url: str | None = None
    extras: Mapping[str, Json] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFeed:
    """A feed as the publisher wrote it; what was forgiven on the way stands in ``forgiven``.

    ``recoded`` says that bytes had to be guessed or repaired to get at the text, ``truncated``
    that the document ends early. ``ttl_minutes``, ``skip_hours`` (0–23, UTC), ``skip_days``
    (English names) and ``update_period_minutes`` (sy:updatePeriod / sy:updateFrequency) are the
    publisher's wishes for polling.
    """

    format: FeedFormat
    title: str | None = None
    link: str | None = None
    links: tuple[str, ...] = ()
    description: str | None = None
    language: str | None = None
    id: str | None = None
    author: str | None = None
    authors: tuple[str, ...] = ()
    image: str | None = None
    categories: tuple[str, ...] = ()
    published: str | None = None
    updated: str | None = None
    self_url: str | None = None
    hub_urls: tuple[str, ...] = ()
    ttl_minutes: int | None = None
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[str, ...] = ()
    update_period_minutes: int | None = None
    base_url: str | None = None
    entries: tuple[ParsedEntry, ...] = ()
    forgiven: tuple[Forgiven, ...] = ()
    recoded: bool = False
    truncated: bool = False
    extras: Mapping[str, Json] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What an entry says, understood: absolute links, UTC dates; HTML stays raw.

    ``link`` is as the publisher wrote it, ``permalink`` absolute, ``canonical_link`` without
    tracking. ``published_raw`` and ``updated_raw`` are the publisher's own date texts. ``extras``
    is JSON that has no field of ours (``base_url``, where the raw HTML's relative links need it,
    among them).
    """

    title: str | None = None
    link: str | None = None
    permalink: str | None = None
    canonical_link: str | None = None
    summary: str | None = None
    body: str | None = None
    author: str | None = None
    categories: tuple[str, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    thumbnail: str | None = None
    language: str | None = None
    published_at: datetime | None = None
    published_raw: str | None = None
    updated_at: datetime | None = None
    updated_raw: str | None = None
    extras: Mapping[str, Json] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An entry present in a capture.

    ``digest`` covers what makes a revision, ``observed`` what only is noted.
    """

    identity: str
    guid: str | None
    content: Content
    digest: bytes
    observed: bytes
    doubts: frozenset[Doubt] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One wording of an entry: immutable for ever.

    ``seen_at`` is the first poll with it, ``absent_at`` the last poll without it (None: unknown).
    ``capture`` is the SHA-256 of the body it came from. Numbers count arrivals; the order of an
    entry's wordings is that of ``(seen_at, number, reread)``, which differs from the numbers only
    where an older wording was imported later. ``reread`` above 0 marks the same wording of the
    publisher, read differently by a newer parser or digest (or polled after it was imported): not
    an edit.
    """

    number: int
    reread: int = 0
    seen_at: datetime
    absent_at: datetime | None
    content: Content
    digest: bytes
    digest_version: int
    parser_version: int
    capture: bytes | None = None
    doubts: frozenset[Doubt] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One article of a feed, with its wordings in the order they were seen (never empty)."""

    id: int
    public_id: str
    feed_id: int
    identity: str
    guid: str | None
    day: date
    first_seen_at: datetime
    revisions: tuple[Revision, ...]
    withheld_at: datetime | None = None

    @property
    def latest(self) -> Revision:
        """The newest wording."""
        return self.revisions[-1]

    @property
    def content(self) -> Content:
        """What the newest wording says."""
        return self.revisions[-1].content

    @property
    def revision_count(self) -> int:
        """How many wordings the publisher gave it; rereads don't count."""
        return sum(1 for revision in self.revisions if not revision.reread)

    @property
    def doubts(self) -> frozenset[Doubt]:
        """What is doubtful about the newest wording."""
        found = self.latest.doubts
        return found | {Doubt.REREAD} if self.latest.reread else found
