"""Workers on PostgreSQL that are stopped, silent or dead, and what they may do no more."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from newsreel.app.poll import Wanted, poll_feeds, take_in
from newsreel.errors import LeaseLost, StoreBusy
from newsreel.fetch.client import Client, FetchPolicy, Request
from newsreel.fetch.hosts import HostGate
from newsreel.model.capture import Capture
from newsreel.model.feed import Feed
from newsreel.store import Store
from newsreel.store.postgres import database, life, polls
from newsreel.store.postgres.connection import BEGIN_WRITE
from newsreel.store.protocols import HOST_SHARE
from polled_world import HOUR, World, item, rss
from publisher import Publisher

SAVE_WHEN_TOLD = """
import asyncio, sys
from datetime import datetime, timedelta
from newsreel.app.poll import take_in
from newsreel.errors import LeaseLost
from newsreel.model.capture import Capture
from newsreel.store import open_store
async def work():
    store = open_store(sys.argv[1])
    now = datetime.fromisoformat(sys.argv[2])
    (feed,) = await store.lease(now=now, term=timedelta(days=1), limit=10)
    print("held", flush=True)
    sys.stdin.readline()
    capture = Capture(url=feed.url, final_url=feed.url, fetched_at=now, status=304)
    try:
        await take_in(feed, capture, store, clock=lambda: now)
    except LeaseLost:
        print("lost", flush=True)
    await store.close()
