"""Bytes to a tree: strictly where that goes, repaired where it must be.

Nine documents in ten are well-formed UTF-8 without a DOCTYPE: libxml2 reads them as they stand.
The rest is decoded (`charsets`), repaired as text and read strictly again; what even then is not
well-formed is taken apart tag by tag and written anew (`soup`), so that a tree always comes from a
well-formed document, and no fault goes unnoticed.
"""

from dataclasses import dataclass, replace

from lxml import etree

from newsreel.errors import NotAFeed
from newsreel.formats import charsets, repair, soup
from newsreel.model.entry import Forgiven


@dataclass(frozen=True, slots=True)
class Tree:
    """A document's root, and what was forgiven on the way to it."""

    root: etree._Element
    forgiven: tuple[Forgiven, ...] = ()
    recoded: bool = False
    truncated: bool = False
    is_inside: bool = False  # of a page, or after something else


_BEFORE = (b" ", b"\n", b"\r", b"\t", b"\xef\xbb\xbf")
_LONGEST = 8_000_000


def shortened(body: bytes) -> bytes:
    """Return a body without the middle of any text longer than eight million bytes.

    A run that long holds a whole block of half its size without a tag: only blocks are looked at.
    """
    if len(body) <= _LONGEST or b"\0" in body[:100]:
        return body
    block = _LONGEST // 2
    parts: list[bytes] = []
    kept, at = 0, 0
    while at < len(body):
        if body.find(b"<", at, at + block) >= 0:
            at += block
            continue
        start = max(body.rfind(b"<", kept, at), kept)
        end = body.find(b"<", at)
        end = len(body) if end < 0 else end
        if end - start > _LONGEST:
            parts += (body[kept : start + block], body[end - 100 : end])
            kept = end
        at = end
    return b"".join((*parts, body[kept:])) if parts else body


def read_tree(body: bytes, *, content_type: str | None = None) -> Tree:
    """Return the tree of a document, or of the feed inside of what is no XML; raises NotAFeed."""
    short = shortened(body)
    if short is not body:
        tree = read_tree(short, content_type=content_type)
        note = Forgiven("a text of more than 8 MB", "", "its middle left out")
        return replace(tree, forgiven=(*tree.forgiven, note), truncated=True)
    lean = _from_root(body)
    if charsets.is_plain_utf_8(lean, content_type):
        head = lean[:4096]
        if (
            b"<!DOCTYPE" not in head
            and b"<!doctype" not in head
            and not charsets.looks_encoded_twice(lean)
        ):
            try:
                root = _strict(lean)
                if str(root.tag).rpartition("}")[2].lower() in repair.FEEDISH:
                    return Tree(root)
            except etree.XMLSyntaxError:
                pass
    return _from_text(charsets.decoded(body, content_type=content_type))


def _from_root(body: bytes) -> bytes:
    """Return a body from its first tag on, if only a mark and white space stand before."""
    if body[:1] == b"<" or not body.startswith(_BEFORE):
        return body
    start = body.find(b"<", 0, 100)
    if start < 0 or body[:start].strip(b"\xef\xbb\xbf \t\r\n"):
        return body
    return body[start:]


def _strict(document: bytes) -> etree._Element:
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        huge_tree=True,
        collect_ids=False,
    )
    return etree.fromstring(document, parser)


def _from_text(found: charsets.Decoded) -> Tree:
    notes = list(found.forgiven)
    if not repair.holds_feed(found.text):
        raise NotAFeed(
            _what_is(found.text), hint="a feed begins with rss, rdf:RDF, feed or urlset"
        )
    text, doctype, before = repair.rooted(found.text)
    notes += before
    try:
        root = _strict(text.encode("utf-8", "replace"))
        return Tree(root, tuple(notes), found.recoded, is_inside=bool(before))
    except etree.XMLSyntaxError:
        text, fixes = repair.repaired(text, doctype)
        notes += fixes
    try:
        root = _strict(text.encode("utf-8", "replace"))
    except etree.XMLSyntaxError as error:
        notes.append(
            Forgiven(
                f"not well-formed: {_short(error.msg)}", f"line {error.lineno}", "written anew"
            )
        )
        anew = soup.rewritten(text)
        try:
            root = _strict(anew.text.encode("utf-8", "replace"))
        except etree.XMLSyntaxError as worse:
            raise NotAFeed(f"no feed in it: {_short(worse.msg)}") from worse
        notes += anew.forgiven
        return Tree(root, tuple(notes), found.recoded, anew.truncated, is_inside=bool(before))
    return Tree(root, tuple(notes), found.recoded, is_inside=bool(before))


def _what_is(text: str) -> str:
    """Return what a text looks like that is no feed."""
    head = text[:2000].lstrip("\ufeff \t\r\n").lower()
    if not head:
        return "an empty document"
    if "<html" in head or "<!doctype html" in head or "<body" in head:
        return "an HTML page"
    if "<opml" in head:
        return "an OPML list"
    return "XML, but no feed" if head.startswith("<?xml") else "no feed"


def _short(message: str | None) -> str:
    return (message or "").partition(", line ")[0][:120]
