"""The icons of sites: asked for once in a long while, found or not, and never in a poll's way."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from newsreel.app.clock import Clock
from newsreel.fetch.client import Client
from newsreel.fetch.hosts import HostGate
from newsreel.fetch.policy import Request
from newsreel.formats.icons import find_icons, icon_type
from newsreel.formats.urls import asked_host_of, origin_of
from newsreel.model.capture import Capture, Fault, FaultKind
from newsreel.model.feed import Feed, FeedStatus
from newsreel.model.site import Icon
from newsreel.store.protocols import Store

FOUND_LASTS = timedelta(days=90)
NONE_LASTS = timedelta(days=30)
"""Also where the site could not be asked: a reader does without."""
LARGEST_PAGE = 200_000
LARGEST_ICON = 100_000
QUIET = timedelta(seconds=30)
"""A host of which no feed is due in this time has a moment for us."""
MOST_AT_ONCE = 50
NOT_A_PICTURE = "not-a-picture"

AS_A_PAGE = (("Accept", "text/html, */*;q=0.1"),)
AS_AN_ICON = (("Accept", "image/png, image/x-icon, image/webp, image/*;q=0.8, */*;q=0.1"),)


def site_of(feed: Feed) -> str:
    """Return the address that the icon of a feed's site is known by; empty where it has none."""
    origin = origin_of(feed.site_url or "") or origin_of(feed.url)
    return origin and origin + "/"


async def fetch_icons(store: Store, client: Client, *, clock: Clock) -> list[Icon]:
    """Ask some sites for their icons, one after the other, and return what was found out.

    Those whose feeds were read, that were not asked for long, and whose hosts are quiet now.
    """
    gate, found = HostGate(client.policy, clock), []
    for feed in (await _lacking(store, clock()))[:MOST_AT_ONCE]:
        icon = await _Search(feed, store, client, gate, clock).icon()
        await store.save_icon(icon)
        await store.save_hosts(gate.changed())
        found.append(icon)
    return found


async def _lacking(store: Store, now: datetime) -> Sequence[Feed]:
    """Return one feed of each site that may be asked."""
    feeds = await store.feeds(statuses=[FeedStatus.ACTIVE])
    next_at = await store.icon_times()
    busy = {feed.host for feed in feeds if (feed.next_poll_at or now) < now + QUIET}
    lacking: dict[str, Feed] = {}
    for feed in feeds:
        site = site_of(feed)
        if (
            not site
            or feed.last_ok_at is None
            or not {feed.host, asked_host_of(site)}.isdisjoint(busy)
        ):
            continue
        if next_at.get(site, now) <= now:
            lacking.setdefault(site, feed)
    return list(lacking.values())


class _Search:
    """The search for one site's icon: on its page, else where icons always stood."""

    def __init__(
        self, feed: Feed, store: Store, client: Client, gate: HostGate, clock: Clock
    ) -> None:
        self._feed, self._site = feed, site_of(feed)
        self._store, self._client, self._gate, self._clock = store, client, gate, clock

    async def icon(self) -> Icon:
        """Return the icon, or that there is none."""
        page = await self._fetch(self._site, AS_A_PAGE, LARGEST_PAGE)
        if page.fault is not None and page.fault.status is None:  # nobody is there
            return self._none(page.fault.reason)
        links = list(find_icons(page.body or b"", page.final_url, page.content_type))
        why = NOT_A_PICTURE
        for link in dict.fromkeys([*links, f"{origin_of(page.final_url)}/favicon.ico"]):
            capture = await self._fetch(link, AS_AN_ICON, LARGEST_ICON)
            body = capture.body or b""
            kind = None if capture.is_cut else icon_type(body)
            if kind is not None:
                return self._found(link, kind, body)
            why = capture.fault.reason if capture.fault else NOT_A_PICTURE
        return self._none(why)

    async def _fetch(
        self, url: str, headers: tuple[tuple[str, str], ...], max_bytes: int
    ) -> Capture:
        host = asked_host_of(url)
        self._gate.recall(await self._store.hosts([host]))
        async with self._gate.turn(host) as turn:
            if turn.closed_until is not None:
                fault = Fault(FaultKind.HTTP, f"{host} asked us to come later", 429)
                return Capture(url=url, final_url=url, fetched_at=self._clock(), fault=fault)
            request = Request(
                url=url,
                headers=headers,
                max_bytes=max_bytes,
                proxy=self._feed.request_options.proxy,
            )
            capture = await self._client.fetch(request, gate=self._gate)
            self._gate.learn(host, capture)
            return capture

    def _found(self, link: str, kind: str, body: bytes) -> Icon:
        now = self._clock()
        return Icon(
            site_url=self._site,
            icon_url=link,
            content_type=kind,
            body=body,
            fetched_at=now,
            next_at=now + FOUND_LASTS,
        )

    def _none(self, why: str) -> Icon:
        now = self._clock()
        return Icon(site_url=self._site, fetched_at=now, next_at=now + NONE_LASTS, fault=why)
