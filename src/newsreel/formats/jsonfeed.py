"""JSON Feed 1.0 and 1.1."""

import html
import json
import re
from collections.abc import Mapping
from typing import cast

from newsreel.errors import NotAFeed
from newsreel.formats import charsets
from newsreel.formats.urls import joined
from newsreel.model.entry import (
    NOTHING,
    Enclosure,
    FeedFormat,
    Forgiven,
    Json,
    ParsedEntry,
    ParsedFeed,
)

_FEED_FIELDS = frozenset(
    [
        "version",
        "title",
        "home_page_url",
        "feed_url",
        "description",
        "language",
        "icon",
        "favicon",
        "author",
        "authors",
        "items",
        "hubs",
    ]
)
_ENTRY_FIELDS = frozenset(
    [
        "id",
        "url",
        "external_url",
        "title",
        "content_html",
        "content_text",
        "summary",
        "image",
        "banner_image",
        "date_published",
        "date_modified",
        "author",
        "authors",
        "tags",
        "language",
        "attachments",
    ]
)
_Object = Mapping[str, Json]


def parse(body: bytes, *, content_type: str | None = None, url: str | None = None) -> ParsedFeed:
    """Return the feed in a JSON document; raises NotAFeed."""
    del content_type  # RFC 8259: JSON is UTF-8
    kept = _without_rest(body)
    found = charsets.decoded(kept)
    document, truncated = _loaded(found.text)
    truncated |= len(kept) < len(body)
    if _UNFIT.search(found.text):
        document = _fit(document)
    if not isinstance(document, dict) or not isinstance(document.get("items"), list):
        raise NotAFeed(
            "JSON without items", hint="a JSON Feed is an object with version, title and items"
        )
    items = cast("list[Json]", document["items"])
    authors = _authors(document)
    base = _text(document.get("feed_url")) or _text(document.get("home_page_url"))
    base = joined(url, base) if url and base else url or base
    hubs = document.get("hubs")
    return ParsedFeed(
        format=FeedFormat.JSON_FEED,
        title=_text(document.get("title")),
        link=_text(document.get("home_page_url")),
        links=tuple(
            filter(None, (_text(document.get("home_page_url")), _text(document.get("feed_url"))))
        ),
        description=_text(document.get("description")),
        language=_text(document.get("language")),
        id=_text(document.get("feed_url")),
        author=authors[0] if authors else None,
        authors=authors,
        image=_text(document.get("icon")) or _text(document.get("favicon")),
        self_url=_text(document.get("feed_url")),
        hub_urls=tuple(filter(None, (_text(h.get("url")) for h in hubs if isinstance(h, dict))))
        if isinstance(hubs, list)
        else (),
        base_url=base,
        entries=tuple(_entry(item, base) for item in items if isinstance(item, dict)),
        forgiven=found.forgiven + ((_CUT_OFF,) if truncated else ()),
        recoded=found.recoded,
        truncated=truncated,
        extras=_rest(document, _FEED_FIELDS),
    )


_UNFIT = re.compile(r"\\u(?:[dD][89abAB]|00[01])|[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]+")


_CUT_OFF = Forgiven("JSON that breaks off", "", "every complete item")
_LONG_REST = 1_000_000  # bytes
_ITEMS = re.compile(r'"items"\s*:\s*\[')


def _without_rest(body: bytes) -> bytes:
    """Leave out the item in which a body breaks off, where that is long.

    With one rare character in it, it would take four times its size as text.
    """
    end = body.rfind(b"}") + 1
    return body[:end] if len(body) - end > _LONG_REST else body


def _loaded(text: str) -> tuple[Json, bool]:
    """Return a JSON document, and whether it breaks off; then it has the complete items."""
    decoder = json.JSONDecoder(
        strict=False, parse_int=_number, parse_constant=lambda _constant: None
    )
    try:
        return cast("Json", decoder.decode(text.strip())), False
    except RecursionError as error:
        raise NotAFeed("JSON nested too deep") from error
    except ValueError as error:
        start = _ITEMS.search(text)
        if start is None or "jsonfeed.org" not in text[:2000]:
            raise NotAFeed(f"JSON that can't be read: {str(error)[:100]}") from error
    items: list[Json] = []
    at = start.end()
    while text[at : at + 1] not in {"", "]"}:
        try:
            item, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        items.append(item)
        at = _next_item(text, at)
    head: Json = {"items": items}
    try:
        head = decoder.decode(text[: start.end()].rstrip() + "]}")
    except (ValueError, RecursionError):
        return head, True
    is_cut = text[at : at + 1] != "]"
    return ({**head, "items": items} if isinstance(head, dict) else head), is_cut


_GAP = re.compile(r"[\s,]*")


def _next_item(text: str, at: int) -> int:
    match = _GAP.match(text, at)
    return match.end() if match else at


def _fit(value: Json) -> Json:
    """Return a value without what is no text: JSON can write halves of pairs, and NUL."""
    if isinstance(value, str):
        return _NO_TEXT.sub("", value)
    if isinstance(value, list):
        return [_fit(item) for item in value]
    return (
        {_NO_TEXT.sub("", k): _fit(v) for k, v in value.items()}
        if isinstance(value, dict)
        else value
    )


def _number(digits: str) -> Json:
    return int(digits) if len(digits) < 100 else digits[:1000]


def _text(value: Json) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _authors(item: _Object) -> tuple[str, ...]:
    people = item.get("authors")
    listed = people if isinstance(people, list) else []
    single = item.get("author")
    names = []
    for person in [*listed, single]:
        if isinstance(person, dict):
            names.append(_text(person.get("name")) or _text(person.get("url")))
        elif isinstance(person, str):
            names.append(_text(person))
    return tuple(dict.fromkeys(name for name in names if name))


def _entry(item: _Object, base: str | None) -> ParsedEntry:
    authors = _authors(item)
    plain = _text(item.get("content_text"))
    tags = item.get("tags")
    link = _text(item.get("url")) or _text(item.get("external_url"))
    return ParsedEntry(
        guid=_text(item.get("id")),
        link=link,
        links=tuple(filter(None, (_text(item.get("url")), _text(item.get("external_url"))))),
        title=_text(item.get("title")),
        summary=_text(item.get("summary")),
        body=_text(item.get("content_html"))
        or (html.escape(plain, quote=False) if plain else None),
        author=authors[0] if authors else None,
        authors=authors,
        categories=tuple(filter(None, map(_text, tags))) if isinstance(tags, list) else (),
        enclosures=_attachments(item.get("attachments")),
        thumbnail=_text(item.get("image")) or _text(item.get("banner_image")),
        language=_text(item.get("language")),
        published=_text(item.get("date_published")),
        updated=_text(item.get("date_modified")),
        base_url=base,
        extras=_rest(
            item,
            _ENTRY_FIELDS - {"content_text"}
            if item.get("content_html") and plain
            else _ENTRY_FIELDS,
        ),
    )


def _attachments(value: Json) -> tuple[Enclosure, ...]:
    if not isinstance(value, list):
        return ()
    found = []
    for item in value:
        if isinstance(item, dict) and (url := _text(item.get("url"))):
            size = item.get("size_in_bytes")
            length = int(size) if isinstance(size, int | float) and 0 <= size < 1e15 else None
            found.append(Enclosure(url, _text(item.get("mime_type")), length))
    return tuple(found)


def _rest(item: _Object, known: frozenset[str]) -> Mapping[str, Json]:
    return {
        key: value for key, value in item.items() if key not in known and value is not None
    } or NOTHING
