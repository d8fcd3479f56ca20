import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.formats.file_names import (
    MAX_BYTES,
    distinct_file_name,
    file_name_of,
    is_file_name,
)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        pytest.param(
            "https://www.scmp.com/rss/4/feed", "https...www.scmp.com.rss.4.feed", id="the rule"
        ),
        pytest.param(
            "https://x.example/f?id=1&b=@$,+%20~u",
            "https...x.example.f.id.1&b.@$,+%20~u",
            id="kept",
        ),
        pytest.param("https://x.example/a b'(c)", "https...x.example.a_b__c_", id="the rest"),
        pytest.param(
            "https://x.example/новости", "https...x.example.новости", id="letters of any script"
        ),
        pytest.param("C:\\feeds\\a.xml", "C..feeds.a.xml", id="backslashes"),
        pytest.param("../../etc/passwd", "_.....etc.passwd", id="traversal"),
        pytest.param("/etc/passwd", "_etc.passwd", id="absolute path"),
        pytest.param(".hidden", "_hidden", id="leading dot"),
        pytest.param("", "_", id="empty"),
        pytest.param("a\x00b\nc\u2028d\ud800e", "a_b_c_d_e", id="control characters"),
        pytest.param('x|y;z`w<v>*"', "x_y_z_w_v___", id="what shells and other systems mind"),
    ],
)
def test_a_file_name_follows_the_rule(url: str, name: str) -> None:
    assert file_name_of(url) == name


@given(st.text(min_size=0, max_size=400))
def test_every_name_is_one_safe_segment(url: str) -> None:
    name = file_name_of(url)

    assert is_file_name(name)
    assert 0 < len(name.encode()) <= MAX_BYTES
    assert not name.startswith(".")
    assert not set("/\\:?=\0\n\r ") & set(name)


def test_a_long_name_is_cut_and_marked_with_the_addresss_digest() -> None:
    url = "https://x.example/" + "ж" * 200

    name = file_name_of(url)

    assert name.endswith("~" + hashlib.sha256(url.encode()).hexdigest()[:8])
    assert MAX_BYTES - 2 <= len(name.encode()) <= MAX_BYTES
    assert name != file_name_of(url + "ж")


def test_colliding_names_are_told_apart() -> None:
    taken: set[str] = set()
    for url in (
        "https://x.example/a/b",
        "https://x.example/a?b",
        "https://x.example/a=b",
        "https://x.example/A/b",
    ):
        name = distinct_file_name(url, lambda name: name.casefold() in taken)
        assert is_file_name(name)
        taken.add(name.casefold())

    assert len(taken) == 4
    assert "https...x.example.a.b" in taken


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "a\\b", ".a", "a\nb", "a:b", "a" * 181])
def test_what_is_no_name_of_ours_is_recognised(name: str) -> None:
    assert not is_file_name(name)
