"""What an element holds: text, HTML, or JSON where nothing better is known."""

import base64
import binascii
import html
import re

from lxml import etree

from newsreel.formats.names import key_of
from newsreel.model.entry import Json

XML = "{http://www.w3.org/XML/1998/namespace}"
XML_BASE, XML_LANG = XML + "base", XML + "lang"
_MOST_TEXT, _MOST_NODES, _MOST_ATTRIBUTES, _DEEPEST = 100_000, 500, 100, 6


def text_in(element: etree._Element) -> str | None:
    """Return an element's text, stripped; None where it is empty."""
    text = element.text
    if len(element):
        text = "".join(element.itertext())
    if text is None:
        return None
    return text.strip() or None


_XMLNS = re.compile(r"""\s+xmlns(?::[\w.-]+)?=(?:"[^"]*"|'[^']*')""")
_PREFIXED = re.compile(r"<(/?)[A-Za-z_][\w.-]*:(?=[A-Za-z])")
_START = re.compile(r"<[A-Za-z_/][^<>]*>")
_EMPTY = re.compile(r"<([A-Za-z][\w.-]*)((?:\s[^<>]*?)?)\s*/>")
_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    ]
)


def attributes_of(element: etree._Element) -> dict[str, str]:
    """Return the first hundred attributes by folded names: lxml is slow with thousands."""
    return {
        key_of(str(name)): str(element.get(name)).strip()
        for name in element.keys()[:_MOST_ATTRIBUTES]
    }


def inner_html(element: etree._Element) -> str:
    """Return what stands inside an element as HTML: no namespaces, no self-closed tags."""
    written: str = etree.tostring(element, encoding="unicode", with_tail=False)
    start, end = written.find(">") + 1, written.rfind("</")
    inner = written[start:end] if end >= start else ""
    if "xmlns" in inner:
        inner = _START.sub(_without_xmlns, inner)
    if ":" in inner:
        inner = _PREFIXED.sub(r"<\1", inner)
    return _EMPTY.sub(_opened, inner).strip() if "/>" in inner else inner.strip()


def _without_xmlns(match: re.Match[str]) -> str:
    return _XMLNS.sub("", match[0]) if "xmlns" in match[0] else match[0]


def _opened(match: re.Match[str]) -> str:
    name, rest = match[1], match[2]
    return f"<{name}{rest}>" if name.lower() in _VOID else f"<{name}{rest}></{name}>"


_KINDS = {
    "text": False, "text/plain": False, "plain": False,
    "html": True, "xhtml": True, "text/html": True, "text/xhtml": True,
    "application/xhtml+xml": True,
    "application/xml": True, "text/xml": True,
}  # fmt: skip


def construct(element: etree._Element) -> tuple[str | None, bool | None]:
    """Return an element's text, and whether it is HTML; None where the publisher doesn't say.

    This covers Atom 1.0's text constructs and ``content``, and Atom 0.3's ``mode``, base64 too.
    """
    attributes = element.attrib
    if len(element):
        return _markup(element), True
    if not attributes:
        text = element.text
        return (text.strip() or None if text else None), None
    kind = (attributes.get("type") or "").strip().lower().partition(";")[0].rstrip()
    mode = (attributes.get("mode") or "").strip().lower()
    text = text_in(element)
    if text is None:
        return None, None
    if mode == "base64" or (
        kind
        and "/" in kind
        and kind not in _KINDS
        and not kind.startswith("text/")
        and not kind.endswith(("+xml", "/xml"))
    ):
        text = _from_base64(text) or (text if mode != "base64" else None)
    is_html = _KINDS.get(kind, False if "/" in kind else None)
    if kind == "text/plain" and mode == "escaped":
        is_html = None
    return text, is_html


def _markup(element: etree._Element) -> str | None:
    """Return the markup inside an element, without the ``div`` that Atom's XHTML is wrapped in."""
    if (
        len(element) == 1
        and not (element.text or "").strip()
        and not (element[0].tail or "").strip()
    ):
        child = element[0]
        if key_of(str(child.tag)) in {"xhtml:div", "xhtml:body", "body"} or (
            key_of(str(child.tag)) == "div" and not child.attrib
        ):
            return inner_html(child) or None
    return inner_html(element) or None


def _from_base64(text: str) -> str | None:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8").strip()
    except (binascii.Error, ValueError):
        return None


def as_html(text: str, *, is_html: bool | None) -> str:
    """Return a text as HTML: escaped where the publisher says that it is plain."""
    return (
        html.escape(text, quote=False)
        if is_html is False and ("<" in text or "&" in text)
        else text
    )


def as_json(element: etree._Element) -> Json:
    """Return all that an element says as JSON: text, or attributes, children and text by name.

    Where a limit cut something, ``"…": true`` stands beside the rest.
    """
    return _as_json(element, 0, [_MOST_NODES])


def _as_json(element: etree._Element, depth: int, budget: list[int]) -> Json:
    text = (element.text or "").strip()
    is_cut = len(text) > _MOST_TEXT or len(element.attrib) > _MOST_ATTRIBUTES
    text = text[:_MOST_TEXT]
    if not element.attrib and not len(element) and not is_cut:
        return text
    value: dict[str, Json] = {}
    for key, attribute in attributes_of(element).items():
        value[key] = attribute[:_MOST_TEXT]
        is_cut = is_cut or len(attribute) > _MOST_TEXT
    for child in element if depth < _DEEPEST else ():
        budget[0] -= 1
        if budget[0] < 0:
            break
        if isinstance(child.tag, str):
            add_json(value, key_of(child.tag), _as_json(child, depth + 1, budget))
    if is_cut or budget[0] < 0 or (depth >= _DEEPEST and len(element)):
        value["…"] = True
    if text:
        value["text"] = text
    return value


def add_json(value: dict[str, Json], key: str, more: Json) -> None:
    """Put a value under a name; a second one makes a list of them."""
    if key not in value:
        value[key] = more
        return
    old = value[key]
    if isinstance(old, list):
        old.append(more)
    else:
        value[key] = [old, more]
