"""What a file that is to be imported holds, told from its content alone."""

from dataclasses import dataclass

from newsreel.errors import FeedError
from newsreel.formats import legacy_json, legacy_markdown, sources
from newsreel.formats.legacy_archive import LegacyDocument, read_json, read_markdown
from newsreel.formats.opml import is_opml, read_opml
from newsreel.formats.sources import FeedList
from newsreel.model.entry import Json

_FEEDS = (b"<rss", b"<feed", b"<rdf:rdf", b"<?xml")


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing that can be imported, and why."""

    reason: str


def understand(body: bytes) -> LegacyDocument | FeedList | Unknown:
    """Return the entries or the feeds that a file holds. Never raises."""
    start = body[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        return Unknown("empty")
    if start[:1] in {b"[", b"{"}:
        return _of_json(body)
    if is_opml(body):
        return _of_opml(body)
    if start.lower().startswith(_FEEDS):
        return Unknown("XML that is no OPML; a feed is added by its address, with `newsreel add`")
    if b"\0" in start:
        return Unknown("neither text nor an archive of a known kind")
    return _of_text(body)


def _of_opml(body: bytes) -> FeedList | Unknown:
    try:
        feeds = read_opml(body)
    except FeedError as error:
        return Unknown(f"broken OPML: {error}")
    return FeedList(tuple(feeds)) if feeds else Unknown("OPML without a feed's address in it")


def _of_text(body: bytes) -> LegacyDocument | FeedList | Unknown:
    document = read_markdown(body)
    if document is not None:
        if legacy_markdown.is_ours(body.decode("utf-8", "replace")):
            return _own("day file")
        return document
    text = body.decode("utf-8-sig", "replace")
    if sources.is_list(text):
        return sources.read_list(text)
    return Unknown("nothing that can be imported")


def _of_json(body: bytes) -> LegacyDocument | FeedList | Unknown:
    try:
        value = legacy_json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        return Unknown(f"broken JSON: {str(error)[:120]}")
    if _is_own_day(value):
        return _own("day file")
    if isinstance(value, dict) and str(value.get("format", "")).startswith("newsreel-"):
        return _own("manifest")
    if isinstance(value, dict) and "domains" in value:
        return Unknown("a list of domains")
    if isinstance(value, dict) and "keywords" in value:
        return Unknown("a list of keywords")
    try:
        document = read_json(body, value)
    except RecursionError:
        return Unknown("broken JSON: nested too deeply")
    return document or sources.read_sources(value) or Unknown("JSON of an unknown shape")


def _is_own_day(value: Json) -> bool:
    if not isinstance(value, list) or not value:
        return False
    first = value[0]
    return isinstance(first, dict) and "date_first_seen" in first


def _own(what: str) -> Unknown:
    return Unknown(f"a {what} of Newsreel's own; `newsreel rebuild` reads whole archives")
