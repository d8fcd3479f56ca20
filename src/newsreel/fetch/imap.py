"""A session with an IMAP server that only reads, on a socket that somebody else opened."""

import imaplib
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

LONGEST_LINE = 1_000_000
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_RECEIVED = re.compile(rb'\bINTERNALDATE "([^"]{1,40})"')


class Refused(Exception):
    """User and password are not accepted."""


class NoMailbox(Exception):
    """There is no such mailbox, or it may not be read."""


class NotImap(Exception):
    """What answers does not speak IMAP as it should."""


@dataclass(frozen=True, slots=True)
class State:
    """A mailbox: how many messages it holds, and the numbers that tell whether others came."""

    count: int
    validity: int | None
    next_uid: int | None

    @property
    def etag(self) -> str | None:
        """What stays the same while nothing comes or goes; None where the server does not say."""
        if self.validity is None or self.next_uid is None:
            return None
        return f"{self.validity}:{self.next_uid}:{self.count}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A message: its number, its size in bytes, and when it was received, as the server says."""

    uid: int
    size: int
    received: str | None


class Session:
    """What is asked of a server; ``most_bytes`` bounds all that it may say.

    Raises:
        NotImap: it does not speak IMAP, or says too much.
        OSError: the connection broke.
    """

    def __init__(self, line: socket.socket, host: str, *, most_bytes: int) -> None:
        try:
            self._imap = _Imap(line, host, most_bytes)
        except imaplib.IMAP4.error as error:
            raise NotImap("no greeting of a mail server") from error

    def log_in(self, user: str, password: str) -> None:
        """Say who asks, where the server does not know it already (RFC 9051, 7.1.4: PREAUTH).

        Raises:
            Refused: that is not accepted.
        """
        if self._imap.state == "AUTH":
            return
        pair = f"\0{user}\0{password}".encode()
        try:
            if "AUTH=PLAIN" in self._imap.capabilities:
                self._imap.authenticate("PLAIN", lambda _: pair)
            else:
                self._imap.login(user, password)
        except imaplib.IMAP4.abort as error:
            raise NotImap("it hung up") from error
        except (imaplib.IMAP4.error, UnicodeError) as error:
            raise Refused from error

    def examine(self, name: str) -> State:
        """Open a mailbox for reading.

        Raises:
            NoMailbox: there is none of that name.
        """
        self._asked("select", quoted(name), readonly=True, refusal=NoMailbox)
        return State(
            count=self._number("EXISTS") or 0,
            validity=self._number("UIDVALIDITY"),
            next_uid=self._number("UIDNEXT"),
        )

    def listed(self, first: int) -> list[Listed]:
        """Return the messages from the ``first`` on, in their order."""
        answers = self._asked("fetch", f"{first}:*", "(UID RFC822.SIZE INTERNALDATE)")
        found = []
        for answer in answers:
            line = answer if isinstance(answer, bytes) else b""
            uid, size = _UID.search(line), _SIZE.search(line)
            if uid and size:
                received = _RECEIVED.search(line)
                at = received[1].decode("ascii", "replace").strip() if received else None
                found.append(Listed(int(uid[1]), int(size[1]), at and at.replace("-", " ", 2)))
        return sorted(found, key=lambda one: one.uid)

    def bodies(self, uids: Iterable[int], *, most_bytes: int) -> dict[int, bytes]:
        """Return messages by their numbers, as far as ``most_bytes``; none is marked as read."""
        wanted = ",".join(map(str, uids))
        if not wanted:
            return {}
        what = f"(UID BODY.PEEK[]<0.{most_bytes}>)"
        answers = [*self._asked("uid", "FETCH", wanted, what), b""]
        found = {}
        for index, answer in enumerate(answers):
            if isinstance(answer, tuple):
                after = answers[index + 1]
                # The number may stand before the message or after it.
                uid = _UID.search(answer[0]) or _UID.search(
                    after if isinstance(after, bytes) else b""
                )
                if uid:
                    found[int(uid[1])] = bytes(answer[1])
        return found

    def log_out(self) -> None:
        """Say good-bye, whatever the server makes of it."""
        try:
            self._imap.logout()
        except (imaplib.IMAP4.error, OSError):
            return

    def _asked(
        self,
        verb: str,
        *arguments: str,
        refusal: type[Exception] | None = None,
        **options: bool,
    ) -> list[bytes | tuple[bytes, bytes]]:
        try:
            status, found = getattr(self._imap, verb)(*arguments, **options)
        except imaplib.IMAP4.abort as error:
            raise NotImap("it hung up, or said too much") from error
        except imaplib.IMAP4.error as error:
            raise (refusal or NotImap)("it does not answer as it should") from error
        if status != "OK":
            raise (refusal or NotImap)("it does not do what was asked")
        return list(found)

    def _number(self, name: str) -> int | None:
        found = self._imap.response(name)[1]
        last = found[-1] if found else None
        return int(last) if isinstance(last, bytes) and last.isdigit() else None


class _Imap(imaplib.IMAP4):
    """The standard library's client on a given socket, with a limit on all that is read."""

    def __init__(self, line: socket.socket, host: str, most_bytes: int) -> None:
        self._line, self._left = line, most_bytes
        self._stream = line.makefile("rb")
        super().__init__(host)

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        """Take the socket that is there."""
        del port, timeout
        self.host, self.sock = host, self._line

    def read(self, size: int) -> bytes:
        """Read so many bytes of a message."""
        self._count(size)
        data = self._stream.read(size)
        if len(data) < size:
            raise self.abort("it hung up")
        return data

    def readline(self) -> bytes:
        """Read a line."""
        data = self._stream.readline(LONGEST_LINE + 1)
        self._count(len(data))
        if len(data) > LONGEST_LINE:
            raise self.abort("a line without end")
        return data

    def send(self, data: "Buffer") -> None:
        """Send."""
        self._line.sendall(data)

    def shutdown(self) -> None:
        """Leave the socket to its owner."""
        self._stream.close()

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise self.abort("it says too much")


def quoted(name: str) -> str:
    """Return a mailbox's name as IMAP wants it: quoted, in modified UTF-7 (RFC 3501, 5.1.3)."""
    parts = re.split(r"([^\x20-\x7e]+)", name.replace("&", "&-"))
    coded = [_utf_7(part) if index % 2 else part for index, part in enumerate(parts)]
    return '"' + "".join(coded).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _utf_7(text: str) -> str:
    from base64 import b64encode

    coded = b64encode(text.encode("utf-16-be")).decode().rstrip("=")
    return "&" + coded.replace("/", ",") + "-"
