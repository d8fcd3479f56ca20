"""What every store must tell of those who work on it, and what one of them does for all."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from newsreel.errors import LeaseLost
from newsreel.model.feed import NewFeed
from newsreel.store import Store, open_store
from polled_world import HOUR, World


async def test_workers_are_told_with_the_hosts_that_they_hold(world: World, other: Store) -> None:
    feed = await world.feed("https://press.example/1")
    await world.feed("https://elsewhere.example/")
    await world.lease(feed)
    await world.lease(store=other)

    workers = await world.store.workers()

    assert sorted(one.hosts for one in workers) == [("elsewhere.example",), ("press.example",)]
    assert len({one.name for one in workers}) == 2


async def test_who_has_closed_the_database_works_on_it_no_more(world: World, address: str) -> None:
    await world.feed()
    another = open_store(address)
    await world.lease(store=another)

    before = await world.store.workers()
    await another.close()
    after = await world.store.workers()

    assert [one.hosts for one in before] == [("press.example",)]
    assert [one.hosts for one in after if one.hosts] == []


async def test_the_clock_of_a_store_is_that_of_now_to_the_second(store: Store) -> None:
    now = store.clock()

    assert now.microsecond == 0
    assert abs(datetime.now(UTC) - now) < timedelta(seconds=30)  # noqa: TID251 - the clock itself


async def test_a_task_is_kept_by_who_has_it(store: Store) -> None:
    assert await store.take_task("export")
    assert await store.take_task("export")


async def test_what_holds_a_lease_ends_with_it(world: World) -> None:
    feed = await world.feed()
    await world.lease()

    with pytest.raises(LeaseLost):
        async with world.store.holding(feed, 0.001):
            await asyncio.Event().wait()


async def test_a_time_out_of_another_kind_is_no_lost_lease(world: World) -> None:
    feed = await world.feed()
    await world.lease()

    with pytest.raises(TimeoutError):
        async with world.store.holding(feed, 60):
            raise TimeoutError


async def test_those_who_lease_at_once_never_share_a_host(world: World, other: Store) -> None:
    urls = [f"https://h{n % 40}.example/{n}" for n in range(160)]
    await world.store.add_feeds([NewFeed(url=url) for url in urls], now=world.now)
    held: dict[str, Store] = {}
    count = 0

    for _ in range(40):
        stores = (world.store, other)
        slices = await asyncio.gather(
            *(one.lease(now=world.now, term=HOUR, limit=7) for one in stores)
        )
        for store, feeds in zip(stores, slices, strict=True):
            for feed in feeds:
                assert held.setdefault(feed.host, store) is store
            count += len(feeds)

    assert count == len(urls)
