import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_values import (
    DAY,
    NOON,
    at,
    entries,
    entry_of,
    feed_named,
    harbour_entries,
    harbour_feed,
    moments,
    page_of,
    revision_of,
    texts,
)
from newsreel.errors import ArchiveError
from newsreel.formats.archive_log import FIRST, broken_links, digest_of_line, log_line_of
from newsreel.formats.archive_sources import is_own_sources, read_sources, sources_of
from newsreel.formats.archive_tombstones import read_tombstone, tombstone_line
from newsreel.formats.json_day import in_order, json_of, read_json
from newsreel.formats.manifest import manifest_of, read_manifest
from newsreel.formats.markdown_day import markdown_of
from newsreel.model.day import DayFeed, DayPage, LogLine, WriteReason
from newsreel.model.entry import Content, Entry
from newsreel.model.feed import Feed, FeedStatus, IdentityPolicy
from newsreel.model.poll import Gap, Tombstone

GOLDEN = Path(__file__).parent.parent / "golden" / "day"
HEAD = re.compile(r"^## .*\n - \[.*\n - RSS feed: .*\n - date published: .*$", re.MULTILINE)


def harbour_page() -> DayPage:
    feed = harbour_feed()
    return page_of(feed, *harbour_entries(feed))


def harbour_lines() -> list[DayFeed]:
    gap = Gap(1, at("03:00:00"), at("05:10:00"), "http-503")
    quiet = feed_named("quiet", id=2)
    return [
        DayFeed(
            feed=quiet,
            title=None,
            entries=0,
            revisions=0,
            md_digest=None,
            json_digest=None,
            polls_expected=24,
            polls_made=20,
            gaps=(Gap(2, at("20:00:00"), None, "timeout"),),
        ),
        DayFeed(
            feed=harbour_feed(),
            title="Harbour Post",
            entries=3,
            revisions=1,
            md_digest="d" * 64,
            json_digest="a" * 64,
            polls_expected=24,
            polls_made=21,
            gaps=(gap,),
        ),
    ]


def lines_of(*paths: str) -> list[bytes]:
    found: list[bytes] = []
    for path in paths:
        previous = digest_of_line(found[-1]) if found else FIRST
        line = LogLine(
            at=NOON,
            path=path,
            version=1,
            sha256="e" * 64,
            reason=WriteReason.NEW,
            previous=previous,
        )
        found.append(log_line_of(line))
    return found


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("harbourpost_entries.json", json_of(harbour_page())),
        ("harbourpost_entries.md", markdown_of(harbour_page())),
        ("manifest.json", manifest_of(DAY, harbour_lines())),
        (
            "sources.json",
            sources_of(
                [
                    feed_named("quiet", status=FeedStatus.GONE, title=None, language=None),
                    feed_named(
                        url="https://harbourpost.example/new",
                        aliases=("https://harbourpost.example/feed",),
                        folder="Coast",
                        tags=("boats", "gulls"),
                        interval=timedelta(hours=6),
                        has_own_title=True,
                        identity_policy=IdentityPolicy.LINK,
                    ),
                ]
            ),
        ),
        ("log.jsonl", b"".join(line + b"\n" for line in lines_of("a", "b"))),
        (
            "tombstones.jsonl",
            tombstone_line(
                public_id="5f0c0b7c2c1be4a9d6e1",
                ids=("5f0c0b7c2c1be4a9d6e1", "00112233445566778899"),
                kind=Tombstone.ERASED,
                at=NOON,
                reason="court order 12/26",
            )
            + b"\n",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_is_written_as_the_golden_one(name: str, body: bytes) -> None:
    assert body == (GOLDEN / name).read_bytes()


@given(st.lists(entries(), max_size=3, unique_by=lambda entry: entry.public_id))
def test_reading_what_was_written_gives_back_the_same_entries(found: list[Entry]) -> None:
    page = page_of(harbour_feed(), *found)

    assert read_json(json_of(page), day=DAY, feed_id=1) == in_order(found)


@given(st.lists(entries(), max_size=4, unique_by=lambda entry: entry.public_id), st.randoms())
def test_the_order_of_the_entries_that_are_given_makes_no_difference(
    found: list[Entry],
    random: "st.random.Random",  # type: ignore[name-defined]
) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    feed = harbour_feed()

    assert json_of(page_of(feed, *shuffled)) == json_of(page_of(feed, *found))
    assert markdown_of(page_of(feed, *shuffled)) == markdown_of(page_of(feed, *found))


@given(st.lists(entries(), min_size=1, max_size=3, unique_by=lambda entry: entry.public_id))
def test_markdown_holds_one_head_for_each_entry_and_never_fails(found: list[Entry]) -> None:
    text = markdown_of(page_of(harbour_feed(), *found)).decode()

    assert len(HEAD.findall(text)) == len(found)
    assert text.endswith("\n\n")


FORGED = (
    "Nice.\n\n## Forged\n - [https://evil.example](https://evil.example)\n - RSS feed: https://x\n"
    " - date published: 2026-01-01T00:00:00+00:00\n\nforged"
)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(Content(title="T", summary=FORGED), id="in the summary"),
        pytest.param(
            Content(title="T", summary=f"<pre>{FORGED}</pre>"), id="in preformatted text"
        ),
        pytest.param(Content(title="T", body=FORGED), id="in the body"),
        pytest.param(Content(title=FORGED), id="in the title"),
        pytest.param(Content(title="T", link="https://a.example/" + FORGED), id="in the link"),
        pytest.param(
            Content(title="T", permalink="https://a.example/" + FORGED), id="in the permalink"
        ),
        pytest.param(Content(summary=FORGED.replace("\n", "\r\n")), id="with CRLF"),
        pytest.param(Content(summary=FORGED.replace("\n", "\u2028")), id="with line separators"),
        pytest.param(Content(summary=FORGED.replace("\n", "\x0b")), id="with vertical tabs"),
        pytest.param(Content(summary=FORGED.replace("\n", "\x85")), id="with next lines"),
        pytest.param(
            Content(summary=FORGED.replace("\n -", "\n\u00a0 -")), id="with no-break spaces"
        ),
        pytest.param(Content(summary=FORGED.replace("\n -", "\n&#32;-")), id="with entities"),
    ],
)
def test_no_publisher_can_forge_an_entry_in_the_markdown(content: Content) -> None:
    feed = harbour_feed()
    page = page_of(feed, entry_of(feed, revision_of(content, NOON), guid="1"))

    text = markdown_of(page).decode()

    assert len(HEAD.findall("\n".join(text.splitlines()))) == 1


