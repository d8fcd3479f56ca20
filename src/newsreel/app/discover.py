"""Find the feeds at an address, and add one with what was fetched on the way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from newsreel.app.captures import Keep, nowhere
from newsreel.app.clock import Clock
from newsreel.app.poll import LEASE_TERM, take_in
from newsreel.app.robots import hop_check
from newsreel.core.explanations import fault_told
from newsreel.errors import FeedError, NotAFeed, UsageError
from newsreel.fetch.client import Client, Request
from newsreel.fetch.exchange import CheckHop
from newsreel.fetch.hosts import HostGate
from newsreel.fetch.sources import AS_A_PAGE, fetch_own, request_for
from newsreel.formats.document import parse
from newsreel.formats.html_feeds import FoundFeed, find_feeds
from newsreel.formats.page import read_page
from newsreel.formats.sitemap import find_sitemaps
from newsreel.formats.urls import asked_host_of, origin_of, redacted
from newsreel.model.capture import Capture
from newsreel.model.feed import AS_SET, Feed, FeedStatus, NewFeed, PageRules, RequestOptions
from newsreel.model.poll import Poll
from newsreel.store.protocols import SiteStore, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What stands at an address: a feed (``capture``), or a page announcing some (``found``)."""

    url: str
    capture: Capture | None = None
    found: tuple[FoundFeed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A feed that was added, or was there already (``poll`` None)."""

    feed: Feed
    is_new: bool
    poll: Poll | None


async def discover(
    address: str, client: Client, options: RequestOptions = AS_SET, *, gate: HostGate | None = None
) -> Discovery:
    """Return what stands at an address, asked for as ``options`` say, in its host's turn.

    Raises :class:`~newsreel.errors.FeedError` where nothing answers, and
    :class:`~newsreel.errors.NotAFeed` where neither a feed nor a page with feeds stands there.
    """
    url = with_scheme(address)
    capture = _answered(await _fetched(request_for(url, options), client, gate), url)
    body = capture.body or b""
    try:
        parse(body, content_type=capture.content_type, url=capture.final_url)
    except NotAFeed as error:
        found = find_sitemaps(body, capture.final_url, capture.content_type)
        found = found or find_feeds(body, capture.final_url, capture.content_type)
        if not found:
            is_sitemap = "sitemap" in str(error)
            hint = "give the feed's own address, or a page that announces feeds"
            raise NotAFeed(
                f"no feed at {redacted(url)}: {error}", hint=error.hint if is_sitemap else hint
            ) from error
        return Discovery(url=url, found=found)
    return Discovery(url=_target_of(capture, url, options), capture=capture)


async def page_at(
    address: str,
    client: Client,
    options: RequestOptions = AS_SET,
    *,
    gate: HostGate | None = None,
    check_hop: CheckHop | None = None,
) -> tuple[str, Capture]:
    """Return a page and its address, asked for as browsers do.

    Raises :class:`~newsreel.errors.FeedError` where nothing answers.
    """
    url = with_scheme(address)
    request = request_for(url, options, headers=AS_A_PAGE)
    capture = await _fetched(request, client, gate, check_hop)
    return _target_of(_answered(capture, url), url, options), capture


async def discover_page(
    address: str,
    rules: PageRules,
    client: Client,
    options: RequestOptions = AS_SET,
    *,
    store: SiteStore,
    clock: Clock,
    gate: HostGate,
) -> Discovery:
    """Return a page on which these rules find entries, and which its site lets robots read.

    Raises :class:`~newsreel.errors.FeedError` where nothing answers or robots are not wanted, and
    :class:`~newsreel.errors.NoEntries` where the rules find nothing.
    """
    url = with_scheme(address)
    check_hop = hop_check(url, store, client, clock=clock, gate=gate, options=options)
    async with _turn(url, gate):
        fault = await check_hop(url)
    if fault is not None:
        raise FeedError(
            f"{redacted(url)} would not be polled: {fault.reason} ({fault.detail})",
            hint="ask the site to let feed readers in",
        )
    url, capture = await page_at(url, client, options, gate=gate, check_hop=check_hop)
    read_page(capture.body or b"", rules, url=url, content_type=capture.content_type)
    return Discovery(url=url, capture=capture)


async def discover_own(
    url: str, client: Client, options: RequestOptions = AS_SET, rules: PageRules | None = None
) -> Discovery:
    """Return what a directory, a file or a mailbox of the operator's holds.

    This is for who may read the machine's files: no address that came from elsewhere goes here.

    Raises :class:`~newsreel.errors.FeedError` where it can't be read, and
    :class:`~newsreel.errors.NotAFeed` where a file holds no feed.
    """
    capture = _answered(await fetch_own(url, client, options), url)
    if rules is not None:
        read_page(capture.body or b"", rules, url=url, content_type=capture.content_type)
    else:
        parse(capture.body or b"", content_type=capture.content_type)
    return Discovery(url=url, capture=capture)


async def _fetched(
    request: Request,
    client: Client,
    gate: HostGate | None,
    check_hop: CheckHop | None = None,
) -> Capture:
    if gate is None:
        return await client.fetch(request)
    async with _turn(request.url, gate) as host:
        capture = await client.fetch(request, gate=gate, check_hop=check_hop)
        gate.learn(host, capture)
        return capture


@asynccontextmanager
async def _turn(url: str, gate: HostGate) -> AsyncIterator[str]:
    """Wait for the turn at a host, and give its name.

    Raises :class:`~newsreel.errors.FeedError` where it wants to be left alone.
    """
    host = asked_host_of(url)
    async with gate.turn(host) as turn:
        if turn.closed_until is not None:
            raise FeedError(
                f"{host} asked us to wait until {turn.closed_until:%Y-%m-%d %H:%M} (UTC)",
                hint="add it then",
            )
        yield host


def _answered(capture: Capture, url: str) -> Capture:
    if capture.fault is None:
        return capture
    raise FeedError(
        f"nothing can be read at {redacted(url)}: {capture.fault.reason}"
        + (f" ({capture.fault.detail})" if capture.fault.detail else ""),
        hint=_HINTS.get(capture.fault.kind) or fault_told(capture.fault),
    )


def _target_of(capture: Capture, url: str, options: RequestOptions) -> str:
    target = capture.permanent_url or url
    if options.has_credential and origin_of(target) != origin_of(url):
        return url  # what it is asked with is meant for this origin
    return target


async def add_feed(
    new: NewFeed, capture: Capture, store: Store, *, clock: Clock, keep: Keep = nowhere
) -> Added:
    """Add a feed and store what was fetched as its first poll."""
    added = (await store.add_feeds([new], now=clock()))[0]
    feed = added.feed
    if feed.last_poll_at is not None or feed.status is not FeedStatus.ACTIVE:
        return Added(feed=feed, is_new=added.is_new, poll=None)
    leased = await store.lease(
        now=clock(), term=LEASE_TERM, limit=1, feed_ids=[feed.id], is_forced=True
    )
    if not leased:  # another process polls it at this moment
        return Added(feed=feed, is_new=added.is_new, poll=None)
    poll = await take_in(leased[0], capture, store, clock=clock, keep=keep)
    return Added(feed=poll.feed, is_new=added.is_new, poll=poll)


def with_scheme(address: str) -> str:
    """Return an address of the web as it is to be asked for, however it was typed.

    Raises :class:`~newsreel.errors.UsageError` where it is none.
    """
    address = address.strip()
    if address.startswith("feed:"):
        address = address.removeprefix("feed:").removeprefix("//")
    if "://" not in address:
        address = "https://" + address
    try:
        parts = urlsplit(address)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_usable = False
    if not is_usable:
        raise UsageError(
            f"not an address: {redacted(address)!r}", hint="give one that begins with https://"
        )
    return address


_HINTS = {
    "refused-address": "addresses of the own network are refused; "
    "open them with allow_private (NEWSREEL_ALLOW_PRIVATE)",
    "dns": "check the name's spelling, and the network",
    "missing": "check the name, and whether you may read it",
    "login": "check user and password; many providers want a password made for one program",
    "challenge": "the site asks visitors to prove that they are no robots; "
    "ask it to let feed readers in",
}
