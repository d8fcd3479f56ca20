"""The papers' server: real HTTP on a loopback socket, under the papers' own names.

The socket's port is the system's choice and must not show in an archive, so that every run writes
the same. The papers say ``http://harbourpost.example/feed``; :class:`Visitor` is a client that
finds them at the socket, as a name server and a forwarded port would let it.
"""

import asyncio
import gzip
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC
from email.utils import format_datetime
from hashlib import sha256
from types import TracebackType
from typing import Self

from newsreel.app.clock import Clock
from newsreel.demo.papers import Paper
from newsreel.demo.pictures import picture_of, recording_of
from newsreel.demo.press import changed_at, feed_of
from newsreel.fetch.body import Permit
from newsreel.fetch.client import Client, FetchPolicy, Request
from newsreel.fetch.exchange import CheckHop
from newsreel.fetch.hosts import HostGate
from newsreel.model.capture import Capture

LOOPBACK = "127.0.0.1"
REASONS = {200: "OK", 301: "Moved Permanently", 304: "Not Modified", 404: "Not Found"}


@dataclass(frozen=True, slots=True)
class _Page:
    """What a path holds now."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Publisher:
    """Serves all papers as they stand at the clock's time. ``requests`` counts what was asked."""

    def __init__(self, papers: Iterable[Paper], clock: Clock) -> None:
        self.port = 0
        self.requests = 0
        self._papers = {host: paper for paper in papers for host in paper.hosts()}
        self._clock = clock
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Open the socket."""
        self._server = await asyncio.start_server(self._talk, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        if self._server is not None:
            self._server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = _headers_in(lines[1:])
                self.requests += 1
                page = self._page(headers.get("host", ""), lines[0].split(" ")[1])
                writer.write(_answer(page, headers))
                await writer.drain()
        finally:
            writer.close()

    def _page(self, host: str, path: str) -> _Page:
        host, now = host.partition(":")[0], self._clock()
        paper = self._papers.get(host)
        if paper is None:
            return _Page(404)
        if paper.broken and paper.broken.at <= now < paper.broken.until:
            return _Page(paper.broken.status, b"The presses have stopped.\n")
        if paper.moved and now >= paper.moved.at:
            there = (paper.moved.host, paper.moved.path)
            if (host, path) == (paper.host, paper.path):
                return _Page(301, headers={"Location": self._address(*there)})
            if (host, path) == there:
                return self._feed(paper)
        if (host, path) == (paper.host, paper.path):
            return self._feed(paper)
        return _extra(path)

    def _feed(self, paper: Paper) -> _Page:
        now = self._clock()
        kind, body = feed_of(paper, now)
        changed = format_datetime(changed_at(paper, now).astimezone(UTC), usegmt=True)
        return _Page(200, body, {"Content-Type": kind, "Last-Modified": changed})

    def _address(self, host: str, path: str) -> str:
        return f"http://{host}:{self.port}{path}"


class Visitor(Client):
    """The client, as it would be if the papers' names led to the publisher's socket."""

    def __init__(self, policy: FetchPolicy, *, clock: Clock, port: int) -> None:
        super().__init__(policy, clock=clock, lookup=_loopback)
        self._port = port

    async def fetch(
        self,
        request: Request,
        *,
        gate: HostGate | None = None,
        permit: Permit | None = None,
        check_hop: CheckHop | None = None,
    ) -> Capture:
        """Fetch through the socket; the capture speaks of the papers' own addresses."""
        scheme, _, rest = request.url.partition("://")
        host, slash, path = rest.partition("/")
        there = f"{scheme}://{host}:{self._port}{slash}{path}"
        capture = await super().fetch(
            replace(request, url=there), gate=gate, permit=permit, check_hop=check_hop
        )
        moved = capture.permanent_url
        return replace(
            capture,
            url=request.url,
            final_url=self._public(capture.final_url),
            permanent_url=self._public(moved) if moved else None,
        )

    def _public(self, url: str) -> str:
        return url.replace(f":{self._port}/", "/", 1)


async def _loopback(_: str) -> Sequence[str]:
    return [LOOPBACK]


def _headers_in(lines: Iterable[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}


def _answer(page: _Page, asked: Mapping[str, str]) -> bytes:
    """Write a page out: conditionally where it is a 200, and gzipped where that is understood."""
    status, body, headers = page.status, page.body, dict(page.headers)
    headers.setdefault("Content-Type", "text/plain; charset=utf-8")
    if status == 200:
        headers["ETag"] = f'"{sha256(body).hexdigest()[:16]}"'
        if asked.get("if-none-match") == headers["ETag"]:
            status, body = 304, b""
    if body and "gzip" in asked.get("accept-encoding", ""):
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        body = gzip.compress(body, mtime=0)
    if status != 304:
        headers["Content-Length"] = str(len(body))
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Out of Order')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body


def _extra(path: str) -> _Page:
    """Return a picture, a recording, or nothing."""
    folder, _, name = path.strip("/").partition("/")
    match folder, name.rpartition("."):
        case "pictures", (stem, ".", "svg"):
            return _Page(200, picture_of(stem), {"Content-Type": "image/svg+xml"})
        case "recordings", (stem, ".", "wav"):
            return _Page(200, recording_of(stem), {"Content-Type": "audio/wav"})
        case _:
            return _Page(404, b"Not in this edition.\n")
