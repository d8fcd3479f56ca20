import gzip
import zlib
from importlib import import_module
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.fetch.decoding import BadEncoding, Decoder, decoder_for
from newsreel.fetch.wire import (
    LONGEST_HEAD,
    BadHttp,
    Chunked,
    Head,
    HeadReader,
    framing_of,
    head_of,
    request_bytes,
)

FEED = b"".join(b"<item><title>%d</title></item>" % n for n in range(400))
HEAD = b'HTTP/1.1 200 OK\r\nETag: "a"\r\nSet-Cookie: a\r\nset-cookie: b\r\nX:\xe9\r\n\r\n'


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut data at these places."""
    at = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(at)]


cuts = st.lists(st.integers(0, 10**6), max_size=20)


@given(cuts)
def test_a_head_is_the_same_however_it_arrives(cuts: list[int]) -> None:
    reader, head, rest = HeadReader(), None, b""
    for piece in pieces_of(b"HTTP/1.1 103 Early\r\n\r\n" + HEAD + b"body", cuts):
        if head is None:
            head = reader.feed(piece)
            rest = reader.rest
        else:
            rest += piece

    assert head == Head(200, {"etag": '"a"', "set-cookie": "a, b", "x": "\xe9"})
    assert rest == b"body"


def test_what_no_value_may_hold_is_a_blank() -> None:
    head = head_of(b'HTTP/1.1 200 OK\r\nETag: "a\0b\rc\x7f"\r\nX: a\tb\r\nLocation: /\0\r\n')

    assert head.headers == {"etag": '"a b c "', "x": "a\tb", "location": "/"}


@given(cuts, st.lists(st.binary(min_size=1, max_size=50), max_size=8))
def test_a_chunked_body_is_the_same_however_it_arrives(
    cuts: list[int], chunks: list[bytes]
) -> None:
    wire = b"".join(b"%X;a=b\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    framing = Chunked()

    body = b"".join(map(framing.take, pieces_of(wire + b"0\r\nTrailer: x\r\n\r\n", cuts)))

    assert body == b"".join(chunks)
    assert framing.is_done(is_closed=False)


@given(st.binary(max_size=200), cuts)
def test_no_bytes_crash_the_reader(data: bytes, cuts: list[int]) -> None:
    reader, framing = HeadReader(), Chunked()
    for piece in pieces_of(data, cuts):
        for take in (reader.feed, framing.take):
            try:
                take(piece)
            except BadHttp:
                return


def test_a_head_without_an_end_is_given_up() -> None:
    reader = HeadReader()
    reader.feed(b"HTTP/1.1 200 OK\r\nX: ")

    with pytest.raises(BadHttp):
        reader.feed(b"x" * LONGEST_HEAD)


@pytest.mark.parametrize("data", [b"zz\r\n", b"-5\r\n", b"5" * 5000])
def test_a_chunk_without_a_size_is_no_http(data: bytes) -> None:
    with pytest.raises(BadHttp):
        Chunked().take(data)


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        (b"Content-Length: 5", "Length"),
        (b"Content-Length: 5\r\nContent-Length: 5", "Length"),
        (b"Content-Length: five", "UntilClosed"),
        (b"Content-Length: -5", "UntilClosed"),
        (b"Content-Length: 99999999999999999999", "UntilClosed"),
        (b"Transfer-Encoding: gzip, Chunked\r\nContent-Length: 5", "Chunked"),
        (b"Transfer-Encoding: identity", "UntilClosed"),
        (b"X: y", "UntilClosed"),
    ],
)
def test_the_framing_follows_the_head(headers: bytes, name: str) -> None:
    framing = framing_of(head_of(b"HTTP/1.1 200 OK\r\n" + headers))

    assert type(framing).__name__ == name


def test_a_request_is_written() -> None:
    wire = request_bytes(
        "GET", "/feed?a=b", {"Host": "paper.example", "If-None-Match": 'W/"\xe9"'}
    )

    assert wire == (
        b'GET /feed?a=b HTTP/1.1\r\nHost: paper.example\r\nIf-None-Match: W/"\xe9"\r\n\r\n'
    )


@pytest.mark.parametrize(
    ("name", "value"), [("X", "a\rb"), ("X", "a\nb"), ("X", "\0"), ("X Y", "z"), ("", "z")]
)
def test_a_header_that_would_break_a_request_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="not a header"):
        request_bytes("GET", "/", {name: value})


RAW_DEFLATE = zlib.compressobj(wbits=-15)
ENCODED = {
    "gzip": gzip.compress(FEED),
    "x-gzip": gzip.compress(FEED[:999]) + gzip.compress(b"") + gzip.compress(FEED[999:]),
    "GZIP ": gzip.compress(FEED) + bytes(100),  # padded
    "deflate": zlib.compress(FEED),
    "Deflate": RAW_DEFLATE.compress(FEED) + RAW_DEFLATE.flush(),
    "br": import_module("brotli").compress(FEED),
    "zstd": import_module("backports.zstd").compress(FEED),
    "ZSTD": import_module("backports.zstd").compress(FEED[:9])
    + import_module("backports.zstd").compress(FEED[9:]),
    "identity": FEED,
}


def drawn_from(decoder: Decoder, data: bytes, room: int) -> bytes:
    out = decoder.decode(data, room)
    while not decoder.is_hungry():
        out += decoder.decode(b"", room)
    return out


@given(st.sampled_from(sorted(ENCODED)), cuts, st.integers(1, 20_000))
def test_what_was_encoded_comes_back_whatever_the_pieces(
    encoding: str, cuts: list[int], room: int
) -> None:
    pieces = pieces_of(ENCODED[encoding], cuts)
    decoder = decoder_for(encoding, pieces[0])

    body = b"".join(drawn_from(decoder, piece, room) for piece in pieces)

    assert body == FEED
    assert decoder.is_complete()


@given(st.sampled_from(["gzip", "deflate", "br", "zstd"]), st.integers(0, 10**6))
def test_what_is_cut_off_is_noticed(encoding: str, at: int) -> None:
    data = ENCODED[encoding]
    data = data[: 4 + at % (len(data) - 4)]
    decoder = decoder_for(encoding, data)

    body = drawn_from(decoder, data, 500)

    assert FEED.startswith(body)
    assert not decoder.is_complete()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_comes_out_in_bounded_parts(encoding: str) -> None:
    bomb = bytes(5_000_000)
    data = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "br": import_module("brotli").compress,
        "zstd": import_module("backports.zstd").compress,
    }[encoding](bomb)
    decoder = decoder_for(encoding, data)

    parts = [decoder.decode(data, 100_000)]
    while not decoder.is_hungry():
        parts.append(decoder.decode(b"", 100_000))

    assert max(map(len, parts)) < 1_000_000
    assert sum(map(len, parts)) == len(bomb)


@given(st.sampled_from(["gzip", "deflate", "br", "zstd"]), st.binary(max_size=300))
def test_garbage_is_a_bad_encoding_or_a_body(encoding: str, data: bytes) -> None:
    try:
        drawn_from(decoder_for(encoding, data), data, 1000)
    except BadEncoding:
        return


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(BadEncoding, match="rot13"):
        decoder_for("rot13", b"<erff>")
