import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.formats.charsets import decoded
from newsreel.formats.document import parse

WORDS = {
    "pl": "Zielona łódź płynie żółwim tempem wśród źdźbeł",
    "ru": "Новости дня: корабль вошёл в гавань",
    "fr": "Élan naïf, déjà vu près du château à Noël",
    "el": "Ειδήσεις της ημέρας από το λιμάνι",
    "tr": "Şişli'de ığdır ağacı gölgesinde çay",
    "he": "חדשות היום מהנמל",
    "ar": "أخبار اليوم من الميناء",
    "th": "ข่าววันนี้จากท่าเรือ",
    "zh": "今日新闻：船只进入港口",
    "tw": "今日新聞：船隻進入港口",
    "ja": "今日のニュース、船が港に入る",
    "ko": "오늘의 뉴스 배가 항구에 들어오다",
}
CHARSETS = [
    ("pl", "windows-1250"), ("pl", "iso-8859-2"), ("ru", "windows-1251"), ("ru", "koi8-r"),
    ("ru", "iso-8859-5"), ("ru", "cp866"), ("fr", "windows-1252"), ("fr", "iso-8859-1"),
    ("el", "windows-1253"), ("el", "iso-8859-7"), ("tr", "windows-1254"), ("he", "windows-1255"),
    ("ar", "windows-1256"), ("th", "tis-620"), ("zh", "gb2312"), ("zh", "gb18030"),
    ("tw", "big5"), ("ja", "shift_jis"), ("ja", "euc-jp"), ("ja", "iso-2022-jp"), ("ko", "euc-kr"),
]  # fmt: skip


def feed(words: str, declaration: str = "") -> str:
    items = "".join(f"<item><title>{words} {n}</title><guid>{n}</guid></item>" for n in range(3))
    return (
        f'<?xml version="1.0"{declaration}?><rss version="2.0"><channel><title>{words}</title>'
        f"<description>{words}. {words}.</description>{items}</channel></rss>"
    )


@pytest.mark.parametrize(("language", "charset"), CHARSETS, ids=[f"{a}-{b}" for a, b in CHARSETS])
class TestCharset:
    def test_declared(self, language: str, charset: str) -> None:
        body = feed(WORDS[language], f' encoding="{charset}"').encode(charset)

        assert parse(body).title == WORDS[language]

    def test_named_by_the_answer(self, language: str, charset: str) -> None:
        body = feed(WORDS[language]).encode(charset)

        found = parse(body, content_type=f"application/xml; charset={charset}")

        assert found.title == WORDS[language]

    def test_not_declared(self, language: str, charset: str) -> None:
        found = parse(feed(WORDS[language]).encode(charset))

        assert found.title == WORDS[language]

    def test_called_utf_8(self, language: str, charset: str) -> None:
        found = parse(feed(WORDS[language], ' encoding="utf-8"').encode(charset))

        assert found.title == WORDS[language]

    def test_a_false_name_of_utf_8(self, language: str, charset: str) -> None:
        found = parse(feed(WORDS[language], f' encoding="{charset}"').encode())

        assert found.title == WORDS[language]
        assert found.recoded


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["bare", "marked"])
@pytest.mark.parametrize("declared", ["", ' encoding="utf-8"', ' encoding="utf-16"'])
def test_wide_charsets_need_no_mark(charset: str, mark: str, declared: str) -> None:
    body = (mark + feed(WORDS["ru"], declared)).encode(charset)

    assert parse(body).title == WORDS["ru"]


def test_stray_bytes_alone_are_repaired() -> None:
    body = feed(WORDS["ru"]).encode().replace(b"<guid>1", b"<guid>\x93x\x94")

    found = parse(body)

    assert found.title == WORDS["ru"]
    assert found.entries[1].guid == "“x”"
    assert found.recoded


def test_a_document_encoded_twice_is_undone() -> None:
    words = "L’été – déjà"
    body = feed(words).encode().decode("cp1252").encode()

    found = parse(body)

    assert found.title == words
    assert [fault.what for fault in found.forgiven] == ["UTF-8 encoded twice"]


def test_words_about_mojibake_stay() -> None:
    assert parse(feed("Ã©crit: é").encode()).title == "Ã©crit: é"


@pytest.mark.parametrize("name", ["utf-7", "zlib_codec", "punycode", "x-bogus", "unicode_escape"])
def test_codecs_that_are_no_charsets_are_refused(name: str) -> None:
    found = parse(feed(r"a+ADw-\u003c", f' encoding="{name}"').encode())

    assert found.title == r"a+ADw-\u003c"


@given(st.binary(max_size=300), st.text(max_size=20))
def test_any_bytes_are_some_text(body: bytes, charset: str) -> None:
    found = decoded(body, content_type=f"text/xml; charset={charset}")

    assert isinstance(found.text, str)
