"""HTTP/1.1 as bytes (RFC 9112), without I/O: a request to bytes, bytes to an answer.

One request goes over a connection. So nothing can be smuggled in by an answer whose length is read
in two ways, and this reader can afford to forgive what servers get wrong: bare line feeds, lines
that are no header, a missing reason. What has no bound in the standard has one here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

LONGEST_HEAD = 131_072  # some sites send policies of many kilobytes
LONGEST_CHUNK_LINE = 4096
MOST_INTERIM_HEADS = 8
# Header values may hold no control characters but the tab (RFC 9110, 5.5).
CONTROLS = frozenset(chr(code) for code in (*range(32), 127) if code != 9)
BLANKED = str.maketrans(dict.fromkeys(CONTROLS - {"\n"}, " "))
NAME_CHARACTERS = frozenset(
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)


class BadHttp(Exception):
    """What came is not HTTP, or out of bounds."""


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers of an answer: names in lower case, values as sent, read as Latin-1.

    ``raw`` is the head as it came, without the empty line at its end.
    """

    status: int
    headers: Mapping[str, str]
    raw: bytes = field(default=b"", compare=False)


class Framing(Protocol):
    """Tells where a body ends."""

    def take(self, data: bytes) -> bytes:
        """Return what of the data belongs to the body."""

    def is_done(self, *, is_closed: bool) -> bool:
        """Tell whether the body is complete, now that the connection is closed or still open."""


def request_bytes(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """Return the head of a request, with the empty line at its end.

    Raises:
        ValueError: a header can't be written, for example because it holds a line break.
    """
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in headers.items():
        if not name or not NAME_CHARACTERS.issuperset(name) or not CONTROLS.isdisjoint(value):
            raise ValueError(f"not a header: {name[:40]!r}")
        lines.append(f"{name}: {value}")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("latin-1")


class HeadReader:
    """Finds the head of an answer in what arrives; ``rest`` is what came after it."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._interim = 0
        self.rest = b""

    def feed(self, data: bytes) -> Head | None:
        """Return the head once it is there.

        Raises:
            BadHttp: this is no head, or it has no end.
        """
        self._buffer += data
        while (found := self._split()) is not None:
            head = head_of(found)
            if head.status >= 200:
                self.rest = bytes(self._buffer)
                return head
            self._interim += 1
            if self._interim > MOST_INTERIM_HEADS:
                raise BadHttp("no end of interim answers")
        return None

    def _split(self) -> bytes | None:
        buffer, start = self._buffer, max(self._searched - 3, 0)
        end, width = buffer.find(b"\r\n\r\n", start), 4
        bare = buffer.find(b"\n\n", start, end if end >= 0 else len(buffer))
        if bare >= 0:
            end, width = bare, 2
        if end < 0 or end > LONGEST_HEAD:
            if len(buffer) > LONGEST_HEAD:
                raise BadHttp("the head of the answer has no end")
            self._searched = len(buffer)
            return None
        found = bytes(buffer[:end])
        del buffer[: end + width]
        self._searched = 0
        return found


def head_of(data: bytes) -> Head:
    """Return a head; of a repeated header the values are joined, as RFC 9110, 5.3 has it.

    A control character becomes a blank (5.5): no request may hold one, nor every database a NUL.

    Raises:
        BadHttp: it does not begin with a status line.
    """
    lines = data.decode("latin-1").translate(BLANKED).split("\n")
    version, _, rest = lines[0].strip().partition(" ")
    status = rest.lstrip()[:3]
    if not version.upper().startswith("HTTP/") or not (status.isascii() and status.isdigit()):
        raise BadHttp("the answer is not HTTP")
    headers: dict[str, str] = {}
    name = ""
    for line in lines[1:]:
        if line[:1] in {" ", "\t"} and name:  # folded, as long ago
            headers[name] = f"{headers[name]} {line.strip()}".strip()
            continue
        name, colon, value = line.partition(":")
        name = name.strip().lower() if colon else ""
        if name:
            value = value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Head(int(status), headers, data)


def framing_of(head: Head) -> Framing:
    """Return what finds the end of the body (RFC 9112, 6.3)."""
    if head.status in {204, 304}:
        return Length(0)
    if head.headers.get("transfer-encoding", "").lower().rpartition(",")[2].strip() == "chunked":
        return Chunked()
    # Sent twice, it is joined to "5, 5".
    length = head.headers.get("content-length", "").partition(",")[0].strip()
    if length.isascii() and length.isdigit() and len(length) < 19:
        return Length(int(length))
    return UntilClosed()


class Length:
    """A body whose length was announced."""

    def __init__(self, length: int) -> None:
        self._left = length

    def take(self, data: bytes) -> bytes:
        """Return what of the data belongs to the body."""
        if len(data) > self._left:
            data = data[: self._left]
        self._left -= len(data)
        return data

    def is_done(self, *, is_closed: bool) -> bool:  # noqa: ARG002 - see the protocol
        """Tell whether all has come."""
        return not self._left


class UntilClosed:
    """A body that ends with the connection."""

    def take(self, data: bytes) -> bytes:
        """Return the data."""
        return data

    def is_done(self, *, is_closed: bool) -> bool:
        """Tell whether the connection is closed."""
        return is_closed


class Chunked:
    """A body in chunks (RFC 9112, 7.1). Trailers are not read."""

    def __init__(self) -> None:
        self._left = 0  # of the chunk that is being read
        self._line = b""  # the beginning of a size line
        self._is_done = False

    def take(self, data: bytes) -> bytes:
        """Return what of the data belongs to the body.

        Raises:
            BadHttp: a chunk has no size.
        """
        parts = []
        at = 0
        while at < len(data) and not self._is_done:
            if self._left:
                part = data[at : at + self._left]
                parts.append(part)
                self._left -= len(part)
                at += len(part)
                continue
            end = data.find(b"\n", at)
            self._line += data[at : end if end >= 0 else len(data)]
            if len(self._line) > LONGEST_CHUNK_LINE:
                raise BadHttp("the size of a chunk has no end")
            if end < 0:
                break
            at = end + 1
            self._read_size()
        return b"".join(parts)

    def is_done(self, *, is_closed: bool) -> bool:  # noqa: ARG002 - see the protocol
        """Tell whether the last chunk came."""
        return self._is_done

    def _read_size(self) -> None:
        line, self._line = self._line.partition(b";")[0].strip(), b""
        if not line:  # what ends the chunk before
            return
        try:
            self._left = int(line, 16)
        except ValueError:
            raise BadHttp("a chunk has no size") from None
        if self._left < 0:
            raise BadHttp("a chunk has no size")
        self._is_done = not self._left
