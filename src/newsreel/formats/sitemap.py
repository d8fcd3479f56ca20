"""Sitemaps with Google News' extension: every address that carries ``news:news`` is an entry."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from newsreel.errors import NotAFeed
from newsreel.formats import xml
from newsreel.formats.drafts import EntryDraft, FeedDraft
from newsreel.formats.elements import text_in
from newsreel.formats.html_feeds import FoundFeed
from newsreel.formats.names import key_of
from newsreel.formats.packed import is_packed, unpacked
from newsreel.formats.rss import Element, extra
from newsreel.formats.urls import absolute

_NEWS = re.compile(r"news(?!letter)", re.IGNORECASE)


def walk(root: Element, feed: FeedDraft) -> None:
    """Read the addresses of a sitemap; those without news are pages, not entries."""
    pages = 0
    for name, url in _children(root):
        if name != "url":
            continue
        entry = EntryDraft(feed.base)
        if _read(url, entry, feed):
            feed.entries.append(entry.done())
        else:
            pages += 1
    if pages:
        feed.extras["pages"] = pages


def _children(element: Element) -> Iterator[tuple[str, Element]]:
    """Yield children with their names, whatever their namespace: sitemaps get it wrong often."""
    for child in element:
        yield key_of(str(child.tag)).rpartition(":")[2], child


def _read(url: Element, entry: EntryDraft, feed: FeedDraft) -> bool:
    """Read an address; tell whether it is news."""
    is_news = False
    for name, child in _children(url):
        if name == "loc":
            link = text_in(child)
            entry.put("link", link)
            entry.put("guid", link)
            entry.is_permalink = True
        elif name == "lastmod":
            entry.put("updated", text_in(child))
        elif name == "image":
            entry.put_image(next((text_in(c) for n, c in _children(child) if n == "loc"), None), 0)
        elif name == "news":
            is_news = True
            _news(child, entry, feed)
        else:
            extra(entry, child, key_of(str(child.tag)), 0)
    return is_news


def _news(element: Element, entry: EntryDraft, feed: FeedDraft) -> None:
    for name, child in _children(element):
        if name == "title":
            entry.put_title(text_in(child), is_html=None, rank=0)
        elif name == "publication_date":
            entry.put("published", text_in(child))
        elif name == "publication":
            _publication(child, entry, feed)
        else:
            extra(entry, child, f"news:{name}", 0)
            if name == "keywords":
                for word in (text_in(child) or "").split(","):
                    entry.add_category(word.strip() or None)


def _publication(element: Element, entry: EntryDraft, feed: FeedDraft) -> None:
    for name, child in _children(element):
        if name == "name":
            feed.put("title", text_in(child))
        elif name == "language":
            entry.put("language", text_in(child))


# --- an index of sitemaps -----------------------------------------------------------------------


def find_sitemaps(body: bytes, url: str, content_type: str | None = None) -> tuple[FoundFeed, ...]:
    """Return the sitemaps of news that an index of sitemaps names: by their own names."""
    try:
        content = unpacked(body)[0] if is_packed(body) else body
        root = xml.read_tree(content, content_type=content_type).root
    except NotAFeed:
        return ()
    found = (absolute(link, url) for link in _links(root) if is_index(root) and is_news(link))
    return tuple(
        FoundFeed(link, type="application/xml")
        for link in dict.fromkeys(found)
        if link and link.startswith(("http://", "https://"))
    )


def is_index(root: Element) -> bool:
    """Tell whether a document is an index of sitemaps."""
    return key_of(str(root.tag)).rpartition(":")[2] == "sitemapindex"


def is_news(link: str) -> bool:
    """Tell whether a sitemap is named as one of news is."""
    return bool(_NEWS.search(urlsplit(link).path)) if "://" in link else bool(_NEWS.search(link))


def hint_of(index: Element) -> str:
    """Return what to do with an index of sitemaps."""
    links = list(_links(index))
    if news := [link for link in links if is_news(link)][:3]:
        return f"its sitemaps of news are feeds: {', '.join(news)}"
    return f"none of its {len(links)} sitemaps is called news; one with news:news would be a feed"


def _links(index: Element) -> Iterator[str]:
    for name, sitemap in _children(index):
        if name == "sitemap":
            yield from (text_in(c) or "" for n, c in _children(sitemap) if n == "loc")
