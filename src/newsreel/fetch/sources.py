"""Where a feed's text comes from: the one place that knows how each kind of source is asked."""

from newsreel.fetch.body import Permit
from newsreel.fetch.client import Client
from newsreel.fetch.directory import fetch_directory
from newsreel.fetch.exchange import CheckHop
from newsreel.fetch.hosts import HostGate
from newsreel.fetch.mailbox import fetch_mailbox
from newsreel.fetch.policy import Request
from newsreel.formats.urls import is_file, is_own_source
from newsreel.model.capture import Capture, Validators
from newsreel.model.feed import Feed, RequestOptions

NOT_ASKED_YET = Validators()
AS_A_PAGE = (("Accept", "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"),)


async def fetch(
    feed: Feed,
    client: Client,
    *,
    gate: HostGate | None = None,
    permit: Permit | None = None,
    check_hop: CheckHop | None = None,
) -> Capture:
    """Return what a feed's source says now, or why nothing came."""
    if is_own_source(feed.url):
        validators = NOT_ASKED_YET if feed.is_read_anew else feed.validators
        return await fetch_own(feed.url, client, feed.request_options, validators=validators)
    request = request_of(feed)
    return await client.fetch(request, gate=gate, permit=permit, check_hop=check_hop)


async def fetch_own(
    url: str,
    client: Client,
    options: RequestOptions,
    *,
    validators: Validators = NOT_ASKED_YET,
) -> Capture:
    """Return what a directory, a file or a mailbox holds now."""
    if is_file(url):
        means = client.means
        return await fetch_directory(
            url,
            validators,
            most_bytes=means.policy.max_bytes,
            limit=means.policy.timeout,
            clock=means.clock,
        )
    return await fetch_mailbox(url, options, validators, client.means)


def request_of(feed: Feed) -> Request:
    """Return what a feed of the web is asked for."""
    headers = AS_A_PAGE if feed.page_rules is not None else ()
    validators = NOT_ASKED_YET if feed.is_read_anew else feed.validators
    return request_for(feed.url, feed.request_options, validators=validators, headers=headers)


def request_for(
    url: str,
    options: RequestOptions,
    *,
    validators: Validators = NOT_ASKED_YET,
    headers: tuple[tuple[str, str], ...] = (),
) -> Request:
    """Return a request as a feed's options want it."""
    if options.user_agent is not None:
        headers += (("User-Agent", options.user_agent),)
    return Request(
        url=url,
        validators=validators,
        headers=headers + options.headers,
        proxy=options.proxy,
        user=options.user,
        password=options.password,
    )
