"""Icons of sites: fetched once in a long while, found or not."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from test_fetch_addresses import FORMS

from newsreel.app.clock import utc_now
from newsreel.app.icons import LARGEST_ICON, fetch_icons, site_of
from newsreel.app.poll import Wanted, poll_feeds
from newsreel.cli import collecting
from newsreel.cli.context import Context
from newsreel.config import Settings
from newsreel.fetch.client import Client, FetchPolicy
from newsreel.model.feed import Feed, NewFeed, RequestOptions
from newsreel.model.site import Icon
from newsreel.store.sqlite import SqliteStore, open_store
from pictures import png
from polled_world import DAY, MINUTE, MORNING, item, rss
from proxy import TestProxy
from publisher import Publisher, endless, fail, hang, redirect, reset

OPEN = FetchPolicy(allow_private=("127.0.0.0/8",), timeout=timedelta(seconds=20))
PICTURE = png()


class Clock:
    """The test's own time."""

    def __init__(self) -> None:
        self.now = MORNING

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = open_store(tmp_path / "newsreel.sqlite")
    yield store
    await store.close()


@pytest.fixture
async def client(clock: Clock) -> AsyncIterator[Client]:
    async with Client(OPEN, clock=clock) as client:
        yield client


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        publisher.put("/feed", rss([item("a")]))
        yield publisher


async def followed(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock, **more: object
) -> Feed:
    """Add the publisher's feed and poll it; return it as it is a few minutes later."""
    new = replace(NewFeed(url=publisher.url("/feed")), **more)  # type: ignore[arg-type]
    (added,) = await store.add_feeds([new], now=MORNING)
    async for _ in poll_feeds(store, client, clock=clock, wanted=Wanted(is_forced=True)):
        pass
    publisher.requests.clear()
    clock.now += 5 * MINUTE
    feed = await store.feed(added.feed.id)
    assert feed is not None
    return feed


def put_page(publisher: Publisher, href: str) -> None:
    html = f'<html><head><link rel="icon" href="{href}"></head></html>'
    publisher.put("/", html, content_type="text/html")


