"""Sitemaps of news as feeds: packed or not, and by way of the index that names them."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import Newsreel
from newsreel.errors import NotAFeed
from newsreel.formats.document import parse
from newsreel.formats.packed import LARGEST
from publisher import Publisher

SPACES = (
    'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
    'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
)
NEWS = f"""<urlset {SPACES}><url><loc>https://town.example/dredged</loc><news:news>
<news:publication><news:name>The Town</news:name><news:language>en</news:language>
</news:publication><news:publication_date>2026-03-04T08:00:00Z</news:publication_date>
<news:title>The harbour is dredged</news:title><news:keywords>harbour, mud</news:keywords>
</news:news></url><url><loc>https://town.example/about</loc></url></urlset>""".encode()
INDEX = (
    f"<sitemapindex {SPACES}><sitemap><loc>/pages.xml</loc></sitemap>"
    "<sitemap><loc>/sitemap-news.xml.gz</loc><lastmod>2026-03-04</lastmod></sitemap></sitemapindex>"
)


@pytest.fixture
def newsreel(tmp_path: Path) -> Newsreel:
    return Newsreel(tmp_path)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        packed = gzip.compress(NEWS, mtime=0)
        publisher.put("/sitemap-news.xml.gz", packed, content_type="application/gzip")
        publisher.put("/sitemap.xml", INDEX, content_type="application/xml")
        yield publisher


@pytest.mark.parametrize("path", ["/sitemap-news.xml.gz", "/sitemap.xml"])
def test_a_packed_sitemap_is_added_by_itself_or_by_its_index(
    newsreel: Newsreel, publisher: Publisher, path: str
) -> None:
    done = newsreel("add", publisher.url(path))

    (feed,) = newsreel.json("feeds")
    (entry,) = newsreel.json("show", "1")["newest"]
    assert done.stderr == "added: 1 The Town, 1 entries\n"
    assert feed["url"] == publisher.url("/sitemap-news.xml.gz")
    assert (entry["title"], entry["day"]) == ("The harbour is dredged", "2026-03-04")
    assert entry["link"] == "https://town.example/dredged"
    assert "1 not modified" in newsreel("poll", "1").stderr


def test_a_packed_sitemap_is_read_again_from_its_capture(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.url("/sitemap-news.xml.gz"))

    newsreel("--db", "again.sqlite", "--captures", "captures", "rebuild", "--captures")

    (entry,) = newsreel.json("--db", "again.sqlite", "show", "1")["newest"]
    assert entry["title"] == "The harbour is dredged"


@pytest.mark.parametrize(
    ("body", "told", "hint"),
    [
        (INDEX.replace("-news", "-more"), "an index of sitemaps", "none of its 2 sitemaps is"),
        (NEWS.replace(b"news:news", b"x").decode(), "a sitemap without news", "news:news"),
    ],
)
def test_a_sitemap_without_news_says_what_would_be_one(
    newsreel: Newsreel, publisher: Publisher, body: str, told: str, hint: str
) -> None:
    publisher.put("/other.xml", body, content_type="application/xml")

    done = newsreel("add", publisher.url("/other.xml"))

    assert done.returncode == 1
    assert told in done.stderr
    assert hint in done.stderr


def test_a_sitemap_tells_language_and_keywords() -> None:
    (entry,) = parse(gzip.compress(NEWS)).entries

    assert (entry.language, entry.categories) == ("en", ("harbour", "mud"))
    assert entry.published == "2026-03-04T08:00:00Z"


def test_a_gzip_file_that_breaks_off_is_read_as_far_as_it_goes() -> None:
    packed = gzip.compress(NEWS + b" " * 50_000, mtime=0)

    feed = parse(packed[:-12])

    assert len(feed.entries) == 1
    assert feed.truncated


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b""),
        b"\x1f\x8b\x08\0 nothing of the kind",
        gzip.compress(gzip.compress(NEWS)),
        gzip.compress(b"words"),
    ],
    ids=["empty", "broken", "twice", "words"],
)
def test_other_gzip_files_are_no_feeds(body: bytes) -> None:
    with pytest.raises(NotAFeed):
        parse(body)


def test_a_small_file_that_holds_much_is_not_unpacked_whole() -> None:
    press = zlib.compressobj(9, wbits=31)
    packed = b"".join(press.compress(b" " * 10_000_000) for _ in range(20)) + press.flush()

    with pytest.raises(NotAFeed):
        parse(packed)
    assert parse(gzip.compress(NEWS + b" " * LARGEST)).truncated
