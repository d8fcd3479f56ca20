"""Languages as publishers write them, to BCP 47 (RFC 5646)."""

import re
from functools import lru_cache

_TAG = re.compile(
    r"[a-z]{2,3}(?:-[a-z]{3}){0,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|"
    r"\d{3}))?(?:-[a-z0-9]{5,8}|-\d[a-z0-9]{3})*\Z"
)
# What isn't ISO 639 but stands in feeds: country codes, three-letter codes that have a shorter
# one, names.
_LANGUAGES = {
    "jp": "ja", "cn": "zh", "kr": "ko", "ua": "uk", "cz": "cs", "gr": "el", "dk": "da",
    "iw": "he", "in": "id", "ji": "yi", "mo": "ro",
    "eng": "en", "deu": "de", "ger": "de", "fra": "fr", "fre": "fr", "spa": "es", "ita": "it",
    "por": "pt", "nld": "nl", "dut": "nl", "pol": "pl", "rus": "ru", "zho": "zh", "chi": "zh",
    "jpn": "ja", "kor": "ko", "ara": "ar", "tur": "tr", "swe": "sv", "dan": "da", "nor": "no",
    "fin": "fi", "ces": "cs", "cze": "cs", "ell": "el", "gre": "el", "heb": "he", "hun": "hu",
    "ukr": "uk", "ron": "ro", "rum": "ro", "hin": "hi", "vie": "vi", "ind": "id", "tha": "th",
    "english": "en", "deutsch": "de", "german": "de", "french": "fr", "français": "fr",
    "francais": "fr", "spanish": "es", "español": "es", "espanol": "es", "italian": "it",
    "italiano": "it", "portuguese": "pt", "português": "pt", "portugues": "pt", "dutch": "nl",
    "nederlands": "nl", "polish": "pl", "polski": "pl", "russian": "ru", "русский": "ru",
    "chinese": "zh", "japanese": "ja", "korean": "ko", "arabic": "ar", "turkish": "tr",
    "swedish": "sv", "svenska": "sv", "danish": "da", "dansk": "da", "norwegian": "no",
    "finnish": "fi", "czech": "cs", "greek": "el", "hebrew": "he", "hungarian": "hu",
    "ukrainian": "uk", "romanian": "ro", "hindi": "hi", "vietnamese": "vi", "indonesian": "id",
}  # fmt: skip
_REGIONS = {"uk": "GB", "en": "GB", "eng": "GB", "usa": "US"}
_NOTHING = frozenset({"none", "null", "nil", "und", "zxx", "mul", "xx", "nan"})


@lru_cache(1024)
def tag_of(text: str | None) -> str | None:
    """Return a language as a BCP 47 tag (``en``, ``en-GB``, ``zh-Hans``), or None."""
    if not text or len(text) > 60:
        return None
    parts = text.strip().lower().replace("_", "-").partition(".")[0].split("-")
    first = _LANGUAGES.get(parts[0], parts[0])
    if first in _NOTHING:
        return None
    if len(parts) == 2 and len(parts[1]) in {2, 3}:
        parts[1] = _REGIONS.get(parts[1], parts[1]).lower()
    if not _TAG.match("-".join([first, *parts[1:]])):
        return first if len(parts) > 1 and _is_language(first) else None
    tag = [first]
    tag.extend(_cased(part) for part in parts[1:])
    return "-".join(tag)


def _is_language(part: str) -> bool:
    return part.isascii() and part.isalpha() and len(part) in {2, 3}


def _cased(part: str) -> str:
    """Return a subtag in the case that RFC 5646, 2.1.1, recommends."""
    if len(part) == 2:
        return part.upper()
    return part.capitalize() if len(part) == 4 and part.isalpha() else part
