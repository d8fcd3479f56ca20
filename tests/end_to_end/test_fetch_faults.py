import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from newsreel.fetch.client import Client, FetchPolicy, Request
from newsreel.model.capture import Capture, FaultKind, Validators
from publisher import (
    Page,
    Publisher,
    bomb,
    drip,
    encoded,
    endless,
    endless_headers,
    fail,
    hang,
    raw,
    reset,
    slow,
    stall,
    truncated,
)

FEED = b"<rss><channel><title>The Invented Gazette</title></channel></rss>"
NOW = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
OPEN = FetchPolicy(allow_private=("127.0.0.0/8",), timeout=timedelta(seconds=20))
SHORT = replace(OPEN, timeout=timedelta(seconds=0.3))


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        yield publisher


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Client(OPEN, clock=lambda: NOW) as client:
        yield client


async def fetch(policy: FetchPolicy, url: str) -> Capture:
    async with Client(policy, clock=lambda: NOW) as client:
        return await client.fetch(Request(url=url))


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 502, 503, 206, 204])
async def test_an_error_of_the_server_is_a_fault_with_its_status(
    publisher: Publisher, client: Client, status: int
) -> None:
    capture = await client.fetch(Request(url=publisher.answer("/feed.xml", fail(status))))

    assert capture.fault is not None
    assert (capture.fault.kind, capture.fault.status) == (FaultKind.HTTP, status)
    assert capture.status == status
    assert capture.body is None


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(fail(403, Content_Type="text/html"), id="403 with HTML"),
        pytest.param(fail(403, cf_mitigated="challenge"), id="Cloudflare"),
        pytest.param(fail(503, cf_mitigated="challenge"), id="Cloudflare, 503"),
        pytest.param(fail(429, x_vercel_mitigated="challenge"), id="Vercel"),
        pytest.param(fail(202, x_amzn_waf_action="challenge"), id="AWS"),
    ],
)
async def test_a_challenge_is_a_state_of_its_own(
    publisher: Publisher, client: Client, answer: Page
) -> None:
    capture = await client.fetch(Request(url=publisher.answer("/feed.xml", answer)))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.CHALLENGE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<rss/>",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 103 Early\r\n\r\n" * 100,
    ],
)
async def test_what_is_no_http_is_a_fault(
    publisher: Publisher, client: Client, data: bytes
) -> None:
    capture = await client.fetch(Request(url=publisher.answer("/feed.xml", raw(data))))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.PROTOCOL


async def test_a_broken_connection_is_a_fault(publisher: Publisher, client: Client) -> None:
    capture = await client.fetch(Request(url=publisher.answer("/feed.xml", reset())))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.PROTOCOL


async def test_a_closed_port_is_a_fault(client: Client) -> None:
    with Publisher() as closed:
        url = closed.url()

    capture = await client.fetch(Request(url=url))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.CONNECT
    assert capture.fault.detail == "127.0.0.1: Connection refused"


async def test_a_plain_server_asked_securely_is_a_fault(
    publisher: Publisher, client: Client
) -> None:
    capture = await client.fetch(Request(url=publisher.url().replace("http:", "https:")))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.TLS


@pytest.mark.parametrize(
    "url", ["", "feed", "http://", "http://[", "http://paper.example:x/", "//paper.example/"]
)
async def test_what_is_no_address_is_a_fault(client: Client, url: str) -> None:
    capture = await client.fetch(Request(url=url))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.BAD_ADDRESS
    assert (capture.url, capture.final_url) == (url, url)


@pytest.mark.parametrize(
    "answer",
    [hang(), drip(), slow(60, fail(200)), drip(every=60)],
    ids=["hanging", "dripping", "slow", "stuck in the body"],
)
async def test_the_time_limit_is_for_the_whole_exchange(
    publisher: Publisher, answer: Page
) -> None:
    url = publisher.answer("/feed.xml", answer)

    capture = await fetch(SHORT, url)

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.TIMEOUT
    assert capture.elapsed < timedelta(seconds=2)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
async def test_a_bomb_is_cut_after_decompression(publisher: Publisher, encoding: str) -> None:
    url = publisher.answer("/feed.xml", bomb(encoding))

    capture = await fetch(replace(OPEN, max_bytes=100_000), url)

    assert capture.body is not None
    assert capture.body[:5] == b"<rss>"
    assert len(capture.body) == 100_000
    assert capture.is_cut
    assert capture.validators == Validators('"bomb"')


async def test_an_endless_body_is_cut(publisher: Publisher) -> None:
    capture = await fetch(
        replace(OPEN, max_bytes=1_000_000), publisher.answer("/feed.xml", endless())
    )

    assert capture.body is not None
    assert len(capture.body) == 1_000_000
    assert capture.is_cut


async def test_a_body_of_just_the_limit_is_whole(publisher: Publisher) -> None:
    url = publisher.put("/feed.xml", FEED)

    whole = await fetch(replace(OPEN, max_bytes=len(FEED)), url)
    cut = await fetch(replace(OPEN, max_bytes=len(FEED) - 1), url)

    assert (whole.body, whole.is_cut) == (FEED, False)
    assert (cut.body, cut.is_cut) == (FEED[:-1], True)


