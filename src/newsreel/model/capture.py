"""One exchange with a source: what was asked, what came back, or why nothing did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class FaultKind(StrEnum):
    """Why a poll brought nothing, in words that stay the same."""

    REFUSED_ADDRESS = "refused-address"
    BAD_ADDRESS = "bad-address"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    HTTP = "http"
    CHALLENGE = "challenge"
    TOO_MANY_REDIRECTS = "too-many-redirects"
    BAD_ENCODING = "bad-encoding"
    PROXY = "proxy"
    ROBOTS = "robots"
    NOT_A_FEED = "not-a-feed"
    NO_ENTRIES = "no-entries"
    MISSING = "missing"
    LOGIN = "login"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why, in a stable word, and what was found."""

    kind: FaultKind
    detail: str = ""
    status: int | None = None

    @property
    def reason(self) -> str:
        """The stable word of gaps and listings: ``timeout``, ``http-503``."""
        return f"http-{self.status}" if self.kind is FaultKind.HTTP else self.kind.value


@dataclass(frozen=True, slots=True)
class Validators:
    """ETag and Last-Modified, byte for byte as received (RFC 9110, 8.8)."""

    etag: str | None = None
    last_modified: str | None = None

    def __bool__(self) -> bool:
        """Tell whether a conditional request can be made."""
        return bool(self.etag or self.last_modified)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One step of an exchange: a host that was asked, or was to be.

    ``addresses`` are what its name was found to mean (empty: it was not looked up), ``ip`` the one
    that answered. ``request`` and ``head`` are what was (to be) sent and the head of what came, as
    they go over the wire (with credentials!).
    """

    url: str
    addresses: tuple[str, ...] = ()
    ip: str | None = None
    status: int | None = None
    request: bytes = field(default=b"", repr=False)
    head: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One exchange with a source.

    ``url`` is what was asked, ``final_url`` what answered; ``permanent_url`` is where a chain of
    only 301 and 308 leads. ``body`` is decoded from its transfer and content encodings, and None
    unless the status is 200; ``digest`` is its SHA-256. ``is_cut`` says that a limit ended the
    body early. ``request`` and ``head`` are what was sent and the head of the answer, both as they
    went over the wire (with credentials!), and empty where nothing came. ``hops`` are all steps on
    the way, the last one included. ``is_pushed``: nobody was asked, a hub sent the body.
    """

    url: str
    final_url: str
    fetched_at: datetime
    status: int | None = None
    content_type: str | None = None
    validators: Validators = Validators()
    max_age: timedelta | None = None
    retry_after: timedelta | None = None
    permanent_url: str | None = None
    body: bytes | None = None
    digest: bytes | None = None
    is_cut: bool = False
    is_pushed: bool = False
    fault: Fault | None = None
    elapsed: timedelta = timedelta()
    request: bytes = field(default=b"", compare=False, repr=False)
    head: bytes = field(default=b"", compare=False, repr=False)
    hops: tuple[Hop, ...] = field(default=(), compare=False, repr=False)

    @property
    def is_not_modified(self) -> bool:
        """The publisher says that nothing changed."""
        return self.status == 304 and self.fault is None


class KeptAs(StrEnum):
    """How a capture is kept: with its body, or as a note that the body was the one before."""

    RESPONSE = "response"
    NOT_MODIFIED = "server-not-modified"
    IDENTICAL = "identical-payload-digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCapture:
    """A capture as it is kept.

    ``feed`` names its feed: by the first address, or, where that holds user and password, by the
    address's digest. ``polled_at`` is when the poll counts as made: what it brought bears that
    time. ``digest`` is that of the body, which stands here only in a RESPONSE. ``selectors`` are
    those by which a page was read, by name; none where it was read as a feed.
    """

    feed: str
    polled_at: datetime
    kind: KeptAs
    capture: Capture
    digest: bytes | None
    is_private: bool = False
    selectors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureLine:
    """Where a kept capture lies, and what it is: one line of an index."""

    feed: str
    polled_at: datetime
    kind: KeptAs
    digest: bytes | None
    url: str
    fetched_at: datetime
    status: int
    content_type: str | None
    file: str
    offset: int
    length: int
