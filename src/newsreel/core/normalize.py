"""A parsed feed becomes sightings: identity, absolute links, UTC dates, digests, doubts.

Total: a bad date is None and flagged, a missing guid falls back to the link, then to the digest of
the words.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from newsreel.formats.dates import ReadDate, read_date
from newsreel.formats.html_text import text_of
from newsreel.formats.languages import tag_of
from newsreel.formats.urls import absolute, canonical
from newsreel.model.entry import (
    NOTHING,
    Content,
    Doubt,
    Enclosure,
    Json,
    ParsedEntry,
    ParsedFeed,
    Sighting,
)
from newsreel.model.feed import IdentityPolicy

DIGEST_VERSION = 1
"""Raised when what the digest covers, or how, changes; both stand beside every stored digest."""

_RELATIVE = re.compile(  # the literal "=" comes first, so that the search is fast
    r"""=(?:(?<=href=)|(?<=src=)|(?<=srcset=)|(?<=poster=))["']?\s*(?![a-z][a-z0-9+.-]*:|["'#>\s])""",
    re.IGNORECASE,
)
DIGEST_IDENTITY = "sha256:"
"""Before the digest, where that is the identity."""

FUTURE_TOLERANCE = timedelta(hours=1)
FETCH_STAMP_TOLERANCE = timedelta(seconds=5)


Detect = Callable[[str], str | None]
"""Guesses a text's language and returns its tag."""

GUESSED_FROM = 300
"""Characters of title and text that a guess goes by."""


def sightings_of(
    parsed: ParsedFeed,
    *,
    url: str,
    fetched_at: datetime,
    policy: IdentityPolicy,
    detect: Detect | None = None,
) -> tuple[tuple[Sighting, ...], IdentityPolicy]:
    """Return the feed's sightings in its order, each identity once, and the policy from now on.

    ``url`` is the address that answered: what relative links are resolved against where the feed
    names no base. ``detect`` is asked for a language where the publisher names none; what it says
    is marked by the extra ``language_guessed``.
    """
    contents = [_content_of(entry, parsed, url) for entry in parsed.entries]
    if detect is not None:
        contents = [(_with_language(found, detect), has_zone) for found, has_zone in contents]
    policy = _policy_after(policy, parsed.entries, [content for content, _ in contents])
    found: dict[str, Sighting] = {}
    for entry, (content, has_zone) in zip(parsed.entries, contents, strict=True):
        doubts = _date_doubts(content.published_at, has_zone=has_zone, at=fetched_at)
        doubts |= _reading_doubts(entry, parsed)
        sighting = sighting_of(content, guid=entry.guid, policy=policy, doubts=doubts)
        found.setdefault(sighting.identity, sighting)
    return tuple(found.values()), policy


def sighting_of(
    content: Content,
    *,
    guid: str | None,
    policy: IdentityPolicy = IdentityPolicy.GUID,
    doubts: frozenset[Doubt] = frozenset(),
) -> Sighting:
    """Return the sighting of one entry's content: its identity and digests."""
    digest = digest_of(content)
    return Sighting(
        identity=_identity_of(guid, content, policy) or DIGEST_IDENTITY + digest.hex(),
        guid=guid,
        content=content,
        digest=digest,
        observed=observed_of(content),
        doubts=doubts,
    )


def digest_of(content: Content) -> bytes:
    """Return the SHA-256 over what makes a revision: title, permalink, author, summary, body.

    Each field goes in as its length in characters, a colon and its text; ``-`` where there is
    none.
    """
    fields = (content.title, content.permalink, content.author, content.summary, content.body)
    return hashlib.sha256(_joined(fields)).digest()


def observed_of(content: Content) -> bytes:
    """Return eight bytes over what is only noted: dates, images, categories, enclosures."""
    fields: list[str | None] = [content.published_raw, content.updated_raw, content.thumbnail]
    fields += content.categories
    for enclosure in content.enclosures:
        fields += (enclosure.url, enclosure.type, str(enclosure.length))
    return hashlib.sha256(_joined(fields)).digest()[:8]


def public_id_of(first_url: str, identity: str) -> str:
    """Return twenty hex digits of SHA-256 over the feed's first URL and the entry's identity."""
    return hashlib.sha256(_joined((first_url, identity))).hexdigest()[:20]


def _joined(fields: Iterable[str | None]) -> bytes:
    text = "".join(["-" if field is None else f"{len(field)}:{field}" for field in fields])
    return text.encode("utf-8", "surrogatepass")


def _policy_after(
    policy: IdentityPolicy, entries: Sequence[ParsedEntry], contents: Sequence[Content]
) -> IdentityPolicy:
    """Return the first policy, from the present one on, that tells these articles apart."""
    guids = [entry.guid for entry in entries]
    if policy is IdentityPolicy.GUID and _is_shared(guids, contents):
        policy = IdentityPolicy.LINK
    if policy is not IdentityPolicy.DIGEST:
        found: dict[str, Content] = {}
        for guid, content in zip(guids, contents, strict=True):
            identity = _identity_of(guid, content, policy)
            if identity and _is_other(found.setdefault(identity, content), content):
                return IdentityPolicy.DIGEST
    return policy


