"""The commands add, feeds, show, edit, remove, log and status, as they are typed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import Newsreel
from polled_world import item, rss
from publisher import Publisher, fail, redirect

PAGE = """<html><head><title>The Press</title>
<link rel="alternate" type="application/rss+xml" title="News" href="/news.xml">
{more}</head><body>Welcome</body></html>"""
SECOND = '<link rel="alternate" type="application/rss+xml" title="Sport" href="/sport.xml">'


@pytest.fixture
def newsreel(tmp_path: Path) -> Newsreel:
    return Newsreel(tmp_path)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        publisher.put("/news.xml", rss([item("a"), item("b")], title="The News"))
        publisher.put("/sport.xml", rss([item("c")], title="The Sport"))
        yield publisher


def test_a_feed_is_added_by_its_address(newsreel: Newsreel, publisher: Publisher) -> None:
    done = newsreel("add", publisher.url("/news.xml"), "--folder", "Papers", "--tag", "daily")

    (feed,) = newsreel.json("feeds")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "added: 1 The News, 2 entries\n"
    assert feed["title"] == "The News"
    assert (feed["folder"], feed["tags"]) == ("Papers", ["daily"])
    assert (feed["entries"], feed["state"]) == (2, "active")
    assert feed["url"] == publisher.url("/news.xml")
    assert len(publisher.requests) == 1


def test_a_feed_that_is_there_already_is_not_fetched_again(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.url("/news.xml"))

    done = newsreel("add", publisher.url("/news.xml"))

    assert (done.returncode, done.stderr) == (0, "already there: 1 The News\n")
    assert len(publisher.requests) == 1


def test_a_feed_that_is_gone_is_said_to_be_so_and_comes_back_when_it_is_resumed(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.url("/news.xml"))
    publisher.answer("/news.xml", fail(410))
    newsreel("poll", "1")
    asked = len(publisher.requests)
    told = "1 The News{} gone: the publisher ended it (410)\nhint: 'newsreel edit 1 --resume'"

    polled, added = newsreel("poll", "1"), newsreel("add", publisher.url("/news.xml"))

    assert f"left alone: {told.format(':')}" in polled.stderr
    assert f"already there: {told.format(',')}" in added.stderr
    assert polled.returncode == added.returncode == 0
    assert len(publisher.requests) == asked
    publisher.put("/news.xml", rss([item("c")], title="The News"))
    newsreel("edit", "1", "--resume")
    assert "polled 1 feeds: 1 new entries" in newsreel("poll").stderr


def test_a_page_that_announces_a_paused_feed_does_not_hide_that_it_is_paused(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    publisher.put("/", PAGE.format(more=""), content_type="text/html")
    newsreel("add", publisher.url("/news.xml"))
    newsreel("edit", "1", "--pause")

    done = newsreel("add", publisher.url("/"))

    assert done.stderr.startswith("already there: 1 The News, paused\nhint: ")


def test_a_site_with_one_feed_is_enough(newsreel: Newsreel, publisher: Publisher) -> None:
    publisher.put("/", PAGE.format(more=""), content_type="text/html")

    done = newsreel("add", publisher.url("/"))

    assert done.returncode == 0
    assert [feed["title"] for feed in newsreel.json("feeds")] == ["The News"]


def test_a_site_with_several_feeds_lists_them_and_adds_none_unasked(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    publisher.put("/", PAGE.format(more=SECOND), content_type="text/html")

    done = newsreel("add", publisher.url("/"))

    assert done.returncode == 2
    assert "1  News" in done.stderr
    assert f"2  Sport  {publisher.url('/sport.xml')}" in done.stderr
    assert "hint: add --all" in done.stderr
    assert newsreel.json("feeds") == []


@pytest.mark.parametrize(
    ("answer", "titles"),
    [("2\n", ["The Sport"]), ("\n", ["The News"]), ("all\n", ["The News", "The Sport"])],
)
def test_at_a_terminal_it_asks_which(
    newsreel: Newsreel, publisher: Publisher, answer: str, titles: list[str]
) -> None:
    publisher.put("/", PAGE.format(more=SECOND), content_type="text/html")

    code, told = newsreel.at_a_terminal("add", publisher.url("/"), answer=answer)

    assert code == 0
    assert "Which?" in told
    assert [feed["title"] for feed in newsreel.json("feeds")] == titles


def test_all_adds_every_feed_of_a_site_that_is_one(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    broken = '<link rel="alternate" type="application/rss+xml" title="Gone" href="/gone.xml">'
    publisher.put("/", PAGE.format(more=broken + SECOND), content_type="text/html")

    done = newsreel("add", "--all", publisher.url("/"))

    assert done.returncode == 1
    assert "http-404" in done.stderr
    assert [feed["title"] for feed in newsreel.json("feeds")] == ["The News", "The Sport"]


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/", "http://[::1]/feed", "http://169.254.169.254/", "localhost"]
)
def test_an_address_of_the_own_network_is_refused(newsreel: Newsreel, address: str) -> None:
    newsreel.environment["NEWSREEL_ALLOW_PRIVATE"] = ""

    done = newsreel("add", address)

    assert done.returncode == 1
    assert "refused-address" in done.stderr
    assert "NEWSREEL_ALLOW_PRIVATE" in done.stderr
    assert newsreel.json("feeds") == []


def test_a_feed_that_has_moved_is_added_where_it_is(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    publisher.answer("/old.xml", redirect(publisher.url("/news.xml"), 301))
    publisher.answer("/now.xml", redirect(publisher.url("/sport.xml"), 302))

    newsreel("add", publisher.url("/old.xml"), "feed:" + publisher.url("/now.xml"))
    again = newsreel("add", publisher.url("/old.xml"))

    urls = {feed["title"]: feed["url"] for feed in newsreel.json("feeds")}
    assert urls == {
        "The News": publisher.url("/news.xml"),
        "The Sport": publisher.url("/now.xml"),
    }
    assert again.stderr == "already there: 1 The News\n"


def test_a_page_without_a_feed_is_no_feed(newsreel: Newsreel, publisher: Publisher) -> None:
    page = publisher.put("/", "<html><body>Welcome</body></html>", content_type="text/html")

    done = newsreel("add", page)

    assert done.returncode == 1
    assert f"error: no feed at {page}" in done.stderr
    assert "hint: give the feed's own address" in done.stderr


def test_one_bad_address_keeps_no_other_out(newsreel: Newsreel, publisher: Publisher) -> None:
    publisher.answer("/dead.xml", fail(500))

    done = newsreel("add", publisher.url("/dead.xml"), publisher.url("/news.xml"))

    assert done.returncode == 1
    assert "http-500" in done.stderr
    assert [feed["title"] for feed in newsreel.json("feeds")] == ["The News"]


@pytest.mark.parametrize("address", ["ftp://press.example/", "https://", "http://[x/"])
def test_what_is_no_address_is_wrong_usage(newsreel: Newsreel, address: str) -> None:
    done = newsreel("add", address)

    assert done.returncode == 2
    assert "error: not an address" in done.stderr
    assert "hint: " in done.stderr


def test_an_entry_is_shown_with_its_revisions_as_word_diffs(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.url("/news.xml"))
    changed = [item("a", title="Another title", summary="A summary, \x1b[2Jlonger.")]
    publisher.put("/news.xml", rss([*changed, item("b")], title="The News"))
    newsreel("poll", "1", "--no-export")
    newest = newsreel.json("show", "The News")["newest"]
    (public_id,) = [entry["id"] for entry in newest if entry["revisions"] == 2]

    told = newsreel("show", public_id[:8]).stdout
    found = newsreel.json("show", public_id)

    assert "title: [-A-]{+Another title+}" in told
    assert "revision 2, seen " in told
    assert "\x1b" not in told
    assert [wording["title"] for wording in found["wordings"]] == ["A", "Another title"]
    assert found["feed_id"] == 1


def test_a_feed_is_shown_with_its_entries_and_gaps(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.url("/news.xml"))
    publisher.answer("/news.xml", fail(503))
    newsreel("poll", "news", "--no-export")

    told = newsreel("show", "1").stdout
    found = newsreel.json("show", publisher.url("/news.xml"))

    assert "backing off: http-503 (1×)" in told
    assert "Not observed:" in told
    assert {entry["title"] for entry in found["newest"]} == {"A", "B"}
    assert [gap["reason"] for gap in found["gaps"]] == ["http-503"]


@pytest.mark.parametrize("what", ["7", "nothing", "abcdef0123", "9" * 30, "9" * 5000])
def test_what_is_not_there_can_not_be_shown(newsreel: Newsreel, what: str) -> None:
    done = newsreel("show", what)

    assert done.returncode == 2
    assert "error: no such feed or entry" in done.stderr
    assert "hint: " in done.stderr


def test_a_feed_is_edited_by_number_address_or_title(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.url("/news.xml"))

    newsreel("edit", "1", "--folder", "East", "--tag", "x", "--tag", "y", "--interval", "6h")
    newsreel("edit", publisher.url("/news.xml"), "--title", "Ours", "--private")
    (edited,) = newsreel.json("feeds")
    newsreel("edit", "ours", "--pause", "--no-tags", "--public", "--interval", "auto")
    (paused,) = newsreel.json("feeds")

    assert (edited["title"], edited["folder"], edited["tags"]) == ("Ours", "East", ["x", "y"])
    assert (edited["interval"], edited["private"]) == (6 * 3600, True)
    assert (paused["state"], paused["tags"], paused["private"]) == ("paused", [], False)
    assert paused["interval"] is None


def test_a_feed_that_turns_private_leaves_the_archive_at_once_and_comes_back(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.url("/news.xml"), publisher.url("/sport.xml"))
    newsreel("export")
    before = files_that_name("news.xml", newsreel.archive)

    hidden = newsreel("edit", "1", "--private")
    between = files_that_name("news.xml", newsreel.archive)
    shown = newsreel("edit", "1", "--public")

    assert hidden.stderr.startswith("saved: 1 The News, active, private\nwrote ")
    assert "log.jsonl, which only ever grows, still holds the paths" in hidden.stderr
    assert between == ["log.jsonl"]
    assert "log.jsonl" not in shown.stderr
    assert files_that_name("news.xml", newsreel.archive) == before


def files_that_name(word: str, archive: Path) -> list[str]:
    """The files of an archive that bear a word in their names or hold it."""
    return sorted(
        path.relative_to(archive).as_posix()
        for path in archive.rglob("*")
        if path.is_file() and (word in path.name or word.encode() in path.read_bytes())
    )


def test_a_title_that_two_feeds_have_is_refused(newsreel: Newsreel, publisher: Publisher) -> None:
    newsreel("add", publisher.url("/news.xml"), publisher.url("/sport.xml"))

    done = newsreel("edit", "the", "--pause")

    assert done.returncode == 2
    assert "2 feeds are called 'the'" in done.stderr
    assert "1 (The News), 2 (The Sport)" in done.stderr


def test_a_removed_feed_is_polled_no_more_and_keeps_its_archive(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.url("/news.xml"))
    newsreel("poll")

    done = newsreel("remove", "1")
    newsreel("poll", "--all")

    assert done.returncode == 0
    assert "its 2 entries stay in the archive" in done.stderr
    assert newsreel.json("feeds") == []
    assert [feed["state"] for feed in newsreel.json("feeds", "--all")] == ["removed"]
    assert len(publisher.requests) == 1
    assert list(newsreel.archive.glob("*/*/*/*_entries.md"))


def test_a_purged_feed_is_gone_from_database_and_archive(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.url("/news.xml"), publisher.url("/sport.xml"))
    newsreel("export")
    before = list(newsreel.archive.glob("*/*/*/*news*_entries.*"))

    unasked = newsreel("remove", "1", "--purge")
    refused = newsreel.at_a_terminal("remove", "1", "--purge", answer="n\n")
    done = newsreel("remove", "1", "--purge", "--yes")

    sources = json.loads((newsreel.archive / "sources.json").read_bytes())
    assert before
    assert unasked.returncode == 2
    assert refused[0] == 130
    assert done.returncode == 0
    assert [feed["title"] for feed in newsreel.json("feeds", "--all")] == ["The Sport"]
    assert list(newsreel.archive.glob("*/*/*/*news*_entries.*")) == []
    assert [source["title"] for source in sources] == ["The Sport"]
    assert list(newsreel.archive.glob("*/*/*/*sport*_entries.*"))


def test_a_host_that_asks_for_rest_is_not_asked_to_add_more(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    publisher.answer("/busy.xml", fail(429, Retry_After="3600"))
    newsreel("add", publisher.url("/busy.xml"), publisher.url("/news.xml"))
    asked = [request.path for request in publisher.requests]

    again = newsreel("add", publisher.url("/sport.xml"))

    assert asked == ["/busy.xml"]
    assert again.returncode == 1
    assert "127.0.0.1 asked us to wait until" in again.stderr
    assert len(publisher.requests) == 1


def test_a_purged_feed_is_gone_from_the_captures_too(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.url("/news.xml"), publisher.url("/sport.xml"))
    newsreel("poll", "--all")

    done = newsreel("remove", "1", "--purge", "--yes")
    newsreel.environment["NEWSREEL_DB"] = str(newsreel.home / "other.sqlite")
    rebuilt = newsreel("rebuild", "--captures")

    assert "2 raw captures" in done.stderr
    assert rebuilt.returncode == 0
    assert [feed["title"] for feed in newsreel.json("feeds", "--all")] == ["The Sport"]


def test_the_log_says_what_each_poll_brought(newsreel: Newsreel, publisher: Publisher) -> None:
    newsreel("add", publisher.url("/news.xml"))
    newsreel("poll", "1", "--no-export")
    publisher.answer("/news.xml", fail(404))
    newsreel("poll", "1", "--no-export")

    rows = newsreel.json("log")
    table = newsreel("log", "The News", "-n", "1").stdout

    assert [row["outcome"] for row in rows] == ["failed: http-404", "not-modified", "ok"]
    assert (rows[2]["new"], rows[2]["title"]) == (2, "The News")
    assert "failed: http-404" in table
    assert "not-modified" not in table


def test_the_status_says_what_is_wrong(newsreel: Newsreel, publisher: Publisher) -> None:
    newsreel("add", publisher.url("/news.xml"), publisher.url("/sport.xml"))
    publisher.answer("/sport.xml", fail(410))
    newsreel("poll", "2", "--no-export")

    found = newsreel.json("status")
    told = newsreel("status").stdout

    assert (found["feeds"], found["active"], found["entries"]) == (2, 1, 3)
    assert (found["polls"], found["open_gaps"]) == (3, 1)
    assert [feed["title"] for feed in found["failing"]] == ["The Sport"]
    assert "gone: the publisher ended it (410)" in told


@pytest.mark.parametrize("command", ["feeds", "log", "status"])
def test_an_empty_archive_has_listings_too(newsreel: Newsreel, command: str) -> None:
    for_people, for_programs = newsreel(command), newsreel(command, "--json")

    assert for_people.returncode == for_programs.returncode == 0
    assert json.loads(for_programs.stdout) is not None


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["add"],
        ["--nonsense"],
        ["edit", "1", "--interval", "soon"],
        ["log", "-n", "0"],
        ["log", "-n", "-3"],
        ["log", "-n", "x"],
        ["--db", "mysql://here", "feeds"],
        ["--config", "missing.toml", "feeds"],
        ["poll", "nowhere"],
        ["remove", "7"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_told_and_exits_with_2(newsreel: Newsreel, arguments: list[str]) -> None:
    done = newsreel(*arguments)

    assert done.returncode == 2
    assert (done.stdout, bool(done.stderr)) == ("", True)


def test_a_file_that_is_no_database_exits_with_1(newsreel: Newsreel) -> None:
    newsreel.database.write_bytes(b"Dear diary, " * 100)

    done = newsreel("feeds")

    assert done.returncode == 1
    assert done.stderr.startswith("error: this is no Newsreel database")
    assert "\nhint: " in done.stderr


def test_a_terminal_that_lacks_a_letter_is_no_reason_to_fail(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    publisher.put("/news.xml", rss([item("a")], title="Żółw – 新聞"))
    newsreel.environment["PYTHONIOENCODING"] = "ascii"

    added = newsreel("add", publisher.url("/news.xml"))
    table = newsreel("feeds")

    assert (added.returncode, table.returncode) == (0, 0)
    assert "\\u017b" in table.stdout
