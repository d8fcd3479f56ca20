"""The papers' feeds, each in its own format, as they stand at a moment.

A feed shows the latest ``WINDOW`` articles. The links in the Old Mill Gazette's are relative, as
some publishers' are; Wattle Bay's carry a tracking suffix; one German paper still writes
windows-1252.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape

from newsreel.demo.papers import Article, Format, Paper, Wording

WINDOW = 20

RSS = "application/rss+xml"
ATOM = "application/atom+xml"
TYPES = {
    Format.RSS_091: "text/xml",
    Format.RSS_1: "application/rdf+xml",
    Format.RSS_2: RSS,
    Format.ATOM_03: ATOM,
    Format.ATOM_1: ATOM,
    Format.JSON_1: "application/json",
    Format.JSON_11: "application/feed+json",
}


@dataclass(frozen=True, slots=True)
class _Item:
    """An article as it is to be printed now."""

    paper: Paper
    article: Article
    wording: Wording

    @property
    def path(self) -> str:
        return f"/n/{self.article.number}"

    @property
    def link(self) -> str:
        return f"http://{self.paper.host}{self.path}{self.paper.link_suffix}"

    @property
    def guid(self) -> str:
        return f"tag:{self.paper.host},2026:{self.article.number}"

    @property
    def picture(self) -> str:
        return f"http://{self.paper.host}/pictures/{self.article.name}.svg"

    @property
    def recording(self) -> str:
        return f"http://{self.paper.host}/recordings/{self.article.name}.wav"

    @property
    def changed_at(self) -> datetime:
        first = self.wording is self.article.wordings[0]
        return self.article.published if first else self.wording.since


def feed_of(paper: Paper, now: datetime) -> tuple[str, bytes]:
    """Return the media type and the bytes of a paper's feed at a moment."""
    items = [
        _Item(paper, article, article.wording(now)) for article in paper.printed(now)[:WINDOW]
    ]
    body = _WRITERS[paper.format](paper, items).encode(paper.encoding)
    return f"{TYPES[paper.format]}; charset={paper.encoding}", body


def changed_at(paper: Paper, now: datetime) -> datetime:
    """Return when a paper's feed last changed."""
    moments = [
        wording.since
        for article in paper.printed(now)
        for wording in article.wordings
        if wording.since <= now
    ]
    return max(moments, default=now)


def _rss_2(paper: Paper, items: list[_Item]) -> str:
    spaces = (
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
        'xmlns:media="http://search.yahoo.com/mrss/"'
    )
    return _xml(
        paper,
        f'<rss version="2.0" {spaces}>\n<channel>',
        *_channel(paper),
        *(line for item in items for line in _rss_2_item(item)),
        "</channel>\n</rss>",
    )


def _rss_2_item(item: _Item) -> list[str]:
    article, wording = item.article, item.wording
    lines = [
        "<item>",
        _tag("title", wording.title),
        _tag("link", item.link),
        f'<guid isPermaLink="false">{escape(item.guid)}</guid>',
        _tag("pubDate", format_datetime(article.published)),
        _tag("description", escape(wording.text, quote=False)),
        *(_tag("category", topic) for topic in article.topics),
    ]
    if article.by:
        lines.append(_tag("itunes:author" if item.paper.is_podcast else "dc:creator", article.by))
    if wording.body:
        lines.append(f"<content:encoded><![CDATA[{wording.body}]]></content:encoded>")
    if article.has_picture:
        lines.append(f'<media:thumbnail url="{escape(item.picture)}" width="320" height="180"/>')
    if item.paper.is_podcast:
        lines.append(f'<enclosure url="{escape(item.recording)}" length="8044" type="audio/wav"/>')
    return [*lines, "</item>"]


def _rss_091(paper: Paper, items: list[_Item]) -> str:
    lines = [
        f"<item>{_tag('title', item.wording.title)}{_tag('link', item.link)}"
        f"{_tag('description', item.wording.text)}</item>"
        for item in items
    ]
    head = '<rss version="0.91">\n<channel>'
    return _xml(paper, head, *_channel(paper), *lines, "</channel>\n</rss>")


def _channel(paper: Paper) -> list[str]:
    return [
        _tag("title", paper.name),
        _tag("link", f"http://{paper.host}/"),
        _tag("description", paper.about),
        _tag("language", paper.language),
    ]


def _rss_1(paper: Paper, items: list[_Item]) -> str:
    listed = "".join(f'<rdf:li rdf:resource="{escape(item.link)}"/>' for item in items)
    return _xml(
        paper,
        '<rdf:RDF xmlns="http://purl.org/rss/1.0/" '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">',
        f'<channel rdf:about="{escape(paper.url)}">',
        *_channel(paper)[:3],
        _tag("dc:language", paper.language),
        f"<items><rdf:Seq>{listed}</rdf:Seq></items>\n</channel>",
        *(line for item in items for line in _rss_1_item(item)),
        "</rdf:RDF>",
    )


