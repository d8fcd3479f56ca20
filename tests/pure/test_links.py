"""Links in headers (RFC 8288)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.formats.links import HeaderLink, links_in


def head(*values: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", *(f"Link: {value}" for value in values)]).encode()


def link(target: str, *relations: str) -> HeaderLink:
    return HeaderLink(target, frozenset(relations))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('<https://hub.example/>; rel="hub"', [link("https://hub.example/", "hub")]),
        ("<https://hub.example/>;rel=hub", [link("https://hub.example/", "hub")]),
        ('</a>; rel="self Hub"', [link("/a", "self", "hub")]),
        ('<a,b>; rel=hub, <c;d>; rel="self"', [link("a,b", "hub"), link("c;d", "self")]),
        ('<a>; title="x, <b>; rel=self"; rel=hub', [link("a", "hub")]),
        ('<a>; title="x\\", <b>"; REL=hub, <c>; rel=self', [link("a", "hub"), link("c", "self")]),
        ("<a>; rel=hub; rel=self", [link("a", "hub")]),
        ('<a>; rel=hub; anchor="#x", <b>; rel=self', [link("b", "self")]),
        ("<a>", [link("a")]),
        ("<a>; crossorigin; rel=hub", [link("a", "hub")]),
        ("< a >; rel = hub", [link("a", "hub")]),
        ("<a>; rel*=utf-8''x junk, <b>; rel=hub", [link("a"), link("b", "hub")]),
        (", ,<a>; rel=hub,", [link("a", "hub")]),
        ("a; rel=hub", []),
        ("<a; rel=hub", []),
        ("", []),
    ],
)
def test_a_header_is_read(value: str, expected: list[HeaderLink]) -> None:
    assert links_in(head(value)) == expected


def test_several_headers_count_together_and_no_others() -> None:
    text = head("<a>; rel=hub", "<b>; rel=self") + b"\r\nX-Link: <c>; rel=hub\r\nlink: <d>;rel=hub"

    assert links_in(text) == [link("a", "hub"), link("b", "self"), link("d", "hub")]


@given(st.text(alphabet='<>;,="\\ rel hub\t', max_size=200))
def test_nothing_makes_it_fail(value: str) -> None:
    assert all("<" not in found.target for found in links_in(head(value)))


@pytest.mark.parametrize("piece", ['<a>; b="', "<a>;", ";", "<a>; b=c", '"', "\\", ", "])
def test_a_hostile_header_takes_no_time(piece: str) -> None:
    links_in(head(piece * 20_000))
