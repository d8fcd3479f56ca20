"""A little publisher: a real HTTP server on a loopback socket, in a thread of its own.

    with Publisher() as publisher:
        url = publisher.put("/feed.xml", "<rss>…</rss>")
        …
        publisher.put("/feed.xml", "<rss>changed</rss>")
        publisher.answer("/feed.xml", fail(500))
        assert publisher.requests[-1].headers["if-none-match"] == publisher.etag("/feed.xml")

A page has an ETag made from its body unless told otherwise, and answers conditional requests. What
else a publisher may do to its readers are answers: redirect, fail, hang, slow, drip, truncated,
reset, endless, endless_headers, bomb, raw.
"""

import asyncio
import gzip
import ssl
import threading
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Self

from closing import close

RSS = "application/rss+xml; charset=utf-8"


@dataclass(frozen=True)
class Seen:
    """One request as it came; names of headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes
    body: bytes = b""


@dataclass
class Exchange:
    """What an answer is written with."""

    request: Seen
    writer: asyncio.StreamWriter
    closing: asyncio.Event

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, status: int, headers: Mapping[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in headers.items())]
        await self.send("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))

    async def pause(self, seconds: float | None = None) -> bool:
        """Wait, but not longer than the publisher is open; tell whether it still is."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.closing.wait(), seconds)
        return not self.closing.is_set()


