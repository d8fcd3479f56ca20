"""A body read up to a limit, as far as it comes."""

from dataclasses import dataclass
from io import BytesIO

import aiohttp

from newsreel.fetch.decoding import BadEncoding, Decoder, decoder_for
from newsreel.model.capture import Fault, FaultKind


@dataclass(frozen=True, slots=True)
class Body:
    """A body as far as it came. ``is_cut``: it ends early; ``is_broken``: not by our limit."""

    data: bytes
    is_cut: bool = False
    is_broken: bool = False


async def read_body(response: aiohttp.ClientResponse, limit: int) -> Body | Fault:
    """Return the body, up to ``limit`` bytes after decompression.

    One that breaks off is returned as far as it came; if nothing came, that is a fault.
    """
    out = BytesIO()  # its value is no second copy, as that of joined chunks is
    decoder: Decoder | None = None
    size = raw_size = 0
    try:
        while chunk := await response.content.readany():
            raw_size += len(chunk)
            if decoder is None:
                decoder = decoder_for(response.headers.get("Content-Encoding", ""), chunk)
            size += out.write(decoder.decode(chunk, limit + 1 - size))
            if size > limit or raw_size > limit:
                out.truncate(limit)
                return Body(out.getvalue(), is_cut=True)
    except BadEncoding as error:
        fault = Fault(FaultKind.BAD_ENCODING, str(error))
    except (aiohttp.ClientError, ConnectionError):
        fault = Fault(FaultKind.PROTOCOL, "the connection broke before any of the body came")
    else:
        if decoder is None or decoder.is_complete():
            return Body(out.getvalue())
        fault = Fault(FaultKind.BAD_ENCODING, "the compressed body is incomplete")
    return Body(out.getvalue(), is_cut=True, is_broken=True) if size else fault
