"""The extensions that have fields of ours: Dublin Core, Media RSS, iTunes, FeedBurner and others.

What isn't named here is kept as extras under its own name.
"""

from newsreel.formats.drafts import OF_LAST_RESORT, Draft, EntryDraft, put_body
from newsreel.formats.elements import as_json, construct, text_in
from newsreel.formats.names import key_of
from newsreel.formats.rss import (
    Element,
    Handler,
    atom_link,
    author,
    body,
    category,
    enclosure,
    extra,
    image,
    number,
    period,
    text,
    title,
)
from newsreel.model.entry import Enclosure


def creator(draft: Draft, element: Element, field: str, rank: int) -> None:
    """Keep a creator of Dublin Core: text, or RDF with the name inside."""
    author(draft, element, field, rank)


def keywords(draft: Draft, element: Element, _field: str, _rank: int) -> None:
    """Keep a list of keywords as categories."""
    for word in (text_in(element) or "").split(",")[:200]:
        draft.add_category(word.strip() or None)


def itunes_category(draft: Draft, element: Element, _field: str, _rank: int) -> None:
    """Keep a category of iTunes and those inside it."""
    for node in (element, *element.iterdescendants()):
        if isinstance(node.tag, str):
            draft.add_category((node.get("text") or node.text or "").strip() or None)


def owner(draft: Draft, element: Element, _field: str, rank: int) -> None:
    """Keep the owner of a podcast, who counts as author where no other is named."""
    for child in element:
        if (
            isinstance(child.tag, str)
            and key_of(child.tag) in {"itunes:name", "name"}
            and child.text
        ):
            draft.add_author(child.text.strip() or None, rank)
    draft.extras.setdefault("itunes:owner", as_json(element))


def file(draft: Draft, element: Element, _field: str, rank: int) -> None:
    """Keep a ``media:content``, and what stands inside it; an image may be the entry's."""
    url, kind = (element.get("url") or "").strip(), element.get("type")
    medium = (element.get("medium") or "").lower()
    if url:
        draft.enclosures.append(Enclosure(url, kind or None, number(element.get("fileSize"))))
        if medium == "image" or (kind or "").startswith("image/"):
            draft.put_image(url, rank + 20)
    group(draft, element, "", rank + 10)


def group(draft: Draft, element: Element, _field: str, rank: int) -> None:
    """Keep what a ``media:group`` or ``media:content`` holds, after what the entry says itself."""
    for child in element:
        handler = _MEDIA.get(key_of(child.tag)) if isinstance(child.tag, str) else None
        if handler is not None:
            handler[0](draft, child, handler[1], handler[2] + rank)


def thumbnail(draft: Draft, element: Element, _field: str, rank: int) -> None:
    """Keep the address of a ``media:thumbnail``."""
    draft.put_image((element.get("url") or element.text or "").strip() or None, rank)


def credit(draft: Draft, element: Element, _field: str, rank: int) -> None:
    """Keep a credit: of an author as such, of others as an extra."""
    if (element.get("role") or "").lower() in {"author", "writer"}:
        draft.add_author(text_in(element), rank)
    else:
        extra(draft, element, "media:credit", 0)


def caption(draft: Draft, element: Element, slot: str, _rank: int) -> None:
    """Keep a description of Media RSS or iTunes, which stands in where there is no other."""
    value, is_html = construct(element)
    put_body(draft, slot, value, is_html=is_html)


def community(draft: Draft, element: Element, field: str, _rank: int) -> None:
    """Keep counts of votes and views."""
    extra(draft, element, field, 0)


def original_link(draft: Draft, element: Element, _field: str, _rank: int) -> None:
    """Keep the publisher's own link, where FeedBurner's stands in the entry's."""
    value = text_in(element)
    if value:
        draft.extras.setdefault("original_link", value)
        if isinstance(draft, EntryDraft):
            draft.put("link", value, OF_LAST_RESORT)


