"""RSS 0.9x, 1.0 and 2.0: the elements of its own, of the feed and of an item."""

import re
from collections.abc import Callable

from lxml import etree

from newsreel.formats.drafts import Draft, EntryDraft, FeedDraft, Link, put_body
from newsreel.formats.elements import (
    XML_BASE,
    add_json,
    as_json,
    attributes_of,
    construct,
    text_in,
)
from newsreel.formats.names import key_of
from newsreel.formats.urls import joined
from newsreel.model.entry import Enclosure

Element = etree._Element

Handler = tuple[Callable[[Draft, Element, str, int], None], str, int]


def text(draft: Draft, element: Element, field: str, rank: int) -> None:
    """Keep an element's text as a field."""
    value = element.text if not len(element) else text_in(element)
    if value and (value := value.strip()) and rank < draft.ranks.get(field, 1000):
        draft.texts[field] = value
        draft.ranks[field] = rank


def last_text(draft: Draft, element: Element, field: str, rank: int) -> None:
    """Keep an element's text as a field; of several the last one."""
    value = text_in(element)
    if value and rank <= draft.ranks.get(field, 1000):
        draft.texts[field] = value
        draft.ranks[field] = rank


def title(draft: Draft, element: Element, _field: str, rank: int) -> None:
    """Keep a title, by its type."""
    value, is_html = construct(element)
    draft.put_title(value, is_html=is_html, rank=rank)


def body(draft: Draft, element: Element, slot: str, _rank: int) -> None:
    """Keep a summary or a body, by its type."""
    value, is_html = construct(element)
    if slot == "body" and value is None and element.get("src"):
        draft.links.append(Link(element.get("src", "").strip(), "content", element.get("type")))
        return
    put_body(
        draft, slot, value, is_html=is_html, base=element.get(XML_BASE) or _child_base(element)
    )


def _child_base(element: Element) -> str | None:
    return element[0].get(XML_BASE) if len(element) == 1 else None


def guid(draft: Draft, element: Element, _field: str, rank: int) -> None:
    """Keep RSS's guid; it is a permalink unless it says no, and then only if it is an address."""
    value = text_in(element)
    if not value or rank >= draft.ranks.get("guid", 1000):
        return
    draft.put("guid", value, rank)
    said = element.get("isPermaLink")
    if said is None:
        said = attributes_of(element).get("ispermalink", "true") if element.attrib else "true"
    said = said.strip().lower()
    if isinstance(draft, EntryDraft):
        draft.is_permalink = said != "false" and bool(_PAGE.match(value))


_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_PAGE = re.compile(
    r"(?!(?:tag|urn|uuid|yt|data|javascript):)[a-z][a-z0-9+.-]{2,}:|/|[^\s:]+/", re.I
)


def about(draft: Draft, element: Element) -> None:
    """Keep ``rdf:about``, the identifier of RSS 1.0."""
    value = (element.get(_RDF + "about") or element.get("about") or "").strip()
    if value:
        draft.put("guid", value, 5)
        if isinstance(draft, EntryDraft):
            draft.is_permalink = value.startswith(("http://", "https://"))


_ADDRESS = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)*")


def author(draft: Draft, element: Element, _field: str, rank: int) -> None:
    """Keep a person of RSS: a name, an address, or both in one line."""
    value = text_in(element)
    if not value:
        return
    if value.count("</a>") > 1:
        for one in _linked_names(value):
            draft.add_author(one, rank)
        return
    name, address = name_of(value)
    draft.add_author(name, rank)
    if address and name != address:
        add_json(draft.extras, "author_emails", address)


def _linked_names(value: str) -> list[str]:
    """Return the names in a list of links to persons, each with what stands after it."""
    pieces = re.split(r"[,;&]?\s*(?=<a[\s>])", value[:5000])
    return [name_of(piece.strip())[0] for piece in pieces if piece.strip(" ,;")]


