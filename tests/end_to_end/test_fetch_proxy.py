import asyncio
import socket
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import uvloop
from test_fetch_addresses import FORMS

from newsreel.errors import UsageError
from newsreel.fetch.client import Client, FetchPolicy, Request
from newsreel.fetch.connection import tls_context
from newsreel.model.capture import Capture, FaultKind
from proxy import TestProxy
from publisher import Publisher, fail, redirect

CERTIFICATE = Path(__file__).parent / "publisher.pem"
FEED = b"<rss><channel><title>The Invented Gazette</title></channel></rss>" * 3000
BEHIND = FetchPolicy(timeout=timedelta(seconds=20))
PAPER = "http://paper.example/feed.xml?a=%C3%A9"


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        publisher.put("/feed.xml?a=%C3%A9", FEED, encoding="gzip")
        yield publisher


@pytest.fixture
def secure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    tls_context.cache_clear()
    with Publisher(certificate=CERTIFICATE) as publisher:
        publisher.put("/feed.xml", FEED, encoding="gzip")
        yield publisher
    tls_context.cache_clear()


@pytest.fixture
def proxy(publisher: Publisher) -> Iterator[TestProxy]:
    with TestProxy({"paper.example": ("127.0.0.1", publisher.port)}) as proxy:
        yield proxy


async def no_names(host: str) -> Sequence[str]:
    raise AssertionError(host)


async def fetch(proxy: str, request: Request, policy: FetchPolicy = BEHIND) -> Capture:
    async with Client(replace(policy, proxy=proxy), lookup=no_names) as client:
        return await client.fetch(request)


async def test_a_plain_address_is_asked_for_whole(publisher: Publisher, proxy: TestProxy) -> None:
    capture = await fetch(proxy.url, Request(url=PAPER))

    assert capture.fault is None
    assert capture.body == FEED
    assert proxy.heads[0].startswith(b"GET " + PAPER.encode() + b" HTTP/1.1\r\n")
    assert publisher.requests[0].headers["host"] == "paper.example"
    assert [(hop.addresses, hop.ip) for hop in capture.hops] == [((), None)]


async def test_a_secure_address_is_asked_for_through_a_tunnel(secure: Publisher) -> None:
    with TestProxy({"paper.example": ("127.0.0.1", secure.port)}) as proxy:
        with_user = proxy.url.replace("http://", "http://ada:pr0xy@")
        capture = await fetch(with_user, Request(url="https://paper.example/feed.xml"))

    assert capture.fault is None
    assert capture.body == FEED
    assert proxy.heads == [
        b"CONNECT paper.example:443 HTTP/1.1\r\nHost: paper.example:443\r\n"
        b"Proxy-Authorization: Basic " + b64encode(b"ada:pr0xy") + b"\r\n\r\n"
    ]
    assert b"proxy" not in secure.requests[0].raw.lower()


def test_a_tunnel_is_opened_on_uvloop_too(secure: Publisher) -> None:
    with (
        TestProxy({"paper.example": ("127.0.0.1", secure.port)}) as proxy,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        capture = runner.run(fetch(proxy.url, Request(url="https://paper.example/feed.xml")))

    assert capture.fault is None
    assert capture.body == FEED


async def test_a_post_goes_through_a_tunnel(secure: Publisher) -> None:
    secure.answer("/hub", fail(202))
    with TestProxy({"paper.example": ("127.0.0.1", secure.port)}) as proxy:
        request = Request(url="https://paper.example/hub", method="POST", body=b"a=b")
        capture = await fetch(proxy.url, request)

    assert capture.status == 202
    assert secure.requests[0].body == b"a=b"


async def test_the_certificate_is_checked_behind_the_proxy(secure: Publisher) -> None:
    with TestProxy({"bank.example": ("127.0.0.1", secure.port)}) as proxy:
        capture = await fetch(proxy.url, Request(url="https://bank.example/feed.xml"))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.TLS
    assert "bank.example" in capture.fault.detail
    assert not secure.requests


async def test_the_proxys_password_is_told_to_it_alone(
    publisher: Publisher, proxy: TestProxy
) -> None:
    wanted = b64encode("ada:käse@home".encode())
    with_user = proxy.url.replace("http://", "http://ada:k%C3%A4se%40home@")
    with Publisher() as other:
        other.put("/feed.xml", FEED)
        publisher.answer("/a", redirect(other.url("/feed.xml", host="other.example")))
        proxy._names["other.example"] = ("127.0.0.1", other.port)  # type: ignore[index]

        capture = await fetch(with_user, Request(url="http://paper.example/a"))

    assert capture.body == FEED
    assert all(b"Proxy-Authorization: Basic " + wanted in head for head in proxy.heads)
    assert len(proxy.heads) == 2


async def test_a_request_names_a_proxy_of_its_own(proxy: TestProxy) -> None:
    request = Request(url=PAPER, proxy=proxy.url)

    capture = await fetch("http://127.0.0.1:1", request)

    assert capture.body == FEED


async def test_the_operators_own_hosts_are_asked_directly(
    publisher: Publisher, proxy: TestProxy
) -> None:
    policy = replace(BEHIND, allow_private=("127.0.0.0/8",))
    publisher.answer("/a", redirect(PAPER))

    capture = await fetch(proxy.url, Request(url=publisher.url("/a")), policy)

    assert capture.body == FEED
    assert len(proxy.heads) == 1
    assert [hop.ip for hop in capture.hops] == ["127.0.0.1", None]


OWN_NAMES = [
    "localhost",
    "a.LOCALHOST.",
    "nas",
    "nas.lan",
    "x.internal",
    "r.home.arpa",
    "pc.local",
]


@pytest.mark.parametrize("form", [*FORMS, *(f"http://{name}/" for name in OWN_NAMES)])
async def test_a_proxy_is_not_asked_for_what_may_not_be_reached(
    publisher: Publisher, proxy: TestProxy, form: str
) -> None:
    publisher.answer("/a", redirect(form.encode().decode("latin-1")))

    for url in (form, "http://paper.example/a"):
        capture = await fetch(proxy.url, Request(url=url))

        assert capture.fault is not None
        assert capture.fault.kind in {FaultKind.REFUSED_ADDRESS, FaultKind.BAD_ADDRESS}
    assert len(proxy.heads) == 1


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (b"HTTP/1.1 407 -\r\nProxy-Authenticate: Basic\r\n\r\n", "answered 407"),
        (b"HTTP/1.1 403 -\r\nContent-Type: text/html\r\n\r\nno", "answered 403"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "does not speak HTTP"),
        (b"", "hung up"),
    ],
)
async def test_a_proxy_that_opens_no_tunnel_is_a_fault_of_its_own(
    answer: bytes, detail: str
) -> None:
    with TestProxy({}, answer=answer) as proxy:
        with_user = proxy.url.replace("http://", "http://ada:pr0xys3cret@")
        capture = await fetch(with_user, Request(url="https://paper.example/feed.xml"))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.PROXY
    assert detail in capture.fault.detail
    assert "pr0xys3cret" not in repr(capture)


