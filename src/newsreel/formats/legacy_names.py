"""Where the old archive's files stand: ``YYYY/MM/YYYY-MM-DD/<clean>_entries.{json,md}``."""

import hashlib
import re
from datetime import date

from newsreel.model.legacy import LegacyFile

SOURCELESS = "sourceless"
SUFFIX = "_entries"
_RULE_CHANGED = date(2024, 1, 24)
_DROPPING = str.maketrans({":": ".", "?": ".", "=": ".", "/": None, "\\": None})
_DOTTING = str.maketrans(dict.fromkeys(":?=/\\", "."))
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)\Z")
_MAX_BYTES = 240  # most file systems take 255, with ``_entries.json``


def clean(source: str, day: date) -> str:
    """Return the name the old system gave a source's files.

    It replaced five characters and touched nothing else. Different addresses can share a name,
    and it can't be undone.
    """
    return source.translate(_DOTTING if day >= _RULE_CHANGED else _DROPPING)


def safe_name(source: str, day: date, *, is_taken: bool = False) -> str:
    """Return :func:`clean`'s name where it can be had, else one that can."""
    name = clean(source, day)
    if is_harmless(name) and not is_taken:
        return name
    digest = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    kept = "".join(char if char.isprintable() and char not in "/\\" else "_" for char in name)
    while len(kept.encode("utf-8", "replace")) > _MAX_BYTES - 9:
        kept = kept[:-1]
    return f"{kept}~{digest}"


def is_harmless(name: str) -> bool:
    """Tell whether a name, with ``_entries.json`` behind it, is one component of a path."""
    return (
        not any(char in "/\\" or char < " " for char in name)
        and len(name.encode("utf-8", "replace")) <= _MAX_BYTES
    )


def directory_of(day: date) -> str:
    """Return the directory of a day below the archive's root."""
    return f"{day:%Y}/{day:%m}/{day.isoformat()}" if day.year >= 1000 else day.isoformat()


def path_of(file: LegacyFile) -> str:
    """Return where a file stands below the archive's root."""
    return f"{directory_of(file.day)}/{file.name}{SUFFIX}.{file.kind}"


def day_of_path(path: str) -> date | None:
    """Return the day of the innermost directory that bears one (``2021-06-11``)."""
    for part in reversed(path.split("/")[:-1]):
        match = _DAY.match(part)
        if match:
            try:
                return date(*map(int, match.groups()))
            except ValueError:
                continue
    return None


def name_of_path(path: str) -> str | None:
    """Return a file's name without ``_entries.json``; None where it has another form."""
    name = path.rpartition("/")[2]
    stem, dot, ending = name.rpartition(".")
    if not dot or ending not in {"json", "md"} or not stem.endswith(SUFFIX):
        return None
    return stem.removesuffix(SUFFIX)
