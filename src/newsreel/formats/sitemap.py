"""Sitemaps with Google News' extension: every address that carries ``news:news`` is an entry."""

from collections.abc import Iterator

from newsreel.formats.drafts import EntryDraft, FeedDraft
from newsreel.formats.elements import text_in
from newsreel.formats.names import key_of
from newsreel.formats.rss import Element, extra


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