async def test_the_icon_that_the_page_names_is_kept(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    feed = await followed(publisher, store, client, clock)
    put_page(publisher, "/static/i.png")
    url = publisher.put("/static/i.png", PICTURE, content_type="text/html")

    icons = await fetch_icons(store, client, clock=clock)

    assert icons == [
        Icon(
            site_url=publisher.url("/"),
            icon_url=url,
            content_type="image/png",
            body=PICTURE,
            fetched_at=clock.now,
            next_at=clock.now + 90 * DAY,
        )
    ]
    assert await store.icon(site_of(feed)) == icons[0]
    assert [seen.path for seen in publisher.requests] == ["/", "/static/i.png"]
    assert all(seen.headers["user-agent"].startswith("Newsreel/") for seen in publisher.requests)


async def test_without_a_name_it_stands_where_icons_always_stood(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    await followed(publisher, store, client, clock)
    publisher.put("/favicon.ico", PICTURE)

    (icon,) = await fetch_icons(store, client, clock=clock)

    assert icon.icon_url == publisher.url("/favicon.ico")
    assert icon.content_type == "image/png"


@pytest.mark.parametrize("has_icon", [True, False])
async def test_a_site_is_asked_once_in_a_long_while(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock, *, has_icon: bool
) -> None:
    await followed(publisher, store, client, clock)
    if has_icon:
        publisher.put("/favicon.ico", PICTURE)

    (first,) = await fetch_icons(store, client, clock=clock)
    count = len(publisher.requests)
    again = await fetch_icons(store, client, clock=clock)

    assert (first.fault is None) == has_icon
    assert again == []
    assert len(publisher.requests) == count == 2


async def test_one_site_of_many_feeds_is_asked_once(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    publisher.put("/other", rss([item("b")]))
    await store.add_feeds([NewFeed(url=publisher.url("/other"))], now=MORNING)
    await followed(publisher, store, client, clock)

    icons = await fetch_icons(store, client, clock=clock)

    assert len(icons) == 1


async def test_a_feed_that_was_never_read_is_not_asked_about(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    publisher.answer("/feed", fail(500))
    await followed(publisher, store, client, clock)

    assert await fetch_icons(store, client, clock=clock) == []
    assert not publisher.requests


async def test_a_host_of_which_a_feed_is_due_is_left_to_the_polls(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    feed = await followed(publisher, store, client, clock)
    assert feed.next_poll_at is not None
    clock.now = feed.next_poll_at - timedelta(seconds=20)

    assert await fetch_icons(store, client, clock=clock) == []
    assert not publisher.requests


async def test_a_site_that_asks_for_rest_is_given_it_by_polls_too(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    await followed(publisher, store, client, clock)
    publisher.answer("/", fail(429, Retry_After="7200"))

    (icon,) = await fetch_icons(store, client, clock=clock)

    assert icon.fault == "http-429"
    assert [seen.path for seen in publisher.requests] == ["/"]
    (host,) = [host for host in await store.hosts() if host.not_before]
    assert host.not_before == clock.now + timedelta(hours=2)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "not-a-picture"),
        (b"<html>no such page</html>", "not-a-picture"),
        (png(9000, 9000), "not-a-picture"),
        (PICTURE + bytes(LARGEST_ICON), "not-a-picture"),
    ],
)
async def test_what_may_not_be_shown_is_not_kept(
    publisher: Publisher,
    store: SqliteStore,
    client: Client,
    clock: Clock,
    body: bytes,
    fault: str,
) -> None:
    await followed(publisher, store, client, clock)
    publisher.put("/favicon.ico", body, content_type="image/png")

    (icon,) = await fetch_icons(store, client, clock=clock)

    assert (icon.body, icon.fault) == (None, fault)


async def test_endless_pages_and_icons_are_left(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    await followed(publisher, store, client, clock)
    publisher.answer("/", endless(b'<link rel="icon" href="/i">'))
    publisher.answer("/i", endless(PICTURE))
    publisher.answer("/favicon.ico", reset())

    (icon,) = await fetch_icons(store, client, clock=clock)

    assert icon.fault == "protocol"
    assert [seen.path for seen in publisher.requests] == ["/", "/i", "/favicon.ico"]


@pytest.mark.parametrize("form", FORMS)
async def test_no_address_that_may_not_be_reached_is_asked_for_an_icon(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock, form: str
) -> None:
    await followed(publisher, store, client, clock)
    put_page(publisher, form)
    publisher.answer("/favicon.ico", redirect(form.encode().decode("latin-1")))

    (icon,) = await fetch_icons(store, client, clock=clock)

    assert icon.body is None
    assert {seen.path for seen in publisher.requests} <= {"/", "/favicon.ico"}


async def test_the_site_that_a_feed_names_may_not_lie_in_the_own_network(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    feed = await followed(
        publisher, store, client, clock, site_url="http://user:s3cret@10.0.0.1/admin?token=1"
    )

    (icon,) = await fetch_icons(store, client, clock=clock)

    assert icon.fault == "refused-address"
    assert icon.site_url == site_of(feed) == "http://10.0.0.1/"


async def test_the_feeds_proxy_is_asked_and_its_credentials_are_not_told(
    publisher: Publisher, store: SqliteStore, client: Client, clock: Clock
) -> None:
    publisher.put("/favicon.ico", PICTURE)
    with TestProxy({"paper.example": ("127.0.0.1", publisher.port)}) as proxy:
        options = RequestOptions(proxy=proxy.url, headers=(("X-Mark", "s3cret"),), user="ada")
        url = "http://paper.example/feed"
        await followed(publisher, store, client, clock, url=url, request_options=options)

        (icon,) = await fetch_icons(store, client, clock=clock)

        assert len(proxy.heads) == 3
        assert not any(b"s3cret" in head or b"Basic" in head for head in proxy.heads[1:])
    assert icon.body == PICTURE


async def test_the_service_asks_now_and_then_and_stops_at_once(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "LOOK_EVERY", 0.01)
    settings = Settings(
        db=str(tmp_path / "newsreel.sqlite"), captures=None, allow_private=("127.0.0.0/8",)
    )
    context = Context(settings)
    async with context.open_store() as store, context.client() as client:
        await store.add_feeds([NewFeed(url=publisher.url("/feed"))], now=utc_now())
        async for _ in poll_feeds(store, client, clock=utc_now, wanted=Wanted()):
            pass
        publisher.answer("/favicon.ico", hang())

        async with collecting.collecting_icons(context):
            await publisher.wait_for(3)

        assert [seen.path for seen in publisher.requests] == ["/feed", "/", "/favicon.ico"]
        assert await store.icon_times() == {}


async def test_the_service_goes_on_without_icons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(collecting, "LOOK_EVERY", 0.0)
    told = asyncio.Event()
    monkeypatch.setattr("newsreel.log.event", lambda *_, **__: told.set())
    async with collecting.collecting_icons(Context(Settings(db=f"mysql:{tmp_path}"))):
        await told.wait()
        told.clear()
        await told.wait()

    assert "Traceback" not in capsys.readouterr().err
