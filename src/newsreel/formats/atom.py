"""Atom 0.3 and 1.0: persons, identifiers, dates, and what an entry says about its source."""

from newsreel.formats.drafts import Draft
from newsreel.formats.elements import XML_BASE, add_json
from newsreel.formats.names import key_of
from newsreel.formats.rss import (
    Element,
    Handler,
    author,
    body,
    extra,
    image,
    last_text,
    text,
    title,
)
from newsreel.formats.urls import joined


def person(draft: Draft, element: Element, field: str, rank: int) -> None:
    """Keep a person: Atom's with name, address and page, or a line of text as in RSS."""
    parts = {
        key_of(child.tag): " ".join((child.text or "").split())
        for child in element
        if isinstance(child.tag, str)
    }
    name = next(
        (parts[n] for n in ("name", "foaf:name", "email", "url", "uri") if parts.get(n)), None
    )
    if name is None:
        author(draft, element, field, rank)
        return
    draft.add_author(name, rank)
    if parts.get("email") and name != parts["email"]:
        add_json(draft.extras, "author_emails", parts["email"])
    page = parts.get("uri") or parts.get("url") or parts.get("homepage")
    if page and page != name:
        add_json(draft.extras, "author_urls", page)


def identifier(draft: Draft, element: Element, _field: str, rank: int) -> None:
    """Keep an ``id``; one that is relative, against the rules, stands under its ``xml:base``."""
    value = (element.text or "").strip()
    if value and rank < draft.ranks.get("guid", 1000):
        if ":" not in value:
            base = _written_base(element)
            value = joined(base, value) if base else value
        draft.put("guid", value, rank)


def _written_base(element: Element) -> str | None:
    """Return the base that the document itself gives an element."""
    bases = [own for node in (element, *element.iterancestors()) if (own := node.get(XML_BASE))]
    base = None
    for own in reversed(bases):
        base = joined(base, own) if base else own
    return base if base and ":" in base else None


ENTRY: dict[str, Handler] = {
    "id": (identifier, "guid", 1),
    "author": (person, "author", 0),
    "contributor": (extra, "contributors", 0),
    "published": (text, "published", 1),
    "issued": (text, "published", 2),
    "created": (last_text, "published", 8),
    "updated": (text, "updated", 0),
    "modified": (text, "updated", 1),
    "summary": (body, "abstract", 0),
    "content": (body, "body", 0),
    "rights": (extra, "rights", 0),
    "subtitle": (extra, "subtitle", 0),
}
FEED: dict[str, Handler] = {
    "id": (identifier, "guid", 0),
    "author": (person, "author", 0),
    "contributor": (extra, "contributors", 0),
    "subtitle": (body, "summary", 0),
    "tagline": (body, "summary", 1),
    "info": (body, "body", 9),
    "summary": (body, "summary", 2),
    "updated": (text, "updated", 0),
    "modified": (text, "updated", 1),
    "published": (text, "published", 1),
    "issued": (text, "published", 2),
    "created": (text, "published", 3),
    "logo": (image, "image", 1),
    "icon": (image, "image", 20),
    "rights": (extra, "rights", 0),
    "copyright": (extra, "rights", 0),
    "generator": (extra, "generator", 0),
    "title": (title, "title", 0),
}
