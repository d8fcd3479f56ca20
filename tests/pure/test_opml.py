from datetime import UTC, datetime, timedelta

import pytest

from newsreel.errors import FeedError
from newsreel.formats.imports import understand
from newsreel.formats.opml import read_opml, write_opml
from newsreel.formats.sources import FeedList
from newsreel.model.feed import Feed, FeedStatus, NewFeed

NESTED = b"""<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0"><head><title>Mine</title></head><body>
<outline text="News"><outline text="Coast">
 <outline type="rss" text="Harbour &amp; Post" xmlUrl="https://h.example/feed" htmlUrl="https://h.example/" language="en-gb" category="sea,boats"/>
</outline></outline>
<outline text="Loose" xmlurl=" https://l.example/feed " category="/Odd/Ends,second"/>
<outline text="Old" type="rss" url="https://o.example/rdf"/>
<outline text="A page" type="link" url="https://p.example/"/>
<outline text="Again"><outline text="Twice" xmlUrl="https://h.example/feed"/></outline>
<outline text="Bad" xmlUrl="javascript:alert(1)"/>
<outline text="Secret" XMLURL="https://user:pw@s.example/feed"/>
</body></opml>"""  # noqa: E501


def by_url(body: bytes) -> dict[str, NewFeed]:
    return {feed.url: feed for feed in read_opml(body)}


def test_nested_folders_become_one_path() -> None:
    feed = by_url(NESTED)["https://h.example/feed"]

    assert (feed.title, feed.folder) == ("Harbour & Post", "News/Coast")
    assert (feed.site_url, feed.language) == ("https://h.example/", "en-GB")


def test_a_category_is_the_folder_where_nothing_is_around() -> None:
    feed = by_url(NESTED)["https://l.example/feed"]

    assert (feed.folder, feed.tags) == ("Odd/Ends", ("second",))


def test_a_feed_of_two_folders_is_tagged_with_the_second() -> None:
    assert by_url(NESTED)["https://h.example/feed"].tags == ("sea", "boats", "Again")


def test_links_and_harmful_addresses_are_no_feeds() -> None:
    assert set(by_url(NESTED)) == {
        "https://h.example/feed",
        "https://l.example/feed",
        "https://o.example/rdf",
        "https://user:pw@s.example/feed",
    }


def test_an_address_with_a_credential_is_private() -> None:
    assert by_url(NESTED)["https://user:pw@s.example/feed"].is_private


@pytest.mark.parametrize(
    "body",
    [
        NESTED.replace(b"Harbour &amp; Post", b"Harbour & Post"),
        NESTED.removesuffix(b"</body></opml>"),
        NESTED.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + NESTED,
        NESTED.replace(
            b"<opml", b'<!DOCTYPE opml [<!ENTITY x SYSTEM "file:///etc/passwd">]><opml'
        ),
    ],
    ids=["ampersand", "cut", "utf-16", "bom", "doctype"],
)
def test_broken_opml_is_read_as_far_as_it_goes(body: bytes) -> None:
    found = understand(body)

    assert isinstance(found, FeedList)
    assert "https://h.example/feed" in {feed.url for feed in found.feeds}


def test_entities_neither_grow_nor_reach_a_file() -> None:
    levels = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))
    bomb = (
        f'<!DOCTYPE o [<!ENTITY a0 "{"x" * 99}">{levels}<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    )
    outlines = "".join(
        f'<outline text="{name}" xmlUrl="https://{n}.example/"/>'
        for n, name in enumerate(("&a8;", "&f;"))
    )

    feeds = read_opml(f"{bomb}<opml><body>{outlines}</body></opml>".encode())

    assert len(feeds) == 2
    assert all(len(feed.title or "") < 2000 and "root" not in (feed.title or "") for feed in feeds)


def test_what_holds_no_outline_is_an_error() -> None:
    with pytest.raises(FeedError):
        read_opml(b"<rss><channel/></rss>")


def test_what_is_written_is_read_again() -> None:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    feeds = [
        Feed(
            id=1, url="https://h.example/?a=1&b=2", first_url="x", file_name="x", host="h.example",
            title='A "title" <b>', folder="News/Coast", tags=("sea", "boats"), language="en",
            site_url="https://h.example/", status=FeedStatus.ACTIVE, added_at=at,
            interval=timedelta(hours=1),
        ),
        Feed(id=2, url="https://i.example/", first_url="y", file_name="y", host="i", added_at=at,
             title="ctrl\x00\x1f"),
    ]  # fmt: skip

    first, second = read_opml(write_opml(feeds))

    assert first == NewFeed(
        url="https://h.example/?a=1&b=2",
        title='A "title" <b>',
        folder="News/Coast",
        tags=("sea", "boats"),
        language="en",
        site_url="https://h.example/",
    )
    assert second.title == "ctrl"
