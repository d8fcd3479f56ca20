"""A search: what is asked, as a tree, and what is answered, as a page of hits.

What is searched are wordings: each revision of an entry is matched by itself, and an entry is
found where one of its wordings matches; the newest of those is its hit.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class TextField(StrEnum):
    """A text of a wording. Words that name no field are looked for in title, author and body."""

    TITLE = "title"
    AUTHOR = "author"
    BODY = "body"  # the summary, then the body, as text
    CATEGORY = "category"  # all categories, one after the other; searched only where it is named


UNNAMED_FIELDS = (TextField.TITLE, TextField.AUTHOR, TextField.BODY)
"""Where words are looked for that name no field."""


class FilterKind(StrEnum):
    """What a filter looks at, and what its value means.

    FEED: the feed's id, a part of its address, or words of its title or folder. SITE: the host of
    the permalink (without one: of the feed), or a domain above it. LANGUAGE: a tag of RFC 5646 in
    lower case, ``pt`` for all kinds of Portuguese. TAG: a tag of the feed. LINK: the beginning of
    the link, permalink or canonical link, without scheme and ``www.``. HAS: one of :class:`Has`.
    """

    FEED = "feed"
    SITE = "site"
    LANGUAGE = "lang"
    TAG = "tag"
    LINK = "link"
    HAS = "has"


class Has(StrEnum):
    """What an entry can have."""

    IMAGE = "image"  # a thumbnail, or an enclosure of type image/*
    ENCLOSURE = "enclosure"
    REVISION = "revision"  # more than one wording; rereads don't count
    FULLTEXT = "fulltext"  # a body, not only a summary


@dataclass(frozen=True, slots=True)
class Form:
    """Tokens that stand one after the other in one field; the last may go on where a prefix."""

    tokens: tuple[str, ...]
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Inflections:
    """Tokens any of which is a weaker match, in entries of one language (``pl``) only."""

    language: str
    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it was typed; it may hold several tokens (``AT&T``), which then are a phrase.

    It matches where one of its ``forms`` does, the exact one first, or one of its
    ``inflections``, which are weaker. Both are empty until
    :func:`~newsreel.core.matching.prepare_query` has filled them.
    """

    text: str
    field: TextField | None = None
    is_prefix: bool = False
    forms: tuple[Form, ...] = ()
    inflections: tuple[Inflections, ...] = ()


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in quotes: they stand one after the other, as they are."""

    text: str
    field: TextField | None = None
    is_prefix: bool = False
    forms: tuple[Form, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on the entry or its feed, not on its words."""

    kind: FilterKind
    value: str


@dataclass(frozen=True, slots=True)
class Days:
    """The entry's day is one of these, both ends included; None: open."""

    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True)
class And:
    """All of them; without any, everything."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of them at least; without any, nothing."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """All but this."""

    part: "Node"


Node = And | Or | Not | Word | Phrase | Filter | Days


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: a tree, and in plain words what was not understood or left out.

    ``text`` is what was typed (cut where it was too long).
    """

    root: Node
    notes: tuple[str, ...] = ()
    text: str = ""


class Order(StrEnum):
    """The order of hits."""

    RELEVANCE = "relevance"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A wording that matches, with what its rank and its snippets are made of.

    ``moment`` orders by age: when it was published where that can be trusted, else first seen.
    ``language`` is the entry's, else its feed's. ``body`` is text, not HTML.
    """

    entry_id: int
    public_id: str
    feed_id: int
    revision: int
    is_current: bool
    day: date
    moment: datetime
    language: str | None = None
    title: str = ""
    author: str = ""
    body: str = ""
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of one field's text, and where the hits are in it: (start, end) in characters.

    ``is_cut_before`` and ``is_cut_after`` say that the field's text goes on there.
    """

    field: TextField
    text: str
    marks: tuple[tuple[int, int], ...] = ()
    is_cut_before: bool = False
    is_cut_after: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An entry that was found, by the newest of its wordings that match.

    ``is_current`` False: the words stood in an older wording, and no longer do in today's.
    ``score`` is 0 where hits are ordered by age. ``title`` is the wording's title, whole and
    marked; ``snippets`` are of what else matched, the best first.
    """

    entry_id: int
    public_id: str
    feed_id: int
    revision: int
    is_current: bool
    day: date
    moment: datetime
    score: float = 0.0
    title: Snippet = Snippet(TextField.TITLE, "")
    snippets: tuple[Snippet, ...] = ()


@dataclass(frozen=True, slots=True)
class FacetCount:
    """How many hits share a value: a feed's id, a folder, a site's host, a day, a language."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """What the hits divide into, the most frequent first; days in their order.

    ``is_whole`` False: only the newest hits were divided, since there are too many.
    """

    feeds: tuple[FacetCount, ...] = ()
    days: tuple[FacetCount, ...] = ()
    languages: tuple[FacetCount, ...] = ()
    folders: tuple[FacetCount, ...] = ()
    sites: tuple[FacetCount, ...] = ()
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the hits, and how many there are.

    ``is_count_exact`` False: there are at least ``count``. ``next_key`` continues (None: the end);
    it means something only to the store that gave it, for the same query and order.
    """

    hits: tuple[Hit, ...]
    count: int
    is_count_exact: bool = True
    facets: Facets = Facets()
    next_key: str | None = None


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search that was given a name, as it was typed."""

    name: str
    text: str
    saved_at: datetime
