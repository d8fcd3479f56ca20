"""Other forms of a word: what a search finds too, as a weaker match, where a language is known.

The index holds words as they stand. A word that is asked for gets the endings of a language, and
those forms stay whose stem is the word's, as the Snowball stemmers (snowballstem.org) have it; for
Arabic, Hebrew, Turkish and Ukrainian short rules of our own decide. So stems cost the index
nothing, and better rules need no new index.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from importlib import import_module
from itertools import islice

from newsreel.core.terms import index_text
from newsreel.model.query import Inflections

SHORTEST = 3
"""Letters of a word that has other forms."""
_MOST_FORMS = 60  # of a word in a language

_ALIASES = {"nb": "no", "nn": "no", "iw": "he"}
_STEMMERS = {
    "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "fi": "finnish", "fr": "french", "hi": "hindi", "hu": "hungarian",
    "it": "italian", "nl": "dutch", "no": "norwegian", "pl": "polish", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sv": "swedish",
}  # fmt: skip
_ENDINGS = {
    "cs": "a y i e u o ů ou ě em ům ách ech ami í é ého ému ý ých ým ými á ové ovi ích ím ími",
    "da": "e en ens er erne ernes et ets s r ne n",
    "de": "e n en er ern s es em in innen nen",
    "el": "α ας ες η ης ος ου ο ων οι ους εις εως ι ια ιων μα ματα ματος",
    "en": "s es ed d ing y ies ied e ment",
    "es": "s es o a os as ó an ar ando ado ada ados ón ones aron aba",
    "fi": "t n a ä ssa ssä sta stä lle lla llä en ien jen iin ta tä i ja jä",
    "fr": "s x e es é ée és ées er ent ant ait al aux ale ales if ive ifs ives",
    "hi": "ा े ी ों ें ियां ियों ि",
    "hu": "k ok ek ak ök t at et ot ban ben ba be nak nek ról ről tól től val vel on en ön ra re",
    "it": "o a i e hi he are ato ata ati ate ando ò ano ono",
    "nl": "s en n e er t te ten de den",
    "no": "e en a et er ene s ens ets enes r ne",
    "pl": "a y i e ę ą o u ów om ami ach em owi owie ie iem ia iach iami ego emu ej ych ym ymi "
    "ich im imi iego iej",
    "pt": "s es o a os as ão ões al ais is m ar ou ado ada ava",
    "ro": "ul ului i ii ilor le lor a e ei ele elor uri urile",
    "ru": "а у е ы и о я ю ь й ой ом ем ов ев ей ам ям ами ями ах ях ий ый ая ое ые ого ому ых ым "
    "ыми ую ии ию ием",
    "sv": "a ar arna ars e en ens er erna et or orna s n na t",
    "tr": "lar ler ları leri ların lerin larda lerde lardan lerden lara lere da de ta te dan den "
    "tan ten ı i u ü a e ya ye yı yi nın nin nun nün ın in un ün sı si",
    "uk": "а у е и і о я ю ь й ою ом ем ів їв ей ам ям ами ями ах ях ові ий ої ого ому их им ими "
    "ії ією",
}  # fmt: skip
_PAIRS = {
    "fr": (("al", "aux"), ("eau", "eaux")),
    "pt": (("ão", "ões"), ("al", "ais"), ("vel", "veis")),
}
"""Endings of one and of many that the stemmers tell apart."""
_SPELLINGS = {
    "da": (("aa", "å"),),
    "de": (("ae", "ä"), ("oe", "ö"), ("ue", "ü")),
    "no": (("aa", "å"),),
}
"""Letters that are written in either way, in names above all."""
_DOUBLING = re.compile("[^aeiou][aeiou][^aeiouwxy]$")
_PREFIXES = {
    "ar": ("وبال", "وال", "بال", "كال", "فال", "ولل", "لل", "ال", "و", "ب", "ل"),
    "he": ("וה", "שה", "מה", "כש", "וב", "ול", "ומ", "ה", "ו", "ב", "ל", "מ", "ש", "כ"),
}
_ARTICLES = {"ar": "ال", "he": "ה"}
_SUFFIXES = {"ar": ("ة", "ات", "ون", "ين"), "he": ("ים", "ות")}

LANGUAGES = frozenset(_ENDINGS) | frozenset(_PREFIXES) | frozenset(_ALIASES)
"""Languages whose words have other forms here, as primary subtags of RFC 5646."""

_SCRIPTS = {"el": "\u0370", "ru": "\u0400", "uk": "\u0400", "he": "\u0590", "ar": "\u0600"}
_SCRIPTS |= {"hi": "\u0900"}
_SCRIPT_ENDS = ("\u0370", "\u0400", "\u0530", "\u0590", "\u0600", "\u0700", "\u0900", "\u0980")


def inflections_of(word: str, languages: Iterable[str]) -> Iterator[Inflections]:
    """Yield the other forms of a word in some languages, as tokens; nothing for several tokens.

    ``languages`` are primary subtags of RFC 5646; what is not known of them is passed over.
    """
    word = word.lower()
    token = index_text(word)
    if not SHORTEST <= len(word) <= 30 or " " in token or any(map(str.isdigit, token)):
        return
    for language in languages:
        if tokens := _forms(word, _ALIASES.get(language, language)):
            yield Inflections(language, tokens)


@lru_cache(2000)
def _forms(word: str, language: str) -> tuple[str, ...]:
    if language not in LANGUAGES or _script_of(word) != _SCRIPTS.get(language, ""):
        return ()
    forms: Iterator[str]
    if language in _PREFIXES:
        forms = _prefixed(word, language)
    elif language in _STEMMERS:
        forms = _same_stem(word, language)
    else:
        forms = _ended(word, language)
    own = index_text(word)
    tokens = dict.fromkeys(index_text(form) for form in forms)
    kept = (token for token in tokens if token != own and " " not in token)
    return tuple(sorted(islice(kept, _MOST_FORMS)))


def _script_of(word: str) -> str:
    """Return where the block of the word's script begins; empty for Latin."""
    first = max(word)
    return next((block for block in reversed(_SCRIPT_ENDS) if first >= block), "")


