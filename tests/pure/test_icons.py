"""Which bytes are a picture that may be shown, and where a page says that its icons stand."""

import base64
import struct
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.formats.icons import find_icons, icon_type
from pictures import png

PAGE = "https://paper.example/news/"


def gif(width: int = 16, height: int = 16) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x00\x00\x00;"


def ico(*pictures: bytes) -> bytes:
    head, at = struct.pack("<HHH", 0, 1, len(pictures)), 6 + 16 * len(pictures)
    for picture in pictures:
        head += struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(picture), at)
        at += len(picture)
    return head + b"".join(pictures)


def bitmap(width: int = 16, height: int = 16) -> bytes:
    return struct.pack("<IiiHH", 40, width, height * 2, 1, 32) + bytes(24)


def jpeg(width: int = 16, height: int = 16) -> bytes:
    app = b"\xff\xe0" + struct.pack(">H", 16) + bytes(14)
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + bytes(3)
    return b"\xff\xd8" + app + frame + b"\xff\xd9"


def webp(kind: bytes, data: bytes) -> bytes:
    chunk = kind + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def lossless(width: int = 16, height: int = 16) -> bytes:
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14))


def lossy(width: int = 16, height: int = 16) -> bytes:
    return webp(b"VP8 ", bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", width, height))


def extended(width: int = 16, height: int = 16) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp(b"VP8X", bytes(4) + sides)


# Made by other programs: a picture of one pixel each.
REAL = {
    "image/gif": "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7",
    "image/png": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q"
    "DwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "image/webp": "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA",
}


@pytest.mark.parametrize("kind", REAL)
def test_pictures_of_other_programs_are_known(kind: str) -> None:
    assert icon_type(base64.b64decode(REAL[kind])) == kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (png(), "image/png"),
        (gif(), "image/gif"),
        (jpeg(), "image/jpeg"),
        (lossless(), "image/webp"),
        (lossy(), "image/webp"),
        (extended(), "image/webp"),
        (ico(bitmap()), "image/x-icon"),
        (ico(bitmap(), png(256, 256)), "image/x-icon"),
    ],
)
def test_a_picture_is_known_by_its_bytes(body: bytes, kind: str) -> None:
    assert icon_type(body) == kind


@pytest.mark.parametrize("sides", [(1025, 16), (16, 1025)])
@pytest.mark.parametrize(
    "make", [png, gif, jpeg, lossless, lossy, extended, lambda w, h: ico(bitmap(w, h))]
)
def test_a_picture_that_unpacks_to_too_much_is_none(make: object, sides: tuple[int, int]) -> None:
    assert callable(make)
    assert icon_type(make(1024, 1024)) is not None
    assert icon_type(make(*sides)) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<html>not found</html>",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"\xff\xd8\xff",
        b"RIFF\x00\x00\x00\x00WEBPVP8 ",
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
        b"\x00\x00\x01\x00",
        ico(),
        ico(bitmap(), png(4000, 4000)),
        ico(bitmap())[:30],
        png(0, 0),
        png(2**31, 2**31),
    ],
)
def test_what_is_no_picture_or_not_a_whole_one_is_none(body: bytes) -> None:
    assert icon_type(body) is None


BEGINNINGS = [b"", png(), gif(), jpeg()[:4], b"RIFF\0\0\0\0WEBP", b"\x00\x00\x01\x00"]


@given(st.sampled_from(BEGINNINGS), st.binary(max_size=200))
def test_no_bytes_make_it_fail(beginning: bytes, rest: bytes) -> None:
    icon_type(beginning + rest)


def page(*links: str, base: str = "") -> bytes:
    return f"<html><head>{base}{''.join(links)}</head><body>News</body></html>".encode()


def test_the_fittest_icon_comes_first() -> None:
    html = page(
        '<link rel="apple-touch-icon" href="/apple.png">',
        '<link rel="icon" sizes="16x16" href="/16.png">',
        '<link rel="SHORTCUT ICON" href="/old.ico">',
        '<link rel="icon" sizes="512x512" href="/512.png">',
        '<link rel="icon" sizes="32x32" href="32.png">',
        '<link rel="icon" type="image/svg+xml" href="/vector">',
        '<link rel="icon" href="/vector.SVG?1">',
        '<link rel="mask-icon" href="/mask.png">',
        '<link rel="stylesheet" href="/style.css">',
    )

    assert find_icons(html, PAGE) == (
        "https://paper.example/news/32.png",
        "https://paper.example/512.png",
        "https://paper.example/old.ico",
    )


def test_links_are_relative_to_the_base_and_lead_into_the_web() -> None:
    html = page(
        '<link rel="icon" href="a.png">',
        '<link rel="icon" href="data:image/png;base64,AAAA">',
        '<link rel="icon" href="javascript:alert(1)">',
        '<link rel="icon" href="file:///etc/passwd">',
        '<link rel="icon">',
        base='<base href="//static.example/x/">',
    )

    assert find_icons(html, PAGE) == ("https://static.example/x/a.png",)
    assert find_icons(b"", PAGE) == find_icons(b"\x00\xff<", PAGE) == ()


def test_a_page_of_any_depth_names_its_icons_in_linear_time() -> None:
    began = process_time()

    found = find_icons(b"<link rel=icon href=/a.png>" + b"<div>" * 100_000, PAGE)

    assert process_time() - began < 3
    assert found == find_icons(b"<link rel=icon href=/a.png>", PAGE) != ()
