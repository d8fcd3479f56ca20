import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from newsreel.fetch.client import Client, FetchPolicy, Request
from newsreel.model.capture import Capture, FaultKind
from publisher import (
    Publisher,
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


async def fetch(policy: FetchPolicy, url: str) -> Capture:
    async with Client(policy, clock=lambda: NOW) as client:
        return await client.fetch(Request(url=url))


class Names:
    """A resolver of the test's own: each look-up takes a host's next answer, the last for ever."""

    def __init__(self, answers: dict[str, list[str]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        answers = self.answers[host]
        return [answers.pop(0) if len(answers) > 1 else answers[0]]


async def test_loopback_is_refused_unless_it_is_opened(publisher: Publisher) -> None:
    publisher.put("/feed.xml", FEED)

    for host in ("127.0.0.1", "localhost"):
        capture = await fetch(FetchPolicy(), publisher.url("/feed.xml", host=host))

        assert capture.fault is not None
        assert capture.fault.kind is FaultKind.REFUSED_ADDRESS
    assert not publisher.requests


FORMS = [
    "http://10.0.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[64:ff9b::a00:1]/",
    "http://[fd00::1]/",
    "http://[fe80::1%25lo]/",
    "http://167772161/",
    "http://0xa000001/",
    "http://012.0.0.1/",
    "http://10.1/",
    "http://\u2460\u2461\u2466.0.0.2:22/",
    "http://0.0.0.0/",
    "http://100.64.0.1/",
    "//10.0.0.1/",
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1/",
    "http://127.0.0.1:6379/",
    "http://127.0.0.1:22/",
]


@pytest.mark.parametrize("form", FORMS)
async def test_a_redirect_to_an_address_that_may_not_be_reached_is_refused(
    publisher: Publisher, client: Client, form: str
) -> None:
    location = form.encode().decode("latin-1")
    start = publisher.answer("/a", redirect(location))

    capture = await client.fetch(Request(url=start))

    assert capture.fault is not None
    assert capture.fault.kind in {FaultKind.REFUSED_ADDRESS, FaultKind.BAD_ADDRESS}
    assert len(publisher.requests) == 1


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "fe80::1%lo",
        "0.0.0.0",
        "::",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "fd00::1",
    ],
)
async def test_a_name_for_an_address_that_may_not_be_reached_is_refused(
    publisher: Publisher, ip: str
) -> None:
    names = Names({"paper.example": [ip]})
    async with Client(FetchPolicy(), lookup=names) as client:
        capture = await client.fetch(Request(url=publisher.url(host="paper.example")))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.REFUSED_ADDRESS
    assert names.asked == ["paper.example"]
    assert not publisher.requests


async def test_a_name_that_changes_its_address_is_refused_from_then_on(
    publisher: Publisher,
) -> None:
    """DNS rebinding: the first answer may be reached, each later one is checked anew."""
    names = Names({"paper.example": ["127.0.0.1", "127.0.0.2"]})
    publisher.answer("/", redirect("/again"))
    publisher.put("/again", FEED)
    policy = replace(OPEN, allow_private=("127.0.0.1/32",))
    async with Client(policy, lookup=names) as client:
        capture = await client.fetch(Request(url=publisher.url(host="paper.example")))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.REFUSED_ADDRESS
    assert names.asked == ["paper.example"] * 2
    assert len(publisher.requests) == 1


async def test_the_address_that_was_checked_is_the_one_that_is_asked(
    publisher: Publisher,
) -> None:
    """No second look-up happens between check and connection."""
    names = Names({"paper.example": ["127.0.0.1", "10.0.0.1"]})
    publisher.put("/", FEED)
    async with Client(OPEN, lookup=names) as client:
        capture = await client.fetch(Request(url=publisher.url(host="paper.example")))

    assert capture.body == FEED
    assert names.asked == ["paper.example"]
    assert publisher.requests[0].headers["host"] == f"paper.example:{publisher.port}"


async def test_of_several_addresses_only_those_are_tried_that_may_be_reached(
    publisher: Publisher,
) -> None:
    async def lookup(_: str) -> Sequence[str]:
        return ["10.0.0.1", "fd00::1", "127.0.0.1"]

    publisher.put("/", FEED)
    async with Client(OPEN, lookup=lookup) as client:
        capture = await client.fetch(Request(url=publisher.url(host="paper.example")))

    assert capture.body == FEED


async def test_the_next_address_is_tried_when_one_does_not_answer(publisher: Publisher) -> None:
    async def lookup(_: str) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.3", "127.0.0.1"]  # nobody listens on the first two

    publisher.put("/", FEED)
    async with Client(OPEN, lookup=lookup) as client:
        capture = await client.fetch(Request(url=publisher.url(host="paper.example")))

    assert capture.body == FEED


async def test_a_host_is_opened_by_its_name_wherever_it_lives(publisher: Publisher) -> None:
    names = Names({"nas.lan": ["127.0.0.1"], "paper.example": ["127.0.0.1"]})
    publisher.put("/", FEED)
    async with Client(FetchPolicy(allow_private=("nas.lan",)), lookup=names) as client:
        own = await client.fetch(Request(url=publisher.url(host="NAS.lan")))
        other = await client.fetch(Request(url=publisher.url(host="paper.example")))

    assert own.body == FEED
    assert other.fault is not None
    assert other.fault.kind is FaultKind.REFUSED_ADDRESS


async def test_a_name_beyond_ascii_is_looked_up_as_idna_2008_has_it(publisher: Publisher) -> None:
    names = Names({"xn--strae-oqa.example": ["127.0.0.1"]})
    publisher.put("/", FEED)
    async with Client(OPEN, lookup=names) as client:
        capture = await client.fetch(Request(url=publisher.url(host="stra\u00dfe.example")))

    assert capture.body == FEED


async def test_a_name_that_nobody_knows_is_a_fault(client: Client) -> None:
    capture = await client.fetch(Request(url="http://nobody.invalid/feed.xml"))

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.DNS


async def test_that_a_name_is_not_known_is_asked_once_for_all_feeds_of_a_host(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def ask(host: str, *_: object, **__: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_AGAIN, "no name server answers")

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    at_once = [client.fetch(Request(url=f"http://paper.example/{n}")) for n in range(5)]
    captures = await asyncio.gather(*at_once)
    captures.append(await client.fetch(Request(url="http://paper.example/later")))

    assert asked == ["paper.example"]
    for capture in captures:
        assert capture.fault is not None
        assert capture.fault.kind is FaultKind.DNS
        assert "no name server answers" in capture.fault.detail
