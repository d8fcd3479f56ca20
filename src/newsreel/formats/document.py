"""A document becomes a feed: which format it is, and who reads it."""

import re
from collections.abc import Iterator
from dataclasses import replace

from newsreel.errors import NotAFeed
from newsreel.formats import atom, cdf, jsonfeed, modules, rss, sitemap, xml
from newsreel.formats.drafts import Draft, EntryDraft, FeedDraft
from newsreel.formats.elements import XML_BASE, XML_LANG
from newsreel.formats.names import key_of
from newsreel.formats.packed import is_packed, unpacked
from newsreel.formats.related import with_related
from newsreel.formats.rss import Element, Handler, extra
from newsreel.formats.urls import host_of, joined
from newsreel.model.entry import FeedFormat, ParsedEntry, ParsedFeed

PARSER_VERSION: int = 1

_ROOTS = {
    "rss": FeedFormat.RSS,
    "rdf:rdf": FeedFormat.RSS_1,
    "rdf": FeedFormat.RSS_1,
    "feed": FeedFormat.ATOM,
    "channel": FeedFormat.RSS,
    "entry": FeedFormat.ATOM,
    "item": FeedFormat.RSS,
    "sitemap:urlset": FeedFormat.SITEMAP_NEWS,
    "urlset": FeedFormat.SITEMAP_NEWS,
}
_JSON = re.compile(rb"[\s\xef\xbb\xbf]*[{\[]")


def parse(body: bytes, *, content_type: str | None = None, url: str | None = None) -> ParsedFeed:
    """Return the feed in a body, as its publisher wrote it; raises NotAFeed, and nothing else.

    ``content_type`` is the HTTP answer's, for its charset; ``url`` is what links are relative to.
    """
    if is_packed(body):
        content, is_short = unpacked(body)
        if is_packed(content):
            raise NotAFeed("a gzip file in a gzip file")
        found = parse(content, url=url)
        return replace(found, truncated=True) if is_short else found
    if _JSON.match(body[:200]):
        return jsonfeed.parse(body, content_type=content_type, url=url)
    tree = xml.read_tree(body, content_type=content_type)
    return _from_tree(tree, url)


def _from_tree(tree: xml.Tree, url: str | None) -> ParsedFeed:
    root = tree.root
    key = _root_key(root)
    kind = _kind_of(key, root)
    if key == "channel" and cdf.looks_like(root):
        kind = FeedFormat.CDF
    feed = FeedDraft(url, kind)
    feed.rebase(root.get(XML_BASE))
    if kind is FeedFormat.CDF:
        cdf.walk(root, feed)
    elif kind is FeedFormat.SITEMAP_NEWS:
        sitemap.walk(root, feed)
        if not feed.entries:
            raise NotAFeed(
                "a sitemap without news", hint="only sitemaps with news:news elements are feeds"
            )
    elif key in {"entry", "item"}:
        feed.entries += _entries(root, url)
    else:
        _walk(root, feed, 0)
    if kind is FeedFormat.RSS_1:
        rss.about(feed, root)
    if host_of(feed.link() or "") == "news.google.com":
        feed.entries = [with_related(entry) for entry in feed.entries]
    if tree.is_inside and not feed.entries:
        raise NotAFeed("a page without a feed in it")
    return feed.done(forgiven=tree.forgiven, recoded=tree.recoded, truncated=tree.truncated)


def _kind_of(key: str, root: Element) -> FeedFormat:
    if (kind := _ROOTS.get(key)) is not None:
        return kind
    if sitemap.is_index(root):
        raise NotAFeed("an index of sitemaps", hint=sitemap.hint_of(root))
    raise NotAFeed(
        f"the root is <{str(root.tag)[:80]}>",
        hint="a feed begins with rss, rdf:RDF, feed or urlset",
    )


