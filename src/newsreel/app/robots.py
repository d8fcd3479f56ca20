"""Fetch pages as robots do: their site's robots.txt is asked first, once a day (RFC 9309)."""

from newsreel.app.clock import Clock
from newsreel.core.robots import LONGEST_FILE, may_fetch, robots_after
from newsreel.fetch.body import Permit
from newsreel.fetch.client import Client
from newsreel.fetch.hosts import HostGate
from newsreel.fetch.policy import Request
from newsreel.fetch.sources import fetch
from newsreel.formats.urls import asked_host_of, origin_of
from newsreel.model.capture import Capture, Fault, FaultKind
from newsreel.model.feed import AS_SET, Feed, RequestOptions
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
    fault = await crawl_fault(
        feed.url, store, client, clock=clock, gate=gate, options=feed.request_options
    )
    if fault is None:
        return await fetch(feed, client, gate=gate, permit=permit)
    return Capture(url=feed.url, final_url=feed.url, fetched_at=clock(), fault=fault)


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

    With a ``gate``, the caller has the host's turn.
    """
    origin, host = origin_of(url), asked_host_of(url)
    if not origin:
        return None  # the request will say so
    robots, now = await store.robots(origin), clock()
    if robots is None or not robots.fetched_at <= now < robots.next_at:
        agent = (("User-Agent", options.user_agent),) if options.user_agent else ()
        request = Request(
            url=f"{origin}/robots.txt",
            headers=ACCEPT + agent,
            max_bytes=LONGEST_FILE,
            proxy=options.proxy,
        )
        capture = await client.fetch(request, gate=gate)
        robots = robots_after(robots, capture, origin=origin, now=now)
        await store.save_robots(robots)
        if gate is not None:
            gate.learn(host, capture)
            await gate.rest(host)
    is_closed = gate is not None and gate.closed_until(host) is not None
    if robots.status is None or is_closed:
        return Fault(FaultKind.ROBOTS, f"the robots.txt of {host} can't be read for now")
    if may_fetch(robots, url, options.user_agent or client.policy.agent):
        return None
    return Fault(FaultKind.ROBOTS, f"the robots.txt of {host} asks robots to leave this alone")
