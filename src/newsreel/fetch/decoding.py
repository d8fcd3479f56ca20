"""Content encodings undone piece by piece, so that no limit is passed before it is noticed."""

import sys
import zlib
from importlib import import_module
from typing import Any, Protocol

# A body may consist of several compressed members; thousands of empty ones only burn time.
MOST_MEMBERS = 100
# RFC 9659: the window is at most 8 MB, or else it is a bomb of its own.
ZSTD_WINDOW_LOG = 23


class BadEncoding(Exception):
    """The bytes are not what Content-Encoding says."""


class Decoder(Protocol):
    """Undoes one content encoding."""

    def decode(self, data: bytes, room: int) -> bytes:
        """Return what ``data`` holds, but hardly more than ``room`` bytes (at least 1)."""

    def is_complete(self) -> bool:
        """Tell whether the encoded data came to its own end."""


def decoder_for(encoding: str, start: bytes) -> Decoder:
    """Return what undoes a Content-Encoding, given the first bytes of the body.

    Some servers announce an encoding and send plain data: that is taken as it is.

    Raises:
        BadEncoding: the encoding is not known here.
    """
    match encoding.strip().lower():
        case "" | "identity" | "none" | "utf-8":
            return Plain()
        case "gzip" | "x-gzip":
            return Zlib(31) if start[:1] == b"\x1f" else Plain()
        case "deflate":
            return Zlib(15 if start[:1] and start[0] & 0x0F == 8 else -15)
        case "br":
            return Brotli()
        case "zstd":
            return Zstandard() if start[:1] == b"\x28" else Plain()
        case other:
            raise BadEncoding(f"no such content encoding here: {other[:40]!r}")


class Plain:
    """No encoding."""

    def decode(self, data: bytes, room: int) -> bytes:
        """Return the data."""
        return data[:room]

    def is_complete(self) -> bool:
        """Return True: plain data has no end of its own."""
        return True


class Zlib:
    """gzip (RFC 1952) and deflate, the latter as zlib data or, as some servers do, raw."""

    def __init__(self, window_bits: int) -> None:
        self._window_bits = window_bits
        self._inner = zlib.decompressobj(window_bits)
        self._members = 1

    def decode(self, data: bytes, room: int) -> bytes:
        """Return what the members in ``data`` hold."""
        out = b""
        try:
            while data and len(out) < room:
                if self._inner.eof:
                    # gzip is sometimes padded with zeros, or followed by what is no member.
                    if data[:1] != b"\x1f" or self._members >= MOST_MEMBERS:
                        break
                    self._inner = zlib.decompressobj(self._window_bits)
                    self._members += 1
                out += self._inner.decompress(data, room - len(out))
                data = self._inner.unused_data
        except zlib.error as error:
            raise BadEncoding(str(error)) from None
        return out

    def is_complete(self) -> bool:
        """Tell whether the last member came to its end."""
        return self._inner.eof


class Brotli:
    """br (RFC 7932)."""

    def __init__(self) -> None:
        brotli: Any = import_module("brotli")  # late: few feeds come so
        self._inner = brotli.Decompressor()
        self._error = brotli.error

    def decode(self, data: bytes, room: int) -> bytes:
        """Return what ``data`` holds."""
        try:
            out: bytes = self._inner.process(data, output_buffer_limit=room)
            # What did not fit stays inside, and has to be drawn out before more goes in.
            while len(out) < room and not self._inner.can_accept_more_data():
                out += self._inner.process(b"", output_buffer_limit=room - len(out))
        except self._error as error:
            raise BadEncoding(str(error)) from None
        return out

    def is_complete(self) -> bool:
        """Tell whether the stream came to its end."""
        return bool(self._inner.is_finished())


class Zstandard:
    """zstd (RFC 8878)."""

    def __init__(self) -> None:
        newer = sys.version_info >= (3, 14)
        self._zstd: Any = import_module("compression.zstd" if newer else "backports.zstd")
        self._inner = self._new()
        self._members = 1

    def decode(self, data: bytes, room: int) -> bytes:
        """Return what the frames in ``data`` hold."""
        out = b""
        try:
            while data and len(out) < room:
                if self._inner.eof:
                    if self._members >= MOST_MEMBERS:
                        break
                    self._inner = self._new()
                    self._members += 1
                out += self._inner.decompress(data, room - len(out))
                data = self._inner.unused_data if self._inner.eof else b""
        except self._zstd.ZstdError as error:
            raise BadEncoding(str(error)) from None
        return out

    def is_complete(self) -> bool:
        """Tell whether the last frame came to its end."""
        return bool(self._inner.eof)

    def _new(self) -> Any:  # noqa: ANN401 - from one of two modules
        window = self._zstd.DecompressionParameter.window_log_max
        return self._zstd.ZstdDecompressor(options={window: ZSTD_WINDOW_LOG})
