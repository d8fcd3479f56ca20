"""A real proxy on a loopback socket, in a thread of its own: plain requests and tunnels.

It looks names up in ``names`` (host to address and port), as a proxy somewhere else would.
"""

import asyncio
import threading
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from closing import close

Place = tuple[str, int]


class TestProxy:
    """``heads`` are those of all requests that came; ``answer`` is said to all, if it is set."""

    __test__ = False

    def __init__(self, names: Mapping[str, Place], *, answer: bytes | None = None) -> None:
        self.heads: list[bytes] = []
        self.port = 0
        self._names, self._answer = names, answer
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

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

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._talk(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            task.add_done_callback(lambda _: writer.close())  # one cancelled early never began

        tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._closing.wait()
        await close(server, tasks)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there: asyncio.StreamWriter | None = None
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            if self._answer is not None:
                writer.write(self._answer)
                return
            method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
            parts = urlsplit(target if method != "CONNECT" else f"//{target}")
            back, there = await asyncio.open_connection(*self._place(parts.hostname, parts.port))
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = parts.path + (f"?{parts.query}" if parts.query else "")
                there.write(head.replace(target.encode(), path.encode(), 1))
            await asyncio.gather(_pump(reader, there), _pump(back, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            for one in (writer, there):
                if one is not None:
                    one.close()
                    with suppress(ConnectionError):
                        await one.wait_closed()

    def _place(self, host: str | None, port: int | None) -> Place:
        return self._names.get(f"{host}:{port or 80}") or self._names[host or ""]


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()
