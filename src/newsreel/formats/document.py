"""A document becomes a feed: which format it is, and who reads it."""

import re

from newsreel.errors import NotAFeed
from newsreel.formats import atom, jsonfeed, modules, rss, xml
from newsreel.formats.drafts import Draft, EntryDraft, FeedDraft
from newsreel.formats.elements import XML_BASE, XML_LANG
from newsreel.formats.names import key_of
from newsreel.formats.rss import Element, extra
from newsreel.formats.urls import joined
from newsreel.model.entry import FeedFormat, Forgiven, ParsedEntry, ParsedFeed

PARSER_VERSION: int = 1

_ROOTS = {
    "rss": FeedFormat.RSS,
    "rdf:rdf": FeedFormat.RSS_1,
    "rdf": FeedFormat.RSS_1,
    "feed": FeedFormat.ATOM,
    "channel": FeedFormat.RSS,
    "entry": FeedFormat.ATOM,
    "item": FeedFormat.RSS,
}
_JSON = re.compile(rb"[\s\xef\xbb\xbf]*[{\[]")


def parse(body: bytes, *, content_type: str | None = None, url: str | None = None) -> ParsedFeed:
    """Return the feed in a body, as its publisher wrote it; raises NotAFeed, and nothing else.

    ``content_type`` is the HTTP answer's, for its charset; ``url`` is what relative links are relative to.
    """
    if _JSON.match(body[:200]):
        return jsonfeed.parse(body, content_type=content_type, url=url)
    tree = xml.read_tree(body, content_type=content_type)
    return _from_tree(tree, url)


def _from_tree(tree: xml.Tree, url: str | None) -> ParsedFeed:
    root = tree.root
    key = key_of(root.tag)
    kind = _ROOTS.get(key)
    if kind is None:
        raise NotAFeed(f"the root is <{root.tag[:80]}>", hint="a feed begins with rss, rdf:RDF, feed or urlset")
    base = _base_of(root, url)
    feed = FeedDraft(base, kind)
    if key in {"entry", "item"}:
        feed.entries.append(_entry(root, url))
    else:
        _walk(root, feed, 0)
    if kind is FeedFormat.RSS_1:
        rss.about(feed, root)
    return feed.done(forgiven=tree.forgiven, recoded=tree.recoded, truncated=tree.truncated)


def _base_of(element: Element, base: str | None) -> str | None:
    own = element.get(XML_BASE)
    return base if own is None else joined(base, own) if base else own.strip()


_CONTAINERS = frozenset({"channel", "items", "rss", "feed", "rdf:rdf", "entries"})
_CUT = "newsreel-cut"
_ENTRY = {**modules.ENTRY, **rss.ENTRY, **atom.ENTRY}
_FEED = {**modules.FEED, **rss.FEED, **atom.FEED}


def _walk(container: Element, feed: FeedDraft, depth: int) -> None:
    """Read a feed's or channel's children; entries may stand in the channel, beside it, or in ``items``."""
    lang = container.get(XML_LANG)
    if lang:
        feed.put("language", lang.strip(), 3)
    for child in container:
        tag = child.tag
        if not isinstance(tag, str):
            continue
        key = key_of(tag)
        if key in {"item", "entry"}:
            feed.entries.append(_entry(child, feed.base))
        elif key in _CONTAINERS and depth < 4:
            if key == "channel":
                rss.about(feed, child)
                feed.base = _base_of(child, feed.base)
            _walk(child, feed, depth + 1)
        elif (found := _FEED.get(key)) is not None:
            found[0](feed, child, found[1], found[2])
        elif key != _CUT:
            extra(feed, child, key, 0)


def _entry(element: Element, base: str | None) -> ParsedEntry:
    """Read an entry's children, each by the handler of its name."""
    attributes = element.attrib
    draft = EntryDraft(_base_of(element, base) if attributes else base)
    if attributes:
        rss.about(draft, element)
        if lang := element.get(XML_LANG):
            draft.put("language", lang.strip(), 3)
    for child in element:
        tag = child.tag
        key = key_of(tag) if isinstance(tag, str) else _CUT
        found = _ENTRY.get(key)
        if found is not None:
            found[0](draft, child, found[1], found[2])
        elif key == _CUT:
            draft.extras["truncated"] = True
        else:
            extra(draft, child, key, 0)
    return draft.done()


__all__ = ["PARSER_VERSION", "Draft", "Forgiven", "parse"]
