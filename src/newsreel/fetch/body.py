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

LARGE = 250_000
"""Bytes."""
FEW = ((LARGE, 4), (1_000_000, 1))
"""Of bodies of so many bytes, so many may be in memory at once."""
STEP = 131_072

Pieces = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Body:
    """A body as far as it came. ``is_cut``: it ends early; ``is_broken``: not by our limit."""

    data: bytes
    is_cut: bool = False
    is_broken: bool = False


class Leave:
    """What is left of the permits for large bodies."""

    def __init__(self) -> None:
        self.steps = [(size, asyncio.Semaphore(count)) for size, count in FEW]

    @property
    def is_taken(self) -> bool:
        """Whether as large a body as there may be is in memory."""
        return self.steps[-1][1].locked()


class Permit:
    """Leave to hold a large body, of which few are in memory at once; taken as it gets large.

    The time that it waits for others counts against no ``deadline``.
    """

    def __init__(self, leave: Leave) -> None:
        self._steps = leave.steps
        self._held = 0
        self.deadline: asyncio.Timeout | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _, permits in self._steps[: self._held]:
            permits.release()
        self._held = 0

    async def for_size(self, size: int) -> None:
        """Wait, if a body of this size is a large one."""
        while self._held < len(self._steps) and size > self._steps[self._held][0]:
            await self._take(self._steps[self._held][1])
            self._held += 1

    async def _take(self, permits: asyncio.Semaphore) -> None:
        if not permits.locked():
            await permits.acquire()
            return
        loop, deadline = asyncio.get_running_loop(), self.deadline
        left = deadline.when() if deadline else None
        started_at = loop.time()
        if deadline is not None:
            deadline.reschedule(None)
        await permits.acquire()
        if deadline is not None and left is not None:
            deadline.reschedule(left + loop.time() - started_at)


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
