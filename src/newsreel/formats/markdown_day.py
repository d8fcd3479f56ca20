"""The Markdown of a day file: the old archive's form, with the feed's address where it had a slip.

Nothing is escaped, and a reader finds an entry by its four-line head (docs/format.md). So that no
publisher can write a head or a header of their own:

* what stands in one line (titles, links, language) is one line, whatever it held;
* a line of a description never begins with a blank, as the lines of a head do;
* a line of a description that begins like the file's header gets a backslash before it;
* a link is an absolute address without blanks, quotes or angle brackets, and never of a scheme
  that runs code; the language is a tag or ``None``.
"""

import re
from itertools import pairwise
from urllib.parse import quote

from newsreel.formats.html_text import text_of
from newsreel.formats.json_day import in_order
from newsreel.formats.urls import absolute
from newsreel.model.day import DayPage
from newsreel.model.entry import Content, Entry, Revision

MAX_BODY_CHARS = 1000
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_NOT_IN_A_URL = re.compile(r"""[\s\x00-\x20\x7f-\x9f"<>\\^`{|}]""")
_LANGUAGE = re.compile(r"[A-Za-z0-9_-]{1,35}\Z")
_LINE_ENDS = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


def markdown_of(page: DayPage) -> bytes:
    """Return the Markdown file of a page."""
    feed = page.feed
    address = _address(feed.first_url)
    language = feed.language if feed.language and _LANGUAGE.match(feed.language) else None
    header = f"# Source:{_one_line(page.title)}, URL:{address}, language:{language}\n\n"
    items = [_item(entry, address) for entry in in_order(page.entries)]
    return "".join([header, *items]).encode("utf-8", "replace")


def _item(entry: Entry, address: str) -> str:
    content = entry.content
    link = _link(content)
    published = content.published_at.isoformat() if content.published_at else None
    lines = [
        f"## {_one_line(content.title)}",
        f" - [{link}]({link})",
        f" - RSS feed: {address}",
        f" - date published: {published}",
        f" - first seen: {entry.first_seen_at.isoformat()}",
        *_former_titles(entry.revisions),
        "",
        str(_description(content)),
        "",
    ]
    return "\n".join(lines) + "\n"


def _former_titles(revisions: tuple[Revision, ...]) -> list[str]:
    """Return a line for each title that the publisher replaced; not for one that we read anew."""
    found = []
    for older, newer in pairwise(revisions):
        is_edit = not newer.reread or newer.number != older.number
        if is_edit and older.content.title != newer.content.title:
            until = newer.seen_at.isoformat()
            found.append(f" - title until {until}: {_one_line(older.content.title)}")
    return found


def _link(content: Content) -> str | None:
    link = content.canonical_link or content.permalink or content.link
    link = absolute(link, None)
    return _address(link) if link else None


def _address(url: str) -> str:
    return _NOT_IN_A_URL.sub(lambda match: quote(match[0], safe="", errors="replace"), url)


def _one_line(text: str | None) -> str | None:
    return None if text is None else _CONTROLS.sub("", _LINE_ENDS.sub(" ", text))


def _description(content: Content) -> str | None:
    """Return the summary as plain text, else the beginning of the body, else None."""
    text = text_of(content.summary) or _beginning(text_of(content.body))
    if not text:
        return None
    return "\n".join(_harmless(line) for line in _LINE_ENDS.split(text))


def _beginning(text: str) -> str:
    if len(text) <= MAX_BODY_CHARS:
        return text
    head = text[:MAX_BODY_CHARS]
    if not (head[-1].isspace() or text[MAX_BODY_CHARS].isspace()):
        words = head.rsplit(maxsplit=1)
        head = words[0] if len(words) > 1 else head
    return head.rstrip() + " …"


def _harmless(line: str) -> str:
    line = _CONTROLS.sub("", line).strip()
    return "\\" + line if line.startswith("# Source") else line
