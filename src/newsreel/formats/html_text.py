"""HTML of publishers as text for people."""

import html as entities
import re
from itertools import chain

from selectolax.lexbor import LexborHTMLParser

_BLOCKS = frozenset(
    chain(
        ("address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd"),
        ("details", "dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer"),
        ("form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "legend", "li", "main"),
        ("menu", "nav", "ol", "option", "p", "pre", "section", "summary", "table", "tbody", "td"),
        ("tfoot", "th", "thead", "tr", "ul"),
    )
)
_UNNESTED = frozenset(
    chain(
        ("p", "li", "br", "img", "hr", "td", "th", "tr", "dt", "dd", "option", "input", "meta"),
        ("link", "source", "wbr", "col", "area", "embed", "param"),
    )
)
_UNSEEN = ["script", "style", "template", "noframes", "iframe", "head"]
_ASCII_SPACES = "\t\r\f\v"
_ODD_SPACES = _ASCII_SPACES + "\u00a0\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200C)))
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")

_MOST_CHARS, _MOST_REFERENCES, _DEEPEST = 2_000_000, 100_000, 500
_LONG_TAG = re.compile(r"<[A-Za-z/!][^<>]{50000}")
_ANY_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)")
_POINTER = re.compile(r"<(?:a|base|link)\s[^<>]{1,5000}>", re.IGNORECASE)
_BOGUS = re.compile(r"<!(?=\[CDATA\[|DOCTYPE\b)", re.IGNORECASE)


def text_of(html: str | None) -> str:
    """Return HTML as text for people: no scripts, entities undone, a line per paragraph."""
    if not html:
        return ""
    if "<" not in html:
        return _folded(unescaped(html))
    if is_monstrous(html):
        return bare_text(html)
    parser = LexborHTMLParser(readable(html))
    parser.strip_tags(_UNSEEN, recursive=True)
    root = parser.body or parser.root
    if root is None:
        return ""
    parts: list[str] = []
    for node in root.traverse(include_text=True):
        tag = node.tag
        if tag in _BLOCKS or ((before := node.prev) is not None and before.tag in _BLOCKS):
            parts.append("\n")
        if tag == "-text":
            parts.append((node.text_content or "").replace("\n", " "))
        elif tag == "img" and (alt := node.attributes.get("alt")):
            parts.append(f" {alt} ")
    return _folded("".join(parts))


def first_text(html: str | None, max_chars: int) -> str:
    """Return the beginning of HTML as text in one line, cut after a word and marked with ``…``."""
    text = " ".join(text_of(html).split())
    if len(text) <= max_chars:
        return text
    cut = text[: max(max_chars - 1, 0)]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > max_chars // 2 else cut).rstrip(" ,.;:-–—") + "…"


def unescaped(text: str) -> str:
    """Undo entities; what a huge or impossible reference names is left out."""
    return entities.unescape(text) if "&" in text and _ENTITY.search(text) else text


def _folded(text: str) -> str:
    for space in _ASCII_SPACES if text.isascii() else _ODD_SPACES:
        if space in text:
            text = text.replace(space, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return "\n".join([line for line in map(str.strip, text.split("\n")) if line])


def is_monstrous(html: str) -> bool:
    """Tell whether HTML is so large or deep that its parsers would take more than linear time."""
    if len(html) < 20_000:
        return False
    if len(html) > _MOST_CHARS or html.count("&") > _MOST_REFERENCES or _LONG_TAG.search(html):
        return True
    return html.count("<") > 2 * _DEEPEST and is_deeper(html, _DEEPEST)


def is_deeper(html: str, most: int) -> bool:
    """Tell whether elements are nested deeper than this; its parser takes the square of that."""
    depth = 0
    for slash, name in _ANY_TAG.findall(html):
        if name.lower() not in _UNNESTED:
            depth = max(depth - 1, 0) if slash else depth + 1
            if depth > most:
                return True
    return False


def shallow(html: str) -> str:
    """Return a page to look for addresses in; of a monstrous one only the tags that name some."""
    return "</a>".join(_POINTER.findall(html)) if is_monstrous(html) else html


def bare_text(html: str) -> str:
    """Return the text between tags, found without a tree."""
    return _folded(unescaped(re.sub(r"<[A-Za-z/!][^<>]*>", " ", html[: 4 * _MOST_CHARS])))


def readable(html: str) -> str:
    """Return HTML whose comments end: an unclosed one would swallow all that follows."""
    if "<!" not in html:
        return html
    if html.rfind("<!--") > html.rfind("-->"):
        head, _, rest = html.rpartition("<!--")
        html = head + rest.partition(">")[2]
    return _BOGUS.sub("&lt;!", html)