def test_no_publisher_can_forge_a_header_in_the_markdown() -> None:
    feed = replace(
        harbour_feed(),
        title="A, URL:https://evil.example, language:xx\n# Source:B",
        language="en, URL:https://evil.example, language:en",
        first_url="https://harbourpost.example/a, language:b",
    )
    content = Content(
        title="T", summary="Well.\n# Source:C, URL:https://evil.example, language:en"
    )

    text = markdown_of(page_of(feed, entry_of(feed, revision_of(content, NOON)))).decode()

    header, _, rest = text.partition("\n")
    before, _, language = header.rpartition(", language:")
    title, _, url = before.rpartition(", URL:")
    assert (title, url, language) == (
        "# Source:A, URL:https://evil.example, language:xx # Source:B",
        "https://harbourpost.example/a,%20language:b",
        "None",
    )
    assert not re.search("^# Source", rest, re.MULTILINE)


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", " jAvaScript:alert(1)", "data:text/html,x", "/n/1"]
)
def test_a_link_that_runs_code_or_leads_nowhere_is_none_in_the_markdown(link: str) -> None:
    feed = harbour_feed()
    content = Content(title="T", link=link)

    text = markdown_of(page_of(feed, entry_of(feed, revision_of(content, NOON)))).decode()

    assert "\n - [None](None)\n" in text


def test_a_body_is_cut_at_a_word_where_there_is_no_summary() -> None:
    feed = harbour_feed()
    content = Content(title="T", body="<p>" + "gull " * 300 + "</p>")

    text = markdown_of(page_of(feed, entry_of(feed, revision_of(content, NOON)))).decode()

    description = text.split("\n\n")[2]
    assert description == ("gull " * 200).strip() + " …"


def test_a_title_that_was_only_read_anew_is_no_former_title() -> None:
    feed = harbour_feed()
    entry = entry_of(
        feed,
        revision_of(Content(title="A &amp; B"), at("12:00:00")),
        revision_of(Content(title="A & B"), at("13:00:00"), reread=1),
        revision_of(Content(title="C"), at("14:00:00"), number=2),
    )

    text = markdown_of(page_of(feed, entry)).decode()

    assert re.findall("title until.*", text) == ["title until 2026-01-05T14:00:00+00:00: A & B"]


@pytest.mark.parametrize(
    "text",
    ["nul \0, escape \x1b, lone \ud800", "𝄞 astral", "e\u0301", "\u202eright to left"],
)
def test_any_text_gives_utf_8_that_reads_back(text: str) -> None:
    feed = harbour_feed()
    entry = entry_of(feed, revision_of(Content(title=text, summary=text), NOON), guid=text)
    page = page_of(feed, entry)

    markdown_of(page).decode()
    json_of(page).decode()
    assert read_json(json_of(page), day=DAY, feed_id=1) == [entry]


def test_numbers_that_json_has_no_form_for_are_written_as_words() -> None:
    feed = harbour_feed()
    content = Content(title="T", extras={"rating": float("nan"), "votes": [float("inf")]})

    row = json.loads(json_of(page_of(feed, entry_of(feed, revision_of(content, NOON)))))[0]

    assert row["extras"] == {"rating": "nan", "votes": ["inf"]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{}",
        b"[1]",
        b"[{}]",
        b"\xff\xfe",
        b"null",
        b'[{"id": 1}]',
        b'{"entries": []}',
        b"[" * 100_000,
        json_of(harbour_page()).replace(b'"number": 1', b'"number": "1"'),
        json_of(harbour_page()).replace(b'"seen": "2026-01-05T', b'"seen": "9999-13-05T'),
        json_of(harbour_page()).replace(b'"seen": "2026-01-05T14:21:40+00:00"', b'"seen": "x"'),
        json_of(harbour_page()).replace(b"14:21:40+00:00", b"14:21:40"),
        json_of(harbour_page()).replace(b'"digest": "', b'"digest": "zz'),
        json_of(harbour_page()).replace(b'"no-date"', b'"no-such-doubt"'),
        json_of(harbour_page())[:-20],
    ],
)
def test_what_is_no_day_file_is_refused(body: bytes) -> None:
    with pytest.raises(ArchiveError):
        read_json(body, day=DAY, feed_id=1)


