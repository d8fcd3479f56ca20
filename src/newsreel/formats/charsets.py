"""Bytes to text: what a document is written in, whatever it and its server say.

The order, each step only where the one before doesn't decide: a byte order mark; zero bytes around
the first ``<``; UTF-8 that is valid and more than ASCII, which no other charset looks like by
accident; the charset of the HTTP answer, then the declared one, where the bytes fit; UTF-8 with a
few stray bytes, of which only those are repaired; a guess.
"""

import codecs
import re
from dataclasses import dataclass, field

from newsreel.model.entry import Forgiven

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ZEROS = (
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0\0\0", "utf-32-le"),
    (b"\0<", "utf-16-be"),
    (b"<\0", "utf-16-le"),
    (b"\x4c\x6f\xa7\x94", "cp037"),
)
_DECLARED = re.compile(
    rb"""<\?xml\b[^>]{0,200}?encoding\s*=\s*["']?\s*([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE
)
_META = re.compile(
    rb"""<meta\b[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE
)
_HTTP = re.compile(r"""charset\s*=\s*["']?\s*([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)

# The names that browsers read as a larger charset (WHATWG Encoding Standard), and names that
# Python doesn't know.
_NAMES = {
    "cp1252": "iso8859-1 iso-8859-1 iso88591 latin-1 latin1 l1 ascii us-ascii cp819 ansi x-ansi "
    "windows1252 x-cp1252",
    "gb18030": "gb2312 gbk gb_2312-80 x-gbk chinese euc-cn cp936 gb-2312",
    "cp949": "euc-kr ks_c_5601-1987 korean ksc5601 ks_c_5601 euckr windows-949",
    "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji windows-31j",
    "cp1254": "iso-8859-9 latin5",
    "cp874": "tis-620 iso-8859-11 windows-874",
    "big5hkscs": "big5 big5-hkscs x-x-big5 cn-big5",
    "mac_roman": "x-mac-roman macintosh mac",
    "mac_cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "utf-8": "utf8 utf-8 unicode-1-1-utf-8 utf8mb4 utf-8n",
    "iso8859-8": "iso-8859-8-i logical",
    "cp866": "ibm866 cp866",
    "": "utf-16 utf16 ucs-2 iso-10646-ucs-2 unicode utf-32 ucs-4",
}
_ALIASES = {name: codec for codec, names in _NAMES.items() for name in names.split()}
# Codecs of Python that turn bytes into text but are no charsets of documents, or unsafe ones.
_REFUSED = frozenset(
    [
        "utf_7",
        "utf7",
        "idna",
        "punycode",
        "raw_unicode_escape",
        "unicode_escape",
        "undefined",
        "mbcs",
        "oem",
        "palmos",
        "utf_16",
        "utf_32",
        "utf_8_sig",
        "utf_16_le",
        "utf_16_be",
        "utf_32_le",
        "utf_32_be",
    ]
)
_ESCAPED = frozenset(
    {"hz", "iso2022_kr", "iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_2004"}
    | {"iso2022_jp_3", "iso2022_jp_ext"}
)
_ESCAPES = ((b"\x1b$B", "iso2022_jp"), (b"\x1b$@", "iso2022_jp"), (b"\x1b$)C", "iso2022_kr"))
_TWO_BYTES = frozenset({"gb18030", "big5hkscs", "cp949", "cp932", "euc_jp", "euc_kr", "gbk"})


@dataclass(frozen=True, slots=True)
class Decoded:
    """A document's text; ``recoded`` where bytes had to be guessed or repaired to get at it."""

    text: str
    charset: str
    recoded: bool = False
    forgiven: tuple[Forgiven, ...] = field(default=())


def decoded(body: bytes, *, content_type: str | None = None) -> Decoded:
    """Return the text of a document. Total: there is always some text."""
    for bom, charset in _BOMS:
        if body.startswith(bom):
            return _marked(body, bom, charset)
    head = body[:64].lstrip(b" \t\r\n" if body[:1] == b"<" or body[1:2] != b"\0" else b"\t\r\n")
    for zeros, charset in _ZEROS:
        if head.startswith(zeros):
            note = (
                ()
                if _names_wide(declared_charset(body))
                else (_note("no byte order mark", charset),)
            )
            return Decoded(body.decode(charset, "replace"), charset, bool(note), note)
    stated = [name for name in (_http_charset(content_type), declared_charset(body)) if name]
    names = [_codec_of(name) for name in stated]
    unknown = tuple(
        Forgiven("unknown charset", "", f"{name} ignored")
        for name, codec in zip(stated, names, strict=True)
        if codec is None
    )
    found = _stated(body, _in_order(names, stated)) or _guessed(body)
    return Decoded(found.text, found.charset, found.recoded, found.forgiven + unknown)


def _in_order(codecs_: list[str | None], stated: list[str]) -> list[str]:
    """Return the charsets to try: the answer's, then the declared one.

    Latin-1 is what servers say who don't know, and ASCII is what a document beyond ASCII isn't.
    """
    named = [
        codec
        for codec, name in zip(codecs_, stated, strict=True)
        if codec and name not in {"us-ascii", "ascii"}
    ]
    return sorted(named, key=lambda codec: codec == "cp1252")


def declared_charset(body: bytes) -> str | None:
    """Return the charset that a document names itself, in lower case."""
    head = body[:1024]
    if b"\0" in head:
        head = head.replace(b"\0", b"")
    match = _DECLARED.search(head) or _META.search(head)
    return match[1].decode("ascii").lower() if match else None


def _http_charset(content_type: str | None) -> str | None:
    match = _HTTP.search(content_type[:1000]) if content_type else None
    return match[1].lower() if match else None


def is_plain_utf_8(body: bytes, content_type: str | None) -> bool:
    """Tell whether libxml2 reads a document as it stands: nobody says anything but UTF-8."""
    if body[:1] != b"<":
        return False
    http = _http_charset(content_type)
    declared = _DECLARED.match(body[:300])
    name = declared[1].lower() if declared else b"utf-8"
    return name in {b"utf-8", b"utf8"} and (http is None or http in {"utf-8", "utf8"})


def _names_wide(name: str | None) -> bool:
    return bool(name) and name is not None and ("16" in name or "32" in name or "ucs" in name)


def _marked(body: bytes, bom: bytes, charset: str) -> Decoded:
    text = body[len(bom) :].decode(charset, "replace")
    notes = [] if "\ufffd" not in text else [_note("bytes that are no text", "U+FFFD")]
    if text[:1] == "\ufeff":
        text = text.lstrip("\ufeff")
        notes.append(_note("more than one byte order mark", "dropped"))
    if charset == "utf-8" and notes and "\ufffd" in text:
        return _repaired(body[len(bom) :])
    return Decoded(text, charset, "\ufffd" in text, tuple(notes))


def _stated(body: bytes, names: list[str]) -> Decoded | None:
    """Return the text in a charset that somebody states, or in UTF-8, where the bytes fit."""
    signed = _signed(body) if b"\x1b" in body else None
    for name in (*names, signed):
        if name in _ESCAPED and (b"\x1b" in body or name == "hz"):
            text = _strictly(body, name)
            if text is not None:
                return Decoded(text, name)
    text = _strictly(body, "utf-8")
    found = None if text is None else _as_utf_8(body, text, names)
    if found is not None:
        return found
    for name in names:
        if name == "utf-8":
            if _is_mostly_utf_8(body):
                return _repaired(body)
        elif (text := _strictly(body, name)) is not None and _is_plausible(text):
            return Decoded(text, name)
    return None


def _signed(body: bytes) -> str | None:
    """Return the charset that switches its tables by the escapes found."""
    return next((name for sign, name in _ESCAPES if sign in body), None)


def _as_utf_8(body: bytes, text: str, names: list[str]) -> Decoded | None:
    """Return what is valid as UTF-8, unless it is rather what it is called."""
    once = _decoded_once(text) if looks_encoded_twice(body) else None
    if once is not None:
        note = _note("UTF-8 encoded twice", "utf-8")
        return Decoded(once, "utf-8", recoded=True, forgiven=(note,))
    if not names or names[0] == "utf-8" or text.isascii():
        return Decoded(text, "utf-8")
    if _is_rather(names[0], body, text):
        return None
    note = _note(f"UTF-8 called {names[0]}", "utf-8")
    return Decoded(text, "utf-8", recoded=True, forgiven=(note,))


def _is_rather(name: str, body: bytes, text: str) -> bool:
    """Tell whether valid UTF-8 is rather the charset it is called: few pairs that fit both.

    Two or three Chinese words in GBK can be valid UTF-8 by accident; longer text never is.
    """
    if name not in _TWO_BYTES:
        return False
    wide = [c for c in text if c > "\x7f"]
    if len(wide) > 12 or any(c > "\u07ff" for c in wide):
        return False
    other = _strictly(body, name)
    return other is not None and all(
        "\u3000" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7a3" for c in other if c > "\x7f"
    )


def _strictly(body: bytes, name: str) -> str | None:
    try:
        return body.decode(name)
    except (UnicodeError, LookupError, ValueError):
        return None


def _is_plausible(text: str) -> bool:
    """Tell whether a text holds no C1 control characters, which only a wrong charset brings."""
    return not re.search("[\x80-\x84\x86-\x9f]", text)


def _codec_of(name: str) -> str | None:
    """Return Python's name of a charset; None for what is none, or is refused."""
    name = name.lower()
    alias = _ALIASES.get(name)
    if alias is not None:
        return alias or None
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    plain = info.name.replace("-", "_")
    if plain in _REFUSED or not getattr(info, "_is_text_encoding", True):
        return None
    return _ALIASES.get(info.name) or info.name.replace("-", "_")


_TWICE = re.compile(
    rb"\xc3[\x82-\xb4](?:\xc2[\x80-\xbf]|\xc5[\x92\x93\xa0\xa1\xb8\xbd\xbe]|\xc6\x92|"
    rb"\xcb[\x86\x9c]|\xe2[\x80-\x84])"
)


def looks_encoded_twice(body: bytes) -> bool:
    """Tell whether the first character beyond ASCII is a byte of UTF-8 that was encoded again."""
    at = body.find(b"\xc3")
    return at >= 0 and _TWICE.match(body, at) is not None and body[:at].isascii()


def _decoded_once(text: str) -> str | None:
    """Return a text that was encoded twice as it was meant; None where any of it was not.

    Only whole documents are undone: a single ``Ã©`` may be what its author is writing about.
    """
    try:
        meant = text.encode("cp1252", "newsreel-latin-1").decode("utf-8")
    except UnicodeError:
        return None
    return meant if len(meant) - len(meant.encode("ascii", "ignore")) >= 3 else None


def _latin_1(error: UnicodeError) -> tuple[bytes, int]:
    """Encode what Windows-1252 lacks as Latin-1 does, where that has it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return error.object[error.start : error.end].encode("latin-1"), error.end


codecs.register_error("newsreel-latin-1", _latin_1)


# --- repair and guess -------------------------------------------------------------------------

_MULTIBYTE = re.compile(rb"[\xc2-\xf4][\x80-\xbf]{1,3}")
_HIGH = re.compile(rb"[\x80-\xff]+")
_TAG = re.compile(rb"<[^<>]{0,2000}>")
_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_OTHER = re.compile("[\u0370-\u0e7f]")
_MOST_SAMPLED = 30_000


# What the web is written in; the guess is better the fewer it has to tell apart.
_LIKELY = [
    "ascii",
    "utf-8",
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "cp1258",
    "cp874",
    "cp932",
    "cp949",
    "iso8859-2",
    "iso8859-5",
    "iso8859-6",
    "iso8859-7",
    "iso8859-15",
    "euc-jp",
    "macroman",
    "gb18030",
    "big5hkscs",
    "koi8-r",
    "koi8-u",
    "cp866",
]


def _is_mostly_utf_8(body: bytes, share: int = 10) -> bool:
    """Tell whether the bytes beyond ASCII are UTF-8 but for a few."""
    good = sum(len(m) for m in _MULTIBYTE.findall(body[:1_000_000]))
    high = sum(len(m) for m in _HIGH.findall(body[:1_000_000]))
    return good > 0 and (high - good) * share <= good


def _repaired(body: bytes) -> Decoded:
    """Decode UTF-8, and the stray bytes alone as Windows-1252, as word processors write them."""
    text = body.decode("utf-8", "surrogateescape")

    def one(match: re.Match[str]) -> str:
        stray = bytes(ord(c) - 0xDC00 for c in match[0])
        return stray.decode("cp1252", "replace")

    repaired, count = re.subn("[\udc80-\udcff]+", one, text)
    return Decoded(
        repaired,
        "utf-8",
        recoded=True,
        forgiven=(_note(f"{count} × bytes that are not UTF-8", "windows-1252"),),
    )


def _guessed(body: bytes) -> Decoded:
    if _is_mostly_utf_8(body):
        return _repaired(body)
    sample = _TAG.sub(b" ", body[:1_000_000])[:_MOST_SAMPLED]
    if not _HIGH.search(sample):
        sample = body[:_MOST_SAMPLED]
    name, confidence = _likeliest(sample)
    if confidence < 0.2 and _is_mostly_utf_8(body, share=3):
        return _repaired(body)
    text = _strictly(body, name)
    if text is None:
        text = body.decode("cp1252" if name == "utf-8" else name, "replace")
    return Decoded(
        text, name, recoded=True, forgiven=(_note("charset not declared, or wrongly", name),)
    )


def _likeliest(sample: bytes) -> tuple[str, float]:
    """Return the likeliest charset, by chardet, of those that give words of one script."""
    import chardet

    for found in chardet.detect_all(sample, ignore_threshold=True, include_encodings=_LIKELY)[:8]:
        name = _codec_of(str(found.get("encoding") or ""))
        text = sample.decode(name, "ignore") if name else ""
        if name and _is_plausible(text) and not _mixes_scripts(text):
            return name, found.get("confidence") or 0.0
    return "cp1252", 0.0


def _mixes_scripts(text: str) -> bool:
    """Tell whether Latin letters stand inside Greek, Cyrillic, Hebrew, Arabic or Thai words."""
    words = [word for word in _WORD.findall(text[:20_000]) if not word.isascii()]
    mixed = sum(
        _LATIN.search(word) is not None and _OTHER.search(word) is not None for word in words
    )
    return mixed * 5 > len(words)


def _note(what: str, read_as: str) -> Forgiven:
    return Forgiven(what, "", read_as)
