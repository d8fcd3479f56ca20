"""Links in the headers of an answer (RFC 8288). Nothing here raises."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TARGET = re.compile(r"[\s,]*<([^<>]*)>")
_PARAMETER = re.compile(r'\s*;\s*([^\s=;,"]*)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*))?')
_NEXT = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,"])*,')
_QUOTED_PAIR = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class HeaderLink:
    """Where a header points to, as written, and what stands there."""

    target: str
    relations: frozenset[str]


def links_in(head: bytes) -> list[HeaderLink]:
    """Return the links in the head of an answer, or of a request, as it came over the wire.

    Those of another context (``anchor``) are left out; of several ``rel`` only the first counts.
    """
    found: list[HeaderLink] = []
    for line in head.split(b"\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon and name.strip().lower() == b"link":
            found += _links_of(value.decode("latin-1").strip())
    return found


def _links_of(text: str) -> Iterator[HeaderLink]:
    at = 0
    while match := _TARGET.match(text, at):
        target, at = match[1].strip(), match.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(text, at):
            name, value = parameter[1].lower(), parameter[2] or ""
            parameters.setdefault(name, _unquoted(value))
            at = parameter.end()
        if "anchor" not in parameters:
            yield HeaderLink(target, frozenset(parameters.get("rel", "").lower().split()))
        rest = _NEXT.match(text, at)
        if rest is None:
            return
        at = rest.end()


def _unquoted(value: str) -> str:
    return _QUOTED_PAIR.sub(r"\1", value[1:-1]) if value[:1] == '"' else value
