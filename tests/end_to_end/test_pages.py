"""Pages read as feeds: tried out, subscribed to, polled, read again, rebuilt."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import Newsreel
from publisher import Publisher, redirect

HTML = "text/html; charset=utf-8"
MENU = "".join(f"<li><a href=/section-{n}>The section number {n}</a>" for n in range(12))


def story(number: int, title: str = "The council meets for the {}th time") -> str:
    link = f"/2026/03/{number}/council.html"
    return (
        f"<li class=story><h3><a href={link}>{title.format(number)}</a></h3>"
        f"<p>What was said about the bridge, part {number}.</p>"
        f"<span class=when>{number} March 2026</span></li>"
    )


def page(*stories: str, name: str = "stories") -> str:
    return (
        f"<!doctype html><html lang=en><title>The Town</title><nav><ul>{MENU}</ul></nav>"
        f"<ul class={name}>{''.join(stories)}</ul></html>"
    )


@pytest.fixture
def newsreel(tmp_path: Path) -> Newsreel:
    return Newsreel(tmp_path)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        publisher.put("/town", page(*map(story, (4, 5, 6))), content_type=HTML)
        yield publisher


def subscribe(newsreel: Newsreel, publisher: Publisher) -> None:
    done = newsreel(
        "add", publisher.url("/town"), "--entries", "li.story", "--entry-date", ".when"
    )
    assert done.returncode == 0, done.stderr


def titles(newsreel: Newsreel) -> list[str]:
    return [entry["title"] for entry in newsreel.json("show", "1")["newest"]]


def test_a_page_is_tried_out_and_what_is_proposed_subscribes_to_it(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    tried = newsreel("try-page", publisher.url("/town"))

    assert tried.returncode == 0, tried.stderr
    assert "The council meets for the 5th time" in tried.stdout
    assert "2026-03-05 00:00" in tried.stdout
    assert "The section" not in tried.stdout
    assert newsreel.json("feeds") == []
    command = tried.stderr.partition("subscribe: newsreel ")[2].strip()
    added = newsreel(*shlex.split(command))
    assert added.stderr == "added: 1 The Town, 3 entries\n"
    (feed,) = newsreel.json("feeds")
    assert feed["page_rules"] == {"entries": "li.story", "title": "h3", "date": ".when"}
    assert feed["site_url"] == publisher.url("/town")


def test_a_page_that_robots_may_not_read_is_tried_out_with_a_warning(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    publisher.put("/robots.txt", "User-agent: *\nDisallow: /town", content_type="text/plain")
    told = "the robots.txt of 127.0.0.1 asks robots to leave this alone"

    done = newsreel("try-page", publisher.url("/town"))
    as_json = newsreel.json("try-page", publisher.url("/town"))

    assert done.returncode == 0
    assert "The council meets for the 5th time" in done.stdout
    assert f"note: it would not be polled: {told}\nsubscribe: " in done.stderr
    assert as_json["robots"] == told


def test_where_a_page_that_is_tried_out_leads_to_has_a_robots_txt_too(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    with Publisher() as other:
        other.answer("/town", redirect(publisher.url("/town")))
        assert newsreel.json("try-page", other.url("/town"))["robots"] is None
        publisher.put("/robots.txt", "User-agent: *\nDisallow: /", content_type="text/plain")

        told = newsreel.json("try-page", other.url("/town"))["robots"]

    assert "leave this alone" in told


def test_what_matches_nothing_is_named(newsreel: Newsreel, publisher: Publisher) -> None:
    arguments = ("try-page", publisher.url("/town"), "--entries", ".story", "--date", "time")

    done = newsreel(*arguments)
    told = newsreel.json(*arguments)

    assert done.returncode == 0
    assert "note: --entry-date 'time' matches nothing" in done.stderr
    assert "note: --entry-date 'time' matches nothing" in done.stderr
    assert (told["elements"], told["matched_in"]) == (3, {"date": 0})
    assert told["entries"][0]["permalink"] == publisher.url("/2026/03/4/council.html")
    assert told["entries"][0]["published_at"] is None


@pytest.mark.parametrize("command", ["try-page", "add"])
def test_rules_that_find_nothing_are_told_with_a_hint_and_nothing_is_stored(
    newsreel: Newsreel, publisher: Publisher, command: str
) -> None:
    done = newsreel(command, publisher.url("/town"), "--entries", "article.news")

    assert (done.returncode, done.stdout) == (1, "")
    assert "error: nothing on the page is selected by 'article.news'" in done.stderr
    assert "hint: 'newsreel try-page URL' shows" in done.stderr
    assert newsreel.json("feeds") == []


@pytest.mark.parametrize("body", ["<p>Made by scripts", "", "%PDF-1.7"])
def test_a_page_on_which_nothing_repeats_is_told_so(
    newsreel: Newsreel, publisher: Publisher, body: str
) -> None:
    publisher.put("/town", body, content_type=HTML)

    done = newsreel("try-page", publisher.url("/town"))

    assert done.returncode == 1
    assert "error: nothing on the page repeats as a list of news does" in done.stderr
    assert "hint: " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--entries", "li["), "not a CSS selector, for the entries: 'li['"),
        (("--entries", "li", "--entry-date", "a >"), "not a CSS selector, for the date: 'a >'"),
        (("--entry-date", "time"), "selectors, but none for the entries"),
    ],
)
def test_a_bad_selector_is_refused_before_anything_is_asked(
    newsreel: Newsreel, publisher: Publisher, arguments: tuple[str, ...], told: str
) -> None:
    done = newsreel("add", publisher.url("/town"), *arguments)

    assert done.returncode == 2
    assert told in done.stderr
    assert "hint: " in done.stderr
    assert publisher.requests == []


def test_a_page_that_robots_are_to_leave_alone_is_not_subscribed_to(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    publisher.put("/robots.txt", "User-agent: *\nDisallow: /town", content_type="text/plain")

    done = newsreel("add", publisher.url("/town"), "--entries", "li.story")

    assert done.returncode == 1
    assert "would not be polled: robots" in done.stderr
    assert publisher.requests_for("/town") == []
    assert newsreel.json("feeds") == []


def test_two_lists_of_one_page_are_two_feeds(newsreel: Newsreel, publisher: Publisher) -> None:
    subscribe(newsreel, publisher)

    done = newsreel("add", publisher.url("/town#menu"), "--entries", "nav li")

    assert done.stderr == "added: 2 The Town, 12 entries\n"
    assert "2 not modified" in newsreel("poll", "1", "2").stderr


def test_a_page_that_is_cut_loses_the_entry_in_which_it_was(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    whole = page(*map(story, (4, 5, 6)))
    newsreel.environment["NEWSREEL_MAX_BYTES"] = str(whole.index("for the 6th"))

    done = newsreel("add", publisher.url("/town"), "--entries", "li.story")

    assert done.stderr == "added: 1 The Town, 2 entries\n"
    assert newsreel.json("show", "1")["gaps"][0]["reason"] == "truncated"


def test_a_page_is_asked_for_as_browsers_do_and_conditionally(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    subscribe(newsreel, publisher)

    newsreel("poll", "1")

    first, second = publisher.requests_for("/town")
    assert first.headers["accept"].startswith("text/html,")
    assert second.headers["accept"].startswith("text/html,")
    assert second.headers["if-none-match"] == publisher.etag("/town")


def test_entries_come_and_change_as_those_of_feeds_do(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    subscribe(newsreel, publisher)
    edited = story(6, "The council meets for the {}th and last time")
    publisher.put("/town", page(edited, story(7)), content_type=HTML)

    done = newsreel("poll", "1")

    assert "1 new entries, 1 revised" in done.stderr
    assert "The council meets for the 6th and last time" in titles(newsreel)


def test_rules_that_find_nothing_any_more_are_a_fault_and_a_gap(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    subscribe(newsreel, publisher)
    publisher.put("/town", page("<article><a href=/x>Anew</a></article>"), content_type=HTML)

    newsreel("poll", "1")
    newsreel("poll", "1")

    (feed,) = newsreel.json("feeds")
    assert (feed["fault"], feed["failures"]) == ("no-entries", 2)
    assert feed["entries"] == 3
    assert "no-entries" in newsreel("feeds").stdout


def test_other_rules_read_the_same_page_again_and_call_nothing_an_edit(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    subscribe(newsreel, publisher)

    edited = newsreel("edit", "1", "--entry-title", "p")
    polled = newsreel("poll", "1")

    assert edited.returncode == 0, edited.stderr
    assert "0 new entries, 0 revised" in polled.stderr, polled.stderr
    assert publisher.requests_for("/town")[-1].headers.get("if-none-match") is None
    assert set(titles(newsreel)) == {
        f"What was said about the bridge, part {number}." for number in (4, 5, 6)
    }
    newsreel("poll", "1")
    assert publisher.requests_for("/town")[-1].headers["if-none-match"]


def test_an_empty_selector_reads_a_page_as_a_feed_again(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    subscribe(newsreel, publisher)

    newsreel("edit", "1", "--entries", "")
    newsreel("poll", "1")

    (feed,) = newsreel.json("feeds")
    assert feed["page_rules"] is None
    assert feed["fault"] == "not-a-feed"


def test_captures_know_by_which_selectors_each_page_was_read(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    subscribe(newsreel, publisher)
    other = "<article><a href=/x>The council meets no more</a></article>"
    publisher.put("/town", page(other), content_type=HTML)
    newsreel("poll", "1")
    newsreel("edit", "1", "--entries", "article", "--entry-date", "")
    newsreel("poll", "1")
    before = newsreel.json("show", "1")["newest"]

    reparsed = newsreel("reparse")
    alone = ("--db", "alone.sqlite", "--archive", "none", "--captures", "captures")
    rebuilt = newsreel(*alone, "rebuild", "--captures")

    assert len(before) == 4
    assert reparsed.returncode == rebuilt.returncode == 0, rebuilt.stderr
    assert "0 entries that were missed, 0 revisions, 0 rereads" in reparsed.stderr
    assert newsreel.json(*alone, "show", "1")["newest"] == before
    assert newsreel.json(*alone, "feeds")[0]["page_rules"] == {"entries": "article"}


def test_a_page_is_made_again_from_captures_and_from_the_archive(
    newsreel: Newsreel, publisher: Publisher
) -> None:
    subscribe(newsreel, publisher)
    newsreel("edit", "1", "--interval", "6h")
    publisher.put("/town", page(story(6), story(7)), content_type=HTML)
    newsreel("poll", "1")
    before = newsreel.json("show", "1")["newest"]

    unchanged = newsreel("reparse")
    captured = newsreel(
        "--db", "captured.sqlite", "--captures", "captures", "rebuild", "--captures"
    )
    rebuilt = newsreel("--db", "rebuilt.sqlite", "rebuild")

    assert unchanged.returncode == captured.returncode == rebuilt.returncode == 0, captured.stderr
    for database in ("captured.sqlite", "rebuilt.sqlite"):
        assert newsreel.json("--db", database, "show", "1")["newest"] == before
        (feed,) = newsreel.json("--db", database, "feeds")
        assert feed["page_rules"] == {"entries": "li.story", "date": ".when"}
