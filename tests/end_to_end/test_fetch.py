from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from newsreel import __version__
from newsreel.fetch.client import Client, FetchPolicy, Request
from newsreel.model.capture import Capture, FaultKind, Validators
from publisher import (
    Publisher,
    fail,
    raw,
)

FEED = b"<rss><channel><title>The Invented Gazette</title></channel></rss>"
NOW = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
OPEN = FetchPolicy(allow_private=("127.0.0.0/8",), timeout=timedelta(seconds=20))


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        yield publisher


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Client(OPEN, clock=lambda: NOW) as client:
        yield client


async def test_a_feed_is_fetched_with_all_that_is_said_about_it(
    publisher: Publisher, client: Client
) -> None:
    url = publisher.put(
        "/feed.xml",
        FEED,
        etag='W/"a-1"',
        last_modified="Tue, 03 Mar 2026 10:00:00 GMT",
        headers={"Cache-Control": "public, max-age=600"},
    )

    capture = await client.fetch(Request(url=url))

    assert capture == Capture(
        url=url,
        final_url=url,
        fetched_at=NOW,
        status=200,
        content_type="application/rss+xml; charset=utf-8",
        validators=Validators('W/"a-1"', "Tue, 03 Mar 2026 10:00:00 GMT"),
        max_age=timedelta(minutes=10),
        body=FEED,
        digest=sha256(FEED).digest(),
        elapsed=capture.elapsed,
    )
    assert capture.elapsed > timedelta()


async def test_the_request_says_who_asks_and_nothing_else(
    publisher: Publisher, client: Client
) -> None:
    url = publisher.put("/feed.xml?b=2&a=%7e", FEED)

    await client.fetch(Request(url=url + "#part"))

    (seen,) = publisher.requests
    assert seen.path == "/feed.xml?b=2&a=%7e"
    assert sorted(seen.headers) == [
        "accept",
        "accept-encoding",
        "connection",
        "host",
        "user-agent",
    ]
    assert seen.headers["host"] == f"127.0.0.1:{publisher.port}"
    assert seen.headers["user-agent"] == client.policy.agent


def test_the_agent_names_the_version_and_whom_to_write_to() -> None:
    policy = FetchPolicy(contact="mailto:archive@example.org")

    assert policy.agent == f"Newsreel/{__version__} (+mailto:archive@example.org)"


@pytest.mark.parametrize(
    "etag", ['"plain"', 'W/"weak"', "unquoted", '"with, comma; and \xe9\xff"', '""', '"a\tb"']
)
async def test_validators_go_back_byte_for_byte(
    publisher: Publisher, client: Client, etag: str
) -> None:
    date = "Tue, 3 Mar 2026 9:05:00 +0100"
    url = publisher.put("/feed.xml", FEED, etag=etag, last_modified=date)
    first = await client.fetch(Request(url=url))

    second = await client.fetch(Request(url=url, validators=first.validators))

    assert second.is_not_modified
    assert second.body is None
    assert f"If-None-Match: {etag}\r\nIf-Modified-Since: {date}\r\n".encode("latin-1") in (
        publisher.requests[-1].raw
    )


async def test_a_304_brings_its_new_validators(publisher: Publisher, client: Client) -> None:
    head = b'HTTP/1.1 304 Not Modified\r\nETag: "b"\r\nCache-Control: max-age=60\r\n\r\n'
    url = publisher.answer("/feed.xml", raw(head))

    capture = await client.fetch(Request(url=url, validators=Validators('"a"', "Monday")))

    assert capture.is_not_modified
    assert capture.validators == Validators('"b"', None)
    assert capture.max_age == timedelta(minutes=1)


async def test_a_304_that_was_not_asked_for_is_a_fault(
    publisher: Publisher, client: Client
) -> None:
    url = publisher.answer("/feed.xml", raw(b"HTTP/1.1 304 Not Modified\r\n\r\n"))

    capture = await client.fetch(Request(url=url))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.PROTOCOL


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "identity"])
async def test_content_encodings_are_undone(
    publisher: Publisher, client: Client, encoding: str
) -> None:
    url = publisher.put("/feed.xml", FEED * 5000, encoding=encoding)

    capture = await client.fetch(Request(url=url))

    assert capture.body == FEED * 5000
    assert not capture.is_cut


