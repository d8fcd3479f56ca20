import json
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator

from command_line import Newsreel
from newsreel.app.captures import Captures, captures_of, days_of, sound, trees_in
from newsreel.app.poll import take_in
from newsreel.errors import LeaseLost
from newsreel.formats.warc import feed_key
from newsreel.model.capture import Capture
from newsreel.model.feed import Feed
from polled_world import PRESS, World, item, rss
from publisher import Publisher, fail, redirect, truncated

TOKEN = "4f9d8a7b6c5e4d3c2b1a"
WARCIO = Path(sys.executable).with_name("warcio")


@pytest.fixture
def newsreel(tmp_path: Path) -> Newsreel:
    return Newsreel(tmp_path)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as found:
        yield found


def warcs(newsreel: Newsreel, tree: str = "public") -> list[Path]:
    return sorted((newsreel.home / "captures" / tree).glob("*.warc.gz"))


def lines(newsreel: Newsreel, tree: str = "public") -> list[dict[str, Any]]:
    paths = sorted((newsreel.home / "captures" / tree).glob("*.cdxj"))
    return [json.loads(row.split(" ", 2)[2]) for p in paths for row in p.read_text().splitlines()]


def records(newsreel: Newsreel, tree: str = "public") -> list[tuple[str, Any, bytes]]:
    found = []
    for path in warcs(newsreel, tree):
        with path.open("rb") as file:
            for record in ArchiveIterator(file):
                kind, head = record.rec_type, record.http_headers
                found.append((kind, head, record.content_stream().read()))
    return found


def offset_in(line: bytes) -> int:
    return int(json.loads(line.split(b" ", 2)[2])["offset"])


def assert_sound(newsreel: Newsreel) -> None:
    """What warcio says of each file, and of each place that an index names."""
    for tree in ("public", "private"):
        for path in warcs(newsreel, tree):
            done = subprocess.run([WARCIO, "check", path], capture_output=True, check=False)
            assert (done.returncode, done.stdout) == (0, b""), done.stdout
    for row in lines(newsreel):
        with (newsreel.home / "captures/public" / row["filename"]).open("rb") as file:
            file.seek(int(row["offset"]))
            record = next(iter(ArchiveIterator(file)))
            assert record.rec_headers.get_header("WARC-Target-URI") == row["url"]
            assert record.rec_headers.get_header("WARC-Payload-Digest") == row["digest"]


