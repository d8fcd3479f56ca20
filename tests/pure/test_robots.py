"""What robots.txt lets us fetch, after the examples of RFC 9309."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.core.robots import may_fetch, robots_after
from newsreel.model.capture import Capture, Fault, FaultKind, Hop
from newsreel.model.site import Robots
from polled_world import DAY, HOUR, MORNING

ORIGIN = "https://paper.example"
URL = ORIGIN + "/robots.txt"
AGENT = "Newsreel/1.0 (+https://quillbot.example/about)"
ASKED = Capture(url=URL, final_url=URL, fetched_at=MORNING, status=200, body=b"")


def robots(text: str | bytes, status: int | None = 200) -> Robots:
    body = text.encode() if isinstance(text, str) else text
    return Robots(
        origin=ORIGIN, status=status, body=body, fetched_at=MORNING, next_at=MORNING + DAY
    )


def failed(kind: FaultKind, status: int | None = None, hops: tuple[Hop, ...] = ()) -> Capture:
    return replace(
        ASKED, status=status, body=None, fault=Fault(kind, "as told", status), hops=hops
    )


@pytest.mark.parametrize(
    ("text", "path", "is_allowed"),
    [
        ("", "/news", True),
        ("User-agent: *\nDisallow:", "/news", True),
        ("User-agent: *\nDisallow: /", "/news", False),
        ("user-agent: *\ndisallow: /news", "/news/today", False),
        ("User-agent: *\nDisallow: /news", "/sport", True),
        ("User-agent: *\r\nDisallow: /\r\nAllow: /news\r\n", "/news", True),
        ("User-agent: *\nAllow: /news\nDisallow: /news", "/news", True),
        ("User-agent: *\nAllow: /n\nDisallow: /news", "/news", False),
        ("User-agent: *\nDisallow: *.pdf$", "/a.pdf", False),
        ("User-agent: *\nDisallow: *.pdf$", "/a.pdf?x", True),
        ("User-agent: *\nDisallow: /*/draft/*x", "/a/draft/bx", False),
        ("User-agent: *\nDisallow: /caf%C3%A9", "/caf%c3%a9", False),
        ("User-agent: *\nDisallow: /caf\u00e9", "/caf%C3%A9", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: newsreel\nAllow: /", "/news", True),
        ("User-agent: newsreel\nDisallow: /", "/news", False),
        ("User-agent: a\nUser-agent: Newsreel\nDisallow: /", "/news", False),
        ("User-agent: newsreel\nDisallow: /a\n\nUser-agent: newsreel\nDisallow: /b", "/b", False),
        ("User-agent: newsreelbot\nDisallow: /", "/news", True),
        ("User-agent: quillbot\nDisallow: /", "/news", True),
        ("User-agent: *  # all\nDisallow: /news # mine", "/news", False),
        ("\ufeffUser-agent: *\nDisallow: /", "/news", False),
        ("Disallow: /", "/news", True),
        ("<html>not found</html>", "/news", True),
    ],
)
def test_the_rules_are_read_as_the_standard_has_it(
    text: str, path: str, *, is_allowed: bool
) -> None:
    assert may_fetch(robots(text), ORIGIN + path, AGENT) is is_allowed


def test_a_name_of_the_operators_own_is_looked_for_wherever_it_stands() -> None:
    rules = robots("User-agent: quill\nDisallow: /")

    assert not may_fetch(rules, ORIGIN, "Mozilla/5.0 (compatible; Quill/2; +https://a.example)")
    assert not may_fetch(rules, ORIGIN, "Quill/2")


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode), st.text(max_size=40))
def test_no_bytes_make_it_fail(body: bytes, agent: str) -> None:
    may_fetch(robots(body), ORIGIN + "/a?b", agent)


@given(st.lists(st.sampled_from("*$/ab%"), max_size=60).map("".join))
def test_no_pattern_takes_long(pattern: str) -> None:
    may_fetch(robots(f"User-agent: *\nDisallow: /{pattern}"), ORIGIN + "/" + "a" * 5000, AGENT)


def test_what_was_read_lasts_for_a_day() -> None:
    capture = replace(ASKED, body=b"User-agent: *\nDisallow: /\n", max_age=timedelta(days=90))

    found = robots_after(None, capture, origin=ORIGIN, now=MORNING)

    assert found == robots("User-agent: *\nDisallow: /\n")


def test_of_a_file_that_is_too_long_only_whole_lines_count() -> None:
    capture = replace(ASKED, body=b"User-agent: *\nDisallow: /a\nDisallow: /", is_cut=True)

    found = robots_after(None, capture, origin=ORIGIN, now=MORNING)

    assert may_fetch(found, ORIGIN + "/b", AGENT)
    assert not may_fetch(found, ORIGIN + "/a", AGENT)


@pytest.mark.parametrize(
    "capture",
    [
        failed(FaultKind.HTTP, 404),
        failed(FaultKind.HTTP, 401),
        failed(FaultKind.HTTP, 410),
        failed(FaultKind.CHALLENGE, 403),
        failed(FaultKind.TOO_MANY_REDIRECTS, hops=(Hop(url=URL, status=301),)),
    ],
)
def test_where_there_is_no_file_all_may_be_fetched(capture: Capture) -> None:
    found = robots_after(robots("User-agent: *\nDisallow: /"), capture, origin=ORIGIN, now=MORNING)

    assert may_fetch(found, ORIGIN + "/news", AGENT)
    assert found.next_at == MORNING + DAY


UNREACHED = [
    failed(FaultKind.HTTP, 500),
    failed(FaultKind.HTTP, 503),
    failed(FaultKind.HTTP, 429),
    failed(FaultKind.TIMEOUT),
    failed(FaultKind.DNS),
    failed(FaultKind.TLS),
    failed(FaultKind.REFUSED_ADDRESS),
    failed(FaultKind.BAD_ENCODING),
]


@pytest.mark.parametrize("capture", UNREACHED)
def test_where_the_file_can_not_be_reached_nothing_may_be_fetched(capture: Capture) -> None:
    found = robots_after(None, capture, origin=ORIGIN, now=MORNING)

    assert not may_fetch(found, ORIGIN + "/news", AGENT)
    assert found.next_at == MORNING + HOUR


@pytest.mark.parametrize("capture", UNREACHED)
def test_where_the_file_can_not_be_reached_any_more_the_last_one_stands(capture: Capture) -> None:
    former = robots("User-agent: *\nDisallow: /a")

    found = robots_after(former, capture, origin=ORIGIN, now=MORNING + DAY)
    again = robots_after(found, capture, origin=ORIGIN, now=MORNING + 2 * DAY)

    assert again == replace(former, next_at=MORNING + 2 * DAY + HOUR)
    assert may_fetch(again, ORIGIN + "/b", AGENT)
    assert not may_fetch(again, ORIGIN + "/a", AGENT)
