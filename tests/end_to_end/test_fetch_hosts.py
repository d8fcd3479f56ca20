import asyncio
import itertools
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from newsreel.fetch.client import Client, FetchPolicy, Request
from newsreel.fetch.hosts import HostGate
from newsreel.model.capture import Capture, Fault, FaultKind
from newsreel.model.host import HostState
from publisher import Publisher, fail, redirect

NOW = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
GAP = timedelta(seconds=0.05)
OPEN = FetchPolicy(allow_private=("127.0.0.0/8",), host_gap=GAP)
PUBLIC = "paper.example"


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        yield publisher


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def gate_of(*states: HostState, policy: FetchPolicy = OPEN) -> HostGate:
    return HostGate(policy, Clock(), states)


def limited(seconds: float | None = None, url: str = "http://paper.example/") -> Capture:
    return Capture(
        url="http://paper.example/",
        final_url=url,
        fetched_at=NOW,
        status=429,
        retry_after=None if seconds is None else timedelta(seconds=seconds),
        fault=Fault(FaultKind.HTTP, "429", 429),
    )


def failed(kind: FaultKind) -> Capture:
    return Capture(
        url="http://paper.example/",
        final_url="http://paper.example/",
        fetched_at=NOW,
        fault=Fault(kind),
    )


async def visits(gate: HostGate, host: str, count: int) -> list[tuple[float, float]]:
    """Ask a host several times at once; return when each visit began and ended."""
    loop = asyncio.get_running_loop()
    times = []

    async def visit() -> None:
        async with gate.turn(host):
            start = loop.time()
            await asyncio.sleep(0)
            times.append((start, loop.time()))

    await asyncio.gather(*(visit() for _ in range(count)))
    return sorted(times)


async def test_a_host_is_asked_once_at_a_time_with_a_gap_between() -> None:
    times = await visits(gate_of(), PUBLIC, 4)

    gaps = [later[0] - earlier[1] for earlier, later in itertools.pairwise(times)]
    assert all(gap >= GAP.total_seconds() * 0.99 for gap in gaps)


async def test_the_gap_is_kept_between_visits_that_do_not_overlap() -> None:
    gate = gate_of()

    first = await visits(gate, PUBLIC, 1)
    second = await visits(gate, PUBLIC, 1)

    assert second[0][0] - first[0][1] >= GAP.total_seconds() * 0.99


async def test_no_two_gaps_are_alike_and_none_is_shorter_than_it_should_be() -> None:
    clock = Clock()
    gate = HostGate(OPEN, clock)
    rests = []
    loop = asyncio.get_running_loop()
    for _ in range(20):
        clock.now += timedelta(seconds=1)
        async with gate.turn(PUBLIC):
            pass
        rests.append(round(gate._places[PUBLIC].free_at - loop.time(), 4))

    assert len(set(rests)) > 10
    assert all(rest > GAP.total_seconds() * 0.9 for rest in rests)


@pytest.mark.parametrize("kind", [FaultKind.DNS, FaultKind.REFUSED_ADDRESS, FaultKind.BAD_ADDRESS])
async def test_a_host_that_nothing_was_sent_to_needs_no_gap(kind: FaultKind) -> None:
    gate = gate_of(policy=replace(OPEN, host_gap=timedelta(hours=1)))
    for _ in range(3):
        async with asyncio.timeout(10), gate.turn(PUBLIC) as turn:
            gate.learn(PUBLIC, failed(kind))

    assert turn.closed_until is None


@pytest.mark.parametrize("kind", [FaultKind.CONNECT, FaultKind.TLS, FaultKind.TIMEOUT])
async def test_a_host_that_was_asked_in_vain_is_owed_its_gap(kind: FaultKind) -> None:
    gate = gate_of()
    loop = asyncio.get_running_loop()
    async with gate.turn(PUBLIC):
        gate.learn(PUBLIC, failed(kind))
    asked_at = loop.time()
    async with gate.turn(PUBLIC):
        pass

    assert loop.time() - asked_at >= GAP.total_seconds() * 0.99


