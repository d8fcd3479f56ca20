"""`newsreel doctor`: what it polls, what it leaves alone, and what it says of both."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from command_line import Newsreel
from newsreel.app.doctor import Diagnosis, examine_feed
from newsreel.cli.doctor import told
from newsreel.cli.doctor_report import report_of
from newsreel.fetch.client import Client, FetchPolicy
from newsreel.model.feed import Feed
from polled_world import DAY, HOUR, World, item, rss
from proxy import TestProxy
from publisher import Publisher, fail, redirect

CERTIFICATE = Path(__file__).parent / "publisher.pem"
OPEN = FetchPolicy(allow_private=("127.0.0.0/8",))
TOKEN = "4f9d8a7b6c5e4d3c2b1a"


@pytest.fixture
def newsreel(tmp_path: Path) -> Newsreel:
    return Newsreel(tmp_path)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        yield publisher


def body_of(*names: str, extra: str = "") -> str:
    return (
        rss(item(name) for name in names)
        .decode()
        .replace("</title><item", f"</title>{extra}<item", 1)
    )


def asked(publisher: Publisher) -> int:
    return len(publisher.requests)


@dataclass
class Practice:
    """A world whose feeds are examined at its own time."""

    world: World

    async def examine(self, feed: Feed) -> Diagnosis:
        async with Client(OPEN, clock=self.world.clock) as client:
            feed = await self.world.again(feed)
            return await examine_feed(feed, self.world.store, client, clock=self.world.clock)

    async def report(self, feed: Feed) -> dict[str, Any]:
        return report_of(await self.examine(feed), OPEN.allow_private)


@pytest.fixture
def practice(world: World) -> Practice:
    return Practice(world)


def test_a_poll_is_told_from_the_address_to_the_next_poll(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    url = publisher.put("/feed.xml", body_of("a", "b"), encoding="gzip")
    newsreel("add", url)
    publisher.put("/feed.xml", body_of("b", "c"), encoding="gzip")

    done = newsreel("doctor", "The Press")

    assert done.returncode == 0
    for part in (
        "The Press (feed 1)",
        "127.0.0.1: this machine itself (loopback); opened by allow_private, which answered",
        "> GET /feed.xml HTTP/1.1",
        "> User-Agent: Newsreel/",
        "> If-None-Match: ",
        "< HTTP/1.1 200 -",
        "< Content-Encoding: gzip",
        "utf-8",
        "1 stood there at the last poll too",
        "entries are told apart by their guids",
        "the feed's own rhythm",
    ):
        assert part in done.stdout
    report = newsreel.json("doctor", url)
    assert report["answer"]["outcome"] == "not-modified"
    assert newsreel.json("feeds")[0]["entries"] == 3
    assert len(newsreel.json("log")) == 3


def test_it_is_a_poll_like_any_other(newsreel: Newsreel, publisher: Publisher) -> None:
    newsreel.environment["NEWSREEL_CAPTURES"] = str(newsreel.home / "captures")
    newsreel("add", publisher.put("/feed.xml", body_of("a")))
    publisher.put("/feed.xml", body_of("a", "b"))

    report = newsreel.json("doctor", "1")

    entries = report["entries"]
    assert (entries["in_feed"], entries["new"], entries["unchanged"]) == (2, 1, 1)
    assert report["validators"]["after"]["etag"] == publisher.etag("/feed.xml")
    assert report["validators"]["before"] != report["validators"]["after"]
    kept = [path.read_bytes() for path in (newsreel.home / "captures").rglob("*.cdxj")]
    assert sum(index.count(b"\n") for index in kept) >= 2


def test_what_nobody_subscribed_to_is_explained_and_not_stored(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    publisher.put("/feed.xml", body_of("a", "b"))
    url = publisher.answer("/old", redirect("/feed.xml"))

    done, report = newsreel("doctor", url), newsreel.json("doctor", url)

    assert done.returncode == 0
    assert "nothing was stored" in done.stdout
    assert [hop["status"] for hop in report["hops"]] == [301, 200]
    assert report["entries"]["new"] == 2
    assert report["moving"]["to"] == publisher.url("/feed.xml")
    assert newsreel.json("feeds", "--all") == []
    with sqlite3.connect(newsreel.database) as connection:
        for table in ("feeds", "polls", "entries", "hosts"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    connection.close()


def test_a_feed_that_may_not_be_polled_now_is_explained_from_what_is_stored(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    url = publisher.put("/feed.xml", body_of("a"))
    newsreel("add", url)
    publisher.answer("/feed.xml", fail(429, Retry_After="3000"))

    first, count = newsreel("doctor", "1"), asked(publisher)
    second = newsreel("doctor", "1")
    report = newsreel.json("doctor", "1")
    beside = newsreel.json("doctor", publisher.url("/other.xml"))

    assert first.returncode == 1
    assert "the host wants fewer requests" in first.stdout
    assert "Retry-After" in first.stdout
    assert second.returncode == 0
    assert "Not polled now: its host asked us to wait until" in second.stdout
    assert "with the validators below" in second.stdout
    assert "backing off: http-429 (1×)" in second.stdout
    assert report["left_alone"]["until"] == report["host"]["closed_until"]
    assert report["next_poll"]["at"] > report["left_alone"]["until"]
    assert beside["left_alone"]["why"].startswith("its host asked us to wait")
    assert asked(publisher) == count


def test_a_host_that_complains_of_a_visitor_is_closed_to_its_feeds(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.put("/feed.xml", body_of("a")))
    publisher.answer("/other.xml", fail(429, Retry_After="3000"))

    newsreel("doctor", publisher.url("/other.xml"))
    count = asked(publisher)
    newsreel("poll", "1")

    assert asked(publisher) == count


@pytest.mark.parametrize(
    ("stop", "state"),
    [(("edit", "1", "--pause"), "paused"), (("remove", "1"), "removed")],
)
def test_a_feed_that_is_not_polled_says_so_and_how_to_resume_it(
    newsreel: Newsreel, publisher: Publisher, stop: tuple[str, ...], state: str
) -> None:
    url = publisher.put("/feed.xml", body_of("a"))
    newsreel("add", url)
    newsreel(*stop)
    count = asked(publisher)

    done = newsreel("doctor", "1")

    assert done.returncode == 0
    assert f"Not polled now: {state}." in done.stdout
    assert "'newsreel edit 1 --resume' polls it again." in done.stdout
    assert "never, as it stands" in done.stdout
    assert asked(publisher) == count


@pytest.mark.parametrize(
    ("answer", "state", "meaning"),
    [
        (fail(404), "backing off: http-404 (1×)", "look for the feed's new one"),
        (fail(410), "gone: the publisher ended it (410)", "polling stops, the archive stays"),
        (fail(500), "backing off: http-500 (1×)", "the server has trouble of its own"),
        (
            fail(403, "<html>who are you?</html>", Content_Type="text/html"),
            "challenged: asked to prove",
            "prove that they are no robots",
        ),
        (redirect("/feed.xml"), "too-many-redirects", "in a circle"),
        (redirect("http://10.0.0.1/"), "refused-address", "a private network; refused"),
        (fail(200, "<html><p>Nothing here.</p></html>"), "not-a-feed", "no feed stands in it"),
    ],
)
def test_what_went_wrong_is_told_in_plain_words(
    newsreel: Newsreel, publisher: Publisher, answer: Any, state: str, meaning: str
) -> None:
    newsreel("add", publisher.put("/feed.xml", body_of("a")))
    publisher.answer("/feed.xml", answer)

    done = newsreel("doctor", "1")

    assert done.returncode == 1
    assert state in done.stdout
    assert meaning in done.stdout


def test_a_certificate_that_is_not_accepted_is_explained(newsreel: Newsreel) -> None:
    with Publisher(certificate=CERTIFICATE) as publisher:
        done = newsreel("doctor", publisher.url("/feed.xml"))

    assert done.returncode == 1
    assert "the site vouches for itself" in done.stdout


def test_the_feeds_that_a_page_announces_are_named(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    link = '<link rel="alternate" type="application/rss+xml" href="/feed.xml">'
    url = publisher.put("/", f"<html><head>{link}</head></html>", content_type="text/html")

    done = newsreel("doctor", url, "--json")

    report = json.loads(done.stdout)
    assert report["announced"] == [publisher.url("/feed.xml")]


def test_what_was_forgiven_and_repaired_is_listed(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    broken = body_of("a").replace("A summary.", "Salt & pepper").replace("&amp;", "&")
    done = newsreel("doctor", publisher.put("/feed.xml", broken))

    assert done.returncode == 0
    assert "Forgiven and repaired" in done.stdout


def test_nothing_secret_is_said(newsreel: Newsreel, publisher: Publisher) -> None:
    publisher.put(
        f"/b?token={TOKEN}",
        body_of("a"),
        headers={"Set-Cookie": f"sid={TOKEN}", "Link": f"</b?token={TOKEN}>; rel=self"},
    )
    publisher.answer(f"/a?token={TOKEN}", redirect(f"/b?token={TOKEN}"))
    url = publisher.url(f"/a?token={TOKEN}").replace("http://", "http://ada:quill-pen-4711@")

    newsreel("doctor", url)
    newsreel("doctor", url, "--json")
    newsreel("add", url)
    newsreel("doctor", "1")
    newsreel("doctor", "1", "--json")

    assert "Authorization: REDACTED" in newsreel.told[0]
    for said in newsreel.told:
        assert TOKEN not in said
        assert "quill-pen-4711" not in said
        assert "YWRhOnF1aWxsLXBlbi00NzEx" not in said


def test_what_a_feed_of_ones_own_is_asked_with_is_not_said(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    headers = {"X-Echo": "you said sesame-4711", "X-Door": "opened for lovelace, of quill-9"}
    newsreel("add", publisher.put("/feed.xml", body_of("a"), headers=headers))
    (newsreel.home / "password").write_text("lovelace")
    (newsreel.home / "headers").write_text("X-Key: sesame-4711\nAccept: text/sesame-4711\n")
    who = ("--user", "ada-b", "--password-file", "password", "--user-agent", "quill-9")
    assert newsreel("edit", "1", "--header-file", "headers", *who).returncode == 0

    newsreel("doctor", "1")
    newsreel("doctor", "1", "--json")

    assert publisher.requests[-1].headers["x-key"] == "sesame-4711"
    assert "> X-Key: REDACTED" in newsreel.told[-4]
    for said in newsreel.told:
        assert "sesame" not in said
        assert "lovelace" not in said
        assert "quill-9" not in said


def test_what_went_through_a_proxy_is_said_to(newsreel: Newsreel, publisher: Publisher) -> None:
    publisher.put("/feed.xml", body_of("a"))
    with TestProxy({"paper.example": ("127.0.0.1", publisher.port)}) as proxy:
        newsreel("add", "http://paper.example/feed.xml", "--proxy", proxy.url)
        done = newsreel("doctor", "1")

    assert done.returncode == 0
    assert "  through a proxy\n  > GET /feed.xml HTTP/1.1\n" in done.stdout


def test_a_page_that_is_read_as_a_feed_is_explained_too(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    rows = "".join(f'<li><a href="/n/{n}">Story number {n}</a></li>' for n in range(5))
    url = publisher.put("/", f"<html><ul>{rows}</ul></html>", content_type="text/html")
    newsreel("add", url, "--entries", "li")

    report = newsreel.json("doctor", "1")

    assert report["answer"]["outcome"] == "not-modified"
    publisher.put("/", "<html><p>rebuilt</p></html>", content_type="text/html")
    assert "selectors of this page find no entry" in newsreel("doctor", "1").stdout


def test_a_title_plays_no_tricks_on_a_terminal(newsreel: Newsreel, publisher: Publisher) -> None:
    url = publisher.put("/feed.xml", body_of("a"), headers={"X-Note": "a\x1b[31mb"})

    done = newsreel("doctor", url)

    assert "X-Note: a [31mb" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("text", ["frobnicate", "99", "ftp://paper.example/feed", "https://"])
def test_what_is_neither_a_feed_nor_an_address_is_wrong_usage(
    newsreel: Newsreel, text: str
) -> None:
    done = newsreel("doctor", text)

    assert done.returncode == 2
    assert "hint: " in done.stderr


async def test_a_window_without_overlap_is_a_gap_and_hurries_the_next_poll(
    practice: Practice, publisher: Publisher
) -> None:
    wish = "<ttl>360</ttl>"
    url = publisher.put("/feed.xml", body_of(*"abcdefghijkl", extra=wish))
    feed = await practice.world.feed(url)
    calm = await practice.report(feed)
    practice.world.later(6 * HOUR)
    publisher.put("/feed.xml", body_of(*"mnopqrstuvwx", extra=wish))

    hurried = await practice.examine(feed)

    report: dict[str, Any] = report_of(hurried, OPEN.allow_private)
    assert calm["next_poll"]["reason"] == "hint"
    assert calm["gaps"] == []
    assert report["entries"]["overlap"] == 0
    assert report["next_poll"]["reason"] == "overlap"
    assert report["next_poll"]["wishes"][0]["effect"].startswith("passed over")
    assert [gap["reason"] for gap in report["gaps"]] == ["no-overlap"]
    assert hurried.feed.next_poll_at is not None
    assert hurried.feed.next_poll_at - practice.world.now < timedelta(hours=1)
    assert any("entries were probably missed" in line for line in told(report))


async def test_wishes_are_said_to_decide_to_be_kept_or_to_be_cut(
    practice: Practice, publisher: Publisher
) -> None:
    body = body_of("a", extra="<ttl>90</ttl><skipHours><hour>3</hour></skipHours>")
    url = publisher.put("/feed.xml", body, headers={"Cache-Control": "max-age=31536000"})

    found = await practice.report(await practice.world.feed(url))

    planned = found["next_poll"]
    assert (planned["reason"], planned["is_capped"]) == ("max-age", True)
    assert {wish["name"]: wish["effect"] for wish in planned["wishes"]} == {
        "ttl": "kept: the wait is longer",
        "max-age or Expires": "decided; cut to 24 hours, the longest wait that is kept",
        "skipHours": "kept: the moment lies outside (3)",
    }


async def test_what_decided_is_told_of_a_feed_that_is_left_alone(
    practice: Practice, publisher: Publisher
) -> None:
    url = publisher.put("/feed.xml", body_of("a"))
    feed = await practice.world.feed(url)
    await practice.world.take(feed, body_of("a").encode())
    publisher.answer("/feed.xml", fail(503, Retry_After="86400"))
    await practice.examine(feed)
    practice.world.later(HOUR)

    found = await practice.report(feed)

    assert found["left_alone"]["why"].startswith("its host asked us to wait until")
    assert found["hops"] == []
    assert found["next_poll"]["reason"] is None
    assert any("the last answer's headers" in line for line in told(found))


async def test_a_failing_feed_is_said_to_be_waited_for_longer_and_longer(
    practice: Practice, publisher: Publisher
) -> None:
    feed = await practice.world.feed(publisher.answer("/feed.xml", fail(404)))
    waits = []
    for _ in range(8):
        found = await practice.examine(feed)
        assert found.plan is not None
        waits.append(found.plan.at - practice.world.now)
        practice.world.now = found.plan.at

    assert all(earlier < later for earlier, later in pairwise(waits[:5]))
    assert DAY <= waits[-1] < DAY + timedelta(minutes=16)
    assert (await practice.world.again(feed)).status == "active"
    report: dict[str, Any] = report_of(found, OPEN.allow_private)
    assert report["state"] == "backing off: http-404 (8×)"
    assert "never given up" in report["next_poll"]["told"]


async def test_where_permanent_redirects_lead_is_counted_until_it_is_believed(
    practice: Practice, publisher: Publisher
) -> None:
    there = publisher.put("/b", body_of("a"))
    feed = await practice.world.feed(publisher.answer("/a", redirect("/b")))
    found = []
    for _ in range(3):
        found.append((await practice.report(feed))["moving"])
        practice.world.later(DAY)

    assert [told["times"] for told in found] == [1, 2, 3]
    assert (await practice.world.again(feed)).url == there
