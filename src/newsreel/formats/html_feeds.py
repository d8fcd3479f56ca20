"""Where a page's feeds are."""

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from newsreel.formats.html_text import shallow
from newsreel.formats.urls import absolute

_FEED_TYPES = {
    "application/rss+xml": True,
    "application/atom+xml": True,
    "application/feed+json": True,
    "application/rdf+xml": True,
    "application/x-rss+xml": True,
    "text/rss+xml": True,
    "application/json": False,
    "application/xml": False,
    "text/xml": False,
}
_LIKELY = re.compile(
    r"(?:^|[/._?=&-])(?:rss\d?|atom|rdf|feeds?|feed\.json|index\.xml)(?:$|[/._?=&-])|"
    r"\.(?:rss|atom|rdf)(?:$|\?)|feedburner|/feed/?$",
    re.IGNORECASE,
)
_UNLIKELY = re.compile(
    r"(?:sharer?|intent|facebook|twitter|add(?:this|tofeedly)|mailto)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class FoundFeed:
    """An address where a page says that a feed stands, or where one may stand."""

    url: str
    title: str | None = None
    type: str | None = None


def find_feeds(html: bytes, url: str, content_type: str | None = None) -> tuple[FoundFeed, ...]:
    """Return the feeds that a page declares, in its order, then links that look like feeds."""
    from newsreel.formats.charsets import decoded

    parser = LexborHTMLParser(shallow(decoded(html, content_type=content_type).text))
    base = url
    if (node := parser.css_first("base[href]")) is not None:
        base = absolute(node.attributes.get("href"), url) or url
    found: dict[str, FoundFeed] = {}
    for declared in (_declared, _linked):
        for node in parser.css("link[href]" if declared is _declared else "a[href]"):
            feed = declared(node, base)
            if feed is not None and feed.url.startswith(("http://", "https://")):
                found.setdefault(feed.url, feed)
    return tuple(found.values())


def _declared(node: LexborNode, base: str) -> FoundFeed | None:
    """Return the feed of a ``<link rel=alternate type=…>``."""
    attributes = node.attributes
    rel = (attributes.get("rel") or "").lower().split()
    kind = (attributes.get("type") or "").partition(";")[0].strip().lower()
    href = attributes.get("href")
    link = absolute(href, base)
    if not link or not ({"alternate", "feed"} & set(rel)) or ("stylesheet" in rel):
        return None
    is_sure = _FEED_TYPES.get(kind)
    if "feed" not in rel and (is_sure is None or (not is_sure and not _LIKELY.search(href or ""))):
        return None
    return FoundFeed(link, (attributes.get("title") or "").strip() or None, kind or None)


def _linked(node: LexborNode, base: str) -> FoundFeed | None:
    """Return the address of a link in the page that looks like a feed's."""
    href = node.attributes.get("href") or ""
    kind = (node.attributes.get("type") or "").lower()
    if not (_FEED_TYPES.get(kind) or _LIKELY.search(href)) or _UNLIKELY.search(href):
        return None
    link = absolute(href.partition("#")[0], base)
    return (
        FoundFeed(link, " ".join(node.text(deep=True).split()) or None, kind or None)
        if link
        else None
    )