async def test_a_host_that_led_to_a_name_nobody_knows_is_owed_its_gap(
    publisher: Publisher,
) -> None:
    async def lookup(host: str) -> list[str]:
        if host == PUBLIC:
            return ["127.0.0.1"]
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    gate = gate_of(policy=replace(OPEN, host_gap=timedelta(hours=1)))
    publisher.answer("/", redirect("http://nobody.example/"))
    async with Client(OPEN, lookup=lookup) as client, gate.turn(PUBLIC):
        capture = await client.fetch(Request(url=publisher.url(host=PUBLIC)))
        gate.learn(PUBLIC, capture)
    waiting = asyncio.create_task(visits(gate, PUBLIC, 1))
    await asyncio.sleep(0)

    assert capture.fault is not None
    assert capture.fault.kind is FaultKind.DNS
    assert not waiting.done()
    waiting.cancel()


async def test_a_learned_gap_counts_for_more() -> None:
    gate = gate_of(HostState(PUBLIC, None, GAP * 3))

    times = await visits(gate, PUBLIC, 2)

    assert times[1][0] - times[0][1] >= GAP.total_seconds() * 2.97


async def test_the_operators_own_host_is_asked_once_at_a_time_without_a_gap() -> None:
    gate = gate_of(policy=replace(OPEN, host_gap=timedelta(hours=1)))

    times = await visits(gate, "127.0.0.1", 50)

    assert all(later[0] >= earlier[1] for earlier, later in itertools.pairwise(times))


async def test_a_host_that_is_busy_holds_up_no_other() -> None:
    gate = gate_of(policy=replace(OPEN, host_gap=timedelta(hours=1)))
    async with gate.turn("slow.example"):
        waiting = asyncio.create_task(visits(gate, "slow.example", 1))
        others = await asyncio.gather(*(visits(gate, f"{n}.example", 1) for n in range(100)))

    assert len(others) == 100
    assert not waiting.done()
    waiting.cancel()


