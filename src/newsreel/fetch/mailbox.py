"""Mailboxes as sources, over IMAP (RFC 3501) and TLS, for reading only.

A mailbox is examined and its messages are peeked at: nothing is marked as read. The client is the
standard library's, which blocks: it works in a thread, on a connection to an address that was
checked as every other is, and is cut off when its time is up.
"""

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from newsreel.fetch import guard
from newsreel.fetch.connection import allowed_addresses
from newsreel.fetch.exchange import Means
from newsreel.fetch.faults import fault_of
from newsreel.formats.json_values import JsonObject
from newsreel.formats.local_feed import CONTENT_TYPE, feed_document
from newsreel.formats.mail import item_of_message
from newsreel.model.capture import Capture, Fault, FaultKind, Validators
from newsreel.model.feed import RequestOptions

if TYPE_CHECKING:
    from newsreel.fetch.imap import Listed, Session

NEWEST = 50
MOST_MESSAGES = 500
LARGEST_MESSAGE = 1_000_000
PORTS = {"imap": 143, "imaps": 993}


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where a mailbox is, and whose."""

    host: str
    port: int
    is_secure: bool
    user: str | None
    name: str


def mailbox_of(url: str) -> Mailbox:
    """Return what an address like ``imaps://user@host/INBOX`` (RFC 5092) names.

    Raises:
        ValueError: it names nothing.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("no mailbox")
    return Mailbox(
        host=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        is_secure=parts.scheme == "imaps",
        user=unquote(parts.username) if parts.username else None,
        name=unquote(parts.path.strip("/").partition(";")[0]) or "INBOX",
    )


