"""One record of the old archive and one of our wordings: which of its values stand where.

A record's values come back from three places, the first that has one: what the row keeps
(*leftover*), what the wording says, what the file's form implies. A row therefore keeps only what
the other two don't tell. What has no field of ours (ratings, votes, people's tags, …) is an object
in the wording, ``extras["legacy"]``, which names only what isn't as usual.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from newsreel.formats.languages import tag_of
from newsreel.formats.urls import canonical, host_of
from newsreel.model.entry import NOTHING, Content, Doubt, Json

CUT_AT = 999
"""Characters after which the old system cut descriptions in its last years."""

USUAL: Mapping[str, Json] = {
    "album": "", "bookmarked": False, "comments": [], "dead": False, "id": 0,
    "manual_status_code": 0, "page_rating": 0, "page_rating_contents": 0,
    "page_rating_visits": 0, "page_rating_votes": 0, "permanent": False, "persistent": False,
    "status_code": 0, "tags": [], "vote": 0,
}  # fmt: skip
"""What the old system wrote where it had nothing to say; under other keys ``null``."""

_HAVE_FIELDS = frozenset(
    {
        *("title", "description", "link", "author", "artist", "date_published", "language"),
        *("thumbnail", "source", "source_url", "feed", "date_created"),
    }
)
_MANY = 3
_FETCH_LAG = timedelta(seconds=10)
_LATE_LAG = timedelta(hours=3)
_IMPORTED = frozenset({Doubt.IMPORTED})


@dataclass(frozen=True, slots=True)
class LegacyRecord:
    """One record: its values, and what we make of them.

    ``source`` is the address of its source as written, None where none is named. ``created_at``
    is when the old system first had it, where the record says so.
    """

    source: str | None
    values: Mapping[str, Json]
    content: Content
    doubts: frozenset[Doubt]
    created_at: datetime | None = None

    @property
    def host(self) -> str:
        """The host of its link."""
        return host_of(self.content.permalink or "")


def record_of(
    values: Mapping[str, Json], *, doubts: frozenset[Doubt] = frozenset()
) -> LegacyRecord:
    """Return a record's values, named as in the JSON of any period, understood.

    Total: a value of the wrong type is no value.
    """
    source = _text(values.get("source_url", values.get("source")))
    link = _text(values.get("link"))
    raw_date = _text(values.get("date_published"))
    published_at, has_zone = _read_date(raw_date)
    language = _text(values.get("language"))
    tag = _tag_of(language) if language else None
    summary = _text(values.get("description"))
    found = _IMPORTED | doubts
    if published_at is None:
        found |= {Doubt.NO_DATE}
    elif not has_zone:
        found |= {Doubt.NO_ZONE}
    if published_at is not None and published_at.microsecond:
        found |= {Doubt.FETCH_STAMPED}
    if summary and len(summary) == CUT_AT:
        found |= {Doubt.TRUNCATED}
    content = Content(
        title=_text(values.get("title")),
        link=link,
        permalink=link,
        canonical_link=canonical(link) if link else None,
        summary=summary,
        author=_text(values.get("author", values.get("artist"))),
        thumbnail=_text(values.get("thumbnail")),
        language=tag,
        published_at=published_at,
        published_raw=raw_date,
        extras=_extras_of(values, language if language and tag != language else None),
    )
    created_at = _read_date(_text(values.get("date_created")))[0]
    return LegacyRecord(source, values, content, found, created_at)


def doubted(records: Iterable[LegacyRecord]) -> tuple[LegacyRecord, ...]:
    """Return one file's records with the doubts that only show when one feed's are seen together.

    The old system threw zones away: what lay ahead became the time of the fetch, what lay behind
    stayed hours early.

    * fetch-stamped: microseconds; or created within ten seconds after it was published; or
      others of the feed share the second, which is not a full minute (one, where no record says
      when it was created, else two)
    * no-zone: not one of the feed's entries, three at least, came in within three hours of its
    date * future-date: published more than an hour after it was created
    """
    records = tuple(records)
    seconds = Counter((record.source, record.content.published_at) for record in records)
    late = _late_sources(records)
    return tuple(_doubted(record, seconds, late) for record in records)


def _doubted(
    record: LegacyRecord,
    seconds: Mapping[tuple[str | None, datetime | None], int],
    late: frozenset[str | None],
) -> LegacyRecord:
    at = record.content.published_at
    if at is None:
        return record
    found = set()
    if at.second and seconds[record.source, at] >= (_MANY if record.created_at else 2):
        found.add(Doubt.FETCH_STAMPED)
    if record.created_at is not None:
        lag = record.created_at - at
        if timedelta() <= lag < _FETCH_LAG:
            found.add(Doubt.FETCH_STAMPED)
        elif lag < -timedelta(hours=1):
            found.add(Doubt.FUTURE_DATE)
    if record.source in late:
        found.add(Doubt.NO_ZONE)
    return replace(record, doubts=record.doubts | found) if found - record.doubts else record


def _late_sources(records: Iterable[LegacyRecord]) -> frozenset[str | None]:
    lags: dict[str, list[timedelta]] = {}
    for record in records:
        if record.source and record.created_at and record.content.published_at:
            lag = record.created_at - record.content.published_at
            lags.setdefault(record.source, []).append(lag)
    return frozenset(
        source for source, found in lags.items() if len(found) >= _MANY and min(found) >= _LATE_LAG
    )


def seen_at_of(record: LegacyRecord, day: date) -> datetime:
    """Return when the old system had a wording: as it says, else when the day was written."""
    return record.created_at or written_at(day)


def written_at(day: date) -> datetime:
    """Return the midnight that ends a day: when the old system wrote its files."""
    try:
        return datetime.combine(day + timedelta(days=1), time(), UTC)
    except OverflowError:
        return datetime.combine(day, time(), UTC)


def likely_day(records: Iterable[LegacyRecord]) -> date | None:
    """Return the UTC day most records were published on (of equals the earliest), if any."""
    days = Counter(r.content.published_at.date() for r in records if r.content.published_at)
    return min(days, key=lambda day: (-days[day], day)) if days else None


def storable(text: str) -> str:
    """Return text that every store and file can hold: no NUL, no lone surrogate."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _text(value: Json) -> str | None:
    if type(value) is not str or not value:
        return None
    return value if value.isascii() and "\0" not in value else storable(value)


