"""OPML 1.0 and 2.0: lists of feeds, in folders."""

import re
from collections.abc import Iterable
from dataclasses import replace

from lxml import etree

from newsreel.errors import FeedError
from newsreel.formats.charsets import decoded
from newsreel.formats.languages import tag_of
from newsreel.formats.urls import absolute, has_credential
from newsreel.model.feed import Feed, NewFeed

_DEEPEST = 50
_ADDRESSES = ("xmlurl", "feedurl", "url")
_PROLOG = re.compile(r"\s*<\?xml[^>]*>")
_DOCTYPE = re.compile(r"<!DOCTYPE[^>\[]*(\[.*?\]\s*)?>", re.IGNORECASE | re.DOTALL)


def is_opml(body: bytes) -> bool:
    """Tell whether OPML is at hand, by its first element."""
    head = body[:4096].replace(b"\0", b"").lower()
    return b"<opml" in head or (b"<outline" in head and b"xmlurl" in head)


def read_opml(body: bytes) -> list[NewFeed]:
    """Return the feeds in their order, each once, with the folders around them as ``Outer/Inner``.

    An outline's ``category`` is its folder where nothing is around it, and else a tag. Raises
    :class:`~newsreel.errors.FeedError` where not even the broken parts can be read.
    """
    found: dict[str, NewFeed] = {}
    root = _root_of(body)
    waiting: list[tuple[etree._Element, tuple[str, ...]]] = [(root, ())]
    while waiting:
        element, folders = waiting.pop()
        if _name_of(element) == "outline":
            feed = _feed_of(element, folders)
            if feed is not None:
                found[feed.url] = _merged(found.get(feed.url), feed)
            elif len(folders) < _DEEPEST and (label := _label_of(_attributes(element))):
                folders = (*folders, label)
        waiting.extend((child, folders) for child in reversed(element))
    if not found and _name_of(root) != "opml":
        raise FeedError("no outline with a feed's address", hint="OPML lists feeds as xmlUrl")
    return list(found.values())


def write_opml(feeds: Iterable[Feed], *, title: str = "Newsreel") -> bytes:
    """Return OPML 2.0 with the feeds in their folders, in the order given."""
    root = etree.Element("opml", version="2.0")
    etree.SubElement(etree.SubElement(root, "head"), "title").text = _writable(title)
    body = etree.SubElement(root, "body")
    folders: dict[tuple[str, ...], etree._Element] = {(): body}
    for feed in feeds:
        parent = _folder_element(folders, tuple(filter(None, (feed.folder or "").split("/"))))
        outline = etree.SubElement(parent, "outline", type="rss", xmlUrl=_writable(feed.url))
        outline.set("text", _writable(feed.display_title))
        if feed.title:
            outline.set("title", _writable(feed.title))
        for name, value in (
            ("htmlUrl", feed.site_url),
            ("language", feed.language),
            ("category", ",".join(feed.tags)),
        ):
            if value:
                outline.set(name, _writable(value))
    document: bytes = etree.tostring(
        root, xml_declaration=True, encoding="UTF-8", pretty_print=True
    )
    return document


def _root_of(body: bytes) -> etree._Element:
    """Return the root of a list, read past what is broken in it; no entity is ever expanded."""
    text = _PROLOG.sub("", decoded(body).text.lstrip("\ufeff"), count=1)
    document = _DOCTYPE.sub("", text, count=1).encode("utf-8", "replace")
    for is_lenient in (False, True):
        parser = etree.XMLParser(
            encoding="utf-8",
            recover=is_lenient,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            remove_comments=True,
            remove_pis=True,
        )
        try:
            root = etree.fromstring(document, parser)
        except etree.XMLSyntaxError:
            continue
        if root is not None:
            return root
    raise FeedError("no XML in it", hint="OPML is a list of feeds in XML")


def _feed_of(element: etree._Element, folders: tuple[str, ...]) -> NewFeed | None:
    said = _attributes(element)
    is_link = said.get("type", "").lower() in {"link", "include", "html"}
    names = _ADDRESSES[:1] if is_link else _ADDRESSES
    address = next((said[name] for name in names if said.get(name, "").strip()), None)
    url = absolute(address, None)
    if url is None:
        return None
    categories = [name.strip("/ ") for name in said.get("category", "").split(",")]
    categories = [name for name in categories if name]
    folder = "/".join(folders) or (categories.pop(0) if categories else None)
    return NewFeed(
        url=url,
        title=_label_of(said),
        site_url=absolute(said.get("htmlurl"), None),
        language=tag_of(said.get("language")),
        folder=folder,
        tags=tuple(dict.fromkeys(categories)),
        is_private=has_credential(url),
    )


def _merged(known: NewFeed | None, feed: NewFeed) -> NewFeed:
    """A feed that stands in two folders is in the first, and tagged with the second."""
    if known is None:
        return feed
    tags = [*known.tags, *feed.tags]
    if feed.folder and feed.folder != known.folder:
        tags.append(feed.folder)
    return replace(known, tags=tuple(dict.fromkeys(tags)))


def _attributes(element: etree._Element) -> dict[str, str]:
    return {str(name).rpartition("}")[2].lower(): str(value) for name, value in element.items()}


def _label_of(said: dict[str, str]) -> str | None:
    label = " ".join((said.get("title") or said.get("text") or "").split())
    return label or None


def _name_of(element: etree._Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _folder_element(
    folders: dict[tuple[str, ...], etree._Element], path: tuple[str, ...]
) -> etree._Element:
    if path not in folders:
        parent = _folder_element(folders, path[:-1])
        folders[path] = etree.SubElement(parent, "outline", text=_writable(path[-1]))
    return folders[path]


def _writable(text: str) -> str:
    """Return text without what XML can't hold."""
    return "".join(
        char
        if char >= " " and char not in "\ufffe\uffff" and not "\ud800" <= char <= "\udfff"
        else " "
        for char in text
    )