def original_file(draft: Draft, element: Element, _field: str, _rank: int) -> None:
    """Put a file's own address where FeedBurner's stands, which no longer answers."""
    value = text_in(element)
    if value and draft.enclosures and "feedproxy_enclosure" not in draft.extras:
        last = draft.enclosures[-1]
        draft.extras["feedproxy_enclosure"] = last.url
        draft.enclosures[-1] = Enclosure(value, last.type, last.length)


def itunes_link(draft: Draft, element: Element, _field: str, _rank: int) -> None:
    """Keep the link of an early version of iTunes' elements, most often an image."""
    href = element.get("href")
    if href:
        atom_link(draft, element, href)


def player(draft: Draft, element: Element, _field: str, _rank: int) -> None:
    """Keep a ``media:player``; it stands for the file where no other address is given."""
    extra(draft, element, "media:player", 0)
    parent, url = element.getparent(), element.get("url")
    if url and parent is not None and not parent.get("url"):
        draft.enclosures.append(Enclosure(url.strip(), "text/html"))


_MEDIA: dict[str, Handler] = {
    "media:content": (file, "", 0),
    "media:group": (group, "", 0),
    "media:thumbnail": (thumbnail, "", 0),
    "media:title": (title, "title", 30),
    "media:description": (caption, "caption", 0),
    "media:text": (caption, "caption", 0),
    "media:category": (category, "", 0),
    "media:keywords": (keywords, "", 0),
    "media:credit": (credit, "", 40),
    "media:player": (player, "", 0),
    "media:community": (community, "media:community", 0),
    "media:rating": (extra, "media:rating", 0),
    "media:copyright": (extra, "media:copyright", 0),
    "media:license": (extra, "media:license", 0),
}
_BOTH: dict[str, Handler] = {
    **_MEDIA,
    "dc:title": (title, "title", 10),
    "dc:creator": (creator, "author", 1),
    "dc:author": (creator, "author", 3),
    "dc:contributor": (extra, "contributors", 0),
    "dc:subject": (category, "", 0),
    "dc:language": (text, "language", 5),
    "dc:description": (body, "caption", 0),
    "dcterms:abstract": (caption, "caption", 0),
    "dcterms:issued": (text, "published", 3),
    "dcterms:created": (text, "published", 6),
    "dc:created": (text, "published", 7),
    "dcterms:modified": (text, "updated", 3),
    "dc:modified": (text, "updated", 4),
    "content:encoded": (body, "body", 0),
    "xhtml:body": (body, "body", 0),
    "xhtml:div": (body, "body", 0),
    "itunes:title": (title, "title", 20),
    "itunes:author": (author, "author", 10),
    "googleplay:author": (author, "author", 12),
    "itunes:summary": (caption, "caption", 0),
    "itunes:subtitle": (caption, "subtitle", 0),
    "googleplay:description": (caption, "caption", 0),
    "itunes:keywords": (keywords, "", 0),
    "itunes:category": (itunes_category, "", 0),
    "googleplay:category": (itunes_category, "", 0),
    "itunes:image": (image, "image", 10),
    "googleplay:image": (image, "image", 12),
    "itunes:owner": (owner, "author", 60),
    "itunes:link": (itunes_link, "", 0),
    "feedburner:origlink": (original_link, "", 0),
    "feedburner:origenclosurelink": (original_file, "", 0),
    "foaf:maker": (creator, "author", 20),
}
ENTRY: dict[str, Handler] = {
    **_BOTH,
    "dc:date": (text, "published", 5),
    "dc:identifier": (text, "guid", 90),
    "enc:enclosure": (enclosure, "", 0),
    "prism:publicationdate": (text, "published", 9),
    "l:permalink": (text, "link", 10),
    "g:image_link": (image, "image", 50),
    "g:author": (author, "author", 30),
    "media:": (extra, "media", 0),
}
FEED: dict[str, Handler] = {
    **_BOTH,
    "dc:date": (text, "updated", 5),
    "dc:rights": (extra, "rights", 0),
    "dc:publisher": (extra, "dc:publisher", 0),
    "sy:updateperiod": (period, "period", 0),
    "sy:updatefrequency": (period, "frequency", 0),
    "prism:publicationdate": (text, "published", 9),
}
