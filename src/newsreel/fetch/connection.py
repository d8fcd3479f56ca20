"""Connections: to an address that was checked, in plain or under TLS."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import cast

from newsreel.fetch import guard

# A reader who is slower than the publisher makes it wait, beyond this many bytes.
HIGH_WATER = 262_144
# RFC 8305, "Happy Eyeballs": when to try the next address of a host that does not answer.
ATTEMPT_DELAY = 0.25
LOOKUPS_AT_ONCE = 32
LOOKUP_LASTS = 60.0

Lookup = Callable[[str], Awaitable[Sequence[str]]]
Found = list[str] | OSError


class HungUp(ConnectionError):
    """The other side closed the connection when more was to come."""


class Connection(asyncio.Protocol):
    """One connection, read in pieces as they come."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._is_paused = False
        self._is_over = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Keep what came until it is read."""
        self._pieces.append(data)
        self._held += len(data)
        if self._held > HIGH_WATER and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """Note the end; the transport closes itself."""
        self._is_over = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end, and why."""
        if not self._is_over:
            self._is_over, self._error = True, exc
        self._wake()

    def write(self, data: bytes) -> None:
        """Send."""
        assert self._transport is not None
        self._transport.write(data)

    async def read(self) -> bytes:
        """Return the next piece, and nothing at the end.

        Raises:
            OSError: the connection broke.
        """
        while not self._pieces:
            if self._is_over:
                if self._error is not None:
                    raise HungUp(str(self._error)) from self._error
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        piece = self._pieces.popleft()
        self._held -= len(piece)
        if self._is_paused and not self._held and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return piece

    @property
    def ip(self) -> str | None:
        """The address at the other end, None once nobody is there any more."""
        peer = self._transport.get_extra_info("peername") if self._transport else None
        return str(peer[0]) if peer else None

    def put_back(self, data: bytes) -> None:
        """Let the next read return this."""
        if data:
            self._pieces.appendleft(data)
            self._held += len(data)

    async def secure(self, host: str) -> None:
        """Go on under TLS, with the host at the other end of a tunnel.

        Raises:
            OSError: that can't be done, for example because of its certificate.
        """
        if self._transport is None or self._pieces or self._is_over:
            raise HungUp("no tunnel")
        self._transport = await asyncio.get_running_loop().start_tls(
            self._transport, self, tls_context(), server_hostname=host.rstrip(".")
        )

    def close(self) -> None:
        """Close at once: nobody waits for the other side's good-bye."""
        if self._transport is not None:
            self._transport.abort()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Names:
    """Host names looked up by the system, each once in a while, in threads of their own.

    That a name is not known is remembered as well, for all feeds of a host ask the same.
    The event loop's own threads are few: some name servers that don't answer would stop them all.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS_AT_ONCE, "newsreel-dns")
        self._found: dict[str, tuple[float, asyncio.Future[Found]]] = {}

    async def __call__(self, host: str) -> Sequence[str]:
        """Return the addresses of a host.

        Raises:
            OSError: it has none.
        """
        loop = asyncio.get_running_loop()
        until, found = self._found.get(host, (0.0, None))
        if found is None or until < loop.time():
            if len(self._found) >= 4096:
                self._found.clear()
            found = loop.run_in_executor(self._threads, _addresses_of, host)
            found.add_done_callback(_mark_as_seen)
            self._found[host] = loop.time() + LOOKUP_LASTS, found
        result = await asyncio.shield(found)  # others may be waiting for the same name
        if isinstance(result, OSError):
            raise type(result)(*result.args)  # a new one: raised again and again, it would grow
        return result

    def close(self) -> None:
        """Give up what is still being looked up."""
        self._threads.shutdown(wait=False, cancel_futures=True)


async def connect(
    host: str, port: int, *, is_secure: bool, lookup: Lookup, allow_private: tuple[str, ...]
) -> Connection:
    """Connect to a host, at an address that may be reached.

    The name is looked up here, and it is the address found that is checked and connected to:
    there is no second look-up in between that could give another one.

    Raises:
        RefusedAddress: it has none that may be reached.
        OSError: it can't be reached.
    """
    allowed = await allowed_addresses(host, lookup=lookup, allow_private=allow_private)
    return await open_any(allowed, port, tls_context() if is_secure else None, host)


async def allowed_addresses(
    host: str, *, lookup: Lookup, allow_private: tuple[str, ...]
) -> list[str]:
    """Return the addresses of a host that may be reached; at least one.

    Raises:
        RefusedAddress: it has none that may be reached.
        OSError: it has none at all.
    """
    found = [host] if guard.literal_of(host) is not None else await lookup(host)
    allowed = [ip for ip in found if guard.is_allowed(ip, host=host, allow_private=allow_private)]
    if allowed:
        return allowed
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, "no address")
    raise guard.RefusedAddress(found[0])


async def open_any(
    ips: Sequence[str], port: int, context: ssl.SSLContext | None = None, host: str = ""
) -> Connection:
    """Connect to one of some addresses, unchecked; under TLS with a ``context`` for the host.

    Raises:
        OSError: none can be reached.
    """
    if len(ips) == 1:
        return await _open(ips[0], port, context, host)
    return await _first_open(_interleaved(ips), port, context, host)


@cache
def tls_context() -> ssl.SSLContext:
    """Return the system's certificates; made once, for that takes 30 ms."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


