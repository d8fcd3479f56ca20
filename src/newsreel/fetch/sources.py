"""Where a feed's text comes from: the one place that knows how each kind of source is asked."""

from newsreel.fetch.client import Client
from newsreel.fetch.hosts import HostGate
from newsreel.fetch.policy import Request
from newsreel.model.capture import Capture
from newsreel.model.feed import Feed

AS_A_PAGE = (("Accept", "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"),)


async def fetch(feed: Feed, client: Client, *, gate: HostGate | None = None) -> Capture:
    """Return what a feed's source says now, or why nothing came."""
    return await client.fetch(request_of(feed), gate=gate)


def request_of(feed: Feed) -> Request:
    """Return what a feed of the web is asked for."""
    headers = AS_A_PAGE if feed.page_rules is not None else ()
    return Request(url=feed.url, validators=feed.validators, headers=headers)
