"""HTML of publishers: kept raw, and made text or made safe here when it leaves the system."""

import html as entities
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import nh3
from selectolax.lexbor import LexborHTMLParser, LexborNode

from newsreel.formats.urls import absolute

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "br",
        "caption",
        "center",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "option",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
_UNSEEN = ["script", "style", "template", "noframes", "iframe", "head"]
_ODD = r"\t\r\f\v\u00a0\u2000-\u200b\u202f\u205f\u3000"
_SPACES = re.compile(f" *[{_ODD}][ {_ODD}]*|  +")
_ODD_SPACE = re.compile(f"[{_ODD}]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")


def text_of(html: str | None) -> str:
    """Return HTML as text for people: no scripts, entities undone, a line per paragraph."""
    if not html:
        return ""
    if "<" not in html:
        return _folded(unescaped(html))
    if _is_monstrous(html):
        return _bare_text(html)
    parser = LexborHTMLParser(_readable(html))
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
    if "  " in text or _ODD_SPACE.search(text):
        text = _SPACES.sub(" ", text)
    return "\n".join([line for line in map(str.strip, text.split("\n")) if line])


# --- made safe --------------------------------------------------------------------------------

_TAGS = nh3.ALLOWED_TAGS | {
    "audio",
    "big",
    "button",
    "dir",
    "fieldset",
    "font",
    "form",
    "input",
    "label",
    "legend",
    "main",
    "menu",
    "meter",
    "option",
    "optgroup",
    "picture",
    "progress",
    "section",
    "select",
    "source",
    "textarea",
    "tfoot",
    "track",
    "video",
    "math",
    "annotation",
    "maction",
    "menclose",
    "merror",
    "mfrac",
    "mi",
    "mmultiscripts",
    "mn",
    "mo",
    "mover",
    "mpadded",
    "mphantom",
    "mprescripts",
    "mroot",
    "mrow",
    "mspace",
    "msqrt",
    "mstyle",
    "msub",
    "msubsup",
    "msup",
    "mtable",
    "mtd",
    "mtext",
    "mtr",
    "munder",
    "munderover",
    "none",
    "semantics",
    "svg",
    "circle",
    "defs",
    "desc",
    "ellipse",
    "g",
    "line",
    "lineargradient",
    "marker",
    "path",
    "polygon",
    "polyline",
    "radialgradient",
    "rect",
    "stop",
    "text",
    "tspan",
} - {"button", "form", "input", "select", "textarea", "option", "optgroup"}
_DROPPED_WITH_CONTENT = {"script", "style", "template", "noframes", "xml"}
_EVERYWHERE = {"title", "lang", "dir", "class", "align", "valign", "width", "height", "role"}
_MATH = ["math", "mi", "mn", "mo", "mfrac", "mrow", "mtable", "mtd", "mstyle", "mspace", "mover"]
_MATH_ATTRIBUTES = {"display", "mathvariant", "stretchy", "linethickness", "columnalign"}
_SHAPES = ["svg", "g", "path", "circle", "ellipse", "rect", "line", "polygon", "polyline", "text"]
_SHAPE_ATTRIBUTES = {
    "viewbox",
    "d",
    "cx",
    "cy",
    "r",
    "rx",
    "ry",
    "x",
    "y",
    "x1",
    "x2",
    "y1",
    "y2",
} | {
    "points",
    "fill",
    "stroke",
    "stroke-width",
    "transform",
}
_ATTRIBUTES: dict[str, set[str]] = {
    **{tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()},
    "*": _EVERYWHERE,
    "a": {"href", "hreflang", "type", "name"},
    "img": {"src", "srcset", "sizes", "alt", "width", "height", "border", "loading", "usemap"},
    "source": {"src", "srcset", "sizes", "type", "media"},
    "video": {"src", "poster", "controls", "width", "height", "loop", "muted", "preload"},
    "audio": {"src", "controls", "loop", "muted", "preload"},
    "track": {"src", "kind", "srclang", "label"},
    "area": {"href", "alt", "coords", "shape"},
    "map": {"name"},
    "time": {"datetime"},
    "data": {"value"},
    "font": {"color", "face", "size"},
    "ol": {"start", "type", "reversed"},
    "li": {"value"},
    "td": {"colspan", "rowspan", "headers"},
    "th": {"colspan", "rowspan", "headers", "scope"},
    "details": {"open"},
    **dict.fromkeys(_MATH, _MATH_ATTRIBUTES),
    **dict.fromkeys(_SHAPES, _SHAPE_ATTRIBUTES),
}  # fmt: skip
_SCHEMES = {
    "http",
    "https",
    "mailto",
    "tel",
    "ftp",
    "magnet",
    "xmpp",
    "irc",
    "ircs",
    "geo",
    "gemini",
    "news",
    "sms",
}
_ONE_LINK = frozenset({"href", "src", "poster", "cite", "background", "longdesc"})


def sanitised(html: str, *, base: str | None = None) -> str:
    """Return HTML that can be shown anywhere: no script, style, form, frame; links resolved."""
    if "<" not in html:
        return html  # text and references: nothing that could run
    if _is_monstrous(html):
        return entities.escape(_bare_text(html), quote=False)
    return _cleaner(base).clean(_readable(html))


