"""The server, in a loop that is there already and whose signals are not its own."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from newsreel.errors import UsageError

MOST_CONNECTIONS = 200
SILENCE_SECONDS = 10.0
PATIENCE = 5
"""Seconds that requests under way are given at the end."""

UNIX = "unix:"


class _Protocol(H11Protocol):
    """HTTP with a limit on silence: who holds a connection and asks for nothing is hung up on.

    uvicorn waits for the head of a request for ever, so that few strangers could shut out all.
    """

    _look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Look now and then whether a request is under way."""
        super().connection_made(transport)
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def _look_later(self) -> None:
        self._look = self.loop.call_later(SILENCE_SECONDS, self._hang_up_if_idle)

    def _hang_up_if_idle(self) -> None:
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            self._look_later()
        else:
            self.transport.close()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to whoever runs the loop."""
        yield


@asynccontextmanager
async def serving(app: ASGIApp, listen: str) -> AsyncIterator[str]:
    """Answer at an address (``host:port`` or ``unix:PATH``) for the length of a block.

    Gives the address that was taken. Raises :class:`~newsreel.errors.UsageError` where it can't
    be.
    """
    taken = _taken(listen)
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,  # the tokens of callbacks are secret
        log_level="error",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=PATIENCE,
    )
    server = _Server(config)
    serve = asyncio.create_task(server.serve(sockets=[taken]))
    try:
        while not server.started and not serve.done():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
        yield _name_of(taken, listen)
    finally:
        server.should_exit = True
        await serve
        taken.close()
        _given_back(listen)


def _given_back(listen: str) -> None:
    if listen.startswith(UNIX):
        Path(listen.removeprefix(UNIX)).unlink(missing_ok=True)


def _taken(listen: str) -> socket.socket:
    try:
        if listen.startswith(UNIX):
            return _unix_socket(Path(listen.removeprefix(UNIX)))
        host, _, port = listen.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, int(port)), family=family)
    except OSError as error:
        raise UsageError(
            f"can't listen at {listen}: {error.strerror or error}",
            hint="choose another listen, or stop whoever has it",
        ) from error


def _unix_socket(path: Path) -> socket.socket:
    """Take a path; one that a dead process left there is taken over."""
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with suppress(ConnectionRefusedError, FileNotFoundError):
        found.connect(str(path))
        found.close()
        raise OSError(None, "another process listens there")
    found.close()
    if path.is_socket():
        path.unlink()
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    found.bind(str(path))
    path.chmod(0o666)  # what stands before it runs as another user; nothing here is secret
    found.listen()
    return found


def _name_of(taken: socket.socket, listen: str) -> str:
    if listen.startswith(UNIX):
        return listen
    host, port = taken.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
