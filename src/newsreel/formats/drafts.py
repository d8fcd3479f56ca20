"""What handlers fill while a feed is read, and how it becomes the values of the model."""

import html
import re
from dataclasses import dataclass

from lxml import etree

from newsreel.formats.elements import as_html
from newsreel.formats.html_text import text_of
from newsreel.formats.urls import joined
from newsreel.model.entry import (
    NOTHING,
    Enclosure,
    FeedFormat,
    Forgiven,
    Json,
    ParsedEntry,
    ParsedFeed,
)

_HTML = (
    "a abbr acronym address article aside audio b bdi bdo big blockquote br button "
    "caption center cite code col dd del details dfn dir div dl dt em embed fieldset "
    "figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 header hr i "
    "iframe img input ins kbd label li main map mark math nav nobr noscript object ol "
    "p param picture pre q ruby s samp script section small source span strike strong "
    "style sub summary sup svg table tbody td textarea tfoot th thead time tr tt u ul "
    "var video wbr"
).replace(" ", "|")
_MARKUP = re.compile(rf"<(?=[A-Za-z/!])(?:/?(?:{_HTML})(?:[\s/][^<>]*)?/?>|!--)", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
OF_LAST_RESORT = 50


@dataclass(slots=True)
class Link:
    """A link as written, absolute where it stood under an ``xml:base`` of its own."""

    href: str
    rel: str = "alternate"
    type: str | None = None
    title: str | None = None
    length: int | None = None
    language: str | None = None


class Draft:
    """What a feed and an entry have in common; of a field the value of lowest rank counts."""

    __slots__ = (
        "authors",
        "base",
        "bases",
        "bodies",
        "categories",
        "enclosures",
        "extras",
        "images",
        "links",
        "ranks",
        "texts",
        "title_html",
    )

    def __init__(self, base: str | None) -> None:
        self.base = base
        self.texts: dict[str, str] = {}
        self.ranks: dict[str, int] = {}
        self.title_html: str | None = None
        self.bodies: dict[str, str] = {}
        self.bases: dict[str, str] = {}
        self.links: list[Link] = []
        self.authors: list[tuple[int, str]] = []
        self.categories: dict[str, None] = {}
        self.enclosures: list[Enclosure] = []
        self.images: list[tuple[int, str]] = []
        self.extras: dict[str, Json] = {}

    def put(self, field: str, value: str | None, rank: int = 0) -> None:
        """Keep a value where it is better than what is there."""
        if value and rank < self.ranks.get(field, 1000):
            self.texts[field] = value
            self.ranks[field] = rank

    def put_title(self, value: str | None, *, is_html: bool | None, rank: int) -> None:
        """Keep a title as text, and as HTML where it holds markup."""
        if not value or rank >= self.ranks.get("title", 1000):
            return
        text, markup = plain_title(value, is_html=is_html)
        if text or markup:
            self.put("title", text, rank)
            self.title_html = markup

    def put_image(self, link: str | None, rank: int) -> None:
        """Note an image that may stand for the whole."""
        if link:
            self.images.append((rank, link))

    def add_author(self, name: str | None, rank: int = 0) -> None:
        """Note a person; of one rank the order stays."""
        if name:
            self.authors.append((rank, name))

    def add_category(self, name: str | None) -> None:
        """Note a category once."""
        if name:
            self.categories[name] = None

    def people(self) -> tuple[str, ...]:
        """Return the names, best source first, each once."""
        if not self.authors:
            return ()
        if len(self.authors) == 1:
            return (self.authors[0][1],)
        return tuple(dict.fromkeys(name for _, name in sorted(self.authors, key=lambda a: a[0])))

    def image(self) -> str | None:
        """Return the image that fits best."""
        return min(self.images, key=lambda i: i[0])[1] if self.images else None

    def link(self) -> str | None:
        """Return the link to the page: RSS's, else Atom's alternate, HTML before other types."""
        if self.ranks.get("link", 1000) < OF_LAST_RESORT:
            return self.texts["link"]
        best: Link | None = None
        for link in self.links:
            if link.rel == "alternate":
                if link.type is None or "html" in link.type:
                    return link.href
                best = best or link
        return best.href if best else self.texts.get("link")


def plain_title(value: str, *, is_html: bool | None) -> tuple[str, str | None]:
    """Return a title as text, and its HTML where it holds more than text.

    RSS doesn't say whether a title is HTML: it is where it holds a tag that HTML knows.
    """
    if "<" not in value and "&" not in value:
        return (
            value if "\n" not in value and "  " not in value else " ".join(value.split())
        ), None
    if is_html is False:
        return " ".join(value.split()), None
    if is_html or _MARKUP.search(value):
        return " ".join(text_of(value).split()), value
    if _ENTITY.search(value):
        value = html.unescape(value)
        if _MARKUP.search(value):
            return " ".join(text_of(value).split()), value
    return " ".join(value.split()), None


class EntryDraft(Draft):
    """An entry while it is read."""

    __slots__ = ("has_ended", "inside", "is_permalink")

    def __init__(self, base: str | None) -> None:
        super().__init__(base)
        self.is_permalink = False
        self.has_ended = True
        self.inside: list[etree._Element] = []

    def done(self) -> ParsedEntry:
        """Return the entry."""
        get = self.texts.get
        summary, body = self.texts_of()
        link = self.link()
        guid = get("guid")
        if link is None and guid and self.is_permalink:
            link = guid
        if self.bases:
            link = self._leave_base(link)
        authors = self.people()
        hrefs = tuple(dict.fromkeys([item.href for item in self.links])) if self.links else ()
        return ParsedEntry(
            guid=guid,
            guid_is_permalink=self.is_permalink,
            link=link,
            links=hrefs,
            title=get("title"),
            title_html=self.title_html,
            summary=summary,
            body=body,
            author=authors[0] if authors else None,
            authors=authors,
            categories=tuple(self.categories),
            enclosures=self.files(),
            thumbnail=self.image() or self.image_file(),
            language=get("language"),
            published=get("published"),
            updated=get("updated"),
            base_url=self.base,
            extras=self.extras or NOTHING,
        )

    def files(self) -> tuple[Enclosure, ...]:
        """Return the enclosures, each address once, with what any mention of it knows."""
        if len(self.enclosures) < 2:
            return tuple(self.enclosures)
        found: dict[str, Enclosure] = {}
        for item in self.enclosures:
            old = found.get(item.url)
            found[item.url] = (
                item
                if old is None
                else Enclosure(item.url, old.type or item.type, old.length or item.length)
            )
        return tuple(found.values())

    def image_file(self) -> str | None:
        """Return the enclosure that is an image, where nothing else is."""
        return next((e.url for e in self.enclosures if (e.type or "").startswith("image/")), None)

    def texts_of(self) -> tuple[str | None, str | None]:
        """Return summary and body; of two descriptions the one called summary is the summary."""
        get = self.bodies.get
        abstract, summary, body = get("abstract"), get("summary"), get("body")
        if abstract is not None:
            return abstract, body or summary
        return summary or get("caption") or get("subtitle"), body

    def _leave_base(self, page: str | None) -> str | None:
        """Resolve links, so that the base can be the body's own; return the page's link."""
        own = self.bases.get("body" if "body" in self.bodies else "summary") or self.bases.get(
            "abstract"
        )
        if own is None or own == self.base or ("body" in self.bodies and "body" not in self.bases):
            return page
        base = self.base or ""
        for link in self.links:
            link.href = joined(base, link.href)
        self.enclosures = [
            Enclosure(joined(base, e.url), e.type, e.length) for e in self.enclosures
        ]
        self.images = [(rank, joined(base, image)) for rank, image in self.images]
        self.base = own
        return page and joined(base, page)


class FeedDraft(Draft):
    """A feed while it is read."""

    __slots__ = (
        "entries",
        "forgiven",
        "format",
        "has_base",
        "hubs",
        "period",
        "skip_days",
        "skip_hours",
        "ttl",
    )

    def __init__(self, base: str | None, kind: FeedFormat) -> None:
        super().__init__(base)
        self.format = kind
        self.has_base = False
        self.entries: list[ParsedEntry] = []
        self.forgiven: list[Forgiven] = []
        self.hubs: list[str] = []
        self.ttl: int | None = None
        self.period: dict[str, float] = {}
        self.skip_hours: tuple[int, ...] = ()
        self.skip_days: tuple[str, ...] = ()

    def rebase(self, own: str | None) -> None:
        """Take an ``xml:base`` into account."""
        if own is not None:
            self.base = joined(self.base, own) if self.base else own.strip()
            self.has_base = True

    def done(
        self, *, forgiven: tuple[Forgiven, ...], recoded: bool, truncated: bool
    ) -> ParsedFeed:
        """Return the feed."""
        get = self.texts.get
        authors = self.people()
        hrefs = tuple(dict.fromkeys(item.href for item in self.links))
        own = next((item.href for item in self.links if item.rel == "self"), None)
        period = self.period.get("period")
        return ParsedFeed(
            format=self.format,
            title=get("title"),
            link=self.link(),
            links=hrefs,
            description=next(
                (
                    self.bodies[s]
                    for s in ("summary", "abstract", "caption", "subtitle", "body")
                    if s in self.bodies
                ),
                None,
            ),
            language=get("language"),
            id=get("guid"),
            author=authors[0] if authors else None,
            authors=authors,
            image=self.image(),
            categories=tuple(self.categories),
            published=get("published"),
            updated=get("updated"),
            self_url=own,
            hub_urls=tuple(dict.fromkeys(self.hubs)),
            ttl_minutes=self.ttl,
            skip_hours=self.skip_hours,
            skip_days=self.skip_days,
            update_period_minutes=round(period / max(self.period.get("frequency", 1), 1))
            if period
            else None,
            base_url=self.base,
            entries=tuple(self.entries),
            forgiven=forgiven + tuple(self.forgiven),
            recoded=recoded,
            truncated=truncated,
            extras=self.extras or NOTHING,
        )


def put_body(
    draft: Draft, slot: str, text: str | None, *, is_html: bool | None, base: str | None = None
) -> None:
    """Keep a summary or body where it says more; ``base`` is its own ``xml:base``."""
    if not text:
        return
    old = draft.bodies.get(slot)
    if old is None or (slot == "body" and len(text) > len(old)):
        if is_html is None and "<" in text and not _MARKUP.search(text):
            text, is_html = html.unescape(text), False  # "a < b" is a text, whatever RSS says
        draft.bodies[slot] = as_html(text, is_html=is_html)
        if base is not None:
            draft.bases[slot] = joined(draft.base or "", base)