def test_a_changed_body_is_kept_whole_and_an_unchanged_one_as_a_revisit(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    first, second = rss([item("a")]), rss([item("a"), item("b")])
    url = publisher.put("/feed.xml", first, encoding="gzip")
    newsreel("add", url)
    newsreel("poll", "--all")
    publisher.put("/feed.xml", second, etag=None)
    newsreel("poll", "--all")
    newsreel("poll", "--all")

    assert_sound(newsreel)
    kinds = [kind for kind, _, _ in records(newsreel)]
    exchange = ["request", "response", "revisit"]
    assert kinds == ["warcinfo", *exchange, *exchange]
    assert [body for kind, _, body in records(newsreel) if kind == "response"] == [first, second]
    kept = sorted((row["kind"], row["status"]) for row in lines(newsreel))
    assert kept == [
        ("identical-payload-digest", "200"),
        ("response", "200"),
        ("response", "200"),
        ("server-not-modified", "304"),
    ]


def test_the_head_of_an_answer_says_what_was_undone(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    body = rss([item("a")])
    newsreel("add", publisher.put("/feed.xml", body, encoding="gzip", headers={"X-Kept": "1"}))

    (head,) = [head for kind, head, _ in records(newsreel) if kind == "response"]

    assert head.get_header("X-Archive-Orig-Content-Encoding") == "gzip"
    assert head.get_header("Content-Encoding") is None
    assert head.get_header("Content-Length") == str(len(body))
    assert head.get_header("X-Kept") == "1"


def test_the_digest_of_a_revision_finds_its_capture(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.put("/feed.xml", rss([item("a")])))
    newsreel("export")
    (page,) = newsreel.archive.rglob("*_entries.json")
    (entry,) = json.loads(page.read_text())
    (revision,) = entry["revisions"]

    (row,) = lines(newsreel)
    assert row["digest"] == "sha256:" + revision["capture"]


def test_no_password_is_kept_and_private_feeds_stay_apart(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    plain = publisher.put("/user.xml", rss([item("a")]))
    user = plain.replace("http://", "http://ada:quill-pen-4711@")
    newsreel("add", user, publisher.put(f"/s.xml?token={TOKEN}", rss([item("b")])))
    sent = publisher.requests_for("/user.xml")[-1].headers["authorization"]

    private = b"".join(body for _, _, body in records(newsreel, "private"))
    told = private + b"".join(str(head).encode() for _, head, _ in records(newsreel, "private"))
    assert sent.encode() not in told
    assert b"Authorization: redacted" in told
    assert b"quill-pen-4711" not in told + json.dumps(lines(newsreel, "private")).encode()
    assert not (newsreel.home / "captures/public").exists()
    assert (newsreel.home / "captures/private").stat().st_mode & 0o777 == 0o700
    assert len(lines(newsreel, "private")) == 2


def test_a_public_feed_that_leads_to_a_secret_address_is_kept_apart(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    secret = f"/s.xml?token={TOKEN}"
    publisher.put(secret, rss([item("b")]))
    newsreel("add", publisher.answer("/feed.xml", redirect(secret, 302)))

    assert not (newsreel.home / "captures/public").exists()
    assert len(lines(newsreel, "private")) == 1


def test_what_is_no_feed_is_kept_once_and_errors_not_at_all(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.put("/a.xml", rss([item("a")])))
    newsreel("add", publisher.put("/b.xml", rss([item("b")])))
    publisher.put("/a.xml", "<html>log in: 1</html>")
    publisher.answer("/b.xml", fail(500))
    newsreel("poll", "--all")
    publisher.put("/a.xml", "<html>log in: 2</html>")
    newsreel("poll", "--all")

    bodies = [body for kind, _, body in records(newsreel) if kind == "response"]
    assert bodies[2:] == [b"<html>log in: 1</html>"]


def test_a_body_that_breaks_off_is_kept_as_far_as_it_came(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    body = rss([item("a"), item("b")])
    newsreel("add", publisher.answer("/feed.xml", truncated(body, len(body) - 40)))

    assert_sound(newsreel)
    (kept,) = [body for kind, _, body in records(newsreel) if kind == "response"]
    assert kept == body[: len(body) - 40]


def test_captures_can_be_turned_off(newsreel: Newsreel, publisher: Publisher) -> None:
    url = publisher.put("/feed.xml", rss([item("a")]))

    newsreel("--captures", "off", "add", url)

    assert not (newsreel.home / "captures").exists()


def test_a_directory_that_cannot_be_written_is_told_of_and_costs_no_poll(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    (newsreel.home / "captures").write_text("a file is in the way")

    done = newsreel("add", publisher.put("/feed.xml", rss([item("a")])))

    assert "captures are not kept" in done.stderr
    assert "1 entries" in done.stderr


def test_over_the_budget_the_oldest_go_first_and_are_listed(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel.environment["NEWSREEL_CAPTURES_BUDGET"] = "9000"
    newsreel("add", publisher.put("/feed.xml", rss([item("a")])))
    told = []
    for number in range(8):
        publisher.put("/feed.xml", rss([item("a", summary=str(number))]))
        told.append(newsreel("poll", "--all").stderr)

    tree = newsreel.home / "captures/public"
    dropped = [json.loads(line) for line in (tree / "dropped.jsonl").read_text().splitlines()]
    assert "dropped the oldest captures" in "".join(told)
    begun = [row["file"][: len("2026-03-04-080000")] for row in dropped]
    assert begun == sorted(begun)  # within a second, the rest of the name is drawn
    assert not {row["file"] for row in dropped} & {path.name for path in warcs(newsreel)}
    assert sum(path.stat().st_size for path in tree.glob("*-*")) <= 9000
    assert rss([item("a", summary="7")]) in [body for _, _, body in records(newsreel)]
    assert_sound(newsreel)


def test_what_a_killed_process_left_is_put_in_order(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    newsreel("add", publisher.put("/feed.xml", rss([item("a")])))
    publisher.put("/feed.xml", rss([item("b")]))
    newsreel("poll", "--all")
    (path,) = warcs(newsreel)
    index = path.with_name(path.name.replace(".warc.gz", ".cdxj"))
    before = path.read_bytes()
    rows = sorted(index.read_bytes().splitlines(keepends=True), key=offset_in)
    path.with_name(path.name + ".open").write_bytes(before + before[:700])
    index.with_name(index.name + ".open").write_bytes(rows[0] + rows[1][:40])
    path.unlink()
    index.unlink()

    publisher.put("/feed.xml", rss([item("c")]))
    newsreel("poll", "--all")

    assert_sound(newsreel)
    assert len(lines(newsreel)) == 3
    assert [path.name for path in (newsreel.home / "captures").rglob("*.open")] == []
    assert warcs(newsreel)[0].read_bytes().startswith(before)


async def test_a_feed_that_is_deleted_while_it_is_polled_leaves_no_capture(
    world: World, tmp_path: Path
) -> None:
    told: list[str] = []
    captures = Captures(tmp_path, budget=10**9, clock=world.clock, notify=told.append)
    kept, gone = await world.feed("https://press.example/a"), await world.feed(PRESS)

    async def take(feed: Feed, *names: str) -> None:
        body = rss(map(item, names))
        answer = Capture(
            url=feed.url,
            final_url=feed.url,
            fetched_at=world.now,
            status=200,
            body=body,
            digest=sha256(body).digest(),
        )
        await take_in(feed, answer, world.store, clock=world.clock, keep=captures.keep)

    (leased,) = await world.lease(kept)
    await take(leased, "a")
    (leased,) = await world.lease(gone)
    await world.store.purge_feed(gone.id)
    with pytest.raises(LeaseLost):
        await take(leased, "b")
    world.later()
    (leased,) = await world.lease(kept, is_forced=True)
    await take(leased, "a", "c")
    await captures.close()

    trees = trees_in(tmp_path)
    found = [one for day in days_of(trees) for one in captures_of(trees, day)]
    assert [one.line.feed for one in found] == [feed_key(kept.first_url)] * 2
    assert all(sound(one).capture.body for one in found)
    assert told == []