async def test_a_tunnel_that_leads_nowhere_is_a_fault() -> None:
    with TestProxy({}, answer=b"HTTP/1.1 200 -\r\n\r\n") as proxy:
        capture = await fetch(proxy.url, Request(url="https://paper.example/feed.xml"))

    assert capture.fault is not None
    assert capture.fault.kind in {FaultKind.PROTOCOL, FaultKind.TLS, FaultKind.CONNECT}


async def test_what_is_said_in_a_tunnel_before_tls_is_not_heard() -> None:
    answer = b"HTTP/1.1 200 -\r\n\r\nHTTP/1.1 200 -\r\nContent-Length: 6\r\n\r\n<rss/>"
    with TestProxy({}, answer=answer) as proxy:
        capture = await fetch(proxy.url, Request(url="https://paper.example/feed.xml"))

    assert capture.fault is not None
    assert capture.body is None


async def test_a_plain_request_that_the_proxy_wants_a_password_for_is_its_fault() -> None:
    with TestProxy({}, answer=b"HTTP/1.1 407 -\r\nContent-Length: 0\r\n\r\n") as proxy:
        capture = await fetch(proxy.url, Request(url=PAPER))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.PROXY


async def test_a_proxy_that_is_not_there_is_a_fault_of_its_own() -> None:
    for url in (PAPER, "https://paper.example/"):
        capture = await fetch("http://127.0.0.1:1", Request(url=url))

        assert capture.fault is not None
        assert capture.fault.kind is FaultKind.PROXY


async def test_the_name_of_a_proxy_is_looked_up_and_may_lie_in_the_own_network(
    proxy: TestProxy,
) -> None:
    async def lookup(host: str) -> Sequence[str]:
        assert host == "proxy.lan"
        return ["127.0.0.1"]

    policy = replace(BEHIND, proxy=f"http://proxy.lan:{proxy.port}")
    async with Client(policy, lookup=lookup) as client:
        capture = await client.fetch(Request(url=PAPER))

    assert capture.body == FEED


@pytest.mark.parametrize(
    "text",
    [
        "proxy.lan:3128",
        "http://proxy.lan",
        "https://a:s3cret@p:1",
        "socks5://p:1",
        "http://p:1/x",
        "http://[",
        "http://ada:s3cret@",
        "http://p:99999",
        "ada:s3cret@p:1",
    ],
)
async def test_what_is_no_proxy_is_told_without_being_repeated(text: str) -> None:
    with pytest.raises(UsageError) as told:
        Client(FetchPolicy(proxy=text))

    assert "s3cret" not in f"{told.value} {told.value.hint}"
    capture = await fetch("", Request(url=PAPER, proxy=text))
    assert capture.fault is not None
    assert "s3cret" not in capture.fault.detail


async def test_no_variable_of_the_environment_names_a_proxy(
    proxy: TestProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)

    async def lookup(_: str) -> Sequence[str]:
        return ["10.0.0.1"]

    async with Client(BEHIND, lookup=lookup) as client:
        await client.fetch(Request(url=PAPER))

    assert not proxy.heads


@pytest.mark.parametrize(
    "loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
@pytest.mark.parametrize("url", [PAPER, "https://paper.example/"])
@pytest.mark.parametrize("is_proxy_silent", [True, False])
def test_a_silent_proxy_and_silence_behind_one_end_with_the_time_limit(
    loop: Callable[[], asyncio.AbstractEventLoop], url: str, *, is_proxy_silent: bool
) -> None:
    policy = replace(BEHIND, timeout=timedelta(seconds=0.2))
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        TestProxy({"paper.example": silent.getsockname()}) as proxy,
        asyncio.Runner(loop_factory=loop) as runner,
    ):
        silent_url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        asked = silent_url if is_proxy_silent else proxy.url
        capture = runner.run(fetch(asked, Request(url=url), policy))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.TIMEOUT
    assert capture.elapsed < timedelta(seconds=2)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 -\r\nX: ", b"HTTP/1.1 102 -\r\n\r\n"])
async def test_a_proxy_whose_answer_has_no_end_is_given_up(head: bytes) -> None:
    with TestProxy({}, answer=head * 20_000) as proxy:
        capture = await fetch(proxy.url, Request(url="https://paper.example/"))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.PROXY
