import json
from datetime import timedelta
from pathlib import Path

import pytest

from newsreel.formats.imports import Unknown, understand
from newsreel.formats.legacy_sources import file_of, write_sources
from newsreel.formats.sources import FeedList, address_of, read_list
from newsreel.model.entry import Json
from newsreel.model.feed import FeedStatus, NewFeed

GOLDEN = Path(__file__).parent.parent / "golden" / "legacy-sources"


def feeds_of(body: bytes) -> list[NewFeed]:
    found = understand(body)
    assert isinstance(found, FeedList)
    return list(found.feeds)


@pytest.mark.parametrize("name", ["2022", "2023-02", "2023-07", "2024-03", "2024-10"])
def test_sources_of_every_period_name_the_same_feeds(name: str) -> None:
    harbour, quiet, letters = feeds_of((GOLDEN / f"{name}.json").read_bytes())

    assert (harbour.url, harbour.title) == ("https://harbourpost.example/feed", "Harbour Post")
    assert (harbour.folder, harbour.status) == ("News/Coast", FeedStatus.ACTIVE)
    assert quiet.status is FeedStatus.PAUSED
    assert letters.is_private
    assert letters.status is FeedStatus.PAUSED


def test_languages_intervals_and_source_types_are_read() -> None:
    harbour, *_ = feeds_of((GOLDEN / "2023-07.json").read_bytes())

    assert harbour.language == "ja"
    assert harbour.interval == timedelta(hours=1)


@pytest.mark.parametrize("name", ["2022", "2023-02", "2023-07", "2024-03", "2024-10"])
def test_sources_are_written_again_but_for_private_ones(name: str) -> None:
    body = (GOLDEN / f"{name}.json").read_bytes()
    value = json.loads(body)
    file = file_of(body, value, None)

    assert file is not None
    assert json.loads(write_sources(file.form)) == value[:2]


def test_our_own_sources_are_read() -> None:
    row: Json = {
        "url": "https://a.example/feed", "first_url": "https://a.example/old", "file_name": "a",
        "status": "archived", "tags": ["x"], "folder": "F", "interval": 900, "aliases": [],
    }  # fmt: skip

    assert feeds_of(json.dumps([row]).encode()) == [
        NewFeed(
            url="https://a.example/feed",
            folder="F",
            tags=("x",),
            interval=timedelta(minutes=15),
            status=FeedStatus.ARCHIVED,
        )
    ]


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("https://a.example/feed", "https://a.example/feed"),
        ("pagekept.example", "https://pagekept.example"),
        ("email://imap.example/inbox", "email://imap.example/inbox"),
        ("en-US", None),
        ("", None),
        (None, None),
        ("javascript://x", None),
    ],
    ids=str,
)
def test_a_source_names_an_address_or_none(source: str | None, address: str | None) -> None:
    assert address_of(source) == address


def test_a_list_of_addresses_is_read_with_newsboats_tags_and_titles() -> None:
    text = """# mine

https://a.example/feed
https://b.example/feed#part news "two words" "~Named feed"
"query:Unread:unread = \\"yes\\""
not an address
"""

    found = read_list(text)

    assert [(feed.url, feed.title, feed.tags) for feed in found.feeds] == [
        ("https://a.example/feed", None, ()),
        ("https://b.example/feed#part", "Named feed", ("news", "two words")),
    ]
    assert found.skipped == (
        "line 5: no address: 'query:Unread:unread = \"yes\"'",
        "line 6: no address: 'not'",
    )


def test_sfeeds_configuration_is_read() -> None:
    text = """#sfeedpath="$HOME/.sfeed/feeds"
feeds() {
\t# feed <name> <feedurl> [basesiteurl] [encoding]
\tfeed "harbour" "https://a.example/feed" "https://a.example/"
\tfeed 'lanterns' 'https://b.example/feed'
}
"""

    found = read_list(text)

    assert [(feed.url, feed.title, feed.site_url) for feed in found.feeds] == [
        ("https://a.example/feed", "harbour", "https://a.example/"),
        ("https://b.example/feed", "lanterns", None),
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \n\t", "empty"),
        (b"[]]", "broken JSON"),
        (b"[" * 100_000, "broken JSON"),
        (b'{"domains": []}', "a list of domains"),
        (b'{"keywords": [["cnet", 28]]}', "a list of keywords"),
        (b'{"a": 1}', "JSON of an unknown shape"),
        (b"[1, 2]", "JSON of an unknown shape"),
        (b'{"format": "newsreel-day/1"}', "rebuild"),
        (b'[{"link": "a", "title": "b", "date_first_seen": "c"}]', "rebuild"),
        (b"<rss><channel/></rss>", "newsreel add"),
        (b"\x7fELF\0\0\0", "neither text nor an archive"),
        (b"# A README\n\nSee https://a.example/ for more.\nThen some.\n", "nothing"),
        (b"<opml", "OPML"),
    ],
    ids=lambda value: repr(value)[:20] if isinstance(value, bytes) else "",
)
def test_what_is_nothing_for_us_is_named(body: bytes, reason: str) -> None:
    found = understand(body)

    assert isinstance(found, Unknown)
    assert reason in found.reason
