"""Google News: descriptions that are ready-made groups of other publishers' headlines."""

import re
from dataclasses import replace

from newsreel.formats.html_text import text_of, unescaped
from newsreel.model.entry import Json, ParsedEntry

_HEADLINE = re.compile(
    r"""<a\s[^>]{0,200}?href=["']?(?P<url>[^"'\s>]{1,4000})[^>]{0,500}>(?P<title>.{0,2000}?)</a>"""
    r"(?:(?:&nbsp;|\s|\xa0){0,20}<font[^>]{0,200}>(?P<publisher>.{0,500}?)</font>)?",
    re.IGNORECASE | re.DOTALL,
)
_MOST = 100


def with_related(entry: ParsedEntry) -> ParsedEntry:
    """Return an entry with the headlines of its description as ``related`` extras."""
    found: list[Json] = []
    for match in _HEADLINE.finditer((entry.summary or "")[:200_000]):
        headline = {
            "url": unescaped(match["url"]),
            "title": text_of(match["title"]),
            "publisher": text_of(match["publisher"]),
        }
        found.append({key: value for key, value in headline.items() if value})
        if len(found) == _MOST:
            break
    if not found:
        return entry
    return replace(entry, extras={**entry.extras, "related": found})
