"""Icons of sites: where a page says that they stand, and whether bytes are a picture to be shown.

What a server says of an icon's type is not believed; its first bytes are read. SVG is no picture
here but a document that may hold scripts. A few bytes can unpack to a picture of gigabytes, so
that its sides are looked at too.
"""

import re
from struct import error as TooShort  # noqa: N812 - that is what it says
from struct import unpack_from

from selectolax.lexbor import LexborHTMLParser, LexborNode

from newsreel.formats.html_text import shallow
from newsreel.formats.urls import absolute

LARGEST_SIDE = 1024
MOST_CANDIDATES = 3
MOST_IN_ICO = 64
_PNG, _ICO = b"\x89PNG\r\n\x1a\n", b"\x00\x00\x01\x00"
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_NUMBER = re.compile(r"\d{1,4}")
_WANTED = 32


def icon_type(body: bytes) -> str | None:
    """Return the type of a picture that may be shown as an icon; None where this is none."""
    try:
        found = _type_and_sides(body)
    except (TooShort, IndexError):
        return None
    return found[0] if found and 0 < max(found[1:]) <= LARGEST_SIDE else None


def _type_and_sides(body: bytes) -> tuple[str, int, int] | None:
    if body.startswith(_PNG):
        return "image/png", *unpack_from(">II", body, 16)
    if body.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif", *unpack_from("<HH", body, 6)
    if body.startswith(b"\xff\xd8\xff"):
        return "image/jpeg", *_sides_of_jpeg(body)
    if body.startswith(b"RIFF") and body[8:12] == b"WEBP":
        return "image/webp", *_sides_of_webp(body)
    if body.startswith(_ICO):
        return "image/x-icon", *_sides_of_ico(body)
    return None


def _sides_of_jpeg(body: bytes) -> tuple[int, int]:
    at = 2
    while body[at] == 0xFF:
        marker, length = body[at + 1], unpack_from(">H", body, at + 2)[0]
        if marker in _JPEG_SIZES:
            height, width = unpack_from(">HH", body, at + 5)
            return width, height
        at += 2 + length
    return 0, 0


def _sides_of_webp(body: bytes) -> tuple[int, int]:
    match body[12:16]:
        case b"VP8X":
            return 1 + _little(body[24:27]), 1 + _little(body[27:30])
        case b"VP8L":
            bits = unpack_from("<I", body, 21)[0]
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = unpack_from("<HH", body, 26)
            return width & 0x3FFF, height & 0x3FFF
        case _:
            return 0, 0


def _sides_of_ico(body: bytes) -> tuple[int, int]:
    """Return the largest sides of its pictures, whatever the list of them says."""
    count = unpack_from("<H", body, 4)[0]
    if count > MOST_IN_ICO:
        return 0, 0
    sides = [0]
    for number in range(count):
        offset = unpack_from("<I", body, 6 + 16 * number + 12)[0]
        if body.startswith(_PNG, offset):
            sides += unpack_from(">II", body, offset + 16)
        else:
            width, height = unpack_from("<ii", body, offset + 4)
            sides += (abs(width), abs(height) // 2)  # the picture, and its mask below it
    return max(sides), max(sides)


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def find_icons(html: bytes, url: str, content_type: str | None = None) -> tuple[str, ...]:
    """Return the addresses of the icons that a page names, the fittest first, a few at most."""
    from newsreel.formats.charsets import decoded

    parser = LexborHTMLParser(shallow(decoded(html, content_type=content_type).text))
    base = url
    if (node := parser.css_first("base[href]")) is not None:
        base = absolute(node.attributes.get("href"), url) or url
    found: dict[str, tuple[int, int]] = {}
    for node in parser.css("link[href]"):
        rank, link = _rank_of(node), absolute(node.attributes.get("href"), base)
        if rank is not None and link is not None and link.startswith(("http://", "https://")):
            found.setdefault(link, rank)
    return tuple(sorted(found, key=lambda link: found[link]))[:MOST_CANDIDATES]


def _rank_of(node: LexborNode) -> tuple[int, int] | None:
    """Return how well an icon fits: not blurred, no larger than needed, made for pages."""
    attributes = node.attributes
    rel = (attributes.get("rel") or "").lower().split()
    kind, href = (attributes.get("type") or "").lower(), attributes.get("href") or ""
    if "svg" in kind or href.partition("?")[0].lower().endswith(".svg"):
        return None
    if "icon" not in rel:
        return (3, 0) if "apple-touch-icon" in rel else None
    size = _NUMBER.search(attributes.get("sizes") or "")
    if size is None:
        return 1, 0
    side = int(size[0])
    return (0, side) if side >= _WANTED else (2, -side)
