"""HTML of publishers: kept raw, and made safe here when it leaves the system."""

import html as entities
import re
from collections.abc import Callable
from functools import lru_cache

import nh3

from newsreel.formats.html_text import bare_text, is_monstrous, readable
from newsreel.formats.urls import absolute

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
    if is_monstrous(html):
        return entities.escape(bare_text(html), quote=False)
    return _cleaner(base).clean(readable(html))


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