_MOST_CHARS, _MOST_REFERENCES, _DEEPEST = 2_000_000, 100_000, 500
_LONG_TAG = re.compile(r"<[A-Za-z/!][^<>]{50000}")
_ANY_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)")
_UNNESTED = frozenset(
    [
        "p",
        "li",
        "br",
        "img",
        "hr",
        "td",
        "th",
        "tr",
        "dt",
        "dd",
        "option",
        "input",
        "meta",
        "link",
        "source",
        "wbr",
        "col",
        "area",
        "embed",
        "param",
    ]
)


def _is_monstrous(html: str) -> bool:
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


def _bare_text(html: str) -> str:
    """Return the text between tags, found without a tree."""
    return _folded(unescaped(re.sub(r"<[A-Za-z/!][^<>]*>", " ", html[: 4 * _MOST_CHARS])))


_BOGUS = re.compile(r"<!(?=\[CDATA\[|DOCTYPE\b)", re.IGNORECASE)


def _readable(html: str) -> str:
    """Return HTML whose comments end: an unclosed one would swallow all that follows."""
    if "<!" not in html:
        return html
    if html.rfind("<!--") > html.rfind("-->"):
        head, _, rest = html.rpartition("<!--")
        html = head + rest.partition(">")[2]
    return _BOGUS.sub("&lt;!", html)


@lru_cache(maxsize=256)
def _cleaner(base: str | None) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=_TAGS,
        clean_content_tags=_DROPPED_WITH_CONTENT,
        attributes=_ATTRIBUTES,
        attribute_filter=_resolver(base),
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
    )


def _resolver(base: str | None) -> Callable[[str, str, str], str | None]:
    """Return the function that resolves the links of a document against its base."""

    def resolved(_tag: str, name: str, value: str) -> str | None:
        if name in _ONE_LINK:
            if value[:1] == "#":
                return value
            return absolute(value, base) or (None if ":" in value or base else value)
        if name == "srcset":
            return ", ".join(_candidates(value, base)) or None
        return value

    return resolved


_CANDIDATE = re.compile(r"\s*([^\s,][^\s]*[^\s,]|[^\s,])(\s+[\d.]+[wxh])?\s*(?:,|$)")


def _candidates(srcset: str, base: str | None) -> list[str]:
    """Return the images of a ``srcset``, each with its size, resolved; only those of the web."""
    found = []
    for match in _CANDIDATE.finditer(srcset[:20_000]):
        link = absolute(match[1], base)
        if link and link.startswith(("http://", "https://")):
            found.append(link + (match[2] or ""))
    return found


# --- where a page's feeds are -----------------------------------------------------------------

_FEED_TYPES = {
    "application/rss+xml": True,
    "application/atom+xml": True,
    "application/feed+json": True,
    "application/rdf+xml": True,
    "application/x-rss+xml": True,
    "text/rss+xml": True,
    "application/json": False,
    "application/xml": False,
    "text/xml": False,
}
_LIKELY = re.compile(
    r"(?:^|[/._?=&-])(?:rss\d?|atom|rdf|feeds?|feed\.json|index\.xml)(?:$|[/._?=&-])|"
    r"\.(?:rss|atom|rdf)(?:$|\?)|feedburner|/feed/?$",
    re.IGNORECASE,
)
_UNLIKELY = re.compile(
    r"(?:sharer?|intent|facebook|twitter|add(?:this|tofeedly)|mailto)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class FoundFeed:
    """An address where a page says that a feed stands, or where one may stand."""

    url: str
    title: str | None = None
    type: str | None = None


def find_feeds(html: bytes, url: str, content_type: str | None = None) -> tuple[FoundFeed, ...]:
    """Return the feeds that a page declares, in its order, then links that look like feeds."""
    from newsreel.formats.charsets import decoded

    parser = LexborHTMLParser(decoded(html, content_type=content_type).text)
    base = url
    if (node := parser.css_first("base[href]")) is not None:
        base = absolute(node.attributes.get("href"), url) or url
    found: dict[str, FoundFeed] = {}
    for declared in (_declared, _linked):
        for node in parser.css("link[href]" if declared is _declared else "a[href]"):
            feed = declared(node, base)
            if feed is not None and feed.url.startswith(("http://", "https://")):
                found.setdefault(feed.url, feed)
    return tuple(found.values())


def _declared(node: LexborNode, base: str) -> FoundFeed | None:
    """Return the feed of a ``<link rel=alternate type=…>``."""
    attributes = node.attributes
    rel = (attributes.get("rel") or "").lower().split()
    kind = (attributes.get("type") or "").partition(";")[0].strip().lower()
    href = attributes.get("href")
    link = absolute(href, base)
    if not link or not ({"alternate", "feed"} & set(rel)) or ("stylesheet" in rel):
        return None
    is_sure = _FEED_TYPES.get(kind)
    if "feed" not in rel and (is_sure is None or (not is_sure and not _LIKELY.search(href or ""))):
        return None
    return FoundFeed(link, (attributes.get("title") or "").strip() or None, kind or None)


def _linked(node: LexborNode, base: str) -> FoundFeed | None:
    """Return the address of a link in the page that looks like a feed's."""
    href = node.attributes.get("href") or ""
    kind = (node.attributes.get("type") or "").lower()
    if not (_FEED_TYPES.get(kind) or _LIKELY.search(href)) or _UNLIKELY.search(href):
        return None
    link = absolute(href.partition("#")[0], base)
    return (
        FoundFeed(link, " ".join(node.text(deep=True).split()) or None, kind or None)
        if link
        else None
    )