async def _open(ip: str, port: int, context: ssl.SSLContext | None, host: str) -> Connection:
    _, connection = await asyncio.get_running_loop().create_connection(
        Connection,
        ip,
        port,
        ssl=context,
        server_hostname=host.rstrip(".") if context is not None else None,
    )
    return connection


async def _first_open(
    ips: Sequence[str], port: int, context: ssl.SSLContext | None, host: str
) -> Connection:
    """Try one address after the other, waiting for none, and keep the first that opens."""
    attempts: list[asyncio.Task[Connection]] = []
    winner: Connection | None = None
    try:
        for number, ip in enumerate(ips, 1):
            attempts.append(asyncio.create_task(_open(ip, port, context, host)))
            is_last = number == len(ips)
            winner = await _first_of(attempts, None if is_last else ATTEMPT_DELAY)
            if winner is not None:
                return winner
        return await attempts[0]  # all failed: let the first say why
    finally:
        for attempt in attempts:
            attempt.cancel()
        for result in await asyncio.gather(*attempts, return_exceptions=True):
            if isinstance(result, Connection) and result is not winner:
                result.close()


async def _first_of(
    attempts: Sequence[asyncio.Task[Connection]], seconds: float | None
) -> Connection | None:
    """Return the first attempt that succeeds in this time; None once all failed or time is up."""
    loop = asyncio.get_running_loop()
    until = None if seconds is None else loop.time() + seconds
    while pending := [attempt for attempt in attempts if not attempt.done()]:
        left = None if until is None else max(until - loop.time(), 0)
        done, _ = await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            return None
        for attempt in done:
            if attempt.exception() is None:
                return attempt.result()
    return None


def _interleaved(ips: Sequence[str]) -> list[str]:
    """Return addresses with the families in turn, so that a broken IPv6 does not hold up IPv4."""
    six = [ip for ip in ips if ":" in ip]
    four = [ip for ip in ips if ":" not in ip]
    first, second = (six, four) if ":" in ips[0] else (four, six)
    mixed = [ip for pair in zip(first, second, strict=False) for ip in pair]
    return mixed + first[len(second) :] + second[len(first) :]


def _mark_as_seen(found: asyncio.Future[Found]) -> None:
    # Else the loop complains of a failure that nobody waits for any more.
    if not found.cancelled():
        found.exception()


def _addresses_of(host: str) -> Found:
    try:
        infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except OSError as error:
        return error
    return list(dict.fromkeys(str(info[4][0]) for info in infos))
