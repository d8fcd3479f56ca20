"""The commands poll and run, as they are typed, and what happens when they are stopped."""

import asyncio
import json
import re
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from command_line import NEWSREEL, Newsreel
from polled_world import item, rss
from publisher import Publisher, fail, hang

HEAVY = [
    "aiohttp",
    "chardet",
    "lxml",
    "nh3",
    "rich",
    "selectolax",
    "sqlite3",
    "uvloop",
    "newsreel.app.poll",
    "newsreel.store.sqlite",
    "newsreel.fetch.client",
]


@pytest.fixture
def newsreel(tmp_path: Path) -> Newsreel:
    return Newsreel(tmp_path)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        yield publisher


def publish(publisher: Publisher, count: int, *, entries: int = 5, day: str = "") -> list[str]:
    """Publish feeds; return their addresses."""
    return [
        publisher.put(
            f"/{number}.xml",
            rss([item(f"{number}-{n}{day}") for n in range(entries)], title=f"Paper {number}"),
        )
        for number in range(count)
    ]


def subscribe(newsreel: Newsreel, urls: list[str]) -> None:
    """Add feeds without polling them."""
    path = newsreel.home / "feeds.txt"
    path.write_text("\n".join(urls))
    assert newsreel("import", path).returncode == 0


def rows_of(newsreel: Newsreel, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(newsreel.database)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_a_round_polls_what_is_due_and_writes_its_days(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    subscribe(newsreel, publish(publisher, 3))

    first, second = newsreel("poll"), newsreel("poll")

    assert (first.returncode, first.stdout) == (0, "")
    assert first.stderr.startswith("polled 3 feeds: 15 new entries, 0 revised\n")
    assert second.stderr.startswith("polled 0 feeds")
    assert len(publisher.requests) == 3
    assert len(list(newsreel.archive.glob("2026/03/2026-03-04/*_entries.md"))) == 3


def test_all_polls_everything_and_asks_conditionally(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    subscribe(newsreel, publish(publisher, 2))
    newsreel("poll", "--no-export")

    done = newsreel("poll", "--all", "--no-export")

    assert "2 not modified" in done.stderr
    assert all("if-none-match" in seen.headers for seen in publisher.requests[2:])
    assert not newsreel.archive.exists()


def test_what_was_erased_before_is_said_to_be_left_out(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    publisher.put("/press.xml", rss([item("a"), item("b")]))
    newsreel("add", publisher.url("/press.xml"))
    ((public_id,),) = rows_of(newsreel, "SELECT public_id FROM entries WHERE guid = 'press-a'")
    newsreel("erase", public_id, "--yes")
    publisher.put("/press.xml", rss([item("a"), item("b"), item("c")]))

    done = newsreel("poll", "1")

    assert "1 new entries, 0 revised; 1 left out: erased before\n" in done.stderr
    assert [line["left_out"] for line in newsreel.json("log")] == [1, 0]


def test_feeds_that_fail_do_not_fail_a_round(newsreel: Newsreel, publisher: Publisher) -> None:
    subscribe(newsreel, publish(publisher, 3))
    publisher.answer("/1.xml", fail(500))
    publisher.put("/2.xml", "<html>no feed</html>")

    done = newsreel("poll")

    assert done.returncode == 0
    assert "polled 3 feeds: 5 new entries, 0 revised; 2 failed" in done.stderr
    assert "1 http-500" in done.stderr
    assert "1 not-a-feed" in done.stderr


def test_a_named_feed_is_polled_whatever_its_time(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    urls = publish(publisher, 2)
    subscribe(newsreel, urls)
    newsreel("poll", "--no-export")

    done = newsreel("poll", urls[1], "--no-export")

    assert "polled 1 feeds" in done.stderr
    assert [seen.path for seen in publisher.requests[2:]] == ["/1.xml"]


@pytest.mark.parametrize("arguments", [["--all"], ["1"], []], ids=" ".join)
def test_nobody_is_polled_against_retry_after(
    newsreel: Newsreel, publisher: Publisher, arguments: list[str]
) -> None:
    subscribe(newsreel, publish(publisher, 1))
    publisher.answer("/0.xml", fail(429, Retry_After="3600"))
    newsreel("poll", "--no-export")

    done = newsreel("poll", "--no-export", *arguments)

    assert done.returncode == 0
    assert len(publisher.requests) == 1


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (["edit", "1", "--pause"], "left alone: 1 Paper 0: paused\nhint: "),
        (["remove", "1"], "left alone: 1 Paper 0: removed\nhint: "),
        (["poll", "1"], "left alone: 1 Paper 0: its host asked us to wait until 20"),
    ],
    ids=["paused", "removed", "asked to wait"],
)
def test_a_named_feed_that_is_left_alone_is_said_why(
    newsreel: Newsreel, publisher: Publisher, before: list[str], why: str
) -> None:
    subscribe(newsreel, publish(publisher, 1))
    newsreel("poll", "--no-export")
    publisher.answer("/0.xml", fail(503, Retry_After="3600"))
    newsreel(*before)

    done = newsreel("poll", "1", "1", "--no-export")

    assert done.stderr.startswith(f"polled 0 feeds: 0 new entries, 0 revised\n{why}")
    assert done.stderr.count("left alone") == 1


def test_without_feeds_there_is_a_hint(newsreel: Newsreel) -> None:
    done = newsreel("poll")

    assert done.returncode == 0
    assert "newsreel add URL" in done.stderr


def events_of(service: "subprocess.Popen[str]", name: str, count: int = 1) -> list[dict[str, str]]:
    """Read the service's log up to its next events of this name."""
    assert service.stderr is not None
    found = []
    for line in service.stderr:
        event = json.loads(line)
        if event["event"] == name:
            found.append(event)
        if len(found) == count:
            return found
    raise AssertionError(f"{name} was said {len(found)} times")


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_is_told_to_stop_stores_and_writes_what_it_has(
    newsreel: Newsreel, publisher: Publisher, name: signal.Signals
) -> None:
    subscribe(newsreel, [*publish(publisher, 3), publisher.answer("/hang", hang())])

    with newsreel.start("run") as service:
        polled = events_of(service, "polled", 3)
        service.send_signal(name)
        _, told = service.communicate(timeout=30)

    assert service.returncode == 0
    assert '"event": "stopped"' in told
    assert {event["outcome"] for event in polled} == {"ok"}
    assert newsreel.json("status")["entries"] == 15
    assert len(list(newsreel.archive.glob("2026/03/2026-03-04/*_entries.md"))) == 3
    assert list(newsreel.home.glob("*.lease")) == []


def test_a_service_that_can_not_write_its_days_keeps_what_it_polled(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    subscribe(newsreel, publish(publisher, 2))
    newsreel.archive.write_text("no folder")

    with newsreel.start("run") as service:
        events_of(service, "polled", 2)
        service.terminate()
        _, told = service.communicate(timeout=30)
    newsreel.archive.unlink()
    done = newsreel("export")

    assert service.returncode == 1
    assert "error: " in told
    assert "hint: " in told
    assert "Traceback" not in told
    assert done.returncode == 0
    assert len(list(newsreel.archive.glob("2026/03/2026-03-04/*_entries.md"))) == 2


async def test_a_service_takes_up_what_is_added_while_it_runs(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    urls = publish(publisher, 2)
    subscribe(newsreel, urls[:1])

    with newsreel.start("run") as service:
        await asyncio.to_thread(events_of, service, "polled")
        await asyncio.to_thread(subscribe, newsreel, urls[1:])
        (event,) = await asyncio.to_thread(events_of, service, "polled")
        service.terminate()
        service.communicate(timeout=30)

    assert event["url"] == urls[1]


async def test_a_poll_that_is_killed_is_wholly_in_or_wholly_out(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    subscribe(newsreel, publish(publisher, 12))
    stored: Counter[int] = Counter()
    for round_, requests in enumerate((3, 11, 1, 7)):
        publish(publisher, 12, day=f"-{round_}")
        count = len(publisher.requests) + requests
        with newsreel.start("poll", "--all") as poll:
            await publisher.wait_for(count)
            poll.kill()
            poll.communicate()

        counts = "SELECT feed_id, count(*) FROM entries GROUP BY feed_id"
        entries = Counter({row[0]: row[1] for row in rows_of(newsreel, counts)})
        sums = "SELECT feed_id, sum(new) FROM polls GROUP BY feed_id"
        logged = {row[0]: row[1] for row in rows_of(newsreel, sums)}
        wordings = rows_of(newsreel, "SELECT count(*) FROM revisions")[0][0]
        assert {count % 5 for count in entries.values()} <= {0}
        assert entries == logged
        assert entries.total() == wordings
        assert not stored - entries
        stored = entries

    done = newsreel("poll", "--all")

    (totals,) = rows_of(newsreel, "SELECT count(*), count(DISTINCT identity) FROM entries")
    last = rows_of(newsreel, "SELECT count(*) FROM entries WHERE identity LIKE '%-3'")
    assert done.returncode == 0
    assert totals[0] == totals[1]
    assert last == [(60,)]
    assert newsreel.json("status")["days_to_write"] == 0


async def test_a_round_that_is_interrupted_leaves_nothing_leased(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    subscribe(newsreel, [*publish(publisher, 2), publisher.answer("/hang", hang())])
    with newsreel.start("poll") as poll:
        await publisher.wait_for(3)
        poll.send_signal(signal.SIGINT)
        _, told = poll.communicate(timeout=30)
    publisher.put("/hang", rss([item("x")]))

    done = newsreel("poll")

    assert (poll.returncode, told.strip()) == (130, "stopped")
    assert done.stderr.startswith("polled 1 feeds: 1 new entries")


@pytest.mark.parametrize(
    "arguments", [["feeds"], ["feeds", "--json"], ["show", "1"]], ids=" ".join
)
def test_a_reader_that_hangs_up_is_no_fault_of_ours(
    newsreel: Newsreel, publisher: Publisher, arguments: list[str]
) -> None:
    subscribe(newsreel, publish(publisher, 1))

    with newsreel.start(*arguments) as listing:
        assert listing.stdout is not None
        listing.stdout.close()
        assert listing.stderr is not None
        told = listing.stderr.read()

    assert (listing.returncode, told) == (1, "")


def test_two_rounds_at_once_double_nothing(newsreel: Newsreel, publisher: Publisher) -> None:
    subscribe(newsreel, publish(publisher, 25))

    with newsreel.start("poll") as first, newsreel.start("poll") as second:
        told = [process.communicate(timeout=60)[1] for process in (first, second)]

    assert (first.returncode, second.returncode) == (0, 0), told
    assert set(Counter(seen.path for seen in publisher.requests).values()) == {1}
    assert rows_of(newsreel, "SELECT count(*), count(DISTINCT identity) FROM entries") == [
        (125, 125)
    ]
    assert rows_of(newsreel, "SELECT count(*) FROM polls") == [(25,)]
    assert newsreel.json("status")["days_to_write"] == 0


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, newsreel.cli as c\ntry: c.main()\nfinally: print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True
    )

    modules = set(done.stdout.splitlines()[-1].split())
    assert "newsreel.cli.main" in modules
    assert modules.isdisjoint(HEAVY)


def test_every_command_that_help_lists_is_there() -> None:
    done = subprocess.run([NEWSREEL, "--help"], capture_output=True, text=True, check=True)

    listed = done.stdout.partition("Commands:\n")[2]
    names = re.findall(r"^  (\S+)  ", listed, re.MULTILINE)
    assert len(names) >= 18
    for name in names:
        told = subprocess.run(
            [NEWSREEL, name, "--help"], capture_output=True, text=True, check=True
        )
        assert told.stdout.startswith("Usage: newsreel")
