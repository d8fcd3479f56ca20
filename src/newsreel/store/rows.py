"""Values to rows, and back: the same columns and values in every database."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from newsreel.core.normalize import DIGEST_VERSION
from newsreel.model.capture import Validators
from newsreel.model.entry import NOTHING, Content, Doubt, Enclosure, Entry, Revision, Sighting
from newsreel.model.feed import (
    AS_SET,
    Feed,
    FeedStatus,
    IdentityPolicy,
    PageRules,
    RequestOptions,
)
from newsreel.model.poll import Gap

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)

FEED_TABLES = """
    feeds f JOIN feed_state s ON s.feed_id = f.id
    LEFT JOIN hub_subscriptions h ON h.feed_id = f.id
"""

WORDING_COLUMNS = (
    "entry_id, number, reread, seen_at, absent_at, capture, digest, digest_version, "
    "parser_version, doubts, title, link, permalink, canonical_link, summary, body, author, "
    "categories, enclosures, thumbnail, language, published_at, published_raw, updated_at, "
    "updated_raw, extras"
)
CONTENT_COLUMNS = ", ".join("r." + name.strip() for name in WORDING_COLUMNS.split(",")[10:])
REVISION_COLUMNS = ", ".join("r." + name.strip() for name in WORDING_COLUMNS.split(",")[1:])
ENTRY_COLUMNS = (
    "e.id, e.public_id, e.feed_id, e.identity, e.guid, e.day, e.first_seen_at, e.withheld_at"
)


def micros(at: datetime | None) -> int | None:
    """Return microseconds since 1970."""
    return None if at is None else (at - EPOCH) // MICROSECOND


def known_micros(at: datetime) -> int:
    """Return microseconds since 1970 of a time that is never missing."""
    return (at - EPOCH) // MICROSECOND


def moment(value: int | None) -> datetime | None:
    """Return the time, aware, in UTC."""
    return None if value is None else EPOCH + timedelta(microseconds=value)


def known_moment(value: int) -> datetime:
    """Return the time of a column that is never NULL."""
    return EPOCH + timedelta(microseconds=value)


def dumps(value: Any) -> str:  # noqa: ANN401 - JSON has no narrower type
    """Return compact JSON, the same for the same value."""
    return _ENCODER.encode(value)


def gap_of(row: tuple[Any, ...]) -> Gap:
    """Return the gap of a row: feed_id, from_at, to_at, reason."""
    return Gap(row[0], known_moment(row[1]), moment(row[2]), row[3])


def feed_of(row: tuple[Any, ...]) -> Feed:
    """Return the feed of a row of FEED_COLUMNS."""
    return Feed(
        id=row[0],
        url=row[1],
        first_url=row[2],
        file_name=row[3],
        host=row[4],
        title=row[5],
        has_own_title=bool(row[6]),
        site_url=row[7],
        language=row[8],
        folder=row[9],
        tags=tuple(json.loads(row[10])),
        is_private=bool(row[11]),
        is_crawled=bool(row[12]),
        status=FeedStatus(row[13]),
        identity_policy=IdentityPolicy(row[14]),
        interval=None if row[15] is None else timedelta(microseconds=row[15]),
        added_at=known_moment(row[16]),
        validators=Validators(row[17], row[18]),
        body_digest=row[19],
        last_poll_at=moment(row[20]),
        last_ok_at=moment(row[21]),
        last_change_at=moment(row[22]),
        next_poll_at=moment(row[23]),
        failures=row[24],
        fault=row[25],
        moved_to=row[26],
        moved_count=row[27],
        entry_count=row[28],
        hints=json.loads(row[29]) if row[29] != "{}" else NOTHING,
        request_options=_request_options_of(row[30]) if row[30] != "{}" else AS_SET,
        page_rules=PageRules(**json.loads(row[31])) if row[31] is not None else None,
        aliases=tuple(sorted(json.loads(row[32]))) if row[32] != "[]" else (),
        last_push_at=moment(row[33]),
        pushed_until=moment(row[34]),
    )


def request_options_text(options: RequestOptions) -> str:
    """Return the JSON of what is set."""
    return dumps({name: value for name, value in asdict(options).items() if value})


def page_rules_text(rules: PageRules | None) -> str | None:
    """Return the JSON of what is selected."""
    if rules is None:
        return None
    return dumps({name: value for name, value in asdict(rules).items() if value is not None})


def _request_options_of(text: str) -> RequestOptions:
    values = json.loads(text)
    headers = tuple((name, value) for name, value in values.pop("headers", ()))
    return RequestOptions(headers=headers, **values)


def content_of(row: tuple[Any, ...]) -> Content:
    """Return the content of a row of CONTENT_COLUMNS."""
    return Content(
        title=row[0],
        link=row[1],
        permalink=row[2],
        canonical_link=row[3],
        summary=row[4],
        body=row[5],
        author=row[6],
        categories=tuple(json.loads(row[7])) if row[7] else (),
        enclosures=tuple(Enclosure(*item) for item in json.loads(row[8])) if row[8] else (),
        thumbnail=row[9],
        language=row[10],
        published_at=moment(row[11]),
        published_raw=row[12],
        updated_at=moment(row[13]),
        updated_raw=row[14],
        extras=json.loads(row[15]) if row[15] else NOTHING,
    )


def content_row(content: Content) -> tuple[Any, ...]:
    """Return the values of CONTENT_COLUMNS."""
    return (
        content.title,
        content.link,
        content.permalink,
        content.canonical_link,
        content.summary,
        content.body,
        content.author,
        dumps(content.categories) if content.categories else None,
        _enclosures_text(content.enclosures),
        content.thumbnail,
        content.language,
        micros(content.published_at),
        content.published_raw,
        micros(content.updated_at),
        content.updated_raw,
        dumps(dict(content.extras)) if content.extras else None,
    )


def _enclosures_text(enclosures: tuple[Enclosure, ...]) -> str | None:
    if not enclosures:
        return None
    return dumps([(found.url, found.type, found.length) for found in enclosures])


def observed_text(sighting: Sighting) -> str:
    """Return what an observation keeps, as JSON."""
    content = sighting.content
    kept = {
        "published_raw": content.published_raw,
        "updated_raw": content.updated_raw,
        "thumbnail": content.thumbnail,
        "categories": list(content.categories),
        "enclosures": [[found.url, found.type, found.length] for found in content.enclosures],
    }
    return dumps({name: value for name, value in kept.items() if value})


def doubts_text(doubts: Iterable[Doubt]) -> str:
    """Return the stable words, sorted."""
    return " ".join(sorted(doubts)) if doubts else ""


@lru_cache(256)
def doubts_of(text: str) -> frozenset[Doubt]:
    """Return the doubts of their words."""
    return frozenset(map(Doubt, text.split())) if text else frozenset()


def revision_of(row: tuple[Any, ...]) -> Revision:
    """Return the revision of a row of REVISION_COLUMNS."""
    return Revision(
        number=row[0],
        reread=row[1],
        seen_at=known_moment(row[2]),
        absent_at=moment(row[3]),
        capture=row[4],
        digest=row[5],
        digest_version=row[6],
        parser_version=row[7],
        doubts=doubts_of(row[8]),
        content=content_of(row[9:]),
    )


def revision_row(entry_id: int, revision: Revision) -> tuple[Any, ...]:
    """Return the values of WORDING_COLUMNS."""
    return (
        entry_id,
        revision.number,
        revision.reread,
        micros(revision.seen_at),
        micros(revision.absent_at),
        revision.capture,
        revision.digest,
        revision.digest_version,
        revision.parser_version,
        doubts_text(revision.doubts),
        *content_row(revision.content),
    )


def sighting_row(
    entry_id: int,
    sighting: Sighting,
    *,
    number: int,
    reread: int,
    seen_at: datetime,
    absent_at: datetime | None,
    capture: bytes | None,
    parser_version: int,
) -> tuple[Any, ...]:
    """Return the values of WORDING_COLUMNS for a wording that was seen just now."""
    return (
        entry_id,
        number,
        reread,
        micros(seen_at),
        micros(absent_at),
        capture,
        sighting.digest,
        DIGEST_VERSION,
        parser_version,
        doubts_text(sighting.doubts),
        *content_row(sighting.content),
    )


def entries_in(rows: Iterable[tuple[Any, ...]]) -> list[Entry]:
    """Return the entries of rows of ENTRY_COLUMNS and REVISION_COLUMNS, each's rows together."""
    found: list[Entry] = []
    heads: list[tuple[Any, ...]] = []
    wordings: list[list[Revision]] = []
    for row in rows:
        if not heads or heads[-1][0] != row[0]:
            heads.append(row[:8])
            wordings.append([])
        wordings[-1].append(revision_of(row[8:]))
    for head, revisions in zip(heads, wordings, strict=True):
        found.append(_entry_of(head, tuple(revisions)))
    return found


def _entry_of(row: tuple[Any, ...], revisions: tuple[Revision, ...]) -> Entry:
    return Entry(
        id=row[0],
        public_id=row[1],
        feed_id=row[2],
        identity=row[3],
        guid=row[4],
        day=date.fromisoformat(row[5]),
        first_seen_at=known_moment(row[6]),
        withheld_at=moment(row[7]),
        revisions=revisions,
    )