Answer = Callable[[Exchange], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Page:
    """An ordinary page.

    ``etag`` "" makes one from the body, None sends none; ``encoding``: gzip, br, zstd, deflate.
    """

    body: bytes
    content_type: str = RSS
    status: int = 200
    etag: str | None = ""
    last_modified: str | None = None
    encoding: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str | None:
        return f'"{sha256(self.body).hexdigest()[:16]}"' if self.etag == "" else self.etag

    def is_known_to(self, request: Seen) -> bool:
        asked = request.headers.get("if-none-match")
        if asked is not None:
            return asked == self.tag
        since = request.headers.get("if-modified-since")
        return since is not None and since == self.last_modified

    async def __call__(self, exchange: Exchange) -> None:
        headers = {"Content-Type": self.content_type, **self.headers}
        if self.tag is not None:
            headers["ETag"] = self.tag
        if self.last_modified is not None:
            headers["Last-Modified"] = self.last_modified
        if self.status == 200 and self.is_known_to(exchange.request):
            await exchange.head(304, headers)
            return
        body = self.body
        if self.encoding is not None:
            headers["Content-Encoding"] = self.encoding
            body = encoded(body, self.encoding)
        headers.setdefault("Content-Length", str(len(body)))
        await exchange.head(self.status, headers)
        await exchange.send(body)


class Publisher:
    """The server. ``requests`` are all that came, ``open`` and ``most_open`` count connections."""

    def __init__(self, host: str = "127.0.0.1", *, certificate: Path | None = None) -> None:
        self.host = host
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate)
        self.port = 0
        self.requests: list[Seen] = []
        self.open = 0
        self.most_open = 0
        self._answers: dict[str, Answer] = {}
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._started = threading.Event()
        self._arrival = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def url(self, path: str = "/", *, host: str | None = None) -> str:
        """Return the address of a path, under another name for this host if one is given."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{host or self.host}:{self.port}{path}"

    def put(
        self,
        path: str,
        body: str | bytes,
        *,
        content_type: str = RSS,
        etag: str | None = "",
        last_modified: str | None = None,
        encoding: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Publish a page (see :class:`Page`), or a new state of it; return its address."""
        page = Page(
            body=body.encode() if isinstance(body, str) else body,
            content_type=content_type,
            etag=etag,
            last_modified=last_modified,
            encoding=encoding,
            headers=headers or {},
        )
        return self.answer(path, page)

    def answer(self, path: str, answer: Answer) -> str:
        """Answer requests for a path so from now on; return its address."""
        self._answers[path] = answer
        return self.url(path)

    def etag(self, path: str) -> str | None:
        """Return the ETag of a page as it stands."""
        page = self._answers[path]
        assert isinstance(page, Page)
        return page.tag

    def wait_for_request(self, path: str) -> None:
        """Wait until a path was asked for."""
        with self._arrival:
            assert self._arrival.wait_for(lambda: self.requests_for(path), timeout=30)

    async def wait_for(self, count: int) -> None:
        """Wait until so many requests have come."""

        def wait() -> None:
            with self._arrival:
                self._arrival.wait_for(lambda: len(self.requests) >= count, timeout=30)

        await asyncio.to_thread(wait)

    def requests_for(self, path: str) -> list[Seen]:
        """Return the requests for one path."""
        return [seen for seen in self.requests if seen.path == path]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._talk(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(accept, self.host, 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._closing.wait()
        await close(server)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self._counted(writer):
            start = await reader.readexactly(1)
            if start == b"\x16":  # a TLS handshake: answered as web servers do
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
            raw = start + await reader.readuntil(b"\r\n\r\n")
            request = _request_in(raw)
            length = int(request.headers.get("content-length", "0"))
            request = replace(request, body=await reader.readexactly(length))
            with self._arrival:
                self.requests.append(request)
                self._arrival.notify_all()
            answer = self._answers.get(request.path) or fail(404)
            await answer(Exchange(request, writer, self._closing))

    @asynccontextmanager
    async def _counted(self, writer: asyncio.StreamWriter) -> AsyncIterator[None]:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                yield
        finally:
            self.open -= 1
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


def encoded(body: bytes, encoding: str) -> bytes:
    """Return a body in a content encoding; one that is not known leaves it as it is."""
    if encoding == "gzip":
        return gzip.compress(body, mtime=0)
    if encoding == "deflate":
        return zlib.compress(body)
    if encoding == "br":
        return bytes(import_module("brotli").compress(body, quality=4))
    if encoding == "zstd":
        return bytes(import_module("backports.zstd").compress(body))
    return body


def fail(status: int, body: str = "no", **headers: str) -> Answer:
    """Answer with an error; ``Retry_After="120"`` is a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = named.pop("Content-Type", "text/plain")
    return Page(body=body.encode(), status=status, etag=None, headers=named, content_type=kind)


def redirect(to: str, status: int = 301) -> Answer:
    """Send the reader elsewhere."""
    return fail(status, Location=to)


def raw(data: bytes) -> Answer:
    """Send these bytes, head and all, and hang up."""

    async def answer(exchange: Exchange) -> None:
        await exchange.send(data)

    return answer


def hang() -> Answer:
    """Take the request and never answer."""

    async def answer(exchange: Exchange) -> None:
        await exchange.pause()

    return answer


def slow(seconds: float, then: Answer) -> Answer:
    """Answer late."""

    async def answer(exchange: Exchange) -> None:
        if await exchange.pause(seconds):
            await then(exchange)

    return answer


def stall(body: bytes) -> Answer:
    """Send a part of a larger body, and then nothing more."""

    async def answer(exchange: Exchange) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {RSS}\r\nContent-Length: {10 * len(body)}\r\n"
        await exchange.send(head.encode() + b"\r\n" + body)
        await exchange.closing.wait()

    return answer


def drip(body: bytes = b"<rss/>" * 1000, *, every: float = 0.05) -> Answer:
    """Send the body a byte at a time."""

    async def answer(exchange: Exchange) -> None:
        await exchange.head(200, {"Content-Type": RSS, "Content-Length": str(len(body))})
        for byte in body:
            if not await exchange.pause(every):
                return
            await exchange.send(bytes((byte,)))

    return answer


def truncated(body: bytes, at: int, *, encoding: str = "identity") -> Answer:
    """Promise the whole body, send ``at`` bytes of it and hang up."""

    async def answer(exchange: Exchange) -> None:
        data = encoded(body, encoding)
        head = {"Content-Type": RSS, "Content-Length": str(len(data)), "ETag": '"whole"'}
        await exchange.head(200, {**head, "Content-Encoding": encoding})
        await exchange.send(data[:at])

    return answer


def reset() -> Answer:
    """Break the connection without a word."""

    async def answer(exchange: Exchange) -> None:
        exchange.writer.transport.abort()

    return answer


def endless(start: bytes = b"<rss>", chunk: bytes = b" " * 65536) -> Answer:
    """Send a body that has no end."""

    async def answer(exchange: Exchange) -> None:
        await exchange.head(200, {"Content-Type": RSS})
        await exchange.send(start)
        while not exchange.closing.is_set():
            await exchange.send(chunk)
            await asyncio.sleep(0)

    return answer


def endless_headers() -> Answer:
    """Send a head that has no end."""

    async def answer(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 -\r\n")
        while not exchange.closing.is_set():
            await exchange.send(b"X-More: " + b"x" * 500 + b"\r\n")
            await asyncio.sleep(0)

    return answer


def bomb(encoding: str = "gzip", *, size: int = 60_000_000) -> Answer:
    """Send few bytes that unpack to many."""
    start = b"<rss>"
    return Page(body=start + bytes(size), encoding=encoding, etag='"bomb"')


def _request_in(raw: bytes) -> Seen:
    lines = raw.decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return Seen(method, path, headers, raw)
