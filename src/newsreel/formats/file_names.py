"""The names of day files: the old archive's rule, made safe for every file system.

A name is what a feed's address becomes; ``<name>_entries.json`` is the file. It can't be turned
back into an address.
"""

import hashlib
import re
from collections.abc import Callable

MAX_BYTES = 180
_REPLACED = str.maketrans({":": ".", "/": ".", "\\": ".", "?": ".", "=": "."})
_KEPT = frozenset(".-_&@$,+%~")
_SAFE_ASCII = re.compile(r"[A-Za-z0-9\-_&@$,+%~][A-Za-z0-9.\-_&@$,+%~]*\Z")


def file_name_of(url: str) -> str:
    """Return the name of a feed's files: one safe path segment of at most 180 bytes."""
    name = _tidied(url.translate(_REPLACED))
    return name if len(name.encode()) <= MAX_BYTES else _marked(name, url, digits=8)


def distinct_file_name(url: str, is_taken: Callable[[str], bool]) -> str:
    """Return a name that no other feed has.

    ``is_taken`` must compare without regard to case: some file systems do.
    """
    name = file_name_of(url)
    for digits in (8, 16, 32, 64):
        if not is_taken(name):
            break
        name = _marked(_tidied(url.translate(_REPLACED)), url, digits=digits)
    return name


def is_file_name(name: str) -> bool:
    """Tell whether this could be a name of ours; what a file says is not trusted with a path."""
    return 0 < len(name.encode("utf-8", "replace")) <= MAX_BYTES and _tidied(name) == name


def _tidied(name: str) -> str:
    if _SAFE_ASCII.match(name):
        return name
    name = "".join(char if char.isalnum() or char in _KEPT else "_" for char in name)
    return "_" + name[1:] if name[:1] in {"", "."} else name


def _marked(name: str, url: str, *, digits: int) -> str:
    digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
    head = name.encode()[: MAX_BYTES - 1 - digits].decode("utf-8", "ignore")
    return f"{head}~{digest}"