def name_of(text: str) -> tuple[str, str | None]:
    """Return the name in ``jo@example.org (Jo)`` or ``Jo <jo@example.org>``, and the address."""
    text = " ".join(text.split())
    if "&" in text or ("<" in text and "@" not in text):
        from newsreel.formats.html_text import text_of

        text = " ".join(text_of(text).split()) or text
    if "@" not in text or len(text) > 300 or "mailto:" in text:
        return text, None
    found = _ADDRESS.findall(text)
    if len(found) != 1:
        return text, None
    name = text.replace(found[0], " ").replace("mailto:", "")
    name = re.sub(r"[()<>\"]+", " ", name) if name.count("(") <= 1 else name.strip(" ()<>")
    return " ".join(name.split()).strip(" ,;-") or found[0], found[0]


def category(draft: Draft, element: Element, _field: str, _rank: int) -> None:
    """Keep a category: RSS's text, or Atom's term and label."""
    if not element.attrib:
        draft.add_category(text_in(element))
        return
    term, label = element.get("term"), element.get("label")
    name = (label or term or text_in(element) or "").strip()
    draft.add_category(name or None)
    scheme = element.get("scheme") or element.get("domain")
    if name and (scheme or (label and term)):
        detail = {"term": (term or name).strip(), "label": label, "scheme": scheme}
        add_json(draft.extras, "category_details", {k: v for k, v in detail.items() if v})


def enclosure(draft: Draft, element: Element, _field: str, _rank: int) -> None:
    """Keep a file that comes with an item."""
    url = (element.get("url") or "").strip()
    if url:
        kind = (element.get("type") or "").strip() or None
        draft.enclosures.append(Enclosure(url, kind, number(element.get("length"))))
        return
    named = {name.rpartition(":")[2]: value for name, value in attributes_of(element).items()}
    link = named.get("url") or named.get("resource") or named.get("href") or text_in(element)
    if link:
        found = Enclosure(link, named.get("type") or None, number(named.get("length")))
        draft.enclosures.append(found)


