"""Fetch pages as robots do: their site's robots.txt is asked first, once a day (RFC 9309)."""

from newsreel.app.clock import Clock
from newsreel.core.robots import LONGEST_FILE, may_fetch, robots_after
from newsreel.fetch.body import Permit
from newsreel.fetch.client import Client
from newsreel.fetch.exchange import CheckHop
from newsreel.fetch.hosts import HostGate
from newsreel.fetch.policy import Request
from newsreel.fetch.sources import fetch
from newsreel.formats.urls import asked_host_of, origin_of
from newsreel.model.capture import Capture, Fault, FaultKind
from newsreel.model.feed import AS_SET, Feed, RequestOptions
from newsreel.model.site import Robots
from newsreel.store.protocols import SiteStore

ACCEPT = (("Accept", "text/plain, */*;q=0.1"),)


async def fetch_page(
    feed: Feed,
    store: SiteStore,
    client: Client,
    gate: HostGate,
    *,
    clock: Clock,
    permit: Permit | None = None,
) -> Capture:
    """Return what a page that is read as a feed says now, if its site lets robots read it."""
    options = feed.request_options
    check_hop = hop_check(feed.url, store, client, clock=clock, gate=gate, options=options)
    if fault := await check_hop(feed.url):
        return Capture(url=feed.url, final_url=feed.url, fetched_at=clock(), fault=fault)
    return await fetch(feed, client, gate=gate, permit=permit, check_hop=check_hop)


def hop_check(
    page: str,
    store: SiteStore,
    client: Client,
    *,
    clock: Clock,
    gate: HostGate,
    options: RequestOptions = AS_SET,
) -> CheckHop:
    """Return what tells of a page, and of where it redirects to, why robots leave that alone."""

    async def check(url: str) -> Fault | None:
        chosen = _told_to(url, page, options)
        return await crawl_fault(url, store, client, clock=clock, gate=gate, options=chosen)

    return check


async def crawl_fault(
    url: str,
    store: SiteStore,
    client: Client,
    *,
    clock: Clock,
    gate: HostGate | None = None,
    options: RequestOptions = AS_SET,
) -> Fault | None:
    """Return why a page is left alone by robots, None where it may be fetched.

    With a ``gate``, the caller has the host's turn, or was led there.
    """
    origin, host = origin_of(url), asked_host_of(url)
    if not origin:
        return None  # the request will say so
    robots, now = await store.robots(origin), clock()
    if robots is None or not robots.fetched_at <= now < robots.next_at:
        capture = await client.fetch(_request(origin, options), gate=gate)
        robots = robots_after(robots, capture, origin=origin, now=now)
        await store.save_robots(robots)
        if gate is not None:
            gate.learn(host, capture)
            await gate.rest(host)
    if gate is not None and gate.closed_until(host) is not None:
        return _unread(host)
    return _fault_in(robots, url, client, options)


async def fault_of_polls(
    page: Capture, client: Client, *, clock: Clock, options: RequestOptions = AS_SET
) -> Fault | None:
    """Return why polls would leave a page alone that was fetched by hand, None if they would not.

    Its robots.txt, and that of where it redirects to, is asked for now and not remembered.
    """
    for url in dict.fromkeys((page.url, page.final_url)):
        origin, chosen = origin_of(url), _told_to(url, page.url, options)
        capture = await client.fetch(_request(origin, chosen))
        robots = robots_after(None, capture, origin=origin, now=clock())
        if fault := _fault_in(robots, url, client, chosen):
            return fault
    return None


def _told_to(url: str, page: str, options: RequestOptions) -> RequestOptions:
    """Return what is for whom: the page's origin alone is told the feed's own User-Agent."""
    is_home = origin_of(url) == origin_of(page)
    return options if is_home else RequestOptions(proxy=options.proxy)


def _request(origin: str, options: RequestOptions) -> Request:
    agent = (("User-Agent", options.user_agent),) if options.user_agent else ()
    return Request(
        url=f"{origin}/robots.txt",
        headers=ACCEPT + agent,
        max_bytes=LONGEST_FILE,
        proxy=options.proxy,
    )


def _fault_in(robots: Robots, url: str, client: Client, options: RequestOptions) -> Fault | None:
    host = asked_host_of(url)
    if robots.status is None:
        return _unread(host)
    if may_fetch(robots, url, options.user_agent or client.policy.agent):
        return None
    return Fault(FaultKind.ROBOTS, f"the robots.txt of {host} asks robots to leave this alone")


def _unread(host: str) -> Fault:
    return Fault(FaultKind.ROBOTS, f"the robots.txt of {host} can't be read for now")
