"""A capture understood: decoded, parsed, normalised; or why not."""

from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

from newsreel.core.hubs import announcement_in
from newsreel.core.normalize import Detect, sightings_of
from newsreel.errors import NoEntries, NotAFeed
from newsreel.formats.document import parse
from newsreel.formats.languages import tag_of
from newsreel.formats.links import links_in
from newsreel.formats.page import read_page
from newsreel.formats.urls import absolute, has_credential
from newsreel.model.capture import Capture, Fault, FaultKind
from newsreel.model.entry import FeedFormat, Json, ParsedFeed
from newsreel.model.feed import Feed
from newsreel.model.poll import FeedFacts, Outcome, Reading


def read(feed: Feed, capture: Capture, *, detect: Detect | None = None) -> Reading:
    """Return what a capture says. A body that is the same as the last one costs no parse.

    ``detect`` guesses the language of entries whose publisher names none.
    """
    if capture.fault is not None:
        return Reading(capture=capture, outcome=Outcome.FAILED, fault=capture.fault)
    is_same = capture.digest and capture.digest == feed.body_digest
    if capture.is_not_modified or (is_same and not capture.is_pushed and not feed.is_read_anew):
        return Reading(capture=capture, outcome=Outcome.NOT_MODIFIED)
    url = _base_of(feed, capture)
    try:
        parsed = _parsed(feed, capture, url)
    except (NotAFeed, NoEntries) as error:
        is_page = isinstance(error, NoEntries)
        fault = Fault(FaultKind.NO_ENTRIES if is_page else FaultKind.NOT_A_FEED, str(error))
        return Reading(capture=capture, outcome=Outcome.FAILED, fault=fault)
    sightings, policy = sightings_of(
        _whole(parsed) if capture.is_cut else parsed,
        url=url,
        fetched_at=capture.fetched_at,
        policy=feed.identity_policy,
        detect=detect,
    )
    return Reading(
        capture=capture,
        outcome=Outcome.PUSHED if capture.is_pushed else Outcome.OK,
        facts=_facts_of(parsed, url),
        sightings=sightings,
        identity_policy=policy,
        hints=_hints_of(feed, parsed) | _hub_hints_of(feed, capture, parsed, url),
        is_truncated=parsed.truncated or capture.is_cut,
    )


def _parsed(feed: Feed, capture: Capture, url: str) -> ParsedFeed:
    body, content_type = capture.body or b"", capture.content_type
    if feed.page_rules is not None:
        return read_page(body, feed.page_rules, url=url, content_type=content_type)
    return parse(body, content_type=content_type, url=url)


def _whole(parsed: ParsedFeed) -> ParsedFeed:
    """Leave out the entry in which our own limit, or the connection, cut the feed off.

    The next poll brings it whole; half of it now would look like an edit then. In a page nothing
    tells where an entry ends: it is the last one.
    """
    if parsed.format is FeedFormat.PAGE:
        return replace(parsed, entries=parsed.entries[:-1])
    entries = tuple(entry for entry in parsed.entries if "truncated" not in entry.extras)
    return replace(parsed, entries=entries)


def _base_of(feed: Feed, capture: Capture) -> str:
    """Return what relative links are resolved against: never an address with a secret.

    Where a public feed was redirected to one, its own address serves; links inherit no password.
    """
    url = _without_user(capture.final_url)
    return _without_user(feed.url) if has_credential(url) and not feed.is_private else url


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _facts_of(parsed: ParsedFeed, url: str) -> FeedFacts:
    return FeedFacts(
        title=" ".join(parsed.title.split()) if parsed.title else None,
        site_url=absolute(parsed.link, parsed.base_url or url),
        language=tag_of(parsed.language),
    )


def _hints_of(feed: Feed, parsed: ParsedFeed) -> dict[str, Json]:
    """What the schedule goes by until the next body comes, as JSON."""
    hints: dict[str, Json] = {
        "ttl_minutes": parsed.ttl_minutes,
        "update_period_minutes": parsed.update_period_minutes,
        "skip_hours": list(parsed.skip_hours),
        "skip_days": list(parsed.skip_days),
        "page_rules": {**feed.page_rules.selectors} if feed.page_rules is not None else None,
    }
    return {name: value for name, value in hints.items() if value}


def _hub_hints_of(feed: Feed, capture: Capture, parsed: ParsedFeed, url: str) -> dict[str, Json]:
    """The hub that is announced, by what name, and what links in its pushes are relative to."""
    found = announcement_in(links_in(capture.head), parsed, base=url)
    if found is None:
        return {}
    base: dict[str, Json] = {"base": url} if url != feed.url else {}
    return {"hub": found.hub, "topic": found.topic, **base}
