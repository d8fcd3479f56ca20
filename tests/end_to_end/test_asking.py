"""How a feed is asked for, where that differs from the settings."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import Newsreel
from polled_world import item, rss
from proxy import TestProxy
from publisher import Publisher, fail, redirect

BASIC = "Basic YWRhOmzDtnZlbGFjZQ=="  # ada:lövelace, in UTF-8


@pytest.fixture
def newsreel(tmp_path: Path) -> Newsreel:
    (tmp_path / "password").write_text("l\u00f6velace\r\nnot this line")
    (tmp_path / "headers").write_text("X-Key: one\n\nX-Other: two: three\n")
    return Newsreel(tmp_path)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        publisher.put("/feed.xml", rss([item("a")], title="The Gate"))
        yield publisher


def added(newsreel: Newsreel, publisher: Publisher) -> None:
    assert newsreel("add", publisher.url("/feed.xml")).returncode == 0


def last_asked(newsreel: Newsreel, publisher: Publisher) -> dict[str, str]:
    newsreel("poll", "1")
    return dict(publisher.requests[-1].headers)


def test_headers_are_sent_until_they_are_dropped(newsreel: Newsreel, publisher: Publisher) -> None:
    added(newsreel, publisher)

    newsreel("edit", "1", "--header", "X-First: 1", "--header-file", newsreel.home / "headers")
    asked = last_asked(newsreel, publisher)
    newsreel("edit", "1", "--no-headers")
    then = last_asked(newsreel, publisher)

    assert (asked["x-first"], asked["x-key"], asked["x-other"]) == ("1", "one", "two: three")
    assert not {"x-first", "x-key", "x-other"} & then.keys()


def test_a_header_takes_the_place_of_ours(newsreel: Newsreel, publisher: Publisher) -> None:
    added(newsreel, publisher)

    newsreel("edit", "1", "--header", "accept: text/xml", "--user-agent", "Quill/2")
    asked = last_asked(newsreel, publisher)
    newsreel("edit", "1", "--user-agent", "")

    assert (asked["accept"], asked["user-agent"]) == ("text/xml", "Quill/2")
    assert last_asked(newsreel, publisher)["user-agent"].startswith("Newsreel/")


def test_user_and_password_are_sent_until_they_are_dropped(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    added(newsreel, publisher)

    newsreel("edit", "1", "--user", "ada", "--password-file", newsreel.home / "password")
    asked = last_asked(newsreel, publisher)
    newsreel("edit", "1", "--user", "")

    assert asked["authorization"] == BASIC
    assert "authorization" not in last_asked(newsreel, publisher)


def test_a_password_is_read_from_standard_input(newsreel: Newsreel, publisher: Publisher) -> None:
    arguments = ("--user", "ada", "--password-file", "-")
    newsreel("add", publisher.url("/feed.xml"), *arguments, answer="l\u00f6velace\n")

    assert publisher.requests[-1].headers["authorization"] == BASIC


def test_a_password_is_asked_for_at_a_terminal_and_not_shown(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    added(newsreel, publisher)
    ours, theirs = os.openpty()
    with newsreel.start("edit", "1", "--user", "ada", stdin=theirs) as command:
        assert command.stderr is not None
        told = ""
        while not told.endswith("Password of ada: "):
            told += (letter := command.stderr.read(1))
            assert letter, told
        os.write(ours, "l\u00f6velace\n".encode())
        out, rest = command.communicate(timeout=60)
    os.set_blocking(ours, False)
    with pytest.raises(BlockingIOError):  # the terminal shows nothing of it
        os.read(ours, 1)
    os.close(ours)
    os.close(theirs)

    assert command.returncode == 0
    assert "velace" not in told + out + rest
    assert last_asked(newsreel, publisher)["authorization"] == BASIC


def test_without_a_terminal_nobody_is_asked_for_a_password(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    added(newsreel, publisher)

    done = newsreel("edit", "1", "--user", "ada")

    assert done.returncode == 2
    assert "--password-file" in done.stderr


def test_a_proxy_is_asked_until_it_is_dropped(newsreel: Newsreel, publisher: Publisher) -> None:
    with TestProxy({"paper.example": ("127.0.0.1", publisher.port)}) as proxy:
        newsreel("add", "http://paper.example/feed.xml", "--proxy", proxy.url)
        newsreel("poll", "1")
        (newsreel.home / "proxy").write_text("http://ada:l%20c@" + proxy.url[7:])
        newsreel("edit", "1", "--proxy-file", newsreel.home / "proxy")
        newsreel("poll", "1")
        count = len(proxy.heads)
        newsreel("edit", "1", "--proxy", "")
        newsreel("poll", "1")

    assert count == len(proxy.heads) == 3
    assert b"Proxy-Authorization: Basic YWRhOmwgYw==" in proxy.heads[2]
    assert newsreel.json("feeds")[0]["private"] is False


def test_a_feed_that_is_asked_with_a_credential_turns_private_until_it_is_released(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    added(newsreel, publisher)
    newsreel("export")
    was_public = list(newsreel.archive.glob("*/*/*/*_entries.md"))

    done = newsreel("edit", "1", "--header", "X-Mark: one")
    left = list(newsreel.archive.glob("*/*/*/*_entries.md"))
    newsreel("edit", "1", "--public")
    newsreel("edit", "1", "--header", "X-Mark: two")

    assert was_public
    assert "so it is private now" in done.stderr
    assert not left
    assert newsreel.json("feeds")[0]["private"] is False


def test_what_a_feed_is_asked_with_goes_to_its_origin_alone(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    with Publisher("127.0.0.2") as other:
        target = other.put("/feed.xml", rss([item("a")], title="The Gate"))
        url = publisher.answer("/moved.xml", redirect(target, 301))
        newsreel("add", url, "--header", "X-Mark: s3cr3t", "--user-agent", "agreed")
        for _ in range(6):
            newsreel("poll", "1")

        assert len(publisher.requests_for("/moved.xml")) == 7
        assert all(b"s3cr3t" in seen.raw for seen in publisher.requests_for("/moved.xml"))
        assert len(other.requests) == 7
        assert not any(b"s3cr3t" in seen.raw or b"agreed" in seen.raw for seen in other.requests)
    assert newsreel.json("feeds")[0]["url"] == url


def test_a_page_passes_no_credential_on_to_another_sites_feed(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    with Publisher("127.0.0.2") as other:
        links = [publisher.url("/feed.xml"), other.put("/feed.xml", rss([item("a")]))]
        page = "".join(
            f'<link rel="alternate" type="application/rss+xml" href="{link}">' for link in links
        )
        url = publisher.put("/", f"<html><head>{page}</head></html>", content_type="text/html")

        done = newsreel("add", url, "--all", "--header", "X-Mark: s3cr3t")

        assert done.returncode == 1
        assert "announces a feed of another site" in done.stderr
        assert not other.requests
    assert publisher.requests_for("/feed.xml")[0].headers["x-mark"] == "s3cr3t"


def test_credentials_are_for_one_feed(newsreel: Newsreel, publisher: Publisher) -> None:
    url = publisher.url("/feed.xml")

    done = newsreel("add", url, url + "?2", "--header", "X-Mark: s3cr3t")

    assert done.returncode == 2
    assert not publisher.requests


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--header", "Authorization: s3cr3t"], "--header-file"),
        (["--header", "Cookie: s3cr3t"], "--header-file"),
        (["--header", "X-Api-Key: s3cr3t"], "--header-file"),
        (["--header", "X-s3cr3t"], "no colon"),
        (["--header", "X Key: s3cr3t"], "not a header"),
        (["--header", "X: a\nb: s3cr3t"], "not a header"),
        (["--header", "X: \u20ac s3cr3t"], "not a header"),
        (["--header", "Host: paper.example"], "written by Newsreel itself"),
        (["--header", "Proxy-Connection: s3cr3t"], "written by Newsreel itself"),
        (["--user-agent", "a\nb"], "not a header"),
        (["--proxy", "http://ada:s3cr3t@proxy.lan:1"], "--proxy-file"),
        (["--proxy", "proxy.lan"], "http://host:port"),
        (["--password-file", "password"], "nobody to use it"),
        (["--user", "a:b", "--password-file", "password"], "colon"),
        (["--user", "ada", "--password-file", "missing"], "can't be read"),
        (["--header-file", "-", "--proxy-file", "-"], "both"),
    ],
)
def test_what_can_not_be_meant_is_refused_and_no_secret_repeated(
    newsreel: Newsreel, publisher: Publisher, arguments: list[str], told: str
) -> None:
    added(newsreel, publisher)

    done = newsreel("edit", "1", *arguments)

    assert done.returncode == 2
    assert told in done.stderr
    assert "s3cr3t" not in done.stderr
    assert newsreel.json("feeds")[0]["asked_with"] == []


def test_a_password_that_is_not_taken_is_told(newsreel: Newsreel, publisher: Publisher) -> None:
    url = publisher.answer("/closed.xml", fail(401, WWW_Authenticate="Basic"))

    done = newsreel("add", url, "--user", "ada", "--password-file", newsreel.home / "password")

    assert done.returncode == 1
    assert "401" in done.stderr
    assert "velace" not in done.stderr
