"""Captures as WARC/1.1 records (ISO 28500:2017), one uncompressed record at a time.

A body that came becomes a ``request`` and a ``response``; one that did not change, a ``revisit``.
Bodies are kept with their transfer and content encodings undone, so that their digests are those
of the revisions. The head of the answer says so: what no longer describes the body is renamed to
``X-Archive-Orig-…``, and a ``Content-Length`` is added. In requests, only headers that are known
to hold no secret keep their values.

Four fields are our own: ``Newsreel-Feed`` names the feed, ``Newsreel-Polled-At`` is the time that
what the poll brought bears in the archive, ``Newsreel-Came-By: push`` says that a hub sent the
body and nobody was asked, ``Newsreel-Selectors`` are those by which a page was read, as JSON.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import urlsplit, urlunsplit

from newsreel.errors import ArchiveError
from newsreel.model.capture import Capture, KeptAs, KeptCapture, Validators

PROFILE = "http://netpreserve.org/warc/1.1/revisit/"
ORIGINAL = b"X-Archive-Orig-"
NOTE = (
    "one exchange of a feed reader for each poll; bodies are stored with transfer and content "
    "encodings undone, headers that described them are renamed to X-Archive-Orig-*"
)
_UNDONE = frozenset((b"content-encoding", b"transfer-encoding", b"content-length"))
_HARMLESS = frozenset(
    b"host accept accept-encoding accept-language connection if-none-match "
    b"if-modified-since".split()
)
_VERSIONS = (b"HTTP/1.0 ", b"HTTP/1.1 ")
_HTTP = "application/http; msgtype="
_REDACTED = b"redacted"
_OUR_AGENT = b"Newsreel/"

Fields = Sequence[tuple[str, str | None]]
Record = tuple[bytes, ...]


def warcinfo_record(*, software: str, at: datetime, name: str) -> Record:
    """Return the record that a file begins with, in parts."""
    block = (
        f"software: {software}\r\nformat: WARC File Format 1.1\r\n"
        "conformsTo: http://iipc.github.io/warc-specifications/specifications/warc-format/"
        f"warc-1.1/\r\nrobots: ignored, for feeds that a user subscribed to\r\n"
        f"description: {NOTE}\r\n"
    ).encode()
    fields = [("WARC-Filename", name), ("WARC-Date", _moment(at))]
    return _record("warcinfo", name, fields, "application/warc-fields", (block,))


def records_of(kept: KeptCapture) -> tuple[Record, Record]:
    """Return the record of the request (empty, where there is none) and that of the answer.

    Each comes in parts, so that a large body need not be copied.
    """
    if kept.kind is not KeptAs.RESPONSE:
        return (), _answer(kept, "revisit", [("WARC-Profile", PROFILE + kept.kind)])
    truncated = "unspecified" if kept.capture.is_cut else None
    selectors = json.dumps({**kept.selectors}) if kept.selectors else None
    more = [("WARC-Truncated", truncated), ("Newsreel-Selectors", selectors)]
    answer = _answer(kept, "response", more)
    return _request(kept), answer


def _answer(kept: KeptCapture, kind: str, more: Fields) -> Record:
    body = kept.capture.body if kept.kind is KeptAs.RESPONSE else None
    block = (_head(kept.capture, body), body or b"")
    fields = [*_shared(kept), *more, ("WARC-Payload-Digest", _digest(kept.digest))]
    return _record(kind, _name(kept, kind), fields, _HTTP + "response", block)


def _request(kept: KeptCapture) -> Record:
    if not kept.capture.request:
        return ()
    fields = [*_shared(kept), ("WARC-Concurrent-To", _id("response", _name(kept, "response")))]
    block = (_without_secrets(kept.capture.request),)
    return _record("request", _name(kept, "request"), fields, _HTTP + "request", block)


def _shared(kept: KeptCapture) -> list[tuple[str, str | None]]:
    capture = kept.capture
    target, asked = without_user(capture.final_url), without_user(capture.url)
    return [
        ("WARC-Target-URI", target),
        ("WARC-Date", _moment(capture.fetched_at)),
        ("Newsreel-Feed", kept.feed),
        ("Newsreel-Asked", asked if asked != target else None),
        ("Newsreel-Polled-At", kept.polled_at.isoformat()),
        ("Newsreel-Came-By", "push" if capture.is_pushed else None),
    ]


def _name(kept: KeptCapture, kind: str) -> str:
    digest = kept.digest.hex() if kept.digest else ""
    capture = kept.capture  # how long it took tells two polls of one second apart
    return f"{kind} {kept.feed} {kept.polled_at} {capture.fetched_at} {capture.elapsed} {digest}"


def _record(kind: str, name: str, fields: Fields, content_type: str, block: Record) -> Record:
    lines = [f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: {_id(kind, name)}\r\n"]
    lines += [f"{field}: {value}\r\n" for field, value in fields if value is not None]
    lines.append(f"Content-Type: {content_type}\r\nContent-Length: {sum(map(len, block))}\r\n\r\n")
    return ("".join(lines).encode(), *block, b"\r\n\r\n")


def _id(kind: str, name: str) -> str:
    """An identifier that follows from what the record is, as a UUID of version 8 (RFC 9562)."""
    digits = sha256(f"{kind} {name}".encode()).hexdigest()
    parts = (digits[:8], digits[8:12], "8" + digits[13:16], "8" + digits[17:20], digits[20:32])
    return f"<urn:uuid:{'-'.join(parts)}>"


def _digest(digest: bytes | None) -> str | None:
    return f"sha256:{digest.hex()}" if digest else None


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _head(capture: Capture, body: bytes | None) -> bytes:
    """Return the head of the answer, true for the body as it is kept."""
    if not capture.head:
        return _invented_head(capture, body)
    status, *rest = capture.head.split(b"\n")
    lines = [_status_line(status.strip(), capture.status or 200)]
    for line in rest:
        lines += _header_lines(line.rstrip(b"\r"), is_first=len(lines) == 1, is_undone=body)
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", b""])


def _header_lines(line: bytes, *, is_first: bool, is_undone: bytes | None) -> list[bytes]:
    name, colon, _ = line.partition(b":")
    if line[:1] in {b" ", b"\t"} and not is_first:
        return [line]  # folded, as long ago
    if not colon or not name.strip():
        return [ORIGINAL + b"Line: " + line.strip()] if line.strip() else []
    is_renamed = is_undone is not None and name.strip().lower() in _UNDONE
    return [ORIGINAL + line if is_renamed else line]


def _status_line(line: bytes, status: int) -> bytes:
    if line.startswith(_VERSIONS) and line[9:12] == b"%d" % status:
        return line
    return b"HTTP/1.1 %d " % status


def _invented_head(capture: Capture, body: bytes | None) -> bytes:
    """A head for what came by other ways than HTTP."""
    told = (
        ("Content-Type", capture.content_type),
        ("ETag", capture.validators.etag),
        ("Last-Modified", capture.validators.last_modified),
        ("Content-Length", str(len(body)) if body is not None else None),
    )
    lines = [f"{name}: {value}" for name, value in told if value]
    status = f"HTTP/1.1 {capture.status or 200} "
    return "\r\n".join([status, *lines, "", ""]).encode("latin-1", "replace")


def _without_secrets(request: bytes) -> bytes:
    """Return a request in which only the headers that hold no secret keep their values."""
    first, *rest = request.split(b"\r\n")
    lines = [first]
    for line in rest:
        name, colon, value = line.partition(b":")
        is_shown = not colon or name.lower() in _HARMLESS
        if name.lower() == b"user-agent":  # a feed's own may be agreed on with the publisher
            is_shown = value.strip().startswith(_OUR_AGENT)
        lines.append(line if is_shown else name + b": " + _REDACTED)
    return b"\r\n".join(lines)


def feed_key(first_url: str) -> str:
    """Return what names a feed in captures: its first address, or the digest of one with a user.

    Passwords are written nowhere.
    """
    if without_user(first_url) == first_url and first_url.isprintable():
        return first_url
    return "sha256:" + sha256(first_url.encode("utf-8", "surrogatepass")).hexdigest()


def without_user(url: str) -> str:
    """Return an address without user and password."""
    if "@" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def read_record(data: bytes, *, is_private: bool) -> KeptCapture | None:
    """Return the capture of a ``response`` or ``revisit`` of ours; None for any other record.

    Raises:
        ArchiveError: this is no WARC record, or not a whole one.
    """
    head, separator, block = data.partition(b"\r\n\r\n")
    fields = _fields_in(head.split(b"\r\n")[1:])
    length = fields.get("content-length", "")
    is_whole = separator and length.isdecimal() and len(block) == int(length) + 4
    if not head.startswith(b"WARC/1.") or not is_whole:
        raise ArchiveError("not a whole WARC record")
    if fields.get("warc-type") not in {"response", "revisit"} or "newsreel-feed" not in fields:
        return None
    try:
        return _kept(fields, block[:-4], is_private=is_private)
    except (KeyError, ValueError) as error:
        raise ArchiveError(f"a WARC record without what is ours: {error}") from error


def _kept(fields: Mapping[str, str], block: bytes, *, is_private: bool) -> KeptCapture:
    kind = KeptAs.RESPONSE
    if fields["warc-type"] == "revisit":
        kind = KeptAs(fields["warc-profile"].rpartition("/")[2])
    target = fields["warc-target-uri"]
    head, _, body = block.partition(b"\r\n\r\n")
    status, *rest = head.split(b"\r\n")
    headers = _fields_in(rest, "latin-1")
    is_response = kind is KeptAs.RESPONSE
    digest = fields.get("warc-payload-digest", "").removeprefix("sha256:")
    found = bytes.fromhex(digest) or None
    is_pushed = fields.get("newsreel-came-by") == "push"
    capture = Capture(
        url=fields.get("newsreel-asked", target),
        final_url=target,
        fetched_at=datetime.fromisoformat(fields["warc-date"]),
        status=int(status[9:12]) if is_response else 304,
        content_type=headers.get("content-type"),
        validators=Validators(headers.get("etag") or None, headers.get("last-modified") or None),
        body=body if is_response else None,
        digest=found if is_response else None,
        is_cut="warc-truncated" in fields,
        is_pushed=is_pushed,
        head=head,
    )
    return KeptCapture(
        feed=fields["newsreel-feed"],
        polled_at=datetime.fromisoformat(fields["newsreel-polled-at"]),
        kind=kind,
        capture=capture,
        digest=found,
        is_private=is_private,
        selectors=_selectors_in(fields.get("newsreel-selectors")),
    )


def _selectors_in(text: str | None) -> dict[str, str]:
    selectors = json.loads(text) if text else {}
    if not isinstance(selectors, dict):
        raise ValueError(f"not selectors: {text!r:.60}")
    return {name: css for name, css in selectors.items() if isinstance(css, str)}


def _fields_in(lines: Iterable[bytes], encoding: str = "utf-8") -> dict[str, str]:
    """Return fields by names in lower case; repeated ones are joined, folded ones unfolded."""
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        text = line.decode(encoding, "replace")
        if text[:1] in {" ", "\t"} and name:
            found[name] = f"{found[name]} {text.strip()}".strip()
            continue
        name, colon, value = text.partition(":")
        name = name.strip().lower() if colon else ""
        if name:
            value = value.strip()
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found
