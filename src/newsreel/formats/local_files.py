"""Files of a directory as items: messages, pages and texts with what they say, others by name."""

import mimetypes
from datetime import datetime

from selectolax.lexbor import LexborHTMLParser

from newsreel.formats import charsets
from newsreel.formats.html_text import is_deeper
from newsreel.formats.json_values import JsonObject
from newsreel.formats.local_feed import attachment_of, html_of_text, item_of
from newsreel.formats.mail import item_of_message

LARGEST_TEXT = 2_000_000
DEEPEST = 500
PAGES = frozenset((".html", ".htm", ".xhtml"))
TEXTS = frozenset((".txt", ".text", ".md", ".markdown", ".rst", ".org"))
MESSAGES = frozenset((".eml",))
MAILDIR = frozenset(("cur", "new"))
_BY_SUFFIX = mimetypes.MimeTypes()  # our own: the system's lists differ from machine to machine


def is_message(name: str) -> bool:
    """Tell whether a file is a message: by its suffix, or by its place in a Maildir."""
    folder = name.rpartition("/")[0].rpartition("/")[2]
    return _suffix(name) in MESSAGES or folder in MAILDIR


def is_read(name: str, size: int) -> bool:
    """Tell whether a file's content is read; others are entries by their names alone."""
    suffix = _suffix(name)
    return size <= LARGEST_TEXT and (suffix in PAGES | TEXTS or is_message(name))


def item_of_file(
    name: str, content: bytes | None, *, size: int, modified_at: datetime
) -> JsonObject:
    """Return a file as an item; ``name`` is its path below the directory.

    ``content`` is None for a file that is not to be read. A message is known by its Message-ID, in
    a Maildir else by the part of its name that stays when it is read or answered.
    """
    if content is not None and is_message(name):
        return item_of_message(content, identity=_place_of(name))
    found = _told(name, content) if content is not None and b"\0" not in content else None
    if found is not None:
        title, told = found
        return item_of(name, title=title, content=told, modified_at=modified_at)
    kind = _BY_SUFFIX.guess_type(name)[0]
    last = name.rpartition("/")[2]
    attached = [attachment_of(last, kind, size)]
    return item_of(name, title=last, modified_at=modified_at, attachments=attached)


def _place_of(name: str) -> str:
    """Return a message's place without what changes when it is read, answered or filed."""
    folder, slash, last = name.rpartition("/")
    above, _, inner = folder.rpartition("/")
    if inner not in MAILDIR:
        return name
    return f"{above}{slash if above else ''}{last.partition(':2,')[0]}"


def _told(name: str, content: bytes) -> tuple[str, str] | None:
    """Return the title and the HTML of a page or a text; None where it can't be read."""
    text, stem = charsets.decoded(content).text, _stem(name)
    if _suffix(name) not in PAGES:
        return _heading(text, _suffix(name)) or stem, html_of_text(text)
    if is_deeper(text, DEEPEST):
        return None
    tree = LexborHTMLParser(text)
    node = tree.css_first("title")
    title = " ".join(node.text(deep=True).split()) if node is not None else ""
    body = tree.body
    return title or stem, ((body.inner_html or "").strip() if body is not None else text)


def _heading(text: str, suffix: str) -> str | None:
    """Return the first heading of a Markdown text, where it begins with one."""
    first = text.lstrip("\ufeff \t\r\n").partition("\n")[0].strip()
    if suffix in {".md", ".markdown"} and first.startswith("#"):
        return first.strip("# \t") or None
    return None


def _stem(name: str) -> str:
    last = name.rpartition("/")[2]
    return last.rpartition(".")[0] or last


def _suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition("/")[2].rpartition(".")
    return f".{suffix.lower()}" if dot and stem else ""
