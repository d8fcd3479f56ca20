"""CDXJ: where each capture lies in the WARC files, one line each, sorted by address and time.

``KEY TIMESTAMP {JSON}``; the key is the address in the form that web archives sort by (SURT).
Beside the fields that replay tools read, ``feed`` and ``polled`` are our own.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlsplit

from newsreel.errors import ArchiveError
from newsreel.formats.warc import without_user
from newsreel.model.capture import CaptureLine, KeptAs, KeptCapture

REVISIT = "warc/revisit"
_WWW = re.compile(r"www\d*\.")
_SESSION = re.compile(r"(?:jsessionid=|phpsessid=|sid=|aspsessionid[a-z]{8}=)[0-9a-z]{32}(?:&|$)")
_PLAIN = "".join(map(chr, range(33, 127))).replace("%", "").replace("#", "")
_PORTS = {"http": ":80", "https": ":443"}


def line_of(kept: KeptCapture, *, file: str, offset: int, length: int) -> bytes:
    """Return the line of a capture, with its newline."""
    capture = kept.capture
    url = without_user(capture.final_url)
    is_response = kept.kind is KeptAs.RESPONSE
    row = {
        "url": url,
        "mime": _mime(capture.content_type) if is_response else REVISIT,
        "status": str(capture.status or 200),
        "digest": f"sha256:{kept.digest.hex()}" if kept.digest else "-",
        "length": str(length),
        "offset": str(offset),
        "filename": file,
        "feed": kept.feed,
        "polled": kept.polled_at.isoformat(),
        "kind": kept.kind.value,
    }
    stamp = capture.fetched_at.astimezone(UTC).strftime("%Y%m%d%H%M%S")
    return f"{url_key(url)} {stamp} {json.dumps(row)}\n".encode("utf-8", "surrogatepass")


def read_line(line: bytes) -> CaptureLine:
    """Return a line of an index of ours.

    Raises:
        ArchiveError: it is none.
    """
    try:
        _, stamp, text = line.decode().split(" ", 2)
        row: dict[str, Any] = json.loads(text)
        return CaptureLine(
            feed=row["feed"],
            polled_at=datetime.fromisoformat(row["polled"]),
            kind=KeptAs(row["kind"]),
            digest=bytes.fromhex(row["digest"].removeprefix("sha256:").strip("-")) or None,
            url=row["url"],
            fetched_at=datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC),
            status=int(row["status"]),
            content_type=None if row["mime"] in {REVISIT, "unk"} else row["mime"],
            file=row["filename"],
            offset=int(row["offset"]),
            length=int(row["length"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArchiveError(f"not a line of an index: {line[:60]!r}") from error


def url_key(url: str) -> str:
    """Return the sort key of an address: ``com,example)/feed?a=1``, no scheme, no www, no case."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower().rstrip(".")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return _safe(url.lower())
    host = _WWW.sub("", host, count=1) if _WWW.match(host) else host
    labels = host if ":" in host else ",".join(reversed(host.split(".")))
    port = "" if port == _PORTS.get(parts.scheme) else port
    path = parts.path.lower()
    path = path.rstrip("/") or "/"
    query = _SESSION.sub("", parts.query.lower()).rstrip("&")
    query = "&".join(sorted(query.split("&"))) if query else ""
    tail = path + (f"?{query}" if query else "")
    return _safe(f"{labels}{port}){_escaped(tail)}")


def _escaped(text: str) -> str:
    """Return text with only those characters escaped that have to be, as others write keys."""
    if "%" not in text and " " not in text:
        return text
    return quote(unquote_to_bytes(text), safe=_PLAIN).lower()


def _safe(key: str) -> str:
    return "".join(key.split()) or "-"


def _mime(content_type: str | None) -> str:
    mime = (content_type or "").partition(";")[0].strip().lower()
    return mime if mime and not any(c.isspace() for c in mime) else "unk"
