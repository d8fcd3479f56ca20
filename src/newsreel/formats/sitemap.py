"""Sitemaps with Google News' extension: every address that carries ``news:news`` is an entry."""

from lxml import etree

from newsreel.formats.drafts import EntryDraft, FeedDraft
from newsreel.formats.elements import text_in
from newsreel.formats.names import key_of
from newsreel.formats.rss import extra


def walk(root: etree._Element, feed: FeedDraft) -> None:
    """Read the addresses of a sitemap; those without news are pages, not entries."""
    pages = 0
    for url in root:
        if not isinstance(url.tag, str) or not key_of(url.tag).endswith("url"):
            continue
        entry = EntryDraft(feed.base)
        has_news = False
        for child in url:
            key = key_of(child.tag).rpartition(":")[2] if isinstance(child.tag, str) else ""
            if key == "loc":
                link = text_in(child)
                entry.put("link", link)
                entry.put("guid", link)
                entry.is_permalink = True
            elif key == "lastmod":
                entry.put("updated", text_in(child))
            elif key == "image":
                _image(child, entry)
            elif key == "news":
                has_news = True
                _news(child, entry, feed)
            elif key:
                extra(entry, child, key_of(child.tag), 0)
        if has_news:
            feed.entries.append(entry.done())
        else:
            pages += 1
    if pages:
        feed.extras["pages"] = pages


def _image(element: etree._Element, entry: EntryDraft) -> None:
    for child in element:
        if isinstance(child.tag, str) and key_of(child.tag).endswith("loc"):
            entry.put_image(text_in(child), 0)


def _news(element: etree._Element, entry: EntryDraft, feed: FeedDraft) -> None:
    for child in element:
        key = key_of(child.tag).rpartition(":")[2] if isinstance(child.tag, str) else ""
        if key == "title":
            entry.put_title(text_in(child), is_html=None, rank=0)
        elif key == "publication_date":
            entry.put("published", text_in(child))
        elif key in {"keywords", "genres", "stock_tickers"}:
            for word in (text_in(child) or "").split(","):
                if key == "keywords":
                    entry.add_category(word.strip() or None)
            extra(entry, child, f"news:{key}", 0)
        elif key == "publication":
            for part in child:
                name = key_of(part.tag).rpartition(":")[2] if isinstance(part.tag, str) else ""
                if name == "name":
                    feed.put("title", text_in(part))
                elif name == "language":
                    entry.put("language", text_in(part))
        elif key:
            extra(entry, child, f"news:{key}", 0)
