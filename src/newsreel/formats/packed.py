"""Documents that are gzip files (RFC 1952) themselves, as sitemaps often are."""

import zlib

from newsreel.errors import NotAFeed

LARGEST = 15_000_000
MAGIC = b"\x1f\x8b\x08"


def is_packed(body: bytes) -> bool:
    """Tell whether a body is a gzip file."""
    return body.startswith(MAGIC)


def unpacked(body: bytes) -> tuple[bytes, bool]:
    """Return what a gzip file holds, and whether that ends early: by our limit, or by itself.

    Raises:
        NotAFeed: it holds nothing that can be read.
    """
    inner = zlib.decompressobj(wbits=31)
    try:
        content = inner.decompress(body, LARGEST)
    except zlib.error as error:
        raise NotAFeed("a gzip file that is broken") from error
    if not content:
        raise NotAFeed("a gzip file that holds nothing")
    return content, not inner.eof
