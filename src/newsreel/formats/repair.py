"""Broken XML mended in its text: what stands before the root, characters, references.

Each step is linear in the length of the document. No entity is expanded but short literal ones.
What is still not well-formed after this is for `soup`.
"""

import html.entities
import re
from collections import Counter

from newsreel.model.entry import Forgiven

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]+")
_ROOT = re.compile(
    r"<(?=[A-Za-z])(?:[A-Za-z][\w.-]{0,40}:)?(?:rss|feed|rdf|urlset)(?=[\s>/])", re.IGNORECASE
)
_ESCAPED_ROOT = re.compile(r"&lt;(?:rss|feed|rdf:RDF)(?=[\s&])")
FEEDISH = frozenset({"rss", "feed", "rdf", "urlset", "channel", "sitemapindex", "entry", "item"})
_ANY = re.compile(
    r"<(?=[A-Za-z])(?:[A-Za-z][\w.-]{0,40}:)?(?:rss|feed|rdf|urlset|channel|sitemapindex|entry|item)(?=[\s>/])",
    re.IGNORECASE,
)
_PROLOG = re.compile(r"\s*(?:<\?[^>]{0,2000}>|<!--|<!DOCTYPE\b)?", re.IGNORECASE)
_NAME = re.compile(r"<([A-Za-z_][\w.:-]{0,100})")
_ENTITY = re.compile(
    r"""<!ENTITY\s+([\w.-]{1,40})\s+(?:"([^"<%]{0,200})"|'([^'<%]{0,200})')\s*>"""
)
_MOST_ENTITIES = 300


def holds_feed(text: str) -> bool:
    """Tell whether anything in a text may be the tag of a feed or an entry."""
    return _ANY.search(text) is not None or _ESCAPED_ROOT.search(text) is not None


def rooted(text: str) -> tuple[str, str, list[Forgiven]]:
    """Return a document from its root on, its DOCTYPE, and whether something else stood before."""
    start, doctype = _root_of(text)
    if not _NAME.match(text, start) or not _ROOT.search(text, start):
        escaped = _ESCAPED_ROOT.search(text)
        if escaped:
            note = Forgiven("a feed written as text in a page", "", "read alone")
            return html.unescape(text[escaped.start() :]), "", [note]
    if start and text[:start].strip("\ufeff\0 \t\r\n\f") and not _is_prolog(text, start):
        return text[start:], doctype, [Forgiven("something before the root", "line 1", "dropped")]
    return text[start:], doctype, []


def repaired(text: str, doctype: str) -> tuple[str, list[Forgiven]]:
    """Return a document with its characters and references mended, and what was mended."""
    notes: list[Forgiven] = []
    if _CONTROLS.search(text):
        text, count = _CONTROLS.subn("", text)
        notes.append(Forgiven(f"{count} × control characters", "", "dropped"))
    known = _literals(doctype)
    text, counts = _references_mended(text, known)
    notes += [Forgiven(f"{count} × {what}", "", how) for (what, how), count in counts.items()]
    return text, notes


def _is_prolog(text: str, start: int) -> bool:
    return text[:start].lstrip("\ufeff \t\r\n")[:2] in {"<?", "<!"} and not text[
        :start
    ].lstrip().startswith("<!- ")


def _root_of(text: str) -> tuple[int, str]:
    """Return where the root's tag begins, and the DOCTYPE before it."""
    at, doctype = 0, ""
    length = len(text)
    text_start = len(text) - len(text.lstrip("\ufeff \t\r\n\0"))
    at = text_start
    while at < length:
        match = _PROLOG.match(text, at)
        assert match is not None
        if match.end() == at:
            break
        found = match[0].strip()
        at = match.end()
        if found == "<!--":
            end = text.find("-->", at)
            at = end + 3 if end >= 0 else length
        elif found[:2] == "<!":
            end = _doctype_end(text, at)
            doctype, at = text[match.end() : end], end
    name = _NAME.match(text, at)
    if name and name[1].rpartition(":")[2].lower() in FEEDISH:
        return at, doctype
    root = _ROOT.search(text, text_start)
    return (root.start() if root else text_start), doctype


def _doctype_end(text: str, at: int) -> int:
    """Return where a DOCTYPE ends, its internal subset skipped."""
    close = text.find(">", at)
    bracket = text.find("[", at, close if close >= 0 else len(text))
    if bracket >= 0:
        end = text.find("]", bracket)
        close = text.find(">", end) if end >= 0 else -1
    if close < 0:
        root = _ROOT.search(text, at)
        return root.start() if root else len(text)
    return close + 1


def _literals(doctype: str) -> dict[str, str]:
    """Return a DOCTYPE's entities that stand for a few characters and nothing else."""
    known: dict[str, str] = {}
    for count, match in enumerate(_ENTITY.finditer(doctype[:100_000])):
        if count >= _MOST_ENTITIES:
            break
        value = html.unescape(match[2] if match[2] is not None else match[3])
        if "&" not in value or value in {"&", "&#38;"}:
            known.setdefault(match[1], value)
    return known


# --- references -------------------------------------------------------------------------------

_BARE = re.compile(r"&(?![A-Za-z#])")
_REFERENCE = re.compile(
    r"&(?!(?:lt|gt|amp|quot|apos);)(?:(#[0-9]{1,10}|#[xX][0-9a-fA-F]{1,8}|"
    r"[A-Za-z][A-Za-z0-9]{0,31})(;)?|)"
)
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
Counts = Counter[tuple[str, str]]


def _references_mended(text: str, known: dict[str, str]) -> tuple[str, Counts]:
    """Mend the references outside of CDATA sections and comments."""
    counts: Counts = Counter()
    parts: list[str] = []
    at = 0
    while (start := text.find("<![CDATA[", at)) >= 0:
        end = text.find("]]>", start)
        if end < 0:
            break
        parts += (mended(text[at:start], counts, known), text[start : end + 3])
        at = end + 3
    if start >= 0:
        parts += (mended(text[at:start], counts, known), text[start:])
    else:
        parts.append(mended(text[at:], counts, known))
    return "".join(parts), counts


def mended(text: str, counts: Counts, known: dict[str, str]) -> str:
    """Return text in which every reference is one that XML knows."""
    if "&" not in text:
        return text
    text, count = _BARE.subn("&amp;", text)
    if count:
        counts["bare &", "&amp;"] += count

    def one(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            counts["bare &", "&amp;"] += 1
            return "&amp;"
        if name[0] == "#":
            return _numbered(match[0], name, counts)
        char = known.get(name) if match[2] else None
        if char is None and match[2]:
            char = html.entities.html5.get(name + ";")
        if char is None:
            counts["bare &", "&amp;"] += 1
            return "&amp;" + match[0][1:]
        counts["entities of HTML or of a DOCTYPE", "characters"] += 1
        return "".join(_ESCAPES.get(c, c) for c in char)

    return _REFERENCE.sub(one, text)


def _numbered(written: str, name: str, counts: Counts) -> str:
    """Return a character reference as XML allows it, Windows-1252's as browsers read it."""
    code = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
    if 0x80 <= code <= 0x9F:
        counts["references to control characters", "windows-1252"] += 1
        return bytes([code]).decode("cp1252", "ignore")
    if (
        code in {9, 10, 13}
        or 0x20 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or 0x10000 <= code <= 0x10FFFF
    ):
        if written.endswith(";") and name[1] != "X":
            return written
        return f"&#{code};"
    counts["references to no character", "dropped"] += 1
    return ""