async def test_who_gives_up_waiting_lets_the_next_one_through() -> None:
    gate = gate_of()
    async with gate.turn(PUBLIC):
        waiting = [asyncio.create_task(visits(gate, PUBLIC, 1)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
    waiting[1].cancel()

    assert await waiting[2]


async def test_who_gives_up_in_the_gap_lets_the_next_one_through() -> None:
    gate = gate_of()
    await visits(gate, PUBLIC, 1)
    first = asyncio.create_task(visits(gate, PUBLIC, 1))
    second = asyncio.create_task(visits(gate, PUBLIC, 1))
    await asyncio.sleep(0)
    first.cancel()

    assert await second


async def test_a_turn_that_fails_lets_the_next_one_through() -> None:
    gate = gate_of()
    with pytest.raises(LookupError):
        async with gate.turn(PUBLIC):
            raise LookupError

    assert await visits(gate, PUBLIC, 1)


async def test_a_host_that_said_later_is_not_asked_before() -> None:
    clock = Clock()
    gate = HostGate(OPEN, clock)
    gate.learn(PUBLIC, limited(3600))

    async with gate.turn(PUBLIC) as turn:
        assert turn.closed_until == NOW + timedelta(hours=1)
    clock.now += timedelta(hours=1)
    async with gate.turn(PUBLIC) as turn:
        assert turn.closed_until is None


async def test_who_waits_while_the_host_says_later_is_told_at_once() -> None:
    gate = gate_of(policy=replace(OPEN, host_gap=timedelta(hours=1)))

    async def ask() -> datetime | None:
        async with gate.turn(PUBLIC) as turn:
            return turn.closed_until

    async with gate.turn(PUBLIC):
        waiting = [asyncio.create_task(ask()) for _ in range(300)]
        await asyncio.sleep(0)
        gate.learn(PUBLIC, limited(60))

    assert await asyncio.gather(*waiting) == [NOW + timedelta(minutes=1)] * 300


async def test_what_was_learned_survives_a_restart() -> None:
    before = gate_of()
    before.learn(PUBLIC, limited(3600))
    before.learn("other.example", limited(url="http://paper.example/"))

    states = before.changed()
    after = gate_of(*states)

    assert before.changed() == []
    assert after.closed_until(PUBLIC) == NOW + timedelta(hours=1)
    assert after.state(PUBLIC).gap > GAP


async def test_a_complaint_behind_a_redirect_is_the_other_hosts() -> None:
    gate = gate_of()

    gate.learn(PUBLIC, limited(60, url="http://hub.example/feed"))

    assert gate.closed_until(PUBLIC) is None
    assert gate.closed_until("hub.example") == NOW + timedelta(minutes=1)


async def test_a_host_beyond_ascii_is_one_however_it_is_written() -> None:
    gate = gate_of()

    gate.learn(PUBLIC, limited(60, url="http://bücher.example/feed"))

    assert gate.closed_until("xn--bcher-kva.example") == NOW + timedelta(minutes=1)


async def test_no_redirect_leads_to_a_host_that_said_later(publisher: Publisher) -> None:
    gate = gate_of(HostState("localhost", NOW + timedelta(hours=1)))
    start = publisher.answer("/a", redirect(publisher.url("/b", host="localhost")))

    async with Client(OPEN) as client:
        capture = await client.fetch(Request(url=start), gate=gate)

    assert capture.fault is not None
    assert capture.fault.reason == "http-429"
    assert len(publisher.requests) == 1


async def test_hosts_that_were_asked_are_forgotten_again() -> None:
    gate = gate_of()

    await asyncio.gather(*(visits(gate, f"127.0.{n}.1", 2) for n in range(200)))

    assert not gate._places


async def test_a_retry_after_that_came_over_http_closes_the_host(publisher: Publisher) -> None:
    clock = Clock()
    gate = HostGate(OPEN, clock)
    publisher.answer("/b", fail(429, Retry_After="Wed, 04 Mar 2026 10:02:00 GMT"))
    url = publisher.answer("/a", redirect("/b"))
    async with Client(OPEN, clock=clock) as client, gate.turn("127.0.0.1"):
        gate.learn("127.0.0.1", await client.fetch(Request(url=url)))

    assert gate.closed_until("127.0.0.1") == NOW + timedelta(minutes=2)


async def test_a_publisher_sees_one_connection_at_a_time(publisher: Publisher) -> None:
    gate = gate_of()
    url = publisher.put("/feed.xml", "<rss/>")

    async with Client(OPEN) as client:

        async def poll() -> Capture:
            async with gate.turn("127.0.0.1"):
                return await client.fetch(Request(url=url))

        captures = await asyncio.gather(*(poll() for _ in range(20)))

    assert all(capture.fault is None for capture in captures)
    assert len(publisher.requests) == 20
    assert publisher.most_open <= 2  # the server may notice the end of one after the next began


@pytest.mark.parametrize("ago", [0.0, 0.5])
async def test_the_gap_to_what_somebody_else_asked_is_kept(ago: float) -> None:
    clock = Clock()
    gate = HostGate(OPEN, clock)
    loop = asyncio.get_running_loop()
    asked_at = clock.now - timedelta(seconds=ago)
    start = loop.time()

    gate.recall([HostState(PUBLIC, asked_at=asked_at)])
    async with gate.turn(PUBLIC):
        waited = loop.time() - start

    # to the second, so that it may have been asked a second later
    assert waited >= (1 + GAP.total_seconds() - ago) * 0.99


async def test_what_is_long_over_or_was_asked_in_another_time_holds_nobody_up() -> None:
    gate = gate_of(policy=replace(OPEN, host_gap=timedelta(hours=1)))
    hosts = {
        "long.example": NOW - timedelta(hours=2),
        "ahead.example": NOW + timedelta(days=300),
        "127.0.0.1": NOW,
    }

    gate.recall([HostState(host, asked_at=asked_at) for host, asked_at in hosts.items()])

    async with asyncio.timeout(10):
        for host in hosts:
            async with gate.turn(host) as turn:
                assert turn.closed_until is None


async def test_what_others_learned_counts_but_not_over_what_we_learned_since() -> None:
    gate = gate_of()
    gate.recall([HostState(PUBLIC, NOW + timedelta(hours=1), timedelta(minutes=1))])
    closed = gate.closed_until(PUBLIC)
    gate.recall([HostState(PUBLIC)])
    opened = gate.closed_until(PUBLIC)
    gate.learn(PUBLIC, limited(600))
    gate.recall([HostState(PUBLIC)])

    assert closed == NOW + timedelta(hours=1)
    assert opened is None
    assert gate.closed_until(PUBLIC) == NOW + timedelta(minutes=10)


async def test_places_of_hosts_that_rest_no_more_are_forgotten() -> None:
    clock = Clock()
    gate = HostGate(replace(OPEN, host_gap=timedelta(microseconds=1)), clock)
    for number in range(5000):
        host = f"{number}.example"
        gate.recall([HostState(host)])
        async with gate.turn(host):
            pass

    assert len(gate._places) < 2500
