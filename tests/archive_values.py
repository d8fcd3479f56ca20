"""Invented feeds and entries, and strategies for more, shared by the tests of the archive."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from newsreel.core.normalize import DIGEST_VERSION, digest_of, public_id_of
from newsreel.model.day import DayPage
from newsreel.model.entry import Content, Doubt, Enclosure, Entry, Revision
from newsreel.model.feed import Feed

DAY = date(2026, 1, 5)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-01-05T{text}+00:00")


def feed_named(name: str = "harbourpost", **fields: object) -> Feed:
    url = f"https://{name}.example/feed"
    feed = Feed(
        id=1,
        url=url,
        first_url=url,
        file_name=f"https...{name}.example.feed",
        host=f"{name}.example",
        title=name.title(),
        language="en",
        added_at=NOON,
    )
    return replace(feed, **fields)  # type: ignore[arg-type]


def revision_of(content: Content, seen_at: datetime, **fields: object) -> Revision:
    revision = Revision(
        number=1,
        seen_at=seen_at,
        absent_at=None,
        content=content,
        digest=digest_of(content),
        digest_version=DIGEST_VERSION,
        parser_version=1,
    )
    return replace(revision, **fields)  # type: ignore[arg-type]


def entry_of(feed: Feed, *revisions: Revision, guid: str | None = None, day: date = DAY) -> Entry:
    newest = revisions[-1]
    identity = guid or newest.content.permalink or "sha256:" + revisions[0].digest.hex()
    return Entry(
        id=0,
        public_id=public_id_of(feed.first_url, identity),
        feed_id=feed.id,
        identity=identity,
        guid=guid,
        day=day,
        first_seen_at=revisions[0].seen_at,
        revisions=revisions,
    )


def harbour_feed() -> Feed:
    return feed_named(title="Harbour Post")


def harbour_entries(feed: Feed) -> tuple[Entry, ...]:
    """Three entries: one with two titles, one that was read anew, one of which little is known."""
    ferry = Content(
        title="Ferry to the islands runs again",
        link="https://harbourpost.example/n/311?utm_source=rss",
        permalink="https://harbourpost.example/n/311?utm_source=rss",
        canonical_link="https://harbourpost.example/n/311",
        summary="The first boat left at two in the afternoon.",
        body="<p>The first boat left at two in the afternoon. …</p>",
        author="Ada Quill",
        categories=("Transport",),
        enclosures=(Enclosure("https://harbourpost.example/a/311.mp3", "audio/mpeg", 81233),),
        thumbnail="https://harbourpost.example/i/311.jpg",
        language="en",
        published_at=at("14:03:09"),
        published_raw="Mon, 05 Jan 2026 15:03:09 +0100",
        updated_at=at("15:58:00"),
    )
    capture = bytes.fromhex("c0ffee" + "00" * 29)
    before = replace(ferry, title="Ferry may run again", updated_at=None)
    gulls = Content(
        title="Gulls\ncounted",
        link="/n/312",
        permalink="https://harbourpost.example/n/312",
        canonical_link="https://harbourpost.example/n/312",
        body="<h1>Count</h1><p>" + "Wieża ćma żółw gołąb. " * 60 + "</p>",
        published_at=at("14:03:09"),
        extras={"base_url": "https://harbourpost.example/n/", "legacy": {"page_rating": 12}},
    )
    return (
        entry_of(
            feed,
            revision_of(gulls, at("15:00:00"), doubts=frozenset({Doubt.NO_ZONE, Doubt.IMPORTED})),
            revision_of(
                replace(gulls, author="B. Tern"),
                at("16:00:00"),
                reread=1,
                parser_version=2,
                absent_at=at("15:30:00"),
            ),
        ),
        entry_of(
            feed,
            revision_of(before, at("14:21:40"), absent_at=at("13:20:02")),
            revision_of(
                ferry, at("16:02:11"), number=2, absent_at=at("15:01:57"), capture=capture
            ),
            guid="harbourpost-311",
        ),
        entry_of(
            feed,
            revision_of(
                Content(summary="Fog."), at("09:00:00"), doubts=frozenset({Doubt.NO_DATE})
            ),
        ),
    )


def page_of(feed: Feed, *entries: Entry) -> DayPage:
    return DayPage(day=DAY, feed=feed, title=feed.title, entries=entries)


# --- strategies -------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
links = st.sampled_from(
    ["https://a.example/1", "https://a.example/1?utm_source=x", "/1", "", "javascript:1"]
)
moments = st.datetimes(
    datetime(1971, 1, 1),  # noqa: DTZ001 (the strategy wants bounds without a zone)
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(texts, json_values, max_size=3)


@st.composite
def contents(draw: st.DrawFn) -> Content:
    extras = draw(objects)
    if draw(st.booleans()):
        extras = {**extras, "legacy": draw(objects)}
    return Content(
        title=draw(st.none() | texts),
        link=draw(st.none() | links),
        permalink=draw(st.none() | links),
        canonical_link=draw(st.none() | links),
        summary=draw(st.none() | texts),
        body=draw(st.none() | texts),
        author=draw(st.none() | texts),
        categories=tuple(draw(st.lists(texts, max_size=2))),
        enclosures=tuple(
            draw(
                st.lists(
                    st.builds(Enclosure, texts, st.none() | texts, st.none() | st.integers(0)),
                    max_size=2,
                )
            )
        ),
        thumbnail=draw(st.none() | texts),
        language=draw(st.none() | st.sampled_from(["en", "pl"])),
        published_at=draw(st.none() | moments),
        published_raw=draw(st.none() | texts),
        updated_at=draw(st.none() | moments),
        updated_raw=draw(st.none() | texts),
        extras=extras,
    )


@st.composite
def revisions(draw: st.DrawFn, number: int) -> Revision:
    doubts = [doubt for doubt in Doubt if doubt is not Doubt.REREAD]
    return Revision(
        number=number,
        reread=draw(st.integers(0, 2)),
        seen_at=draw(moments),
        absent_at=draw(st.none() | moments),
        content=draw(contents()),
        digest=draw(st.binary(min_size=32, max_size=32)),
        digest_version=draw(st.integers(1, 9)),
        parser_version=draw(st.integers(0, 9)),
        capture=draw(st.none() | st.binary(min_size=32, max_size=32)),
        doubts=frozenset(draw(st.sets(st.sampled_from(doubts)))),
    )


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    wordings = [draw(revisions(number + 1)) for number in range(draw(st.integers(1, 3)))]
    guid = draw(st.none() | texts)
    permalink = wordings[-1].content.permalink
    usual = permalink if guid is None else guid
    identity = draw(texts) if usual is None or draw(st.booleans()) else usual
    return Entry(
        id=0,
        public_id=f"{draw(st.integers(0, 16**20 - 1)):020x}",
        feed_id=1,
        identity=identity,
        guid=guid,
        day=DAY,
        first_seen_at=draw(moments),
        revisions=tuple(wordings),
    )