def _root_key(root: Element) -> str:
    """Return the root's name; an unknown namespace is RSS's or Atom's where the name is."""
    key = key_of(str(root.tag))
    if key[:1] != "?":
        return key
    uri = str(root.tag)[1:].partition("}")[0]
    local = key.rpartition(":")[2]
    if local in {"rss", "feed"}:
        for element in root.iter(f"{{{uri}}}*"):
            element.tag = str(element.tag).rpartition("}")[2]
        return local
    return key


def _base_of(element: Element, base: str | None) -> str | None:
    own = element.get(XML_BASE)
    return base if own is None else joined(base, own) if base else own.strip()


_CONTAINERS = frozenset({"channel", "items", "rss", "feed", "rdf:rdf", "entries"})
_CUT = "newsreel-cut"
_ENTRY: dict[str, Handler] = {**modules.ENTRY, **rss.ENTRY, **atom.ENTRY}
_FEED: dict[str, Handler] = {**modules.FEED, **rss.FEED, **atom.FEED}


def _walk(container: Element, feed: FeedDraft, depth: int) -> None:
    """Read a feed's or channel's children; entries may stand in it, beside it, or in ``items``."""
    lang = container.get(XML_LANG)
    if lang:
        feed.put("language", lang.strip(), 3)
    for child in container:
        key = key_of(str(child.tag))
        if key in {"item", "entry"}:
            feed.entries += _entries(child, _page_of(feed) or feed.base)
        elif key in _CONTAINERS and depth < 4:
            if key == "channel":
                rss.about(feed, child)
                feed.rebase(child.get(XML_BASE))
            _walk(child, feed, depth + 1)
        elif (found := _FEED.get(key)) is not None:
            found[0](feed, child, found[1], found[2])
        elif key != _CUT:
            extra(feed, child, key, 0)


def _page_of(feed: FeedDraft) -> str | None:
    """Return the page that RSS's relative links were written for; the feed may stand anywhere."""
    if feed.format is FeedFormat.ATOM or feed.has_base:
        return None
    link = feed.texts.get("link")
    return link if link and link.startswith(("http://", "https://")) else None


def _entries(element: Element, base: str | None, depth: int = 0) -> Iterator[ParsedEntry]:
    """Read an entry's children, each by the handler of its name; then the entries inside it.

    The entry at which a document breaks off counts only if its guid is known: without, it would
    become another entry as soon as the whole document is read.
    """
    attributes = element.attrib
    draft = EntryDraft(_base_of(element, base) if attributes else base)
    if attributes:
        rss.about(draft, element)
        if lang := element.get(XML_LANG):
            draft.put("language", lang.strip(), 3)
    for child in element:
        handle, field, rank = _handlers.get(child.tag) or _handler_of(str(child.tag))
        handle(draft, child, field, rank)
    if draft.has_ended or "guid" in draft.texts:
        yield draft.done()
    for child in draft.inside:
        if depth < _DEEPEST and len(child):
            yield from _entries(child, draft.base, depth + 1)


_MOST_KEPT, _LONGEST_KEPT, _DEEPEST = 20_000, 200, 20
_handlers: dict[object, Handler] = {}


def _handler_of(tag: str) -> Handler:
    """Return who reads an element of an entry; what nobody knows becomes an extra."""
    key = key_of(tag)
    found = _ENTRY.get(key) or _SPECIAL.get(key, (extra, key, 0))
    if len(tag) < _LONGEST_KEPT:
        if len(_handlers) >= _MOST_KEPT:
            _handlers.clear()
        _handlers[tag] = found
    return found


def cut(draft: Draft, _element: Element, _field: str, _rank: int) -> None:
    """Mark the entry at which a document breaks off."""
    draft.extras["truncated"] = True
    if isinstance(draft, EntryDraft):
        draft.has_ended = False


def nested(draft: Draft, element: Element, _field: str, _rank: int) -> None:
    """Put an entry that stands inside of another beside it."""
    if isinstance(draft, EntryDraft):
        draft.inside.append(element)


_SPECIAL: dict[str, Handler] = {
    _CUT: (cut, "", 0),
    "item": (nested, "", 0),
    "entry": (nested, "", 0),
}
