"""A body read up to a limit, as far as it comes."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from io import BytesIO
from types import TracebackType
from typing import Self

from newsreel.fetch.connection import HungUp
from newsreel.fetch.decoding import BadEncoding, Decoder, decoder_for
from newsreel.fetch.wire import BadHttp, Framing
from newsreel.model.capture import Fault, FaultKind

LARGE = 500_000
STEP = 131_072

Pieces = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Body:
    """A body as far as it came. ``is_cut``: it ends early; ``is_broken``: not by our limit."""

    data: bytes
    is_cut: bool = False
    is_broken: bool = False


class Permit:
    """Leave to hold a large body, of which few are in memory at once; taken when it gets large."""

    def __init__(self, permits: asyncio.Semaphore) -> None:
        self._permits = permits
        self._is_held = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_held:
            self._permits.release()

    async def for_size(self, size: int) -> None:
        """Wait, if a body of this size is a large one."""
        if size > LARGE and not self._is_held:
            await self._permits.acquire()
            self._is_held = True


async def read_body(
    pieces: Pieces, framing: Framing, encoding: str, limit: int, permit: Permit
) -> Body | Fault:
    """Return the body, up to ``limit`` bytes after decompression.

    One that breaks off is returned as far as it came; if nothing came, that is a fault.
    """
    out = BytesIO()  # its value is no second copy, as that of joined pieces is
    try:
        async with aclosing(_decoded(pieces, framing, encoding, limit)) as parts:
            async for part in parts:
                out.write(part)
                if out.tell() > limit:
                    out.truncate(limit)
                    return Body(out.getvalue(), is_cut=True)
                await permit.for_size(out.tell())
    except BadEncoding as error:
        fault = Fault(FaultKind.BAD_ENCODING, str(error))
    except (BadHttp, ConnectionError):
        fault = Fault(FaultKind.PROTOCOL, "the connection broke before any of the body came")
    else:
        return Body(out.getvalue())
    return Body(out.getvalue(), is_cut=True, is_broken=True) if out.tell() else fault


async def _decoded(
    pieces: Pieces, framing: Framing, encoding: str, limit: int
) -> AsyncGenerator[bytes]:
    """Yield the body in parts of bounded size.

    Raises:
        HungUp: it ends too early.
        BadHttp: it is not framed as it should be.
        BadEncoding: it is not encoded as it says.
    """
    decoder: Decoder | None = None
    taken = 0
    while not framing.is_done(is_closed=False):
        piece = await pieces()
        if not piece:
            break
        if data := framing.take(piece):
            taken += len(data)
            decoder = decoder or decoder_for(encoding, data)
            yield decoder.decode(data, STEP)
            while not decoder.is_hungry():
                yield decoder.decode(b"", STEP)
            if taken > limit:
                raise BadEncoding("the compressed body is larger than what it holds")
    if not framing.is_done(is_closed=True):
        raise HungUp
    if decoder is not None and not decoder.is_complete():
        raise BadEncoding("the compressed body is incomplete")
