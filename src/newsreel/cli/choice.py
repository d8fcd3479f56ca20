"""Which feed an argument means."""

from newsreel.cli.listing import name_of
from newsreel.cli.own_sources import kept_addresses
from newsreel.errors import UsageError
from newsreel.formats.urls import redacted
from newsreel.model.feed import Feed
from newsreel.store.protocols import Store

LONGEST_NUMBER = 18


async def feed_of(store: Store, text: str) -> Feed:
    """Return the feed of a number, address, path, or title (or a part of one that no other has).

    Raises :class:`~newsreel.errors.UsageError` where there is none, or more than one.
    """
    feed = await find_feed(store, text)
    if feed is None:
        raise UsageError(
            f"no such feed: {named(text)!r}",
            hint="'newsreel feeds' lists the feeds with their numbers",
        )
    return feed


async def find_feed(store: Store, text: str) -> Feed | None:
    """Return the feed an argument means, or None; raises where there are several."""
    if text.isdecimal() and len(text) <= LONGEST_NUMBER:
        return await store.feed(int(text))
    for address in (text, *kept_addresses(text), "https://" + text, "http://" + text):
        if feed := await store.find_feed(address):
            return feed
    wanted = text.casefold()
    feeds = await store.feeds()
    found = [feed for feed in feeds if (feed.title or "").casefold() == wanted]
    found = found or [feed for feed in feeds if wanted in (feed.title or "").casefold()]
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} feeds are called {text!r}",
            hint="give a number: "
            + ", ".join(f"{feed.id} ({name_of(feed)})" for feed in found[:5]),
        )
    return found[0] if found else None


def named(text: str) -> str:
    """Return an argument as it may be repeated: an address without its secrets."""
    return redacted(text) if "/" in text else text
