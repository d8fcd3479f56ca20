import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.formats.languages import tag_of


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("en", "en"), ("EN-us", "en-US"), ("en_gb", "en-GB"), ("en-UK", "en-GB"), ("jp", "ja"),
        ("cn", "zh"), ("zh-hans-cn", "zh-Hans-CN"), ("es-419", "es-419"), ("English", "en"),
        ("de-de-1996", "de-DE-1996"), ("en-us.utf8", "en-US"), ("pl-", "pl"), (" fr ", "fr"),
        ("", None), (None, None), ("none", None), ("nil", None), ("xx", None),
        ("https://example.org/", None),
        ("en, de", None), ("a", None), ("x" * 100, None),
    ],
)  # fmt: skip
def test_a_language_becomes_a_tag(text: str | None, tag: str | None) -> None:
    assert tag_of(text) == tag


@given(st.text(max_size=30))
def test_a_tag_stays_as_it_is(text: str) -> None:
    tag = tag_of(text)

    assert tag is None or tag_of(tag) == tag
