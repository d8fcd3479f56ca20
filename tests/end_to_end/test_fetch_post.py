from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from test_fetch_addresses import FORMS

from newsreel.fetch.client import Client, FetchPolicy, Request
from newsreel.fetch.connection import tls_context
from newsreel.model.capture import FaultKind
from publisher import Publisher, endless, fail, raw, redirect

CERTIFICATE = Path(__file__).parent / "publisher.pem"
OPEN = FetchPolicy(allow_private=("127.0.0.0/8",))
FORM = b"hub.mode=subscribe&hub.topic=https%3A%2F%2Fpaper.example%2Ffeed"


@pytest.fixture
def hub() -> Iterator[Publisher]:
    with Publisher() as publisher:
        yield publisher


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Client(OPEN) as client:
        yield client


def post(url: str, **more: str) -> Request:
    return Request(url=url, method="POST", body=FORM, headers=tuple(more.items()))


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_every_2xx_is_an_answer(hub: Publisher, client: Client, status: int) -> None:
    url = hub.answer("/hub", fail(status, "" if status == 204 else "noted"))

    capture = await client.fetch(post(url))

    assert capture.fault is None
    assert capture.status == status
    assert capture.body == (b"" if status == 204 else b"noted")
    (seen,) = hub.requests
    assert (seen.method, seen.body) == ("POST", FORM)
    assert seen.headers["content-length"] == str(len(FORM))
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert FORM not in capture.request


async def test_the_caller_names_the_kind_of_the_body(hub: Publisher, client: Client) -> None:
    url = hub.answer("/hub", fail(204))

    await client.fetch(post(url, **{"content-type": "application/json"}))

    assert hub.requests[0].raw.lower().count(b"content-type:") == 1
    assert hub.requests[0].headers["content-type"] == "application/json"


async def test_to_a_get_only_an_answer_with_a_feed_is_one(hub: Publisher, client: Client) -> None:
    capture = await client.fetch(Request(url=hub.answer("/feed", fail(202))))

    assert capture.fault is not None
    assert capture.fault.reason == "http-202"


@pytest.mark.parametrize("status", [400, 404, 500])
async def test_a_hub_that_declines_is_a_fault_with_its_status(
    hub: Publisher, client: Client, status: int
) -> None:
    capture = await client.fetch(post(hub.answer("/hub", fail(status))))

    assert capture.fault is not None
    assert capture.fault.reason == f"http-{status}"


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_that_keeps_the_method_keeps_the_body(
    hub: Publisher, client: Client, status: int
) -> None:
    with Publisher("127.0.0.2") as other:
        url = hub.answer("/hub", redirect(other.answer("/new", fail(202)), status))

        capture = await client.fetch(
            post(url, **{"Content-Type": "text/plain", "X-Key": "s3cret"})
        )

        assert capture.status == 202
        (seen,) = other.requests
    assert (seen.method, seen.body) == ("POST", FORM)
    assert seen.headers["content-type"] == "text/plain"
    assert "x-key" not in seen.headers


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_redirect_that_would_make_it_a_get_is_a_fault(
    hub: Publisher, client: Client, status: int
) -> None:
    capture = await client.fetch(post(hub.answer("/hub", redirect("/new", status))))

    assert capture.fault is not None
    assert capture.fault.reason == f"http-{status}"
    assert len(hub.requests) == 1


async def test_what_was_sent_securely_is_not_sent_on_in_plain(
    hub: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    tls_context.cache_clear()
    with Publisher(certificate=CERTIFICATE) as secure:
        url = secure.answer("/hub", redirect(hub.answer("/plain", fail(202)), 307))
        async with Client(OPEN) as client:
            capture = await client.fetch(post(url))
    tls_context.cache_clear()

    assert capture.fault is not None
    assert capture.fault.reason == "http-307"
    assert not hub.requests


@pytest.mark.parametrize("form", FORMS)
async def test_a_hub_at_an_address_that_may_not_be_reached_is_refused(
    hub: Publisher, client: Client, form: str
) -> None:
    for url in (form, hub.answer("/hub", redirect(form.encode().decode("latin-1"), 307))):
        capture = await client.fetch(post(url))

        assert capture.fault is not None
        assert capture.fault.kind in {FaultKind.REFUSED_ADDRESS, FaultKind.BAD_ADDRESS}
    assert len(hub.requests) == 1


async def test_an_answer_without_end_is_cut(hub: Publisher, client: Client) -> None:
    url = hub.answer("/hub", endless())

    capture = await client.fetch(Request(url=url, method="POST", body=FORM, max_bytes=10_000))

    assert capture.is_cut
    assert capture.body is not None
    assert len(capture.body) == 10_000


async def test_a_hub_that_answers_before_all_was_sent_is_heard(
    hub: Publisher, client: Client
) -> None:
    url = hub.answer("/hub", raw(b"HTTP/1.1 413 -\r\nContent-Length: 0\r\n\r\n"))

    capture = await client.fetch(Request(url=url, method="POST", body=b"x" * 100_000))

    assert capture.fault is not None
    assert capture.fault.reason == "http-413"
