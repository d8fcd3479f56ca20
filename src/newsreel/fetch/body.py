"""A body read up to a limit, as far as it comes."""

from dataclasses import dataclass
from io import BytesIO

from newsreel.fetch.connection import Connection
from newsreel.fetch.decoding import BadEncoding, Decoder, decoder_for
from newsreel.fetch.wire import BadHttp, Framing
from newsreel.model.capture import Fault, FaultKind


@dataclass(frozen=True, slots=True)
class Body:
    """A body as far as it came. ``is_cut``: it ends early; ``is_broken``: not by our limit."""

    data: bytes
    is_cut: bool = False
    is_broken: bool = False


async def read_body(
    connection: Connection, start: bytes, framing: Framing, encoding: str, limit: int
) -> Body | Fault:
    """Return the body, up to ``limit`` bytes after decompression; ``start`` of it came already.

    One that breaks off is returned as far as it came; if nothing came, that is a fault.
    """
    out = BytesIO()  # its value is no second copy, as that of joined pieces is
    decoder: Decoder | None = None
    size = raw_size = 0
    piece, is_closed = start, False
    try:
        while True:
            if data := framing.take(piece):
                raw_size += len(data)
                decoder = decoder or decoder_for(encoding, data)
                size += out.write(decoder.decode(data, limit + 1 - size))
                if size > limit or raw_size > limit:
                    out.truncate(limit)
                    return Body(out.getvalue(), is_cut=True)
            if is_closed or framing.is_done(is_closed=False):
                break
            piece = await connection.read()
            is_closed = not piece
    except BadEncoding as error:
        fault = Fault(FaultKind.BAD_ENCODING, str(error))
    except (BadHttp, ConnectionError):
        fault = BROKEN
    else:
        if not framing.is_done(is_closed=is_closed):
            fault = BROKEN
        elif decoder is None or decoder.is_complete():
            return Body(out.getvalue())
        else:
            fault = Fault(FaultKind.BAD_ENCODING, "the compressed body is incomplete")
    return Body(out.getvalue(), is_cut=True, is_broken=True) if size else fault


BROKEN = Fault(FaultKind.PROTOCOL, "the connection broke before any of the body came")
