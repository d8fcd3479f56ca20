"""Files and messages as a JSON Feed 1.1, so that they are read as any feed is.

What is written here is kept as the capture: it must be the same for the same files and messages.
"""

import html
import re
from collections.abc import Iterable
from datetime import datetime

from newsreel.formats.json_values import JsonObject, json_bytes
from newsreel.model.entry import Json

CONTENT_TYPE = "application/feed+json"
VERSION = "https://jsonfeed.org/version/1.1"
_UNSAFE = re.compile(r"[^\w.,;()=@~ -]")


def feed_document(title: str, items: Iterable[JsonObject], **extras: Json) -> bytes:
    """Return the feed of some items, each identity once; ``extras`` stand under ``_newsreel``."""
    by_id: dict[Json, Json] = {}
    for item in items:
        by_id.setdefault(item["id"], item)
    document: JsonObject = {"version": VERSION, "title": title, "items": list(by_id.values())}
    told: JsonObject = {name: value for name, value in extras.items() if value}
    return json_bytes({**document, "_newsreel": told} if told else document)


def item_of(
    identity: str,
    *,
    title: str | None,
    content: str | None = None,
    published: str | None = None,
    modified_at: datetime | None = None,
    authors: Iterable[str] = (),
    attachments: Iterable[JsonObject] = (),
) -> JsonObject:
    """Return an item; ``content`` is HTML, ``published`` a date as it was written."""
    fields: JsonObject = {
        "id": identity,
        "title": title,
        "content_html": content,
        "date_published": published,
        "date_modified": modified_at.isoformat() if modified_at else None,
        "authors": [{"name": name} for name in authors],
        "attachments": list(attachments),
    }
    return {name: value for name, value in fields.items() if value}


def attachment_of(name: str, kind: str | None, size: int | None) -> JsonObject:
    """Return a file by its name alone: its content is not kept."""
    fields: JsonObject = {"url": file_link(name), "mime_type": kind, "size_in_bytes": size}
    return {field: value for field, value in fields.items() if value is not None}


def file_link(name: str) -> str:
    """Return a file's name as a relative link that can't be taken for an address."""
    last = name.replace("\\", "/").rpartition("/")[2][:200] or "file"
    return _UNSAFE.sub(lambda match: "".join(f"%{b:02X}" for b in match[0].encode()), last)


def html_of_text(text: str) -> str:
    """Return plain text as HTML: a paragraph after each empty line, lines as they were."""
    paragraphs = re.split(r"\n[ \t]*\n\s*", text.replace("\r\n", "\n").strip("\n"))
    lines = (html.escape(one.strip("\n"), quote=False) for one in paragraphs)
    return "\n".join("<p>" + one.replace("\n", "<br>\n") + "</p>" for one in lines if one.strip())
