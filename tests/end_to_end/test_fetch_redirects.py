from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from newsreel.fetch.client import Client, FetchPolicy, Request
from newsreel.model.capture import FaultKind, Validators
from publisher import (
    Publisher,
    fail,
    redirect,
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


async def test_redirects_are_followed_and_a_permanent_move_is_told(
    publisher: Publisher, client: Client
) -> None:
    start = publisher.answer("/a", redirect("/b?x=1", 301))
    publisher.answer("/b?x=1", redirect(publisher.url("/c"), 308))
    publisher.put("/c", FEED)

    capture = await client.fetch(Request(url=start))

    assert capture.body == FEED
    assert capture.url == start
    assert capture.final_url == capture.permanent_url == publisher.url("/c")


@pytest.mark.parametrize("status", [302, 303, 307])
async def test_a_move_that_is_not_permanent_is_not_told(
    publisher: Publisher, client: Client, status: int
) -> None:
    start = publisher.answer("/a", redirect("/b", 301))
    publisher.answer("/b", redirect("/c", status))
    publisher.put("/c", FEED)

    capture = await client.fetch(Request(url=start))

    assert capture.body == FEED
    assert capture.permanent_url is None


async def test_a_permanent_move_to_an_error_is_not_told(
    publisher: Publisher, client: Client
) -> None:
    start = publisher.answer("/a", redirect("/gone", 301))

    capture = await client.fetch(Request(url=start))

    assert capture.status == 404
    assert capture.permanent_url is None


async def test_the_conditions_go_along_with_a_redirect(
    publisher: Publisher, client: Client
) -> None:
    start = publisher.answer("/a", redirect("/b", 302))
    publisher.put("/b", FEED, etag='"b"')

    capture = await client.fetch(Request(url=start, validators=Validators('"b"')))

    assert capture.is_not_modified


async def test_no_cookie_and_no_referer_is_ever_sent(publisher: Publisher, client: Client) -> None:
    start = publisher.answer("/a", fail(302, Location="/b", Set_Cookie="id=1"))
    publisher.put("/b", FEED, headers={"Set-Cookie": "id=2"})

    await client.fetch(Request(url=start))
    await client.fetch(Request(url=start))

    assert not {"cookie", "referer"} & {
        name for seen in publisher.requests for name in seen.headers
    }


@pytest.mark.parametrize("location", ["/a", "/b", "?x", "/a#again"])
async def test_a_circle_is_left_at_once(
    publisher: Publisher, client: Client, location: str
) -> None:
    publisher.answer("/b", redirect("/a", 302))
    publisher.answer("/a?x", redirect("/a", 302))
    start = publisher.answer("/a", redirect(location, 302))

    capture = await client.fetch(Request(url=start))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.TOO_MANY_REDIRECTS
    assert len(publisher.requests) <= 2


async def test_a_long_chain_is_given_up(publisher: Publisher, client: Client) -> None:
    for hop in range(10):
        publisher.answer(f"/{hop}", redirect(f"/{hop + 1}"))

    capture = await client.fetch(Request(url=publisher.url("/0")))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.TOO_MANY_REDIRECTS
    assert len(publisher.requests) == OPEN.max_hops + 1


@pytest.mark.parametrize("location", ["http://[", "http://h:99999/", "http:///nothing", "http://"])
async def test_a_redirect_to_no_address_is_a_fault(
    publisher: Publisher, client: Client, location: str
) -> None:
    capture = await client.fetch(Request(url=publisher.answer("/a", redirect(location))))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.BAD_ADDRESS


async def test_a_redirect_with_spaces_and_letters_beyond_ascii_is_followed(
    publisher: Publisher, client: Client
) -> None:
    location = "/caf\u00e9 du monde".encode().decode("latin-1")
    start = publisher.answer("/a", redirect(location))
    publisher.put("/caf%C3%A9%20du%20monde", FEED)

    assert (await client.fetch(Request(url=start))).body == FEED


def with_secret(url: str) -> str:
    return url.replace("http://", "http://reader:s3cret@")


async def test_credentials_of_the_address_are_sent_as_a_header_and_shown_nowhere(
    publisher: Publisher, client: Client
) -> None:
    url = with_secret(publisher.put("/feed.xml", FEED))

    capture = await client.fetch(Request(url=url))

    assert publisher.requests[0].headers["authorization"] == "Basic cmVhZGVyOnMzY3JldA=="
    assert capture.final_url == publisher.url("/feed.xml")


async def test_credentials_stay_with_their_origin(publisher: Publisher, client: Client) -> None:
    with Publisher() as other:
        start = with_secret(publisher.answer("/a", redirect("/b")))
        publisher.answer("/b", redirect(other.url("/c")))
        other.answer("/c", redirect(publisher.url("/d")))
        publisher.put("/d", FEED)
        own = (("X-Key", "s3cret"), ("User-Agent", "Mine/1"))

        capture = await client.fetch(Request(url=start, headers=own))

        assert capture.body == FEED
        assert [seen.headers.get("authorization") for seen in publisher.requests_for("/b")] == [
            "Basic cmVhZGVyOnMzY3JldA=="
        ]
        assert publisher.requests_for("/a")[0].headers["x-key"] == "s3cret"
        assert b"s3cret" not in other.requests[0].raw
        assert "authorization" not in other.requests[0].headers
        assert "authorization" not in publisher.requests_for("/d")[0].headers
        assert "s3cret" not in (capture.permanent_url or "") + capture.final_url


async def test_a_permanent_move_within_the_origin_keeps_the_credentials(
    publisher: Publisher, client: Client
) -> None:
    start = with_secret(publisher.answer("/a", redirect("/b")))
    publisher.put("/b", FEED)

    capture = await client.fetch(Request(url=start))

    assert capture.permanent_url == with_secret(publisher.url("/b"))
    assert capture.final_url == publisher.url("/b")


async def test_credentials_that_a_redirect_brings_are_not_taken(
    publisher: Publisher, client: Client
) -> None:
    start = publisher.answer("/a", redirect(with_secret(publisher.url("/b"))))
    publisher.put("/b", FEED)

    capture = await client.fetch(Request(url=start))

    assert "authorization" not in publisher.requests[-1].headers
    assert capture.permanent_url == publisher.url("/b")


@pytest.mark.parametrize(
    "path", ["/missing?token=s3cret", "/refused?token=s3cret", "/circle?token=s3cret"]
)
async def test_no_fault_tells_a_secret(publisher: Publisher, client: Client, path: str) -> None:
    publisher.answer("/refused?token=s3cret", redirect("http://10.0.0.1/?token=s3cret"))
    publisher.answer("/circle?token=s3cret", redirect("/circle?token=s3cret"))

    capture = await client.fetch(Request(url=with_secret(publisher.url(path))))

    assert capture.fault is not None
    assert "s3cret" not in repr(capture.fault)


async def test_a_feeds_own_headers_do_not_touch_the_connection(
    publisher: Publisher, client: Client
) -> None:
    url = publisher.put("/feed.xml", FEED)
    own = (("Host", "evil"), ("connection", "keep-alive"), ("user-agent", "Mine/1"))

    capture = await client.fetch(Request(url=url, headers=own))

    (seen,) = publisher.requests
    assert capture.fault is None
    assert seen.headers["host"] == f"127.0.0.1:{publisher.port}"
    assert seen.headers["connection"] == "close"
    assert seen.headers["user-agent"] == "Mine/1"
    assert seen.raw.lower().count(b"user-agent") == 1


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "\u2028"])
async def test_a_header_that_would_break_the_request_is_not_sent(
    publisher: Publisher, client: Client, value: str
) -> None:
    url = publisher.put("/feed.xml", FEED)

    capture = await client.fetch(Request(url=url, validators=Validators(value)))

    assert capture.fault is not None
    assert not publisher.requests


