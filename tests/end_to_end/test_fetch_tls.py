from collections.abc import Iterator
from pathlib import Path

import pytest

from newsreel.core.explanations import fault_told
from newsreel.fetch.client import Client, FetchPolicy, Request
from newsreel.fetch.connection import tls_context
from newsreel.model.capture import Capture, FaultKind
from publisher import Publisher, redirect, truncated

# Signed by itself, for paper.example, localhost and 127.0.0.1, for 100 years; used nowhere else.
CERTIFICATE = Path(__file__).parent / "publisher.pem"
# Of an invented authority: one that ran out in 2021, with the authority's own; one without it.
EXPIRED = Path(__file__).parent / "expired.pem"
UNKNOWN_ISSUER = Path(__file__).parent / "unknown_issuer.pem"
FEED = b"<rss><channel><title>The Invented Gazette</title></channel></rss>" * 5000
OPEN = FetchPolicy(allow_private=("127.0.0.0/8",))


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher(certificate=CERTIFICATE) as publisher:
        yield publisher


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    tls_context.cache_clear()
    yield
    tls_context.cache_clear()


async def loopback(_: str) -> list[str]:
    return ["127.0.0.1"]


async def fetch(url: str) -> Capture:
    async with Client(OPEN, lookup=loopback) as client:
        return await client.fetch(Request(url=url))


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("host", ["paper.example", "paper.example.", "localhost", "127.0.0.1"])
async def test_a_feed_is_fetched_securely(publisher: Publisher, host: str) -> None:
    publisher.put("/feed.xml", FEED, encoding="gzip")

    capture = await fetch(publisher.url("/feed.xml", host=host))

    assert capture.fault is None
    assert capture.body == FEED


@pytest.mark.usefixtures("trusted")
async def test_a_redirect_is_followed_securely(publisher: Publisher) -> None:
    publisher.put("/b", FEED)
    with Publisher() as plain:
        start = plain.answer("/a", redirect(publisher.url("/b", host="paper.example")))

        capture = await fetch(start)

    assert capture.body == FEED
    assert capture.permanent_url == publisher.url("/b", host="paper.example")


@pytest.mark.usefixtures("trusted")
async def test_a_body_that_breaks_off_under_tls_is_noticed(publisher: Publisher) -> None:
    publisher.answer("/feed.xml", truncated(FEED, 1000))

    capture = await fetch(publisher.url("/feed.xml"))

    assert capture.is_cut
    assert capture.body == FEED[:1000]


async def test_a_certificate_that_nobody_trusts_is_told_apart(publisher: Publisher) -> None:
    capture = await fetch(publisher.url("/feed.xml"))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.TLS
    assert "certificate of 127.0.0.1 is not accepted: self" in capture.fault.detail
    assert "vouches for itself" in fault_told(capture.fault)
    assert not publisher.requests


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_for_another_host_is_told_apart(publisher: Publisher) -> None:
    capture = await fetch(publisher.url("/feed.xml", host="bank.example"))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.TLS
    assert "Hostname mismatch" in capture.fault.detail
    assert "for another host" in fault_told(capture.fault)
    assert not publisher.requests


async def test_a_certificate_that_has_run_out_is_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(EXPIRED))
    tls_context.cache_clear()
    with Publisher(certificate=EXPIRED) as publisher:
        capture = await fetch(publisher.url("/feed.xml", host="paper.example"))
    tls_context.cache_clear()

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.TLS
    assert "certificate has expired" in capture.fault.detail
    assert "has run out" in fault_told(capture.fault)
    assert not publisher.requests


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_of_an_unknown_authority_is_told_apart() -> None:
    with Publisher(certificate=UNKNOWN_ISSUER) as publisher:
        capture = await fetch(publisher.url("/feed.xml", host="paper.example"))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.TLS
    assert "unable to get local issuer certificate" in capture.fault.detail
    assert "who signed it" in fault_told(capture.fault)
    assert not publisher.requests


async def test_a_server_that_speaks_no_tls_is_told_apart() -> None:
    with Publisher() as plain:
        capture = await fetch(plain.url("/").replace("http:", "https:"))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.TLS
    assert "speaks no TLS" in fault_told(capture.fault)