def _rss_1_item(item: _Item) -> list[str]:
    return [
        f'<item rdf:about="{escape(item.link)}">',
        _tag("title", item.wording.title),
        _tag("link", item.link),
        _tag("description", item.wording.text),
        _tag("dc:date", item.article.published.isoformat()),
        *([_tag("dc:creator", item.article.by)] if item.article.by else []),
        *(_tag("dc:subject", topic) for topic in item.article.topics),
        "</item>",
    ]


def _atom_1(paper: Paper, items: list[_Item]) -> str:
    newest = max((item.changed_at for item in items), default=None)
    return _xml(
        paper,
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{paper.language}">',
        _tag("id", f"tag:{paper.host},2026:feed"),
        _tag("title", paper.name),
        _tag("subtitle", paper.about),
        f'<link rel="alternate" type="text/html" href="http://{paper.host}/"/>',
        f'<link rel="self" href="{escape(paper.url)}"/>',
        *([_tag("updated", newest.isoformat())] if newest else []),
        *(line for item in items for line in _atom_1_entry(item)),
        "</feed>",
    )


def _atom_1_entry(item: _Item) -> list[str]:
    article, wording = item.article, item.wording
    lines = [
        "<entry>",
        _tag("id", item.guid),
        _tag("title", wording.title),
        f'<link rel="alternate" type="text/html" href="{escape(item.link)}"/>',
        _tag("published", article.published.isoformat()),
        _tag("updated", item.changed_at.isoformat()),
        _tag("summary", wording.text),
        *(f'<category term="{escape(topic)}"/>' for topic in article.topics),
    ]
    if article.by:
        lines.append(f"<author>{_tag('name', article.by)}</author>")
    if wording.body:
        space = "http://www.w3.org/1999/xhtml"
        div = f'<div xmlns="{space}">{wording.body}</div>'
        lines.append(f'<content type="xhtml">{div}</content>')
    if article.has_picture:
        lines.append(f'<link rel="enclosure" type="image/svg+xml" href="{escape(item.picture)}"/>')
    return [*lines, "</entry>"]


def _atom_03(paper: Paper, items: list[_Item]) -> str:
    base = f"http://{paper.host}/"
    return _xml(
        paper,
        '<feed version="0.3" xmlns="http://purl.org/atom/ns#" '
        f'xml:lang="{paper.language}" xml:base="{base}">',
        f'<title mode="escaped">{escape(paper.name)}</title>',
        f'<link rel="alternate" type="text/html" href="{base}"/>',
        _tag("tagline", paper.about),
        *(line for item in items for line in _atom_03_entry(item)),
        "</feed>",
    )


def _atom_03_entry(item: _Item) -> list[str]:
    article, wording = item.article, item.wording
    by = f"<author>{_tag('name', article.by)}</author>" if article.by else ""
    return [
        "<entry>",
        _tag("title", wording.title),
        f'<link rel="alternate" type="text/html" href="{escape(item.path)}"/>',
        _tag("id", item.guid),
        _tag("issued", article.published.isoformat()),
        _tag("modified", item.changed_at.astimezone(UTC).isoformat()),
        _tag("summary", wording.text) + by,
        "</entry>",
    ]


def _json_feed(paper: Paper, items: list[_Item]) -> str:
    is_new = paper.format is Format.JSON_11
    feed = {
        "version": f"https://jsonfeed.org/version/1{'.1' if is_new else ''}",
        "title": paper.name,
        "home_page_url": f"http://{paper.host}/",
        "feed_url": paper.url,
        "description": paper.about,
        **({"language": paper.language} if is_new else {}),
        "items": [_json_item(item, is_new=is_new) for item in items],
    }
    return json.dumps(feed, ensure_ascii=False, indent=1) + "\n"


def _json_item(item: _Item, *, is_new: bool) -> dict[str, object]:
    article, wording = item.article, item.wording
    row: dict[str, object] = {
        "id": item.guid,
        "url": item.link,
        "title": wording.title,
        "summary": wording.text,
        "content_html": wording.body or f"<p>{escape(wording.text, quote=False)}</p>",
        "date_published": article.published.isoformat(),
        "date_modified": item.changed_at.isoformat(),
        "tags": list(article.topics),
    }
    if article.by:
        author = {"name": article.by}
        row |= {"authors": [author]} if is_new else {"author": author}
    if article.has_picture:
        row["image"] = item.picture
    return row


def _xml(paper: Paper, *lines: str) -> str:
    return "\n".join([f'<?xml version="1.0" encoding="{paper.encoding}"?>', *lines, ""])


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text, quote=False)}</{name}>"


_WRITERS: dict[Format, Callable[[Paper, list[_Item]], str]] = {
    Format.RSS_091: _rss_091,
    Format.RSS_1: _rss_1,
    Format.RSS_2: _rss_2,
    Format.ATOM_03: _atom_03,
    Format.ATOM_1: _atom_1,
    Format.JSON_1: _json_feed,
    Format.JSON_11: _json_feed,
}