def test_a_manifest_reads_back() -> None:
    day, lines = read_manifest(manifest_of(DAY, harbour_lines()))

    assert day == DAY
    assert [line.url for line in lines] == [
        "https://harbourpost.example/feed",
        "https://quiet.example/feed",
    ]
    assert lines[0].file_name == "https...harbourpost.example.feed"
    assert (lines[0].json_digest, lines[0].md_digest) == ("a" * 64, "d" * 64)
    assert lines[1].file_name is None
    assert lines[1].gaps == (Gap(0, at("20:00:00"), None, "timeout"),)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"newsreel-day/1", b"newsreel-day/2"),
        (b"newsreel-day/1", b"something/1"),
        (b'"file": "https...', b'"file": "../https...'),
        (b'"entries": 3', b'"entries": true'),
        (b'"2026-01-05"', b'"2026-02-30"'),
    ],
)
def test_a_manifest_that_is_not_understood_is_refused(old: bytes, new: bytes) -> None:
    body = manifest_of(DAY, harbour_lines())

    with pytest.raises(ArchiveError):
        read_manifest(body.replace(old, new))


feeds = st.builds(
    feed_named,
    st.sampled_from(["a", "b"]),
    title=st.none() | texts,
    site_url=st.none() | texts,
    language=st.none() | texts,
    folder=st.none() | texts,
    tags=st.lists(texts, max_size=2).map(tuple),
    aliases=st.sets(texts, max_size=2).map(lambda found: tuple(sorted(found))),
    status=st.sampled_from(FeedStatus),
    identity_policy=st.sampled_from(IdentityPolicy),
    interval=st.none() | st.integers(0, 10**7).map(lambda seconds: timedelta(seconds=seconds)),
    has_own_title=st.booleans(),
    is_crawled=st.booleans(),
    added_at=moments,
    id=st.just(0),
)


@given(feeds)
def test_a_feed_reads_back_from_the_list(feed: Feed) -> None:
    assert read_sources(sources_of([feed]), is_private=False) == [feed]


def test_a_list_of_the_old_archive_is_told_from_ours() -> None:
    assert is_own_sources(sources_of([harbour_feed()]))
    assert not is_own_sources(
        b'[{"url": "https://a.example/feed", "title": "A", "enabled": true}]'
    )
    assert not is_own_sources(b"nonsense")


def test_a_list_that_names_a_file_elsewhere_is_refused() -> None:
    body = sources_of([harbour_feed()]).replace(b'"https...', b'"../https...')

    with pytest.raises(ArchiveError):
        read_sources(body, is_private=False)


def test_a_tombstone_reads_back() -> None:
    line = tombstone_line(
        public_id="a", ids=("a", "b"), kind=Tombstone.WITHHELD, at=NOON, reason="ż"
    )

    assert read_tombstone(line) == ("a", ("a", "b"), Tombstone.WITHHELD, NOON, "ż")


def test_a_sound_log_has_no_broken_link() -> None:
    assert list(broken_links(lines_of("a", "b", "c", "d"))) == []


def test_a_changed_line_breaks_the_chain_after_it() -> None:
    lines = lines_of("a", "b", "c", "d")
    lines[1] = lines[1].replace(b'"e', b'"f')

    assert list(broken_links(lines)) == [3]


def test_a_missing_line_and_nonsense_break_the_chain() -> None:
    lines = lines_of("a", "b", "c", "d")

    assert list(broken_links([lines[0], *lines[2:]])) == [2]
    assert list(broken_links([lines[0], b"{", *lines[1:]])) == [2, 3]


def test_an_entry_without_date_stands_where_it_was_first_seen() -> None:
    feed = harbour_feed()
    found = [
        entry_of(feed, revision_of(Content(title=title, published_at=published), at(seen)))
        for title, published, seen in [
            ("late", at("20:00:00"), "21:00:00"),
            ("none", None, "15:00:00"),
            ("early", datetime(2026, 1, 5, 1, tzinfo=UTC), "21:00:00"),
            ("b", at("12:00:00"), "21:00:00"),
            ("a", at("12:00:00"), "21:00:00"),
        ]
    ]

    assert [entry.content.title for entry in in_order(found)] == [
        "late",
        "none",
        "a",
        "b",
        "early",
    ]


def test_a_day_of_another_century_has_a_directory() -> None:
    from newsreel.core.day_writing import directory_of

    assert directory_of(date(987, 6, 5)) == "0987/06/0987-06-05"
