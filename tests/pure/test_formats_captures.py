from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.errors import ArchiveError
from newsreel.formats.cdxj import line_of, read_line, url_key
from newsreel.formats.warc import feed_key, read_record, records_of, warcinfo_record
from newsreel.model.capture import Capture, KeptAs, KeptCapture, Validators

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
URL = "https://press.example/feed"


def kept_of(body: bytes = b"<rss/>", **told: Any) -> KeptCapture:
    fields: dict[str, Any] = {"url": URL, "final_url": URL, "fetched_at": NOON, "status": 200}
    digest = sha256(body).digest()
    capture = Capture(**{**fields, "body": body, "digest": digest, **told})
    later = NOON + timedelta(microseconds=5)
    kind = told.get("kind", KeptAs.RESPONSE)
    return KeptCapture(feed=URL, polled_at=later, kind=kind, capture=capture, digest=digest)


def answer_of(kept: KeptCapture) -> bytes:
    return b"".join(records_of(kept)[1])


@given(st.binary(), st.booleans(), st.text(st.characters(codec="ascii", categories=["L"])))
def test_what_is_written_is_read_again(body: bytes, is_cut: bool, etag: str) -> None:
    kept = kept_of(
        body,
        is_cut=is_cut,
        url="https://press.example/old",
        validators=Validators(f'"{etag}"', "Wed, 04 Mar 2026 07:00:00 GMT"),
        content_type="text/xml",
    )

    assert read_record(answer_of(kept), is_private=False) == kept


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nA: 1", b"HTTP/1.1 200 OK\r\nA: 1\r\n"),
        (b"HTTP/1.0 200\nA: 1\nB: 2", b"HTTP/1.0 200\r\nA: 1\r\nB: 2\r\n"),
        (b"http/9 200 OK\r\nA: 1", b"HTTP/1.1 200 \r\nA: 1\r\n"),
        (b"HTTP/1.1 200 OK\r\nA: 1\r\n more", b"HTTP/1.1 200 OK\r\nA: 1\r\n more\r\n"),
        (
            b"HTTP/1.1 200 OK\r\nno header",
            b"HTTP/1.1 200 OK\r\nX-Archive-Orig-Line: no header\r\n",
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked",
            b"HTTP/1.1 200 OK\r\nX-Archive-Orig-transfer-encoding: chunked\r\n",
        ),
    ],
    ids=["plain", "bare-line-feeds", "no-version", "folded", "no-header", "chunked"],
)
def test_a_head_is_kept_in_a_form_that_can_be_read(head: bytes, expected: bytes) -> None:
    record = answer_of(kept_of(b"body", head=head))

    block = record.partition(b"\r\n\r\n")[2]
    assert block == expected + b"Content-Length: 4\r\n\r\nbody\r\n\r\n"


def test_a_header_that_may_hold_a_secret_is_redacted() -> None:
    request = b"GET / HTTP/1.1\r\nHost: a\r\nCookie: s=1\r\nX-Key: 2\r\nauthorization: B x\r\n\r\n"

    question = b"".join(records_of(kept_of(request=request))[0])

    sent = b"Host: a\r\nCookie: redacted\r\nX-Key: redacted\r\nauthorization: redacted\r\n\r\n"
    assert question.endswith(b"GET / HTTP/1.1\r\n" + sent + b"\r\n\r\n")


def test_two_polls_of_one_second_have_two_records() -> None:
    first, second = (
        answer_of(kept_of(elapsed=timedelta(milliseconds=ms))).split(b"\r\n")[2] for ms in (3, 4)
    )

    assert first.startswith(b"WARC-Record-ID: <urn:uuid:")
    assert first != second


@pytest.mark.parametrize(
    "data",
    [b"", b"no record", answer_of(kept_of())[:-5], answer_of(kept_of()) + b"x"],
    ids=["empty", "other", "torn", "longer"],
)
def test_what_is_no_whole_record_is_an_error(data: bytes) -> None:
    with pytest.raises(ArchiveError, match="WARC record"):
        read_record(data, is_private=False)


def test_a_record_without_our_fields_is_an_error_or_another_s() -> None:
    record = answer_of(kept_of())
    info = b"".join(warcinfo_record(software="x", at=NOON, name="n"))

    assert read_record(info, is_private=False) is None
    assert (
        read_record(record.replace(b"Newsreel-Feed", b"Another-Field"), is_private=False) is None
    )
    with pytest.raises(ArchiveError, match="without what is ours"):
        read_record(record.replace(b"Newsreel-Polled-At", b"Another-Field-Then"), is_private=False)


@given(st.integers(0, 10**12), st.integers(1, 10**9), st.sampled_from(KeptAs))
def test_a_line_of_an_index_is_read_again(offset: int, length: int, kind: KeptAs) -> None:
    kept = kept_of(content_type="text/xml; charset=utf-8")
    kept = KeptCapture(
        feed=kept.feed,
        polled_at=kept.polled_at,
        kind=kind,
        capture=kept.capture,
        digest=kept.digest,
    )

    found = read_line(line_of(kept, file="f.warc.gz", offset=offset, length=length))

    assert (found.offset, found.length, found.kind) == (offset, length, kind)
    assert (found.feed, found.polled_at, found.fetched_at) == (URL, kept.polled_at, NOON)
    assert (found.digest, found.url, found.file) == (kept.digest, URL, "f.warc.gz")


@pytest.mark.parametrize("line", [b"", b"a b", b"a b {}", b"a b []", b"\xff 1 {}"])
def test_what_is_no_line_of_an_index_is_an_error(line: bytes) -> None:
    with pytest.raises(ArchiveError, match="not a line of an index"):
        read_line(line)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.Example.com/Feed/", "com,example)/feed"),
        ("http://example.com", "com,example)/"),
        ("https://example.com:443/a?b=2&a=1", "com,example)/a?a=1&b=2"),
        ("http://127.0.0.1:8080/x", "1,0,0,127:8080)/x"),
        ("http://[::1]:8080/A", "::1:8080)/a"),
        ("http://example.com/a%2Cb%20c", "com,example)/a,b%20c"),
        ("http://example.com:port/", "http://example.com:port/"),
        ("", ")/"),
    ],
)
def test_keys_are_those_that_replay_tools_look_up(url: str, expected: str) -> None:
    assert url_key(url) == expected


def test_a_feed_with_a_password_is_named_by_a_digest() -> None:
    assert feed_key(URL) == URL
    assert feed_key("https://ada:quill@press.example/").startswith("sha256:")
    assert feed_key("https://press.example/\n") != "https://press.example/\n"
