"""The tokens of a text: the same for what is indexed, what is asked and what is marked.

A token is what is left of a word when case, marks and spelling variants are folded away. It holds
only ``a``–``z``, ``0``–``9`` and characters above U+007F that are letters, digits, vowel signs or
pictures: no blank, no ASCII punctuation, no control character, no lone surrogate, at most
:data:`LONGEST` characters. So FTS5's tokenizer ``ascii`` keeps each one whole, as does
``array_to_tsvector``; a database adds nothing of its own. Positions count tokens, from the
beginning of a field.

What separates words: all that is no letter, digit or mark. So ``AT&T``, ``it's``, ``COVID-19``
and ``5.4`` are several tokens, and a search for one of them is a phrase. ``C++`` and ``C#`` become
``cplusplus`` and ``csharp``.

What is folded: case; marks on Latin, Greek, Cyrillic (but й, ї and ў are letters), Hebrew and
Arabic letters; ligatures and wide forms (NFKC, Unicode UAX #15); ł ø đ ð ß æ œ þ ı; ё and ґ;
the forms of alef, ya and kaf; final letters; nukta and chandrabindu; digits of all scripts.

Scripts without blanks between words, and Korean, are cut into pairs of characters: 東京都 becomes
東京 京都 都. Each character begins one token, so a word is found as a phrase of pairs and a single
character as a prefix.
"""

import re
import unicodedata
from collections.abc import Iterator
from operator import add

TERMS_VERSION = 1
"""Rises with each change of what a text's tokens are: the index must then be made anew."""

LONGEST = 64
"""Characters of a token; what is longer is cut, in the index as in a query."""

_COMMON = "’“”–—…\xa0"  # without which most English text is ASCII
_SPACED = dict.fromkeys(range(128), " ")
_ASCII = _SPACED | {ord(char): char for char in "0123456789abcdefghijklmnopqrstuvwxyz"}
_ASCII |= {ord(char): char.lower() for char in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_CHUNK = re.compile("[0-9a-z\x80-\U0010ffff]+")
SIGN = re.compile(r"(?<![^\W_])([A-Za-z])(\+\+|#)(?![^\W\d_]|[+#])")
"""``C++`` and ``C#``: the only words that punctuation is part of."""
_SIGN_NAMES = {"++": "plusplus", "#": "sharp"}

# Thai, Lao, Myanmar, Khmer; kana, Han, Hangul. A unit is a letter with the marks that follow it.
_LETTERS = (
    "\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf"
    "\u1000-\u102a\u103f\u1050-\u1055\u1780-\u17b3\u17d7\u1100-\u11ff\u3005-\u3007\u3041-\u3096"
    "\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7fb\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_MARKS = (
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u102b-\u103e\u1056-\u1059"
    "\u17b6-\u17d3\u17dd\u3099\u309a"
)
_UNSPACED = re.compile(f"[{_LETTERS}{_MARKS}]+")
_MARK = re.compile(f"[{_MARKS}]")
_UNIT = re.compile(f"[{_LETTERS}{_MARKS}][{_MARKS}]*")


def index_text(text: str) -> str:
    """Return the tokens of a text in their order, with one blank between two."""
    if "#" in text or "++" in text:
        text = SIGN.sub(_named_sign, text)
    if not text.isascii():
        for char in _COMMON:
            text = text.replace(char, " ")
    if text.isascii():
        tokens = text.translate(_ASCII).split()
    else:
        chunks = _CHUNK.findall(text.lower())
        folded = [chunk if chunk.isascii() else _CHUNKS[chunk] for chunk in chunks]
        tokens = " ".join(folded).split()
    if len(text) > LONGEST and max(map(len, tokens), default=0) > LONGEST:
        tokens = [token[:LONGEST] for token in tokens]
    return " ".join(tokens)


def pieces_of(word: str) -> Iterator[tuple[str, int, int]]:
    """Yield the tokens of a folded word, and where in it each begins and ends."""
    at = 0
    for run in _UNSPACED.finditer(word):
        if run.start() > at:
            yield word[at : run.start()], at, run.start()
        at = run.end()
        units = [
            (run.start() + unit.start(), run.start() + unit.end())
            for unit in _UNIT.finditer(run[0])
        ]
        for (start, end), (_, next_end) in zip(units, [*units[1:], units[-1]], strict=True):
            last = max(end, next_end)
            yield word[start:last], start, last
    if at < len(word):
        yield word[at:], at, len(word)


def query_tokens(text: str, *, is_prefix: bool = False) -> tuple[tuple[str, ...], bool]:
    """Return the tokens to look for, and whether the last of them is a prefix.

    Where a text ends in a run of pairs, what is looked for may go on after it.
    """
    tokens = index_text(text).split()
    if tokens and _is_unit(tokens[-1]):
        if len(tokens) > 1 and tokens[-2] != tokens[-1] and tokens[-2].endswith(tokens[-1]):
            return tuple(tokens[:-1]), False
        return tuple(tokens), True
    return tuple(tokens), is_prefix and bool(tokens)


def _is_unit(token: str) -> bool:
    """Tell whether a token is one character of a script that is cut into pairs."""
    return _UNIT.fullmatch(token) is not None


def _named_sign(match: re.Match[str]) -> str:
    return f" {match[1]}{_SIGN_NAMES[match[2]]} "


class _Chunks(dict[str, str]):
    """What chunks fold to, remembered: most words of an entry have been seen before."""

    def __missing__(self, chunk: str) -> str:
        folded = _UNSPACED.sub(_paired, fold(chunk))
        if len(chunk) <= 24:
            if len(self) >= 20_000:  # some megabytes
                self.clear()
            self[chunk] = folded
        return folded


_CHUNKS = _Chunks()


def fold(chunk: str) -> str:
    """Fold lower-case text without ASCII separators: words, maybe with blanks between them.

    Scripts without blanks are not cut into pairs.
    """
    if _EARLY.search(chunk):
        chunk = chunk.translate(_EARLY_FORMS)
    for char in _WIDE:
        chunk = chunk.replace(char, " ")
    folded = unicodedata.normalize("NFKC", chunk).casefold()
    return unicodedata.normalize("NFC", folded).translate(_CHARS)


def _paired(match: re.Match[str]) -> str:
    """Return the pairs of a run of units, and its last unit."""
    run = match[0]
    units = _UNIT.findall(run) if _MARK.search(run) else run
    return f" {' '.join(map(add, units, units[1:]))} {units[-1]} "


# What NFKC would make letters of, or glue to its neighbours.
_EARLY_FORMS: dict[int, str] = {ord(char): " " for char in "™℠®©℗´¨¯¸˘˙˚˛˜˝"}
_EARLY_FORMS |= {ord(char): f" {unicodedata.normalize('NFKC', char)} " for char in "¼½¾⅓⅔⅛⅜⅝⅞"}
_WIDE = "，：；！？（）"  # for which NFKC would take a whole text apart
_EARLY = re.compile(f"[{''.join(map(chr, _EARLY_FORMS))}]")

_LETTER_FORMS = {
    "ł": "l", "ø": "o", "đ": "d", "ð": "d", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i",
    "ħ": "h", "ŧ": "t", "ŋ": "n", "ĸ": "k", "ƒ": "f", "ɓ": "b", "ɗ": "d", "ƙ": "k", "ς": "σ",
    "ё": "е", "ґ": "г", "й": "й", "ї": "ї", "ў": "ў",
    "ٱ": "ا", "ى": "ي", "ی": "ي", "ې": "ي", "ئ": "ي", "ؤ": "و", "ة": "ه", "ۀ": "ه", "ہ": "ه",
    "ە": "ه", "ک": "ك", "ـ": "",
    "ך": "כ", "ם": "מ", "ן": "נ", "ף": "פ", "ץ": "צ",
    "\u0901": "\u0902",  # chandrabindu and anusvara are written for one another
    "ʼ": " ", "ʻ": " ", "ʹ": " ", "ˈ": " ", "ʽ": " ", "ˮ": " ",
}  # fmt: skip
_DROPPED_MARKS = (
    (0x0300, 0x036F), (0x0483, 0x0489), (0x0591, 0x05C7), (0x0610, 0x061A), (0x064B, 0x065F),
    (0x0670, 0x0670), (0x06D6, 0x06ED), (0x0711, 0x074A), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF), (0xFE00, 0xFE2F), (0xE0100, 0xE01EF),
)  # fmt: skip


