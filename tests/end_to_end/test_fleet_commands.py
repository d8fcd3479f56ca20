"""Workers that share a database of either kind, as they are started and shown."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from command_line import Newsreel
from polled_world import item, rss
from publisher import Publisher, hang


@pytest.fixture
def newsreel(tmp_path: Path, address: str) -> Newsreel:
    return Newsreel(tmp_path, {"NEWSREEL_DB": address})


@pytest.fixture
def publishers() -> Iterator[list[Publisher]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Publisher(f"127.0.0.{n}")) for n in (1, 2)]


def subscribe(newsreel: Newsreel, urls: list[str]) -> None:
    path = newsreel.home / "feeds.txt"
    path.write_text("\n".join(urls))
    assert newsreel("import", path).returncode == 0


def test_a_worker_is_shown_with_what_it_holds_until_it_is_done(
    newsreel: Newsreel, publishers: list[Publisher]
) -> None:
    subscribe(newsreel, [publishers[0].answer("/slow", hang())])
    with newsreel.start("run") as service:
        publishers[0].wait_for_request("/slow")

        while_it_asks = newsreel.json("workers")
        table = newsreel("workers").stdout
        service.send_signal(signal.SIGTERM)
        service.communicate()
        afterwards = newsreel("workers")

    held = [one for one in while_it_asks if one["hosts"]]
    assert [one["hosts"] for one in held] == [["127.0.0.1"]]
    assert held[0]["pid"] == service.pid
    assert "127.0.0.1" in table
    assert afterwards.stdout == ""
    assert "nobody works on this database" in afterwards.stderr


def test_what_a_killed_command_held_is_polled_by_the_next(
    newsreel: Newsreel, publishers: list[Publisher]
) -> None:
    path = publishers[0].answer("/feed", hang())
    subscribe(newsreel, [path])
    with newsreel.start("poll") as killed:
        publishers[0].wait_for_request("/feed")
        os.kill(killed.pid, signal.SIGKILL)
    publishers[0].put("/feed", rss([item("a")]))

    again = newsreel("poll")

    assert again.stderr.startswith("polled 1 feeds: 1 new entries")


def test_two_rounds_at_once_take_each_feed_once_between_them(
    newsreel: Newsreel, publishers: list[Publisher]
) -> None:
    urls = [
        publisher.put(f"/{n}", rss([item(f"{publisher.host}-{n}")]))
        for publisher in publishers
        for n in range(12)
    ]
    subscribe(newsreel, urls)

    with newsreel.start("poll") as first, newsreel.start("poll") as second:
        first.communicate()
        second.communicate()

    assert len(newsreel.json("log")) == len(urls)
    for publisher in publishers:
        assert sorted(seen.path for seen in publisher.requests) == sorted(
            f"/{n}" for n in range(12)
        )
        assert publisher.most_open == 1


def test_commands_that_read_ask_the_copy_and_those_that_write_do_not(
    tmp_path: Path, publishers: list[Publisher]
) -> None:
    newsreel, copy = Newsreel(tmp_path), tmp_path / "copy.sqlite"
    path = newsreel.home / "feeds.txt"
    path.write_text(publishers[0].put("/feed", rss([item("a")])))
    newsreel("--db", "now.sqlite", "import", path)
    newsreel("--db", "now.sqlite", "poll")
    with sqlite3.connect(tmp_path / "now.sqlite") as now, sqlite3.connect(copy) as then:
        now.backup(then)
    newsreel("--db", "now.sqlite", "edit", 1, "--title", "Renamed")
    both = ("--db", "now.sqlite", "--read-db", copy)

    before = newsreel(*both, "feeds").stdout
    newsreel(*both, "edit", 1, "--title", "Twice")
    after = newsreel(*both, "show", 1).stdout

    assert "The Press" in before
    assert "The Press" in after
    assert "Twice" in newsreel("--db", "now.sqlite", "feeds").stdout
