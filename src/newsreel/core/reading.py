"""A capture understood: decoded, parsed, normalised; or why not."""

from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from newsreel.core.normalize import sightings_of
from newsreel.errors import NotAFeed
from newsreel.formats.document import parse
from newsreel.formats.languages import tag_of
from newsreel.formats.urls import absolute
from newsreel.model.capture import Capture, Fault, FaultKind
from newsreel.model.entry import Json, ParsedFeed
from newsreel.model.feed import Feed
from newsreel.model.poll import FeedFacts, Outcome, Reading


def read(feed: Feed, capture: Capture) -> Reading:
    """Return what a capture says. A body that is the same as the last one costs no parse."""
    if capture.fault is not None:
        return Reading(capture=capture, outcome=Outcome.FAILED, fault=capture.fault)
    if capture.is_not_modified or (capture.digest and capture.digest == feed.body_digest):
        return Reading(capture=capture, outcome=Outcome.NOT_MODIFIED)
    url = _without_user(capture.final_url)
    try:
        parsed = parse(capture.body or b"", content_type=capture.content_type, url=url)
    except NotAFeed as error:
        fault = Fault(FaultKind.NOT_A_FEED, str(error))
        return Reading(capture=capture, outcome=Outcome.FAILED, fault=fault)
    sightings, policy = sightings_of(
        parsed, url=url, fetched_at=capture.fetched_at, policy=feed.identity_policy
    )
    return Reading(
        capture=capture,
        outcome=Outcome.OK,
        facts=_facts_of(parsed, url),
        sightings=sightings,
        identity_policy=policy,
        hints=_hints_of(parsed),
    )


def _without_user(url: str) -> str:
    """Return an address without user and password, which no link is to inherit."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _facts_of(parsed: ParsedFeed, url: str) -> FeedFacts:
    return FeedFacts(
        title=" ".join(parsed.title.split()) if parsed.title else None,
        site_url=absolute(parsed.link, parsed.base_url or url),
        language=tag_of(parsed.language),
    )


def _hints_of(parsed: ParsedFeed) -> Mapping[str, Json]:
    """What the schedule goes by until the next body comes, as JSON."""
    hints: dict[str, Json] = {
        "ttl_minutes": parsed.ttl_minutes,
        "update_period_minutes": parsed.update_period_minutes,
        "skip_hours": list(parsed.skip_hours),
        "skip_days": list(parsed.skip_days),
    }
    return {name: value for name, value in hints.items() if value}