async def test_a_request_may_lower_the_limit(publisher: Publisher, client: Client) -> None:
    url = publisher.put("/feed.xml", FEED)

    capture = await client.fetch(Request(url=url, max_bytes=10))

    assert capture.body == FEED[:10]


async def test_endless_headers_are_given_up(publisher: Publisher, client: Client) -> None:
    capture = await client.fetch(Request(url=publisher.answer("/feed.xml", endless_headers())))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.PROTOCOL


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br", "zstd"])
async def test_a_body_that_breaks_off_is_kept_and_asked_for_again(
    publisher: Publisher, client: Client, encoding: str
) -> None:
    body = b"".join(sha256(bytes((n % 256, n >> 8))).hexdigest().encode() for n in range(20_000))
    at = len(encoded(body, encoding)) * 2 // 3
    url = publisher.answer("/feed.xml", truncated(body, at, encoding=encoding))

    capture = await client.fetch(Request(url=url))

    assert capture.fault is None
    assert capture.is_cut
    assert capture.body
    assert body.startswith(capture.body)
    assert capture.validators == Validators()


async def test_compressed_data_that_ends_early_is_noticed_without_a_length(
    publisher: Publisher, client: Client
) -> None:
    data = encoded(FEED * 100, "gzip")[:-20]
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"

    capture = await client.fetch(Request(url=publisher.answer("/feed.xml", raw(head + data))))

    assert capture.is_cut


async def test_chunks_that_end_early_are_noticed(publisher: Publisher, client: Client) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n<rss/>\r\n"

    capture = await client.fetch(Request(url=publisher.answer("/feed.xml", raw(head))))

    assert (capture.body, capture.is_cut) == (b"<rss/>", True)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(truncated(FEED, 0), id="nothing came"),
        pytest.param(truncated(FEED, 1, encoding="gzip"), id="nothing unpacked"),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\nno brotli"), id="garbage"
        ),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: rot13\r\n\r\n<erff>"), id="unknown"
        ),
    ],
)
async def test_a_body_of_which_nothing_can_be_read_is_a_fault(
    publisher: Publisher, client: Client, answer: Page
) -> None:
    capture = await client.fetch(Request(url=publisher.answer("/feed.xml", answer)))

    assert capture.fault is not None
    assert capture.fault.kind in {FaultKind.PROTOCOL, FaultKind.BAD_ENCODING}
    assert capture.body is None


async def test_many_large_bodies_at_once_all_come_through(publisher: Publisher) -> None:
    body = bytes(2_000_000)
    url = publisher.put("/feed.xml", body, encoding="gzip")
    async with Client(OPEN) as client:
        captures = await asyncio.gather(*(client.fetch(Request(url=url)) for _ in range(20)))

    assert all(capture.body == body for capture in captures)


async def test_a_large_body_is_given_the_time_that_it_waited_for_another(
    publisher: Publisher,
) -> None:
    stalled = publisher.answer("/stalled.xml", stall(bytes(4_000_000)))
    url = publisher.put("/feed.xml", bytes(4_000_000))
    async with Client(replace(OPEN, timeout=timedelta(seconds=1))) as client, asyncio.timeout(30):
        first = asyncio.create_task(client.fetch(Request(url=stalled)))
        while not client.means.large.is_taken:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0)
        others = [asyncio.create_task(client.fetch(Request(url=url))) for _ in range(3)]
        captures = await asyncio.gather(first, *others)

    assert captures[0].fault is not None
    assert captures[0].fault.kind is FaultKind.TIMEOUT
    assert [len(capture.body or b"") for capture in captures[1:]] == [4_000_000] * 3


async def test_the_validators_of_an_error_page_are_not_the_feeds(
    publisher: Publisher, client: Client
) -> None:
    url = publisher.answer("/feed.xml", fail(404, ETag='"error"', Last_Modified="Monday"))

    capture = await client.fetch(Request(url=url))

    assert capture.validators == Validators()


async def test_no_more_exchanges_run_at_once_than_allowed(publisher: Publisher) -> None:
    url = publisher.answer("/feed.xml", slow(0.02, Page(body=FEED)))
    async with Client(replace(OPEN, concurrency=3)) as client:
        captures = await asyncio.gather(*(client.fetch(Request(url=url)) for _ in range(12)))

    assert all(capture.body == FEED for capture in captures)
    assert publisher.most_open <= 3


async def test_a_cancelled_fetch_leaves_nothing_behind(publisher: Publisher) -> None:
    url = publisher.answer("/feed.xml", hang())
    async with Client(replace(OPEN, concurrency=1)) as client:
        task = asyncio.create_task(client.fetch(Request(url=url)))
        await publisher.wait_for(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        publisher.put("/feed.xml", FEED)

        assert (await client.fetch(Request(url=url))).body == FEED