async def test_plain_text_that_calls_itself_gzip_is_taken_as_it_is(
    publisher: Publisher, client: Client
) -> None:
    url = publisher.put("/feed.xml", FEED, headers={"Content-Encoding": "gzip"})

    assert (await client.fetch(Request(url=url))).body == FEED


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n6\r\n<rss/>\r\n0\r\n\r\n", id="chunked"),
        pytest.param(
            b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\n<r\r\n004\r\nss/>\r\n0\r\nX: y\r\n\r\n",
            id="chunked with extensions and a trailer",
        ),
        pytest.param(b"\r\n<rss/>", id="until the end"),
        pytest.param(b"Content-Length: 6\r\n\r\n<rss/>and more", id="more than promised"),
        pytest.param(b"content-length:6\r\nno header at all\r\n\r\n<rss/>", id="a broken header"),
        pytest.param(b"X: a\r\n  folded\r\nContent-Length: 6\r\n\r\n<rss/>", id="folded"),
    ],
)
async def test_the_end_of_a_body_is_found(
    publisher: Publisher, client: Client, answer: bytes
) -> None:
    url = publisher.answer("/feed.xml", raw(b"HTTP/1.1 200 OK\r\n" + answer))

    capture = await client.fetch(Request(url=url))

    assert (capture.body, capture.is_cut, capture.fault) == (b"<rss/>", False, None)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200\nX: y\n\n",
        b"HTTP/1.0 200 \r\n\r\n",
        b"http/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 -\r\nLink: x\r\n\r\nHTTP/1.1 200 -\r\n\r\n",
    ],
)
async def test_a_careless_head_is_read(publisher: Publisher, client: Client, head: bytes) -> None:
    url = publisher.answer("/feed.xml", raw(head + b"<rss/>"))

    assert (await client.fetch(Request(url=url))).body == b"<rss/>"


@pytest.mark.parametrize(
    ("headers", "max_age"),
    [
        ({"Cache-Control": "max-age=3600"}, 3600),
        ({"Cache-Control": 'private, MAX-AGE="60"'}, 60),
        ({"Cache-Control": "max-age=3600", "Age": "600"}, 3000),
        ({"Cache-Control": "max-age=60", "Age": "600"}, 0),
        ({"Cache-Control": "no-cache, max-age=3600"}, None),
        ({"Cache-Control": "no-store"}, None),
        ({"Cache-Control": "max-age=soon"}, None),
        ({"Cache-Control": "max-age=99999999999999999999"}, 3650 * 86400),
        ({"Expires": "Wed, 04 Mar 2026 11:00:00 GMT"}, 3600),
        (
            {
                "Expires": "Wed, 04 Mar 2020 11:00:00 GMT",
                "Date": "Wed, 04 Mar 2020 10:30:00 GMT",
            },
            1800,
        ),
        ({"Expires": "0"}, None),
        ({"Expires": "Wed, 04 Mar 2020 11:00:00 GMT"}, None),
        ({"Expires": "Wed, 04 Mar 2026 11:00:00 GMT", "Cache-Control": "max-age=60"}, 60),
        ({}, None),
    ],
)
async def test_max_age_is_read(
    publisher: Publisher, client: Client, headers: dict[str, str], max_age: int | None
) -> None:
    url = publisher.put("/feed.xml", FEED, headers=headers)

    capture = await client.fetch(Request(url=url))

    assert capture.max_age == (None if max_age is None else timedelta(seconds=max_age))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("Wed, 04 Mar 2026 10:02:00 GMT", 120),
        ("0", 0),
        ("soon", None),
        ("Wed, 04 Mar 2020 10:02:00 GMT", 0),
        ("-5", None),
        ("9" * 30, 3650 * 86400),
    ],
)
async def test_retry_after_is_read_in_seconds_and_as_a_date(
    publisher: Publisher, client: Client, text: str, seconds: int | None
) -> None:
    url = publisher.answer("/feed.xml", fail(429, Retry_After=text))

    capture = await client.fetch(Request(url=url))

    assert capture.fault is not None
    assert capture.fault.reason == "http-429"
    assert capture.retry_after == (None if seconds is None else timedelta(seconds=seconds))