def _extras_of(values: Mapping[str, Json], language_raw: str | None) -> Mapping[str, Json]:
    legacy: dict[str, Json] = {}
    for key, value in values.items():
        if key not in _HAVE_FIELDS:
            usual = USUAL.get(key)
            if value is not usual and not is_same(value, usual):
                legacy[key] = value
    extras: dict[str, Json] = {}
    if language_raw:
        extras["language_raw"] = language_raw
    if legacy:
        extras["legacy"] = sorted_json(_storable_json(legacy))
    return extras or NOTHING


def legacy_of(content: Content) -> Mapping[str, Json]:
    """Return what the old system said of an entry that has no field of ours."""
    found = content.extras.get("legacy")
    return found if isinstance(found, dict) else {}


def is_same(one: Json, other: Json) -> bool:
    """Tell whether two values are written alike; ``0`` and ``false`` are not."""
    return one == other and type(one) is type(other)


def sorted_json(value: Json) -> Json:
    """Return a value with the keys of its objects sorted, as every store gives them back."""
    match value:
        case list():
            return [sorted_json(item) for item in value]
        case dict():
            return {key: sorted_json(value[key]) for key in sorted(value)}
        case _:
            return value


def _storable_json(value: Json) -> Json:
    match value:
        case str():
            return storable(value)
        case list():
            return [_storable_json(item) for item in value]
        case dict():
            return {storable(key): _storable_json(item) for key, item in value.items()}
        case _:
            return value


_tag_of = lru_cache(1024)(tag_of)


def _read_date(text: str | None) -> tuple[datetime | None, bool]:
    """Read ISO 8601 with a blank or ``T``, and whether a zone is named."""
    if not text:
        return None, False
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is UTC:
            return at, True
        if at.tzinfo is None:
            return at.replace(tzinfo=UTC), False
        return at.astimezone(UTC), True
    except (ValueError, OverflowError):
        return None, False
