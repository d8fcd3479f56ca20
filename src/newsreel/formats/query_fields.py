"""The fields of the search language: what may stand before a colon, and what its value means."""

from collections.abc import Callable
from datetime import datetime

from newsreel.formats.languages import tag_of
from newsreel.formats.query_dates import days_before, days_from, days_of, days_until
from newsreel.model.query import Filter, FilterKind, Has, Node, TextField

PUNCTUATION = "!#$%&'*+,-./:;<=>?@[\\]^_`{|}~–—−…"
"""What ends a word without being part of it, beside blanks, quotation marks and parentheses."""

Found = Node | str | None
"""A node; or what is to be said, where it has no effect; or None, where it isn't understood."""


def _filter(kind: FilterKind) -> Callable[[str, datetime], Found]:
    return lambda value, _now: Filter(kind, value) if value.strip(PUNCTUATION + " ") else None


def _language(value: str, _now: datetime) -> Found:
    tag = tag_of(value)
    return Filter(FilterKind.LANGUAGE, tag.lower()) if tag else None


def _has(value: str, _now: datetime) -> Found:
    word = value.lower()
    known = {has.value: has for has in Has} | {f"{has.value}s": has for has in Has}
    return Filter(FilterKind.HAS, known[word].value) if word in known else None


def _is(value: str, _now: datetime) -> Found:
    match value.lower():
        case "revised":
            return Filter(FilterKind.HAS, Has.REVISION.value)
        case "unread" | "read" | "starred":
            return "needs accounts, which are not there yet: it changes nothing"
        case _:
            return None


def _story(_value: str, _now: datetime) -> Found:
    return "needs stories, which are not there yet: it changes nothing"


def _marked(value: str, _now: datetime) -> Found:
    return _is("starred", _now) if value else None


FIELDS: dict[str, TextField | Callable[[str, datetime], Found]] = {
    **{place.value: place for place in TextField},
    "feed": _filter(FilterKind.FEED),
    "site": _filter(FilterKind.SITE),
    "tag": _filter(FilterKind.TAG),
    "link": _filter(FilterKind.LINK),
    "lang": _language,
    "language": _language,
    "has": _has,
    "is": _is,
    "story": _story,
    "day": days_of,
    "date": days_of,
    "after": days_from,
    "since": days_from,
    "before": days_before,
    "until": days_until,
    "date=": days_of,
    "date==": days_of,
    "date>": days_from,
    "date>=": days_from,
    "date<": days_before,
    "date<=": days_until,
    "bookmarked": _marked,
}
OLD_FIELDS = {
    "title": "title", "description": "body", "author": "author", "artist": "author",
    "link": "link", "language": "lang", "tag": "tag", "tags": "tag", "tags__tag": "tag",
    "source": "feed", "source_url": "feed", "bookmarked": "bookmarked",
    **{f"{source}__{name}": "feed" for source in ("source", "source_obj")
       for name in ("title", "url", "id")},
    "date_published": "date", "date_created": "date",
}  # fmt: skip
"""The names that the old archives' own search had, before ``=``, ``==``, ``<`` and ``>``."""
