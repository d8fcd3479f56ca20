"""What every store must remember of sites."""

from dataclasses import replace

from newsreel.model.site import Icon, Robots
from newsreel.store import Store
from polled_world import DAY, HOUR, MORNING

ORIGIN = "https://paper.example"
ROBOTS = Robots(
    origin=ORIGIN,
    status=200,
    body=b"User-agent: *\nDisallow: /\xff\x00",
    fetched_at=MORNING,
    next_at=MORNING + DAY,
)
ICON = Icon(
    site_url=ORIGIN + "/",
    icon_url=ORIGIN + "/favicon.ico",
    content_type="image/png",
    body=b"\x89PNG\r\n\x1a\n\x00\xff",
    fetched_at=MORNING,
    next_at=MORNING + 30 * DAY,
)


async def test_nothing_is_known_of_a_new_site(store: Store) -> None:
    assert await store.robots(ORIGIN) is None
    assert await store.icon(ORIGIN + "/") is None


async def test_a_robots_txt_is_kept_byte_for_byte(store: Store, other: Store) -> None:
    await store.save_robots(ROBOTS)

    assert await other.robots(ORIGIN) == ROBOTS
    assert await other.robots("http://paper.example") is None


async def test_the_newest_robots_txt_takes_the_place_of_the_older(store: Store) -> None:
    failed = replace(ROBOTS, status=None, body=b"", next_at=MORNING + HOUR)
    await store.save_robots(ROBOTS)
    await store.save_robots(failed)

    assert await store.robots(ORIGIN) == failed


async def test_an_icon_is_kept_byte_for_byte(store: Store, other: Store) -> None:
    await store.save_icon(ICON)

    assert await other.icon(ICON.site_url) == ICON
    assert await other.icon_times() == {ICON.site_url: ICON.next_at}


async def test_that_there_is_no_icon_is_kept_too(store: Store) -> None:
    none = Icon(
        site_url=ICON.site_url, fetched_at=MORNING, next_at=MORNING + DAY, fault="http-404"
    )
    await store.save_icon(ICON)
    await store.save_icon(none)

    assert await store.icon(ICON.site_url) == none