async def fetch_mailbox(
    url: str, options: RequestOptions, validators: Validators, means: Means
) -> Capture:
    """Return the newest messages of a mailbox as a feed, or why nothing came.

    The newest are the last fifty, and all that came since ``validators``. Where UIDVALIDITY,
    UIDNEXT and the number of messages are the same, no message is asked for.
    """
    parts = urlsplit(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    blank = Capture(url=url, final_url=bare, fetched_at=means.clock())
    host = ""
    try:
        box = mailbox_of(url)
        host = box.host
        if fault := _fault_before(box, options, means):
            return replace(blank, fault=fault)
        async with asyncio.timeout(means.policy.timeout.total_seconds()):
            return await _asked(blank, box, options, validators, means)
    except TimeoutError:
        seconds = means.policy.timeout.total_seconds()
        return replace(blank, fault=Fault(FaultKind.TIMEOUT, f"not done within {seconds:g} s"))
    except (OSError, ValueError) as error:
        return replace(blank, fault=fault_of(error, host))


def _fault_before(box: Mailbox, options: RequestOptions, means: Means) -> Fault | None:
    """Return why a mailbox can't be asked at all."""
    policy = means.policy
    is_own = guard.is_own(box.host, policy.allow_private)
    if guard.is_disguised(box.host):
        return Fault(FaultKind.REFUSED_ADDRESS, f"an address in disguise: {box.host}")
    if box.port in guard.REFUSED_PORTS - set(PORTS.values()):
        what = f"port {box.port} of {box.host} is not for mail"
        return Fault(FaultKind.REFUSED_ADDRESS, what)
    if not box.is_secure and not is_own:
        what = "no password is sent without encryption: use imaps:"
        return Fault(FaultKind.REFUSED_ADDRESS, what)
    if (policy.proxy or options.proxy) and not is_own:
        return Fault(FaultKind.PROXY, "a mailbox is not asked through a proxy")
    if not (options.user or box.user) or options.password is None:
        return Fault(FaultKind.LOGIN, "no user or no password is known")
    return None


async def _asked(
    blank: Capture, box: Mailbox, options: RequestOptions, validators: Validators, means: Means
) -> Capture:
    ips = await allowed_addresses(
        box.host, lookup=means.lookup, allow_private=means.policy.allow_private
    )
    line = _Line(ips, box, means.policy.timeout)
    talk = _Talk(blank, box, options, validators, means.policy.max_bytes)
    try:
        return await asyncio.to_thread(talk.held, line.open)
    finally:
        line.cut()


class _Line:
    """A socket that can be cut from outside of the thread that uses it."""

    def __init__(self, ips: Sequence[str], box: Mailbox, patience: timedelta) -> None:
        self._ips, self._box = ips, box
        self._seconds = patience.total_seconds()
        self._socket: socket.socket | None = None
        self._is_cut = False

    def open(self) -> socket.socket:
        """Connect to the first address that answers, under TLS.

        Raises:
            OSError: none does.
        """
        failed: OSError | None = None
        for ip in self._ips:
            try:
                plain = socket.create_connection((ip, self._box.port), timeout=self._seconds)
            except OSError as error:
                failed = failed or error
                continue
            return self._kept(plain)
        raise failed or OSError("no address")

    def _kept(self, plain: socket.socket) -> socket.socket:
        self._socket = plain
        try:
            if self._box.is_secure:
                host = self._box.host.rstrip(".")
                self._socket = secure = tls_context().wrap_socket(
                    plain, server_hostname=host, do_handshake_on_connect=False
                )
                secure.do_handshake()
            if self._is_cut:
                raise TimeoutError
        except OSError:
            self._socket.close()
            raise
        return self._socket

    def cut(self) -> None:
        """End it: whoever waits for it is woken by an error."""
        self._is_cut = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


@cache
def tls_context() -> ssl.SSLContext:
    """Return the system's certificates; without the protocols of the web."""
    return ssl.create_default_context()


class _Talk:
    """What is said to a mail server, in a thread."""

    def __init__(
        self,
        blank: Capture,
        box: Mailbox,
        options: RequestOptions,
        validators: Validators,
        most_bytes: int,
    ) -> None:
        self._blank, self._box, self._options = blank, box, options
        self._former, self._most_bytes = validators.etag or "", most_bytes

    def held(self, connect: Callable[[], socket.socket]) -> Capture:
        """Return what the mailbox holds, or why that can't be had.

        Raises:
            OSError: the connection broke.
        """
        from newsreel.fetch.imap import NoMailbox, NotImap, Refused, Session

        try:
            with contextlib.closing(connect()) as line:
                session = Session(line, self._box.host, most_bytes=2 * self._most_bytes)
                user = self._options.user or self._box.user or ""
                session.log_in(user, self._options.password or "")
                capture = self._read(session)
                session.log_out()
                return capture
        except Refused:
            return self._failed(FaultKind.LOGIN, "user and password are not accepted")
        except NoMailbox:
            return self._failed(FaultKind.MISSING, "no such mailbox, or it may not be read")
        except NotImap as error:
            return self._failed(FaultKind.PROTOCOL, f"{self._box.host}: {error}")
        except ssl.SSLError:  # of certificates it is a ValueError too
            raise
        except ValueError:  # letters or numbers that the standard library's client can't read
            return self._failed(FaultKind.PROTOCOL, f"{self._box.host}: it does not make sense")
        except (BrokenPipeError, ConnectionResetError):
            return self._failed(FaultKind.PROTOCOL, f"{self._box.host} hung up")

    def _failed(self, kind: FaultKind, detail: str) -> Capture:
        return replace(self._blank, fault=Fault(kind, detail))

    def _read(self, session: "Session") -> Capture:
        state = session.examine(self._box.name)
        now = Validators(etag=state.etag)
        if state.etag is not None and state.etag == self._former:
            return replace(self._blank, status=304, validators=now)
        first = max(state.count - MOST_MESSAGES + 1, 1)
        listed = session.listed(first) if state.count else []
        since = self._since(state.validity)
        wanted = listed[-NEWEST:]
        wanted = [one for one in listed[:-NEWEST] if since and one.uid >= since] + wanted
        fitting = _fitting(wanted, self._most_bytes)
        bodies = session.bodies([one.uid for one in fitting], most_bytes=LARGEST_MESSAGE)
        items: list[JsonObject] = [
            item_of_message(
                bodies[one.uid],
                identity=f"{state.validity}.{one.uid}",
                received=one.received,
                is_cut=one.size > LARGEST_MESSAGE,
            )
            for one in reversed(fitting)
            if one.uid in bodies
        ]
        if len(items) < len(fitting):  # what was listed did not come: it is asked for again
            now = Validators()
        whose = self._options.user or self._box.user or ""
        body = feed_document(f"{self._box.name} ({whose}, {self._box.host})", items)
        return replace(
            self._blank,
            status=200,
            content_type=CONTENT_TYPE,
            validators=now,
            body=body,
            digest=sha256(body).digest(),
            is_cut=len(fitting) < len(wanted) or bool(since and first > 1 and wanted == listed),
        )

    def _since(self, validity: int | None) -> int | None:
        """Return the first UID that is new since the last time, None where that is not known."""
        match = re.fullmatch(r"(\d+):(\d+):\d+", self._former)
        return int(match[2]) if match and int(match[1]) == validity else None


def _fitting(messages: Sequence["Listed"], most_bytes: int) -> list["Listed"]:
    """Return the newest messages, as many as fit."""
    left, fitting = most_bytes, []
    for one in reversed(messages):
        left -= min(one.size, LARGEST_MESSAGE)
        if left < 0:
            break
        fitting.append(one)
    return fitting[::-1]