def _is_shared(guids: Iterable[str | None], contents: Iterable[Content]) -> bool:
    """Tell whether one guid stands on articles with different links: then it is no guid."""
    links: dict[str, str | None] = {}
    pairs = zip(guids, contents, strict=True)
    return any(
        guid and links.setdefault(guid, content.permalink) != content.permalink
        for guid, content in pairs
    )


def _is_other(one: Content, two: Content) -> bool:
    """Tell whether two that share an identity are different articles, not two states of one."""
    if one.title != two.title:
        return True
    texts = (one.summary, one.body), (two.summary, two.body)
    return one.published_raw != two.published_raw and texts[0] != texts[1]


def _identity_of(guid: str | None, content: Content, policy: IdentityPolicy) -> str | None:
    """Return the identity that needs no digest."""
    match policy:
        case IdentityPolicy.GUID:
            return guid or content.permalink
        case IdentityPolicy.LINK:
            return content.permalink or guid
        case IdentityPolicy.DIGEST:
            return None


def _content_of(entry: ParsedEntry, feed: ParsedFeed, url: str) -> tuple[Content, bool]:
    base = entry.base_url or feed.base_url or url
    published, updated = read_date(entry.published), read_date(entry.updated)
    link = entry.link or (entry.guid if entry.guid_is_permalink else None)
    permalink = absolute(link, base)
    told = published or updated
    content = Content(
        title=_clean(entry.title),
        link=_clean(link),
        permalink=_clean(permalink),
        canonical_link=_clean(canonical(permalink)) if permalink else None,
        summary=_clean(entry.summary),
        body=_clean(entry.body),
        author=_clean(entry.author),
        categories=tuple(_clean(name) or "" for name in entry.categories),
        enclosures=tuple(_enclosures_of(entry, base)),
        thumbnail=_clean(absolute(entry.thumbnail, base)),
        language=tag_of(entry.language) or tag_of(feed.language),
        published_at=_at(published) or _at(updated),
        published_raw=_clean(entry.published),
        updated_at=_at(updated),
        updated_raw=_clean(entry.updated),
        extras=_extras_of(entry, base=base),
    )
    return content, told is None or told.has_zone


def _with_language(content: Content, detect: Detect) -> Content:
    if content.language is not None:
        return content
    text = f"{content.title or ''} {text_of(content.summary or content.body)}"
    language = tag_of(detect(text[:GUESSED_FROM]))
    if language is None:
        return content
    extras = {**content.extras, "language_guessed": True}
    return replace(content, language=language, extras=extras)


def _at(read: ReadDate | None) -> datetime | None:
    return read.at if read else None


def _enclosures_of(entry: ParsedEntry, base: str) -> Iterator[Enclosure]:
    """Yield the files of an entry that have an address which can do no harm."""
    for found in entry.enclosures:
        if url := _clean(absolute(found.url, base)):
            yield Enclosure(url, found.type, found.length)


def _extras_of(entry: ParsedEntry, *, base: str) -> Mapping[str, Json]:
    extras = dict(entry.extras)
    if entry.title_html:
        extras["title_html"] = entry.title_html
    if len(entry.authors) > 1:
        extras["authors"] = list(entry.authors)
    if entry.language and tag_of(entry.language) != entry.language:
        extras["language_raw"] = entry.language
    if unusable := [found.url for found in entry.enclosures if not absolute(found.url, base)]:
        extras["enclosures_unusable"] = list(unusable)
    if _is_relative(entry.summary) or _is_relative(entry.body):
        extras["base_url"] = base
    return _clean_json(extras) if extras else NOTHING  # type: ignore[return-value]


def _is_relative(html: str | None) -> bool:
    """Tell whether raw HTML refers to something by less than a whole address."""
    return html is not None and "<" in html and _RELATIVE.search(html) is not None


def _clean_json(value: Json) -> Json:
    match value:
        case str():
            return _clean(value)
        case list():
            return [_clean_json(item) for item in value]
        case dict():
            return {_clean(key) or "": _clean_json(item) for key, item in value.items()}
        case _:
            return value


def _clean(text: str | None) -> str | None:
    """Return text that every store and file can hold: no NUL, no lone surrogate."""
    if text is None or text.isascii():
        return text.replace("\0", "\ufffd") if text and "\0" in text else text
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _reading_doubts(entry: ParsedEntry, parsed: ParsedFeed) -> frozenset[Doubt]:
    """The document's encoding casts doubt on all its entries, its early end on the one it cut."""
    found = {Doubt.RECODED: parsed.recoded, Doubt.TRUNCATED: "truncated" in entry.extras}
    return frozenset(doubt for doubt, holds in found.items() if holds)


def _date_doubts(
    published_at: datetime | None, *, has_zone: bool, at: datetime
) -> frozenset[Doubt]:
    if published_at is None:
        return frozenset({Doubt.NO_DATE})
    doubts = set() if has_zone else {Doubt.NO_ZONE}
    if published_at > at + FUTURE_TOLERANCE:
        doubts.add(Doubt.FUTURE_DATE)
    elif abs(published_at - at) <= FETCH_STAMP_TOLERANCE:
        doubts.add(Doubt.FETCH_STAMPED)
    return frozenset(doubts)
