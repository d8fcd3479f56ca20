"""A parsed feed becomes sightings."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_values import contents, texts
from newsreel.core.days import day_of
from newsreel.core.normalize import (
    digest_of,
    observed_of,
    public_id_of,
    sighting_of,
    sightings_of,
)
from newsreel.model.entry import (
    Content,
    Doubt,
    Enclosure,
    FeedFormat,
    ParsedEntry,
    ParsedFeed,
    Sighting,
)
from newsreel.model.feed import IdentityPolicy

URL = "https://press.example/feeds/all.xml"
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
ENTRY = ParsedEntry(
    guid="press-1", link="/n/1", title="Title", published="Wed, 04 Mar 2026 09:00:00 +0100"
)


def sighted(
    *entries: ParsedEntry, policy: IdentityPolicy = IdentityPolicy.GUID, **feed: object
) -> tuple[Sighting, ...]:
    parsed = replace(ParsedFeed(format=FeedFormat.RSS, entries=entries), **feed)  # type: ignore[arg-type]
    return sightings_of(parsed, url=URL, fetched_at=NOW, policy=policy)[0]


def policy_after(*entries: ParsedEntry) -> IdentityPolicy:
    parsed = ParsedFeed(format=FeedFormat.RSS, entries=entries)
    return sightings_of(parsed, url=URL, fetched_at=NOW, policy=IdentityPolicy.GUID)[1]


@pytest.mark.parametrize(
    ("entry", "identity"),
    [
        (ENTRY, "press-1"),
        (replace(ENTRY, guid=None), "https://press.example/n/1"),
        (
            replace(ENTRY, guid=None, link=None),
            "sha256:" + digest_of(Content(title="Title")).hex(),
        ),
    ],
    ids=["guid", "link", "neither"],
)
def test_an_entry_is_known_by_guid_else_link_else_words(entry: ParsedEntry, identity: str) -> None:
    (found,) = sighted(entry)

    assert found.identity == identity


def test_where_the_link_is_the_identity_the_guid_stands_in_for_it() -> None:
    with_link, without = sighted(ENTRY, replace(ENTRY, link=None), policy=IdentityPolicy.LINK)

    assert with_link.identity == "https://press.example/n/1"
    assert without.identity == "press-1"


def test_one_guid_on_different_articles_is_no_guid() -> None:
    other = replace(ENTRY, link="/n/2")

    assert policy_after(ENTRY, other) is IdentityPolicy.LINK
    assert policy_after(ENTRY, ENTRY) is IdentityPolicy.GUID
    assert policy_after(ENTRY, replace(other, guid="press-2")) is IdentityPolicy.GUID


def test_once_the_link_is_the_identity_it_stays_so() -> None:
    parsed = ParsedFeed(format=FeedFormat.RSS, entries=(ENTRY,))

    _, policy = sightings_of(parsed, url=URL, fetched_at=NOW, policy=IdentityPolicy.LINK)

    assert policy is IdentityPolicy.LINK


def test_of_an_entry_that_stands_twice_in_a_feed_the_first_is_taken() -> None:
    (found,) = sighted(ENTRY, replace(ENTRY, summary="Again"))

    assert found.content.summary == ENTRY.summary


def test_links_are_resolved_and_stand_as_written_too() -> None:
    (found,) = sighted(replace(ENTRY, link="../n/1?utm_source=rss"))

    assert found.content.link == "../n/1?utm_source=rss"
    assert found.content.permalink == "https://press.example/n/1?utm_source=rss"
    assert found.content.canonical_link == "https://press.example/n/1"


@pytest.mark.parametrize(
    ("entry_base", "feed_base", "permalink"),
    [
        ("https://e.example/x/", "https://f.example/y/", "https://e.example/x/1"),
        (None, "https://f.example/y/", "https://f.example/y/1"),
        (None, None, "https://press.example/feeds/1"),
    ],
)
def test_the_nearest_base_is_what_links_are_resolved_against(
    entry_base: str | None, feed_base: str | None, permalink: str
) -> None:
    (found,) = sighted(replace(ENTRY, link="1", base_url=entry_base), base_url=feed_base)

    assert found.content.permalink == permalink


@pytest.mark.parametrize(
    ("html", "is_kept"),
    [
        ('<p><img src="/i/1.png"></p>', True),
        ("<a href=more.html>more</a>", True),
        ('<a HREF="https://press.example/n/2">whole</a> <a href="#top">here</a>', False),
        ("no markup, src=/i", False),
        (None, False),
    ],
)
def test_the_base_is_kept_where_raw_html_needs_it(html: str | None, *, is_kept: bool) -> None:
    (found,) = sighted(replace(ENTRY, body=html, base_url="https://e.example/x/"))

    assert found.content.extras.get("base_url") == ("https://e.example/x/" if is_kept else None)


def test_a_guid_that_is_a_permalink_serves_as_link() -> None:
    address = "https://press.example/n/9"
    (found,) = sighted(replace(ENTRY, guid=address, guid_is_permalink=True, link=None))
    (other,) = sighted(replace(ENTRY, guid=address, guid_is_permalink=False, link=None))

    assert found.content.permalink == address
    assert other.content.permalink is None


def test_dates_are_converted_and_stand_as_written_too() -> None:
    (found,) = sighted(ENTRY)

    assert found.content.published_at == datetime(2026, 3, 4, 8, tzinfo=UTC)
    assert found.content.published_raw == "Wed, 04 Mar 2026 09:00:00 +0100"
    assert found.doubts == frozenset()


@pytest.mark.parametrize(
    ("published", "doubts"),
    [
        (None, {Doubt.NO_DATE}),
        ("in spring", {Doubt.NO_DATE}),
        ("2026-03-04T09:00:00", {Doubt.NO_ZONE}),
        ("2026-03-04T12:59:00Z", set()),
        ("2026-03-04T13:01:00Z", {Doubt.FUTURE_DATE}),
        ("2026-03-04T12:00:04Z", {Doubt.FETCH_STAMPED}),
        ("2026-03-04T11:59:56Z", {Doubt.FETCH_STAMPED}),
        ("2026-03-04T11:59:50Z", set()),
    ],
)
def test_what_is_doubtful_about_a_date_is_said(published: str | None, doubts: set[Doubt]) -> None:
    (found,) = sighted(replace(ENTRY, published=published))

    assert found.doubts == doubts


def test_where_only_the_update_is_dated_that_is_the_date() -> None:
    (found,) = sighted(replace(ENTRY, published=None, updated="2026-03-04T08:00:00Z"))

    assert found.content.published_at == found.content.updated_at
    assert found.content.published_raw is None
    assert found.doubts == frozenset()


def test_what_is_doubtful_about_the_feed_is_doubtful_about_each_entry() -> None:
    cut = replace(ENTRY, guid="2", extras={"truncated": True})
    whole, found = sighted(ENTRY, cut, recoded=True, truncated=True)

    assert whole.doubts == {Doubt.RECODED}
    assert found.doubts == {Doubt.RECODED, Doubt.TRUNCATED}


def test_text_that_no_store_can_hold_is_repaired() -> None:
    (found,) = sighted(
        replace(
            ENTRY, title="a\0b", summary="\ud83d\ude00 \udc00", extras={"x": ["\0", {"\0": 1}]}
        )
    )

    assert found.content.title == "a\ufffdb"
    assert found.content.summary == "\U0001f600 \ufffd"
    assert found.content.extras == {"x": ["\ufffd", {"\ufffd": 1}]}


def test_what_has_no_field_of_ours_is_kept_beside() -> None:
    (found,) = sighted(
        replace(
            ENTRY,
            title_html="<i>Title</i>",
            authors=("A", "B"),
            language="EN-gb-oed",
            extras={"comments": "https://press.example/c/1"},
        )
    )

    assert found.content.extras["title_html"] == "<i>Title</i>"
    assert found.content.extras["authors"] == ["A", "B"]
    assert found.content.extras["comments"] == "https://press.example/c/1"


def test_enclosures_and_thumbnails_are_made_absolute() -> None:
    (found,) = sighted(
        replace(ENTRY, thumbnail="/i.jpg", enclosures=(Enclosure("/a.mp3", "audio/mpeg", 12),))
    )

    assert found.content.thumbnail == "https://press.example/i.jpg"
    assert found.content.enclosures == (
        Enclosure("https://press.example/a.mp3", "audio/mpeg", 12),
    )


def test_an_enclosure_that_runs_code_is_kept_beside_and_not_among_the_files() -> None:
    harmful = ("javascript:alert(1)", " JAVA\tSCRIPT:x", "data:text/html,x")
    sound = Enclosure("/a.mp3", "audio/mpeg", 12)
    (found,) = sighted(replace(ENTRY, enclosures=(*map(Enclosure, harmful), sound)))

    assert [file.url for file in found.content.enclosures] == ["https://press.example/a.mp3"]
    assert found.content.extras["enclosures_unusable"] == list(harmful)


def test_the_digest_stays_what_it_is() -> None:
    """Every digest that was ever stored hangs on this: a change needs a new DIGEST_VERSION."""
    content = Content(title="Fähre", permalink="https://p.example/1", summary="s", body=None)

    joined = "5:Fähre19:https://p.example/1-1:s-"
    assert digest_of(content) == hashlib.sha256(joined.encode()).digest()


def test_the_public_id_stays_what_it_is() -> None:
    assert (
        public_id_of("https://p.example/feed", "one")
        == (hashlib.sha256(b"22:https://p.example/feed3:one").hexdigest()[:20])
    )


@given(contents(), st.sampled_from(["title", "permalink", "author", "summary", "body"]), texts)
def test_only_what_readers_read_is_in_the_digest(content: Content, name: str, text: str) -> None:
    changed = replace(content, **{name: text})  # type: ignore[arg-type]
    noted = replace(
        content, published_raw="x", thumbnail="x", categories=("x",), language="x", extras={}
    )

    assert (digest_of(changed) == digest_of(content)) == (getattr(content, name) == text)
    assert digest_of(noted) == digest_of(content)
    assert observed_of(changed) == observed_of(content)


@given(contents(), st.lists(texts, max_size=3))
def test_what_is_noted_tells_categories_apart(content: Content, names: list[str]) -> None:
    changed = replace(content, categories=tuple(names))

    assert (observed_of(changed) == observed_of(content)) == (
        changed.categories == content.categories
    )


parsed_entries = st.builds(
    ParsedEntry,
    guid=st.none() | texts,
    link=st.none() | texts,
    title=st.none() | texts,
    summary=st.none() | texts,
    published=st.none() | texts | st.sampled_from(["2026-03-04", "Wed, 04 Mar 2026 09:00 GMT"]),
    base_url=st.none() | texts,
    guid_is_permalink=st.booleans(),
)


@given(st.lists(parsed_entries, max_size=5), st.sampled_from(IdentityPolicy))
def test_whatever_a_feed_says_each_identity_stands_once(
    entries: list[ParsedEntry], policy: IdentityPolicy
) -> None:
    parsed = ParsedFeed(format=FeedFormat.RSS, entries=tuple(entries))

    found, after = sightings_of(parsed, url=URL, fetched_at=NOW, policy=policy)

    assert len({sighting.identity for sighting in found}) == len(found)
    assert bool(found) == bool(entries)
    assert after >= policy
    for sighting in found:
        assert sighting.identity
        assert sighting.digest == digest_of(sighting.content)
        assert (sighting.content.published_at is None) == (Doubt.NO_DATE in sighting.doubts)
        day = day_of(sighting.content.published_at, sighting.doubts, first_seen_at=NOW)
        assert day <= (NOW + timedelta(hours=1)).date()


@pytest.mark.parametrize(
    ("published_at", "doubts", "day"),
    [
        (datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC), set(), date(2026, 3, 1)),
        (datetime(2026, 3, 2, tzinfo=UTC), set(), date(2026, 3, 2)),
        (datetime(2026, 3, 2, tzinfo=UTC), {Doubt.NO_ZONE}, date(2026, 3, 2)),
        (datetime(2026, 3, 9, tzinfo=UTC), {Doubt.FUTURE_DATE}, date(2026, 3, 4)),
        (None, {Doubt.NO_DATE}, date(2026, 3, 4)),
    ],
    ids=["end of a day", "its start", "no zone", "future", "none"],
)
def test_a_day_is_that_of_publication_where_it_can_be_trusted(
    published_at: datetime | None, doubts: set[Doubt], day: date
) -> None:
    assert day_of(published_at, frozenset(doubts), first_seen_at=NOW) == day


def test_a_sighting_needs_nothing_but_content() -> None:
    found = sighting_of(Content(), guid=None)

    assert found.identity.startswith("sha256:")


def guess_german(text: str) -> str | None:
    return "de" if "Leuchtturm" in text else None


def test_a_language_is_guessed_only_where_the_publisher_names_none() -> None:
    silent = replace(ENTRY, guid="1", title="Der Leuchtturm", summary="<p>Er leuchtet.</p>")
    named = replace(ENTRY, guid="2", title="Der Leuchtturm", language="en")
    unsure = replace(ENTRY, guid="3", title="4:2")
    parsed = ParsedFeed(format=FeedFormat.RSS, entries=(silent, named, unsure))

    found, _ = sightings_of(
        parsed, url=URL, fetched_at=NOW, policy=IdentityPolicy.GUID, detect=guess_german
    )

    assert [one.content.language for one in found] == ["de", "en", None]
    assert ["language_guessed" in one.content.extras for one in found] == [True, False, False]
