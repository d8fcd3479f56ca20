"""What is secret in a feed's address is found in nothing that leaves the machine."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import Newsreel
from polled_world import item, rss
from publisher import Publisher, fail, redirect, reset

TOKENS = {
    "user": "quill-pen-4711",
    "token": "4f9d8a7b6c5e4d3c2b1a",
    "key": "Zk3vT9qLw2XbN7pR5s",
    "path": "a8Kq2ZxW9vTn4LbY7cRd1MfG",
    "dead": "deadbeef5fa3c81e9d72",
    "lost": "9c1f0e7d6b5a4f3e2d1c",
    "moved": "m0v3d7k2q9x4z8w1v5t6",
    "loop": "l00p5a1b2c3d4e5f6a7b",
    "cut": "c07f3e2d1b0a9f8e7d6c",
    "page": "p4ge9f8e7d6c5b4a3f2e",
}


@pytest.fixture
def newsreel(tmp_path: Path) -> Newsreel:
    return Newsreel(tmp_path)


@pytest.fixture
def urls() -> Iterator[list[str]]:
    """Feeds with secrets in their addresses, in every state that a feed can be in."""
    with Publisher() as publisher:

        def secret(name: str, path: str) -> str:
            return f"/{path}?token={TOKENS[name]}"

        body = rss([item("a", link="/n/1"), item("b")], title="The Press")
        nameless = rss([item("c", link="n/2")], title="")
        moved = secret("moved", "moved.xml")
        publisher.put("/user.xml", nameless)
        publisher.put(secret("token", "token.xml"), body)
        publisher.put(f"/key.xml?apikey={TOKENS['key']}", nameless)
        publisher.put(f"/feeds/{TOKENS['path']}/news.xml", nameless)
        publisher.answer(secret("dead", "dead.xml"), fail(500))
        publisher.put(secret("lost", "lost.xml"), "<html>no feed</html>")
        publisher.answer(secret("moved", "old.xml"), redirect(moved))
        publisher.put(moved, nameless)
        publisher.answer(secret("loop", "loop.xml"), redirect(secret("loop", "loop.xml")))
        publisher.answer(secret("cut", "cut.xml"), reset())
        link = f'<link rel="alternate" type="application/rss+xml" href="{moved}">'
        publisher.put(secret("page", "page"), f"<html><head>{link * 2}</head></html>")
        paths = [
            secret("token", "token.xml"),
            f"/key.xml?apikey={TOKENS['key']}",
            f"/feeds/{TOKENS['path']}/news.xml",
            secret("dead", "dead.xml"),
            secret("lost", "lost.xml"),
            secret("moved", "old.xml"),
            secret("loop", "loop.xml"),
            secret("cut", "cut.xml"),
            secret("page", "page"),
        ]
        user = publisher.url("/user.xml").replace("http://", f"http://ada:{TOKENS['user']}@")
        yield [user, *map(publisher.url, paths)]


def assert_unspoken(newsreel: Newsreel) -> None:
    for name, token in TOKENS.items():
        for told in newsreel.told:
            assert token not in told, f"{name}: {told}"


def test_no_output_and_no_public_file_holds_a_secret(newsreel: Newsreel, urls: list[str]) -> None:
    listing = newsreel.home / "feeds.txt"
    listing.write_text("\n".join(urls))

    newsreel("add", *urls[:-1])
    newsreel("add", urls[-1])
    newsreel("import", listing)
    for url in urls[:2]:
        newsreel("show", url)
        newsreel("show", url + "&nothing=there")
    for _ in range(3):
        newsreel("poll", "--all")
    for command in ("feeds", "log", "status", "days"):
        newsreel(command)
        newsreel(command, "--json")
    for number in range(1, len(urls) + 1):
        found = newsreel("show", number, "--json")
        for entry in json.loads(found.stdout)["newest"][:1]:
            newsreel("show", entry["id"])
            newsreel("show", entry["id"], "--json")
    newsreel("edit", "1", "--folder", "Secrets")
    newsreel("export", "--all")
    newsreel("export-opml")
    newsreel("remove", "1")
    with newsreel.start("run") as service:
        assert service.stderr is not None
        newsreel.told.append(service.stderr.readline())
        service.terminate()
        newsreel.told += service.communicate(timeout=30)

    feeds = newsreel.json("feeds", "--all")
    assert_unspoken(newsreel)
    assert len(feeds) >= len(urls) - 1
    assert all(feed["private"] for feed in feeds)
    for file in newsreel.archive.rglob("*"):
        assert not any(token in file.name for token in TOKENS.values())
        if file.is_file():
            assert not any(token.encode() in file.read_bytes() for token in TOKENS.values())
            assert b"127.0.0.1" not in file.read_bytes()


def test_private_feeds_have_a_tree_of_their_own(newsreel: Newsreel, urls: list[str]) -> None:
    newsreel.environment["NEWSREEL_PRIVATE_ARCHIVE"] = str(newsreel.home / "own")
    newsreel("add", urls[1])

    newsreel("poll", "--all")

    assert list((newsreel.home / "own").glob("*/*/*/*_entries.md"))
    assert not list(newsreel.archive.glob("*/*/*/*_entries.md"))
    assert_unspoken(newsreel)


def test_a_released_feed_is_public_and_a_hidden_one_leaves_the_archive(
    newsreel: Newsreel, urls: list[str]
) -> None:
    newsreel("add", urls[3])
    newsreel("edit", "1", "--public")
    newsreel("export")
    released = list(newsreel.archive.glob("*/*/*/*_entries.md"))

    newsreel("edit", "1", "--private")
    newsreel("export")

    assert len(released) == 1
    assert not list(newsreel.archive.glob("*/*/*/*_entries.*"))


ASKED = {
    "header": "h34d3r9f8e7d6c5b4a",
    "other header": "x7y6z5w4v3u2t1s0r9",
    "agent": "agreed-4g3nt8c7b6a5",
    "name of the user": "ada-l0v3l4c3-9182",
    "password": "p4ssw0rd7f6e5d4c3b",
    "proxy": "pr0xy1a2b3c4d5e6f7",
    "usual proxy": "usu4lpr0xy9z8y7x6w",
}


def assert_nowhere(newsreel: Newsreel, root: Path) -> None:
    files = [file for file in root.rglob("*") if file.is_file()]
    for name, token in ASKED.items():
        assert not any(token in told for told in newsreel.told), name
        assert not any(token.encode() in file.read_bytes() for file in files), name
        assert not any(token in str(file) for file in files), name


@pytest.fixture
def asked(newsreel: Newsreel) -> list[str]:
    """Options for a feed that is asked for with all there is."""
    home = newsreel.home
    (home / "headers").write_text(
        f"X-Api-Key: {ASKED['header']}\nCookie: id={ASKED['other header']}\n"
    )
    (home / "password").write_text(f"{ASKED['password']}\n")
    (home / "proxy").write_text(f"http://ada:{ASKED['proxy']}@127.0.0.1:1")
    newsreel.environment["NEWSREEL_PROXY"] = f"http://ada:{ASKED['usual proxy']}@127.0.0.1:1"
    files = [
        f"--{name}-file={home / file}"
        for name, file in (("header", "headers"), ("password", "password"), ("proxy", "proxy"))
    ]
    return [*files, "--user-agent", ASKED["agent"], "--user", ASKED["name of the user"]]


def test_what_a_feed_is_asked_with_stands_in_the_database_alone(
    newsreel: Newsreel, asked: list[str]
) -> None:
    with Publisher() as publisher:
        url = publisher.put("/open.xml", rss([item("a")], title="The Gate"))
        down = publisher.answer("/down.xml", fail(500))
        publisher.answer("/away.xml", redirect("http://paper.example/feed"))
        newsreel("add", url, *asked)
        newsreel("edit", "1", "--public")
        newsreel("add", publisher.put("/other.xml", rss([item("b")], title="Other")), *asked)
        newsreel("add", down, *asked)
        newsreel("add", publisher.url("/away.xml"), *asked)
        seen = publisher.requests_for("/open.xml")[0]
        publisher.put("/open.xml", rss([item("a"), item("c")], title="The Gate"))
        publisher.answer("/other.xml", redirect("http://paper.example/feed"))
        newsreel("edit", "2", "--user", "", "--no-headers")
        for _ in range(2):
            newsreel("poll", "--all")
        for command in ("feeds", "log", "status", "days"):
            newsreel(command)
            newsreel(command, "--json")
        for number in (1, 2):
            for command in ("show", "doctor"):
                newsreel(command, number)
                newsreel(command, number, "--json")
        newsreel("edit", "1", "--header", f"Authorization: {ASKED['header']}")
        newsreel("edit", "1", "--proxy", f"http://a:{ASKED['proxy']}@127.0.0.1:1")
        newsreel("edit", "1", "--user", "ada")
        newsreel("edit", "1", "--proxy-file", newsreel.home / "password")
        newsreel("edit", "1", "--header-file", newsreel.home / "password")
        newsreel("export", "--all")
        newsreel("export-opml", "--private")
        newsreel("export-opml", "--private", newsreel.home / "archive" / "feeds.opml")
        newsreel("remove", "1")

    assert seen.headers["x-api-key"] == ASKED["header"]
    assert seen.headers["authorization"].startswith("Basic ")
    assert seen.headers["user-agent"] == ASKED["agent"]
    feeds = {feed["id"]: feed for feed in newsreel.json("feeds", "--all")}
    assert feeds[1]["asked_with"] == ["headers", "user agent", "proxy", "user"]
    assert feeds[2]["asked_with"] == ["user agent", "proxy"]
    assert {number: feed["private"] for number, feed in feeds.items()} == {1: False, 2: True}
    assert list((newsreel.home / "captures" / "public").rglob("*.warc*"))
    assert_nowhere(newsreel, newsreel.archive)
    assert_nowhere(newsreel, newsreel.home / "captures")
    assert ASKED["password"].encode() in newsreel.database.read_bytes()
    assert newsreel.database.stat().st_mode & 0o077 == 0