def number(text: str | None) -> int | None:
    """Return a length in bytes; None where it is none."""
    text = (text or "").strip().replace(",", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def image(draft: Draft, element: Element, _field: str, rank: int) -> None:
    """Keep an image: RSS's with its ``url``, or an address alone."""
    link = element.get("url") or element.get("href") or element.get("resource")
    for child in element:
        if isinstance(child.tag, str) and key_of(child.tag) in {"url", "image:url"} and child.text:
            link = link or child.text
    if not len(element):
        link = link or element.text
    if link and (link := link.strip()):
        draft.put_image(link, rank)
    if len(element):
        draft.extras.setdefault("image", as_json(element))


def item_source(draft: Draft, element: Element, _field: str, _rank: int) -> None:
    """Keep where an item was taken from: RSS's ``source``, or Atom's."""
    value = as_json(element)
    if value:
        draft.extras.setdefault("source", {"text": value} if isinstance(value, str) else value)


def extra(draft: Draft, element: Element, field: str, _rank: int) -> None:
    """Keep an element as JSON under its name."""
    value = as_json(element)
    if value not in ("", {}):
        add_json(draft.extras, field, value)


def ignored(_draft: Draft, _element: Element, _field: str, _rank: int) -> None:
    """Keep nothing: what only frames, or stands elsewhere."""


def ttl(draft: Draft, element: Element, _field: str, _rank: int) -> None:
    """Keep how many minutes the publisher wants between two polls."""
    minutes = number((element.text or "").partition(".")[0])
    if isinstance(draft, FeedDraft) and minutes:
        draft.ttl = min(minutes, 525_600)


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def skips(draft: Draft, element: Element, field: str, _rank: int) -> None:
    """Keep the hours and days at which nothing new comes; hour 24 is midnight."""
    if not isinstance(draft, FeedDraft):
        return
    values = [(child.text or "").strip() for child in element[:100]]
    if field == "days":
        draft.skip_days = tuple(d for d in _DAYS if any(v.lower() == d.lower() for v in values))
    else:
        hours = {int(v) % 24 for v in values if v.isascii() and v.isdecimal() and int(v[:3]) <= 24}
        draft.skip_hours = tuple(sorted(hours))


_PERIODS = {"hourly": 60, "daily": 1440, "weekly": 10_080, "monthly": 43_200, "yearly": 525_600}


def period(draft: Draft, element: Element, field: str, _rank: int) -> None:
    """Keep ``sy:updatePeriod`` and ``sy:updateFrequency``."""
    value = (element.text or "").strip().lower()
    if isinstance(draft, FeedDraft):
        found = _PERIODS.get(value) if field == "period" else number(value)
        if found:
            draft.period.setdefault(field, found)


def link(draft: Draft, element: Element, _field: str, _rank: int) -> None:
    """Keep a link: RSS's is text, Atom's an address with a relation."""
    attributes = element.attrib
    href = attributes.get("href") if attributes else None
    if href is None:
        value = text_in(element)
        if value is None and attributes:
            value = attributes.get("url") or next(
                (v for k, v in attributes.items() if k.endswith("}resource")), None
            )
        if value:
            own = attributes.get(XML_BASE) if attributes else None
            draft.put("link", joined(joined(draft.base or "", own), value) if own else value, 0)
        return
    atom_link(draft, element, href)


def atom_link(draft: Draft, element: Element, href: str) -> None:
    """Keep a link by its relation: page, file, feed itself, hub, comments, licence."""
    get = element.attrib.get
    href = href.strip()
    own = get(XML_BASE)
    if own:
        href = joined(joined(draft.base or "", own), href)
    rel = (get("rel") or "alternate").strip().lower().rpartition("/")[2] or "alternate"
    kind = (get("type") or "").strip().lower() or None
    found = Link(href, rel, kind, get("title"), number(get("length")), get("hreflang"))
    if rel == "enclosure":
        if href:
            draft.enclosures.append(Enclosure(href, kind, found.length))
    elif rel == "hub" and isinstance(draft, FeedDraft):
        draft.hubs.append(href)
    elif rel in {"license", "replies", "via", "related"}:
        draft.extras.setdefault(f"link:{rel}", href)
    elif rel == "image":
        draft.put_image(href, 30)
    if not href:
        found.href = draft.base or ""
    if found.href:
        draft.links.append(found)


ENTRY: dict[str, Handler] = {
    "title": (title, "title", 0),
    "link": (link, "link", 0),
    "guid": (guid, "guid", 0),
    "pubdate": (text, "published", 0),
    "description": (body, "summary", 0),
    "author": (author, "author", 0),
    "category": (category, "category", 0),
    "enclosure": (enclosure, "enclosure", 0),
    "comments": (extra, "comments", 0),
    "source": (item_source, "source", 0),
    "image": (image, "image", 40),
    "thumbnail": (image, "image", 45),
    "language": (text, "language", 0),
    "body": (body, "body", 0),
    "summary": (body, "abstract", 0),
    "fullitem": (body, "summary", 0),
    "fulltext": (body, "body", 0),
    "date": (text, "published", 20),
    "pubdatetime": (text, "published", 25),
    "lastbuilddate": (text, "updated", 20),
    "url": (text, "link", 5),
    "keywords": (extra, "keywords", 0),
}
FEED: dict[str, Handler] = {
    "title": (title, "title", 0),
    "link": (link, "link", 0),
    "description": (body, "summary", 0),
    "pubdate": (text, "published", 0),
    "lastbuilddate": (text, "updated", 0),
    "language": (text, "language", 0),
    "managingeditor": (author, "author", 0),
    "webmaster": (extra, "webmaster", 0),
    "category": (category, "category", 0),
    "image": (image, "image", 0),
    "ttl": (ttl, "ttl", 0),
    "skiphours": (skips, "hours", 0),
    "skipdays": (skips, "days", 0),
    "items": (ignored, "", 0),
    "rdf:seq": (ignored, "", 0),
    "script": (ignored, "", 0),
    "textinput": (extra, "textinput", 0),
}