async def test_every_step_on_the_way_is_told(publisher: Publisher, client: Client) -> None:
    there = publisher.put("/b", FEED, headers={"X-Paper": "Gazette"})
    start = publisher.answer("/a", redirect("/b"))

    capture = await client.fetch(Request(url=start))

    assert [hop.url for hop in capture.hops] == [start, there]
    assert [hop.status for hop in capture.hops] == [301, 200]
    assert [hop.ip for hop in capture.hops] == ["127.0.0.1"] * 2
    assert [hop.request for hop in capture.hops] == [seen.raw for seen in publisher.requests]
    assert b"\r\nX-Paper: Gazette" in capture.hops[1].head


async def test_a_step_that_was_not_made_is_told_with_the_addresses_that_were_found(
    publisher: Publisher,
) -> None:
    async def lookup(_: str) -> Sequence[str]:
        return ["10.0.0.1", "fd00::1"]

    start = publisher.answer("/a", redirect("http://paper.example/feed"))
    async with Client(OPEN, lookup=lookup) as client:
        capture = await client.fetch(Request(url=start))

    asked, refused = capture.hops
    assert asked.status == 301
    assert refused.url == "http://paper.example/feed"
    assert refused.addresses == ("10.0.0.1", "fd00::1")
    assert (refused.ip, refused.status, refused.head) == (None, None, b"")