def _same_stem(word: str, language: str) -> Iterator[str]:
    stem_of = _stemmer(language)
    stem = stem_of(word)
    yield from (form for form in _candidates(word, stem, language) if stem_of(form) == stem)
    for one, other in _SPELLINGS.get(language, ()):
        if one in word or other in word:
            yield word.replace(one, other) if one in word else word.replace(other, one)
    for one, other in _PAIRS.get(language, ()):
        if word.endswith(one):
            yield word.removesuffix(one) + other
        elif word.endswith(other):
            yield word.removesuffix(other) + one


def _stemmer(language: str) -> Callable[[str], str]:
    """Return a stemmer of its own: it keeps the word it works on.

    It is taken from its module, since the package's own choice may be another version in C.
    """
    name = _STEMMERS[language]
    module = import_module(f"snowballstemmer.{name}_stemmer")
    stem_of: Callable[[str], str] = getattr(module, f"{name.capitalize()}Stemmer")().stemWord
    return stem_of


def _candidates(word: str, stem: str, language: str) -> Iterator[str]:
    shared = _shared(word, stem)
    bases = {word[:length] for length in (len(word), shared, shared - 1) if length >= SHORTEST - 1}
    for base in sorted(bases):
        yield base
        yield from (base + ending for ending in _ENDINGS[language].split())
        if language == "en" and _DOUBLING.search(base):
            yield from (base + base[-1] + ending for ending in ("ed", "ing"))


def _shared(word: str, stem: str) -> int:
    """Return how many letters a word and its stem share; a stem may have lost marks."""
    plain, folded = index_text(word), index_text(stem)
    for index, (one, other) in enumerate(zip(plain, folded, strict=False)):
        if one != other:
            return index
    return min(len(plain), len(folded), len(word))


def _ended(word: str, language: str) -> Iterator[str]:
    """Yield a word with each ending; one that it has is taken off first, the longest."""
    endings = sorted(_ENDINGS[language].split(), key=len, reverse=True)
    least = 2 if language == "tr" else 1  # a single letter of Turkish mostly belongs to the word
    bare = word
    for ending in endings:
        if len(ending) >= least and word.endswith(ending) and len(word) - len(ending) > SHORTEST:
            bare = word.removesuffix(ending)
            break
    for base in dict.fromkeys((bare, word)) if language == "tr" else (bare,):
        yield base
        yield from (base + ending for ending in endings)


def _prefixed(word: str, language: str) -> Iterator[str]:
    """Yield a word with article, conjunction and prepositions, and with common endings."""
    prefixes = _PREFIXES[language]
    bare = word
    for prefix in prefixes:
        if word.startswith(prefix) and len(word) - len(prefix) >= SHORTEST + (len(prefix) == 1):
            bare = word.removeprefix(prefix)
            break
    for base in dict.fromkeys((bare, word)):
        yield base
        yield from (prefix + base for prefix in prefixes)
    root = next(
        (bare.removesuffix(end) for end in _SUFFIXES[language] if bare.endswith(end)), bare
    )
    if len(root) >= SHORTEST:
        for suffix in _SUFFIXES[language]:
            yield root + suffix
            yield _ARTICLES[language] + root + suffix