asyncio.run(work())
"""

HIDING, CANT_HIDE = Path("/usr/bin/unshare"), 33
HIDE = f'mount -t proc -o hidepid=2 proc /proc || exit {CANT_HIDE}; exec "$0" -c "$@"'
LOOK = """
import os, sys
from pathlib import Path
from newsreel.store.postgres.life import is_dead
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
theirs, ours = sys.argv[1:]
is_seen = Path("/proc", theirs.split()[2]).exists()
print("seen" if is_seen else "hidden", is_dead(theirs, ours))
"""

STEAL = "UPDATE feed_state SET lease_token = nextval('lease_tokens') WHERE feed_id = %s"


@pytest.fixture
def address(postgres_address: str) -> str:
    return postgres_address


def started(command: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


async def test_a_worker_that_was_stopped_beyond_its_lease_stores_nothing(
    world: World, other: Store, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = await world.feed()
    command = [sys.executable, "-c", SAVE_WHEN_TOLD, address, world.now.isoformat()]
    with started(command) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "held\n"
        os.kill(process.pid, signal.SIGSTOP)
        while_it_may_live = await world.lease(store=other)
        monkeypatch.setattr(life, "SILENCE_SECONDS", 0)
        once_it_is_silent = await world.lease(store=other)
        os.kill(process.pid, signal.SIGCONT)
        process.stdin.write("\n")
        process.stdin.flush()
        told = process.stdout.readline()

    assert while_it_may_live == []
    assert [one.id for one in once_it_is_silent] == [feed.id]
    assert told == "lost\n"
    assert await other.polls() == []


async def test_nobody_waits_for_who_is_stopped_while_it_tells_that_it_lives(
    world: World, other: Store, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, free = [await world.feed(f"https://h{n}.example/") for n in range(2)]
    await world.lease(held)
    monkeypatch.setattr(life, "SILENCE_SECONDS", 0)
    with psycopg.connect(address) as connection:
        connection.execute("SELECT 1 FROM workers FOR UPDATE")
        while_it_holds_its_row = await world.lease(store=other)
    afterwards = await world.lease(store=other)

    assert [one.id for one in while_it_holds_its_row] == [free.id]
    assert [one.id for one in afterwards] == [held.id]


async def test_who_lost_its_life_breaks_off_what_it_asks(
    world: World, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = await world.feed()
    await world.lease()
    began = asyncio.Event()

    async def ask() -> None:
        async with world.store.holding(feed, 600):
            began.set()
            await asyncio.Event().wait()

    asking = asyncio.create_task(ask())
    await began.wait()
    monkeypatch.setattr(life, "SILENCE_SECONDS", 0)
    taken = await world.lease(store=other)
    monkeypatch.undo()
    await world.lease()  # with a new life, and nothing of the old one

    assert [one.id for one in taken] == [feed.id]
    with pytest.raises(LeaseLost):
        await asking
    with pytest.raises(LeaseLost):
        async with world.store.holding(feed, 600):
            pass


async def test_nothing_is_sent_by_who_is_not_sure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = FetchPolicy(allow_private=("127.0.0.0/8",))
    gate = HostGate(policy, world.clock, assure=world.store.assure)
    monkeypatch.setattr(life, "SURE_SECONDS", 0.0)
    with Publisher() as publisher:
        feed = await world.feed(publisher.put("/feed", rss([item("a")])))
        await world.lease()

        async with Client(policy) as client:
            with pytest.raises(LeaseLost):
                await client.fetch(Request(url=feed.url), gate=gate)

        assert publisher.requests == []


async def test_what_could_not_be_stored_is_leased_at_once(
    world: World, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = BEGIN_WRITE + "SET LOCAL lock_timeout = '50ms';"
    monkeypatch.setattr(database, "BEGIN_WRITE", impatient)
    policy = FetchPolicy(allow_private=("127.0.0.0/8",))
    with Publisher() as publisher, psycopg.connect(address) as connection:
        feed = await world.feed(publisher.put("/feed", rss([item("a")])))
        connection.execute("LOCK TABLE polls IN SHARE MODE")
        async with Client(policy) as client:
            with pytest.raises(StoreBusy):
                async for _ in poll_feeds(world.store, client, clock=world.clock, wanted=Wanted()):
                    pass

    assert [one.id for one in await world.lease()] == [feed.id]


async def test_one_lost_lease_among_many_spoils_no_other(
    world: World, other: Store, address: str
) -> None:
    feeds = [await world.feed(f"https://h{n}.example/") for n in range(20)]
    leased = await world.lease()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(STEAL, (leased[7].id,))

    results = await asyncio.gather(
        *(
            take_in(feed, capture_of(feed, world), world.store, clock=world.clock)
            for feed in leased
        ),
        return_exceptions=True,
    )

    assert [type(one) for one in results].count(LeaseLost) == 1
    assert isinstance(results[7], LeaseLost)
    assert len(await other.polls()) == len(feeds) - 1


def capture_of(feed: Feed, world: World) -> Capture:
    return Capture(url=feed.url, final_url=feed.url, fetched_at=world.now, status=304)


async def test_a_task_is_taken_over_when_its_worker_has_ended(store: Store, other: Store) -> None:
    assert await store.take_task("export")
    assert not await other.take_task("export")
    assert await other.take_task("icons")

    await store.close()

    assert await other.take_task("export")


async def test_who_keeps_hosts_waiting_gives_them_back_with_the_last_feed(
    world: World, other: Store
) -> None:
    first = await world.feed("https://press.example/1")
    second = await world.feed("https://press.example/2")
    await world.lease(first)
    await world.lease(second)
    third = await world.feed("https://press.example/3")
    done = [
        take_in(feed, capture_of(feed, world), world.store, clock=world.clock)
        for feed in (second, first)
    ]

    await done[0]
    while_one_is_held = await world.lease(third, store=other)
    await done[1]
    freed = await world.lease(third, store=other)

    assert while_one_is_held == []
    assert [feed.id for feed in freed] == [third.id]


def test_a_process_is_told_dead_from_alive_and_from_one_elsewhere() -> None:
    ours = life.process_of(os.getpid())
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as child:
        living = life.process_of(child.pid)
        was_alive = not life.is_dead(living, ours)
        child.kill()

    boot, namespace, pid, begun_at = living.split()
    assert was_alive
    assert life.is_dead(living, ours)
    assert life.is_dead(f"{boot} {namespace} {os.getpid()} 1", ours)  # its number is another's
    assert not life.is_dead(f"another-boot {namespace} {pid} {begun_at}", ours)
    assert not life.is_dead(f"{boot} pid:[1] {pid} {begun_at}", ours)
    assert not life.is_dead("", ours)


def test_a_process_that_is_hidden_is_not_dead() -> None:
    if not HIDING.is_file() or os.geteuid() != 0:
        pytest.skip("processes can't be hidden here")
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as child:
        values = [life.process_of(child.pid), life.process_of(os.getpid())]
        asked = subprocess.run(
            [str(HIDING), "--mount", "sh", "-c", HIDE, sys.executable, LOOK, *values],
            check=False,
            capture_output=True,
            text=True,
        )
        child.kill()
    if asked.returncode == CANT_HIDE:
        pytest.skip("processes can't be hidden here")

    assert asked.stdout.split() == ["hidden", "False"], asked.stderr


async def test_a_look_goes_on_where_the_last_one_ended_and_at_last_from_the_beginning(
    world: World, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polls, "LONG_LOOK", -1.0)
    monkeypatch.setattr(polls, "LAP", 1e9)
    large = [await world.feed(f"https://large.example/{n}") for n in range(20)]
    others = [await world.feed(f"https://h{n}.example/") for n in range(10)]
    await world.lease(large[0], store=other)

    found: list[int] = []
    while feeds := await world.store.lease(now=world.now, term=HOUR, limit=3):
        found += [feed.id for feed in feeds]
    await other.release([large[0].id])
    freed = await world.store.lease(now=world.now, term=HOUR, limit=100)

    assert found == [feed.id for feed in others]
    assert [feed.id for feed in freed] == [feed.id for feed in large[:HOST_SHARE]]