class _Characters(dict[int, str]):
    """What single characters become once a chunk is in the form NFKC, found out as they come."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _folded_char(chr(code))
        return folded


def _folded_char(char: str) -> str:
    known = _LETTER_FORMS.get(char)
    if known is not None:
        return known
    kind = unicodedata.category(char)
    if kind == "Nd":
        return str(unicodedata.digit(char))
    if kind[0] in "LN":
        return _without_marks(char)
    if kind[0] == "M":
        return _folded_mark(char, kind)
    if kind == "Cf" or "\U0001f3fb" <= char <= "\U0001f3ff":
        return ""
    return f" {char} " if _is_picture(char, kind) else " "


def _without_marks(char: str) -> str:
    base = unicodedata.normalize("NFD", char)[0]
    if base == char or "HANGUL" in unicodedata.name(char, ""):
        return char
    if unicodedata.category(char)[0] == "L" and _keeps_marks(base):
        return char
    return _LETTER_FORMS.get(base, base)


def _keeps_marks(base: str) -> bool:
    """Tell whether marks make other letters: kana and the Indian scripts."""
    return not (base < "\u0900" or "\u1c80" <= base <= "\u2dff" or "\ua640" <= base <= "\ua69f")


def _folded_mark(char: str, kind: str) -> str:
    if kind == "Me" or any(first <= ord(char) <= last for first, last in _DROPPED_MARKS):
        return ""
    return "" if unicodedata.name(char, "").endswith("SIGN NUKTA") else char


def _is_picture(char: str, kind: str) -> bool:
    """Tell whether a character is a word by itself: emoji and their like, known or to come."""
    if kind not in {"So", "Cn"}:
        return False
    return "\u2600" <= char <= "\u27bf" or "\U0001f000" <= char <= "\U0001faff"


_CHARS = _Characters(_ASCII)
